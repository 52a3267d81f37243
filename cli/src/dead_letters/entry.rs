//! Entries of the dead-letter queue and the parked queue.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as System};
use intake::ports::Parked;
use jiff::{SignedDuration, Timestamp};
use message::Event;
use serde::Deserialize;
use xsolla::EventId;

use crate::replay::Effect;

/// Tolerance between an event's time of receipt and the time of its stream record.
///
/// The time of receipt is read before the write, which takes up to [`intake::accept::DEADLINE`]. Stream times are in
/// whole seconds.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(3);

/// A message that the game failed to process.
#[derive(Debug)]
pub(super) struct DeadLetter {
    /// Time of arrival in the dead-letter queue, in UTC.
    pub(super) since: String,
    pub(super) type_name: String,
    /// The goods and the reason in the message, or `-` if the message is not an event.
    pub(super) goods: String,
    pub(super) mode: &'static str,
    /// The message group: the subject.
    pub(super) subject: String,
    /// The game's user id, or `-`.
    pub(super) user: String,
    /// Number of deliveries, in all queues.
    pub(super) deliveries: String,
    /// `None` if the message is not an event.
    pub(super) event_id: Option<EventId>,
    /// Event id, or SQS's message id if the message is not an event.
    pub(super) id: String,
    pub(super) message: Message,
}

/// A note in the parked queue about events that never reached the game's queue.
#[derive(Debug)]
pub(super) struct ParkedNote {
    /// Time of arrival in the parked queue, in UTC.
    pub(super) since: String,
    pub(super) reason: ParkedReason,
    pub(super) message: Message,
}

/// Content of a parked note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParkedReason {
    /// The relay could not queue one event.
    Event { event_id: EventId, cause: String },
    /// Lambda gave up on a batch. The note has the time span in which its events were received.
    Batch { from: Timestamp, to: Timestamp, cause: String },
    /// The note has an unknown format.
    Unknown,
}

impl DeadLetter {
    pub(super) fn new(message: Message) -> Self {
        let body = message.body.clone().unwrap_or_default();
        let event = Event::read(&body).ok();
        let effect = event.as_ref().map(Effect::of);
        let user = event.as_ref().and_then(|event| event.user_id.as_deref()).unwrap_or("-").to_owned();
        let id = event.map(|event| event.event_id.into_owned());
        let attribute = |name| system_attribute(&message, &name).unwrap_or_else(|| "-".to_owned());
        Self {
            since: arrived_at(&message),
            subject: attribute(System::MessageGroupId),
            user,
            deliveries: attribute(System::ApproximateReceiveCount),
            mode: effect.as_ref().map_or("-", |effect| effect.mode),
            goods: effect.as_ref().map_or("-", |effect| &effect.goods).to_owned(),
            type_name: effect.map_or_else(|| "(not an event)".to_owned(), |effect| effect.type_name),
            event_id: id.as_ref().and_then(|id| id.parse().ok()),
            id: id.or_else(|| message.message_id.clone()).unwrap_or_default(),
            message,
        }
    }
}

impl ParkedNote {
    fn new(message: Message) -> Self {
        let reason = ParkedReason::read(message.body().unwrap_or_default());
        Self { since: arrived_at(&message), reason, message }
    }

    /// Reads the notes and sorts them by time, because the parked queue is a standard queue without order.
    pub(super) fn sorted(messages: Vec<Message>) -> Vec<Self> {
        let mut notes: Vec<Self> = messages.into_iter().map(Self::new).collect();
        notes.sort_by(|one, other| one.since.cmp(&other.since));
        notes
    }
}

impl ParkedReason {
    /// Reads the relay's note about an event, or Lambda's invocation record of a failed batch.
    fn read(body: &str) -> Self {
        /// [Lambda's invocation record](https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html).
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct InvocationRecord {
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
        let Ok(InvocationRecord { request_context, batch }) = serde_json::from_str(body) else { return Self::Unknown };
        let condition = request_context.and_then(|context| context.condition);
        let from = batch.approximate_arrival_of_first_record.checked_sub(CLOCK_SLACK);
        let to = batch.approximate_arrival_of_last_record.checked_add(CLOCK_SLACK);
        let (Ok(from), Ok(to)) = (from, to) else { return Self::Unknown };
        let condition = condition.as_deref().unwrap_or("no reason given");
        Self::Batch { from, to, cause: format!("Lambda gave up: {condition}") }
    }

    pub(super) fn cause(&self) -> &str {
        match self {
            Self::Event { cause, .. } | Self::Batch { cause, .. } => cause,
            Self::Unknown => "unknown note format",
        }
    }

    /// The event id, or the time span of the batch.
    pub(super) fn id(&self) -> String {
        match self {
            Self::Event { event_id, .. } => event_id.to_string(),
            Self::Batch { from, to, .. } => format!("received from {from:.3} to {to:.3}"),
            Self::Unknown => "-".to_owned(),
        }
    }
}

/// Whether the event is of this type. The type is the first part of the event id after the subject.
pub(super) fn is_of_type(event_id: &EventId, type_name: Option<&str>) -> bool {
    type_name.is_none_or(|type_name| event_id.rest().split('#').next() == Some(type_name))
}

pub(super) fn system_attribute(message: &Message, name: &System) -> Option<String> {
    message.attributes.as_ref()?.get(name).cloned()
}

/// Time of arrival in the current queue. A FIFO dead-letter queue resets it.
pub(super) fn sent_at(message: &Message) -> Option<Timestamp> {
    Timestamp::from_millisecond(system_attribute(message, &System::SentTimestamp)?.parse().ok()?).ok()
}

fn arrived_at(message: &Message) -> String {
    sent_at(message).map_or_else(|| "unknown".to_owned(), |sent_at| format!("{sent_at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_notes_of_relay_and_lambda() {
        let lambda_note = r#"{
            "requestContext": {"requestId": "r", "functionArn": "f", "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 9},
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0", "timestamp": "2026-11-23T00:13:49.717Z",
            "DDBStreamBatchInfo": {
                "shardId": "shardId-1", "startSequenceNumber": "1", "endSequenceNumber": "2", "batchSize": 2, "streamArn": "s",
                "approximateArrivalOfFirstRecord": "2026-11-22T00:13:19Z", "approximateArrivalOfLastRecord": "2026-11-22T00:14:19Z"
            }
        }"#;
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let batch = ParkedReason::Batch {
            from: time("2026-11-22T00:13:16Z"),
            to: time("2026-11-22T00:14:22Z"),
            cause: "Lambda gave up: RetryAttemptsExhausted".to_owned(),
        };
        let event = ParkedReason::Event {
            event_id: EventId::new("transaction#7".to_owned(), "payment".to_owned()),
            cause: "too long".to_owned(),
        };
        for (body, expected) in [
            (lambda_note, batch),
            (r#"{"pk":"transaction#7","sk":"payment","cause":"too long"}"#, event),
            (r#"{"DDBStreamBatchInfo":{}}"#, ParkedReason::Unknown),
            ("hello", ParkedReason::Unknown),
        ] {
            assert_eq!(ParkedReason::read(body), expected, "{body}");
        }
    }
}
