//! Payouts. They have no `notification_type`, so [`Payout`] is no [`Model`](super::Model).

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;

use super::open_enum::open_enum;
use super::{Id, ModelError, Personal, lenient};

/// A payout: money from Xsolla to the studio is on its way, has arrived, or was refused.
///
/// Xsolla does not sign it, and it has no `notification_type`.
///
/// Documented [as `payout-transaction-processing`](https://developers.xsolla.com/webhooks/operation/payout-transaction-processing/)
/// and [as `payout-transaction-completion`](https://developers.xsolla.com/webhooks/operation/payout-transaction-completion/).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Payout {
    /// Xsolla's id of it: the same while its status changes.
    pub id: Option<Id>,
    /// How much is paid out.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub amount: Option<Decimal>,
    /// In which currency, ISO 4217; that of the fees too.
    pub currency: Option<String>,
    /// The e-mail address of who is paid.
    pub customer_email: Option<Personal>,
    /// The name of who is paid.
    pub customer_name: Option<Personal>,
    /// What the merchant pays for it.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub fee_merchant: Option<Decimal>,
    /// What the transaction costs.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub fee_transaction: Option<Decimal>,
    /// All fees together.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub fee_total: Option<Decimal>,
    /// How it is paid: `international_wire_transfer`.
    pub service_name: Option<String>,
    /// The group of the ways to pay to which that one belongs.
    pub group_name: Option<String>,
    /// How far it has come.
    pub status: Option<PayoutStatus>,
    /// Why it was refused.
    pub reject_reason: Option<String>,
}

impl Payout {
    /// Reads a payout's JSON text, as it was sent.
    ///
    /// # Errors
    ///
    /// If the text is not JSON, or has a field of a shape that nobody has met so far.
    ///
    /// # Example
    ///
    /// ```
    /// use xsolla::model::{Payout, PayoutStatus};
    ///
    /// let payout = Payout::read(r#"{"id": 8841, "amount": 412.08, "currency": "EUR", "status": "success"}"#)?;
    /// assert_eq!(payout.status, Some(PayoutStatus::Success));
    /// # Ok::<(), xsolla::model::ModelError>(())
    /// ```
    pub fn read(payout: &str) -> Result<Self, ModelError> {
        serde_json::from_str(payout).map_err(|error| ModelError::unreadable("payout", &error))
    }
}

open_enum! {
    /// How far a payout has come (`status`).
    pub enum PayoutStatus {
        /// It is on its way.
        InProgress = "in_progress",
        /// It has arrived.
        Success = "success",
        /// It was refused: see `reject_reason`.
        Reject = "reject",
    }
}
