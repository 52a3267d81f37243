//! Payouts. They have no `notification_type`, so [`Payout`] does not implement [`Model`](super::Model).

use rust_decimal::Decimal;
use serde::Deserialize;

use super::open_enum::open_enum;
use super::{Id, ModelError, Personal, lenient};

/// A payout: money from Xsolla to the studio was sent, arrived or was rejected.
///
/// An [unsigned notification](crate::UnsignedType) without a `notification_type`.
///
/// Documented [as `payout-transaction-processing`](https://developers.xsolla.com/webhooks/operation/payout-transaction-processing/)
/// and [as `payout-transaction-completion`](https://developers.xsolla.com/webhooks/operation/payout-transaction-completion/).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Payout {
    /// Xsolla's id of the payout. The same for all statuses.
    pub id: Option<Id>,
    /// The amount.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub amount: Option<Decimal>,
    /// The currency of the amount and the fees: ISO 4217.
    pub currency: Option<String>,
    /// The e-mail address of the recipient.
    pub customer_email: Option<Personal>,
    /// The name of the recipient.
    pub customer_name: Option<Personal>,
    /// The merchant's fee.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub fee_merchant: Option<Decimal>,
    /// The fee of the transaction.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub fee_transaction: Option<Decimal>,
    /// The sum of the fees.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub fee_total: Option<Decimal>,
    /// The payout method, such as `international_wire_transfer`.
    pub service_name: Option<String>,
    /// The group of payout methods.
    pub group_name: Option<String>,
    /// The status.
    pub status: Option<PayoutStatus>,
    /// The reason of a rejection.
    pub reject_reason: Option<String>,
}

impl Payout {
    /// Parses the JSON text of a payout as sent.
    ///
    /// # Errors
    ///
    /// If the text is not JSON, or a field has an unexpected form.
    ///
    /// # Example
    ///
    /// ```
    /// use xsolla_webhooks::model::{Payout, PayoutStatus};
    ///
    /// let payout = Payout::from_json(r#"{"id": 8841, "amount": 412.08, "currency": "EUR", "status": "success"}"#)?;
    /// assert_eq!(payout.status, Some(PayoutStatus::Success));
    /// # Ok::<(), xsolla_webhooks::model::ModelError>(())
    /// ```
    pub fn from_json(payout: &str) -> Result<Self, ModelError> {
        serde_json::from_str(payout).map_err(|error| ModelError::unreadable("payout", &error))
    }
}

open_enum! {
    /// The status of a payout (`status`).
    pub enum PayoutStatus {
        /// The money was sent.
        InProgress = "in_progress",
        /// The money arrived.
        Success = "success",
        /// The payout was rejected: see `reject_reason`.
        Reject = "reject",
    }
}
