//! `order_paid` and `order_canceled`, separate and combined.

use rust_decimal::Decimal;
use serde::Deserialize;

use super::open_enum::open_enum;
use super::{Billing, CustomParameters, Id, Json, Model, Personal, lenient};

/// `order_paid`: an order was paid, or was free. Grant items on this type.
///
/// Documented [as `successful-order-payment`](https://developers.xsolla.com/webhooks/operation/successful-order-payment/).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct OrderPaid {
    /// The order.
    pub order: Order,
    /// The lines. A bundle has one line for itself and one for each of its contents: see
    /// [`is_bundle_content`](Item::is_bundle_content).
    #[serde(deserialize_with = "lenient::list")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::list_schema::<Item>"))]
    pub items: Vec<Item>,
    /// The user.
    pub user: OrderUser,
    /// The payment or refund of the order. Only with combined webhooks, and not for free orders. With separate webhooks, it
    /// is an earlier notification.
    pub billing: Option<Billing>,
    /// The game's own parameters.
    pub custom_parameters: Option<CustomParameters>,
}

impl Model for OrderPaid {
    const TYPE: &'static str = "order_paid";
}

/// `order_canceled`: a paid order was cancelled by the user, the game or Xsolla. Revoke items on this type.
///
/// Documented [as `order-cancellation`](https://developers.xsolla.com/webhooks/operation/order-cancellation/).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct OrderCanceled {
    /// The order.
    pub order: Order,
    /// The lines. A bundle has one line for itself and one for each of its contents: see
    /// [`is_bundle_content`](Item::is_bundle_content).
    #[serde(deserialize_with = "lenient::list")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::list_schema::<Item>"))]
    pub items: Vec<Item>,
    /// The user.
    pub user: OrderUser,
    /// The payment or refund of the order. Only with combined webhooks, and not for free orders. With separate webhooks, it
    /// is an earlier notification.
    pub billing: Option<Billing>,
    /// The game's own parameters.
    pub custom_parameters: Option<CustomParameters>,
}

impl Model for OrderCanceled {
    const TYPE: &'static str = "order_canceled";
}

/// `order`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Order {
    /// Xsolla's id of the order. Free orders have one too.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub id: Option<Id>,
    /// Live or sandbox.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub mode: Option<OrderMode>,
    /// The kind of currency of `currency` and `amount`.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub currency_type: Option<CurrencyType>,
    /// The ISO 4217 code of real money, or the SKU of virtual currency.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub currency: Option<String>,
    /// The price of the cart in `currency`. If that is virtual, the money is in [`billing`](OrderPaid::billing). Sent as a
    /// string, with up to four decimal places.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema", extend("x-always-sent" = true)))]
    pub amount: Option<Decimal>,
    /// The status. Do not branch on it: its values are not documented, and the documented `order_canceled` has `paid`. Use
    /// the notification's type.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub status: Option<String>,
    /// The platform of the payment.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub platform: Option<Platform>,
    /// The user's comment.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub comment: Option<Personal>,
    /// The id of the transaction: [`transaction.id`](super::Transaction::id) as a string. `null` without real money.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub invoice_id: Option<Id>,
    /// The promotions on the whole order. One that only adds a gift has two equal amounts.
    #[serde(deserialize_with = "lenient::list")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::list_schema::<Discount>", extend("x-always-sent" = true)))]
    pub promotions: Vec<Discount>,
    /// The coupons used. Not sent if there are none.
    #[serde(deserialize_with = "lenient::list")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::list_schema::<OrderCode>"))]
    pub coupons: Vec<OrderCode>,
    /// The promo codes used. Not sent if there are none.
    #[serde(deserialize_with = "lenient::list")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::list_schema::<OrderCode>"))]
    pub promocodes: Vec<OrderCode>,
}

