//! Plain-text formatting of command output.

use std::fmt::Display;

use xsolla::{Goods, GoodsReason};

/// Formats rows as an indented table, one line each. Each column is as wide as its widest cell.
#[must_use]
pub fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    aligned(rows).into_iter().map(|row| row + "\n").collect()
}

/// Makes text from outside safe for a terminal: escapes all characters that have no glyph, except line ends.
///
/// Text from webhooks, queues, files and services can contain terminal escape sequences, and characters that are invisible
/// or change the direction of the text around them. They become `\u{202e}`, as in Rust.
#[must_use]
pub fn printable(text: &str) -> String {
    escaped(text, |char| char == '\n' || has_glyph(char))
}

/// Makes a value from outside safe for a terminal, as [`printable`], and one line: escapes line ends, too.
#[must_use]
pub fn one_line(value: impl Display) -> String {
    escaped(&value.to_string(), has_glyph)
}

fn escaped(text: &str, is_unchanged: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if is_unchanged(char) {
            out.push(char);
        } else {
            out.extend(char.escape_debug());
        }
    }
    out
}

/// Returns whether a character is visible, as the standard library defines it for `Debug`: no control, format, separator,
/// private or unassigned character. The space and accents are visible.
fn has_glyph(char: char) -> bool {
    match char {
        ' '..='~' => true,
        '\0'..='\u{7f}' => false,
        // An accent is shown as it is only after another character.
        char => ['a', char].iter().collect::<String>().escape_debug().count() == 2,
    }
}

/// Formats rows as in [`columns`], without line ends. Each cell is [one line](one_line).
pub(crate) fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(one_line)).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let cell = |(width, cell): (&usize, &String)| format!("{cell:<width$}");
        let cells: Vec<String> = widths.iter().zip(row).map(cell).collect();
        format!("  {}", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Indents each line by four spaces.
pub(crate) fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["    ", line, "\n"]).collect()
}

/// Formats an effect on goods with its reason, if there is one: `info (already_revoked)`.
#[must_use]
pub fn goods_and_reason(goods: Goods, reason: Option<GoodsReason>) -> String {
    reason.map_or_else(|| goods.to_string(), |reason| format!("{goods} ({reason})"))
}

/// Formats a count with its noun: `1 event`, `2 events`.
#[must_use]
pub fn counted(count: usize, singular: &str, plural: &str) -> String {
    format!("{count} {}", if count == 1 { singular } else { plural })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn row_is_one_line_even_if_a_cell_contains_a_line_end() {
        let rows = [["a\nb", "1"], ["c", "2"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), ["  a\\nb  1", "  c     2"]);
    }

    #[rstest]
    #[case::escape("\u{1b}[2J", "\\u{1b}[2J")]
    #[case::bell_and_delete("\u{7}\u{7f}", "\\u{7}\\u{7f}")]
    #[case::carriage_return("paid\rfree", "paid\\rfree")]
    #[case::c1_control_sequence("\u{9b}2J\u{85}", "\\u{9b}2J\\u{85}")]
    #[case::direction_override("\u{202e}dlog", "\\u{202e}dlog")]
    #[case::direction_isolate("\u{2066}a\u{2069}", "\\u{2066}a\\u{2069}")]
    #[case::direction_marks("\u{200e}\u{200f}\u{61c}", "\\u{200e}\\u{200f}\\u{61c}")]
    #[case::zero_width("a\u{200b}b\u{feff}\u{2060}", "a\\u{200b}b\\u{feff}\\u{2060}")]
    #[case::line_separators("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}")]
    #[case::tag_characters("\u{e0041}", "\\u{e0041}")]
    #[case::private_use("\u{e000}", "\\u{e000}")]
    #[case::lone_surrogate_in_json(r#""\ud800""#, r#""\ud800""#)]
    #[case::quotes_and_backslash(r#"'"\"#, r#"'"\"#)]
    #[case::names("Zoë Nguye\u{302}\u{303}n 李 🎮 مريم", "Zoë Nguye\u{302}\u{303}n 李 🎮 مريم")]
    fn characters_without_a_glyph_are_escaped(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(printable(text), expected);
        assert_eq!(one_line(text), expected);
    }

    #[test]
    fn line_ends_remain_in_text_and_not_in_values() {
        assert_eq!(printable("a\n\tb"), "a\n\\tb");
        assert_eq!(one_line("a\n\tb"), "a\\n\\tb");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["×", "b"], ["long", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "  ×     b\n  long\n");
    }
}
