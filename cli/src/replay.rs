//! Replay of stored events to the game's queue (`xsolla-webhooks replay`).

mod effect;
mod plan;
mod preview;

use std::time::Duration;

use aws_sdk_sqs::Client;
use futures_util::StreamExt as _;
use futures_util::stream;
use intake::aws::{EventHistory, SqsQueue};
use intake::ports::{DecisionStore as _, PortError, Queue as _, SendResult};
use intake::record::{Item as _, StoredEvent};
use intake::relay::{ReplayMessage, replay_message};
use intake::sales::DecideError;
use intake::sqs_message::Message;
use intake::table::ERASED_AT;
use jiff::Timestamp;
use message::Event;
use tokio::time::{MissedTickBehavior, interval};
use xsolla::{EventId, PaymentWithoutOrder};

pub(crate) use self::effect::{Effect, NotSent, not_sent};
use self::plan::MAX_EVENTS;
pub use self::plan::{Plan, PlanError, Selection};
pub use self::preview::Preview;
use crate::progress::Progress;
use crate::table::Table;

/// Interval between two events. A FIFO queue accepts 300 calls per second, and live sales need most of them.
const SEND_INTERVAL: Duration = Duration::from_millis(10);
/// Number of events that a preview reads at the same time.
const PREVIEW_READS: usize = 8;

/// Sends stored events to a queue, marked as replays.
///
/// A stored decision holds, unless the goods were revoked, the subscription ended, or a later state of it was sent.
#[derive(Debug)]
pub struct Replay {
    table: Table,
    queue: SqsQueue,
    history: EventHistory,
    payment_without_order: PaymentWithoutOrder,
    max_events: usize,
    progress: Progress,
}

/// Result of a replay.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ReplayResult {
    /// Number of events in the queue.
    pub queued: usize,
    /// Number of Xsolla's retries, which are not sent.
    pub retries: usize,
    /// Events that can never be sent, each with the reason.
    pub rejected: Vec<String>,
}

/// Result of sending one event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Queued,
    /// The event is not sent, for this reason.
    NotSent(NotSent),
}

/// A replay that stopped at its first failure.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped at {failed_at} after queueing {} of {planned}: {cause}\n{next_step}", result.queued)]
pub struct ReplayError {
    /// Result for the events before the failure.
    pub result: ReplayResult,
    /// Number of planned events.
    pub planned: usize,
    /// Event that failed.
    pub failed_at: EventId,
    /// Cause of the failure.
    pub cause: PortError,
    /// How to continue.
    pub next_step: String,
}

impl Replay {
    /// Replays from this table to the queue with this URL.
    #[must_use]
    pub fn new(table: Table, sqs: Client, queue_url: String, payment_without_order: PaymentWithoutOrder) -> Self {
        let history = EventHistory::new(table.client.clone(), table.name.clone());
        Self {
            table,
            queue: SqsQueue::new(sqs, queue_url),
            history,
            payment_without_order,
            max_events: MAX_EVENTS,
            progress: Progress::default(),
        }
    }

    /// Changes the largest number of events of a plan, which is 500,000.
    #[must_use]
    pub fn with_max_events(self, max_events: usize) -> Self {
        Self { max_events, ..self }
    }

    /// The progress of the current call: items or sales that are read, or events that are listed or sent.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Finds the selected events. Sends nothing.
    ///
    /// # Errors
    ///
    /// If the table cannot be read, or too many events are selected.
    pub async fn plan(&self, selection: Selection) -> Result<Plan, PlanError> {
        Plan::find(&self.table, selection, self.max_events, &self.progress).await
    }

