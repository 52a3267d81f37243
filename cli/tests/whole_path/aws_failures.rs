//! Failures of AWS: no event is acknowledged that is not stored, and no stored event is lost.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::event::dynamodb::Event;
use intake::accept::MAX_BODY;
use intake::aws::{Events, SqsQueue};
use intake::emulator::emulator_config;
use intake::lambda;
use intake::outcome::{Outcome, Unavailable};
use intake::relay::Relay;
use jiff::Timestamp;
use local::{Stack, StackOptions};
use rstest::rstest;
use tokio::net::TcpListener;
use xsolla::Success;

use crate::fault_harness::ANSWERING;
use crate::fault_proxy::{CallFault, FaultProxy};
use crate::test_stack::{TestStack, WebhookIntake, deliver, intake, options, sample};

/// The configuration of clients for this endpoint.
pub fn config(endpoint: &str) -> SdkConfig {
    emulator_config(ANSWERING).endpoint_url(endpoint).build()
}

/// An intake with its table at this endpoint.
fn intake_at(dynamodb: &str) -> WebhookIntake {
    intake(Events::new(&config(dynamodb), "events".to_owned()))
}

#[tokio::test]
async fn unreachable_table_fails_events_and_not_questions() {
    let proxy = FaultProxy::start("", "", CallFault::Refused, 0).await;
    let intake = intake_at(&proxy.endpoint);
    assert_eq!(deliver(&intake, sample("payment")).await, Outcome::Unavailable(Unavailable::Store));
    assert_eq!(deliver(&intake, sample("user_validation")).await, Outcome::UserFound);
}

#[tokio::test]
async fn missing_table_is_500() {
    let stack = TestStack::start().await;
    stack.emulator.dynamodb.delete_table().table_name("events").send().await.unwrap();
    assert_eq!(stack.send(sample("payment")).await.status, 500);
}

/// The SDK retries a write whose answer was lost, and the table already contains the item. This is not a duplicate.
#[rstest]
#[case::connected(true)]
#[case::cold(false)]
#[tokio::test]
async fn write_with_a_lost_answer_is_accepted(#[case] is_connected: bool) {
    let stack = TestStack::start().await;
    let proxy = FaultProxy::start(&stack.emulator.dynamodb_endpoint, "PutItem", CallFault::ResetAfter, 1).await;
    let intake = intake_at(&proxy.endpoint);
    if is_connected {
        intake.events.connect().await;
    }
    assert_eq!(deliver(&intake, sample("payment")).await, Outcome::Accepted(Success::NoContent));
    assert_eq!(proxy.attempts(), 2);
    assert_eq!(stack.stored().await.len(), 1);
    assert_eq!(deliver(&intake, sample("payment")).await, Outcome::Duplicate(Success::NoContent));
}

#[tokio::test]
async fn connection_is_reused_unless_its_host_answers_503() {
    let stack = TestStack::start().await;
    let fault = CallFault::ErrorBefore(503, "ServiceUnavailable");
    let proxy = FaultProxy::start(&stack.emulator.dynamodb_endpoint, "PutItem", fault, 1).await;
    let intake = intake_at(&proxy.endpoint);
    intake.events.connect().await;
    assert_eq!(proxy.connections(), 1);
    assert_eq!(deliver(&intake, sample("payment")).await, Outcome::Accepted(Success::NoContent));
    assert_eq!((proxy.attempts(), proxy.connections()), (2, 2));
    assert_eq!(deliver(&intake, sample("refund")).await, Outcome::Accepted(Success::NoContent));
    assert_eq!((proxy.attempts(), proxy.connections()), (3, 2));
}

/// Xsolla receives a 500, although the event is stored.
#[tokio::test]
async fn retry_after_losing_all_answers_is_a_duplicate() {
    let stack = TestStack::start().await;
    let proxy = FaultProxy::start(&stack.emulator.dynamodb_endpoint, "PutItem", CallFault::ResetAfter, 3).await;
    let intake = intake_at(&proxy.endpoint);
    assert_eq!(deliver(&intake, sample("payment")).await, Outcome::Unavailable(Unavailable::Store));
    assert_eq!(deliver(&intake, sample("payment")).await, Outcome::Duplicate(Success::NoContent));
    assert_eq!(stack.receive_all().await.len(), 1);
}

#[tokio::test]
async fn event_rejected_by_sqs_is_parked_and_later_events_are_sent() {
    let stack = TestStack::start().await;
    // Escaped, each of these characters has six bytes. The embedded SQS accepts 256 KiB, the real one 1 MiB.
    let frame = r#"{"notification_type":"payment","transaction":{"id":1},"x":"…"}"#;
    let too_large = frame.replace('…', &"\u{ffff}".repeat((MAX_BODY - frame.len()) / 3));
    assert_eq!(stack.send(&too_large).await.status, 204);
    assert_eq!(stack.send(sample("payment")).await.status, 204);

    assert_eq!(stack.receive_all().await.len(), 1, "the later event");
    let receive = stack.emulator.sqs.receive_message().queue_url(&stack.emulator.queues.parked);
    let received = receive.wait_time_seconds(1).send().await.unwrap();
    let note: serde_json::Value = serde_json::from_str(received.messages()[0].body().unwrap()).unwrap();
    assert_eq!((&note["pk"], &note["sk"]), (&"transaction#1".into(), &"payment".into()));
    assert_eq!(stack.stored_kinds().await.len(), 3, "all events are stored");
}

#[tokio::test]
async fn stream_retries_the_batch_while_the_queue_is_unavailable() {
    let stack = TestStack::start().await;
    let missing_queue = stack.emulator.queues.events.replace("events", "missing");
    let relay =
        Relay { queue: SqsQueue::new(stack.emulator.sqs.clone(), missing_queue), ..stack.relay(&stack.emulator.sqs) };
    let event: Event = serde_json::from_str(include_str!("../../../events/relay.json")).unwrap();
    let (answer, _) = lambda::relay::handle(&relay, &event, Timestamp::now(), || Duration::from_mins(1)).await;
    let failures: Vec<_> = answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(failures, [event.records[0].change.sequence_number.clone()]);
}

#[tokio::test]
async fn emulator_reports_an_unusable_port_or_directory() {
    let occupied = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = occupied.local_addr().unwrap().port();
    let error = Stack::start(StackOptions { sqs_port: port, ..options() }).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("port {port} cannot be used")) && error.contains("--sqs-port"), "{error}");

    let directory = Some("/dev/null/data".into());
    let error = Stack::start(StackOptions { data: directory, ..options() }).await.unwrap_err().to_string();
    assert!(error.starts_with("/dev/null/data cannot be used with --data"), "{error}");
}
