//! `dispute`.

use serde::Deserialize;

use super::open_enum::open_enum;
use super::{Id, Model, Money, Personal, Settings};

/// `dispute`: a dispute was opened or changed.
///
/// A dispute has no id, and several notifications for one transaction are normal. Documented among
/// [Xsolla's webhooks](https://developers.xsolla.com/webhooks/). Off by default: Xsolla's account manager enables it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Dispute {
    /// The disputed payment.
    pub transaction: DisputeTransaction,
    /// The dispute.
    pub dispute: DisputeDetails,
    /// Whether the dispute is new.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub action: Option<DisputeAction>,
    /// The project.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub settings: Option<Settings>,
    /// The user.
    pub user: Option<DisputeUser>,
}

impl Model for Dispute {
    const TYPE: &'static str = "dispute";
}

/// `transaction` of a dispute. Payments have [another](super::Transaction).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct DisputeTransaction {
    /// Xsolla's id of the payment.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub id: Option<Id>,
    /// The game's own id, if the token had one.
    pub external_id: Option<Id>,
    /// The time when the payment was created: ISO 8601.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub date_create: Option<String>,
    /// The amount paid.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub total: Option<Money>,
    /// The payment method as a word, such as `credit_debit_card` or `paypal`. Payments have a number.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub payment_method: Option<Id>,
    /// The country: ISO 3166-1 alpha-2. Documented here; the sample has it in
    /// [`user.country_code`](DisputeUser::country_code).
    pub country_code: Option<String>,
}

/// `user` of a dispute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct DisputeUser {
    /// The game's id of the user.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub id: Option<Id>,
    /// E-mail address.
    pub email: Option<Personal>,
    /// The country: ISO 3166-1 alpha-2. The sample has it here; documented in
    /// [`transaction.country_code`](DisputeTransaction::country_code).
    pub country_code: Option<String>,
}

/// `dispute.dispute`: the reason, step and status of a dispute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct DisputeDetails {
    /// The time when the dispute was opened: RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub incoming_date: Option<String>,
    /// The reason.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub reason: Option<DisputeReason>,
    /// The step of the proceedings.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub dispute_type: Option<DisputeType>,
    /// The status.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub status: Option<DisputeStatus>,
}

open_enum! {
    /// Whether a dispute is new (`action`).
    pub enum DisputeAction {
        /// The dispute is new.
        Adding = "adding",
        /// The dispute changed.
        Updating = "updating",
    }
}

open_enum! {
    /// The reason of a dispute (`dispute.reason`). The meanings are inferred from the names. `other` is documented too.
    pub enum DisputeReason {
        /// The goods were not received.
        NonReceipt = "non_receipt",
        /// The goods are not as described.
        NotAsDescribed = "not_as_described",
        /// The payment was charged twice.
        DuplicateProcessing = "duplicate_processing",
        /// The goods were paid by other means.
        PaidByOtherMeans = "paid_by_other_means",
        /// The amount is wrong.
        IncorrectAmount = "incorrect_amount",
        /// A promised credit was not paid.
        CreditNotProcessed = "credit_not_processed",
        /// No particular reason.
        General = "general",
        /// Fraud: someone else paid.
        Fraud = "fraud",
        /// The subscription had been cancelled.
        CancelledRecurring = "cancelled_recurring",
        /// The purchase had been cancelled.
        CancelledMerchandise = "cancelled_merchandise",
        /// The charge was late.
        LatePresentment = "late_presentment",
        /// The charge was not authorized.
        NoAuthorization = "no_authorization",
        /// A problem with the transfer.
        ProblemWithRemittance = "problem_with_remittance",
        _ = "other",
    }
}

open_enum! {
    /// The step of a dispute (`dispute.type`). The meanings are inferred from the names. `other` is documented too.
    pub enum DisputeType {
        /// The first chargeback of a payment.
        FirstChargeback = "1st_time_chargeback",
        /// The second chargeback, after the first was contested.
        SecondChargeback = "2nd_time_chargeback",
        /// The card network decides.
        Arbitration = "arbitration",
        /// The bank asks for documents.
        Retrieval = "retrieval",
        /// The chargeback is contested.
        Representment = "representment",
        /// The chargeback was reversed.
        ChargebackReversal = "chargeback_reversal",
        /// The contest was reversed.
        RepresentmentReversal = "representment_reversal",
        /// The user was reimbursed.
        Reimbursement = "reimbursement",
        /// A dispute at the payment system.
        Dispute = "dispute",
        /// A chargeback, without a count.
        Chargeback = "chargeback",
        /// A claim at the payment system.
        Claim = "claim",
        /// The reimbursement was reversed.
        ReimbursementReversal = "reimbursement_reversal",
        /// A question about the payment.
        Inquiry = "inquiry",
        _ = "other",
    }
}

open_enum! {
    /// The status of a dispute (`dispute.status`). The meanings are inferred from the names.
    pub enum DisputeStatus {
        /// Not processed yet.
        New = "new",
        /// Accepted, not contested.
        Accepted = "accepted",
        /// No actions are required.
        NoActionsRequired = "no_actions_required",
        /// Decided for the game.
        Won = "won",
        /// Decided for the user.
        Lost = "lost",
    }
}
