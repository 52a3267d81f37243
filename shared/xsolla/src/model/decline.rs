//! `ps_declined` and `afs_reject`: declined payments.

use serde::Deserialize;

use super::{CustomParameters, Model, RefundDetails, Settings, Transaction, User};

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
