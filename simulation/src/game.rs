//! Simulated game: receives messages, crashes at random, and applies each event once.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use message::{Event, Goods, GoodsReason, Mode};
use serde_json::Value;

use crate::fault::Fault;
use crate::fault_schedule::FaultSchedule;
use crate::holdings::{Account, Holdings, Item, Subscription};

/// Visibility timeout in seconds: shorter than the template's minute, to redeliver soon after a crash.
const VISIBILITY_TIMEOUT: i32 = 2;

/// The game's durable storage, which survives crashes.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    applied: HashSet<String>,
    /// Applied events in order.
    pub(crate) effects: Vec<Effect>,
    /// Skipped redeliveries of applied events.
    pub(crate) duplicates: u64,
}

/// An event as the game applies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) event_id: String,
    pub(crate) notification_type: String,
    pub(crate) goods: Goods,
    pub(crate) goods_reason: Option<GoodsReason>,
    /// The message group. All messages that change the goods of one sale have the same.
    pub(crate) subject: String,
    pub(crate) mode: Mode,
    /// The account that receives the goods; `None` if the message names no user.
    pub(crate) account: Option<Account>,
    /// The user who paid.
    pub(crate) user_id: Option<String>,
    pub(crate) is_replay: bool,
    /// The items in the notification.
    pub(crate) items: Vec<Item>,
    /// The subscription in the notification, and its state.
    pub(crate) subscription: Option<(String, Subscription)>,
}

impl Effect {
    pub(crate) fn of(event: &Event<'_>) -> Self {
        let notification: Value = serde_json::from_str(event.notification.get()).unwrap_or_default();
        let account = event.recipient_user_id.as_deref().map(|user| Account::new(user, event.mode));
        Self {
            event_id: event.event_id.clone().into_owned(),
            notification_type: event.notification_type.clone().into_owned(),
            goods: event.goods,
            goods_reason: event.goods_reason,
            subject: event.subject.clone().into_owned(),
            mode: event.mode,
            account,
            user_id: event.user_id.as_deref().map(str::to_owned),
            is_replay: event.replay,
            items: items(&notification),
            subscription: subscription(&notification, &event.notification_type),
        }
    }
}

/// The lines of an order without its bundles, whose contents have lines of their own; or the cart of a token.
fn items(notification: &Value) -> Vec<Item> {
    let cart = || serde_json::from_str(notification["custom_parameters"]["cart"].as_str()?).ok();
    let lines = notification["items"].as_array().cloned().or_else(cart).unwrap_or_default();
    let line = |line: &Value| Some(Item::new(line["sku"].as_str()?, line["quantity"].as_u64()?));
    lines.iter().filter(|line| line["type"] != "bundle").filter_map(line).collect()
}

fn subscription(notification: &Value, notification_type: &str) -> Option<(String, Subscription)> {
    let text = |field| notification["subscription"][field].as_str().map(str::to_owned);
    let state = Subscription::Active {
        plan: text("plan_id")?,
        next_charge: text("date_next_charge").unwrap_or_default(),
        renews: notification_type != "non_renewal_subscription",
    };
    Some((text("subscription_id")?, state))
}

/// Function that applies an event. Tests use faulty ones.
pub(crate) type Apply = fn(&mut Ledger, Effect);

impl Ledger {
    /// Applies an event unless its id is recorded. A real game records the id and the effect in one transaction.
    pub(crate) fn apply_once(&mut self, effect: Effect) {
        if self.applied.insert(effect.event_id.clone()) {
            self.effects.push(effect);
        } else {
            self.duplicates += 1;
        }
    }

    /// What the players hold: the sum of all effects.
    ///
    /// The game follows `goods` alone. It has no check of order ids: the embedded indexes never lag, so the relay knows all
    /// events of an order.
    pub(crate) fn holdings(&self) -> Holdings {
        let mut holdings = Holdings::default();
        // The granted items that were not revoked, per sale. Live and sandbox sales are separate.
        let mut granted: HashMap<_, Vec<(&Account, Vec<Item>)>> = HashMap::new();
        for effect in &self.effects {
            let sale = (effect.subject.as_str(), effect.mode);
            match (effect.goods, &effect.account, &effect.subscription) {
                (Goods::Grant, Some(account), _) => {
                    granted.entry(sale).or_default().push((account, effect.items.clone()));
                }
                (Goods::Revoke, ..) => {
                    granted.remove(&sale);
                }
                (Goods::PartialRevoke, ..) => {
                    // Each partial refund of the simulation is for one unit of the first item.
                    let items = granted.get_mut(&sale).and_then(|grants| grants.first_mut()).map(|(_, items)| items);
                    if let Some(item) = items.and_then(|items| items.first_mut()) {
                        item.quantity = item.quantity.saturating_sub(1);
                    }
                }
                (
                    Goods::SubscriptionStarted | Goods::SubscriptionRenewed | Goods::SubscriptionChanged,
                    Some(account),
                    Some((id, state)),
                ) => holdings.set_subscription(account, id, state.clone()),
                (Goods::SubscriptionEnded, Some(account), Some((id, _))) => {
                    holdings.set_subscription(account, id, Subscription::Ended);
                }
                // Without a user or a subscription there is nothing to change.
                _ => {}
            }
        }
        for (account, items) in granted.values().flatten() {
            holdings.add_items(account, items);
        }
        holdings
    }
}

