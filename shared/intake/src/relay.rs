//! From the table's stream to the queue: in order per subject, at least once, nothing skipped.

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

/// Most messages in one call to SQS.
pub const MAX_BATCH: usize = 10;
/// Most bytes in one call. SQS takes a mebibyte; this is what older queues and emulators take.
const MAX_BATCH_BYTES: usize = 256 * 1024;
/// No call to the queue is begun with less time than this: it is what a call with all its retries may take. (If refused
/// messages make it more calls, Lambda may cut them off; then the batch comes again.)
pub const SEND_LIMIT: Duration = Duration::from_secs(8);

/// An event that the stream brought.
#[derive(Debug)]
pub struct StreamRecord {
    /// Its place in the stream.
    pub sequence_number: String,
    /// Its partition key in the table.
    pub pk: String,
    /// Its sort key in the table.
    pub sk: String,
    /// The event itself.
    pub event: Result<StoredEvent, MissingAttribute>,
}

impl StreamRecord {
    /// As [`xsolla::EventId`] is shown, even of what cannot be read.
    fn event_id(&self) -> String {
        format!("{}#{}", self.pk, self.sk)
    }

    /// When it arrived at the front door.
    fn received_at(&self) -> Option<Timestamp> {
        self.event.as_ref().ok()?.received_at.parse().ok()
    }
}

/// What became of a batch from the stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Those that are in the queue: their event ids.
    pub queued: Vec<String>,
    /// How many can never be sent, and were parked.
    pub parked: usize,
    /// When the oldest of those in the queue had arrived at the front door; `None` if none is.
    pub oldest: Option<Timestamp>,
    /// The first that must come again, with all behind it; `None` if nothing must.
    pub retry_from: Option<String>,
}

/// Hands events to the game.
#[derive(Debug)]
pub struct Relay<Q, P, H> {
    /// Where to.
    pub queue: Q,
    /// Where word is left of what can never be sent.
    pub parking: P,
    /// Where the earlier events of a subject are, for those whose meaning depends on them.
    pub history: H,
    /// What a payment means that names no order.
    pub payment_without_order: PaymentWithoutOrder,
}

/// An event with its message, or with the reason why it can never have one.
struct Prepared<'e> {
    streamed: &'e StreamRecord,
    message: Result<Message, String>,
}

impl<Q: Queue, P: Parking, H: History> Relay<Q, P, H> {
    /// Sends the events in their order, up to the first that fails.
    ///
    /// Those behind the first failure come again, and some may have been sent already: the queue drops them by their
    /// deduplication id for five minutes, the consumer by their event id for ever.
    pub async fn relay(&self, events: &[StreamRecord], time_left: impl Fn() -> Duration) -> BatchOutcome {
        let mut relayed = BatchOutcome::default();
        let mut rest = events;
        let mut ready = Vec::with_capacity(MAX_BATCH);
        loop {
            while let [next, behind @ ..] = rest
                && ready.len() < MAX_BATCH
                && time_left() >= SEND_LIMIT
                && let Some(next) = self.make_ready(next).await
            {
                ready.push(next);
                rest = behind;
            }
            let Some(first) = ready.first().map(|ready| ready.streamed).or(rest.first()) else { return relayed };
            if ready.is_empty() || time_left() < SEND_LIMIT {
                tracing::warn!("the rest of the batch comes again");
                relayed.retry_from = Some(first.sequence_number.clone());
                return relayed;
            }
            let batch: Vec<Prepared<'_>> = ready.drain(..batch_len(&ready)).collect();
            if let Err(retry) = self.send(&batch, &mut relayed).await {
                relayed.retry_from = Some(retry.sequence_number.clone());
                return relayed;
            }
        }
    }

