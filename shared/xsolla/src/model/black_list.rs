//! `afs_black_list`.

use serde::Deserialize;

use super::open_enum::open_enum;
use super::{Id, Model, Personal};

/// `afs_black_list`: Xsolla's anti-fraud system added an entry to its block list, or removed one.
///
/// It has no user, and its project is in the [`event`](Self::event). Documented
/// [as `afs-rejected-blocklist`](https://developers.xsolla.com/webhooks/operation/afs-rejected-blocklist/). Off by default:
/// Xsolla's account manager enables it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct AfsBlackList {
    /// The change of the block list.
    pub event: BlackListEvent,
}

impl Model for AfsBlackList {
    const TYPE: &'static str = "afs_black_list";
}

/// `event`: one change of the block list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct BlackListEvent {
    /// Whether the entry was added or removed.
    pub action: Option<BlackListAction>,
    /// The reason.
    pub reason: Option<BlackListReason>,
    /// The kind of entry.
    pub parameter: Option<BlackListParameter>,
    /// The entry, such as an e-mail address or a phone number.
    pub parameter_value: Option<Personal>,
    /// The time: ISO 8601.
    pub date_of_last_action: Option<String>,
    /// The transaction that caused the change.
    pub transaction_id: Option<Id>,
    /// The project. An integer in the documentation, a string in its sample.
    pub project_id: Option<Id>,
}

open_enum! {
    /// The kind of change (`event.action`).
    pub enum BlackListAction {
        /// The entry was added.
        Adding = "adding",
        /// The entry was removed.
        Removing = "removing",
    }
}

open_enum! {
    /// The reason of a change (`event.reason`). The meanings are inferred from the names. The last three seem to be reasons
    /// for a removal.
    pub enum BlackListReason {
        /// The bank charged a payment back.
        Chargeback = "chargeback",
        /// Fraud.
        FraudActivity = "fraud_activity",
        /// Suspected fraud.
        SuspiciousActivity = "suspicious_activity",
        /// The payment system reported fraud.
        PsReportedFraud = "ps_reported_fraud",
        /// A chargeback of a linked payment.
        LinkedChargeback = "linked_chargeback",
        /// A request of the game.
        PartnerRequest = "partner_request",
        /// The account holder paid and denies it.
        FriendlyFraud = "friendly_fraud",
        /// A user reported fraud.
        UserReportedFraud = "user_reported_fraud",
        /// A link to another entry.
        LinkedParameter = "linked_parameter",
        /// Other data of the same payment is on the list.
        OtherDataInBlacklist = "other_data_in_blacklist",
        /// A filter of the anti-fraud system.
        ByAfsFilters = "by_afs_filters",
        /// The entry was added by mistake.
        WronglyAdded = "wrongly_added",
        /// A review by Xsolla's support.
        RemovedByCsReview = "removed_by_cs_review",
        /// Another reason for a removal.
        OtherForgivenessReason = "other_forgiveness_reason",
    }
}

open_enum! {
    /// The kind of entry (`event.parameter`). The meanings are inferred from the names.
    pub enum BlackListParameter {
        /// The user's nickname.
        Nick = "nick",
        /// An e-mail address.
        Email = "email",
        /// An account at a payment system.
        PsAccount = "ps_account",
        /// An IP address.
        IpAddress = "ip_address",
        /// The bank that issued a card.
        CardIssuer = "card_issuer",
        /// A phone number.
        Phone = "phone",
    }
}
