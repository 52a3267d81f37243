//! Reasons for unexpected effects on goods.

use serde::{Deserialize, Serialize};

/// The reason why the effect of an event on the goods is not what its type alone suggests.
// Not `non_exhaustive`: the list is part of the message's schema.
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
#[cfg_attr(test, derive(strum::VariantArray))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
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
    /// A later state of the subscription was sent earlier. Only in replays.
    LaterStateSent,
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

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn names_match_the_json() {
        assert_eq!(GoodsReason::OrderAlreadyGranted.name(), "order_already_granted");
        for reason in GoodsReason::VARIANTS {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
            assert_eq!(reason.to_string(), reason.name());
        }
    }
}
