//! What happened to webhooks and messages in this session, in memory, for the log and the web console.

mod sqs;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use jiff::Timestamp;
use message::Event;
use serde::Serialize;
use tokio::sync::broadcast;
use xsolla::diagnosis::diagnose;
use xsolla::{BodyDigest, Secrets};

use crate::log_line;

pub(crate) use sqs::Observed;

/// Number of webhooks that are remembered.
const MAX_DELIVERIES: usize = 1000;
/// Number of refused webhooks whose body is remembered.
const MAX_REFUSED: usize = 50;
/// Longest remembered body, in bytes.
const MAX_BODY: usize = 256 * 1024;
/// Number of events whose message is remembered.
const MAX_MESSAGES: usize = 10_000;
/// Changes that a slow reader can miss before it has to read all again.
const MAX_CHANGES: usize = 1024;

/// The session's webhooks and messages.
pub struct Journal {
    state: Mutex<State>,
    changes: broadcast::Sender<Change>,
    /// The webhook secrets, to explain wrong signatures.
    secrets: Secrets,
    started_at: Timestamp,
}

#[derive(Default)]
struct State {
    deliveries: VecDeque<Arc<Delivery>>,
    refused: VecDeque<Arc<RefusedDelivery>>,
    count: u64,
    messages: HashMap<String, MessageState>,
    /// Event ids of `messages`, oldest first.
    order: VecDeque<String>,
    /// Event ids by SQS receipt handle.
    receipts: HashMap<String, String>,
}

/// A change that readers are informed of.
#[derive(Debug, Clone)]
pub enum Change {
    /// A webhook was answered.
    Delivery(Arc<Delivery>),
    /// The message of an event was sent, received, deleted or parked.
    Message(Arc<MessageState>),
}

/// A webhook and its answer.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// Position in the session, from 1.
    pub number: u64,
    /// Time of receipt.
    pub at: Timestamp,
    /// Status of the answer.
    pub status: u16,
    /// Name of the outcome, as in the log.
    pub outcome: String,
    /// `notification_type`, if the webhook was authenticated.
    pub r#type: Option<String>,
    /// The event id, if the webhook is an event.
    pub event_id: Option<String>,
    /// The game's user id.
    pub user: Option<String>,
    /// Xsolla's order id.
    pub order: Option<String>,
    /// `live` or `sandbox`.
    pub mode: Option<String>,
    /// Why the webhook was refused.
    pub reason: Option<String>,
}

/// A refused webhook with its body.
#[derive(Clone)]
pub struct RefusedDelivery {
    /// The webhook.
    pub delivery: Arc<Delivery>,
    /// Path of the request; without the key of an unsigned route.
    pub path: String,
    /// The body. Cut after 256 KiB.
    pub body: Bytes,
}

/// State of an event's message.
#[derive(Debug, Clone, Serialize)]
pub struct MessageState {
    /// The event id.
    pub event_id: String,
    /// Where the message is.
    pub queue: QueueState,
    /// Effect on the goods.
    pub goods: Option<&'static str>,
    /// Why the effect is not what the type suggests.
    pub goods_reason: Option<&'static str>,
    /// How often the message was received.
    pub receives: u32,
    /// Why the event was parked.
    pub cause: Option<String>,
    /// Digest of the notification, for the demonstration's check.
    #[serde(skip)]
    pub(crate) digest: Option<BodyDigest>,
}

/// Where the message of an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueState {
    /// In the game's queue.
    Queued,
    /// Received by a consumer, and not deleted yet.
    Received,
    /// Received and deleted.
    Processed,
    /// In the dead-letter queue.
    DeadLetter,
    /// Can never be queued; a note is in the parked queue.
    Parked,
}

