//! Tests of the oracle: thousands of purchases pass through the relay in memory, to a correct game and to faulty ones.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use intake::ports::{DecisionStore, History, Parked, Parking, PortError, Queue, SendResult};
use intake::record::{StoredDecision, StoredEvent};
use intake::relay::{Relay, StreamRecord, replay_message};
use intake::sqs_message::Message;
use jiff::Timestamp;
use message::{Event, Goods, GoodsReason, Mode};
use rstest::rstest;
use xsolla::{EventId, PaymentWithoutOrder};

use crate::delivery_log::{DeliveryLog, SentEvent};
use crate::game::{Effect, Ledger};
use crate::holdings::Account;
use crate::notification::Notification;
use crate::oracle::{Bought, expected_holdings};
use crate::purchases::{Purchase, Step, StepKind, purchases};
use crate::violations::{Observations, Violations};

/// Seeds and purchases that pass through the relay.
const SEEDS: u64 = 20;
const ORDERS: u32 = 500;
const SETTING: PaymentWithoutOrder = PaymentWithoutOrder::Grant;

/// The table and the queue, for one purchase.
#[derive(Debug, Default)]
struct Memory {
    events: Mutex<Vec<StoredEvent>>,
    messages: Mutex<Vec<Message>>,
}

impl History for &Memory {
    async fn events_of(&self, subject: &str) -> Result<Vec<StoredEvent>, PortError> {
        let events = self.events.lock().unwrap();
        Ok(events.iter().filter(|event| event.event_id.subject() == subject).cloned().collect())
    }

    async fn subjects_of_order(&self, order_id: &str) -> Result<Vec<String>, PortError> {
        let events = self.events.lock().unwrap();
        let of_order = events.iter().filter(|event| event.order_id.as_deref() == Some(order_id));
        Ok(of_order.map(|event| event.event_id.subject().to_owned()).collect())
    }

    async fn modes_of_subscription(&self, _: &str) -> Result<Vec<Mode>, PortError> {
        let events = self.events.lock().unwrap();
        // The payments of a subscription's purchase all name it.
        Ok(events.iter().filter(|event| event.type_name == "payment").map(|event| event.mode).collect())
    }
}

impl DecisionStore for &Memory {
    async fn store_decision(&self, event_id: &EventId, decision: &StoredDecision) -> Result<(), PortError> {
        let mut events = self.events.lock().unwrap();
        let event = events.iter_mut().find(|event| event.event_id == *event_id).unwrap();
        event.decision.get_or_insert(*decision);
        Ok(())
    }
}

impl Queue for &Memory {
    async fn send(&self, batch: &[&Message]) -> Vec<SendResult> {
        self.messages.lock().unwrap().extend(batch.iter().copied().cloned());
        batch.iter().map(|_| SendResult::Sent).collect()
    }
}

impl Parking for &Memory {
    async fn park(&self, parked: &Parked) -> Result<(), PortError> {
        panic!("{parked:?}")
    }
}

/// Sends the webhooks of a purchase through the relay. Returns the messages for the game.
async fn relay(purchase: &Purchase, log: &mut DeliveryLog) -> Vec<Effect> {
    let memory = Memory::default();
    let relay = Relay { queue: &memory, parking: &memory, history: &memory, payment_without_order: SETTING };
    let mut set_aside = Vec::new();
    let mut effects = Vec::new();
    for (index, step) in purchase.steps.iter().enumerate() {
        let now = Timestamp::from_second(i64::try_from(index).unwrap()).unwrap();
        match step.kind {
            StepKind::Question => continue,
            StepKind::Event { sale, goods, is_set_aside } => {
                let event = memory.store(step, now);
                let event_id = Notification::read(&step.body).unwrap().event_id.to_string();
                set_aside.extend(is_set_aside.then(|| event_id.clone()));
                let sent = SentEvent { purchase: purchase.number, sale, step: index, goods, is_acknowledged: true };
                log.events.entry(event_id).or_default().push(sent);
                let (pk, sk) = (event.event_id.subject().to_owned(), event.event_id.rest().to_owned());
                let record = StreamRecord { sequence_number: index.to_string(), pk, sk, event: Ok(event) };
                let outcome = relay.relay(&[record], now, || Duration::from_mins(1)).await;
                assert_eq!(outcome.retry_from, None);
            }
            StepKind::Replay => {
                let event_id = Notification::read(&step.body).unwrap().event_id;
                let event = memory.events.lock().unwrap().iter().find(|event| event.event_id == event_id).cloned();
                let message = replay_message(&event.unwrap(), &&memory, SETTING, now).await.unwrap();
                memory.messages.lock().unwrap().extend(message.map(|replay| replay.message));
            }
        }
        for message in memory.messages.lock().unwrap().drain(..) {
            let effect = Effect::of(&Event::read(message.body.as_str()).unwrap());
            if effect.is_replay || !set_aside.contains(&effect.event_id) {
                effects.push(effect);
            }
        }
    }
    effects
}

