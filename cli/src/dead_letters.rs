//! What `xsolla-webhooks dlq` shows and mends: what the game gave up on, and what never reached it.
//!
//! Dead letters stand in a FIFO queue, which hands out the first of a subject, and the next once that is gone. So whoever
//! looks sees the first of each subject at least, and whoever redrives gets all of them, in their order.

use std::collections::{HashMap, HashSet};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::types::{
    Message, MessageAttributeValue, MessageSystemAttributeName as System, MessageSystemAttributeNameForSends,
    MessageSystemAttributeValue, QueueAttributeName as Queue,
};
use intake::aws::{QueueUrls, port_error};
use intake::ports::{Parked, PortError};
use jiff::{SignedDuration, Timestamp};
use message::Event;
use serde::Deserialize;
use xsolla::{BodyDigest, EventId};

use crate::replay::{Outcome, Replay, Selection};
use crate::table::Range;

mod seen;

/// How long messages are kept from others while somebody looks at them, in seconds. They are handed back as soon as that
/// is over; this is for who is interrupted.
const HELD: i32 = 120;
/// The receiver's clock is read before the write, which takes up to [`intake::accept::DEADLINE`], and the stream's is in
/// whole seconds.
const AROUND: SignedDuration = SignedDuration::from_secs(3);

/// The queues of what went wrong.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    /// Asks SQS.
    pub sqs: Client,
    /// The queues.
    pub queues: QueueUrls,
}

/// What stands in both queues.
#[derive(Debug)]
pub struct Seen {
    letters: Vec<Letter>,
    /// How many letters SQS has besides.
    behind: usize,
    notes: Vec<Note>,
}

/// What the game gave up on.
#[derive(Debug)]
struct Letter {
    /// When it was given up, in UTC.
    since: String,
    type_name: String,
    goods: &'static str,
    mode: &'static str,
    /// The event id; the message's own, if it is no event.
    name: String,
    message: Message,
}

/// Word of what never reached the queue.
#[derive(Debug)]
struct Note {
    /// When it was left, in UTC.
    since: String,
    tells_of: TellsOf,
    message: Message,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TellsOf {
    /// An event that could not be queued.
    Event { event_id: EventId, cause: String },
    /// All that was received in this time, and could not be queued for a day.
    Time { from: Timestamp, to: Timestamp, cause: String },
    /// Something else.
    Unknown,
}

/// What became of a redrive.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    /// How many dead letters are in the game's queue again.
    pub letters: usize,
    /// How many events are in it that were parked.
    pub events: usize,
    /// How many notes are done with.
    pub notes: usize,
    /// What stays where it is, and why.
    pub left: Vec<String>,
}

/// It has ended at the first failure. What is done is done; run again, it goes on.
#[derive(Debug, thiserror::Error)]
#[error("stopped, with {} dead letters and {} parked events queued: {cause}\nRun it again to go on.", done.letters, done.events)]
pub struct Stopped {
    /// What became of those before.
    pub done: Redriven,
    /// Why.
    pub cause: PortError,
}

impl DeadLetters {
    /// Looks at both queues, and leaves them as they are.
    ///
    /// # Errors
    ///
    /// When SQS does not answer.
    pub async fn look(&self) -> Result<Seen, PortError> {
        let QueueUrls { dead_letters, parked, .. } = &self.queues;
        let letters = self.peek(dead_letters).await?;
        let notes = self.peek(parked).await?;
        let behind = self.count(dead_letters).await?.saturating_sub(letters.len());
        Ok(Seen { letters: letters.into_iter().map(Letter::new).collect(), behind, notes: self::notes(notes) })
    }

    /// Sends dead letters back to the game, as they were, and events that were parked, as replays. With a type, only
    /// those of that type. Each is removed once it has been sent: whoever is interrupted runs it again, and what is sent
    /// twice the game knows by its event id.
    ///
    /// What was given up after `now` stays, or a game that is still broken would have it sent round for ever.
    ///
    /// # Errors
    ///
    /// When SQS or the table does not answer.
    pub async fn redrive(
        &self,
        replay: &Replay,
        type_name: Option<&str>,
        now: Timestamp,
    ) -> Result<Redriven, Box<Stopped>> {
        let mut done = Redriven::default();
        let mut held = Vec::new();
        let mut result = self.redrive_letters(type_name, now, &mut done, &mut held).await;
        self.hand_back(&self.queues.dead_letters, &held).await;
        if result.is_ok() {
            held.clear();
            result = self.redrive_notes(replay, type_name, &mut done, &mut held).await;
            self.hand_back(&self.queues.parked, &held).await;
        }
        match result {
            Ok(()) => Ok(done),
            Err(cause) => Err(Box::new(Stopped { done, cause })),
        }
    }

