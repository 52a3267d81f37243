//! The columns of the table: success, retries, subject, key, goods.

use crate::answer::Success;
use crate::field::Field;
use crate::goods::Goods;
use crate::retry::RetrySchedule;

/// The properties of an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSpec {
    /// The documented answer to a stored event.
    pub(crate) success: Success,
    /// The retry schedule.
    pub(crate) retry: RetrySchedule,
    /// The kinds of subject. Each event has a subject of one of them; otherwise the key contains the body's digest and the
    /// event is not identified.
    pub(crate) subject_kinds: &'static [SubjectKind],
    /// Ids in the key besides the subject. If one is missing, the event is not identified.
    pub(crate) key_fields: &'static [Field],
    /// The part of the key that distinguishes events with the same subject and key fields.
    pub(crate) discriminator: Discriminator,
    /// The rule for the effect on goods.
    pub(crate) goods: GoodsRule,
}

impl EventSpec {
    /// Returns the documented answer to a stored event.
    #[must_use]
    pub const fn success(&self) -> Success {
        self.success
    }
}

/// The part of a key that distinguishes events of one type with the same subject and key fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Discriminator {
    /// Nothing: there is one such event.
    None,
    /// This id. Nothing if it is missing: the subject alone identifies the event.
    IdIfPresent(Field),
    /// These fields together; the body's digest if one is missing.
    ///
    /// For events that move money: the same event in different bytes must not count twice.
    Fields(&'static [Field]),
    /// The body's digest. For types without suitable fields, and for types that report every change of a state.
    Digest,
}

/// The kind of object that an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum SubjectKind {
    /// A payment, and all events that follow from it.
    Transaction,
    /// An order without a payment.
    Order,
    /// A subscription.
    Subscription,
    /// A saved payment account.
    PaymentAccount,
    /// A change of a balance.
    Operation,
    /// A payout to the studio.
    Payout,
    /// The body itself, for an event without any id.
    Body,
}

impl SubjectKind {
    /// The subjects that a signed notification can have. Payouts are unsigned, and any object can have a field `id`.
    pub(crate) const SIGNED: &[Self] =
        &[Self::Transaction, Self::Order, Self::Subscription, Self::PaymentAccount, Self::Operation, Self::Body];

    /// Returns the prefix of the subject.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// The rule for a type's effect on goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GoodsRule {
    /// Every event has the same effect.
    Always(Goods),
    /// Money was received.
    Payment,
    /// All money was returned.
    Refund,
    /// A part of the money was returned.
    PartialRefund,
    /// An order was paid.
    OrderPaid,
    /// A paid order was cancelled.
    OrderCanceled,
    /// A subscription started.
    SubscriptionStart,
    /// A subscription has a new state.
    SubscriptionUpdate,
    /// A subscription will not be renewed.
    SubscriptionNonRenewal,
}
