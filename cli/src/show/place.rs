//! Where an event is: in the queue, in the dead-letter queue, parked, or delivered.

use std::fmt;

use aws_sdk_sqs::types::QueueAttributeName;
use intake::ports::PortError;
use intake::record::StoredEvent;
use intake::sales::{is_skipped, sale_event};
use jiff::Timestamp;
use serde::Deserialize;
use xsolla::{EventId, Sale};

use crate::dead_letters::{DeadLetters, DlqSnapshot};
use crate::format::counted;

/// Contents of the queues at one time.
///
/// The messages in the game's queue cannot be read without counting as a failed delivery, so only their number is known.
#[derive(Debug)]
pub struct Queues {
    dead: DlqSnapshot,
    /// Approximate number of messages in the game's queue, visible and invisible.
    queued: usize,
    /// Number of deliveries after which a message becomes a dead letter.
    max_receive_count: Option<u32>,
}

impl Queues {
    /// Reads the dead-letter queue and the parked queue, and leaves them unchanged. Counts the messages in the game's queue.
    ///
    /// # Errors
    ///
    /// If SQS is unavailable.
    pub async fn read(dead_letters: &DeadLetters) -> Result<Self, PortError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct RedrivePolicy {
            max_receive_count: u32,
        }
        let events = &dead_letters.queues.events;
        // Counted first: a message that becomes a dead letter in the meantime is then found twice rather than not at all.
        let queued = dead_letters.count(events).await?;
        let policy = dead_letters.attribute(events, QueueAttributeName::RedrivePolicy).await?;
        let policy = policy.and_then(|policy| serde_json::from_str::<RedrivePolicy>(&policy).ok());
        let max_receive_count = policy.map(|policy| policy.max_receive_count);
        Ok(Self { dead: dead_letters.snapshot().await?, queued, max_receive_count })
    }
}

/// Where an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// When the relay decided about the event, right before it sent it.
    queued_at: Option<Timestamp>,
    /// What the queues say.
    now: Option<String>,
}

impl Place {
    /// The place of an event according to the table. `None`: a retry, which is never queued.
    pub(super) fn of(event: &StoredEvent, sale: &Sale) -> Option<Self> {
        let queued_at = event.decision.map(|stored| stored.decided_at);
        let is_new_retry = || queued_at.is_none() && sale_event(event).is_ok_and(|event| sale.is_retry(&event));
        let is_retry = is_skipped(event) || is_new_retry();
        (!is_retry).then_some(Self { queued_at, now: None })
    }

    /// Adds what the queues say.
    pub(super) fn locate(&mut self, event_id: &EventId, received_at: &str, queues: &Queues) {
        let Queues { dead, queued, max_receive_count } = queues;
        self.now = Some(if let Some(since) = dead.dead_letter_since(event_id) {
            let times = max_receive_count.map(|count| format!(": the game failed to process it {count} times"));
            format!("in the dead-letter queue since {since}{}", times.unwrap_or_default())
        } else if let Some((since, cause)) = dead.parked_since(event_id, received_at) {
            format!("parked since {since}: {cause}")
        } else if self.queued_at.is_none() {
            return;
        } else if dead.hidden() > 0 {
            format!(
                "not found: {} hidden behind others, and the queue has about {}",
                counted(dead.hidden(), "dead letter is", "dead letters are"),
                messages(*queued),
            )
        } else if *queued > 0 {
            format!("in the queue or processed by the game: the queue has about {}", messages(*queued))
        } else {
            "in no queue: the game has processed it".to_owned()
        });
    }
}

fn messages(count: usize) -> String {
    counted(count, "message", "messages")
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.queued_at {
            Some(at) => write!(f, "queued at {at:.3}")?,
            None => f.write_str("not queued")?,
        }
        self.now.iter().try_for_each(|now| write!(f, ", {now}"))
    }
}
