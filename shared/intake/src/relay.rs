//! Relays events from the table's stream to the queue, in order per subject and at least once.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use message::Event;
use xsolla::{EventFacts, Goods, ItemRole, NotificationType, PaymentWithoutOrder};

use crate::ports::{History, Parked, Parking, PortError, Queue, SendResult};
use crate::record::{MissingAttribute, StoredEvent};
use crate::sqs_message::{self, Message, NotJson};

#[cfg(test)]
mod tests;

/// Maximum number of messages in one call to SQS.
pub const MAX_BATCH: usize = 10;
/// Maximum number of bytes in one call. SQS accepts 1 MiB, but older queues and emulators only this.
const MAX_BATCH_BYTES: usize = 256 * 1024;
/// Minimum remaining time to start a call to the queue: the longest duration of a call with all its retries.
///
/// If rejected messages cause more calls, Lambda may stop the function. Then it retries the batch.
pub const SEND_LIMIT: Duration = Duration::from_secs(8);

/// An event from the stream.
#[derive(Debug)]
pub struct StreamRecord {
    /// Position in the stream.
    pub sequence_number: String,
    /// Partition key in the table.
    pub pk: String,
    /// Sort key in the table.
    pub sk: String,
    /// The event.
    pub event: Result<StoredEvent, MissingAttribute>,
}

impl StreamRecord {
    /// Returns the event id, even if the event is unreadable.
    fn event_id(&self) -> String {
        format!("{}#{}", self.pk, self.sk)
    }

    fn received_at(&self) -> Option<Timestamp> {
        self.event.as_ref().ok()?.received_at.parse().ok()
    }
}

/// Result of a batch from the stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Ids of the queued events.
    pub queued: Vec<String>,
    /// Number of parked events.
    pub parked: usize,
    /// Time of receipt of the oldest queued event.
    pub oldest: Option<Timestamp>,
    /// Sequence number of the first record to retry, with all later records. `None`: the batch is done.
    pub retry_from: Option<String>,
}

/// Relays events to the game's queue.
#[derive(Debug)]
pub struct Relay<Q, P, H> {
    /// The game's queue.
    pub queue: Q,
    /// The queue for notes about events that can never be queued.
    pub parking: P,
    /// Earlier events of a subject, for events whose meaning depends on them.
    pub history: H,
    /// Meaning of a payment without an order.
    pub payment_without_order: PaymentWithoutOrder,
}

/// A record with its message, or with the reason why it can never have one.
struct Prepared<'e> {
    record: &'e StreamRecord,
    message: Result<Message, String>,
}

impl<Q: Queue, P: Parking, H: History> Relay<Q, P, H> {
    /// Sends the events in order, up to the first failure.
    ///
    /// Lambda retries the failed record and all later ones. Some of them may already be queued. SQS drops such duplicates
    /// for five minutes, and the consumer drops later ones.
    pub async fn relay(&self, records: &[StreamRecord], time_left: impl Fn() -> Duration) -> BatchOutcome {
        let mut outcome = BatchOutcome::default();
        let mut rest = records;
        let mut prepared = Vec::with_capacity(MAX_BATCH);
        loop {
            while let [next, later @ ..] = rest
                && prepared.len() < MAX_BATCH
                && time_left() >= SEND_LIMIT
                && let Some(next) = self.prepare(next).await
            {
                prepared.push(next);
                rest = later;
            }
            let Some(first) = prepared.first().map(|prepared| prepared.record).or(rest.first()) else {
                return outcome;
            };
            let is_out_of_time = time_left() < SEND_LIMIT;
            if is_out_of_time {
                tracing::warn!("out of time; returning the rest of the batch for retry");
            }
            if is_out_of_time || prepared.is_empty() {
                outcome.retry_from = Some(first.sequence_number.clone());
                return outcome;
            }
            let batch: Vec<Prepared<'_>> = prepared.drain(..batch_len(&prepared)).collect();
            if let Err(failed) = self.send(&batch, &mut outcome).await {
                outcome.retry_from = Some(failed.sequence_number.clone());
                return outcome;
            }
        }
    }

