//! Replay of stored events to the game's queue (`xsolla-webhooks replay`).

use std::fmt::Write as _;
use std::time::Duration;

use aws_sdk_sqs::Client;
use intake::aws::{EventHistory, SqsQueue};
use intake::ports::{DecisionStore as _, PortError, Queue as _, SendResult};
use intake::record::{Item as _, Kind, StoredEvent};
use intake::relay::{ReplayMessage, replay_message};
use intake::sales::DecideError;
use intake::sqs_message::Message;
use intake::table::{ERASED_AT, KIND};
use jiff::Timestamp;
use message::Event;
use tokio::time::{MissedTickBehavior, interval};
use xsolla::{EventId, PaymentWithoutOrder};

use crate::format::{columns, counted, goods_and_reason};
use crate::progress::Progress;
use crate::show::Query;
use crate::table::{EventFilter, EventRef, ScanResult, Table};

/// Largest number of events that is sent without confirmation.
const MAX_UNCONFIRMED: usize = 100;
/// Interval between two events. A FIFO queue accepts 300 calls per second, and live sales need most of them.
const SEND_INTERVAL: Duration = Duration::from_millis(10);

/// The events to replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All events of a subject. Conflicts are excluded: an operator must decide which content is right.
    Subject(String),
    /// One event or conflict.
    Event(EventId),
    /// What [`show`](crate::show) finds, without conflicts: an event, or the events of a sale or a user.
    Query(Query),
    /// All events that match a filter.
    Filter(EventFilter),
}

/// A planned replay: events in the order of sending.
#[derive(Debug)]
pub struct Plan {
    events: Vec<EventRef>,
    selection: Selection,
    /// Number of table items that were scanned to find the events.
    items_read: Option<usize>,
}

/// Sends stored events to a queue, marked as replays.
///
/// A stored decision holds, unless the goods were revoked, the subscription ended, or a later state of it was sent.
#[derive(Debug)]
pub struct Replay {
    table: Table,
    queue: SqsQueue,
    history: EventHistory,
    payment_without_order: PaymentWithoutOrder,
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

/// What a replay would do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// One line per event.
    pub text: String,
    /// Number of events that would be sent.
    pub sendable: usize,
    /// Number of Xsolla's retries, which are not sent.
    pub retries: usize,
    /// Number of events that can never be sent.
    pub rejected: usize,
}

impl Preview {
    /// Number of events of a plan that would be sent, in words.
    #[must_use]
    pub fn summary(&self, plan: &Plan) -> String {
        let excluded: Vec<String> = [
            (self.retries, "retry of Xsolla", "retries of Xsolla"),
            (self.rejected, "event that can never be sent", "events that can never be sent"),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, singular, plural)| counted(count, singular, plural))
        .collect();
        if excluded.is_empty() {
            return plan.summary();
        }
        format!("{} of {}; not sent: {}", self.sendable, plan.summary(), excluded.join(", "))
    }
}

/// Result of sending one event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Queued,
    /// The event is not sent, for this reason.
    NotSent(NotSent),
}

/// Reason why an event is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotSent {
    #[error("not in the table")]
    NotStored,
    /// The message would have no user, and not the content that Xsolla signed.
    #[error("personal data erased at {0}")]
    Erased(String),
    #[error("Xsolla's retry of an earlier event")]
    Retry,
    /// The item is damaged, or SQS rejects the message.
    #[error("{0}")]
    Invalid(String),
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
            progress: Progress::default(),
        }
    }

    /// The progress of the current call: items that are scanned, or events that are listed or sent.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Finds the selected events. Sends nothing.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn plan(&self, selection: Selection) -> Result<Plan, PortError> {
        let (events, items_read) = match &selection {
            Selection::Subject(subject) => (self.events_of(std::slice::from_ref(subject)).await?, None),
            Selection::Event(event_id) => (self.event(event_id).await?, None),
            Selection::Query(query) => match query.event_id() {
                Some(event_id) => (self.event(&event_id).await?, None),
                None => (self.events_of(&query.subjects(&self.table).await?).await?, None),
            },
            Selection::Filter(filter) => {
                let ScanResult { events, items_read } = self.table.scan(filter, &self.progress).await?;
                (events, Some(items_read))
            }
        };
        Ok(Plan { events, selection, items_read })
    }

    async fn event(&self, event_id: &EventId) -> Result<Vec<EventRef>, PortError> {
        Ok(self.table.item(event_id).await?.iter().map(EventRef::of).collect())
    }

    /// The events of these subjects, oldest first.
    async fn events_of(&self, subjects: &[String]) -> Result<Vec<EventRef>, PortError> {
        let mut events = Vec::new();
        for subject in subjects {
            let items = self.table.items_of_subject(subject).await?;
            let items = items.iter().filter(|item| item.string(KIND) == Some(Kind::Event.name()));
            events.extend(items.map(EventRef::of));
        }
        events.sort_unstable();
        Ok(events)
    }

    /// Lists the planned messages, one per line: time of receipt, type, mode, goods with the reason, event id. Counts what
    /// would be sent.
    ///
    /// Does not store the decisions about events that were never relayed, so the lines do not depend on each other.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn preview(&self, plan: &Plan) -> Result<Preview, PortError> {
        let mut preview = Preview::default();
        self.progress.start(Some(plan.events.len()));
        let mut lines = vec![["received", "type", "mode", "goods", "event id"].map(str::to_owned)];
        for event in &plan.events {
            let id = event.event_id();
            let received_at = event.received_at.clone();
            let effect = self.effect(&id).await?;
            self.progress.add(1);
            *match &effect {
                Ok(_) => &mut preview.sendable,
                Err(NotSent::Retry) => &mut preview.retries,
                Err(NotSent::NotStored | NotSent::Erased(_) | NotSent::Invalid(_)) => &mut preview.rejected,
            } += 1;
            lines.push(match effect {
                Ok(Effect { type_name, mode, goods }) => {
                    [received_at, type_name, mode.to_owned(), goods, id.to_string()]
                }
                Err(cause) => [received_at, not_sent(&cause), String::new(), String::new(), id.to_string()],
            });
        }
        preview.text = columns(&lines);
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

