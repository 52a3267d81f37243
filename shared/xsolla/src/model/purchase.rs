//! `purchase`: what was bought, as payments tell it.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Id, Money, Personal, Subscription, lenient};

/// `purchase`: what was bought.
///
/// `virtual_currency`, `virtual_items` and `pin_codes` are from older documentation. In a catalogue sale the goods are in
/// `order`, if "Add order object to webhook" is on in Publisher Account, and otherwise only in the order's own
/// notification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Purchase {
    /// The price of everything.
    #[schemars(extend("x-always" = true))]
    pub total: Option<Money>,
    /// The part given as a plain amount.
    pub checkout: Option<Money>,
    /// The subscription bought or renewed.
    pub subscription: Option<Subscription>,
    /// For whom else it was bought.
    pub gift: Option<Gift>,
    /// The coupon used.
    pub coupon: Option<Coupon>,
    /// The promotions that applied.
    #[serde(deserialize_with = "lenient::list")]
    #[schemars(schema_with = "lenient::list_schema::<Promotion>")]
    pub promotions: Vec<Promotion>,
    /// The order's lines.
    pub order: Option<PurchaseOrder>,
    /// Virtual currency bought.
    pub virtual_currency: Option<VirtualCurrency>,
    /// Virtual items bought.
    pub virtual_items: Option<VirtualItems>,
    /// Game keys upgraded. Documented as an object here and as an array in `upgrade_refund`: either is read.
    #[serde(deserialize_with = "lenient::one_or_many")]
    #[schemars(schema_with = "lenient::one_or_many_schema::<PinCode>")]
    pub pin_codes: Vec<PinCode>,
}

/// `purchase.gift`: one user paid, another receives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Gift {
    /// The game's id of the user who gives.
    pub giver_id: Option<Id>,
    /// The game's id of the user who receives.
    pub receiver_id: Option<Id>,
    /// The receiver's e-mail address.
    pub receiver_email: Option<Personal>,
    /// What the giver wrote.
    pub message: Option<Personal>,
    /// Whether the receiver must not learn who gave. A string in the documentation, a yes or no in meaning.
    #[serde(deserialize_with = "lenient::flag")]
    #[schemars(schema_with = "lenient::flag_schema")]
    pub hide_giver_from_receiver: Option<bool>,
}

/// `purchase.coupon`, and `coupon` of subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Coupon {
    /// What the user typed.
    pub coupon_code: Option<Id>,
    /// The campaign that it belongs to.
    pub campaign_code: Option<Id>,
}

/// One of `purchase.promotions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Promotion {
    /// Its name in Publisher Account.
    pub technical_name: Option<String>,
    /// Xsolla's id.
    pub id: Option<Id>,
}

/// `purchase.order`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct PurchaseOrder {
    /// The order's id: that of its `order_paid`.
    pub id: Option<Id>,
    /// Its lines. Documented as an object, sampled as an array: either is read.
    #[serde(deserialize_with = "lenient::one_or_many")]
    #[schemars(schema_with = "lenient::one_or_many_schema::<LineItem>")]
    pub lineitems: Vec<LineItem>,
}

/// One of `purchase.order.lineitems`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct LineItem {
    /// The item.
    pub sku: Option<Id>,
    /// How many.
    #[serde(deserialize_with = "lenient::count")]
    #[schemars(schema_with = "lenient::count_schema")]
    pub quantity: Option<u64>,
    /// For all of them together.
    pub price: Option<Money>,
}

/// `purchase.virtual_currency`, from older documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct VirtualCurrency {
    /// Its name.
    pub name: Option<String>,
    /// Its SKU.
    pub sku: Option<Id>,
    /// How much virtual currency.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub quantity: Option<Decimal>,
    /// Currency of the price: three letters of ISO 4217.
    pub currency: Option<String>,
    /// The price, in the currency's main unit.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub amount: Option<Decimal>,
}

/// `purchase.virtual_items`, from older documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct VirtualItems {
    /// The items.
    #[serde(deserialize_with = "lenient::list")]
    #[schemars(schema_with = "lenient::list_schema::<VirtualItem>")]
    pub items: Vec<VirtualItem>,
    /// Currency of the price: three letters of ISO 4217.
    pub currency: Option<String>,
    /// The price of all items, in the currency's main unit.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub amount: Option<Decimal>,
}

/// One of `purchase.virtual_items.items`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct VirtualItem {
    /// The item.
    pub sku: Option<Id>,
    /// How many: not money.
    #[serde(deserialize_with = "lenient::count")]
    #[schemars(schema_with = "lenient::count_schema")]
    pub amount: Option<u64>,
}

/// `purchase.pin_codes`, from older documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct PinCode {
    /// The change from one edition to another.
    pub upgrade: Option<Upgrade>,
}

/// `purchase.pin_codes.upgrade`: one edition of a game exchanged for another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Upgrade {
    /// The edition that the user had.
    pub digital_content_from: Option<DigitalContent>,
    /// The edition that the user gets.
    pub digital_content_to: Option<DigitalContent>,
    /// Currency of the price: three letters of ISO 4217.
    pub currency: Option<String>,
    /// The price, in the currency's main unit.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub amount: Option<Decimal>,
}

/// One edition of a game.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct DigitalContent {
    /// Its SKU.
    pub digital_content: Option<Id>,
    /// The platform that its keys are for, such as Steam.
    #[serde(rename = "DRM")]
    pub drm: Option<String>,
}
