//! `user_search`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Id, Model, Personal, Settings};

/// `user_search`: Xsolla asks which user has a name that everybody may know.
///
/// Asked where users cannot be logged in, as at cash kiosks, if "Use public user ID" is on in Publisher Account.
/// Documented among [Xsolla's webhooks](https://developers.xsolla.com/webhooks/).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct UserSearch {
    /// Which project asks.
    pub settings: Option<Settings>,
    /// Who is sought.
    pub user: Option<SoughtUser>,
}

impl Model for UserSearch {
    const TYPE: &'static str = "user_search";
}

/// `user` of a `user_search`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct SoughtUser {
    /// What the user is known by: an e-mail address, a nickname.
    pub public_id: Option<Personal>,
    /// The game's id of the user. Documented as required, and missing in the sample: it is what is asked for.
    pub id: Option<Id>,
}
