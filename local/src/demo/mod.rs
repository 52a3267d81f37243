//! Demonstration of `xsolla-webhooks local`: sends webhooks as Xsolla would, then checks the table and the queue.

mod report;
mod steps;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use intake::emulator::EVENTS_TABLE;
use intake::table::{BODY, KIND, PK};
use message::Event;
use serde::Deserialize;
use tokio::time::Instant;
use xsolla::{Envelope, Secrets, Signature, sign};

use crate::error::EmulatorError;
use crate::stack::Stack;

pub use report::Report;
use report::{Row, Stored};
use steps::{Expected, Step, steps};

/// How long to wait for the expected messages.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);

/// A message of the demonstration, received from the queue.
struct QueuedEvent {
    body: String,
    goods: &'static str,
}

/// Sends a webhook of each common type, a retry, a conflict and a wrong signature, and reports how each was handled.
///
/// Removes the demonstration's messages from the queue.
///
/// # Errors
///
/// If the webhook port or one of the services does not respond.
pub async fn run(stack: &Stack, secret: &str) -> Result<Report, EmulatorError> {
    let steps = steps();
    let mut answers = Vec::with_capacity(steps.len());
    for step in &steps {
        answers.push(post(stack, step, secret).await?);
    }
    let queue = receive(stack, &steps).await?;

    let mut rows = Vec::with_capacity(steps.len());
    for (step, answer) in steps.into_iter().zip(answers) {
        let stored = match &stored_kinds(stack, &step).await?[..] {
            [] => Stored::No,
            [kind] if kind == "event" => Stored::Once,
            [kind] if kind == "conflict" => Stored::Conflict,
            _ => Stored::Several,
        };
        let queued = queue.iter().filter(|event| event.body == step.body).map(|event| event.goods).collect();
        rows.push(Row { step, answer, stored, queued });
    }
    Ok(Report(rows))
}

/// Sends a webhook. Returns the status, and the error code if any.
async fn post(stack: &Stack, step: &Step, secret: &str) -> Result<String, EmulatorError> {
    #[derive(Deserialize)]
    struct ErrorBody {
        error: ErrorDetail,
    }
    #[derive(Deserialize)]
    struct ErrorDetail {
        code: String,
    }
    let secret = if step.has_wrong_signature { "wrong_secret" } else { secret };
    let request = hyper::Request::post(format!("http://{}{}", stack.demo_addr, step.path))
        .header("authorization", sign(step.body.as_bytes(), secret))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(step.body.clone())))
        .map_err(EmulatorError::service)?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.map_err(EmulatorError::service)?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(EmulatorError::service)?.to_bytes();
    Ok(match serde_json::from_slice::<ErrorBody>(&body) {
        Ok(body) => format!("{status} {}", body.error.code),
        Err(_) => status.to_string(),
    })
}

/// The kinds of the stored items that have this webhook's body.
async fn stored_kinds(stack: &Stack, step: &Step) -> Result<Vec<String>, EmulatorError> {
    let output = stack
        .dynamodb
        .query()
        .table_name(EVENTS_TABLE)
        .key_condition_expression("#pk = :pk")
        .expression_attribute_names("#pk", PK)
        .expression_attribute_values(":pk", AttributeValue::S(subject(&step.body)))
        .consistent_read(true)
        .send()
        .await
        .map_err(EmulatorError::service)?;
    let has_body = |item: &&HashMap<String, AttributeValue>| {
        item.get(BODY).and_then(|body| body.as_b().ok()).is_some_and(|body| body.as_ref() == step.body.as_bytes())
    };
    let kind = |item: &HashMap<String, AttributeValue>| item.get(KIND)?.as_s().ok().cloned();
    Ok(output.items().iter().filter(has_body).filter_map(kind).collect())
}

/// The subject of a notification. An [`Envelope`] requires a verified body, so this signs the body with a secret of its own.
fn subject(body: &str) -> String {
    let secret = "demo";
    let keys = secret.parse::<Secrets>().ok().zip(sign(body.as_bytes(), secret).parse::<Signature>().ok());
    let verified = keys.and_then(|(secrets, signature)| secrets.verify(body.as_bytes(), &signature).ok());
    let envelope = verified.and_then(|verified| Envelope::parse(&verified).ok());
    envelope.map_or_else(String::new, |envelope| envelope.event_id().subject().to_owned())
}

/// Receives and deletes the demonstration's messages, until all expected ones have arrived and the queue is empty.
///
/// Other messages remain in the queue.
async fn receive(stack: &Stack, steps: &[Step]) -> Result<Vec<QueuedEvent>, EmulatorError> {
    let queue_url = &stack.queues.events;
    let deadline = Instant::now() + QUEUE_TIMEOUT;
    let mut missing: Vec<&str> =
        steps.iter().filter(|step| step.expected == Expected::Queued).map(|step| step.body.as_str()).collect();
    let (mut received, mut unrelated) = (Vec::new(), Vec::new());
    loop {
        let request = stack.sqs.receive_message().queue_url(queue_url).max_number_of_messages(10).wait_time_seconds(1);
        let output = request.send().await.map_err(EmulatorError::service)?;
        let received_before = received.len();
        for message in output.messages.unwrap_or_default() {
            let event = Event::read(message.body().unwrap_or_default()).map_err(EmulatorError::service)?;
            let body = event.notification.get().to_owned();
            if !steps.iter().any(|step| step.body == body) {
                unrelated.push(message);
                continue;
            }
            missing.retain(|missing| *missing != body);
            received.push(QueuedEvent { body, goods: event.goods.name() });
            let delete = stack.sqs.delete_message().queue_url(queue_url);
            delete.set_receipt_handle(message.receipt_handle).send().await.map_err(EmulatorError::service)?;
        }
        let is_complete = missing.is_empty() && received.len() == received_before;
        if is_complete || Instant::now() > deadline {
            break;
        }
    }
    for message in unrelated {
        let release = stack.sqs.change_message_visibility().queue_url(queue_url).visibility_timeout(0);
        release.set_receipt_handle(message.receipt_handle).send().await.map_err(EmulatorError::service)?;
    }
    Ok(received)
}
