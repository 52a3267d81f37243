//! Observes the calls to the embedded SQS. It has no call that reads a queue without side effects.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Bytes;
use http_body_util::BodyExt;
use hyper::Response;
use intake::emulator::{DEAD_LETTER_QUEUE, EVENTS_QUEUE, PARKED_QUEUE};
use intake::ports::Parked;
use message::Event;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_http::body::SqsResponseBody;
use rustack_sqs_http::dispatch::SqsHandler;
use rustack_sqs_model::error::SqsError;
use rustack_sqs_model::operations::SqsOperation;
use serde::Deserialize;

use super::{Journal, QueueState};

/// The handler of the embedded SQS, with a journal of its messages.
pub(crate) struct Observed {
    pub(crate) handler: RustackSqsHandler,
    pub(crate) journal: Option<Arc<Journal>>,
}

type Answer = Result<Response<SqsResponseBody>, SqsError>;

/// A request that sends, deletes or releases messages: one, or the entries of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    queue_url: String,
    #[serde(default)]
    entries: Vec<Entry>,
    #[serde(flatten)]
    single: Entry,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: Option<String>,
    message_body: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reply {
    #[serde(default)]
    messages: Vec<ReceivedMessage>,
    #[serde(default)]
    successful: Vec<Successful>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Successful {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceivedMessage {
    body: String,
    receipt_handle: String,
}

impl SqsHandler for Observed {
    fn handle_operation(&self, op: SqsOperation, body: Bytes) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let answer = self.handler.handle_operation(op, body.clone());
        match self.journal.clone().filter(|_| is_observed(op)) {
            None => answer,
            Some(journal) => Box::pin(async move {
                let (head, reply) = answer.await?.into_parts();
                // The body is already in memory.
                let reply = reply.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                if head.status.is_success() {
                    observe(&journal, op, &body, &reply);
                }
                Ok(Response::from_parts(head, SqsResponseBody::from_bytes(reply)))
            }),
        }
    }
}

const fn is_observed(op: SqsOperation) -> bool {
    matches!(
        op,
        SqsOperation::SendMessage
            | SqsOperation::SendMessageBatch
            | SqsOperation::ReceiveMessage
            | SqsOperation::DeleteMessage
            | SqsOperation::DeleteMessageBatch
            | SqsOperation::ChangeMessageVisibility
            | SqsOperation::ChangeMessageVisibilityBatch
    )
}

fn observe(journal: &Journal, op: SqsOperation, request: &[u8], reply: &[u8]) {
    let Ok(request) = serde_json::from_slice::<Request>(request) else { return };
    let queue = request.queue_url.rsplit('/').next().unwrap_or_default();
    let reply = serde_json::from_slice::<Reply>(reply).unwrap_or(Reply { messages: vec![], successful: vec![] });
    if op == SqsOperation::ReceiveMessage {
        for message in &reply.messages {
            received(journal, queue, message);
        }
        return;
    }
    let is_successful = |entry: &&Entry| reply.successful.iter().any(|done| Some(&done.id) == entry.id.as_ref());
    let entries = request.entries.iter().filter(is_successful);
    let single = request.entries.is_empty().then_some(&request.single);
    for entry in entries.chain(single) {
        match (queue, &entry.message_body, &entry.receipt_handle) {
            (EVENTS_QUEUE, Some(body), _) => {
                if let Ok(event) = Event::read(body) {
                    journal.queued(&event);
                }
            }
            (PARKED_QUEUE, Some(body), _) => {
                if let Ok(Parked { pk, sk, cause }) = serde_json::from_str(body) {
                    journal.parked(&xsolla::EventId::new(pk, sk).to_string(), &cause);
                }
            }
            (EVENTS_QUEUE, None, Some(handle)) => match entry.visibility_timeout {
                None => journal.settled(handle, QueueState::Processed),
                Some(0) => journal.settled(handle, QueueState::Queued),
                Some(_) => {}
            },
            _ => {}
        }
    }
}

fn received(journal: &Journal, queue: &str, message: &ReceivedMessage) {
    let Ok(event) = Event::read(&message.body) else { return };
    let receives = journal.message(&event.event_id).map_or(0, |known| known.receives);
    match queue {
        EVENTS_QUEUE => {
            journal.received(&event.event_id, &message.receipt_handle, receives + 1, QueueState::Received);
        }
        DEAD_LETTER_QUEUE => {
            journal.received(&event.event_id, &message.receipt_handle, receives, QueueState::DeadLetter);
        }
        _ => {}
    }
}
