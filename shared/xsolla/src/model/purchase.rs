//! `purchase`: the object in payments and refunds.

use rust_decimal::Decimal;
use serde::Deserialize;

use super::{Id, Money, Personal, Subscription, lenient};

/// `purchase`: the goods and their price.
///
/// `virtual_currency`, `virtual_items` and `pin_codes` are from older documentation. In a catalog sale, the goods are in
/// `order` if "Add order object to webhook" is on in Publisher Account. Else only the order's own notification has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Purchase {
    /// The total price.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub total: Option<Money>,
    /// The part without items: a plain amount.
    pub checkout: Option<Money>,
    /// The subscription bought or renewed.
    pub subscription: Option<Subscription>,
    /// The gift, if it was bought for another user.
    pub gift: Option<Gift>,
    /// The coupon used.
    pub coupon: Option<Coupon>,
    /// The promotions used.
    #[serde(deserialize_with = "lenient::list")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::list_schema::<Promotion>"))]
    pub promotions: Vec<Promotion>,
    /// The order.
    pub order: Option<PurchaseOrder>,
    /// Virtual currency bought.
    pub virtual_currency: Option<VirtualCurrency>,
    /// Virtual items bought.
    pub virtual_items: Option<VirtualItems>,
    /// Game keys upgraded. Documented as an object here and as an array in `upgrade_refund`: both are accepted.
    #[serde(deserialize_with = "lenient::one_or_many")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::one_or_many_schema::<PinCode>"))]
    pub pin_codes: Vec<PinCode>,
}

/// `purchase.gift`: one user paid, another receives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Gift {
    /// The game's id of the user who gives.
    pub giver_id: Option<Id>,
    /// The game's id of the user who receives.
    pub receiver_id: Option<Id>,
    /// The receiver's e-mail address.
    pub receiver_email: Option<Personal>,
    /// The giver's message.
    pub message: Option<Personal>,
    /// Whether the giver is anonymous. Documented as a string.
    #[serde(deserialize_with = "lenient::flag")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::flag_schema"))]
    pub hide_giver_from_receiver: Option<bool>,
}

/// `purchase.coupon`, and `coupon` of subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Coupon {
    /// The code.
    pub coupon_code: Option<Id>,
    /// The campaign.
    pub campaign_code: Option<Id>,
}

/// One of `purchase.promotions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Promotion {
    /// The name in Publisher Account.
    pub technical_name: Option<String>,
    /// Xsolla's id.
    pub id: Option<Id>,
}

/// `purchase.order`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct PurchaseOrder {
    /// The id of the order, as in its `order_paid`.
    pub id: Option<Id>,
    /// The lines. Documented as an object, an array in the sample: both are accepted.
    #[serde(deserialize_with = "lenient::one_or_many")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::one_or_many_schema::<LineItem>"))]
    pub lineitems: Vec<LineItem>,
}

/// One of `purchase.order.lineitems`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct LineItem {
    /// The SKU.
    pub sku: Option<Id>,
    /// The number of units.
    #[serde(deserialize_with = "lenient::count")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::count_schema"))]
    pub quantity: Option<u64>,
    /// The price of all units.
    pub price: Option<Money>,
}

/// `purchase.virtual_currency`, from older documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct VirtualCurrency {
    /// The name.
    pub name: Option<String>,
    /// The SKU.
    pub sku: Option<Id>,
    /// The amount of virtual currency.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub quantity: Option<Decimal>,
    /// The currency of the price: ISO 4217.
    pub currency: Option<String>,
    /// The price, in the currency's main unit.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub amount: Option<Decimal>,
}

/// `purchase.virtual_items`, from older documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct VirtualItems {
    /// The items.
    #[serde(deserialize_with = "lenient::list")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::list_schema::<VirtualItem>"))]
    pub items: Vec<VirtualItem>,
    /// The currency of the price: ISO 4217.
    pub currency: Option<String>,
    /// The price of all items, in the currency's main unit.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub amount: Option<Decimal>,
}

/// One of `purchase.virtual_items.items`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct VirtualItem {
    /// The SKU.
    pub sku: Option<Id>,
    /// The number of units, not money.
    #[serde(deserialize_with = "lenient::count")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::count_schema"))]
    pub amount: Option<u64>,
}

/// `purchase.pin_codes`, from older documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct PinCode {
    /// The upgrade from one edition to another.
    pub upgrade: Option<Upgrade>,
}

/// `purchase.pin_codes.upgrade`: one edition of a game exchanged for another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Upgrade {
    /// The previous edition.
    pub digital_content_from: Option<DigitalContent>,
    /// The new edition.
    pub digital_content_to: Option<DigitalContent>,
    /// The currency of the price: ISO 4217.
    pub currency: Option<String>,
    /// The price, in the currency's main unit.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub amount: Option<Decimal>,
}

/// One edition of a game.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct DigitalContent {
    /// The SKU.
    pub digital_content: Option<Id>,
    /// The platform of its keys, such as Steam.
    #[serde(rename = "DRM")]
    pub drm: Option<String>,
}
