//! `user_search`.

use serde::Deserialize;

use super::{Id, Model, Personal, Settings};

/// `user_search`: Xsolla asks for the user with a public id.
///
/// Sent where users cannot log in, such as cash kiosks, if "Use public user ID" is on in Publisher Account. Documented among
/// [Xsolla's webhooks](https://developers.xsolla.com/webhooks/).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct UserSearch {
    /// The project.
    pub settings: Option<Settings>,
    /// The user.
    pub user: Option<SearchedUser>,
}

impl Model for UserSearch {
    const TYPE: &'static str = "user_search";
}

/// `user` of a `user_search`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct SearchedUser {
    /// The public id: an e-mail address or a nickname.
    pub public_id: Option<Personal>,
    /// The game's id of the user. Documented as required, but missing in the sample: the answer contains it.
    pub id: Option<Id>,
}
