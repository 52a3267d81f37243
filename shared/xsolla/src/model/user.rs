//! `user`.

use serde::Deserialize;

use super::{Id, Personal};

/// `user` of most notifications. [Orders](super::OrderUser) and [disputes](super::DisputeUser) have others.
///
/// Real notifications have about half of these fields. They have only `id` and `country` if "Send only necessary user
/// parameters without sensitive data" is on in Publisher Account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct User {
    /// The game's id of the user.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub id: Option<Id>,
    /// IP address.
    pub ip: Option<Personal>,
    /// Phone number, in international format.
    pub phone: Option<Personal>,
    /// E-mail address.
    pub email: Option<Personal>,
    /// Name.
    pub name: Option<Personal>,
    /// The country: ISO 3166-1 alpha-2. Other codes occur.
    pub country: Option<String>,
    /// Postal code.
    pub zip: Option<Personal>,
}
