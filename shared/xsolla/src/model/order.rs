//! `order_paid` and `order_canceled`, separate and combined.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;

use super::open_enum::open_enum;
use super::{Billing, CustomParameters, Id, Json, Model, Personal, lenient};

/// Both types have the same fields; they differ in what happened.
macro_rules! orders {
    ($($(#[$about:meta])* $name:ident = $type:literal;)+) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub struct $name {
            /// The order.
            pub order: Order,
            /// What it consists of. A bundle comes as one line for itself and one for each of its contents: see
            /// [`is_bundle_content`](Item::is_bundle_content).
            #[serde(deserialize_with = "lenient::list")]
            #[schemars(schema_with = "lenient::list_schema::<Item>")]
            pub items: Vec<Item>,
            /// Whose order it is.
            pub user: OrderUser,
            /// The payment or refund behind it. Only in projects with combined webhooks, and not for free orders; with
            /// separate webhooks it comes before, as a notification of its own.
            pub billing: Option<Billing>,
            /// The game's own parameters.
            pub custom_parameters: Option<CustomParameters>,
        }

        impl Model for $name {
            const TYPE: &'static str = $type;
        }
    )+};
}

orders! {
    /// `order_paid`: an order is paid, or was free. The one to grant items on.
    ///
    /// Documented [as `successful-order-payment`](https://developers.xsolla.com/webhooks/operation/successful-order-payment/).
    OrderPaid = "order_paid";

    /// `order_canceled`: a paid order was cancelled, by the user, the game or Xsolla. The one to take items back on.
    ///
    /// Documented [as `order-cancellation`](https://developers.xsolla.com/webhooks/operation/order-cancellation/).
    OrderCanceled = "order_canceled";
}

/// `order`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Order {
    /// Xsolla's id of the order. Every order has one, the free ones too.
    #[schemars(extend("x-always" = true))]
    pub id: Option<Id>,
    /// Live or sandbox.
    #[schemars(extend("x-always" = true))]
    pub mode: Option<OrderMode>,
    /// What kind of currency `currency` and `amount` are in.
    #[schemars(extend("x-always" = true))]
    pub currency_type: Option<CurrencyType>,
    /// Three letters of ISO 4217 for real money; the SKU for virtual currency.
    #[schemars(extend("x-always" = true))]
    pub currency: Option<String>,
    /// The price of the cart in `currency`, which may be virtual: the money is then in
    /// [`billing`](OrderPaid::billing). Sent as a string, with up to four decimal places.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema", extend("x-always" = true))]
    pub amount: Option<Decimal>,
    /// Never to be branched on, hence plain text: it has no list of values, and the documented `order_canceled` says
    /// `paid`. The notification's type is what tells.
    #[schemars(extend("x-always" = true))]
    pub status: Option<String>,
    /// Where it was paid.
    #[schemars(extend("x-always" = true))]
    pub platform: Option<Platform>,
    /// What the user wrote.
    #[schemars(extend("x-always" = true))]
    pub comment: Option<Personal>,
    /// The transaction's id: [`transaction.id`](super::Transaction::id) as a string. `null` if no real money was paid.
    #[schemars(extend("x-always" = true))]
    pub invoice_id: Option<Id>,
    /// The promotions on the order as a whole. One that only adds a gift has two equal amounts.
    #[serde(deserialize_with = "lenient::list")]
    #[schemars(schema_with = "lenient::list_schema::<Discount>", extend("x-always" = true))]
    pub promotions: Vec<Discount>,
    /// The coupons used. Not sent, rather than empty, if there are none.
    #[serde(deserialize_with = "lenient::list")]
    #[schemars(schema_with = "lenient::list_schema::<OrderCode>")]
    pub coupons: Vec<OrderCode>,
    /// The promo codes used. Not sent, rather than empty, if there are none.
    #[serde(deserialize_with = "lenient::list")]
    #[schemars(schema_with = "lenient::list_schema::<OrderCode>")]
    pub promocodes: Vec<OrderCode>,
}

