//! Stores an event once, and classifies deliveries whose key already exists.

use jiff::{SignedDuration, Timestamp};
use xsolla::Envelope;

use crate::outcome::Outcome;
use crate::ports::{EventStore, PortError, PutOutcome};
use crate::record::{Body, Record};
use crate::trace::TraceHeader;

/// Xsolla retries an unacknowledged webhook for at most this long (`payment`: 12 retries in 48 hours).
///
/// Identical bytes received later are a new event, if the type can recur.
const RETRY_WINDOW: SignedDuration = SignedDuration::from_hours(48);

/// Stores an event unless its key exists.
///
/// Returns [`Outcome::Accepted`] for a new key, [`Outcome::Duplicate`] for a retry, and [`Outcome::Conflict`] if the key
/// exists with other content. A conflicting event is stored under a key of its own and is not relayed.
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
    let mut record = Record::event(envelope, body, received_at, trace);
    for occurrence in 2_u32.. {
        match events.put_if_absent(&record).await? {
            PutOutcome::Inserted => return Ok(Outcome::Accepted(success)),
            PutOutcome::AlreadyExists { digest, received_at: first } if digest == record.body.digest().to_string() => {
                let is_retry = first.is_none_or(|first| received_at.duration_since(first) <= RETRY_WINDOW);
                if is_retry || !envelope.can_recur() {
                    return Ok(Outcome::Duplicate(success));
                }
                record = record.with_occurrence(envelope.event_id(), occurrence);
            }
            PutOutcome::AlreadyExists { .. } => break,
        }
    }
    // Idempotent: a retried conflict has the same key.
    events.put_if_absent(&record.into_conflict()).await?;
    Ok(Outcome::Conflict(success))
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
