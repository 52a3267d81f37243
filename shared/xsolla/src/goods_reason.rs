//! Reasons why the effect of an event on goods differs from that of its type.

use serde::{Deserialize, Serialize};

/// The reason why [`Goods`](crate::Goods) is not what the type alone suggests.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[non_exhaustive]
pub enum GoodsReason {
    /// An earlier event of the sale granted it.
    AlreadyGranted,
    /// The sale was revoked or refunded earlier.
    AlreadyRevoked,
    /// Another payment of the same order granted it. One of the two should be refunded.
    OrderAlreadyGranted,
    /// Another payment of the same order is not refunded.
    AnotherPaymentRemains,
    /// The subscription was cancelled earlier.
    SubscriptionEnded,
    /// The subscription started earlier.
    AlreadyStarted,
    /// `order_paid` and `order_canceled` report the goods of this payment.
    OrderFollows,
    /// The subscription's own events report the goods.
    SubscriptionFollows,
    /// The event has no usable ids, so its retry could not be recognized.
    NotIdentified,
    /// An identical partial refund without a date: a retry or a second refund.
    PossibleRetry,
}

impl GoodsReason {
    /// Returns the name in a queue message, such as `already_granted`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}
