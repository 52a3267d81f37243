//! `transaction`.

use serde::Deserialize;

use super::{Id, lenient};

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