impl Memory {
    /// Stores an event as the webhook function does.
    fn store(&self, step: &Step, now: Timestamp) -> StoredEvent {
        let mut event = Notification::stored_event(&step.body, now);
        let mut events = self.events.lock().unwrap();
        if events.iter().any(|other| other.event_id == event.event_id) {
            event.event_id = event.event_id.with_recurrence(&event.received_at);
        }
        events.push(event.clone());
        event
    }
}

/// Function that changes a message before the game applies it, or drops it.
type Change = fn(Effect) -> Option<Effect>;

/// Judges each purchase by itself. Returns a description of those with violations.
async fn judge(change: Change) -> HashMap<String, Violations> {
    let mut found = HashMap::new();
    for seed in 0..SEEDS {
        for purchase in purchases(ORDERS, seed) {
            let mut log = DeliveryLog::default();
            let (mut ledger, effects) = (Ledger::default(), relay(&purchase, &mut log).await);
            let description = describe(&purchase, &effects);
            effects.into_iter().filter_map(change).for_each(|effect| ledger.apply_once(effect));
            let expected = expected_holdings([&purchase.bought]);
            let observations = Observations { log: &log, ledger: &ledger, stored: &[], expected: &expected };
            let violations = Violations::find(&observations);
            if violations != Violations::default() {
                let differences = ledger.holdings().differences(&expected).join("; ");
                found.insert(format!("seed {seed}: {description}\n  {differences}"), violations);
            }
        }
    }
    found
}

/// The messages of a purchase, one per line.
fn describe(purchase: &Purchase, effects: &[Effect]) -> String {
    let payments = match &purchase.bought {
        Bought::Items { payments, refunds, .. } => format!("{payments} paid, {refunds} refunded"),
        Bought::Subscription { .. } => "subscription".to_owned(),
    };
    let line = |effect: &Effect| {
        let Effect { event_id, goods, goods_reason, subject, is_replay, mode, .. } = effect;
        let replay = if *is_replay { " (replay)" } else { "" };
        format!("\n  {event_id}{replay}: {mode} {goods} {goods_reason:?} in {subject}")
    };
    let sent: Vec<String> = purchase
        .steps
        .iter()
        .filter(|step| step.kind != StepKind::Question)
        .map(|step| {
            format!(
                "{}{}",
                step.notification_type,
                match step.kind {
                    StepKind::Replay => " replayed",
                    StepKind::Event { is_set_aside: true, .. } => " set aside",
                    _ => "",
                }
            )
        })
        .collect();
    format!(
        "purchase {} ({payments}): {}{}",
        purchase.number,
        sent.join(", "),
        effects.iter().map(line).collect::<String>()
    )
}

#[tokio::test]
async fn every_player_holds_what_was_bought_and_not_refunded() {
    let found = judge(Some).await;
    let mut shortest: Vec<_> = found.iter().collect();
    shortest.sort_by_key(|(description, _)| description.len());
    let shown: Vec<String> =
        shortest.iter().take(12).map(|(description, violations)| format!("{description}\n  {violations:?}")).collect();
    assert!(found.is_empty(), "{} purchases:\n{}", found.len(), shown.join("\n"));
}
