//! `partner_side_catalog`.

use serde::Deserialize;

use super::{Id, Model, Settings};

/// `partner_side_catalog`: Xsolla asks for the part of the catalog that a user can see.
///
/// Documented
/// [as `personalized-partner-catalog`](https://developers.xsolla.com/webhooks/operation/personalized-partner-catalog/),
/// without the `notification_type` that its sample has. A body without it cannot be parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct PartnerSideCatalog {
    /// The project. Not documented for this type.
    pub settings: Option<Settings>,
    /// The user.
    pub user: Option<CatalogUser>,
}

impl PartnerSideCatalog {
    /// Returns the game's id of the user, from either field. `None` if the user is not logged in.
    #[must_use]
    pub fn user_id(&self) -> Option<&Id> {
        let user = self.user.as_ref()?;
        user.user_id.as_ref().or(user.id.as_ref())
    }
}

impl Model for PartnerSideCatalog {
    const TYPE: &'static str = "partner_side_catalog";
}

/// `user` of a `partner_side_catalog`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct CatalogUser {
    /// The game's id of the user. `null` if the user is not logged in.
    pub user_id: Option<Id>,
    /// The game's id of the user, in older documentation.
    pub id: Option<Id>,
    /// The country: ISO 3166-1 alpha-2. Other codes occur.
    pub country: Option<String>,
    /// The currency of the prices to show: ISO 4217.
    pub currency: Option<String>,
    /// The language of the catalog to show.
    pub locale: Option<String>,
}
