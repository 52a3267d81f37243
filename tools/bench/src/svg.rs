//! Bar chart for the README: four figures, one bar per implementation.

use std::fmt::Write;

use crate::figures::Workload;
use crate::implementations::Implementation;
use crate::report::{Figure, Rounds, ratio};

/// Width of a column. All sizes are in pixels.
const COLUMN: f64 = 390.0;
/// Left edge of the bars.
const BARS: f64 = 66.0;
const LONGEST_BAR: f64 = 190.0;
const BAR: f64 = 14.0;
const LINE: f64 = 21.0;

/// Draws the chart. Colors follow the reader's light or dark mode.
pub(crate) fn plot(rounds: &Rounds) -> String {
    let plots = [
        ("CPU per new event", Figure::cpu(rounds, Workload::NewEvent)),
        ("p50 of a new event", Figure::p50(rounds, Workload::NewEvent)),
        ("process start to ready", Figure::ready(rounds)),
        ("peak memory", Figure::peak_memory(rounds)),
    ];
    let group = 30.0 + LINE * count(rounds.len());
    let (width, height) = (2.0 * COLUMN, 2.0 * group + 6.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <style>\n\
         text {{ fill: #1f2328 }} .title {{ font-weight: 600 }} .peer {{ fill: #8c959f }} .this {{ fill: #cf4a1b }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #d1d7e0 }} .peer {{ fill: #656c76 }} .this {{ fill: #f0703c }} }}\n\
         </style>\n"
    );
    for (number, (title, figure)) in plots.iter().enumerate() {
        let left = if number % 2 == 0 { 0.0 } else { COLUMN };
        let top = if number < 2 { 0.0 } else { group };
        bars(&mut svg, (left, top), title, figure);
    }
    svg.push_str("</svg>\n");
    svg
}

fn bars(svg: &mut String, (left, top): (f64, f64), title: &str, figure: &Figure) {
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "<text class=\"title\" x=\"{left}\" y=\"{:.0}\">{title}</text>", top + 16.0);
    let this = figure.value(Implementation::This).unwrap_or_default();
    let values = figure.values.iter().filter_map(|(implementation, value)| Some((*implementation, (*value)?)));
    let largest = values.clone().map(|(_, value)| value).fold(f64::MIN_POSITIVE, f64::max);
    for (number, (implementation, value)) in values.enumerate() {
        let middle = top + 34.0 + LINE * count(number);
        let length = (value / largest * LONGEST_BAR).max(2.0);
        let (class, times) = match implementation {
            Implementation::This => ("this", String::new()),
            _ => ("peer", format!(" · {}", ratio(value, this))),
        };
        let _ = writeln!(
            svg,
            "<text x=\"{left}\" y=\"{text:.1}\">{name}</text>\
             <rect class=\"{class}\" x=\"{bar}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"2\"/>\
             <text x=\"{end:.1}\" y=\"{text:.1}\">{value}{times}</text>",
            text = middle + 4.5,
            name = implementation.name(),
            bar = left + BARS,
            y = middle - BAR / 2.0,
            end = left + BARS + length + 7.0,
            value = figure.unit.show(value),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::rounds;

    #[test]
    fn bar_length_is_proportional_to_value() {
        let plot = plot(&rounds());
        assert_eq!(plot.matches("width=\"190.0\"").count(), 4, "longest bar of each figure: {plot}");
        assert_eq!(plot.matches("width=\"9.5\"").count(), 4, "one twentieth: {plot}");
    }

    #[test]
    fn shows_values_and_ratios() {
        let plot = plot(&rounds());
        for text in [">0.05 ms<", ">1.00 ms · 20 ×<", ">8.0 MB<", ">160.0 MB · 20 ×<"] {
            assert!(plot.contains(text), "{text}: {plot}");
        }
    }

    #[test]
    fn is_well_formed_and_supports_dark_mode() {
        let plot = plot(&rounds());
        assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n"));
        assert_eq!(plot.matches("<text").count(), plot.matches("</text>").count());
        assert!(plot.contains("prefers-color-scheme: dark"));
    }
}
