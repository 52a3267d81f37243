//! Batches of a Lambda function: processed in order, with a response that names the failed messages.
//!
//! | Mistake | Consequence | Solution |
//! |---|---|---|
//! | One failed message fails the function | SQS retries the whole batch, and moves it to the dead-letter queue after ten deliveries | [`Batch::in_order`] returns the failed messages |
//! | A later message of the failed message's group is applied | A refund is applied before its order | [`Batch::in_order`] stops the group at its first failure |
//! | All later messages wait for a failed message | One sale delays all others | [`Batch::in_order`] continues with the other groups |
//! | An unreadable message fails the function | SQS retries the whole batch | Each message is read separately, and fails only its group |
//! | The trigger lacks `ReportBatchItemFailures` | Lambda treats each response as success, and SQS deletes the failed messages | See below |
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

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use serde::Deserialize;

/// A batch of messages from a FIFO queue, in the order of their groups.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "SqsEvent")]
pub struct Batch {
    /// The messages: by default up to ten.
    pub messages: Vec<Message>,
}

/// A message of a FIFO queue. `Debug` hides the body, which contains personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// SQS's message id.
    pub id: String,
    /// Message group: the event's subject.
    pub group: String,
    /// X-Ray trace header of the webhook, for other tracing systems. Lambda links its own trace automatically.
    pub trace_header: Option<String>,
    /// Body, for [`crate::Event::read`].
    pub body: String,
}

/// A message lacks an attribute that each message of a FIFO queue has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message has no {0}; is the queue a FIFO queue?")]
pub struct MissingAttribute(&'static str);

impl Batch {
    /// Applies the messages one by one, and returns the response of the function.
    ///
    /// After a failure, the later messages of its group are not applied. The response names the failed and the skipped
    /// messages; SQS retries these and deletes all others. The errors are not logged.
    pub async fn in_order<E>(&self, mut apply: impl AsyncFnMut(&Message) -> Result<(), E>) -> SqsBatchResponse {
        let mut stopped_groups = HashSet::new();
        let mut response = SqsBatchResponse::default();
        for message in &self.messages {
            if stopped_groups.contains(&message.group) || apply(message).await.is_err() {
                stopped_groups.insert(&message.group);
                let mut failure = BatchItemFailure::default();
                failure.item_identifier.clone_from(&message.id);
                response.batch_item_failures.push(failure);
            }
        }
        response
    }
}

impl TryFrom<SqsEvent> for Batch {
    type Error = MissingAttribute;

    fn try_from(event: SqsEvent) -> Result<Self, MissingAttribute> {
        let messages = event.records.into_iter().map(Message::try_from).collect::<Result<_, _>>()?;
        Ok(Self { messages })
    }
}

impl TryFrom<SqsMessage> for Message {
    type Error = MissingAttribute;

    fn try_from(mut message: SqsMessage) -> Result<Self, MissingAttribute> {
        let mut attribute = |name| message.attributes.remove(name);
        Ok(Self {
            group: attribute("MessageGroupId").ok_or(MissingAttribute("MessageGroupId"))?,
            trace_header: attribute("AWSTraceHeader"),
            id: message.message_id.ok_or(MissingAttribute("messageId"))?,
            body: message.body.ok_or(MissingAttribute("body"))?,
        })
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).field("group", &self.group).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::Event;

    fn message(id: &str, group: &str, body: &str) -> Message {
        Message { id: id.to_owned(), group: group.to_owned(), trace_header: None, body: body.to_owned() }
    }

    fn failed(response: &SqsBatchResponse) -> Vec<&str> {
        response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
    }

    /// A message is `group:id`. It fails if the id ends with an exclamation mark.
    #[rstest]
    #[case("", "", "")]
    #[case("a:1 a:2 b:3", "1 2 3", "")]
    #[case("a:1!", "1!", "1!")]
    #[case("a:1! a:2 a:3", "1!", "1! 2 3")]
    #[case("a:1 a:2! a:3", "1 2!", "2! 3")]
    #[case("a:1! b:2 a:3 b:4", "1! 2 4", "1! 3")]
    #[case("a:1 b:2! a:3 b:4! a:5", "1 2! 3 5", "2! 4!")]
    #[case("a:1! b:2! c:3 b:4 a:5", "1! 2! 3", "1! 2! 4 5")]
    #[tokio::test]
    async fn stops_group_at_first_failure_and_continues_others(
        #[case] batch: &str,
        #[case] applied: &str,
        #[case] failures: &str,
    ) {
        let messages = batch.split_whitespace().filter_map(|text| text.split_once(':'));
        let messages = messages.map(|(group, id)| message(id, group, "")).collect();
        let mut seen = Vec::new();
        let response = Batch { messages }
            .in_order(async |message| {
                seen.push(message.id.clone());
                if message.id.ends_with('!') { Err(()) } else { Ok(()) }
            })
            .await;
        assert_eq!(seen.join(" "), applied);
        assert_eq!(failed(&response).join(" "), failures);
    }

    #[tokio::test]
    async fn unreadable_message_fails_only_its_group() {
        let event = json!({
            "event_id": "order#1#order_paid", "type": "order_paid", "goods": "grant", "subject": "order#1",
            "order_id": null, "user_id": null, "project_id": null, "mode": "live", "identified": true,
            "deprecated": false, "received_at": "2026-11-22T00:31:07.042518Z", "item_roles": null,
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

    /// An event as AWS documents it: "Using Lambda with Amazon SQS".
    fn documented_event() -> Value {
        json!({"Records": [{
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
        }]})
    }

    #[test]
    fn reads_documented_event() {
        let batch: Batch = serde_json::from_value(documented_event()).unwrap();
        let expected = message("11d6ee51-4cc7-4302-9e22-7cd8afdaadf5", "transaction#7", "a secret");
        assert_eq!(batch.messages, [Message { trace_header: Some(TRACE_HEADER.to_owned()), ..expected }]);
        assert!(!format!("{batch:?}").contains("secret"));
    }

    #[test]
    fn reads_message_attributes_of_relay() {
        let mut event = documented_event();
        let attribute = |value| json!({ "stringValue": value, "stringListValues": [], "binaryListValues": [], "dataType": "String" });
        event["Records"][0]["messageAttributes"] = json!({ "type": attribute("payment"), "mode": attribute("live") });
        assert_eq!(serde_json::from_value::<Batch>(event).unwrap().messages.len(), 1);
    }

    #[tokio::test]
    async fn writes_documented_response() {
        let batch: Batch = serde_json::from_value(documented_event()).unwrap();
        let response = serde_json::to_string(&batch.in_order(async |_| Err(())).await).unwrap();
        assert_eq!(response, r#"{"batchItemFailures":[{"itemIdentifier":"11d6ee51-4cc7-4302-9e22-7cd8afdaadf5"}]}"#);
        let response = serde_json::to_string(&batch.in_order(async |_| Ok::<_, ()>(())).await).unwrap();
        assert_eq!(response, r#"{"batchItemFailures":[]}"#);
    }

    #[test]
    fn rejects_event_of_standard_queue() {
        let mut event = documented_event();
        event["Records"][0]["attributes"].as_object_mut().unwrap().remove("MessageGroupId");
        let error = serde_json::from_value::<Batch>(event).unwrap_err().to_string();
        assert!(error.contains("MessageGroupId"), "{error}");
    }
}
