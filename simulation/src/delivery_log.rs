//! Record of the webhooks that the simulated Xsolla sent.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use xsolla::Goods;

/// Sent webhooks and received answers.
#[derive(Debug, Default)]
pub(crate) struct DeliveryLog {
    /// Sent events by event id, in order. A state that returns is sent under one id several times.
    pub(crate) events: HashMap<String, Vec<SentEvent>>,
    /// Digests of all bodies sent with a correct signature.
    pub(crate) signed_digests: HashSet<String>,
    /// Digests of acknowledged bodies with other content under a known id.
    pub(crate) conflict_digests: HashSet<String>,
    /// Purchases whose webhooks all succeeded.
    pub(crate) completed_purchases: u64,
    /// Requests, including those without an answer.
    pub(crate) requests: u64,
    /// Retries by Xsolla's schedules.
    pub(crate) retries: u64,
    /// Acknowledgements of events, including repeated ones.
    pub(crate) acknowledgements: u64,
    /// Events that an operator sent again.
    pub(crate) replays: u64,
    /// Webhooks whose last retry failed.
    pub(crate) given_up: u64,
    /// Answers other than the documented success or a 5xx, and answers other than 400 to a wrong signature.
    pub(crate) wrong_answers: u64,
    pub(crate) answer_times: Vec<Duration>,
    pub(crate) simulated_time: Duration,
}

/// A sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentEvent {
    pub(crate) purchase: u32,
    /// Number of the transaction within the purchase.
    pub(crate) sale: u32,
    /// Position among the purchase's webhooks.
    pub(crate) step: usize,
    /// Expected meaning for the goods, unless it depends on the order of the events.
    pub(crate) goods: Option<Goods>,
    pub(crate) is_acknowledged: bool,
}
