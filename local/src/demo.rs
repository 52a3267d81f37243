//! What `xsolla-webhooks local` shows first: webhooks as Xsolla would send them, and what became of each.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use intake::emulator::EVENTS_TABLE;
use intake::table::{BODY, KIND, PK};
use jiff::Timestamp;
use message::Event;
use serde::Deserialize;
use xsolla::{Envelope, Secrets, Signature, samples, sign};

use crate::error::StartError;
use crate::stack::Stack;

/// How long the queue is listened to when an event does not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// One webhook of the demonstration, and what must become of it.
struct Step {
    what: &'static str,
    path: &'static str,
    body: String,
    forged: bool,
    answer: &'static str,
    fate: Fate,
}

/// What must become of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Neither kept nor queued.
    Gone,
    /// In the table once, in the queue once: also after a retry.
    Once,
    /// In the table beside the first, not in the queue.
    Beside,
}

/// What came to the queue.
struct Queued {
    body: String,
    goods: &'static str,
}

/// What became of one webhook.
#[derive(Debug)]
pub struct Row {
    what: &'static str,
    path: &'static str,
    answer: String,
    kept: &'static str,
    queued: String,
    as_expected: bool,
}

/// What became of all of them, in the order in which they were sent.
#[derive(Debug)]
pub struct Report(Vec<Row>);

impl Report {
    /// Whether all of it came out as it should.
    #[must_use]
    pub fn as_expected(&self) -> bool {
        self.0.iter().all(|row| row.as_expected)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:<44}{:<27}{:<25}{:<14}queued", "sent", "to", "answered", "kept")?;
        for row in &self.0 {
            let wrong = if row.as_expected { "" } else { "   <- NOT AS IT SHOULD BE" };
            let Row { what, path, answer, kept, queued, .. } = row;
            writeln!(f, "  {what:<44}{path:<27}{answer:<25}{kept:<14}{queued}{wrong}")?;
        }
        Ok(())
    }
}

/// Sends one of each type, a retry, a changed body under a used key, and a wrong signature; then looks into the table and
/// takes from the queue what has come.
///
/// # Errors
///
/// When the HTTP port or one of the services does not answer at all.
pub async fn run(stack: &Stack, secret: &str) -> Result<Report, StartError> {
    let steps = steps();
    let mut answers = Vec::with_capacity(steps.len());
    for step in &steps {
        answers.push(post(stack, step, secret).await?);
    }
    let queued = queued(stack, &steps).await?;

    let mut rows = Vec::with_capacity(steps.len());
    for (step, answer) in steps.iter().zip(answers) {
        let kinds = kept(stack, step).await?;
        let kept = match kinds.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => "no",
            ["event"] => "once",
            ["conflict"] => "beside it",
            _ => "MORE THAN ONCE",
        };
        let goods: Vec<&str> =
            queued.iter().filter(|queued| queued.body == step.body).map(|queued| queued.goods).collect();
        let fate = match (kept, goods.len()) {
            ("no", 0) => Some(Fate::Gone),
            ("once", 1) => Some(Fate::Once),
            ("beside it", 0) => Some(Fate::Beside),
            _ => None,
        };
        let queued = match goods[..] {
            [] => "no".to_owned(),
            [goods] => format!("once: {goods}"),
            _ => "MORE THAN ONCE".to_owned(),
        };
        let as_expected = fate == Some(step.fate) && answer == step.answer;
        rows.push(Row { what: step.what, path: step.path, answer, kept, queued, as_expected });
    }
    Ok(Report(rows))
}

/// Two sales, one in either mode, each with its reversal, and all that can happen on the way.
fn steps() -> Vec<Step> {
    let run = Timestamp::now().as_second();
    let step = |what, path, sample, answer| {
        let body = fresh(sample, run);
        Step { what, path, body, forged: false, answer, fate: Fate::Once }
    };
    let payment = || step("payment", "/webhooks", "payment", "204");
    let changed = fresh("payment", run).replace("7.99", "79.90");
    let forged = fresh("payment", run).replace("7.99", "0.01");
    vec![
        Step { fate: Fate::Gone, ..step("user_validation", "/webhooks", "user_validation", "204") },
        payment(),
        Step { what: "payment, sent again", ..payment() },
        Step { what: "payment, other content under the same id", body: changed, fate: Fate::Beside, ..payment() },
        Step {
            what: "payment, wrong signature",
            body: forged,
            forged: true,
            answer: "400 INVALID_SIGNATURE",
            fate: Fate::Gone,
            ..payment()
        },
        step("order_paid (separate)", "/webhooks", "order_paid-separate", "200"),
        step("order_paid (combined)", "/webhooks/order_paid", "order_paid-combined", "200"),
        step("partial_refund", "/webhooks", "partial_refund", "204"),
        step("refund", "/webhooks/refund", "refund", "204"),
        step("order_canceled (separate)", "/webhooks", "order_canceled-separate", "200"),
        step("order_canceled (combined)", "/webhooks", "order_canceled-combined", "200"),
        Step {
            fate: Fate::Gone,
            ..step("payment, at the door of refund", "/webhooks/refund", "payment-token", "503 SERVER_ERROR")
        },
    ]
}

