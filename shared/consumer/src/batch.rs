//! A Lambda function on the queue: its batch in order, and the answer that lets only the failed messages come again.
//!
//! | The mistake | What becomes of it | Here |
//! |---|---|---|
//! | One message fails, and the function with it | The whole batch comes again, ten times, and with it into the dead-letter queue | [`BatchResponse`] names those that failed |
//! | One message fails, and the next of its group is applied | A refund is applied before its order | [`Batch::in_order`] stops the group at its first failure |
//! | One message fails, and everything behind it waits | One sale holds up all others | Other groups go on |
//! | A message that cannot be read fails the function | The whole batch, again | It is read for itself, and fails its group only |
//! | The trigger lacks `ReportBatchItemFailures` | Lambda takes any answer for success, and deletes what failed | See below |
//!
//! ```yaml
//! Events:
//!   Queue:
//!     Type: SQS
//!     Properties:
//!       Queue: !Ref QueueArn
//!       FunctionResponseTypes: [ReportBatchItemFailures]
//! ```

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What Lambda hands to a function whose trigger is a FIFO queue.
///
/// The messages of a group are in their order.
#[derive(Debug, Clone, Deserialize)]
pub struct Batch {
    /// Up to ten, as long as the trigger is set to no other size.
    #[serde(rename = "Records")]
    pub messages: Vec<Message>,
}

/// A message of a FIFO queue.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Record")]
pub struct Message {
    /// SQS's id of it.
    pub id: String,
    /// Its message group: the event's subject.
    pub group: String,
    /// X-Ray's trace header, of the call that brought the webhook. Lambda links its own trace to it by itself; this is for
    /// who keeps logs or traces elsewhere.
    pub trace_header: Option<String>,
    /// What [`crate::Event::read`] reads.
    pub body: String,
}

/// The function's answer: the messages that must come again. SQS deletes all others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// In the order of the batch.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// A message that must come again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// [`Message::id`].
    pub item_identifier: String,
}

impl Batch {
    /// Applies each message, one after the other. What lies behind a failure in the same group is not applied, and comes
    /// again with it.
    ///
    /// The error is not looked at. Log it where it arises: a function that Lambda ends has no answer to log it from.
    pub async fn in_order<E>(&self, mut apply: impl AsyncFnMut(&Message) -> Result<(), E>) -> BatchResponse {
        let mut stopped = HashSet::new();
        let mut response = BatchResponse::default();
        for message in &self.messages {
            if stopped.contains(&message.group) || apply(message).await.is_err() {
                stopped.insert(&message.group);
                response.batch_item_failures.push(BatchItemFailure { item_identifier: message.id.clone() });
            }
        }
        response
    }
}

/// A message, as Lambda writes it.
#[derive(Deserialize)]
struct Record {
    #[serde(rename = "messageId")]
    id: String,
    attributes: Attributes,
    body: String,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(rename = "MessageGroupId")]
    group: String,
    #[serde(rename = "AWSTraceHeader")]
    trace_header: Option<String>,
}

impl From<Record> for Message {
    fn from(Record { id, attributes: Attributes { group, trace_header }, body }: Record) -> Self {
        Self { id, group, trace_header, body }
    }
}

