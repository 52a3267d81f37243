//! `dispute`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::open_enum::open_enum;
use super::{Id, Model, Money, Personal, Settings};

/// `dispute`: a payment is disputed, or something new is known of a dispute.
///
/// A dispute has no id of its own, and several notifications for one transaction are normal. Documented among
/// [Xsolla's webhooks](https://developers.xsolla.com/webhooks/). Sent at the wish of the game: Xsolla's account manager
/// switches it on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Dispute {
    /// The payment that is disputed.
    pub transaction: DisputeTransaction,
    /// The dispute itself.
    pub dispute: DisputeDetails,
    /// Whether the dispute is new or has changed.
    #[schemars(extend("x-always" = true))]
    pub action: Option<DisputeAction>,
    /// Which project it belongs to.
    #[schemars(extend("x-always" = true))]
    pub settings: Option<Settings>,
    /// Who had paid.
    pub user: Option<DisputeUser>,
}

impl Model for Dispute {
    const TYPE: &'static str = "dispute";
}

/// `transaction`, as disputes name a payment. Payments have [another](super::Transaction).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct DisputeTransaction {
    /// Xsolla's id: the payment's.
    #[schemars(extend("x-always" = true))]
    pub id: Option<Id>,
    /// The game's own id, if the token had one.
    pub external_id: Option<Id>,
    /// When the payment was created: ISO 8601.
    #[schemars(extend("x-always" = true))]
    pub date_create: Option<String>,
    /// What was paid.
    #[schemars(extend("x-always" = true))]
    pub total: Option<Money>,
    /// The payment method in a word, `credit_debit_card` or `paypal`, where payments have a number.
    #[schemars(extend("x-always" = true))]
    pub payment_method: Option<Id>,
    /// Two letters, meant as ISO 3166-1 alpha-2. Documented here, sampled in
    /// [`user.country_code`](DisputeUser::country_code).
    pub country_code: Option<String>,
}

/// `user`, as disputes name a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct DisputeUser {
    /// The game's id of the user.
    #[schemars(extend("x-always" = true))]
    pub id: Option<Id>,
    /// E-mail address.
    pub email: Option<Personal>,
    /// Two letters, meant as ISO 3166-1 alpha-2. Sampled here, documented in
    /// [`transaction.country_code`](DisputeTransaction::country_code).
    pub country_code: Option<String>,
}

/// `dispute.dispute`: what is disputed, and how it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct DisputeDetails {
    /// When it came in: RFC 3339.
    #[schemars(extend("x-always" = true))]
    pub incoming_date: Option<String>,
    /// Why it is disputed.
    #[schemars(extend("x-always" = true))]
    pub reason: Option<DisputeReason>,
    /// Which step of the proceedings.
    #[serde(rename = "type")]
    #[schemars(extend("x-always" = true))]
    pub dispute_type: Option<DisputeType>,
    /// How it stands.
    #[schemars(extend("x-always" = true))]
    pub status: Option<DisputeStatus>,
}

open_enum! {
    /// Whether a dispute is new (`action`).
    pub enum DisputeAction {
        /// It is new.
        Adding = "adding",
        /// Something changed.
        Updating = "updating",
    }
}

open_enum! {
    /// What is disputed (`dispute.reason`). What each means is read from its name; there is also `other`.
    pub enum DisputeReason {
        /// Nothing was received.
        NonReceipt = "non_receipt",
        /// What was received is not what was promised.
        NotAsDescribed = "not_as_described",
        /// It was charged twice.
        DuplicateProcessing = "duplicate_processing",
        /// It was paid in another way.
        PaidByOtherMeans = "paid_by_other_means",
        /// The amount is wrong.
        IncorrectAmount = "incorrect_amount",
        /// A promised credit did not come.
        CreditNotProcessed = "credit_not_processed",
        /// No particular reason.
        General = "general",
        /// Somebody else paid.
        Fraud = "fraud",
        /// A subscription had been cancelled.
        CancelledRecurring = "cancelled_recurring",
        /// The purchase had been cancelled.
        CancelledMerchandise = "cancelled_merchandise",
        /// It was charged too late.
        LatePresentment = "late_presentment",
        /// It was charged without authorisation.
        NoAuthorization = "no_authorization",
        /// Something is wrong with the transfer.
        ProblemWithRemittance = "problem_with_remittance",
        _ = "other",
    }
}

open_enum! {
    /// Which step of a dispute (`dispute.type`). What each means is read from its name; there is also `other`.
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
    /// How a dispute stands (`dispute.status`). What each means is read from its name.
    pub enum DisputeStatus {
        /// Nothing was done yet.
        New = "new",
        /// It is not contested.
        Accepted = "accepted",
        /// Nothing has to be done.
        NoActionsRequired = "no_actions_required",
        /// Decided for the game.
        Won = "won",
        /// Decided for the user.
        Lost = "lost",
    }
}
