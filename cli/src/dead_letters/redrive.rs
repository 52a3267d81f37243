//! Redrive of dead letters and parked events to the game's queue.

use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::types::{
    Message, MessageSystemAttributeName as System, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
};
use intake::aws::port_error;
use intake::ports::PortError;
use intake::sqs_message;
use jiff::Timestamp;
use xsolla::BodyDigest;

use super::entry::{DeadLetter, ParkedNote, ParkedReason, is_of_type, sent_at, system_attribute};
use super::queues::DeadLetters;
use crate::format::counted;
use crate::replay::{NotSent, Outcome, Replay, Selection};

/// Result of a redrive.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RedriveResult {
    /// Number of dead letters that are in the game's queue again.
    pub dead_letters: usize,
    /// Number of parked events that are in the game's queue.
    pub parked_events: usize,
    /// Number of parked notes that were resolved and deleted.
    pub notes: usize,
    /// Entries that remain in their queue, each with the reason.
    pub leftovers: Vec<String>,
}

/// A redrive that stopped at its first failure.
#[derive(Debug, thiserror::Error)]
#[error(
    "stopped after queueing {} and {}: {cause}\nTo continue, run the same command again.",
    counted(result.dead_letters, "dead letter", "dead letters"),
    counted(result.parked_events, "parked event", "parked events")
)]
pub struct RedriveError {
    /// Result for the entries before the failure.
    pub result: RedriveResult,
    /// Cause of the failure.
    pub cause: PortError,
}

impl DeadLetters {
    /// Sends dead letters and parked events as replays. With a type, sends only entries of that type.
    ///
    /// A dead letter is sent unchanged if its event has expired from the table, or if it is not an event.
    ///
    /// Deletes each entry after it was sent, so an interrupted redrive can be run again. An entry that is sent twice has
    /// the same event id. Dead letters that arrived after `now` remain: otherwise a consumer that still fails would keep
    /// the redrive running forever.
    ///
    /// # Errors
    ///
    /// If SQS or the table is unavailable.
    pub async fn redrive(
        &self,
        replay: &Replay,
        type_name: Option<&str>,
        now: Timestamp,
    ) -> Result<RedriveResult, Box<RedriveError>> {
        let mut result = RedriveResult::default();
        let mut held = Vec::new();
        replay.progress().start(None);
        let mut outcome = self.redrive_dead_letters(replay, type_name, now, &mut result, &mut held).await;
        self.release(&self.queues.dead_letters, &held).await;
        if outcome.is_ok() {
            held.clear();
            outcome = self.redrive_notes(replay, type_name, &mut result, &mut held).await;
            self.release(&self.queues.parked, &held).await;
        }
        match outcome {
            Ok(()) => Ok(result),
            Err(cause) => Err(Box::new(RedriveError { result, cause })),
        }
    }

    async fn redrive_dead_letters(
        &self,
        replay: &Replay,
        type_name: Option<&str>,
        now: Timestamp,
        result: &mut RedriveResult,
        held: &mut Vec<Message>,
    ) -> Result<(), PortError> {
        let url = &self.queues.dead_letters;
        let mut too_new = 0;
        while let Some(batch) = self.receive(url, held).await? {
            // The whole batch is held, so that a failure releases all messages that were not sent.
            let batch_start = held.len();
            held.extend(batch.iter().cloned());
            let mut skipped = 0;
            for message in batch {
                let letter = DeadLetter::new(message);
                let is_selected = type_name.is_none_or(|type_name| type_name == letter.type_name);
                if !is_selected || sent_at(&letter.message).is_some_and(|since| since > now) {
                    too_new += usize::from(is_selected);
                    skipped += 1;
                    continue;
                }
                if let Err(cause) = self.redrive_dead_letter(replay, &letter).await? {
                    result.leftovers.push(format!("{}: {cause}", letter.id));
                    skipped += 1;
                    continue;
                }
                self.delete(url, &letter.message).await?;
                held.remove(batch_start + skipped);
                result.dead_letters += 1;
                replay.progress().add(1);
            }
        }
        let mut report = |count, reason: &str| {
            if count > 0 {
                result.leftovers.push(format!("{}: {reason}", counted(count, "dead letter", "dead letters")));
            }
        };
        report(too_new, "arrived after the redrive started");
        let unavailable = self.count(url).await?.saturating_sub(held.len());
        report(unavailable, "not returned by SQS, because an earlier message of the same subject remains");
        Ok(())
    }

    /// Sends a dead letter. The inner error is the reason why it is not sent.
    async fn redrive_dead_letter(
        &self,
        replay: &Replay,
        letter: &DeadLetter,
    ) -> Result<Result<(), NotSent>, PortError> {
        let deduplication_id = deduplication_id(&letter.message);
        if let Some(event_id) = &letter.event_id {
            let with_own_id = |message| sqs_message::Message { deduplication_id: deduplication_id.clone(), ..message };
            match replay.send_as(event_id, with_own_id).await? {
                Outcome::Queued => return Ok(Ok(())),
                Outcome::NotSent(NotSent::NotStored) => {}
                Outcome::NotSent(cause) => return Ok(Err(cause)),
            }
        }
        let sent = self.resend(&letter.message, deduplication_id).send().await;
        sent.map(|_| Ok(())).map_err(|error| port_error("sqs:SendMessage", &error))
    }

