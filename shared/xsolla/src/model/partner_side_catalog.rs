//! `partner_side_catalog`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Id, Model, Settings};

/// `partner_side_catalog`: Xsolla asks what a user may see of the catalogue.
///
/// Documented
/// [as `personalized-partner-catalog`](https://developers.xsolla.com/webhooks/operation/personalized-partner-catalog/),
/// without the `notification_type` that its sample has. A request without it is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct PartnerSideCatalog {
    /// Which project asks. Not documented for this type.
    pub settings: Option<Settings>,
    /// Who looks at the catalogue.
    pub user: Option<CatalogUser>,
}

impl PartnerSideCatalog {
    /// The game's id of the user who looks, in either of its places. `None` for one who is not logged in.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct CatalogUser {
    /// The game's id of the user; `null` for one who is not logged in.
    pub user_id: Option<Id>,
    /// The same in older documentation.
    pub id: Option<Id>,
    /// Two letters, meant as ISO 3166-1 alpha-2; other codes occur.
    pub country: Option<String>,
    /// In which currency to show prices: three letters of ISO 4217.
    pub currency: Option<String>,
    /// In which language to show the catalogue.
    pub locale: Option<String>,
}
