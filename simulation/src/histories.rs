//! Tests of the oracle: thousands of purchases pass through the relay in memory, to a correct game and to faulty ones.

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
use crate::oracle::expected_holdings;
use crate::purchases::{Purchase, Step, StepKind, purchases};
use crate::violations::{Observations, Violations};

/// Seeds, and purchases of each, that pass through the relay.
const SEEDS: u64 = 5;
const ORDERS: u32 = 400;
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

/// Judges each purchase by itself. Returns the description of the first with such violations.
async fn first_purchase_with(is_found: fn(&Violations) -> bool, change: Change) -> Option<String> {
    for purchase in (0..SEEDS).flat_map(|seed| purchases(ORDERS, seed)) {
        let mut log = DeliveryLog::default();
        let (mut ledger, effects) = (Ledger::default(), relay(&purchase, &mut log).await);
        let description = describe(&purchase, &effects);
        effects.into_iter().filter_map(change).for_each(|effect| ledger.apply_once(effect));
        let expected = expected_holdings([&purchase.bought]);
        let violations =
            Violations::find(&Observations { log: &log, ledger: &ledger, stored: &[], expected: &expected });
        if is_found(&violations) {
            let differences = ledger.holdings().differences(&expected).join("\n  ");
            return Some(format!("{description}\n  {differences}\n  {violations:?}"));
        }
    }
    None
}

/// The events of a purchase and the messages for the game, one per line.
fn describe(purchase: &Purchase, effects: &[Effect]) -> String {
    let event = |step: &Step| match step.kind {
        StepKind::Question => None,
        StepKind::Event { is_set_aside: false, .. } => Some(step.notification_type.to_string()),
        StepKind::Event { is_set_aside: true, .. } => Some(format!("{} (set aside)", step.notification_type)),
        StepKind::Replay => Some(format!("{} (replay)", step.notification_type)),
    };
    let events: Vec<String> = purchase.steps.iter().filter_map(event).collect();
    let message = |effect: &Effect| {
        let Effect { event_id, goods, goods_reason, subject, is_replay, mode, .. } = effect;
        format!("\n  {event_id}: {mode} {goods}, reason {goods_reason:?}, group {subject}, replay {is_replay}")
    };
    let messages: String = effects.iter().map(message).collect();
    format!("purchase {}, {:?}: {}{messages}", purchase.number, purchase.bought, events.join(", "))
}

#[tokio::test]
async fn every_player_holds_what_was_bought_and_not_refunded() {
    let found = first_purchase_with(|violations| *violations != Violations::default(), Some).await;
    assert!(found.is_none(), "{}", found.unwrap_or_default());
}

const fn has_wrong_holdings(violations: &Violations) -> bool {
    violations.wrong_holdings > 0
}

const fn has_granted_after_revocation(violations: &Violations) -> bool {
    violations.granted_after_revocation > 0
}

const fn has_duplicated(violations: &Violations) -> bool {
    violations.duplicated > 0
}

const fn has_lost(violations: &Violations) -> bool {
    violations.lost > 0
}

fn is_type(effect: &Effect, name: &str) -> bool {
    effect.notification_type == name
}

/// A mistake that changes the goods of the messages with this reason.
#[expect(clippy::unnecessary_wraps, reason = "a change can drop a message")]
fn with_goods_if(effect: Effect, reason: GoodsReason, goods: Goods) -> Option<Effect> {
    let goods = if effect.goods_reason == Some(reason) { goods } else { effect.goods };
    Some(Effect { goods, ..effect })
}

#[rstest]
#[case::grants_on_every_order_paid(
    |effect: Effect| Some(Effect { goods: if is_type(&effect, "order_paid") { Goods::Grant } else { effect.goods }, ..effect }),
    has_granted_after_revocation
)]
#[case::grants_on_every_payment(
    |effect: Effect| Some(Effect { goods: if is_type(&effect, "payment") { Goods::Grant } else { effect.goods }, ..effect }),
    has_duplicated
)]
#[case::relay_grants_after_revocation(
    |effect: Effect| {
        let is_grant = is_type(&effect, "order_paid") || is_type(&effect, "payment");
        if is_grant { with_goods_if(effect, GoodsReason::AlreadyRevoked, Goods::Grant) } else { Some(effect) }
    },
    has_wrong_holdings
)]
#[case::relay_grants_replay_after_revocation(
    |effect: Effect| {
        let goods = if effect.is_replay { Goods::Grant } else { effect.goods };
        with_goods_if(effect, GoodsReason::AlreadyRevoked, goods)
    },
    has_granted_after_revocation
)]
#[case::relay_grants_second_payment(
    |effect: Effect| with_goods_if(effect, GoodsReason::OrderAlreadyGranted, Goods::Grant),
    has_wrong_holdings
)]
#[case::relay_revokes_while_a_payment_remains(
    |effect: Effect| with_goods_if(effect, GoodsReason::AnotherPaymentRemains, Goods::Revoke),
    has_wrong_holdings
)]
#[case::relay_grants_order_that_its_payment_granted(
    |effect: Effect| with_goods_if(effect, GoodsReason::AlreadyGranted, Goods::Grant),
    has_duplicated
)]
#[case::relay_revives_ended_subscription(
    |effect: Effect| with_goods_if(effect, GoodsReason::SubscriptionEnded, Goods::SubscriptionRenewed),
    has_wrong_holdings
)]
#[case::relay_starts_subscription_late(
    |effect: Effect| with_goods_if(effect, GoodsReason::AlreadyStarted, Goods::SubscriptionStarted),
    has_wrong_holdings
)]
#[case::relay_drops_returned_states(
    |effect: Effect| (!effect.event_id.contains("#again#")).then_some(effect),
    has_lost
)]
#[case::relay_drops_returned_states_unnoticed(
    |effect: Effect| (!effect.event_id.contains("#again#")).then_some(effect),
    has_wrong_holdings
)]
#[case::relay_loses_the_mode(
    |effect: Effect| {
        let account = effect.account.map(|account| Account { is_sandbox: false, ..account });
        Some(Effect { mode: Mode::Live, account, ..effect })
    },
    has_wrong_holdings
)]
#[case::relay_changes_the_group_of_a_cancellation(
    |effect: Effect| {
        let subject = if effect.goods == Goods::Revoke { "order#5".to_owned() } else { effect.subject };
        Some(Effect { subject, ..effect })
    },
    has_wrong_holdings
)]
#[case::game_grants_to_the_giver(
    |effect: Effect| {
        let account = effect.user_id.as_deref().map(|user| Account::new(user, effect.mode));
        Some(Effect { account, ..effect })
    },
    has_wrong_holdings
)]
#[case::game_ignores_partial_refunds(
    |effect: Effect| Some(Effect { goods: if effect.goods == Goods::PartialRevoke { Goods::Info } else { effect.goods }, ..effect }),
    has_wrong_holdings
)]
#[case::game_ignores_changed_subscriptions(
    |effect: Effect| {
        let is_change = effect.goods == Goods::SubscriptionChanged;
        Some(Effect { goods: if is_change { Goods::Info } else { effect.goods }, ..effect })
    },
    has_wrong_holdings
)]
#[tokio::test]
async fn mistake_is_found(#[case] change: Change, #[case] is_found: fn(&Violations) -> bool) {
    assert!(first_purchase_with(is_found, change).await.is_some());
}
