//! The sales of a batch of events: reads what is stored about them, and decides what each event means.

use std::collections::HashMap;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use xsolla::{
    Decision, EventFacts, Goods, GoodsReason, Mode, Notice, NotificationType, PaymentWithoutOrder, Sale, SaleEvent,
    TooComplex, check_complexity,
};

use crate::ports::{History, PortError};
use crate::record::{StoredDecision, StoredEvent};
use crate::sqs_message::{NotJson, notification};

#[cfg(test)]
mod tests;

/// Maximum number of concurrent reads. More would open more connections than they save time.
const CONCURRENT_READS: usize = 64;

/// What is stored about the sales of some events, and the decisions made since.
#[derive(Debug)]
pub struct Sales {
    payment_without_order: PaymentWithoutOrder,
    /// The events of each subject.
    events: HashMap<String, Result<Vec<KnownEvent>, PortError>>,
    /// The subjects of each order.
    orders: HashMap<String, Result<Vec<String>, PortError>>,
    /// The time of the last decision. Later ones have later times, even if they are about other sales: an event can link two.
    decided_at: Option<Timestamp>,
    /// The modes of the payments of each subscription.
    subscriptions: HashMap<String, Result<Vec<Mode>, PortError>>,
}

#[derive(Debug)]
struct KnownEvent {
    event: SaleEvent,
    decision: Option<StoredDecision>,
    /// Whether the decision was to skip the event.
    is_skipped: bool,
}

/// What to do with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is sent.
    Send(Decided),
    /// It is Xsolla's retry of an earlier event, and skipped.
    Skip {
        /// The decision to be stored before later events of the subject are decided, so that a retried batch skips the
        /// event again. `None`: it is already stored.
        to_store: Option<StoredDecision>,
    },
}

/// What an event means, and what its message needs from the other events of its sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// The decision to be stored before the event is sent. `None`: it is already stored.
    pub to_store: Option<StoredDecision>,
    /// Reason to review the sale.
    pub notice: Option<Notice>,
    /// The message group.
    pub group: String,
    /// The user who receives the goods.
    pub recipient: Option<String>,
    /// The order under which a consumer finds the goods.
    pub order_id: Option<String>,
    /// Whether a later state of the event's subscription was sent since.
    pub has_later_state: bool,
}

/// A read of the events table or its indexes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Read {
    Subject(String),
    Order(String),
    Subscription(String),
}

