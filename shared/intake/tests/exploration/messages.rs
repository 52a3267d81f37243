//! What Xsolla sends in a story.

use std::time::Duration;

/// The secrets that are valid from a moment on, the current one first.
pub type Secrets = (Duration, &'static str);

/// A story's cast: who signs with what, and what is sent.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub secrets: &'static [Secrets],
    pub messages: Vec<Message>,
}

/// A webhook that Xsolla sends until it has been answered for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// What it is called in the story.
    pub name: &'static str,
    /// What happened in the world. Messages that tell of the same thing must be kept as one event.
    pub tells_of: &'static str,
    pub body: &'static str,
    pub signed_with: &'static str,
    /// When it is sent first.
    pub due: Duration,
    /// Its answer, if nothing fails.
    pub deserves: Deserves,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deserves {
    /// 2xx, and to be kept.
    Success,
    /// 400, and to be kept all the same.
    Unreadable,
    /// This status, and not to be kept.
    Reply(u16),
    /// 400, and to reach nothing.
    Distrust,
}

/// One secret for ever.
pub const ONE_SECRET: &[Secrets] = &[(Duration::ZERO, "old")];
/// A second one is added after two minutes, and Xsolla signs with it ten seconds later.
pub const ROTATION: &[Secrets] = &[(Duration::ZERO, "old"), (Duration::from_mins(2), r#"["new","old"]"#)];
const ROTATED: Duration = Duration::from_secs(130);

/// What SQS is told never to take.
pub const UNSENDABLE: &str = "unsendable";

const fn event(name: &'static str, body: &'static str) -> Message {
    Message { name, tells_of: name, body, signed_with: "old", due: Duration::ZERO, deserves: Deserves::Success }
}

pub const PAYMENT: Message = event("payment 7", r#"{"notification_type":"payment","transaction":{"id":7}}"#);
pub const OTHER_PAYMENT: Message = Message {
    name: "other payment 7",
    body: r#"{"notification_type":"payment","transaction":{"id":7},"more":1}"#,
    ..PAYMENT
};
pub const THIRD_PAYMENT: Message = Message {
    name: "third payment 7",
    body: r#"{"notification_type":"payment","transaction":{"id":7},"more":2}"#,
    ..PAYMENT
};
pub const ORDER_PAID: Message =
    event("order_paid 5 of 7", r#"{"notification_type":"order_paid","order":{"id":5,"invoice_id":"7"}}"#);
pub const REFUND: Message = event("refund 7", r#"{"notification_type":"refund","transaction":{"id":7}}"#);
pub const PAYMENT_8: Message = event("payment 8", r#"{"notification_type":"payment","transaction":{"id":8}}"#);
pub const ROTATED_PAYMENT: Message = Message {
    signed_with: "new",
    due: ROTATED,
    ..event("payment 9", r#"{"notification_type":"payment","transaction":{"id":9}}"#)
};
pub const UNSENDABLE_DISPUTE: Message =
    event("dispute 8", r#"{"notification_type":"dispute","transaction":{"id":8},"note":"unsendable"}"#);
pub const UNKNOWN: Message = event("unknown type", r#"{"notification_type":"chargeback_v9","transaction":{"id":7}}"#);
pub const SAVED: Message =
    event("account 3", r#"{"notification_type":"payment_account_add","payment_account":{"id":3}}"#);
pub const SAVED_AGAIN: Message =
    Message { name: "account 3 again", tells_of: "account 3 again", due: Duration::from_hours(60), ..SAVED };
pub const UNREADABLE: Message = Message { deserves: Deserves::Unreadable, ..event("no JSON", "payment") };
pub const KNOWN_USER: Message = Message {
    deserves: Deserves::Reply(204),
    ..event("known user", r#"{"notification_type":"user_validation","user":{"id":"known"}}"#)
};
pub const UNKNOWN_USER: Message = Message {
    deserves: Deserves::Reply(400),
    ..event("unknown user", r#"{"notification_type":"user_validation","user":{"id":"stranger"}}"#)
};
pub const FORGED: Message = Message {
    name: "forged payment",
    tells_of: "a forgery",
    signed_with: "guess",
    deserves: Deserves::Distrust,
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
/// More than one call to SQS takes.
pub const TWELVE_PAYMENTS: &[Message] = payments!(1 2 3 4 5 6 7 8 9 10 11 12);

pub const ALL: &[Message] = &[
    PAYMENT,
    OTHER_PAYMENT,
    THIRD_PAYMENT,
    ORDER_PAID,
    REFUND,
    PAYMENT_8,
    ROTATED_PAYMENT,
    UNSENDABLE_DISPUTE,
    UNKNOWN,
    SAVED,
    SAVED_AGAIN,
    UNREADABLE,
    KNOWN_USER,
    UNKNOWN_USER,
    FORGED,
];

impl Scenario {
    pub fn of(messages: &[Message]) -> Self {
        Self { secrets: ONE_SECRET, messages: messages.to_vec() }
    }
}
