//! The game: takes from the queue, crashes now and then, and applies each event once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use message::{Event, Goods};

use crate::faults::{Fault, Faults};

/// How long the queue waits for word of what it gave out, in seconds. The template says a minute; nobody wants to wait so
/// long for each crash.
const VISIBILITY: i32 = 2;

/// What the game has of durable storage: it outlives every crash.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    applied: HashSet<String>,
    /// What was done to the goods, in the order in which it was done.
    pub(super) effects: Vec<Effect>,
    /// How often an event came that had been applied.
    pub(super) duplicates: u64,
}

/// Something was done to the goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Effect {
    pub(super) event_id: String,
    pub(super) goods: Goods,
}

/// How a game applies an event.
pub(super) type Apply = fn(&mut Ledger, Effect);

impl Ledger {
    /// As the README asks: the id is written down in the transaction that has the effect.
    pub(super) fn apply_once(&mut self, effect: Effect) {
        if self.applied.insert(effect.event_id.clone()) {
            self.effects.push(effect);
        } else {
            self.duplicates += 1;
        }
    }
}

/// The game.
#[derive(Debug)]
pub(super) struct Game {
    pub(super) sqs: Client,
    pub(super) queue: String,
    pub(super) faults: Faults,
    pub(super) apply: Apply,
    /// The event that is the last one, and whether it has come.
    pub(super) last: (String, Mutex<bool>),
    pub(super) ledger: Mutex<Ledger>,
}

/// Why a consumer ended.
enum Ended {
    Crashed,
    /// The queue, or a message, was not usable.
    Failed(String),
}

impl Game {
    /// Consumes until the task is aborted: whenever it ends, it is started anew, and knows nothing but the ledger.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            let Err(ended) = self.consume().await;
            if let Ended::Failed(error) = ended {
                tracing::error!(error, "the game cannot take from the queue");
            }
        }
    }

    async fn consume(&self) -> Result<std::convert::Infallible, Ended> {
        loop {
            let taken = self.sqs.receive_message().queue_url(&self.queue).visibility_timeout(VISIBILITY);
            let taken = taken.max_number_of_messages(10).wait_time_seconds(1).send().await;
            let taken = taken.map_err(|error| Ended::Failed(format!("{error:?}")))?;
            let mut done = Vec::new();
            for message in taken.messages() {
                self.handle(message)?;
                let entry = DeleteMessageBatchRequestEntry::builder().id(done.len().to_string());
                let entry = entry.set_receipt_handle(message.receipt_handle.clone()).build();
                done.push(entry.map_err(|error| Ended::Failed(error.to_string()))?);
            }
            if !done.is_empty() {
                let deleted =
                    self.sqs.delete_message_batch().queue_url(&self.queue).set_entries(Some(done)).send().await;
                deleted.map_err(|error| Ended::Failed(format!("{error:?}")))?;
            }
        }
    }

    fn handle(&self, message: &Message) -> Result<(), Ended> {
        let event = Event::read(message.body().unwrap_or_default());
        let event = event.map_err(|error| Ended::Failed(error.to_string()))?;
        if self.faults.strikes(Fault::GameCrashBefore) {
            return Err(Ended::Crashed);
        }
        let effect = Effect { event_id: event.event_id.into_owned(), goods: event.goods };
        if effect.event_id == self.last.0 {
            *self.last.1.lock().unwrap_or_else(PoisonError::into_inner) = true;
        } else {
            (self.apply)(&mut self.ledger(), effect);
        }
        if self.faults.strikes(Fault::GameCrashAfter) {
            return Err(Ended::Crashed);
        }
        Ok(())
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the last event has come.
    pub(super) fn is_done(&self) -> bool {
        *self.last.1.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
