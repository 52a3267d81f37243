//! The webhooks that Xsolla sends in a history.

use std::time::Duration;

use xsolla::Mode;

/// A time, and the secrets that are valid from then on, current one first.
pub type Secrets = (Duration, &'static str);

/// Secrets and webhooks of a history.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub secrets: &'static [Secrets],
    pub webhooks: Vec<Webhook>,
    /// Number of shards of the table's stream. Lambda relays them independently.
    pub shards: usize,
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
    /// What it reports about a purchase.
    pub report: Option<Report>,
    /// Whether it is about a test.
    pub mode: Mode,
}

/// What a webhook reports about a purchase. Xsolla knows this, even if the webhook does not name the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    pub kind: ReportKind,
    /// The purchase: an order, or a transaction without an order.
    pub purchase: &'static str,
    pub transaction: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    Payment,
    OrderPaid,
    Refund,
    OrderCanceled,
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
    Webhook {
        name,
        occurrence: name,
        body,
        signed_with: "old",
        due: Duration::ZERO,
        expected: Expected::Success,
        report: None,
        mode: Mode::Live,
    }
}

/// An event of a purchase.
const fn about(purchase: &'static str, transaction: u32, kind: ReportKind, webhook: Webhook) -> Webhook {
    Webhook { report: Some(Report { kind, purchase, transaction }), ..webhook }
}