/// The simulated game.
#[derive(Debug)]
pub(crate) struct Game {
    sqs: Client,
    queue_url: String,
    faults: FaultSchedule,
    apply: Apply,
    /// Id of the event that is sent last.
    last_event_id: String,
    has_last_event: AtomicBool,
    ledger: Mutex<Ledger>,
    messages: Mutex<MessageLog>,
}

/// The messages that the game set aside or handled.
#[derive(Debug, Default)]
struct MessageLog {
    /// Ids of the events that the game cannot apply until an operator sends them again. A real game's queue moves such
    /// messages to the dead-letter queue.
    set_aside: HashSet<String>,
    /// Ids of the events that were applied or set aside.
    handled: HashSet<String>,
}

/// Cause of a consumer's stop.
enum ConsumerError {
    /// An injected crash.
    Crashed,
    /// A failed call to the queue, or an unreadable message.
    Failed(String),
}

impl ConsumerError {
    fn failed(error: impl std::error::Error) -> Self {
        Self::Failed(DisplayErrorContext(error).to_string())
    }
}

impl Game {
    pub(crate) fn new(
        sqs: Client,
        queue_url: String,
        faults: FaultSchedule,
        apply: Apply,
        last_event_id: String,
    ) -> Self {
        let (has_last_event, ledger, messages) = (AtomicBool::new(false), Mutex::default(), Mutex::default());
        Self { sqs, queue_url, faults, apply, last_event_id, has_last_event, ledger, messages }
    }

    /// Runs a consumer until the task is aborted. After a crash it restarts; only the ledger persists.
    pub(crate) async fn run(&self) {
        loop {
            let Err(error) = self.consume().await;
            if let ConsumerError::Failed(error) = error {
                tracing::error!(error, "consumer failed, restarting");
            }
        }
    }

    async fn consume(&self) -> Result<Infallible, ConsumerError> {
        loop {
            let request = self.sqs.receive_message().queue_url(&self.queue_url).visibility_timeout(VISIBILITY_TIMEOUT);
            let request = request.max_number_of_messages(10).wait_time_seconds(1);
            let batch = request.send().await.map_err(ConsumerError::failed)?;
            let mut handled = Vec::new();
            for message in batch.messages() {
                self.handle(message)?;
                let entry = DeleteMessageBatchRequestEntry::builder().id(handled.len().to_string());
                let entry = entry.set_receipt_handle(message.receipt_handle.clone());
                handled.push(entry.build().map_err(ConsumerError::failed)?);
            }
            if !handled.is_empty() {
                let request = self.sqs.delete_message_batch().queue_url(&self.queue_url).set_entries(Some(handled));
                request.send().await.map_err(ConsumerError::failed)?;
            }
        }
    }

    fn handle(&self, message: &Message) -> Result<(), ConsumerError> {
        let event = Event::read(message.body().unwrap_or_default()).map_err(ConsumerError::failed)?;
        if self.faults.occurs(Fault::GameCrashBefore) {
            return Err(ConsumerError::Crashed);
        }
        let effect = Effect::of(&event);
        let event_id = effect.event_id.clone();
        if event_id == self.last_event_id {
            self.has_last_event.store(true, Ordering::Relaxed);
        } else if effect.is_replay || !self.messages().set_aside.contains(&event_id) {
            (self.apply)(&mut self.ledger(), effect);
        }
        self.messages().handled.insert(event_id);
        if self.faults.occurs(Fault::GameCrashAfter) {
            return Err(ConsumerError::Crashed);
        }
        Ok(())
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn messages(&self) -> MutexGuard<'_, MessageLog> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets an event aside until an operator sends it again.
    pub(crate) fn set_aside(&self, event_id: String) {
        self.messages().set_aside.insert(event_id);
    }

    /// Whether all these events were applied or set aside.
    pub(crate) fn has_handled(&self, event_ids: &[String]) -> bool {
        let messages = self.messages();
        event_ids.iter().all(|event_id| messages.handled.contains(event_id))
    }

    /// Number of events that were applied or set aside.
    pub(crate) fn handled(&self) -> usize {
        self.messages().handled.len()
    }

    /// Whether the last event has arrived.
    pub(crate) fn has_last_event(&self) -> bool {
        self.has_last_event.load(Ordering::Relaxed)
    }
}
