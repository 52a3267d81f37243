//! Effects of events on goods.

use serde::{Deserialize, Serialize};

/// The effect of an event on the goods. A consumer that follows it grants a sale once and revokes it once.
///
/// Xsolla can report one sale in several events: `payment` and `order_paid`, `refund` and `order_canceled`, a charge and
/// `update_subscription`. One of them carries the goods. [`Sale`](crate::Sale) decides which, in any order and with any
/// repetition. [`GoodsReason`](crate::GoodsReason) says why an event has another effect than its type suggests.
///
/// An event has the effect `info` if its type is unknown or deprecated, or if its ids are missing (`identified` is `false`):
/// its retry could not be recognized, so it must not grant anything.
// Not `non_exhaustive`: a consumer must handle every effect.
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
pub enum Goods {
    /// Grant what was bought: `order_paid`; `move_to_game`; and a `payment` without an order, see [`PaymentWithoutOrder`].
    Grant,
    /// Revoke what remains of the sale after partial refunds: `order_canceled`; and the `refund` of a payment without an
    /// order, see [`PaymentWithoutOrder`]. A sale that was never granted has nothing to revoke.
    Revoke,
    /// Revoke the refunded part: `partial_refund`, except of a subscription. No other event reports it.
    PartialRevoke,
    /// Start a subscription or its trial: `create_subscription`.
    SubscriptionStarted,
    /// Extend a subscription: an `update_subscription` with the same plan as before and a later next charge.
    SubscriptionRenewed,
    /// Update a subscription to the state in the notification: any other `update_subscription`, and
    /// `non_renewal_subscription`.
    SubscriptionChanged,
    /// End a subscription at its `date_end`: `cancel_subscription`.
    SubscriptionEnded,
    /// Nothing to grant or revoke; another event reports the goods: a `payment` or `refund` of an order; a `payment`,
    /// `refund` or `partial_refund` of a subscription; and other payments, see
    /// [`PaymentWithoutOrder`].
    MoneyOnly,
    /// The sale or its buyer is suspicious: `dispute`, `afs_reject`, `afs_black_list`.
    Risk,
    /// No effect on goods.
    Info,
}

impl Goods {
    /// Returns the name in a queue message, such as `partial_revoke`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Returns whether it is an effect on a subscription.
    pub(crate) const fn is_subscription(self) -> bool {
        matches!(
            self,
            Self::SubscriptionStarted | Self::SubscriptionRenewed | Self::SubscriptionChanged | Self::SubscriptionEnded
        )
    }
}

/// The effect of a `payment` that names neither an order nor a subscription. It depends on the project's setup, which no
/// notification contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString)]
#[strum(
    serialize_all = "snake_case",
    parse_err_ty = ParsePaymentWithoutOrderError,
    parse_err_fn = parse_error
)]
pub enum PaymentWithoutOrder {
    /// Grant: the payment was made with a token without an order.
    ///
    /// Right for combined webhooks, which report an order by `order_paid` alone. Also right for separate webhooks with "Add
    /// order object to webhook", where every payment of an order names the order.
    Grant,
    /// No effect: an `order_paid` follows. Right for separate webhooks that do not name the order.
    ///
    /// A payment with goods of the withdrawn in-game store (`purchase.virtual_items`, `virtual_currency`, `pin_codes`) is
    /// granted all the same: such a sale has no order. If an `order_paid` follows, it grants nothing.
    MoneyOnly,
}

/// The error of parsing a [`PaymentWithoutOrder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected grant or money_only")]
pub struct ParsePaymentWithoutOrderError(());

const fn parse_error(_: &str) -> ParsePaymentWithoutOrderError {
    ParsePaymentWithoutOrderError(())
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn names_match_the_json() {
        assert_eq!(Goods::PartialRevoke.name(), "partial_revoke");
        for goods in Goods::VARIANTS {
            assert_eq!(serde_json::to_value(goods).unwrap(), goods.name());
            assert_eq!(goods.to_string(), goods.name());
        }
    }

    #[test]
    fn effects_on_subscriptions_have_its_name() {
        for goods in Goods::VARIANTS {
            assert_eq!(goods.is_subscription(), goods.name().starts_with("subscription"), "{goods}");
        }
    }

    #[test]
    fn setting_parses_from_its_documented_values() {
        assert_eq!("grant".parse(), Ok(PaymentWithoutOrder::Grant));
        assert_eq!("money_only".parse(), Ok(PaymentWithoutOrder::MoneyOnly));
        assert!("Grant".parse::<PaymentWithoutOrder>().is_err());
    }
}