    /// Reads what each planned message would contain now, and counts what would be sent.
    ///
    /// Does not store the decisions about events that were never relayed, so the events do not depend on each other.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn preview(&self, plan: &Plan) -> Result<Preview, PortError> {
        let mut preview = Preview::default();
        self.progress.start(Some(plan.events.len()));
        let effects = stream::iter(&plan.events).map(async |event| {
            let event_id = event.event_id();
            let effect = self.effect(&event_id).await;
            (event, event_id, effect)
        });
        let mut effects = std::pin::pin!(effects.buffered(PREVIEW_READS));
        while let Some((event, event_id, effect)) = effects.next().await {
            preview.add(&event.received_at, &event_id, effect?);
            self.progress.add(1);
        }
        Ok(preview)
    }

    /// Sends the planned events in order, stopping at the first failure. Skips events that can never be sent.
    ///
    /// Within one `run`, SQS drops repeated sends for five minutes. A new run sends the events again.
    ///
    /// # Errors
    ///
    /// If the table cannot be read or the queue is unavailable.
    pub async fn send(&self, plan: &Plan, run: &str) -> Result<ReplayResult, Box<ReplayError>> {
        let mut result = ReplayResult::default();
        self.progress.start(Some(plan.events.len()));
        let mut pace = interval(SEND_INTERVAL);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for event in &plan.events {
            pace.tick().await;
            let event_id = event.event_id();
            self.progress.add(1);
            match self.send_one(&event_id, run).await {
                Ok(Outcome::Queued) => result.queued += 1,
                Ok(Outcome::NotSent(NotSent::Retry)) => result.retries += 1,
                Ok(Outcome::NotSent(cause)) => result.rejected.push(format!("{event_id}: {cause}")),
                Err(cause) => {
                    let (planned, next_step) = (plan.events.len(), plan.next_step_after_failure(event));
                    return Err(Box::new(ReplayError { result, planned, failed_at: event_id, cause, next_step }));
                }
            }
        }
        Ok(result)
    }

    pub(crate) async fn send_one(&self, event_id: &EventId, run: &str) -> Result<Outcome, PortError> {
        self.send_as(event_id, |message| message.with_replay_id(run)).await
    }

    /// Sends an event with this change of its message.
    pub(crate) async fn send_as(
        &self,
        event_id: &EventId,
        change: impl FnOnce(Message) -> Message,
    ) -> Result<Outcome, PortError> {
        let ReplayMessage { message, decision } = match self.message(event_id).await? {
            Ok(replay) => replay,
            Err(cause) => return Ok(Outcome::NotSent(cause)),
        };
        if let Some(decision) = decision {
            self.history.store_decision(event_id, &decision).await?;
        }
        match self.queue.send(&[&change(message)]).await.pop() {
            Some(SendResult::Sent) => Ok(Outcome::Queued),
            Some(SendResult::Rejected(error)) => Ok(Outcome::NotSent(NotSent::Invalid(error.to_string()))),
            Some(SendResult::Retryable(error)) => Err(error),
            None => Err(PortError { operation: "sqs:SendMessageBatch", cause: "no result".to_owned() }),
        }
    }

    /// Returns what the message of an event would contain now.
    pub(crate) async fn effect(&self, event_id: &EventId) -> Result<Result<Effect, NotSent>, PortError> {
        let read = |replay: ReplayMessage| match Event::read(replay.message.body.as_str()) {
            Ok(event) => Ok(Effect::of(&event)),
            Err(error) => Err(NotSent::Invalid(error.to_string())),
        };
        Ok(self.message(event_id).await?.and_then(read))
    }

    /// Builds the message of an event.
    async fn message(&self, event_id: &EventId) -> Result<Result<ReplayMessage, NotSent>, PortError> {
        let Some(item) = self.table.item(event_id).await? else { return Ok(Err(NotSent::NotStored)) };
        if let Some(at) = item.string(ERASED_AT) {
            return Ok(Err(NotSent::Erased(at.to_owned())));
        }
        let event = match StoredEvent::read(&item) {
            Ok(event) => event,
            Err(missing) => return Ok(Err(NotSent::Invalid(missing.to_string()))),
        };
        match replay_message(&event, &self.history, self.payment_without_order, Timestamp::now()).await {
            Ok(Some(replay)) => Ok(Ok(replay)),
            Ok(None) => Ok(Err(NotSent::Retry)),
            Err(DecideError::NotJson(error)) => Ok(Err(NotSent::Invalid(error.to_string()))),
            Err(DecideError::TooComplex(error)) => Ok(Err(NotSent::Invalid(error.to_string()))),
            Err(DecideError::Unavailable(error)) => Err(error),
        }
    }
}