/// The setting is wrong for order 5: its payment does not name it.
pub const PAYMENT: Webhook = about(
    "order 5",
    7,
    ReportKind::Payment,
    event("payment 7", r#"{"notification_type":"payment","transaction":{"id":7}}"#),
);
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
pub const ORDER_PAID: Webhook = about(
    "order 5",
    7,
    ReportKind::OrderPaid,
    event("order_paid 5 of 7", r#"{"notification_type":"order_paid","order":{"id":5,"invoice_id":"7"}}"#),
);
pub const REFUND: Webhook = about(
    "order 5",
    7,
    ReportKind::Refund,
    event("refund 7", r#"{"notification_type":"refund","transaction":{"id":7}}"#),
);
pub const ORDER_CANCELED: Webhook = about(
    "order 5",
    7,
    ReportKind::OrderCanceled,
    event("order_canceled 5 of 7", r#"{"notification_type":"order_canceled","order":{"id":5,"invoice_id":"7"}}"#),
);
pub const PAYMENT_8: Webhook = about(
    "transaction 8",
    8,
    ReportKind::Payment,
    event("payment 8", r#"{"notification_type":"payment","transaction":{"id":8}}"#),
);
pub const ROTATED_PAYMENT: Webhook = Webhook {
    signed_with: "new",
    due: AFTER_ROTATION,
    ..about(
        "transaction 9",
        9,
        ReportKind::Payment,
        event("payment 9", r#"{"notification_type":"payment","transaction":{"id":9}}"#),
    )
};

/// Order 6 is paid twice, by the transactions 17 and 18.
pub const PAID_BY_17: Webhook = about(
    "order 6",
    17,
    ReportKind::OrderPaid,
    event("order_paid 6 of 17", r#"{"notification_type":"order_paid","order":{"id":6,"invoice_id":"17"}}"#),
);
pub const PAID_BY_18: Webhook = about(
    "order 6",
    18,
    ReportKind::OrderPaid,
    event("order_paid 6 of 18", r#"{"notification_type":"order_paid","order":{"id":6,"invoice_id":"18"}}"#),
);
pub const CANCELED_17: Webhook = about(
    "order 6",
    17,
    ReportKind::OrderCanceled,
    event("order_canceled 6 of 17", r#"{"notification_type":"order_canceled","order":{"id":6,"invoice_id":"17"}}"#),
);
pub const CANCELED_18: Webhook = about(
    "order 6",
    18,
    ReportKind::OrderCanceled,
    event("order_canceled 6 of 18", r#"{"notification_type":"order_canceled","order":{"id":6,"invoice_id":"18"}}"#),
);
pub const REFUND_18: Webhook = about(
    "order 6",
    18,
    ReportKind::Refund,
    event("refund 18", r#"{"notification_type":"refund","transaction":{"id":18}}"#),
);

/// Order 4 is paid by transaction 27. Some of its webhooks do not name the transaction.
pub const PAID_WITHOUT_INVOICE: Webhook = about(
    "order 4",
    27,
    ReportKind::OrderPaid,
    event("order_paid 4", r#"{"notification_type":"order_paid","order":{"id":4,"invoice_id":null}}"#),
);
pub const PAID_WITH_INVOICE: Webhook = about(
    "order 4",
    27,
    ReportKind::OrderPaid,
    event("order_paid 4 of 27", r#"{"notification_type":"order_paid","order":{"id":4,"invoice_id":"27"}}"#),
);
pub const CANCELED_WITHOUT_INVOICE: Webhook = about(
    "order 4",
    27,
    ReportKind::OrderCanceled,
    event("order_canceled 4", r#"{"notification_type":"order_canceled","order":{"id":4,"invoice_id":null}}"#),
);
pub const CANCELED_WITH_INVOICE: Webhook = about(
    "order 4",
    27,
    ReportKind::OrderCanceled,
    event("order_canceled 4 of 27", r#"{"notification_type":"order_canceled","order":{"id":4,"invoice_id":"27"}}"#),
);

/// Subscription 31 is moved from March to April, and back to March.
pub const MARCH: Webhook = event(
    "subscription 31 until March",
    r#"{"notification_type":"update_subscription","subscription":{"subscription_id":31,"plan_id":"a","date_next_charge":"2027-03-01"}}"#,
);
pub const APRIL: Webhook = event(
    "subscription 31 until April",
    r#"{"notification_type":"update_subscription","subscription":{"subscription_id":31,"plan_id":"a","date_next_charge":"2027-04-01"}}"#,
);
pub const MARCH_AGAIN: Webhook =
    Webhook { name: "subscription 31 until March again", occurrence: "March again", ..MARCH };
pub const SUBSCRIPTION_CREATED: Webhook = event(
    "subscription 31 starts",
    r#"{"notification_type":"create_subscription","subscription":{"subscription_id":31,"plan_id":"a","date_next_charge":"2027-02-01"}}"#,
);
pub const SUBSCRIPTION_CANCELED: Webhook = event(
    "subscription 31 ends",
    r#"{"notification_type":"cancel_subscription","subscription":{"subscription_id":31,"plan_id":"a"}}"#,
);

/// Subscription 32 is a test. Only its charge says so.
pub const TEST_CHARGE: Webhook = Webhook {
    mode: Mode::Sandbox,
    ..event(
        "test charge 40 of subscription 32",
        r#"{"notification_type":"payment","transaction":{"id":40,"dry_run":1},"purchase":{"subscription":{"subscription_id":32}}}"#,
    )
};
pub const TEST_SUBSCRIPTION: Webhook = Webhook {
    mode: Mode::Sandbox,
    ..event(
        "subscription 32 starts",
        r#"{"notification_type":"create_subscription","subscription":{"subscription_id":32,"plan_id":"a"}}"#,
    )
};
pub const TEST_CHARGE_REFUNDED: Webhook = Webhook {
    mode: Mode::Sandbox,
    ..event(
        "refund 40 of subscription 32",
        r#"{"notification_type":"refund","transaction":{"id":40},"purchase":{"subscription":{"subscription_id":32}}}"#,
    )
};
pub const TEST_SUBSCRIPTION_CANCELED: Webhook = Webhook {
    mode: Mode::Sandbox,
    ..event(
        "subscription 32 ends",
        r#"{"notification_type":"cancel_subscription","subscription":{"subscription_id":32,"plan_id":"a"}}"#,
    )
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
    ORDER_CANCELED,
    PAID_BY_17,
    PAID_BY_18,
    CANCELED_17,
    CANCELED_18,
    REFUND_18,
    PAID_WITHOUT_INVOICE,
    PAID_WITH_INVOICE,
    CANCELED_WITHOUT_INVOICE,
    CANCELED_WITH_INVOICE,
    MARCH,
    APRIL,
    MARCH_AGAIN,
    SUBSCRIPTION_CREATED,
    SUBSCRIPTION_CANCELED,
    TEST_CHARGE,
    TEST_SUBSCRIPTION,
    TEST_SUBSCRIPTION_CANCELED,
    UNREADABLE,
    KNOWN_USER,
    UNKNOWN_USER,
    FORGED,
];

impl Scenario {
    pub fn new(webhooks: &[Webhook]) -> Self {
        let secrets = if webhooks.contains(&ROTATED_PAYMENT) { ROTATION } else { ONE_SECRET };
        Self { secrets, webhooks: webhooks.to_vec(), shards: 1 }
    }

    /// Returns the shard of a subject's events.
    pub fn shard(&self, subject: &str) -> usize {
        subject.bytes().map(usize::from).sum::<usize>() % self.shards
    }

    /// Returns the webhook with a body that Xsolla sends.
    pub fn webhook(&self, body: &str) -> Option<&Webhook> {
        self.webhooks.iter().find(|webhook| webhook.body == body && webhook.expected == Expected::Success)
    }
}
