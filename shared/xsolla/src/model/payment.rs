//! `payment`, and its objects that refunds and the `billing` of an order have too.

use serde::Deserialize;

use super::lenient;
use super::{CustomParameters, Id, Json, Model, PaymentDetails, Personal, Purchase, RefundDetails};

/// `payment`: the user has paid.
///
/// Sent for:
///
/// - every sale of a project with separate webhooks, before its `order_paid`. The two are one sale: grant on `order_paid`.
/// - a payment with a token of the Merchant API. Its goods are in [`custom_parameters`](Self::custom_parameters).
/// - each charge of a subscription.
///
/// Documented [as `payment`](https://developers.xsolla.com/webhooks/operation/payment/). The card's digits (`card_bin`,
/// `card_suffix`) and brand, which can be enabled in Publisher Account, are missing here, because the documentation does not
/// say which object has them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Payment {
    /// The transaction.
    pub transaction: Transaction,
    /// The project.
    pub settings: Option<Settings>,
    /// The purchase.
    pub purchase: Option<Purchase>,
    /// The user.
    pub user: Option<User>,
    /// The amounts.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub payment_details: Option<PaymentDetails>,
    /// The game's own parameters.
    pub custom_parameters: Option<CustomParameters>,
    /// The saved payment account, if "Show info about saved payment account" is on in Publisher Account. Its fields are not
    /// documented and can be personal data.
    pub payment_account: Option<Json>,
}

impl Model for Payment {
    const TYPE: &'static str = "payment";
}

/// `billing`: the payment or refund of an order, in a combined `order_paid` or `order_canceled`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Billing {
    /// `payment` in an `order_paid`. `refund` in an `order_canceled`, according to other integrations.
    pub notification_type: Option<String>,
    /// The project. No other field of an order's notification has it.
    pub settings: Option<Settings>,
    /// The purchase. Its `total` is real money, even if the order's `amount` is virtual currency.
    pub purchase: Option<Purchase>,
    /// The transaction.
    pub transaction: Option<Transaction>,
    /// The amounts.
    pub payment_details: Option<PaymentDetails>,
    /// The reason of the refund. Only in `order_canceled`.
    pub refund_details: Option<RefundDetails>,
}

/// `settings`: the project in Publisher Account. Numbers in most notifications, strings in some.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Settings {
    /// The project.
    pub project_id: Option<Id>,
    /// The merchant that owns it.
    pub merchant_id: Option<Id>,
}

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

/// `transaction`: one payment at Xsolla. A refund has the id of the refunded payment. Disputes have
/// [another](super::DisputeTransaction).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Transaction {
    /// Xsolla's id. An order has it in [`invoice_id`](super::Order::invoice_id). Already larger than 2³¹.
    pub id: Option<Id>,
    /// The game's own id, if the token had one.
    pub external_id: Option<Id>,
    /// The time of the payment: ISO 8601, in most cases with an offset. Not in refunds.
    pub payment_date: Option<String>,
    /// The time of the payment, in older documentation of `refund` and `partial_refund`.
    pub date: Option<String>,
    /// Xsolla's number of the payment method. A string in `ps_declined`. Not in refunds.
    pub payment_method: Option<Id>,
    /// The display name of the payment method. Only in `payment`.
    pub payment_method_name: Option<String>,
    /// The payment system's id of the payment: up to 19 digits, as a string or a number.
    pub payment_method_order_id: Option<Id>,
    /// Whether it is a test without real money. Not sent for real payments: missing means real.
    #[serde(deserialize_with = "lenient::flag")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::flag_schema"))]
    pub dry_run: Option<bool>,
    /// The agreement between the merchant and Xsolla.
    pub agreement: Option<Id>,
}