    /// Builds the message of a record. Returns `None` if that fails but may succeed later.
    async fn prepare<'e>(&self, record: &'e StreamRecord) -> Option<Prepared<'e>> {
        let event = match &record.event {
            Ok(event) => event,
            Err(missing) => return Some(Prepared { record, message: Err(missing.to_string()) }),
        };
        match build_message(event, false, &self.history, self.payment_without_order).await {
            Ok(message) => Some(Prepared { record, message: Ok(message) }),
            Err(BuildError::Permanent(cause)) => Some(Prepared { record, message: Err(cause.to_string()) }),
            Err(BuildError::Transient(error)) => {
                tracing::warn!(event_id = %record.event_id(), %error, "history unavailable; will retry");
                None
            }
        }
    }

    /// Sends a batch in one call, and parks what can never be sent. Fails with the first record to retry.
    async fn send<'e>(&self, batch: &[Prepared<'e>], outcome: &mut BatchOutcome) -> Result<(), &'e StreamRecord> {
        let messages: Vec<&Message> = batch.iter().filter_map(|prepared| prepared.message.as_ref().ok()).collect();
        let results = if messages.is_empty() { Vec::new() } else { self.queue.send(&messages).await };
        let mut results = results.into_iter();

        for Prepared { record, message } in batch {
            let cause = match message {
                Err(cause) => cause.clone(),
                Ok(_) => match results.next() {
                    Some(SendResult::Sent) => {
                        outcome.queued.push(record.event_id());
                        outcome.oldest = outcome.oldest.into_iter().chain(record.received_at()).min();
                        continue;
                    }
                    Some(SendResult::Rejected(error)) => error.to_string(),
                    Some(SendResult::Retryable(error)) => {
                        tracing::warn!(event_id = %record.event_id(), %error, "sending to SQS failed; will retry");
                        return Err(record);
                    }
                    None => return Err(record),
                },
            };
            self.park(record, cause).await?;
            outcome.parked += 1;
        }
        Ok(())
    }

    async fn park<'e>(&self, record: &'e StreamRecord, cause: String) -> Result<(), &'e StreamRecord> {
        let parked = Parked { pk: record.pk.clone(), sk: record.sk.clone(), cause };
        match self.parking.park(&parked).await {
            Ok(()) => {
                tracing::error!(event_id = %record.event_id(), cause = parked.cause, "event cannot be queued; parked");
                Ok(())
            }
            Err(error) => {
                tracing::error!(
                    event_id = %record.event_id(), cause = parked.cause, %error,
                    "event cannot be queued, and parking failed; will retry"
                );
                Err(record)
            }
        }
    }
}

/// Returns the number of leading records for one call: as many as fit, with at most one message per subject.
///
/// If a call had two messages of a subject, the second could succeed after the first failed, and overtake it.
fn batch_len(prepared: &[Prepared<'_>]) -> usize {
    let mut bytes = 0;
    let mut subjects: Vec<&str> = Vec::with_capacity(MAX_BATCH);
    for Prepared { record, message } in prepared {
        if let Ok(message) = message {
            bytes += message.size();
            if !subjects.is_empty() && (bytes > MAX_BATCH_BYTES || subjects.contains(&record.pk.as_str())) {
                break;
            }
        }
        subjects.push(&record.pk);
    }
    subjects.len()
}

/// Reason why an event has no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The event can never have one.
    #[error(transparent)]
    Permanent(NotJson),
    /// The history is unavailable. A retry may succeed.
    #[error(transparent)]
    Transient(PortError),
}

/// Builds the message of an event. `replay`: an operator sends it.
///
/// # Errors
///
/// If the body is not JSON, or the earlier events of its subject cannot be read.
pub async fn build_message<H: History>(
    event: &StoredEvent,
    replay: bool,
    history: &H,
    payment_without_order: PaymentWithoutOrder,
) -> Result<Message, BuildError> {
    let facts = facts(event).map_err(BuildError::Permanent)?;
    let others = if facts.goods_depend_on_history(payment_without_order) {
        history.events_of(event.event_id.subject()).await.map_err(BuildError::Transient)?
    } else {
        Vec::new()
    };
    let goods = facts.goods(payment_without_order, &readable_facts(&others));
    message(event, &facts, goods, replay).map_err(BuildError::Permanent)
}

/// Returns what an event means for the goods, given the other events of its subject in any order.
///
/// # Errors
///
/// If the body is not JSON.
pub fn goods(
    event: &StoredEvent,
    payment_without_order: PaymentWithoutOrder,
    others: &[StoredEvent],
) -> Result<Goods, NotJson> {
    Ok(facts(event)?.goods(payment_without_order, &readable_facts(others)))
}

/// Returns the facts of all events whose body is JSON.
fn readable_facts(events: &[StoredEvent]) -> Vec<EventFacts<'_>> {
    events.iter().filter_map(|event| facts(event).ok()).collect()
}

fn facts(event: &StoredEvent) -> Result<EventFacts<'_>, NotJson> {
    Ok(EventFacts {
        notification_type: event.type_name.parse::<NotificationType>().ok(),
        identified: event.identified,
        mode: event.mode,
        received_at: &event.received_at,
        notification: sqs_message::notification(&event.body)?.get(),
    })
}

fn message(event: &StoredEvent, facts: &EventFacts<'_>, goods: Goods, replay: bool) -> Result<Message, NotJson> {
    let message = Message::new(&Event {
        event_id: event.event_id.to_string().into(),
        notification_type: Cow::Borrowed(&event.type_name),
        goods,
        goods_reason: None,
        subject: event.event_id.subject().into(),
        order_id: event.order_id.as_deref().map(Cow::Borrowed),
        user_id: event.user_id.as_deref().map(Cow::Borrowed),
        recipient_user_id: event.user_id.as_deref().map(Cow::Borrowed),
        project_id: event.project_id.as_deref().map(Cow::Borrowed),
        mode: event.mode,
        identified: event.identified,
        deprecated: facts.notification_type.is_some_and(NotificationType::is_deprecated),
        replay,
        received_at: Cow::Borrowed(&event.received_at),
        item_roles: facts.notification_type.and_then(|known| ItemRole::of_items(known, facts.notification)),
        notification: sqs_message::notification(&event.body)?,
    })?;
    Ok(Message { trace: event.trace.clone(), ..message })
}
