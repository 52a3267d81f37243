//! When something of ours fails: nothing is acknowledged that is not kept, and nothing kept is lost on the way.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::event::dynamodb::Event;
use intake::accept::{AcceptedTypes, DEADLINE, Delivery, Intake, MAX_BODY, SourcePolicy};
use intake::aws::{CallLimits, EventHistory, Events, ParkingQueue, SecretSource, SqsQueue};
use intake::directory::Directory;
use intake::emulator::emulator_config;
use intake::lambda;
use intake::outcome::{Outcome, Unavailable};
use intake::relay::Relay;
use intake::secrets::SecretCache;
use jiff::Timestamp;
use tokio::net::TcpListener;
use xsolla::{PaymentWithoutOrder, Secrets, Success, sign};

use crate::proxy::{Fault, FaultProxy};
use crate::world::{SECRET, World, options, sample};

/// Short, since these tests wait for them.
const LIMITS: CallLimits = CallLimits {
    connect: Duration::from_millis(100),
    attempt: Duration::from_millis(300),
    operation: Duration::from_millis(1500),
};

/// For clients of what is behind this endpoint.
pub fn config(endpoint: &str) -> SdkConfig {
    emulator_config(LIMITS).endpoint_url(endpoint).build()
}

/// The front door, with its table behind this endpoint.
fn intake(table: &str) -> Intake<Events, Directory, SecretSource> {
    Intake {
        accepted_types: AcceptedTypes::All,
        events: Events::new(&config(table), "events".to_owned()),
        directory: Some(Directory::ACCEPT_ALL),
        secrets: SecretCache::new(SecretSource::Fixed(SECRET.parse::<Secrets>().unwrap())),
        sources: SourcePolicy::default(),
    }
}

/// Delivers a body, signed.
pub async fn accept(intake: &Intake<Events, Directory, SecretSource>, body: &str) -> Outcome {
    let authorization = sign(body.as_bytes(), SECRET);
    let delivery = Delivery {
        authorization: Some(&authorization),
        source: None,
        body: body.as_bytes(),
        received_at: Timestamp::now(),
        trace: None,
        time_left: DEADLINE,
    };
    Box::pin(intake.accept(&delivery)).await.outcome
}

#[tokio::test]
async fn without_its_table_the_front_door_answers_what_needs_none() {
    let proxy = FaultProxy::start("", "", Fault::Refused, 0).await;
    let intake = intake(&proxy.endpoint);
    assert_eq!(accept(&intake, sample("payment")).await, Outcome::Unavailable(Unavailable::Store));
    assert_eq!(accept(&intake, sample("user_validation")).await, Outcome::UserFound, "which needs no table");
}

#[tokio::test]
async fn a_table_that_does_not_exist_is_500() {
    let world = World::start().await;
    world.stack.dynamodb.delete_table().table_name("events").send().await.unwrap();
    assert_eq!(world.send(sample("payment")).await.status, 500);
}

/// A write whose answer was lost is repeated, and meets its own item: that is no duplicate, and no conflict.
#[tokio::test]
async fn a_write_that_took_effect_unanswered_is_accepted_once() {
    for is_warm in [true, false] {
        let world = World::start().await;
        let proxy = FaultProxy::start(&world.stack.dynamodb_endpoint, "PutItem", Fault::ResetAfter, 1).await;
        let intake = intake(&proxy.endpoint);
        if is_warm {
            intake.events.connect().await;
        }
        assert_eq!(accept(&intake, sample("payment")).await, Outcome::Accepted(Success::NoContent));
        assert_eq!(proxy.attempts(), 2);
        assert_eq!(world.kept().await.len(), 1);
        assert_eq!(accept(&intake, sample("payment")).await, Outcome::Duplicate(Success::NoContent));
    }
}