/// A body holds personal data.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).field("group", &self.group).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Event;

    fn message(id: &str, group: &str, body: &str) -> Message {
        Message { id: id.to_owned(), group: group.to_owned(), trace_header: None, body: body.to_owned() }
    }

    fn failed(response: &BatchResponse) -> Vec<&str> {
        response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
    }

    #[tokio::test]
    async fn a_group_stops_at_its_first_failure_and_the_others_go_on() {
        // A message is `group:id`, and fails with an exclamation mark.
        for (batch, applied, failures) in [
            ("", "", ""),
            ("a:1 a:2 b:3", "1 2 3", ""),
            ("a:1!", "1!", "1!"),
            ("a:1! a:2 a:3", "1!", "1! 2 3"),
            ("a:1 a:2! a:3", "1 2!", "2! 3"),
            ("a:1! b:2 a:3 b:4", "1! 2 4", "1! 3"),
            ("a:1 b:2! a:3 b:4! a:5", "1 2! 3 5", "2! 4!"),
            ("a:1! b:2! c:3 b:4 a:5", "1! 2! 3", "1! 2! 4 5"),
        ] {
            let messages = batch.split_whitespace().filter_map(|text| text.split_once(':'));
            let messages = messages.map(|(group, id)| message(id, group, "")).collect();
            let mut seen = Vec::new();
            let response = Batch { messages }
                .in_order(async |message| {
                    seen.push(message.id.clone());
                    if message.id.ends_with('!') { Err(()) } else { Ok(()) }
                })
                .await;
            assert_eq!(seen.join(" "), applied, "{batch}");
            assert_eq!(failed(&response).join(" "), failures, "{batch}");
        }
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_read_fails_its_group_only() {
        let event = json!({
            "event_id": "order#1#order_paid", "type": "order_paid", "goods": "grant", "subject": "order#1",
            "order_id": null, "user_id": null, "project_id": null, "mode": "live", "identified": true,
            "deprecated": false, "received_at": "2026-11-22T00:31:07.042Z", "item_roles": null,
            "notification": {},
        })
        .to_string();
        let messages = vec![
            message("1", "a", &event),
            message("2", "b", "{"),
            message("3", "a", &event),
            message("4", "b", &event),
        ];
        let response = Batch { messages }.in_order(async |message| Event::read(&message.body).map(drop)).await;
        assert_eq!(failed(&response), ["2", "4"]);
    }

    const TRACE_HEADER: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    /// As AWS documents both: "Using Lambda with Amazon SQS".
    #[tokio::test]
    async fn it_reads_what_lambda_sends_and_answers_what_lambda_reads() {
        let sent = json!({"Records": [{
            "messageId": "11d6ee51-4cc7-4302-9e22-7cd8afdaadf5",
            "receiptHandle": "AQEBBX8nesZEXmkhsmZeyIE8iQAMig7qw...",
            "body": "a secret",
            "attributes": {
                "ApproximateReceiveCount": "1",
                "AWSTraceHeader": TRACE_HEADER,
                "SentTimestamp": "1573251510774",
                "SequenceNumber": "18849496460467696128",
                "MessageGroupId": "transaction#7",
                "SenderId": "AIDAIO23YVJENQZJOL4VO",
                "MessageDeduplicationId": "transaction#7#payment",
                "ApproximateFirstReceiveTimestamp": "1573251510774",
            },
            "messageAttributes": {},
            "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:fifo.fifo",
            "awsRegion": "us-east-2",
        }]});
        let batch: Batch = serde_json::from_value(sent.clone()).unwrap();
        let read = message("11d6ee51-4cc7-4302-9e22-7cd8afdaadf5", "transaction#7", "a secret");
        assert_eq!(batch.messages, [Message { trace_header: Some(TRACE_HEADER.to_owned()), ..read }]);
        assert!(!format!("{batch:?}").contains("secret"));

        let response = serde_json::to_string(&batch.in_order(async |_| Err(())).await).unwrap();
        assert_eq!(response, r#"{"batchItemFailures":[{"itemIdentifier":"11d6ee51-4cc7-4302-9e22-7cd8afdaadf5"}]}"#);
        let response = serde_json::to_string(&batch.in_order(async |_| Ok::<_, ()>(())).await).unwrap();
        assert_eq!(response, r#"{"batchItemFailures":[]}"#);

        let mut of_a_standard_queue = sent;
        of_a_standard_queue["Records"][0]["attributes"].as_object_mut().unwrap().remove("MessageGroupId");
        let error = serde_json::from_value::<Batch>(of_a_standard_queue).unwrap_err().to_string();
        assert!(error.contains("MessageGroupId"), "{error}");
    }
}