impl Sales {
    /// Reads what is stored about the sales of these events, side by side.
    ///
    /// A failed read affects only the events that need it.
    pub async fn load<'e, H: History>(
        history: &H,
        payment_without_order: PaymentWithoutOrder,
        events: impl IntoIterator<Item = &'e StoredEvent>,
    ) -> Self {
        let mut sales = Self {
            payment_without_order,
            events: HashMap::new(),
            orders: HashMap::new(),
            subscriptions: HashMap::new(),
            decided_at: None,
        };
        // Without the others, because they need no history.
        let events: Vec<SaleEvent> = events
            .into_iter()
            .filter_map(|event| sale_event(event).ok())
            .filter(SaleEvent::depends_on_history)
            .collect();
        loop {
            // The events of an order can name further subjects.
            let missing = sales.missing(&events);
            if missing.is_empty() {
                return sales;
            }
            for reads in missing.chunks(CONCURRENT_READS) {
                join_all(reads.iter().map(|read| fetch(history, read)))
                    .await
                    .into_iter()
                    .for_each(|add| add(&mut sales));
            }
        }
    }

    /// Returns the reads that these events need and that were not done.
    fn missing(&self, events: &[SaleEvent]) -> Vec<Read> {
        let mut missing = Vec::new();
        let mut need = |read: Read| {
            let is_done = match &read {
                Read::Subject(subject) => self.events.contains_key(subject),
                Read::Order(order) => self.orders.contains_key(order),
                Read::Subscription(subscription) => self.subscriptions.contains_key(subscription),
            };
            if !is_done && !missing.contains(&read) {
                missing.push(read);
            }
        };
        for event in events {
            need(Read::Subject(event.event_id().subject().to_owned()));
            if let Some(subscription) = event.subscription() {
                need(Read::Subscription(subscription.to_owned()));
            }
            for order in self.orders(event) {
                if let Some(Ok(subjects)) = self.orders.get(&order) {
                    subjects.iter().cloned().map(Read::Subject).for_each(&mut need);
                }
                need(Read::Order(order));
            }
        }
        missing
    }

    /// Returns the orders whose transactions decide what the event means: its own, or those of its transaction's events.
    fn orders(&self, event: &SaleEvent) -> Vec<String> {
        if !event.depends_on_order() {
            return Vec::new();
        }
        if let Some(order) = event.order() {
            return vec![order.to_owned()];
        }
        let of_subject = self.events.get(event.event_id().subject()).and_then(|events| events.as_ref().ok());
        let mut orders: Vec<String> =
            of_subject.into_iter().flatten().filter_map(|known| known.event.order().map(str::to_owned)).collect();
        orders.sort_unstable();
        orders.dedup();
        orders
    }

    /// Decides what an event means, and remembers the decision for later events.
    ///
    /// # Errors
    ///
    /// If the event can never be relayed, or a read that it needs has failed.
    pub fn decide(&mut self, event: &StoredEvent, now: Timestamp) -> Result<Verdict, DecideError> {
        let notification = notification(&event.body)?.get();
        check_complexity(notification)?;
        let facts = facts_of(event, notification);
        let (sale, known) = self.sale(&facts)?;
        let own = known.iter().find(|known| known.event.event_id() == facts.event_id());
        let earlier = own.map_or(event.decision, |own| own.decision);
        if earlier.is_some_and(|earlier| is_skip(event, earlier.decision)) {
            return Ok(Verdict::Skip { to_store: None });
        }
        // Strictly later than what it was based on, even if the clocks of two machines differ.
        let decided_at = || {
            let decisions = known.iter().filter_map(|known| known.decision);
            let latest = decisions.map(|stored| stored.decided_at).chain(self.decided_at).max();
            let next = latest.map(|latest| latest.saturating_add(SignedDuration::from_micros(1)));
            next.and_then(Result::ok).map_or(now, |next| next.max(now))
        };
        if earlier.is_none() && sale.is_retry(&facts) {
            let decision = Decision { goods: Goods::Info, reason: Some(GoodsReason::PossibleRetry), mode: event.mode };
            let stored = StoredDecision { decision, decided_at: decided_at() };
            self.remember(facts, stored, true);
            return Ok(Verdict::Skip { to_store: Some(stored) });
        }
        let (decision, notice, to_store) = if let Some(earlier) = earlier {
            // A failure may have prevented the first report of the notice.
            (sale.decide_again(&facts, &earlier.decision), sale.notice(&facts, &earlier.decision), None)
        } else {
            let decision = sale.decide(&facts);
            let stored = StoredDecision { decision, decided_at: decided_at() };
            (decision, sale.notice(&facts, &decision), Some(stored))
        };
        // A repeated message has the group of the first one, so only events that were decided earlier count.
        let is_earlier = |stored: StoredDecision| earlier.is_none_or(|earlier| stored.decided_at < earlier.decided_at);
        let earlier_events = known.iter().copied().filter(|known| known.decision.is_some_and(is_earlier));
        let group = self.sale_of(earlier_events).group(&facts).to_owned();
        let is_later = |stored: StoredDecision| earlier.is_some_and(|earlier| stored.decided_at > earlier.decided_at);
        let later_events = known.iter().copied().filter(|known| known.decision.is_some_and(is_later));
        let has_later_state = self.sale_of(later_events).has_state_of_subscription(&facts);
        let decided = Decided {
            decision,
            to_store,
            notice,
            group,
            recipient: sale.recipient(&facts, event.user_id.as_deref()).map(str::to_owned),
            order_id: sale.order_of_goods(&facts, &decision, event.order_id.as_deref()).map(str::to_owned),
            has_later_state,
        };
        if let Some(stored) = to_store {
            self.remember(facts, stored, false);
        }
        Ok(Verdict::Send(decided))
    }

    fn remember(&mut self, event: SaleEvent, decision: StoredDecision, is_skipped: bool) {
        self.decided_at = Some(decision.decided_at);
        let Some(Ok(events)) = self.events.get_mut(event.event_id().subject()) else { return };
        events.retain(|known| known.event.event_id() != event.event_id());
        events.push(KnownEvent { event, decision: Some(decision), is_skipped });
    }

    /// Returns the decided events of a sale in the order of their decisions, without the event itself, and all its known
    /// events.
    fn sale(&self, event: &SaleEvent) -> Result<(Sale, Vec<&KnownEvent>), PortError> {
        if !event.depends_on_history() {
            return Ok((Sale::new(self.payment_without_order), Vec::new()));
        }
        let mut subjects = vec![event.event_id().subject()];
        let orders = self.orders(event);
        for order in &orders {
            subjects.extend(found(&self.orders, order)?.iter().map(String::as_str));
        }
        subjects.sort_unstable();
        subjects.dedup();
        let mut known: Vec<&KnownEvent> = Vec::new();
        for subject in subjects {
            known.extend(found(&self.events, subject)?);
        }
        known.sort_by_key(|known| known.decision.map(|stored| stored.decided_at));
        let others = known.iter().copied().filter(|known| known.event.event_id() != event.event_id());
        let mut sale = self.sale_of(others);
        if let Some(subscription) = event.subscription() {
            sale = sale.with_subscription_payments(found(&self.subscriptions, subscription)?.to_vec());
        }
        Ok((sale, known))
    }

    /// Creates a sale from decided events. Events without a decision and skipped retries are ignored.
    fn sale_of<'k>(&self, events: impl IntoIterator<Item = &'k KnownEvent>) -> Sale {
        let mut sale = Sale::new(self.payment_without_order);
        for KnownEvent { event, decision, .. } in events.into_iter().filter(|known| !known.is_skipped) {
            if let Some(stored) = decision {
                sale.record(event.clone(), stored.decision);
            }
        }
        sale
    }
}

