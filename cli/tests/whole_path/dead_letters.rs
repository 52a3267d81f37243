//! What the game gave up on, and what never reached it: looked at, and sent again.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use cli::dead_letters::{DeadLetters, RedriveResult};
use cli::replay::Replay;
use intake::accept::MAX_BODY;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use xsolla::PaymentWithoutOrder;

use crate::world::{Message, World, sample};

fn dead_letters(world: &World) -> DeadLetters {
    DeadLetters { sqs: world.stack.sqs.clone(), queues: world.stack.queues.clone() }
}

async fn redrive(world: &World, type_name: Option<&str>) -> RedriveResult {
    dead_letters(world).redrive(&replay(world), type_name, Timestamp::now()).await.unwrap()
}

fn replay(world: &World) -> Replay {
    let queue = world.stack.queues.events.clone();
    Replay::new(world.table(), world.stack.sqs.clone(), queue, PaymentWithoutOrder::MoneyOnly)
}

async fn count(world: &World, url: &str) -> usize {
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let got = world.stack.sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone()).send().await.unwrap();
    got.attributes().unwrap()[&name].parse().unwrap()
}

/// A game that fails at all of it, until these many letters are dead.
async fn give_up(world: &World, letters: usize) {
    let given_up_at = Instant::now() + Duration::from_mins(1);
    while count(world, &world.stack.queues.dead_letters).await < letters {
        assert!(Instant::now() < given_up_at, "the letters live");
        let take = world.stack.sqs.receive_message().queue_url(&world.stack.queues.events);
        take.visibility_timeout(0).send().await.unwrap();
    }
}

/// A world whose game has given up a sale of two events, and another of one.
async fn given_up() -> World {
    let world = World::start().await;
    for name in ["payment", "order_paid-separate", "partial_refund"] {
        assert!(world.send(sample(name)).await.status < 300);
    }
    give_up(&world, 3).await;
    world
}

