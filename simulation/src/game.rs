//! Simulated game: receives messages, crashes at random, and applies each event once.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use message::{Event, Goods};

use crate::fault::Fault;
use crate::fault_schedule::FaultSchedule;

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

/// A change of the player's goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) event_id: String,
    pub(crate) goods: Goods,
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
        let (has_last_event, ledger) = (AtomicBool::new(false), Mutex::default());
        Self { sqs, queue_url, faults, apply, last_event_id, has_last_event, ledger }
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
        let effect = Effect { event_id: event.event_id.into_owned(), goods: event.goods };
        if effect.event_id == self.last_event_id {
            self.has_last_event.store(true, Ordering::Relaxed);
        } else {
            (self.apply)(&mut self.ledger(), effect);
        }
        if self.faults.occurs(Fault::GameCrashAfter) {
            return Err(ConsumerError::Crashed);
        }
        Ok(())
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the last event has arrived.
    pub(crate) fn has_last_event(&self) -> bool {
        self.has_last_event.load(Ordering::Relaxed)
    }
}
