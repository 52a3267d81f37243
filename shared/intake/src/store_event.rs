//! PutOutcome an event once: what it means that its key is taken.

use jiff::{SignedDuration, Timestamp};
use xsolla::Envelope;

use crate::outcome::Outcome;
use crate::ports::{EventStore, PortError, PutOutcome};
use crate::record::{Body, Record};
use crate::trace::TraceHeader;

/// How long Xsolla resends what was not acknowledged: `payment` at most twelve times in 48 hours, payouts as long, all
/// others shorter. The same bytes after that are no retry.
const RESENDS: SignedDuration = SignedDuration::from_hours(48);

/// Keeps an event, unless it was kept before; other content under its key, beside the first.
pub(crate) async fn keep<E: EventStore>(
    events: &E,
    envelope: &Envelope<'_>,
    body: Body<'_>,
    received_at: Timestamp,
    trace: Option<&TraceHeader>,
) -> Result<Outcome, PortError> {
    let success = envelope.success();
    let mut record = Record::of_event(envelope, body, received_at, trace);
    for nth in 2_u32.. {
        match events.put_if_absent(&record).await? {
            PutOutcome::Inserted => return Ok(Outcome::Accepted(success)),
            PutOutcome::AlreadyExists { digest, received_at: first } if digest == record.body.digest().to_string() => {
                let is_retry = first.is_none_or(|first| received_at.duration_since(first) <= RESENDS);
                if is_retry || !envelope.can_recur() {
                    return Ok(Outcome::Duplicate(success));
                }
                record = record.repeated(envelope.event_id(), nth);
            }
            PutOutcome::AlreadyExists { .. } => break,
        }
    }
    // Kept or taken, it is there now: a conflict that is sent again meets itself.
    events.put_if_absent(&record.into_conflict()).await?;
    Ok(Outcome::Conflict(success))
}

/// Keeps a body that is no notification, for people to look at.
pub(crate) async fn store_unreadable<E: EventStore>(
    events: &E,
    body: Body<'_>,
    received_at: Timestamp,
    trace: Option<&TraceHeader>,
) -> Result<Outcome, PortError> {
    events.put_if_absent(&Record::of_unreadable(body, received_at, trace)).await?;
    Ok(Outcome::Unreadable)
}