/// Creates a sale from the stored events of its subjects, as decided so far. Events without a decision and skipped retries are
/// ignored.
///
/// The sale is for display. Its setting for payments without an order matters only for new decisions.
#[must_use]
pub fn decided_sale<'e>(events: impl IntoIterator<Item = &'e StoredEvent>) -> Sale {
    let mut decided: Vec<(&StoredEvent, StoredDecision)> = events
        .into_iter()
        .filter(|event| !is_skipped(event))
        .filter_map(|event| Some((event, event.decision?)))
        .collect();
    decided.sort_by_key(|(_, stored)| stored.decided_at);
    let mut sale = Sale::new(PaymentWithoutOrder::Grant);
    for (event, stored) in decided {
        if let Ok(event) = sale_event(event) {
            sale.record(event, stored.decision);
        }
    }
    sale
}

/// Returns whether the relay has skipped an event as Xsolla's retry.
#[must_use]
pub fn is_skipped(event: &StoredEvent) -> bool {
    event.decision.is_some_and(|stored| is_skip(event, stored.decision))
}

/// Returns whether a decision is to skip the event. A partial refund that may be a retry is sent.
fn is_skip(event: &StoredEvent, decision: Decision) -> bool {
    decision.reason == Some(GoodsReason::PossibleRetry) && event.type_name != NotificationType::PARTIAL_REFUND.name()
}

/// Reason why it cannot be decided what an event means.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// The body is not JSON.
    #[error(transparent)]
    NotJson(#[from] NotJson),
    /// Consumers may not be able to parse the body.
    #[error(transparent)]
    TooComplex(#[from] TooComplex),
    /// The events of the sale cannot be read. A retry may succeed.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// Returns the result of a read.
fn found<'m, T>(results: &'m HashMap<String, Result<Vec<T>, PortError>>, key: &str) -> Result<&'m [T], PortError> {
    results.get(key).map_or(Ok(&[]), |result| result.as_deref().map_err(Clone::clone))
}

/// Performs a read. Returns a function that adds the result.
async fn fetch<'r, H: History>(history: &H, read: &'r Read) -> Box<dyn FnOnce(&mut Sales) + Send + 'r> {
    match read {
        Read::Subject(subject) => {
            let events = history.events_of(subject).await.map(|events| events.iter().filter_map(known_event).collect());
            Box::new(move |sales| drop(sales.events.insert(subject.clone(), events)))
        }
        Read::Order(order) => {
            let subjects = history.subjects_of_order(order).await;
            Box::new(move |sales| drop(sales.orders.insert(order.clone(), subjects)))
        }
        Read::Subscription(subscription) => {
            let modes = history.modes_of_subscription(subscription).await;
            Box::new(move |sales| drop(sales.subscriptions.insert(subscription.clone(), modes)))
        }
    }
}

fn known_event(event: &StoredEvent) -> Option<KnownEvent> {
    Some(KnownEvent { event: sale_event(event).ok()?, decision: event.decision, is_skipped: is_skipped(event) })
}

/// Reads the facts of a stored event.
///
/// # Errors
///
/// If the body is not JSON.
pub fn sale_event(event: &StoredEvent) -> Result<SaleEvent, NotJson> {
    Ok(facts_of(event, notification(&event.body)?.get()))
}

fn facts_of(event: &StoredEvent, notification: &str) -> SaleEvent {
    SaleEvent::new(&EventFacts {
        event_id: event.event_id.clone(),
        notification_type: event.type_name.parse::<NotificationType>().ok(),
        identified: event.identified,
        mode: event.mode,
        received_at: &event.received_at,
        notification,
    })
}
