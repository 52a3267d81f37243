//! The webhooks that Xsolla sends in a history.

use std::time::Duration;

/// A time, and the secrets that are valid from then on, current one first.
pub type Secrets = (Duration, &'static str);

/// Secrets and webhooks of a history.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub secrets: &'static [Secrets],
    pub webhooks: Vec<Webhook>,
}

/// A webhook that Xsolla sends until it is answered with 2xx or 4xx.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Webhook {
    /// Name in transcripts.
    pub name: &'static str,
    /// Name of the real-world occurrence. Webhooks about the same occurrence must be stored as one event.
    pub occurrence: &'static str,
    pub body: &'static str,
    pub signed_with: &'static str,
    /// Time of the first delivery.
    pub due: Duration,
    /// Answer without failures.
    pub expected: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// 2xx, stored.
    Success,
    /// 400, stored.
    Unreadable,
    /// This status, not stored.
    Reply(u16),
    /// 400, without calls.
    BadSignature,
}

pub const ONE_SECRET: &[Secrets] = &[(Duration::ZERO, "old")];
/// A second secret is added after two minutes. Xsolla signs with it ten seconds later.
pub const ROTATION: &[Secrets] = &[(Duration::ZERO, "old"), (Duration::from_mins(2), r#"["new","old"]"#)];
const AFTER_ROTATION: Duration = Duration::from_secs(130);

/// SQS rejects messages that contain this.
pub const UNSENDABLE: &str = "unsendable";

const fn event(name: &'static str, body: &'static str) -> Webhook {
    Webhook { name, occurrence: name, body, signed_with: "old", due: Duration::ZERO, expected: Expected::Success }
}

pub const PAYMENT: Webhook = event("payment 7", r#"{"notification_type":"payment","transaction":{"id":7}}"#);
pub const OTHER_PAYMENT: Webhook = Webhook {
    name: "other payment 7",
    body: r#"{"notification_type":"payment","transaction":{"id":7},"more":1}"#,
    ..PAYMENT
};
pub const THIRD_PAYMENT: Webhook = Webhook {
    name: "third payment 7",
    body: r#"{"notification_type":"payment","transaction":{"id":7},"more":2}"#,
    ..PAYMENT
};
pub const ORDER_PAID: Webhook =
    event("order_paid 5 of 7", r#"{"notification_type":"order_paid","order":{"id":5,"invoice_id":"7"}}"#);
pub const REFUND: Webhook = event("refund 7", r#"{"notification_type":"refund","transaction":{"id":7}}"#);
pub const PAYMENT_8: Webhook = event("payment 8", r#"{"notification_type":"payment","transaction":{"id":8}}"#);
pub const ROTATED_PAYMENT: Webhook = Webhook {
    signed_with: "new",
    due: AFTER_ROTATION,
    ..event("payment 9", r#"{"notification_type":"payment","transaction":{"id":9}}"#)
};
pub const UNSENDABLE_DISPUTE: Webhook =
    event("dispute 8", r#"{"notification_type":"dispute","transaction":{"id":8},"note":"unsendable"}"#);
pub const UNKNOWN_TYPE: Webhook =
    event("unknown type", r#"{"notification_type":"chargeback_v9","transaction":{"id":7}}"#);
pub const ACCOUNT_ADDED: Webhook =
    event("account 3", r#"{"notification_type":"payment_account_add","payment_account":{"id":3}}"#);
pub const ACCOUNT_ADDED_AGAIN: Webhook =
    Webhook { name: "account 3 again", occurrence: "account 3 again", due: Duration::from_hours(60), ..ACCOUNT_ADDED };
pub const UNREADABLE: Webhook = Webhook { expected: Expected::Unreadable, ..event("not JSON", "payment") };
pub const KNOWN_USER: Webhook = Webhook {
    expected: Expected::Reply(204),
    ..event("known user", r#"{"notification_type":"user_validation","user":{"id":"known"}}"#)
};
pub const UNKNOWN_USER: Webhook = Webhook {
    expected: Expected::Reply(400),
    ..event("unknown user", r#"{"notification_type":"user_validation","user":{"id":"stranger"}}"#)
};
pub const FORGED: Webhook = Webhook {
    name: "forged payment",
    occurrence: "forgery",
    signed_with: "guess",
    expected: Expected::BadSignature,
    ..PAYMENT_8
};

macro_rules! payments {
    ($($id:literal)*) => {
        &[$(event(
            concat!("payment ", $id),
            concat!(r#"{"notification_type":"payment","transaction":{"id":"#, $id, "}}"),
        )),*]
    };
}
/// More messages than one call to SQS can have.
pub const TWELVE_PAYMENTS: &[Webhook] = payments!(1 2 3 4 5 6 7 8 9 10 11 12);

pub const ALL: &[Webhook] = &[
    PAYMENT,
    OTHER_PAYMENT,
    THIRD_PAYMENT,
    ORDER_PAID,
    REFUND,
    PAYMENT_8,
    ROTATED_PAYMENT,
    UNSENDABLE_DISPUTE,
    UNKNOWN_TYPE,
    ACCOUNT_ADDED,
    ACCOUNT_ADDED_AGAIN,
    UNREADABLE,
    KNOWN_USER,
    UNKNOWN_USER,
    FORGED,
];

impl Scenario {
    pub fn new(webhooks: &[Webhook]) -> Self {
        let secrets = if webhooks.contains(&ROTATED_PAYMENT) { ROTATION } else { ONE_SECRET };
        Self { secrets, webhooks: webhooks.to_vec() }
    }
}
