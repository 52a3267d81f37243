//! The binaries of `functions`: one for each type, named after it, besides `webhook`, `unsigned` and `relay`.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use xsolla::NotificationType;
use xsolla::samples::{self, Sample};

/// Where the binaries' sources are.
fn sources() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../functions/src/bin")
}

/// The names of all binaries.
pub fn all() -> BTreeSet<String> {
    let name = |entry: fs::DirEntry| entry.path().file_stem().unwrap().to_str().unwrap().to_owned();
    fs::read_dir(sources()).unwrap().map(|entry| name(entry.unwrap())).collect()
}

/// The type that a binary is named after.
pub fn type_of(binary: &str) -> Option<NotificationType> {
    binary.replace('-', "_").parse::<NotificationType>().ok()
}

/// The types that have a binary of their own.
pub fn own_types() -> Vec<NotificationType> {
    all().iter().filter_map(|binary| type_of(binary)).collect()
}

/// The first sample of a type.
pub fn sample_of(own: NotificationType) -> &'static str {
    let is_of_type = |sample: &&Sample| sample.name.split('-').next() == Some(own.name());
    samples::ALL.iter().find(is_of_type).unwrap_or_else(|| panic!("{} has no sample", own.name())).body.trim_end()
}

#[test]
fn every_current_type_has_a_binary() {
    for known in NotificationType::ALL.iter().filter(|known| !known.is_deprecated()) {
        // Sent only to the URL that Xsolla sets up for a Backpack.
        if *known != NotificationType::MOVE_TO_GAME {
            assert!(own_types().contains(known), "functions/src/bin has nothing for {}", known.name());
        }
    }
}

#[test]
fn every_binary_takes_the_type_it_is_named_after() {
    for binary in all().iter().filter(|binary| !["webhook", "unsigned", "relay"].contains(&binary.as_str())) {
        let own = type_of(binary).unwrap_or_else(|| panic!("{binary} is named after no type"));
        let door = format!("AcceptedTypes::Only(NotificationType::{})", own.name().to_uppercase());
        let source = fs::read_to_string(sources().join(format!("{binary}.rs"))).unwrap();
        assert!(source.contains(&door), "{binary} has no {door}");
    }
}