    async fn redrive_letters(
        &self,
        type_name: Option<&str>,
        now: Timestamp,
        done: &mut Redriven,
        held: &mut Vec<Message>,
    ) -> Result<(), PortError> {
        let url = &self.queues.dead_letters;
        let mut waiting = 0;
        while let Some(batch) = self.receive(url, held).await? {
            // All of them are held until they are done with, so that a failure hands back all.
            let first = held.len();
            held.extend(batch.iter().cloned());
            let mut of_batch = 0;
            for message in batch {
                let letter = Letter::new(message);
                let is_meant = type_name.is_none_or(|type_name| type_name == letter.type_name);
                if !is_meant || sent_at(&letter.message).is_some_and(|since| since > now) {
                    waiting += usize::from(is_meant);
                    of_batch += 1;
                    continue;
                }
                let sent = self.again(&letter.message).send().await;
                sent.map_err(|error| port_error("sqs:SendMessage", &error))?;
                self.delete(url, &letter.message).await?;
                held.remove(first + of_batch);
                done.letters += 1;
            }
        }
        if waiting > 0 {
            done.left.push(format!("{waiting} dead letters: given up since this began"));
        }
        let behind = self.count(url).await?.saturating_sub(held.len());
        if behind > 0 {
            done.left.push(format!("{behind} dead letters: not shown by SQS, behind others of their subject"));
        }
        Ok(())
    }

    async fn redrive_notes(
        &self,
        replay: &Replay,
        type_name: Option<&str>,
        done: &mut Redriven,
        held: &mut Vec<Message>,
    ) -> Result<(), PortError> {
        let url = &self.queues.parked;
        while let Some(batch) = self.receive(url, held).await? {
            held.extend(batch);
        }
        let mut given_up = Vec::new();
        for note in notes(held.clone()) {
            // A note is one run: what comes twice of it within five minutes is dropped.
            let run = note.message.message_id().unwrap_or_default();
            match &note.tells_of {
                TellsOf::Event { event_id, .. } if is_of_type(event_id, type_name) => {
                    match replay.send_one(event_id, run).await? {
                        Outcome::Queued => {
                            done.events += 1;
                            self.done_with(&note, held, done).await?;
                        }
                        Outcome::Refused(cause) => done.left.push(format!("{event_id}: {cause}")),
                    }
                }
                TellsOf::Event { .. } => {}
                TellsOf::Time { from, to, .. } if type_name.is_none() => given_up.push(((*from, *to), note)),
                TellsOf::Time { .. } => done.left.push(format!("the note of {}: it tells of all types", note.since)),
                TellsOf::Unknown => done.left.push(format!("the note of {}: it is none of the relay's", note.since)),
            }
        }
        self.redrive_times(replay, &given_up, done, held).await
    }

    /// What was received at these times. Some of it may have been queued: the game knows it by its event id.
    async fn redrive_times(
        &self,
        replay: &Replay,
        given_up: &[((Timestamp, Timestamp), Note)],
        done: &mut Redriven,
        held: &mut Vec<Message>,
    ) -> Result<(), PortError> {
        let times: Vec<(Timestamp, Timestamp)> = given_up.iter().map(|(time, _)| *time).collect();
        let from = times.iter().map(|(from, _)| *from).min();
        let to = times.iter().map(|(_, to)| *to).max();
        let Some((_, note)) = given_up.first() else { return Ok(()) };
        // One scan for all of them, since each reads the whole table.
        let mut plan = replay.plan(Selection::Range(Range { from, to, type_name: None })).await?;
        plan.only_within(&times);
        let replayed = match replay.send(&plan, note.message.message_id().unwrap_or_default()).await {
            Ok(replayed) => replayed,
            Err(stopped) => {
                done.events += stopped.done.queued;
                return Err(stopped.cause);
            }
        };
        done.events += replayed.queued;
        let all_are_queued = replayed.refused.is_empty();
        done.left.extend(replayed.refused);
        for (_, note) in given_up.iter().filter(|_| all_are_queued) {
            self.done_with(note, held, done).await?;
        }
        Ok(())
    }

    async fn done_with(&self, note: &Note, held: &mut Vec<Message>, done: &mut Redriven) -> Result<(), PortError> {
        self.delete(&self.queues.parked, &note.message).await?;
        held.retain(|held| held.message_id() != note.message.message_id());
        done.notes += 1;
        Ok(())
    }

