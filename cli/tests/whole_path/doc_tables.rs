//! Tables of `docs/` that are snapshots of tests.

use std::fs;
use std::path::Path;

/// Asserts that a page contains exactly the table of a snapshot, between the comments `<!-- table -->` and
/// `<!-- end of table -->`.
pub fn assert_page_shows_snapshot(page: &str, table: &str, snapshot: &str) {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let snapshot = format!("tests/whole_path/snapshots/whole_path__{snapshot}.snap");
    let file = fs::read_to_string(crate_root.join(&snapshot)).unwrap();
    let (_header, contents) = file.trim_start_matches("---\n").split_once("\n---\n").unwrap();
    let expected = format!("<!-- {table} -->\n\n{contents}\n<!-- end of {table} -->");
    let text = fs::read_to_string(crate_root.join("../docs").join(page)).unwrap();
    assert!(text.contains(&expected), "copy the table of cli/{snapshot} to docs/{page}:\n\n{expected}");
}
