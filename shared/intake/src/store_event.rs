//! Stores an event once, and classifies deliveries whose key already exists.

use jiff::Timestamp;
use xsolla::{Envelope, RETRY_WINDOW};

use crate::outcome::Outcome;
use crate::ports::{EventStore, PortError, PutOutcome};
use crate::record::{Body, Record};
use crate::trace::TraceHeader;

/// Stores an event unless its key exists.
///
/// Returns [`Outcome::Accepted`] for a new key, [`Outcome::Duplicate`] for a retry, and [`Outcome::Conflict`] if the key
/// exists with other content. A conflicting event is stored under a key of its own and is not relayed.
///
/// If the key contains the body's digest, identical bytes can be a retry or a state that returned. The relay decides that
/// from the events in between, so the delivery is stored under a key of its own.
///
/// If the user of the existing event was erased, every delivery with its key is a duplicate. Only a state that returns
/// after [`RETRY_WINDOW`] is stored.
///
/// # Errors
///
/// If the store fails. The event may or may not be stored.
pub(crate) async fn store_event<E: EventStore>(
    events: &E,
    envelope: &Envelope<'_>,
    body: Body<'_>,
    received_at: Timestamp,
    trace: Option<&TraceHeader>,
) -> Result<Outcome, PortError> {
    let success = envelope.success();
    let record = Record::event(envelope, body, received_at, trace);
    let existing = match events.put_if_absent(&record).await? {
        PutOutcome::Inserted => return Ok(Outcome::Accepted(success)),
        PutOutcome::AlreadyExists { digest } => digest,
        PutOutcome::Erased { received_at: first } => {
            // Without the digest, other content cannot be distinguished from a retry. Neither restores the erased data.
            let is_retry = first.is_none_or(|first| received_at.duration_since(first) <= RETRY_WINDOW);
            if envelope.event_id().contains_digest(body.digest()) && !is_retry {
                events.put_if_absent(&record.into_recurrence()).await?;
            }
            return Ok(Outcome::Duplicate(success));
        }
    };
    if existing != body.digest().to_string() {
        // Idempotent: a retried conflict has the same key.
        events.put_if_absent(&record.into_conflict()).await?;
        return Ok(Outcome::Conflict(success));
    }
    if envelope.event_id().contains_digest(body.digest()) {
        events.put_if_absent(&record.into_recurrence()).await?;
    }
    Ok(Outcome::Duplicate(success))
}

/// Stores a body that is not a notification, for an operator to inspect.
///
/// # Errors
///
/// If the store fails.
pub(crate) async fn store_unreadable<E: EventStore>(
    events: &E,
    body: Body<'_>,
    received_at: Timestamp,
    trace: Option<&TraceHeader>,
) -> Result<Outcome, PortError> {
    events.put_if_absent(&Record::unreadable(body, received_at, trace)).await?;
    Ok(Outcome::Unreadable)
}
