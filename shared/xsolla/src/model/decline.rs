//! `ps_declined`, `afs_reject` and `payment_duplicate_reject`: declined payments.

use serde::Deserialize;

use super::{CustomParameters, Model, PaymentDetails, Purchase, RefundDetails, Settings, Transaction, User};

/// `ps_declined`: the payment system declined a payment. No money moved, and neither `payment` nor `order_paid` follows.
///
/// Documented [as `payment-declined`](https://developers.xsolla.com/webhooks/operation/payment-declined/), with integers
/// where the sample has strings. Off by default: Xsolla's account manager enables it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PsDeclined {
    /// The declined payment.
    pub transaction: Transaction,
    /// The project.
    pub settings: Option<Settings>,
    /// The user.
    pub user: Option<User>,
    /// The reason of the decline.
    pub refund_details: Option<RefundDetails>,
    /// The game's own parameters. Not documented for this type.
    pub custom_parameters: Option<CustomParameters>,
}

impl Model for PsDeclined {
    const TYPE: &'static str = "ps_declined";
}

/// `afs_reject`: Xsolla's anti-fraud system rejected a payment after a review.
///
/// Documented
/// [as `afs-rejected-transaction`](https://developers.xsolla.com/webhooks/operation/afs-rejected-transaction/), with the
/// single code [4](super::RefundCode::PotentialFraud). Off by default: Xsolla's account manager enables it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AfsReject {
    /// The declined payment.
    pub transaction: Transaction,
    /// The project.
    pub settings: Option<Settings>,
    /// The user.
    pub user: Option<User>,
    /// The reason of the decline.
    pub refund_details: Option<RefundDetails>,
    /// The game's own parameters. Not documented for this type.
    pub custom_parameters: Option<CustomParameters>,
}

impl Model for AfsReject {
    const TYPE: &'static str = "afs_reject";
}

/// `payment_duplicate_reject`: a second payment of a transaction that was already processed was rejected. No action is
/// required.
///
/// Only in Xsolla's webhooks for China. Documented
/// [as `duplicate-transaction`](https://xsolla.redoc.ly/webhooks-for-china/operation/duplicate-transaction), with
/// `transaction` and `payment_details` as the required objects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PaymentDuplicateReject {
    /// The transaction that was already processed.
    pub transaction: Transaction,
    /// The amounts.
    pub payment_details: Option<PaymentDetails>,
    /// The project.
    pub settings: Option<Settings>,
    /// The purchase.
    pub purchase: Option<Purchase>,
    /// The user.
    pub user: Option<User>,
    /// The game's own parameters.
    pub custom_parameters: Option<CustomParameters>,
}

impl Model for PaymentDuplicateReject {
    const TYPE: &'static str = "payment_duplicate_reject";
}
