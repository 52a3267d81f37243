//! The queues in SQS.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
    SendMessageBatchRequestEntry,
};

use super::error::port_error;
use crate::ports::{Parked, Parking, PortError, Queue, SendResult};
use crate::sqs_message::Message;
use crate::trace::TraceHeader;

type SystemAttributes = HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>;

const SEND_BATCH: &str = "sqs:SendMessageBatch";
const SEND_MESSAGE: &str = "sqs:SendMessage";

/// Error codes of messages that SQS can never accept.
const PERMANENT_ERRORS: [&str; 3] = ["InvalidMessageContents", "InvalidParameterValue", "BatchRequestTooLong"];

/// URLs of the queues of a stack.
#[derive(Debug, Clone)]
pub struct QueueUrls {
    /// Events for the game. FIFO.
    pub events: String,
    /// Messages that the game failed to process ten times. FIFO.
    pub dead_letters: String,
    /// Notes about events that SQS can never accept.
    pub parked: String,
}

/// The FIFO queue of events for the game.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// Sends to the queue with this URL.
    pub const fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }
}

impl Queue for SqsQueue {
    async fn send(&self, batch: &[&Message]) -> Vec<SendResult> {
        let mut results = self.send_batch(batch).await;
        let is_rejected = |result: &SendResult| matches!(result, SendResult::Rejected(_));
        // One invalid message can fail the whole call, and an invalid trace header can fail a message. So each rejected
        // message is retried alone, without its trace header.
        let whole_call = batch.len() > 1 && results.iter().all(is_rejected);
        for (message, result) in batch.iter().zip(&mut results) {
            if is_rejected(result) && (whole_call || message.trace.is_some()) {
                let untraced = Message { trace: None, ..(*message).clone() };
                if let Some(retried) = self.send_batch(&[&untraced]).await.pop() {
                    *result = retried;
                }
            }
        }
        results
    }
}

impl SqsQueue {
    async fn send_batch(&self, batch: &[&Message]) -> Vec<SendResult> {
        let mut entries = Vec::with_capacity(batch.len());
        for (position, message) in batch.iter().enumerate() {
            match entry(position, message) {
                Ok(entry) => entries.push(entry),
                Err(error) => return vec![SendResult::Retryable(error); batch.len()],
            }
        }
        match self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await {
            Ok(response) => {
                let missing = PortError { operation: SEND_BATCH, cause: "missing in the response".to_owned() };
                let mut results = vec![SendResult::Retryable(missing); batch.len()];
                let mut set_result = |id: &str, sent: SendResult| {
                    if let Some(result) = id.parse().ok().and_then(|position: usize| results.get_mut(position)) {
                        *result = sent;
                    }
                };
                for sent in response.successful() {
                    set_result(sent.id(), SendResult::Sent);
                }
                for failed in response.failed() {
                    let error = PortError {
                        operation: SEND_BATCH,
                        cause: format!("{}: {}", failed.code(), failed.message().unwrap_or("no message")),
                    };
                    set_result(failed.id(), failed_result(failed.code(), error));
                }
                results
            }
            Err(error) => {
                let code = error.code().unwrap_or_default().to_owned();
                vec![failed_result(&code, port_error(SEND_BATCH, &error)); batch.len()]
            }
        }
    }
}

fn failed_result(code: &str, error: PortError) -> SendResult {
    // Some codes have a namespace: `AWS.SimpleQueueService.BatchRequestTooLong`.
    let code = code.rsplit('.').next().unwrap_or(code);
    if PERMANENT_ERRORS.contains(&code) { SendResult::Rejected(error) } else { SendResult::Retryable(error) }
}

fn entry(position: usize, message: &Message) -> Result<SendMessageBatchRequestEntry, PortError> {
    let trace = message.trace.as_ref().map(trace_header).transpose()?;
    SendMessageBatchRequestEntry::builder()
        .id(position.to_string())
        .message_body(message.body.as_str())
        .message_group_id(&message.group_id)
        .message_deduplication_id(&message.deduplication_id)
        .message_attributes("type", attribute(&message.type_label)?)
        .message_attributes("mode", attribute(message.mode)?)
        .set_message_system_attributes(trace)
        .build()
        .map_err(build_error)
}

fn attribute(value: &str) -> Result<MessageAttributeValue, PortError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build().map_err(build_error)
}

fn trace_header(trace: &TraceHeader) -> Result<SystemAttributes, PortError> {
    let value = MessageSystemAttributeValue::builder().data_type("String").string_value(trace.as_str());
    Ok([(MessageSystemAttributeNameForSends::AwsTraceHeader, value.build().map_err(build_error)?)].into())
}

fn build_error(error: impl std::fmt::Display) -> PortError {
    PortError { operation: SEND_BATCH, cause: error.to_string() }
}

/// The queue of parked events. Without a URL, parked events are only logged.
#[derive(Debug, Clone)]
pub struct ParkingQueue {
    client: Client,
    url: Option<String>,
}

impl ParkingQueue {
    /// Sends notes to the queue with this URL.
    pub const fn new(client: Client, url: Option<String>) -> Self {
        Self { client, url }
    }
}

impl Parking for ParkingQueue {
    async fn park(&self, parked: &Parked) -> Result<(), PortError> {
        let Some(url) = &self.url else { return Ok(()) };
        let body = serde_json::to_string(parked)
            .map_err(|error| PortError { operation: SEND_MESSAGE, cause: error.to_string() })?;
        let sent = self.client.send_message().queue_url(url).message_body(body).send().await;
        sent.map(drop).map_err(|error| port_error(SEND_MESSAGE, &error))
    }
}
