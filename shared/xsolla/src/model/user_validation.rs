//! `user_validation`.

use serde::Deserialize;

use super::{CustomParameters, Id, Model, Settings, User};

/// `user_validation`: Xsolla asks whether a user exists.
///
/// Sent several times per payment, during the checkout. It is never retried: if the answer is late or wrong, the sale is lost.
/// So even [`user`](Self::user) is optional.
///
/// Documented [as `user-validation`](https://developers.xsolla.com/webhooks/operation/user-validation/).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct UserValidation {
    /// The project. Missing in one documented sample.
    pub settings: Option<Settings>,
    /// The user.
    pub user: Option<User>,
    /// The game's own parameters, if "Send custom parameters" is on in Publisher Account.
    pub custom_parameters: Option<CustomParameters>,
}

impl UserValidation {
    /// Returns the game's id of the user.
    #[must_use]
    pub fn user_id(&self) -> Option<&Id> {
        self.user.as_ref()?.id.as_ref()
    }
}

impl Model for UserValidation {
    const TYPE: &'static str = "user_validation";
}
