//! Plain-text formatting of command output.

use xsolla::{Goods, GoodsReason};

/// Formats rows as an indented table, one line each. Each column is as wide as its widest cell.
#[must_use]
pub fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    aligned(rows).into_iter().map(|row| row + "\n").collect()
}

/// Formats rows as in [`columns`], without line ends. Replaces control characters, so that a row is always one line.
pub(crate) fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let cell = |(width, cell): (&usize, &String)| format!("{:<width$}", cell.replace(char::is_control, "\u{fffd}"));
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
pub(crate) fn goods_and_reason(goods: Goods, reason: Option<GoodsReason>) -> String {
    reason.map_or_else(|| goods.to_string(), |reason| format!("{goods} ({reason})"))
}

/// Formats a count with its noun: `1 event`, `2 events`.
#[must_use]
pub fn counted(count: usize, singular: &str, plural: &str) -> String {
    format!("{count} {}", if count == 1 { singular } else { plural })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_is_one_line_even_if_a_cell_contains_a_line_end() {
        let rows = [["a\nb", "1"], ["c", "2"]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows), ["  a\u{fffd}b  1", "  c    2"]);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["×", "b"], ["long", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "  ×     b\n  long\n");
    }
}