    /// All that can be received, handed back at once.
    async fn peek(&self, url: &str) -> Result<Vec<Message>, PortError> {
        let mut seen = Vec::new();
        let failed = loop {
            match self.receive(url, &seen).await {
                Ok(Some(batch)) => seen.extend(batch),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        self.hand_back(url, &seen).await;
        failed.map_or(Ok(seen), Err)
    }

    /// The next that are not held already; `None` if there are no more.
    async fn receive(&self, url: &str, held: &[Message]) -> Result<Option<Vec<Message>>, PortError> {
        let receive = self.sqs.receive_message().queue_url(url).max_number_of_messages(10).visibility_timeout(HELD);
        let receive = receive.message_system_attribute_names(System::All).message_attribute_names("All");
        // A short poll asks some of SQS's servers only, and may come back with nothing.
        let received = receive.wait_time_seconds(1).send().await;
        let mut messages =
            received.map_err(|error| port_error("sqs:ReceiveMessage", &error))?.messages.unwrap_or_default();
        let known: HashSet<Option<&str>> = held.iter().map(Message::message_id).collect();
        messages.retain(|message| !known.contains(&message.message_id()));
        Ok(if messages.is_empty() { None } else { Some(messages) })
    }

    /// As well as it can: what is not handed back comes back by itself.
    async fn hand_back(&self, url: &str, messages: &[Message]) {
        for message in messages.iter().rev() {
            let back = self.sqs.change_message_visibility().queue_url(url).visibility_timeout(0);
            let _ = back.set_receipt_handle(message.receipt_handle.clone()).send().await;
        }
    }

    async fn delete(&self, url: &str, message: &Message) -> Result<(), PortError> {
        let delete = self.sqs.delete_message().queue_url(url).set_receipt_handle(message.receipt_handle.clone());
        delete.send().await.map(drop).map_err(|error| port_error("sqs:DeleteMessage", &error))
    }

    /// The same message, to be sent once more.
    fn again(&self, message: &Message) -> SendMessageFluentBuilder {
        let group = system(message, &System::MessageGroupId);
        let attributes: Option<HashMap<String, MessageAttributeValue>> = message.message_attributes.clone();
        // Not the id of the first time: SQS would drop this one, if that is less than five minutes ago. But the same
        // each time for this letter, so that it drops a second one if the first could not be removed.
        let id = BodyDigest::of(format!("redrive#{}", message.message_id().unwrap_or_default()).as_bytes());
        let send = self.sqs.send_message().queue_url(&self.queues.events).set_message_attributes(attributes);
        let send = send.set_message_group_id(group).message_deduplication_id(id.to_string());
        let trace = system(message, &System::AwsTraceHeader);
        let value =
            |header| MessageSystemAttributeValue::builder().data_type("String").string_value(header).build().ok();
        let trace = trace.and_then(value).map(|value| (MessageSystemAttributeNameForSends::AwsTraceHeader, value));
        let send = send.set_message_system_attributes(trace.map(|trace| [trace].into()));
        send.set_message_body(message.body.clone())
    }

    /// How many SQS has, about.
    async fn count(&self, url: &str) -> Result<usize, PortError> {
        let counts = [Queue::ApproximateNumberOfMessages, Queue::ApproximateNumberOfMessagesNotVisible];
        let get = self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(counts.to_vec()));
        let got = get.send().await.map_err(|error| port_error("sqs:GetQueueAttributes", &error))?;
        let count = |name: &Queue| got.attributes()?.get(name)?.parse::<usize>().ok();
        Ok(counts.iter().filter_map(count).sum())
    }
}

impl Letter {
    fn new(message: Message) -> Self {
        let body = message.body.clone().unwrap_or_default();
        let event = Event::read(&body).ok();
        let name = event.as_ref().map(|event| event.event_id.to_string());
        Self {
            since: since(&message),
            type_name: event
                .as_ref()
                .map_or_else(|| "no event".to_owned(), |event| event.notification_type.to_string()),
            goods: event.as_ref().map_or("-", |event| event.goods.name()),
            mode: event.as_ref().map_or("-", |event| event.mode.name()),
            name: name.or_else(|| message.message_id.clone()).unwrap_or_default(),
            message,
        }
    }
}

impl Note {
    fn new(message: Message) -> Self {
        let tells_of = TellsOf::read(message.body().unwrap_or_default());
        Self { since: since(&message), tells_of, message }
    }
}

/// In the order in which they were left, which a standard queue does not keep.
fn notes(messages: Vec<Message>) -> Vec<Note> {
    let mut notes: Vec<Note> = messages.into_iter().map(Note::new).collect();
    notes.sort_by(|one, other| one.since.cmp(&other.since));
    notes
}

impl TellsOf {
    /// Reads the relay's own note, or Lambda's of a batch that it has given up.
    fn read(body: &str) -> Self {
        /// [Lambda's invocation record](https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html).
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct GivenUp {
            request_context: Option<Context>,
            #[serde(rename = "DDBStreamBatchInfo")]
            batch: Batch,
        }
        #[derive(Deserialize)]
        struct Context {
            condition: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Batch {
            approximate_arrival_of_first_record: Timestamp,
            approximate_arrival_of_last_record: Timestamp,
        }

        if let Ok(Parked { pk, sk, cause }) = serde_json::from_str(body) {
            return Self::Event { event_id: EventId::new(pk, sk), cause };
        }
        let Ok(GivenUp { request_context, batch }) = serde_json::from_str(body) else { return Self::Unknown };
        let condition = request_context.and_then(|context| context.condition);
        let from = batch.approximate_arrival_of_first_record.checked_sub(AROUND);
        let to = batch.approximate_arrival_of_last_record.checked_add(AROUND);
        let (Ok(from), Ok(to)) = (from, to) else { return Self::Unknown };
        Self::Time { from, to, cause: format!("Lambda gave up: {}", condition.as_deref().unwrap_or("no reason")) }
    }

    fn cause(&self) -> &str {
        match self {
            Self::Event { cause, .. } | Self::Time { cause, .. } => cause,
            Self::Unknown => "no note of the relay's",
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Event { event_id, .. } => event_id.to_string(),
            Self::Time { from, to, .. } => format!("received from {from:.3} to {to:.3}"),
            Self::Unknown => "-".to_owned(),
        }
    }
}

/// The type stands first in the part behind the subject.
fn is_of_type(event_id: &EventId, type_name: Option<&str>) -> bool {
    type_name.is_none_or(|type_name| event_id.rest().split('#').next() == Some(type_name))
}

fn system(message: &Message, name: &System) -> Option<String> {
    message.attributes.as_ref()?.get(name).cloned()
}

/// When it came into the queue where it is: a FIFO queue dates dead letters anew.
fn sent_at(message: &Message) -> Option<Timestamp> {
    Timestamp::from_millisecond(system(message, &System::SentTimestamp)?.parse().ok()?).ok()
}

fn since(message: &Message) -> String {
    sent_at(message).map_or_else(|| "unknown".to_owned(), |sent_at| format!("{sent_at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Clients;
    use intake::emulator::queue_urls;

    #[tokio::test]
    async fn a_letter_goes_back_as_it_was_but_for_its_deduplication_id() {
        let text =
            |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build().unwrap();
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let letter = Message::builder()
            .message_id("11d6ee51")
            .body("{}")
            .message_attributes("type", text("payment"))
            .attributes(System::MessageGroupId, "transaction#7")
            .attributes(System::MessageDeduplicationId, "transaction#7#payment")
            .attributes(System::AwsTraceHeader, header)
            .build();
        let dead_letters = DeadLetters { sqs: Clients::local().sqs, queues: queue_urls() };
        let again = dead_letters.again(&letter);
        assert_eq!(again.get_queue_url(), &Some(queue_urls().events));
        assert_eq!(again.get_message_body().as_deref(), letter.body());
        assert_eq!(again.get_message_attributes().as_ref(), letter.message_attributes());
        assert_eq!(again.get_message_group_id().as_deref(), Some("transaction#7"));
        assert_ne!(again.get_message_deduplication_id().as_deref(), Some("transaction#7#payment"));
        let trace = again.get_message_system_attributes().as_ref().unwrap();
        assert_eq!(trace[&MessageSystemAttributeNameForSends::AwsTraceHeader].string_value(), Some(header));
    }

    #[test]
    fn notes_are_told_apart() {
        let lambda = r#"{
            "requestContext": {"requestId": "r", "functionArn": "f", "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 9},
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0", "timestamp": "2026-11-23T00:13:49.717Z",
            "DDBStreamBatchInfo": {
                "shardId": "shardId-1", "startSequenceNumber": "1", "endSequenceNumber": "2", "batchSize": 2, "streamArn": "s",
                "approximateArrivalOfFirstRecord": "2026-11-22T00:13:19Z", "approximateArrivalOfLastRecord": "2026-11-22T00:14:19Z"
            }
        }"#;
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let of_lambda = TellsOf::Time {
            from: time("2026-11-22T00:13:16Z"),
            to: time("2026-11-22T00:14:22Z"),
            cause: "Lambda gave up: RetryAttemptsExhausted".to_owned(),
        };
        let of_relay = TellsOf::Event {
            event_id: EventId::new("transaction#7".to_owned(), "payment".to_owned()),
            cause: "too long".to_owned(),
        };
        for (body, expected) in [
            (lambda, of_lambda),
            (r#"{"pk":"transaction#7","sk":"payment","cause":"too long"}"#, of_relay),
            (r#"{"DDBStreamBatchInfo":{}}"#, TellsOf::Unknown),
            ("hello", TellsOf::Unknown),
        ] {
            assert_eq!(TellsOf::read(body), expected, "{body}");
        }
    }
}
