//! `billing` of an order.

use serde::Deserialize;

use super::{PaymentDetails, Purchase, RefundDetails, Settings, Transaction};

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
