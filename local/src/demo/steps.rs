//! The webhooks of the demonstration.

use std::fmt;

use jiff::Timestamp;
use xsolla::{BodyDigest, samples};

/// Ids in the samples that need a new value for each run, since a table on disk remembers them.
pub(crate) const IDS: [&str; 5] = ["2298114507", "2298120944", "2298130071", "712045518", "712051377"];

/// A webhook and its expected handling.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) path: &'static str,
    pub(super) body: String,
    pub(super) has_wrong_signature: bool,
    pub(super) is_retry: bool,
    /// Status, and error code if any.
    pub(super) answer: &'static str,
    pub(super) expected: Expected,
}

/// Expected content of the table and the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    NotStored,
    /// Stored once and queued once, also after a retry.
    Queued,
    /// Stored as a conflict and not queued.
    Conflict,
}

impl Step {
    pub(super) fn digest(&self) -> BodyDigest {
        BodyDigest::of(self.body.as_bytes())
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStored => "not stored, not queued",
            Self::Queued => "stored once, queued once",
            Self::Conflict => "stored as conflict, not queued",
        })
    }
}

/// A question, two sales with their reversals (one in each of Xsolla's webhook modes), a retry, a conflict and two
/// rejected webhooks.
pub(super) fn steps() -> Vec<Step> {
    let run = Timestamp::now().as_second();
    let step = |name, path, sample, answer| {
        let body = with_fresh_ids(sample, run);
        Step { name, path, body, has_wrong_signature: false, is_retry: false, answer, expected: Expected::Queued }
    };
    let payment = || step("payment", "/webhooks", "payment", "204");
    let changed = with_fresh_ids("payment", run).replace("7.99", "79.90");
    let forged = with_fresh_ids("payment", run).replace("7.99", "0.01");
    vec![
        Step {
            expected: Expected::NotStored,
            ..step("user_validation (question)", "/webhooks", "user_validation", "204")
        },
        payment(),
        Step { name: "payment, retried", is_retry: true, ..payment() },
        Step { name: "payment, other content", body: changed, expected: Expected::Conflict, ..payment() },
        Step {
            name: "payment, wrong signature",
            body: forged,
            has_wrong_signature: true,
            answer: "400 INVALID_SIGNATURE",
            expected: Expected::NotStored,
            ..payment()
        },
        step("order_paid (separate)", "/webhooks", "order_paid-separate", "200"),
        step("order_paid (combined)", "/webhooks/order_paid", "order_paid-combined", "200"),
        step("partial_refund", "/webhooks", "partial_refund", "204"),
        step("refund", "/webhooks/refund", "refund", "204"),
        step("order_canceled (separate)", "/webhooks", "order_canceled-separate", "200"),
        step("order_canceled (combined)", "/webhooks", "order_canceled-combined", "200"),
        Step {
            expected: Expected::NotStored,
            ..step("payment at /refund", "/webhooks/refund", "payment-token", "503 SERVER_ERROR")
        },
    ]
}

fn with_fresh_ids(sample: &str, run: i64) -> String {
    let body = samples::get(sample).map_or("", |sample| sample.body.trim_end());
    IDS.iter().fold(body.to_owned(), |body, id| body.replace(id, &format!("{run}{}", &id[id.len() - 4..])))
}
