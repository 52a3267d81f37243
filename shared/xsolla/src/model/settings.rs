//! `settings`.

use serde::Deserialize;

use super::Id;

/// `settings`: the project in Publisher Account. Numbers in most notifications, strings in some.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Settings {
    /// The project.
    pub project_id: Option<Id>,
    /// The merchant that owns it.
    pub merchant_id: Option<Id>,
}
