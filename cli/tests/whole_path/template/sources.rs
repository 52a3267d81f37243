//! Files of this repository. Source text gives the names that no public item exposes.

use std::fs;
use std::path::{Path, PathBuf};

/// A path relative to the repository's root.
fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(relative)
}

/// The text of one file.
pub fn file(relative: &str) -> String {
    fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// The text of all source files in a folder, without tests.
pub fn code(folder: &str) -> String {
    let mut text = String::new();
    append_code(&path(folder), &mut text);
    assert!(!text.is_empty(), "no sources in {folder}");
    text
}

fn append_code(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_test = path.file_stem().is_some_and(|name| name == "tests");
        if is_test {
            continue;
        }
        if path.is_dir() {
            append_code(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            text.push_str(source.split("#[cfg(test)]\nmod tests {").next().unwrap());
        }
    }
}