fn types(messages: &[Message]) -> Vec<&str> {
    let mut sorted: Vec<&Message> = messages.iter().collect();
    sorted.sort_by_key(|message| &message.subject);
    sorted.iter().map(|message| message.r#type.as_str()).collect()
}

async fn park(world: &World, note: &str) {
    world.stack.sqs.send_message().queue_url(&world.stack.queues.parked).message_body(note).send().await.unwrap();
}

#[tokio::test]
async fn dead_letters_go_back_once_in_the_order_of_their_subject() {
    let world = given_up().await;
    let done = redrive(&world, None).await;
    assert_eq!(done, RedriveResult { dead_letters: 3, ..RedriveResult::default() });
    let queued = world.queued().await;
    assert_eq!(types(&queued), ["payment", "order_paid", "partial_refund"]);
    for message in &queued {
        assert!(!message.replay, "the same message");
        assert_eq!(message.group_id, message.subject);
        assert_eq!(message.attributes["type"], message.r#type);
    }
    assert_eq!(redrive(&world, None).await, RedriveResult::default());
    assert!(world.queued().await.is_empty());
}

#[tokio::test]
async fn what_is_looked_at_stays() {
    let world = given_up().await;
    for _ in 0..2 {
        let seen = dead_letters(&world).snapshot().await.unwrap();
        let list = seen.list();
        // The embedded SQS hands out one message of a subject.
        assert!(list.contains("1      payment         money_only      live"), "{list}");
        assert!(list.contains("1      partial_refund  partial_revoke  live"), "{list}");
        assert!(list.contains("  1 more dead letter not listed: "), "{list}");
        let planned = seen.redrive_preview(Some("payment"));
        assert!(planned.contains("transaction#2298114507#payment\n") && !planned.contains("partial"), "{planned}");
    }
    assert_eq!(count(&world, &world.stack.queues.dead_letters).await, 3);
    assert!(world.queued().await.is_empty());
}

#[tokio::test]
async fn a_dead_letter_is_shown_without_personal_data() {
    let world = given_up().await;
    let seen = dead_letters(&world).snapshot().await.unwrap();
    let shown = seen.show("transaction#2298114507#payment", false).unwrap();
    assert!(shown.contains("dead letter since 20") && shown.contains("\"***\""), "{shown}");
    assert!(!shown.contains('@'), "{shown}");
    assert!(seen.show("transaction#2298114507#payment", true).unwrap().contains('@'));
    assert!(seen.show("transaction#1#payment", false).is_none());
}

#[tokio::test]
async fn one_type_goes_back_alone() {
    let world = given_up().await;
    let done = redrive(&world, Some("partial_refund")).await;
    assert_eq!(done.dead_letters, 1);
    assert_eq!(
        done.leftovers,
        ["1 dead letter: not returned by SQS, because an earlier message of the same subject remains"]
    );
    assert_eq!(types(&world.queued().await), ["partial_refund"]);
    assert_eq!(redrive(&world, None).await.dead_letters, 2);
    assert_eq!(types(&world.queued().await), ["payment", "order_paid"]);
}

#[tokio::test]
async fn what_dies_meanwhile_is_not_sent_round() {
    let world = given_up().await;
    let before = Timestamp::now() - SignedDuration::from_mins(5);
    let done = dead_letters(&world).redrive(&replay(&world), None, before).await.unwrap();
    assert_eq!(
        (done.dead_letters, done.leftovers[0].as_str()),
        (0, "2 dead letters: arrived after the redrive started")
    );
    assert_eq!(redrive(&world, None).await.dead_letters, 3, "and they are handed back");
}

/// The way to SQS breaks whenever a message is to be deleted.
#[tokio::test]
async fn whoever_is_interrupted_between_sending_and_removing_goes_on_without_a_second_message() {
    let world = given_up().await;
    let proxy = without_delete(&world.stack.sqs_endpoint).await;
    let config = world.stack.sqs.config().to_builder().endpoint_url(proxy).build();
    let broken = DeadLetters { sqs: aws_sdk_sqs::Client::from_conf(config), ..dead_letters(&world) };
    let stopped = broken.redrive(&replay(&world), None, Timestamp::now()).await.unwrap_err();
    assert!(stopped.to_string().contains("sqs:DeleteMessage"), "{stopped}");
    assert_eq!(count(&world, &world.stack.queues.dead_letters).await, 3);

    assert_eq!(redrive(&world, None).await.dead_letters, 3);
    assert_eq!(types(&world.queued().await), ["payment", "order_paid", "partial_refund"]);
}

async fn without_delete(endpoint: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let upstream = endpoint.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&upstream).await.unwrap();
            tokio::spawn(async move {
                let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                    (client.into_split(), server.into_split());
                let answers = tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                    if String::from_utf8_lossy(&buffer[..read]).contains("AmazonSQS.DeleteMessage") {
                        break;
                    }
                    to_server.write_all(&buffer[..read]).await.unwrap();
                }
                answers.abort();
            });
        }
    });
    proxy
}

