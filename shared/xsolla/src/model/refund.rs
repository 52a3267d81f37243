//! `refund` and `partial_refund`.

use serde::Deserialize;

use super::{CustomParameters, Model, PaymentDetails, Personal, Purchase, RefundCode, Settings, Transaction, User};

/// `refund`: a payment was refunded in full.
///
/// The refund happens regardless of the answer. With separate webhooks, the `order_canceled` of the same sale follows a
/// successful answer: the two are one reversal.
///
/// Documented [as `refund`](https://developers.xsolla.com/webhooks/operation/refund/).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Refund {
    /// The refunded payment: the id is that of the payment.
    pub transaction: Transaction,
    /// The project.
    pub settings: Option<Settings>,
    /// The purchase.
    pub purchase: Option<Purchase>,
    /// The user.
    pub user: Option<User>,
    /// The amounts.
    pub payment_details: Option<PaymentDetails>,
    /// The reason and the requester.
    pub refund_details: Option<RefundDetails>,
    /// The game's own parameters.
    pub custom_parameters: Option<CustomParameters>,
}

impl Model for Refund {
    const TYPE: &'static str = "refund";
}

/// `partial_refund`: a part of a payment was refunded.
///
/// A transaction can have several, and none has an id of its own. The documented codes are 1, 3, 5, 7, 9 and 10.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PartialRefund {
    /// The refunded payment: the id is that of the payment.
    pub transaction: Transaction,
    /// The project.
    pub settings: Option<Settings>,
    /// The purchase.
    pub purchase: Option<Purchase>,
    /// The user.
    pub user: Option<User>,
    /// The amounts.
    pub payment_details: Option<PaymentDetails>,
    /// The reason and the requester.
    pub refund_details: Option<RefundDetails>,
    /// The game's own parameters.
    pub custom_parameters: Option<CustomParameters>,
}

impl Model for PartialRefund {
    const TYPE: &'static str = "partial_refund";
}

/// `refund_details`: the reason of a refund or a decline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct RefundDetails {
    /// The reason as a code.
    pub code: Option<RefundCode>,
    /// The reason in words, in most cases [that of the code](RefundCode::reason).
    pub reason: Option<String>,
    /// A detailed reason, such as "Insufficient funds". `ps_declined` only.
    pub reason_detail: Option<String>,
    /// The requester: `API` is the game, `support@xsolla.com` is Xsolla's support, for itself or for a user of Publisher
    /// Account. Any other e-mail address is a user of Publisher Account.
    pub author: Option<Personal>,
    /// The time, in older documentation. It can lack an offset: `2026-08-23 01:02:03`.
    pub date: Option<String>,
}
