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
use serde::Deserialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use xsolla::{BodyDigest, sign};

use crate::envelope::with_envelope;
use crate::error::EmulatorError;
use crate::journal::{Change, QueueState};
use crate::stack::Stack;

pub use report::Report;
use report::{Row, Stored};
pub(crate) use steps::IDS as SAMPLE_IDS;
use steps::{Expected, Step, steps};

/// How long to wait for the expected messages.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);

/// A message of the demonstration.
struct QueuedEvent {
    digest: BodyDigest,
    goods: &'static str,
}

/// Sends a webhook of each common type, a retry, a conflict and a wrong signature, and reports how each was handled.
///
/// The events remain in the queue, for a consumer.
///
/// # Errors
///
/// If the webhook port or one of the services does not respond.
pub async fn run(stack: &Stack, secret: &str) -> Result<Report, EmulatorError> {
    let steps = steps();
    let mut changes = stack.journal.subscribe();
    let mut answers = Vec::with_capacity(steps.len());
    for step in &steps {
        answers.push(post(stack, step, secret).await?);
    }
    let queue = queued(&mut changes, &steps).await;

    let mut rows = Vec::with_capacity(steps.len());
    for (step, answer) in steps.into_iter().zip(answers) {
        let stored = match &stored_kinds(stack, &step).await?[..] {
            [] => Stored::No,
            [kind] if kind == "event" => Stored::Once,
            [kind] if kind == "conflict" => Stored::Conflict,
            _ => Stored::Several,
        };
        let queued = queue.iter().filter(|event| event.digest == step.digest()).map(|event| event.goods).collect();
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

fn subject(body: &str) -> String {
    with_envelope(body.as_bytes(), |envelope| envelope.event_id().subject().to_owned()).unwrap_or_default()
}

/// Waits until the relay has sent all expected messages. It preserves the order of the stream, so that it has handled all
/// other webhooks by then.
async fn queued(changes: &mut broadcast::Receiver<Change>, steps: &[Step]) -> Vec<QueuedEvent> {
    let expected = steps.iter().filter(|step| step.expected == Expected::Queued);
    let mut missing: Vec<BodyDigest> = expected.map(Step::digest).collect();
    let mut queued = Vec::new();
    let receive = async {
        while !missing.is_empty() {
            let change = match changes.recv().await {
                Ok(change) => change,
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let Change::Message(message) = change else { continue };
            let (Some(digest), Some(goods)) = (message.digest, message.goods) else { continue };
            if message.queue == QueueState::Queued && steps.iter().any(|step| step.digest() == digest) {
                missing.retain(|missing| *missing != digest);
                queued.push(QueuedEvent { digest, goods });
            }
        }
    };
    // The report shows what is missing.
    let _ = tokio::time::timeout(QUEUE_TIMEOUT, receive).await;
    queued
}
