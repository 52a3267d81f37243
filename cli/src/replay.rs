//! What `xsolla-webhooks replay` does: queues events that are kept once more, each marked as a replay.

use std::fmt::Write as _;
use std::time::Duration;

use aws_sdk_sqs::Client;
use intake::aws::{EventHistory, SqsQueue};
use intake::ports::{PortError, Queue as _, SendResult};
use intake::record::{Item as _, Kind, MissingAttribute, StoredEvent};
use intake::relay::{self, BuildError};
use intake::sqs_message::Message;
use intake::table::{ERASED_AT, KIND};
use jiff::Timestamp;
use message::Event;
use tokio::time::{MissedTickBehavior, interval};
use xsolla::{EventId, PaymentWithoutOrder};

use crate::columns::columns;
use crate::table::{Place, Range, Scanned, Table};

/// From this many on, somebody has to say yes.
const MANY: usize = 100;
/// A queue that serves live sales as well takes 300 calls a second, or 3,000 in batches.
const PAUSE: Duration = Duration::from_millis(10);

/// Which events are to be queued once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All events of a subject. No conflicts: which content is right is for people to decide.
    Subject(String),
    /// This one, be it an event or a conflict.
    Event(EventId),
    /// The events of a range.
    Range(Range),
}

/// What is queued once more, and in which order.
#[derive(Debug)]
pub struct Plan {
    places: Vec<Place>,
    selection: Selection,
    /// How many items of the table were read to find them.
    read: Option<usize>,
}

/// Queues events once more.
#[derive(Debug)]
pub struct Replay {
    table: Table,
    queue: SqsQueue,
    history: EventHistory,
    payment_without_order: PaymentWithoutOrder,
}

/// What became of a plan.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many are in the queue.
    pub queued: usize,
    /// Those that can never be sent, and why.
    pub refused: Vec<String>,
}

/// What became of one event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Queued,
    /// It can never be sent, for this reason.
    Refused(String),
}

/// Sending has ended at the first failure.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped at {at}, with {} of {of} queued: {cause}\n{go_on}", done.queued)]
pub struct Stopped {
    /// What became of those before it.
    pub done: Replayed,
    /// Of how many.
    pub of: usize,
    /// The event at which it ended.
    pub at: EventId,
    /// Why.
    pub cause: PortError,
    /// How to go on.
    pub go_on: String,
}

impl Replay {
    /// Reads this table, and sends to the queue of this URL.
    #[must_use]
    pub fn new(table: Table, sqs: Client, queue_url: String, payment_without_order: PaymentWithoutOrder) -> Self {
        let history = EventHistory::new(table.client.clone(), table.name.clone());
        Self { table, queue: SqsQueue::new(sqs, queue_url), history, payment_without_order }
    }

    /// Finds what is selected. Nothing is sent.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn plan(&self, selection: Selection) -> Result<Plan, PortError> {
        let (places, read) = match &selection {
            Selection::Subject(subject) => {
                let items = self.table.of_subject(subject).await?;
                let events = items.iter().filter(|item| item.string(KIND) == Some(Kind::Event.name()));
                let mut places: Vec<Place> = events.map(Place::of).collect();
                places.sort_unstable();
                (places, None)
            }
            Selection::Event(event_id) => {
                let item = self.table.item(event_id).await?;
                (item.iter().map(Place::of).collect(), None)
            }
            Selection::Range(range) => {
                let Scanned { places, read } = self.table.scan(range).await?;
                (places, Some(read))
            }
        };
        Ok(Plan { places, selection, read })
    }

    /// What sending would do, one line per event: when it was received, its type, mode and meaning, its event id.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn preview(&self, plan: &Plan) -> Result<String, PortError> {
        let head = ["received", "type", "mode", "goods", "event id"].map(str::to_owned);
        let mut lines = vec![head];
        for place in &plan.places {
            let id = place.event_id();
            let received_at = place.received_at.clone();
            lines.push(match self.message(&id).await? {
                Ok(message) => match Event::read(message.body.as_str()) {
                    Ok(event) => [
                        received_at,
                        event.notification_type.into_owned(),
                        event.mode.name().to_owned(),
                        event.goods.name().to_owned(),
                        id.to_string(),
                    ],
                    Err(error) => never(received_at, &error.to_string(), &id),
                },
                Err(cause) => never(received_at, &cause, &id),
            });
        }
        Ok(columns(&lines))
    }

    /// Sends what is planned, one after the other, up to the first failure. What can never be sent is passed over.
    ///
    /// The run is part of each deduplication id: within one, SQS drops what comes twice; in another, it takes it again.
    ///
    /// # Errors
    ///
    /// When the table cannot be read, or the queue does not answer.
    pub async fn send(&self, plan: &Plan, run: &str) -> Result<Replayed, Box<Stopped>> {
        let mut done = Replayed::default();
        let mut pace = interval(PAUSE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for place in &plan.places {
            pace.tick().await;
            let at = place.event_id();
            match self.send_one(&at, run).await {
                Ok(Outcome::Queued) => done.queued += 1,
                Ok(Outcome::Refused(cause)) => done.refused.push(format!("{at}: {cause}")),
                Err(cause) => {
                    let (of, go_on) = (plan.places.len(), plan.go_on_at(place));
                    return Err(Box::new(Stopped { done, of, at, cause, go_on }));
                }
            }
        }
        Ok(done)
    }

    pub(crate) async fn send_one(&self, event_id: &EventId, run: &str) -> Result<Outcome, PortError> {
        let message = match self.message(event_id).await? {
            Ok(message) => message.with_replay_id(run),
            Err(cause) => return Ok(Outcome::Refused(cause)),
        };
        match self.queue.send(&[&message]).await.pop() {
            Some(SendResult::Sent) => Ok(Outcome::Queued),
            Some(SendResult::Rejected(error)) => Ok(Outcome::Refused(error.to_string())),
            Some(SendResult::Retryable(error)) => Err(error),
            None => Err(PortError { operation: "sqs:SendMessageBatch", cause: "no result".to_owned() }),
        }
    }

    /// The message of an event, or why it can have none.
    async fn message(&self, event_id: &EventId) -> Result<Result<Message, String>, PortError> {
        let Some(item) = self.table.item(event_id).await? else {
            return Ok(Err("it is not in the table".to_owned()));
        };
        // What the game would get names no user, and is not what Xsolla signed.
        if let Some(at) = item.string(ERASED_AT) {
            return Ok(Err(format!("its user was erased at {at}")));
        }
        let event = match StoredEvent::read(&item) {
            Ok(event) => event,
            Err(missing @ MissingAttribute(_)) => return Ok(Err(missing.to_string())),
        };
        match relay::build_message(&event, true, &self.history, self.payment_without_order).await {
            Ok(message) => Ok(Ok(message)),
            Err(BuildError::Permanent(error)) => Ok(Err(error.to_string())),
            Err(BuildError::Transient(error)) => Err(error),
        }
    }
}