/// A sample with ids that no earlier run has used, since a table on disk remembers those.
fn fresh(sample: &str, run: i64) -> String {
    let body = samples::get(sample).map_or("", |sample| sample.body.trim_end());
    ["2298114507", "2298120944", "2298130071", "712045518", "712051377"]
        .iter()
        .fold(body.to_owned(), |body, id| body.replace(id, &format!("{run}{}", &id[id.len() - 4..])))
}

/// The status, and the error's code if there is one.
async fn post(stack: &Stack, step: &Step, secret: &str) -> Result<String, StartError> {
    #[derive(Deserialize)]
    struct Refusal {
        error: Code,
    }
    #[derive(Deserialize)]
    struct Code {
        code: String,
    }
    let secret = if step.forged { "not the secret" } else { secret };
    let request = hyper::Request::post(format!("http://{}{}", stack.demo_addr, step.path))
        .header("authorization", sign(step.body.as_bytes(), secret))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(step.body.clone())))
        .map_err(StartError::service)?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.map_err(StartError::service)?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(StartError::service)?.to_bytes();
    Ok(match serde_json::from_slice::<Refusal>(&body) {
        Ok(refusal) => format!("{status} {}", refusal.error.code),
        Err(_) => status.to_string(),
    })
}

/// As what this body is kept, under its own subject.
async fn kept(stack: &Stack, step: &Step) -> Result<Vec<String>, StartError> {
    let subject = subject(&step.body);
    let found = stack
        .dynamodb
        .query()
        .table_name(EVENTS_TABLE)
        .key_condition_expression("#pk = :pk")
        .expression_attribute_names("#pk", PK)
        .expression_attribute_values(":pk", AttributeValue::S(subject))
        .consistent_read(true)
        .send()
        .await
        .map_err(StartError::service)?;
    let same_body = |item: &&HashMap<String, AttributeValue>| {
        item.get(BODY).and_then(|body| body.as_b().ok()).is_some_and(|body| body.as_ref() == step.body.as_bytes())
    };
    let kind = |item: &HashMap<String, AttributeValue>| item.get(KIND)?.as_s().ok().cloned();
    Ok(found.items().iter().filter(same_body).filter_map(kind).collect())
}

fn subject(body: &str) -> String {
    let own = "any";
    let envelope = own.parse::<Secrets>().ok().zip(sign(body.as_bytes(), own).parse::<Signature>().ok());
    let verified = envelope.and_then(|(secrets, signature)| secrets.verify(body.as_bytes(), &signature).ok());
    let envelope = verified.and_then(|verified| Envelope::parse(&verified).ok());
    envelope.map_or_else(String::new, |envelope| envelope.event_id().subject().to_owned())
}

/// Takes from the queue, as the game would, until all that is expected has come and nothing more does. What others have
/// sent stays there.
async fn queued(stack: &Stack, steps: &[Step]) -> Result<Vec<Queued>, StartError> {
    let patient_until = tokio::time::Instant::now() + PATIENCE;
    let mut expected: Vec<&str> =
        steps.iter().filter(|step| step.fate == Fate::Once).map(|step| step.body.as_str()).collect();
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    loop {
        let taken = stack.sqs.receive_message().queue_url(&stack.queues.events);
        let taken = taken.max_number_of_messages(10).wait_time_seconds(1).send().await.map_err(StartError::service)?;
        let messages = taken.messages.unwrap_or_default();
        let ours_before = ours.len();
        for message in messages {
            let event = Event::read(message.body().unwrap_or_default()).map_err(StartError::service)?;
            let body = event.notification.get().to_owned();
            if !steps.iter().any(|step| step.body == body) {
                others.push(message);
                continue;
            }
            expected.retain(|expected| *expected != body);
            ours.push(Queued { body, goods: event.goods.name() });
            let done = stack.sqs.delete_message().queue_url(&stack.queues.events);
            done.set_receipt_handle(message.receipt_handle).send().await.map_err(StartError::service)?;
        }
        let nothing_more = expected.is_empty() && ours.len() == ours_before;
        if nothing_more || tokio::time::Instant::now() > patient_until {
            break;
        }
    }
    for message in others {
        let back = stack.sqs.change_message_visibility().queue_url(&stack.queues.events).visibility_timeout(0);
        back.set_receipt_handle(message.receipt_handle).send().await.map_err(StartError::service)?;
    }
    Ok(ours)
}