/// Type, mode and goods of a message, as text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) type_name: String,
    pub(crate) mode: &'static str,
    /// The goods, with the reason if there is one: `info (already_revoked)`.
    pub(crate) goods: String,
}

impl Effect {
    pub(crate) fn of(event: &Event<'_>) -> Self {
        Self {
            type_name: event.notification_type.to_string(),
            mode: event.mode.name(),
            goods: goods_and_reason(event.goods, event.goods_reason),
        }
    }
}

/// Formats an event that is not sent, for a list of what would be sent.
pub(crate) fn not_sent(cause: &NotSent) -> String {
    match cause {
        NotSent::Retry => format!("not sent: {cause}"),
        NotSent::NotStored | NotSent::Erased(_) | NotSent::Invalid(_) => format!("cannot be sent: {cause}"),
    }
}

impl Plan {
    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are no events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Removes the events that were received outside all of these spans.
    pub(crate) fn retain_within(&mut self, spans: &[(Timestamp, Timestamp)]) {
        let is_within = |at: Timestamp| spans.iter().any(|(from, to)| (*from..=*to).contains(&at));
        self.events.retain(|event| event.received_at.parse().is_ok_and(is_within));
    }

    /// Whether sending requires confirmation: the selection is a filter or a user, or has more than 100 events.
    #[must_use]
    pub fn needs_confirmation(&self) -> bool {
        self.events.len() > MAX_UNCONFIRMED
            || matches!(self.selection, Selection::Filter(_) | Selection::Query(Query::User(_)))
    }

    /// Number of events in words, with their time span and the number of scanned items.
    #[must_use]
    pub fn summary(&self) -> String {
        let span = match (self.events.first(), self.events.last()) {
            (Some(first), Some(last)) if first != last => {
                format!(", received from {} to {}", first.received_at, last.received_at)
            }
            _ => String::new(),
        };
        let scanned = self.items_read.map(|items| format!(" (scanned {})", counted(items, "item", "items")));
        format!("{}{span}{}", counted(self.events.len(), "event", "events"), scanned.unwrap_or_default())
    }

    /// Explains how to continue after this number of events.
    #[must_use]
    pub fn next_step(&self, done: usize) -> String {
        // The last one may not have been sent.
        let event = self.events.get(done.saturating_sub(1));
        event.map_or_else(|| "Nothing was sent.".to_owned(), |event| self.next_step_after_failure(event))
    }

    /// Explains how to continue after `event` could not be sent.
    fn next_step_after_failure(&self, event: &EventRef) -> String {
        let Selection::Filter(filter) = &self.selection else {
            return "To continue, run the same command again. Consumers skip event ids that they have applied."
                .to_owned();
        };
        let mut options = format!("--from {}", event.received_at);
        // Events received after the plan was made are not part of it.
        let to = filter.to.map(|to| format!("{to:.6}"));
        let to = to.or_else(|| self.events.last().map(|last| last.received_at.clone()));
        for (option, value) in [("--to", to.as_ref()), ("--type", filter.type_name.as_ref())] {
            if let Some(value) = value {
                let _ = write!(options, " {option} {value}");
            }
        }
        format!("To continue, run: xsolla-webhooks replay {options}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(selection: Selection, events: usize) -> Plan {
        let event = |number| EventRef {
            received_at: format!("2026-11-22T00:00:00.{number:06}Z"),
            pk: format!("transaction#{number}"),
            sk: "payment".to_owned(),
        };
        Plan { events: (0..events).map(event).collect(), selection, items_read: None }
    }

    #[test]
    fn requires_confirmation_for_filters_and_for_many_events() {
        for (selection, events, needs_confirmation) in [
            (Selection::Subject("transaction#1".to_owned()), MAX_UNCONFIRMED, false),
            (Selection::Subject("transaction#1".to_owned()), MAX_UNCONFIRMED + 1, true),
            (Selection::Filter(EventFilter::default()), 1, true),
        ] {
            assert_eq!(plan(selection.clone(), events).needs_confirmation(), needs_confirmation, "{selection:?}");
        }
    }

    #[test]
    fn explains_how_to_continue_after_failure() {
        let filtered = |to: Option<&str>, type_name: Option<&str>| {
            let to = to.map(|to| to.parse().unwrap());
            plan(Selection::Filter(EventFilter { from: None, to, type_name: type_name.map(str::to_owned) }), 3)
        };
        let command = "To continue, run: xsolla-webhooks replay";
        for (plan, expected) in [
            (
                filtered(None, None),
                format!("{command} --from 2026-11-22T00:00:00.000001Z --to 2026-11-22T00:00:00.000002Z"),
            ),
            (
                filtered(Some("2026-11-23T00:00:00Z"), Some("refund")),
                format!("{command} --from 2026-11-22T00:00:00.000001Z --to 2026-11-23T00:00:00.000000Z --type refund"),
            ),
            (
                plan(Selection::Subject("transaction#1".to_owned()), 3),
                "To continue, run the same command again. Consumers skip event ids that they have applied.".to_owned(),
            ),
        ] {
            assert_eq!(plan.next_step_after_failure(&plan.events[1]), expected);
        }
    }
}
