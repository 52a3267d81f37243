//! `payment`, and what it shares with refunds and with the `billing` of an order.

use schemars::JsonSchema;
use serde::Deserialize;

use super::lenient;
use super::{CustomParameters, Id, Json, Model, PaymentDetails, Personal, Purchase, RefundDetails};

/// `payment`: the user has paid.
///
/// Sent for every sale of a project with separate webhooks, before its `order_paid`; for payments by a token of the
/// Merchant API, whose goods are in [`custom_parameters`](Self::custom_parameters); and for each charge of a
/// subscription. Where an `order_paid` follows, it is the one to grant on: the two are one sale.
///
/// Documented [as `payment`](https://developers.xsolla.com/webhooks/operation/payment/). The digits of the card
/// (`card_bin`, `card_suffix`) and its brand, which can be switched on in Publisher Account, are not among these fields,
/// because it is documented nowhere in which object they come.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Payment {
    /// The payment itself.
    pub transaction: Transaction,
    /// Which project it belongs to.
    pub settings: Option<Settings>,
    /// What was bought.
    pub purchase: Option<Purchase>,
    /// Who bought it.
    pub user: Option<User>,
    /// How the money divides.
    #[schemars(extend("x-always" = true))]
    pub payment_details: Option<PaymentDetails>,
    /// The game's own parameters.
    pub custom_parameters: Option<CustomParameters>,
    /// The saved payment account, if "Show info about saved payment account" is on in Publisher Account. Its fields are not
    /// documented; expect personal data.
    pub payment_account: Option<Json>,
}

impl Model for Payment {
    const TYPE: &'static str = "payment";
}

/// `billing`: the payment or refund behind an order, inside a combined `order_paid` or `order_canceled`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Billing {
    /// `payment` in an `order_paid`; `refund` in an `order_canceled`, according to integrations that receive them.
    pub notification_type: Option<String>,
    /// Which project it belongs to: nothing else in an order's notification says so.
    pub settings: Option<Settings>,
    /// What was bought. Its `total` is money even where the order's `amount` is virtual currency.
    pub purchase: Option<Purchase>,
    /// The payment itself.
    pub transaction: Option<Transaction>,
    /// How the money divides.
    pub payment_details: Option<PaymentDetails>,
    /// Why the money went back. In `order_canceled` only.
    pub refund_details: Option<RefundDetails>,
}

/// `settings`: the project in Publisher Account. Numbers in most notifications, strings in some.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Settings {
    /// The project.
    pub project_id: Option<Id>,
    /// The merchant that owns it.
    pub merchant_id: Option<Id>,
}

/// `user`, as most notifications name a person. Orders have [another](super::OrderUser), and so have
/// [disputes](super::DisputeUser).
///
/// Real notifications carry about half of these fields, and only `id` and `country` if "Send only necessary user
/// parameters without sensitive data" is on in Publisher Account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct User {
    /// The game's id of the user.
    #[schemars(extend("x-always" = true))]
    pub id: Option<Id>,
    /// IP address.
    pub ip: Option<Personal>,
    /// Phone number, in international format.
    pub phone: Option<Personal>,
    /// E-mail address.
    pub email: Option<Personal>,
    /// Name.
    pub name: Option<Personal>,
    /// Two letters, meant as ISO 3166-1 alpha-2; other codes occur.
    pub country: Option<String>,
    /// Postal code.
    pub zip: Option<Personal>,
}

/// `transaction`: one payment at Xsolla. A refund carries the id of the payment that it takes back. Disputes have
/// [another](super::DisputeTransaction).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Transaction {
    /// Xsolla's id. An order shows the same one as [`invoice_id`](super::Order::invoice_id). Already above 2³¹.
    pub id: Option<Id>,
    /// The game's own id, if the token had one.
    pub external_id: Option<Id>,
    /// When it was paid: ISO 8601, in most cases with an offset. Not in refunds.
    pub payment_date: Option<String>,
    /// When it was paid, as older documentation of `refund` and `partial_refund` names it.
    pub date: Option<String>,
    /// Xsolla's number of the payment method; a string in `ps_declined`. Not in refunds.
    pub payment_method: Option<Id>,
    /// The payment method's name, for people. `payment` only.
    pub payment_method_name: Option<String>,
    /// The payment's id at the payment system: up to 19 digits, as a string or a bare number.
    pub payment_method_order_id: Option<Id>,
    /// Whether no real money moved. Not sent for real payments: missing means real.
    #[serde(deserialize_with = "lenient::flag")]
    #[schemars(schema_with = "lenient::flag_schema")]
    pub dry_run: Option<bool>,
    /// The agreement between the merchant and Xsolla under which it was paid.
    pub agreement: Option<Id>,
}