/// A connection whose host answers 503 is not reused.
#[tokio::test]
async fn one_connection_is_enough_while_the_table_is_well() {
    let world = World::start().await;
    let fault = Fault::ErrorBefore(503, "ServiceUnavailable");
    let proxy = FaultProxy::start(&world.stack.dynamodb_endpoint, "PutItem", fault, 1).await;
    let intake = intake(&proxy.endpoint);
    intake.events.connect().await;
    assert_eq!(proxy.connections(), 1);
    assert_eq!(accept(&intake, sample("payment")).await, Outcome::Accepted(Success::NoContent));
    assert_eq!((proxy.attempts(), proxy.connections()), (2, 2));
    assert_eq!(accept(&intake, sample("refund")).await, Outcome::Accepted(Success::NoContent));
    assert_eq!((proxy.attempts(), proxy.connections()), (3, 2));
}

/// Every answer is lost: Xsolla is told to send again, and then it is a duplicate.
#[tokio::test]
async fn a_write_whose_answers_are_all_lost_is_found_by_the_retry() {
    let world = World::start().await;
    let proxy = FaultProxy::start(&world.stack.dynamodb_endpoint, "PutItem", Fault::ResetAfter, 3).await;
    let intake = intake(&proxy.endpoint);
    assert_eq!(accept(&intake, sample("payment")).await, Outcome::Unavailable(Unavailable::Store));
    assert_eq!(accept(&intake, sample("payment")).await, Outcome::Duplicate(Success::NoContent));
    assert_eq!(world.queued().await.len(), 1);
}

#[tokio::test]
async fn an_event_that_the_queue_refuses_is_parked_and_the_next_goes_on() {
    let world = World::start().await;
    // Each of these characters goes out as six bytes, and the embedded SQS takes 256 KiB (SQS itself takes 1 MiB).
    let frame = r#"{"notification_type":"payment","transaction":{"id":1},"x":"…"}"#;
    let too_large = frame.replace('…', &"\u{ffff}".repeat((MAX_BODY - frame.len()) / 3));
    assert_eq!(world.send(&too_large).await.status, 204);
    assert_eq!(world.send(sample("payment")).await.status, 204);

    assert_eq!(world.queued().await.len(), 1, "the one behind it");
    let parked = world.stack.sqs.receive_message().queue_url(&world.stack.queues.parked);
    let parked = parked.wait_time_seconds(1).send().await.unwrap();
    let parked: serde_json::Value = serde_json::from_str(parked.messages()[0].body().unwrap()).unwrap();
    assert_eq!((&parked["pk"], &parked["sk"]), (&"transaction#1".into(), &"payment".into()));
    assert_eq!(world.kept_kinds().await.len(), 3, "all of them are in the table");
}

#[tokio::test]
async fn while_the_queue_is_away_the_stream_is_told_where_to_go_on() {
    let world = World::start().await;
    let relay = Relay {
        queue: SqsQueue::new(world.stack.sqs.clone(), world.stack.queues.events.replace("events", "gone")),
        parking: ParkingQueue::new(world.stack.sqs.clone(), None),
        history: EventHistory::new(world.stack.dynamodb.clone(), "events".to_owned()),
        payment_without_order: PaymentWithoutOrder::MoneyOnly,
    };
    let event: Event = serde_json::from_str(include_str!("../../../events/relay.json")).unwrap();
    let (answer, _) = lambda::relay::handle(&relay, &event, || Duration::from_mins(1)).await;
    let failures: Vec<_> = answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(failures, [event.records[0].change.sequence_number.clone()]);
}

#[tokio::test]
async fn a_port_or_a_directory_that_cannot_be_used_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = local::Stack::start(local::StackOptions { sqs_port: port, ..options() }).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("port {port} cannot be used")) && error.contains("--sqs-port"), "{error}");

    let directory = Some("/dev/null/data".into());
    let error =
        local::Stack::start(local::StackOptions { data: directory, ..options() }).await.unwrap_err().to_string();
    assert!(error.starts_with("/dev/null/data cannot be used with --data"), "{error}");
}