#[tokio::test]
async fn a_parked_event_is_queued_from_the_table_and_its_note_removed() {
    let world = World::start().await;
    world.send(sample("payment")).await;
    world.queued().await;
    park(&world, r#"{"pk":"transaction#2298114507","sk":"payment","cause":"SQS was odd"}"#).await;

    let seen = dead_letters(&world).snapshot().await.unwrap();
    assert!(seen.list().contains("transaction#2298114507#payment  SQS was odd"), "{}", seen.list());
    assert!(seen.redrive_preview(None).contains("parked  transaction#2298114507#payment"));
    assert_eq!(redrive(&world, Some("dispute")).await, RedriveResult::default());
    assert_eq!(
        redrive(&world, Some("payment")).await,
        RedriveResult { parked_events: 1, notes: 1, ..RedriveResult::default() }
    );
    let queued = world.queued().await;
    assert!(queued.len() == 1 && queued[0].replay);

    world.send(sample("refund")).await;
    world.queued().await;
    for parked in ["payment", "refund"] {
        park(&world, &format!(r#"{{"pk":"transaction#2298114507","sk":"{parked}","cause":"SQS was odd"}}"#)).await;
        // A standard queue keeps no order: whoever looks turns it round.
        dead_letters(&world).snapshot().await.unwrap();
    }
    assert_eq!(redrive(&world, None).await.parked_events, 2);
    assert_eq!(types(&world.queued().await), ["payment", "refund"], "as they were parked");
    assert_eq!(count(&world, &world.stack.queues.parked).await, 0);
}

#[tokio::test]
async fn what_lambda_gave_up_on_is_found_by_its_time() {
    let world = World::start().await;
    world.send(sample("payment")).await;
    world.send(sample("partial_refund")).await;
    world.queued().await;
    // The one that `queued` has sent itself is as old: it goes with them.
    let note = |second: Timestamp| {
        format!(
            r#"{{"requestContext":{{"condition":"RetryAttemptsExhausted"}},"DDBStreamBatchInfo":
               {{"approximateArrivalOfFirstRecord":"{second:.0}","approximateArrivalOfLastRecord":"{second:.0}"}}}}"#
        )
    };
    let now = Timestamp::now();
    park(&world, &note(now)).await;
    park(&world, &note(now - SignedDuration::from_hours(24))).await;
    assert!(dead_letters(&world).snapshot().await.unwrap().list().contains("Lambda gave up: RetryAttemptsExhausted"));
    assert_eq!(redrive(&world, None).await, RedriveResult { parked_events: 3, notes: 2, ..RedriveResult::default() });
    let queued = world.queued().await;
    assert!(queued.iter().all(|message| message.replay));
    assert_eq!(&types(&queued)[..2], ["payment", "partial_refund"]);
    assert_eq!(count(&world, &world.stack.queues.parked).await, 0);
}

#[tokio::test]
async fn what_cannot_be_mended_stays_and_is_told() {
    let world = World::start().await;
    let frame = r#"{"notification_type":"payment","transaction":{"id":1},"x":"…"}"#;
    let too_large = frame.replace('…', &"\u{ffff}".repeat((MAX_BODY - frame.len()) / 3));
    assert_eq!(world.send(&too_large).await.status, 204);
    world.queued().await;
    park(&world, r#"{"pk":"transaction#2","sk":"payment","cause":"SQS was odd"}"#).await;
    park(&world, "something else").await;

    let (succeeded, printed) = world.run(&["dlq", "redrive"]).await;
    assert!(!succeeded && printed.starts_with("  Queued 0 dead letters and 0 parked events.\n"), "{printed}");
    for left in [
        "not sent: transaction#1#payment: sqs:SendMessageBatch: ",
        "not sent: transaction#2#payment: not in the table\n",
        ": unknown format\n",
    ] {
        assert!(printed.contains(left), "{left} in {printed}");
    }
    assert_eq!(count(&world, &world.stack.queues.parked).await, 3);
}

#[tokio::test]
async fn the_commands_tell_what_is_there_and_mend_it() {
    let world = given_up().await;
    let (succeeded, printed) = world.run(&["dlq", "list"]).await;
    assert!(
        succeeded && printed.contains("Dead letters (the game failed to process them)") && printed.contains("payment"),
        "{printed}"
    );
    let (succeeded, printed) = world.run(&["dlq", "show", "transaction#2298114507#payment"]).await;
    assert!(succeeded && printed.contains("***") && !printed.contains('@'), "{printed}");
    let (succeeded, printed) = world.run(&["dlq", "redrive", "--dry-run"]).await;
    assert!(succeeded && printed.contains("transaction#2298114507#payment\n"), "{printed}");
    assert_eq!(count(&world, &world.stack.queues.dead_letters).await, 3);
    let (succeeded, printed) = world.run(&["dlq", "redrive"]).await;
    assert!(succeeded && printed == "  Queued 3 dead letters and 0 parked events.\n", "{printed}");
    let (succeeded, printed) = world.run(&["dlq", "list"]).await;
    assert!(succeeded && printed == "  No dead letters and no parked events.\n", "{printed}");
}