impl Journal {
    /// Creates an empty journal of a stack with these webhook secrets.
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self {
            state: Mutex::default(),
            changes: broadcast::channel(MAX_CHANGES).0,
            secrets,
            started_at: Timestamp::now(),
        }
    }

    /// Start of the session. Earlier records of the table are not in the journal.
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// Subscribes to all later changes.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// The remembered webhooks, oldest first.
    pub fn deliveries(&self) -> Vec<Arc<Delivery>> {
        self.lock().deliveries.iter().cloned().collect()
    }

    /// The last refused webhooks, oldest first.
    pub fn refused(&self) -> Vec<Arc<RefusedDelivery>> {
        self.lock().refused.iter().cloned().collect()
    }

    /// State of the message of an event.
    pub fn message(&self, event_id: &str) -> Option<MessageState> {
        self.lock().messages.get(event_id).cloned()
    }

    /// Explains why a signature does not verify. The diagnosis is slow, so it does not run on the threads of requests.
    pub(crate) async fn explain(&self, authorization: Vec<String>, body: Bytes) -> String {
        let secrets = self.secrets.clone();
        let headers = move || diagnose(&body, authorization.iter().map(String::as_str), &secrets).to_string();
        let text = tokio::task::spawn_blocking(headers).await.unwrap_or_default();
        text.strip_prefix("not valid: ").map_or_else(|| text.clone(), str::to_owned)
    }

    /// Adds a webhook, with the next number.
    pub(crate) fn add(&self, delivery: Delivery, path: &str, body: &Bytes) {
        let mut state = self.lock();
        state.count += 1;
        let delivery = Arc::new(Delivery { number: state.count, ..delivery });
        push(&mut state.deliveries, Arc::clone(&delivery), MAX_DELIVERIES);
        if delivery.reason.is_some() {
            // A copy: a slice would keep the whole body in memory.
            let body = Bytes::copy_from_slice(&body[..body.len().min(MAX_BODY)]);
            let refused = RefusedDelivery { delivery: Arc::clone(&delivery), path: path.to_owned(), body };
            push(&mut state.refused, Arc::new(refused), MAX_REFUSED);
        }
        drop(state);
        // Fails without readers.
        let _ = self.changes.send(Change::Delivery(delivery));
    }

    /// Records that an event's message is in the game's queue.
    fn queued(&self, event: &Event<'_>) {
        // The relay sends a message again after a lost answer. SQS drops the second.
        let is_new =
            event.replay || self.message(&event.event_id).is_none_or(|known| known.queue == QueueState::Parked);
        if is_new {
            tracing::info!("{}", log_line::queued(event));
            self.update(&event.event_id, |message| {
                message.queue = QueueState::Queued;
                message.goods = Some(event.goods.name());
                message.goods_reason = event.goods_reason.map(xsolla::GoodsReason::name);
                message.digest = Some(BodyDigest::of(event.notification.get().as_bytes()));
            });
        }
    }

    /// Records that an event is parked.
    fn parked(&self, event_id: &str, cause: &str) {
        self.update(event_id, |message| {
            message.queue = QueueState::Parked;
            message.cause = Some(cause.to_owned());
        });
    }

    /// Records that a message was received with this handle.
    fn received(&self, event_id: &str, handle: &str, receives: u32, queue: QueueState) {
        let mut state = self.lock();
        if state.receipts.len() > 2 * MAX_MESSAGES {
            state.receipts.clear();
        }
        state.receipts.insert(handle.to_owned(), event_id.to_owned());
        drop(state);
        self.update(event_id, |message| {
            message.queue = queue;
            message.receives = receives;
        });
    }

    /// Records that the message with this handle was deleted, or is visible again.
    fn settled(&self, handle: &str, queue: QueueState) {
        let event_id = self.lock().receipts.remove(handle);
        if let Some(event_id) = event_id {
            self.update(&event_id, |message| message.queue = queue);
        }
    }

    fn update(&self, event_id: &str, change: impl FnOnce(&mut MessageState)) {
        let mut state = self.lock();
        if !state.messages.contains_key(event_id) {
            state.order.push_back(event_id.to_owned());
            if state.order.len() > MAX_MESSAGES
                && let Some(oldest) = state.order.pop_front()
            {
                state.messages.remove(&oldest);
            }
        }
        let message = state.messages.entry(event_id.to_owned()).or_insert_with(|| MessageState {
            event_id: event_id.to_owned(),
            queue: QueueState::Queued,
            goods: None,
            goods_reason: None,
            receives: 0,
            cause: None,
            digest: None,
        });
        change(message);
        let message = Arc::new(message.clone());
        drop(state);
        let _ = self.changes.send(Change::Message(message));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push<T>(list: &mut VecDeque<T>, element: T, limit: usize) {
    list.push_back(element);
    if list.len() > limit {
        list.pop_front();
    }
}

/// Shows no content: it has personal data.
impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}
