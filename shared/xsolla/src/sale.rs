//! The rules that decide what each event of a sale means for the goods.

mod event;
mod rules;
#[cfg(test)]
mod tests;

use jiff::SignedDuration;

use crate::event_id::EventId;
use crate::goods::{Goods, PaymentWithoutOrder};
use crate::goods_reason::GoodsReason;
use crate::mode::Mode;
use crate::notification_type::{GoodsRule, NotificationType};
use rules::Known;

pub use event::{EventFacts, SaleEvent};

/// Xsolla retries an unacknowledged webhook for at most this long (`payment`: 12 retries in 48 hours).
pub const RETRY_WINDOW: SignedDuration = SignedDuration::from_hours(48);

/// What an event means for the goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decision {
    /// The effect on the goods.
    pub goods: Goods,
    /// Why the effect is not what the type alone suggests.
    pub reason: Option<GoodsReason>,
    /// The mode of the sale. An event without a sandbox marker is `sandbox` if the payments of its sale are.
    pub mode: Mode,
}

/// A reason to review a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// An order was paid by two transactions. One of them should be refunded.
    DoublePayment,
    /// A payment and the `order_paid` of its sale both carry the goods, so the setting [`PaymentWithoutOrder`] is
    /// probably wrong. The goods were granted once.
    PaymentAlsoGranted,
    /// Two partial refunds are identical and have no date: a retry or a second refund.
    AmbiguousRefund,
}

/// A sale: its events with their decisions, in the order in which they were decided.
///
/// A sale is all events of one transaction. An order can have several transactions: then the history has the events of all
/// of them, because they share the goods. Live and sandbox events are separate sales.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::{EventFacts, Goods, GoodsReason, Mode, NotificationType, PaymentWithoutOrder, Sale, SaleEvent};
///
/// let event = |id: &str, notification_type, notification| {
///     let event_id = id.parse().unwrap();
///     let received_at = "2026-11-22T10:00:00Z";
///     SaleEvent::new(&EventFacts {
///         event_id, notification_type: Some(notification_type), identified: true, mode: Mode::Live, received_at, notification,
///     })
/// };
/// let canceled = event(
///     "transaction#7#order_canceled#5",
///     NotificationType::ORDER_CANCELED,
///     r#"{"order":{"id":5,"invoice_id":"7"}}"#,
/// );
/// let paid = event(
///     "transaction#7#order_paid#5",
///     NotificationType::ORDER_PAID,
///     r#"{"order":{"id":5,"invoice_id":"7"}}"#,
/// );
///
/// let mut sale = Sale::new(PaymentWithoutOrder::Grant);
/// assert_eq!(sale.apply(canceled).goods, Goods::Revoke);
/// // A late `order_paid` grants nothing.
/// let decision = sale.apply(paid);
/// assert_eq!((decision.goods, decision.reason), (Goods::Info, Some(GoodsReason::AlreadyRevoked)));
/// ```
#[derive(Debug, Clone)]
pub struct Sale {
    payment_without_order: PaymentWithoutOrder,
    decided: Vec<(SaleEvent, Decision)>,
    subscription_payments: Vec<Mode>,
}

impl Sale {
    /// Creates a sale without events.
    #[must_use]
    pub const fn new(payment_without_order: PaymentWithoutOrder) -> Self {
        Self { payment_without_order, decided: Vec::new(), subscription_payments: Vec::new() }
    }

    /// Sets the modes of the payments that name the subscription.
    ///
    /// Subscription events have no sandbox marker of their own.
    #[must_use]
    pub fn with_subscription_payments(self, subscription_payments: Vec<Mode>) -> Self {
        Self { subscription_payments, ..self }
    }

    /// Decides the effect of the next event, and adds it.
    pub fn apply(&mut self, event: SaleEvent) -> Decision {
        let decision = self.decide(&event);
        self.record(event, decision);
        decision
    }

    /// Adds an event that was decided earlier. Events are added in the order of their decisions.
    pub fn record(&mut self, event: SaleEvent, decision: Decision) {
        self.decided.push((event, decision));
    }

    /// Decides the effect of the next event.
    #[must_use]
    pub fn decide(&self, event: &SaleEvent) -> Decision {
        let mode = self.mode(event);
        let (goods, reason) = self.known(self.in_mode(mode)).effect(event);
        Decision { goods, reason, mode }
    }

    /// Decides the effect of an event that was decided before, for a retry or a replay.
    ///
    /// The sale has the other events. The earlier decision holds unless it gives something that was taken back since.
    #[must_use]
    pub fn decide_again(&self, event: &SaleEvent, earlier: &Decision) -> Decision {
        let gives = matches!(
            earlier.goods,
            Goods::Grant | Goods::SubscriptionStarted | Goods::SubscriptionRenewed | Goods::SubscriptionChanged
        );
        match self.known(self.in_mode(earlier.mode)).taken_back(event) {
            Some(reason) if gives => Decision { goods: Goods::Info, reason: Some(reason), ..*earlier },
            _ => *earlier,
        }
    }

    /// Returns whether one of the events sets a state of the same subscription.
    #[must_use]
    pub fn has_state_of_subscription(&self, event: &SaleEvent) -> bool {
        self.decided.iter().any(|(other, decision)| {
            decision.goods.is_subscription() && other.event_id.subject() == event.event_id.subject()
        })
    }

