//! `afs_black_list`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::open_enum::open_enum;
use super::{Id, Model, Personal};

/// `afs_black_list`: Xsolla's anti-fraud system blocks something about a user, or does so no longer.
///
/// It names no user, and its project is in the [`event`](Self::event). Documented
/// [as `afs-rejected-blocklist`](https://developers.xsolla.com/webhooks/operation/afs-rejected-blocklist/). Sent at the
/// wish of the game: Xsolla's account manager switches it on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct AfsBlackList {
    /// What changed in the block list.
    pub event: BlackListEvent,
}

impl Model for AfsBlackList {
    const TYPE: &'static str = "afs_black_list";
}

/// `event`: one change of the block list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct BlackListEvent {
    /// Whether it was added or removed.
    pub action: Option<BlackListAction>,
    /// Why.
    pub reason: Option<BlackListReason>,
    /// What kind of thing is blocked.
    pub parameter: Option<BlackListParameter>,
    /// The thing itself: an e-mail address, a phone number.
    pub parameter_value: Option<Personal>,
    /// When: ISO 8601.
    pub date_of_last_action: Option<String>,
    /// The transaction that gave the occasion.
    pub transaction_id: Option<Id>,
    /// The project. An integer in the documentation, a string in its sample.
    pub project_id: Option<Id>,
}

open_enum! {
    /// What was done to the block list (`event.action`).
    pub enum BlackListAction {
        /// Put on the list.
        Adding = "adding",
        /// Taken off the list.
        Removing = "removing",
    }
}

open_enum! {
    /// Why the block list changed (`event.reason`). What each means is read from its name; the last three seem to be
    /// reasons to take something off the list.
    pub enum BlackListReason {
        /// The bank charged a payment back.
        Chargeback = "chargeback",
        /// Fraud.
        FraudActivity = "fraud_activity",
        /// It looks like fraud.
        SuspiciousActivity = "suspicious_activity",
        /// The payment system reported fraud.
        PsReportedFraud = "ps_reported_fraud",
        /// A chargeback of something linked to it.
        LinkedChargeback = "linked_chargeback",
        /// The game asked for it.
        PartnerRequest = "partner_request",
        /// The holder paid and denies it.
        FriendlyFraud = "friendly_fraud",
        /// A user reported fraud.
        UserReportedFraud = "user_reported_fraud",
        /// It is linked to something on the list.
        LinkedParameter = "linked_parameter",
        /// Other data of the same payment is on the list.
        OtherDataInBlacklist = "other_data_in_blacklist",
        /// A filter of the anti-fraud system caught it.
        ByAfsFilters = "by_afs_filters",
        /// It should never have been on the list.
        WronglyAdded = "wrongly_added",
        /// Xsolla's support reviewed it.
        RemovedByCsReview = "removed_by_cs_review",
        /// It was forgiven for another reason.
        OtherForgivenessReason = "other_forgiveness_reason",
    }
}

open_enum! {
    /// What kind of thing is blocked (`event.parameter`). What each means is read from its name.
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
