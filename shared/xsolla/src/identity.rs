//! What an event is about, and the key under which it is kept once.

use std::fmt;

use sha2::{Digest, Sha256};

/// SHA-256 of a body as it came; shown as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    /// Hashes a body.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }
}

impl fmt::Display for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What an event can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubjectKind {
    /// A payment, and all that follows from it.
    Transaction,
    /// An order for which no money was taken.
    Order,
    /// A subscription.
    Subscription,
    /// A payment account that a user saved.
    PaymentAccount,
    /// A change of a balance.
    Operation,
    /// Nothing that has an id: the body itself.
    Body,
}

impl SubjectKind {
    /// The word in the key.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Order => "order",
            Self::Subscription => "subscription",
            Self::PaymentAccount => "payment_account",
            Self::Operation => "operation",
            Self::Body => "body",
        }
    }
}

/// The idempotency key of an event: its subject, its type, and what tells it from others of that type.
///
/// It comes from signed bytes alone. Since a payment and its refund share a transaction id, the type is always part of
/// it. Both parts are printable ASCII and fit DynamoDB's keys (2,048 and 1,024 bytes). Shown as `subject#rest`, for
/// example `transaction#2105129134#payment`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventId {
    subject: String,
    rest: String,
}

impl EventId {
    /// Puts a key together from its parts, as read back from where it was kept.
    #[must_use]
    pub fn new(subject: String, rest: String) -> Self {
        Self { subject, rest }
    }

    /// The key of a body that is kept though it cannot be read: its digest.
    #[must_use]
    pub fn of_unreadable(digest: BodyDigest) -> Self {
        Self::new(format!("body#{digest}"), "unreadable".to_owned())
    }

    /// The key of another content that came under this key, and is kept beside the first.
    #[must_use]
    pub fn of_conflict(&self, digest: BodyDigest) -> Self {
        Self::new(self.subject.clone(), format!("{}#conflict#{digest}", self.rest))
    }

    /// What the event is about: a payment, its order, their refund and their dispute share one subject.
    ///
    /// `transaction#<id>`, else `order#<id>`, `subscription#<id>`, `payment_account#<id>`, `operation#<id>`, else
    /// `body#<digest>`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// All but the subject: the type, and its own id or discriminator.
    #[must_use]
    pub fn rest(&self) -> &str {
        &self.rest
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.subject, self.rest)
    }
}