    /// Returns whether an event with the bytes of an earlier event is Xsolla's retry of it.
    ///
    /// A state can return: a subscription's next charge moves from March to April, and back to March. The same bytes are a retry
    /// only while no later state is known, and only for 48 hours. States received after the event do not count, so that the
    /// answer does not change later. An undated partial refund is never a retry for certain: see
    /// [`GoodsReason::PossibleRetry`].
    #[must_use]
    pub fn is_retry(&self, event: &SaleEvent) -> bool {
        if !event.event_id.is_recurrence() || event.rule() == GoodsRule::PartialRefund {
            return false;
        }
        let is_same = |other: &SaleEvent| other.event_id.rest_of_first() == event.event_id.rest_of_first();
        let others = self.decided.iter().map(|(other, _)| other);
        // Of two overlapping deliveries, the second can be stored first.
        let mut states = others.filter(|other| {
            other.is_state_of_same_object(event) && (is_same(other) || !other.is_received_after(event))
        });
        states.next_back().is_none_or(|latest| is_same(latest) && latest.is_received_within(RETRY_WINDOW, event))
    }

    /// Returns the reason to review the sale after a decision.
    #[must_use]
    pub fn notice(&self, event: &SaleEvent, decision: &Decision) -> Option<Notice> {
        match decision.reason? {
            GoodsReason::OrderAlreadyGranted => Some(Notice::DoublePayment),
            GoodsReason::PossibleRetry => Some(Notice::AmbiguousRefund),
            GoodsReason::AlreadyGranted if event.is(NotificationType::ORDER_PAID) => {
                let known = self.known(self.in_mode(decision.mode));
                let is_granted_by_payment = known.grants(event).any(|other| other.is(NotificationType::PAYMENT));
                is_granted_by_payment.then_some(Notice::PaymentAlsoGranted)
            }
            _ => None,
        }
    }

    /// Returns the user who receives the goods: the receiver of a gift, else `user_id`.
    ///
    /// `None` if a gift names its receiver by e-mail only.
    #[must_use]
    pub fn recipient<'a>(&'a self, event: &'a SaleEvent, user_id: Option<&'a str>) -> Option<&'a str> {
        let others = self.decided.iter().map(|(other, _)| other).filter(|other| other.is_same_sale(event));
        match std::iter::once(event).chain(others).find_map(|event| event.gift.as_ref()) {
            Some(gift) => gift.receiver.as_deref(),
            None => user_id,
        }
    }

    /// Returns the order under which a consumer finds the goods: that of the event that granted them, for a revocation.
    ///
    /// `order_id` is that of the event. A payment that granted the goods may name no order, although its cancellation does.
    #[must_use]
    pub fn order_of_goods<'a>(
        &'a self,
        event: &'a SaleEvent,
        decision: &Decision,
        order_id: Option<&'a str>,
    ) -> Option<&'a str> {
        let grant = self.known(self.in_mode(decision.mode)).grants(event).next();
        match grant.filter(|_| decision.goods == Goods::Revoke) {
            Some(grant) => grant.order(),
            None => order_id,
        }
    }

    /// Returns the message group: the subject of the order's first event, or of the transaction's without an order.
    ///
    /// An order can be reported without and with its transaction. Then its events have several subjects.
    #[must_use]
    pub fn group<'a>(&'a self, event: &'a SaleEvent) -> &'a str {
        self.known(self.decided.iter()).first_of_order(event).unwrap_or(event).event_id.subject()
    }

    fn known<'a>(&self, decided: impl Iterator<Item = &'a (SaleEvent, Decision)>) -> Known<'a> {
        Known { decided: decided.collect(), payment_without_order: self.payment_without_order }
    }

    /// Returns the state of the sale in a mode; `None` if no event of that mode is known.
    #[must_use]
    pub fn state(&self, mode: Mode) -> Option<SaleState<'_>> {
        let known = self.known(self.in_mode(mode));
        if known.decided.is_empty() {
            return None;
        }
        let last = |goods: Goods| {
            known.decided.iter().rfind(|(_, decision)| decision.goods == goods).map(|(event, _)| &event.event_id)
        };
        let goods = known.decided.iter().rev().map(|(_, decision)| decision.goods);
        Some(SaleState {
            is_held: known.is_held(),
            granted_by: last(Goods::Grant),
            revoked_by: last(Goods::Revoke),
            payments: known.payments(),
            subscription: goods.into_iter().find(|goods| goods.is_subscription()),
        })
    }

    fn in_mode(&self, mode: Mode) -> impl Iterator<Item = &(SaleEvent, Decision)> {
        self.decided.iter().filter(move |(_, decision)| decision.mode == mode)
    }

    /// Returns the mode of an event: its own, or sandbox if all known payments of its sale are.
    fn mode(&self, event: &SaleEvent) -> Mode {
        // Payments and orders of a test are always marked. The id of a test can be that of a later real sale.
        if event.is_paid() || event.is(NotificationType::ORDER_CANCELED) {
            return event.mode;
        }
        let mut payments = self.subscription_payments.clone();
        if event.subscription().is_none() {
            let others = self.decided.iter().filter(|(other, _)| other.is_same_sale(event) && other.is_paid());
            payments = others.map(|(_, decision)| decision.mode).collect();
        }
        let is_test = !payments.is_empty() && payments.iter().all(|mode| *mode == Mode::Sandbox);
        if is_test { Mode::Sandbox } else { event.mode }
    }
}

/// What is known of a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SaleState<'a> {
    /// Whether the player should hold the goods: granted, and not revoked since.
    pub is_held: bool,
    /// The last event that granted the goods.
    pub granted_by: Option<&'a EventId>,
    /// The last event that revoked the goods.
    pub revoked_by: Option<&'a EventId>,
    /// The transactions, each with whether it was refunded.
    pub payments: Vec<(&'a str, bool)>,
    /// The last effect on a subscription.
    pub subscription: Option<Goods>,
}