    /// Gives an event its message; `None` if what it means cannot be found out now.
    async fn make_ready<'e>(&self, streamed: &'e StreamRecord) -> Option<Prepared<'e>> {
        let event = match &streamed.event {
            Ok(event) => event,
            Err(missing) => return Some(Prepared { streamed, message: Err(missing.to_string()) }),
        };
        match write(event, false, &self.history, self.payment_without_order).await {
            Ok(message) => Some(Prepared { streamed, message: Ok(message) }),
            Err(BuildError::Permanent(cause)) => Some(Prepared { streamed, message: Err(cause.to_string()) }),
            Err(BuildError::Transient(error)) => {
                tracing::warn!(event_id = %streamed.event_id(), %error, "its meaning cannot be found out yet");
                None
            }
        }
    }

    /// One call to the queue. Fails with the first event that must come again.
    async fn send<'e>(&self, batch: &[Prepared<'e>], relayed: &mut BatchOutcome) -> Result<(), &'e StreamRecord> {
        let messages: Vec<&Message> = batch.iter().filter_map(|ready| ready.message.as_ref().ok()).collect();
        let results = if messages.is_empty() { Vec::new() } else { self.queue.send(&messages).await };
        let mut results = results.into_iter();

        for Prepared { streamed: event, message } in batch {
            let refusal = match message {
                Err(cause) => cause.clone(),
                Ok(_) => match results.next() {
                    Some(SendResult::Sent) => {
                        relayed.queued.push(event.event_id());
                        relayed.oldest = relayed.oldest.into_iter().chain(event.received_at()).min();
                        continue;
                    }
                    Some(SendResult::Rejected(error)) => error.to_string(),
                    Some(SendResult::Retryable(error)) => {
                        tracing::warn!(event_id = %event.event_id(), %error, "not queued yet");
                        return Err(event);
                    }
                    None => return Err(event),
                },
            };
            self.park(event, refusal).await?;
            relayed.parked += 1;
        }
        Ok(())
    }

    async fn park<'e>(&self, event: &'e StreamRecord, cause: String) -> Result<(), &'e StreamRecord> {
        tracing::error!(event_id = %event.event_id(), cause, "can never be queued: parked");
        let parked = Parked { pk: event.pk.clone(), sk: event.sk.clone(), cause };
        self.parking.park(&parked).await.map_err(|error| {
            tracing::error!(event_id = %event.event_id(), %error, "not parked either");
            event
        })
    }
}

/// How many of the first events make one call: as many as fit, and no two of one subject. If the first of two failed
/// and the second did not, they would change places.
fn batch_len(ready: &[Prepared<'_>]) -> usize {
    let mut bytes = 0;
    let mut subjects: Vec<&str> = Vec::with_capacity(MAX_BATCH);
    for Prepared { streamed, message } in ready {
        if let Ok(message) = message {
            bytes += message.size();
            if !subjects.is_empty() && (bytes > MAX_BATCH_BYTES || subjects.contains(&streamed.pk.as_str())) {
                break;
            }
        }
        subjects.push(&streamed.pk);
    }
    subjects.len()
}

/// Why an event has no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// It can never have one.
    #[error(transparent)]
    Permanent(NotJson),
    /// What it means cannot be found out now.
    #[error(transparent)]
    Transient(PortError),
}

/// Writes an event's message: the one that the stream brings, or, as a replay, the one that a person sends.
///
/// # Errors
///
/// When the body is not JSON, or the earlier events of its subject cannot be read.
pub async fn write<H: History>(
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
    goods(event, payment_without_order, &others)
        .and_then(|goods| message_with(event, &facts, goods, replay))
        .map_err(BuildError::Permanent)
}

/// What an event means for the goods, given the other events of its subject, in any order.
///
/// # Errors
///
/// When the body is not JSON.
pub fn goods(
    event: &StoredEvent,
    payment_without_order: PaymentWithoutOrder,
    others: &[StoredEvent],
) -> Result<Goods, NotJson> {
    let others: Vec<EventFacts<'_>> = others.iter().filter_map(|other| facts(other).ok()).collect();
    Ok(facts(event)?.goods(payment_without_order, &others))
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

fn message_with(event: &StoredEvent, facts: &EventFacts<'_>, goods: Goods, replay: bool) -> Result<Message, NotJson> {
    let message = Message::new(&Event {
        event_id: event.event_id.to_string().into(),
        notification_type: Cow::Borrowed(&event.type_name),
        goods,
        subject: event.event_id.subject().into(),
        order_id: event.order_id.as_deref().map(Cow::Borrowed),
        user_id: event.user_id.as_deref().map(Cow::Borrowed),
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