/// One of `items`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Item {
    /// The item; for game keys in the form `sku_drm`.
    #[schemars(extend("x-always" = true))]
    pub sku: Option<Id>,
    /// What kind of item.
    #[serde(rename = "type")]
    #[schemars(extend("x-always" = true))]
    pub item_type: Option<ItemType>,
    /// How many units. For the contents of a bundle or package, all their units: 1500 gold, not one package.
    #[serde(deserialize_with = "lenient::count")]
    #[schemars(schema_with = "lenient::count_schema", extend("x-always" = true))]
    pub quantity: Option<u64>,
    /// The price of all units together, in the order's currency. `null` for the contents of a bundle.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema", extend("x-always" = true))]
    pub amount: Option<Decimal>,
    /// The promotions on this item.
    #[serde(deserialize_with = "lenient::list")]
    #[schemars(schema_with = "lenient::list_schema::<Discount>", extend("x-always" = true))]
    pub promotions: Vec<Discount>,
    /// Whether it is sold before its release.
    #[serde(deserialize_with = "lenient::flag")]
    #[schemars(schema_with = "lenient::flag_schema", extend("x-always" = true))]
    pub is_pre_order: Option<bool>,
    /// The attributes that the game gave it in the catalogue.
    pub custom_attributes: Option<Json>,
    /// Whether it costs nothing. Version 2 of the webhooks only, as are the next two; the version is set by the call
    /// [update-webhook](https://developers.xsolla.com/api/igs/operation/update-webhook/) of Xsolla's API.
    #[serde(deserialize_with = "lenient::flag")]
    #[schemars(schema_with = "lenient::flag_schema")]
    pub is_free: Option<bool>,
    /// Whether a promotion added it.
    #[serde(deserialize_with = "lenient::flag")]
    #[schemars(schema_with = "lenient::flag_schema")]
    pub is_bonus: Option<bool>,
    /// Whether it is part of a bundle that has a line of its own. A game whose bundles grant their contents must skip it,
    /// or it grants twice. Missing in version 1, where nothing tells a bundle's contents from what was bought beside it.
    #[serde(deserialize_with = "lenient::flag")]
    #[schemars(schema_with = "lenient::flag_schema")]
    pub is_bundle_content: Option<bool>,
}

/// One of the `promotions` of an order or item.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Discount {
    /// The price before, in the order's currency.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub amount_without_discount: Option<Decimal>,
    /// The price after, in the order's currency.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub amount_with_discount: Option<Decimal>,
    /// Its place in the sequence in which several apply, from 1.
    #[serde(deserialize_with = "lenient::count")]
    #[schemars(schema_with = "lenient::count_schema")]
    pub sequence: Option<u64>,
}

/// One of an order's `coupons` or `promocodes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct OrderCode {
    /// What the user typed.
    pub code: Option<Id>,
    /// The game's id of the campaign. Newer documentation has it for coupons only.
    pub external_id: Option<Id>,
}

/// `user`, as orders name a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct OrderUser {
    /// The game's id of the user: what payments call [`user.id`](super::User::id).
    #[schemars(extend("x-always" = true))]
    pub external_id: Option<Id>,
    /// E-mail address.
    pub email: Option<Personal>,
    /// Two letters, meant as ISO 3166-1 alpha-2; other codes occur.
    pub country: Option<String>,
}

open_enum! {
    /// Whether an order is real (`order.mode`).
    pub enum OrderMode {
        /// `default`: live, real money.
        Live = "default",
        /// `sandbox`: a test.
        Sandbox = "sandbox",
    }
}

open_enum! {
    /// What an order was paid in (`order.currency_type`).
    pub enum CurrencyType {
        /// Real money.
        Real = "real",
        /// The game's own currency.
        Virtual = "virtual",
        /// Loyalty points. In newer documentation only.
        LoyaltyPoint = "loyalty_point",
        /// Nothing: the order was free.
        Unknown = "unknown",
    }
}

open_enum! {
    /// What kind of item (`items[].type`).
    pub enum ItemType {
        /// An item in the game.
        VirtualGood = "virtual_good",
        /// The game's own currency.
        VirtualCurrency = "virtual_currency",
        /// A key to a game.
        GameKey = "game_key",
        /// Several of these, or a package of virtual currency. Its contents follow as lines of their own.
        Bundle = "bundle",
    }
}

open_enum! {
    /// Where an order was paid (`order.platform`).
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
