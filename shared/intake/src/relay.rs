//! From the table's stream to the queue: in order per subject, at least once, nothing skipped.

use std::time::Duration;

use crate::message::{Message, Unsendable};
use crate::ports::{Parked, Parking, Queue, Sent};

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
pub struct Streamed {
    /// Its place in the stream.
    pub sequence_number: String,
    /// Its partition key in the table.
    pub pk: String,
    /// Its sort key in the table.
    pub sk: String,
    /// What is to be sent.
    pub message: Result<Message, Unsendable>,
}

/// What became of a batch from the stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Relayed {
    /// How many are in the queue.
    pub queued: usize,
    /// How many can never be sent, and were parked.
    pub parked: usize,
    /// The first that must come again, with all behind it; `None` if nothing must.
    pub retry_from: Option<String>,
}

/// Hands events to the game.
#[derive(Debug)]
pub struct Relay<Q, P> {
    /// Where to.
    pub queue: Q,
    /// Where word is left of what can never be sent.
    pub parking: P,
}

impl<Q: Queue, P: Parking> Relay<Q, P> {
    /// Sends the events in their order, up to the first that fails.
    ///
    /// Those behind the first failure come again, and some may have been sent already: the queue drops them by their
    /// deduplication id for five minutes, the consumer by their event id for ever.
    pub async fn relay(&self, events: &[Streamed], time_left: impl Fn() -> Duration) -> Relayed {
        let mut relayed = Relayed::default();
        let mut rest = events;
        while let Some(first) = rest.first() {
            if time_left() < SEND_LIMIT {
                tracing::warn!("time runs out: the rest of the batch comes again");
                relayed.retry_from = Some(first.sequence_number.clone());
                return relayed;
            }
            let (batch, behind) = rest.split_at(batch_len(rest));
            if let Err(retry) = self.send(batch, &mut relayed).await {
                relayed.retry_from = Some(retry.sequence_number.clone());
                return relayed;
            }
            rest = behind;
        }
        relayed
    }

    /// One call to the queue. Fails with the first event that must come again.
    async fn send<'e>(&self, batch: &'e [Streamed], relayed: &mut Relayed) -> Result<(), &'e Streamed> {
        let messages: Vec<&Message> = batch.iter().filter_map(|event| event.message.as_ref().ok()).collect();
        let results = if messages.is_empty() { Vec::new() } else { self.queue.send(&messages).await };
        let mut results = results.into_iter();

        for event in batch {
            let refusal = match &event.message {
                Err(unsendable) => unsendable.to_string(),
                Ok(_) => match results.next() {
                    Some(Sent::Queued) => {
                        relayed.queued += 1;
                        continue;
                    }
                    Some(Sent::Refused(error)) => error.to_string(),
                    Some(Sent::Failed(error)) => {
                        tracing::warn!(pk = event.pk, sk = event.sk, %error, "not queued yet");
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

    async fn park<'e>(&self, event: &'e Streamed, cause: String) -> Result<(), &'e Streamed> {
        tracing::error!(pk = event.pk, sk = event.sk, cause, "can never be queued: parked");
        let parked = Parked { pk: event.pk.clone(), sk: event.sk.clone(), cause };
        self.parking.park(&parked).await.map_err(|error| {
            tracing::error!(pk = event.pk, sk = event.sk, %error, "not parked either");
            event
        })
    }
}

/// How many of the first events make one call: as many as fit, and no two of one subject. If the first of two failed
/// and the second did not, they would change places.
fn batch_len(events: &[Streamed]) -> usize {
    let mut bytes = 0;
    let mut subjects: Vec<&str> = Vec::with_capacity(MAX_BATCH);
    for event in events.iter().take(MAX_BATCH) {
        let Ok(message) = &event.message else {
            subjects.push(&event.pk);
            continue;
        };
        bytes += message.size();
        if !subjects.is_empty() && (bytes > MAX_BATCH_BYTES || subjects.contains(&event.pk.as_str())) {
            break;
        }
        subjects.push(&event.pk);
    }
    subjects.len()
}