fn never(received_at: String, cause: &str, id: &EventId) -> [String; 5] {
    [received_at, format!("never: {cause}"), String::new(), String::new(), id.to_string()]
}

impl Plan {
    /// How many events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Leaves out what was received at none of these times.
    pub(crate) fn only_within(&mut self, times: &[(Timestamp, Timestamp)]) {
        let is_within = |at: Timestamp| times.iter().any(|(from, to)| (*from..=*to).contains(&at));
        self.places.retain(|place| place.received_at.parse().is_ok_and(is_within));
    }

    /// Whether somebody has to say yes before it is sent: it is a range, or many.
    #[must_use]
    pub fn needs_consent(&self) -> bool {
        self.places.len() > MANY || matches!(self.selection, Selection::Range(_))
    }

    /// For people: how many, from when to when, and how much was read.
    #[must_use]
    pub fn summary(&self) -> String {
        let span = match (self.places.first(), self.places.last()) {
            (Some(first), Some(last)) if first != last => {
                format!(", received from {} to {}", first.received_at, last.received_at)
            }
            _ => String::new(),
        };
        let read = self.read.map(|read| format!(" (of {read} items read)")).unwrap_or_default();
        let noun = if self.places.len() == 1 { "event" } else { "events" };
        format!("{} {noun}{span}{read}", self.places.len())
    }

    /// What there is to be done once this one can be sent.
    fn go_on_at(&self, place: &Place) -> String {
        let Selection::Range(range) = &self.selection else {
            return "Run it again: what the game has applied it knows by its event id.".to_owned();
        };
        let mut options = format!("--from {}", place.received_at);
        // What has come since belongs to another run.
        let to = range.to.map(|to| format!("{to:.3}"));
        let to = to.or_else(|| self.places.last().map(|last| last.received_at.clone()));
        for (option, value) in [("--to", to.as_ref()), ("--type", range.type_name.as_ref())] {
            if let Some(value) = value {
                let _ = write!(options, " {option} {value}");
            }
        }
        format!("Go on with: replay {options}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(selection: Selection, events: usize) -> Plan {
        let place = |number| Place {
            received_at: format!("2026-11-22T00:00:00.{number:03}Z"),
            pk: format!("transaction#{number}"),
            sk: "payment".to_owned(),
        };
        Plan { places: (0..events).map(place).collect(), selection, read: None }
    }

    #[test]
    fn a_range_or_many_want_a_yes() {
        for (selection, events, needs_consent) in [
            (Selection::Subject("transaction#1".to_owned()), MANY, false),
            (Selection::Subject("transaction#1".to_owned()), MANY + 1, true),
            (Selection::Range(Range::default()), 1, true),
        ] {
            assert_eq!(plan(selection.clone(), events).needs_consent(), needs_consent, "{selection:?}");
        }
    }

    #[test]
    fn who_stops_is_told_how_to_go_on() {
        let range = |to: Option<&str>, type_name: Option<&str>| {
            let to = to.map(|to| to.parse().unwrap());
            plan(Selection::Range(Range { from: None, to, type_name: type_name.map(str::to_owned) }), 3)
        };
        for (plan, told) in [
            (range(None, None), "Go on with: replay --from 2026-11-22T00:00:00.001Z --to 2026-11-22T00:00:00.002Z"),
            (
                range(Some("2026-11-23T00:00:00Z"), Some("refund")),
                "Go on with: replay --from 2026-11-22T00:00:00.001Z --to 2026-11-23T00:00:00.000Z --type refund",
            ),
            (
                plan(Selection::Subject("transaction#1".to_owned()), 3),
                "Run it again: what the game has applied it knows by its event id.",
            ),
        ] {
            assert_eq!(plan.go_on_at(&plan.places[1]), told);
        }
    }
}
