//! Tables of the documentation that are what was tested.

use std::fs;
use std::path::Path;

/// Holds the table of this name, in this file of `docs`, to be as good as this one; or writes it anew, if this variable of the
/// environment is set.
pub fn assert_documented(
    file: &str,
    name: &str,
    table: &str,
    update: &str,
    as_good_as: impl FnOnce(&str, &str) -> bool,
) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file);
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n\n"), format!("\n<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap();
    let (documented, after) = rest.split_once(&end).unwrap();
    if std::env::var_os(update).is_some() {
        fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        let told = format!("docs/{file} says:\n\n{documented}\nseen:\n\n{table}");
        assert!(as_good_as(table, documented), "{told}\n{update}=1 cargo test writes it anew");
    }
}
