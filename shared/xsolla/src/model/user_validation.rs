//! `user_validation`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{CustomParameters, Id, Model, Settings, User};

/// `user_validation`: Xsolla asks whether a user exists.
///
/// It comes several times per payment, while the user is at the checkout. It is not sent again if the answer is late or
/// wrong, and the sale is lost: this is why even [`user`](Self::user) is optional here.
///
/// Documented [as `user-validation`](https://developers.xsolla.com/webhooks/operation/user-validation/).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct UserValidation {
    /// Which project asks. One documented sample lacks it.
    pub settings: Option<Settings>,
    /// Who is asked about.
    pub user: Option<User>,
    /// The game's own parameters, if "Send custom parameters" is on in Publisher Account.
    pub custom_parameters: Option<CustomParameters>,
}

impl UserValidation {
    /// The game's id of the user who is asked about.
    #[must_use]
    pub fn user_id(&self) -> Option<&Id> {
        self.user.as_ref()?.id.as_ref()
    }
}

impl Model for UserValidation {
    const TYPE: &'static str = "user_validation";
}
