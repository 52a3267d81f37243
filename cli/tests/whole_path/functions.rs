//! The binaries of `functions`: one for each notification type, and `webhook`, `unsigned` and `relay`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use xsolla::NotificationType;

use crate::event_files;
pub use crate::event_files::type_of;

/// The names of all binaries.
pub fn all() -> BTreeSet<String> {
    event_files::functions().into_iter().collect()
}

/// The types that have a binary of their own.
pub fn own_types() -> Vec<NotificationType> {
    all().iter().filter_map(|binary| type_of(binary)).collect()
}

#[test]
fn every_current_type_has_a_binary() {
    for known in NotificationType::ALL.iter().filter(|known| !known.is_deprecated()) {
        // Xsolla sends this type only to the URL of a Backpack integration.
        if *known != NotificationType::MOVE_TO_GAME {
            assert!(own_types().contains(known), "functions/src/bin has no binary for {}", known.name());
        }
    }
}

#[test]
fn every_binary_accepts_the_type_of_its_name() {
    for binary in all().iter().filter(|binary| !["webhook", "unsigned", "relay"].contains(&binary.as_str())) {
        let own_type = type_of(binary).unwrap_or_else(|| panic!("{binary} is not named after a notification type"));
        let accepted = format!("AcceptedTypes::Only(NotificationType::{})", own_type.name().to_uppercase());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../functions/src/bin/{binary}.rs"));
        assert!(fs::read_to_string(path).unwrap().contains(&accepted), "{binary} does not contain {accepted}");
    }
}