/// One of `items`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Item {
    /// The SKU; for game keys in the form `sku_drm`.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub sku: Option<Id>,
    /// The kind of item.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub item_type: Option<ItemType>,
    /// The number of units. For the contents of a bundle or package, the number of all units: 1500 gold, not one package.
    #[serde(deserialize_with = "lenient::count")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::count_schema", extend("x-always-sent" = true)))]
    pub quantity: Option<u64>,
    /// The price of all units, in the order's currency. `null` for the contents of a bundle.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema", extend("x-always-sent" = true)))]
    pub amount: Option<Decimal>,
    /// The promotions on this item.
    #[serde(deserialize_with = "lenient::list")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::list_schema::<Discount>", extend("x-always-sent" = true)))]
    pub promotions: Vec<Discount>,
    /// Whether it is a pre-order.
    #[serde(deserialize_with = "lenient::flag")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::flag_schema", extend("x-always-sent" = true)))]
    pub is_pre_order: Option<bool>,
    /// The attributes from the game's catalog.
    pub custom_attributes: Option<Json>,
    /// Whether it is free. Only in version 2 of the webhooks, like `is_bonus` and `is_bundle_content`. The version is set with
    /// [update-webhook](https://developers.xsolla.com/api/igs/operation/update-webhook/) of Xsolla's API.
    #[serde(deserialize_with = "lenient::flag")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::flag_schema"))]
    pub is_free: Option<bool>,
    /// Whether a promotion added it.
    #[serde(deserialize_with = "lenient::flag")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::flag_schema"))]
    pub is_bonus: Option<bool>,
    /// Whether it is part of a bundle that has a line of its own. A game whose bundles grant their contents must skip this
    /// line, or it grants twice. Missing in version 1: see [`unclear`](crate::ItemRole::Unclear).
    #[serde(deserialize_with = "lenient::flag")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::flag_schema"))]
    pub is_bundle_content: Option<bool>,
}

/// One of the `promotions` of an order or item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Discount {
    /// The price before the discount, in the order's currency.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub amount_without_discount: Option<Decimal>,
    /// The price after the discount, in the order's currency.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub amount_with_discount: Option<Decimal>,
    /// The position among several discounts, from 1.
    #[serde(deserialize_with = "lenient::count")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::count_schema"))]
    pub sequence: Option<u64>,
}

/// One of an order's `coupons` or `promocodes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct OrderCode {
    /// The code.
    pub code: Option<Id>,
    /// The game's id of the campaign. Newer documentation has it for coupons only.
    pub external_id: Option<Id>,
}

/// `user` of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct OrderUser {
    /// The game's id of the user. In payments it is [`user.id`](super::User::id).
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub external_id: Option<Id>,
    /// E-mail address.
    pub email: Option<Personal>,
    /// The country: ISO 3166-1 alpha-2. Other codes occur.
    pub country: Option<String>,
}

open_enum! {
    /// Live or sandbox (`order.mode`).
    pub enum OrderMode {
        /// `default`: real money.
        Live = "default",
        /// `sandbox`: a test.
        Sandbox = "sandbox",
    }
}

open_enum! {
    /// The kind of currency of an order (`order.currency_type`).
    pub enum CurrencyType {
        /// Real money.
        Real = "real",
        /// The game's own currency.
        Virtual = "virtual",
        /// Loyalty points. In newer documentation only.
        LoyaltyPoint = "loyalty_point",
        /// The order was free.
        Unknown = "unknown",
    }
}

open_enum! {
    /// The kind of item (`items[].type`).
    pub enum ItemType {
        /// A virtual item.
        VirtualGood = "virtual_good",
        /// The game's own currency.
        VirtualCurrency = "virtual_currency",
        /// A key to a game.
        GameKey = "game_key",
        /// A bundle of items, or a package of virtual currency. Its contents follow as lines of their own.
        Bundle = "bundle",
    }
}

open_enum! {
    /// The platform of the payment (`order.platform`).
    pub enum Platform {
        /// Xsolla.
        Xsolla = "xsolla",
        /// PlayStation Network.
        PlaystationNetwork = "playstation_network",
        /// Xbox Live.
        XboxLive = "xbox_live",
        /// PC, without a store.
        PcStandalone = "pc_standalone",
        /// Nintendo's shop.
        NintendoShop = "nintendo_shop",
        /// Google Play.
        GooglePlay = "google_play",
        /// Apple's App Store.
        AppStoreIos = "app_store_ios",
        /// Android, without a store.
        AndroidStandalone = "android_standalone",
        /// iOS, without a store.
        IosStandalone = "ios_standalone",
        /// Another Android store.
        AndroidOther = "android_other",
        /// Another iOS store.
        IosOther = "ios_other",
        /// Another PC store.
        PcOther = "pc_other",
    }
}