    async fn redrive_notes(
        &self,
        replay: &Replay,
        type_name: Option<&str>,
        result: &mut RedriveResult,
        held: &mut Vec<Message>,
    ) -> Result<(), PortError> {
        let url = &self.queues.parked;
        while let Some(batch) = self.receive(url, held).await? {
            held.extend(batch);
        }
        let mut batches = Vec::new();
        for note in ParkedNote::sorted(held.clone()) {
            // The note is the run: SQS drops repeated sends for the same note for five minutes.
            let run = note.message.message_id().unwrap_or_default();
            match &note.reason {
                ParkedReason::Event { event_id, .. } if is_of_type(event_id, type_name) => {
                    match replay.send_one(event_id, run).await? {
                        Outcome::Queued => {
                            result.parked_events += 1;
                            replay.progress().add(1);
                            self.resolve(&note, held, result).await?;
                        }
                        // Nothing to send.
                        Outcome::NotSent(NotSent::Retry) => self.resolve(&note, held, result).await?,
                        Outcome::NotSent(cause) => result.leftovers.push(format!("{event_id}: {cause}")),
                    }
                }
                ParkedReason::Event { .. } => {}
                ParkedReason::Batch { from, to, .. } if type_name.is_none() => batches.push(((*from, *to), note)),
                ParkedReason::Batch { .. } => {
                    let reason = "covers events of all types; redrive it without --type";
                    result.leftovers.push(format!("parked note of {}: {reason}", note.since));
                }
                ParkedReason::Unknown => {
                    result.leftovers.push(format!("parked note of {}: unknown format", note.since));
                }
            }
        }
        self.redrive_batches(replay, &batches, result, held).await
    }

    /// Replays the events that were received in these time spans. Some may have been queued before; they have the same
    /// event id.
    async fn redrive_batches(
        &self,
        replay: &Replay,
        batches: &[((Timestamp, Timestamp), ParkedNote)],
        result: &mut RedriveResult,
        held: &mut Vec<Message>,
    ) -> Result<(), PortError> {
        let spans: Vec<(Timestamp, Timestamp)> = batches.iter().map(|(span, _)| *span).collect();
        let Some((_, first)) = batches.first() else { return Ok(()) };
        let plan = replay.plan(Selection::Spans(spans)).await?;
        let replayed = match replay.send(&plan, first.message.message_id().unwrap_or_default()).await {
            Ok(replayed) => replayed,
            Err(error) => {
                result.parked_events += error.result.queued;
                return Err(error.cause);
            }
        };
        result.parked_events += replayed.queued;
        let all_queued = replayed.rejected.is_empty();
        result.leftovers.extend(replayed.rejected);
        for (_, note) in batches.iter().filter(|_| all_queued) {
            self.resolve(note, held, result).await?;
        }
        Ok(())
    }

    /// Deletes a note whose events are queued.
    async fn resolve(
        &self,
        note: &ParkedNote,
        held: &mut Vec<Message>,
        result: &mut RedriveResult,
    ) -> Result<(), PortError> {
        self.delete(&self.queues.parked, &note.message).await?;
        held.retain(|held| held.message_id() != note.message.message_id());
        result.notes += 1;
        Ok(())
    }

    /// The request that sends a dead letter unchanged to the game's queue.
    fn resend(&self, message: &Message, deduplication_id: String) -> SendMessageFluentBuilder {
        let trace = system_attribute(message, &System::AwsTraceHeader).and_then(|header| {
            MessageSystemAttributeValue::builder().data_type("String").string_value(header).build().ok()
        });
        let trace = trace.map(|header| [(MessageSystemAttributeNameForSends::AwsTraceHeader, header)].into());
        let send = self.sqs.send_message().queue_url(&self.queues.events);
        let send =
            send.set_message_body(message.body.clone()).set_message_attributes(message.message_attributes.clone());
        let send = send.set_message_group_id(system_attribute(message, &System::MessageGroupId));
        send.message_deduplication_id(deduplication_id).set_message_system_attributes(trace)
    }
}

/// Returns a new deduplication id for a dead letter: SQS would drop the original one within five minutes of the first send.
///
/// It is derived from the message id, so that SQS drops a second redrive of a dead letter that could not be deleted.
fn deduplication_id(message: &Message) -> String {
    BodyDigest::of(format!("redrive#{}", message.message_id().unwrap_or_default()).as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::types::MessageAttributeValue;
    use intake::emulator::queue_urls;

    use super::*;
    use crate::connection::Clients;

    #[tokio::test]
    async fn resends_dead_letter_unchanged_except_deduplication_id() {
        let text =
            |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap();
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let message = Message::builder()
            .message_id("11d6ee51")
            .body("{}")
            .message_attributes("type", text("payment"))
            .attributes(System::MessageGroupId, "transaction#7")
            .attributes(System::MessageDeduplicationId, "transaction#7#payment")
            .attributes(System::AwsTraceHeader, header)
            .build();
        let dead_letters = DeadLetters { sqs: Clients::emulator().sqs, queues: queue_urls() };
        let request = dead_letters.resend(&message, deduplication_id(&message));
        assert_eq!(request.get_queue_url(), &Some(queue_urls().events));
        assert_eq!(request.get_message_body().as_deref(), message.body());
        assert_eq!(request.get_message_attributes().as_ref(), message.message_attributes());
        assert_eq!(request.get_message_group_id().as_deref(), Some("transaction#7"));
        assert_ne!(request.get_message_deduplication_id().as_deref(), Some("transaction#7#payment"));
        let trace = request.get_message_system_attributes().as_ref().unwrap();
        assert_eq!(trace[&MessageSystemAttributeNameForSends::AwsTraceHeader].string_value(), Some(header));
    }
}
