//! The command `dlq`: lists, shows and redrives dead letters and parked events.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use cli::dead_letters::{DeadLetters, RedriveResult};
use cli::erase::Erasure;
use cli::progress::Progress;
use intake::accept::MAX_BODY;
use intake::aws::QueueUrls;
use jiff::{SignedDuration, Timestamp};
use xsolla::{Goods, GoodsReason};

use crate::fault_proxy::{CallFault, FaultProxy};
use crate::test_stack::{Message, TestStack, sample};

fn dead_letters(stack: &TestStack) -> DeadLetters {
    DeadLetters { sqs: stack.emulator.sqs.clone(), queues: stack.emulator.queues.clone() }
}

async fn redrive(stack: &TestStack, type_name: Option<&str>) -> RedriveResult {
    dead_letters(stack).redrive(&stack.replay(), type_name, Timestamp::now()).await.unwrap()
}

/// The number of messages in a queue.
async fn count(stack: &TestStack, url: &str) -> usize {
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let get = stack.emulator.sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone());
    get.send().await.unwrap().attributes().unwrap()[&name].parse().unwrap()
}

/// Receives messages without deleting them, until the dead-letter queue has this many.
async fn fail_messages(stack: &TestStack, letters: usize) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while count(stack, &stack.emulator.queues.dead_letters).await < letters {
        assert!(Instant::now() < deadline, "too few dead letters");
        let receive = stack.emulator.sqs.receive_message().queue_url(&stack.emulator.queues.events);
        receive.visibility_timeout(0).send().await.unwrap();
    }
}

/// A stack with three dead letters: two events of one sale, and one of another.
async fn start_with_dead_letters() -> TestStack {
    let stack = TestStack::start().await;
    for name in ["payment", "order_paid-separate", "partial_refund"] {
        assert!(stack.send(sample(name)).await.status < 300);
    }
    fail_messages(&stack, 3).await;
    stack
}

/// The types of the messages, sorted by subject.
fn types(messages: &[Message]) -> Vec<&str> {
    let mut sorted: Vec<&Message> = messages.iter().collect();
    sorted.sort_by_key(|message| &message.subject);
    sorted.iter().map(|message| message.r#type.as_str()).collect()
}

/// Puts a note into the parked queue.
async fn park(stack: &TestStack, note: &str) {
    stack.emulator.sqs.send_message().queue_url(&stack.emulator.queues.parked).message_body(note).send().await.unwrap();
}

#[tokio::test]
async fn redrive_sends_dead_letters_once_in_the_order_of_their_subject() {
    let stack = start_with_dead_letters().await;
    let done = redrive(&stack, None).await;
    assert_eq!(done, RedriveResult { dead_letters: 3, ..RedriveResult::default() });
    let messages = stack.receive_all().await;
    assert_eq!(types(&messages), ["payment", "order_paid", "partial_refund"]);
    for message in &messages {
        assert!(message.replay);
        assert_eq!(message.group_id, message.subject);
        assert_eq!(message.attributes["type"], message.r#type);
    }
    assert_eq!(redrive(&stack, None).await, RedriveResult::default());
    assert!(stack.receive_all().await.is_empty());
}

#[tokio::test]
async fn list_does_not_remove_dead_letters() {
    let stack = start_with_dead_letters().await;
    for _ in 0..2 {
        let snapshot = dead_letters(&stack).snapshot().await.unwrap();
        let list = snapshot.list(Timestamp::now());
        // The embedded SQS returns one message per subject.
        assert!(list.contains("1      payment         money_only (order_follows)  live"), "{list}");
        assert!(list.contains("1      partial_refund  partial_revoke              live"), "{list}");
        assert!(list.contains("  1 more dead letter not listed: "), "{list}");
        let planned = snapshot.redrive_preview(&stack.replay(), Some("payment")).await.unwrap();
        assert!(planned.contains("transaction#2298114507#payment\n") && !planned.contains("partial"), "{planned}");
    }
    assert_eq!(count(&stack, &stack.emulator.queues.dead_letters).await, 3);
    assert!(stack.receive_all().await.is_empty());
}

#[tokio::test]
async fn show_redacts_personal_data() {
    let stack = start_with_dead_letters().await;
    let snapshot = dead_letters(&stack).snapshot().await.unwrap();
    let shown = snapshot.show("transaction#2298114507#payment", false).unwrap();
    assert!(shown.contains("dead letter since 20") && shown.contains("\"***\""), "{shown}");
    assert!(!shown.contains('@'), "{shown}");
    assert!(snapshot.show("transaction#2298114507#payment", true).unwrap().contains('@'));
    assert!(snapshot.show("transaction#1#payment", false).is_none());
}

#[tokio::test]
async fn redrive_of_one_type_leaves_the_others() {
    let stack = start_with_dead_letters().await;
    let done = redrive(&stack, Some("partial_refund")).await;
    assert_eq!(done.dead_letters, 1);
    assert_eq!(
        done.leftovers,
        ["1 dead letter: not returned by SQS, because an earlier message of the same subject remains"]
    );
    assert_eq!(types(&stack.receive_all().await), ["partial_refund"]);
    assert_eq!(redrive(&stack, None).await.dead_letters, 2);
    assert_eq!(types(&stack.receive_all().await), ["payment", "order_paid"]);
}

#[tokio::test]
async fn redrive_of_a_type_without_entries_says_so() {
    let stack = TestStack::start().await;
    let (succeeded, printed) = stack.run(&["dlq", "redrive", "--type", "paymnet", "--yes"]).await;
    assert!(succeeded && printed == "  No dead letter and no parked event has the type paymnet.\n", "{printed}");
}

#[tokio::test]
async fn redrive_skips_dead_letters_that_arrive_during_the_run() {
    let stack = start_with_dead_letters().await;
    let before = Timestamp::now() - SignedDuration::from_mins(5);
    let done = dead_letters(&stack).redrive(&stack.replay(), None, before).await.unwrap();
    assert_eq!(
        (done.dead_letters, done.leftovers[0].as_str()),
        (0, "2 dead letters: arrived after the redrive started")
    );
    assert_eq!(redrive(&stack, None).await.dead_letters, 3, "skipped letters are visible again");
}

/// The interruption is a connection that is reset at each `DeleteMessage`.
#[tokio::test]
async fn redrive_after_an_interruption_sends_no_message_twice() {
    let stack = start_with_dead_letters().await;
    let fault = CallFault::ResetBefore;
    let proxy = FaultProxy::start(&stack.emulator.sqs_endpoint, "DeleteMessage", fault, usize::MAX).await;
    let config = stack.emulator.sqs.config().to_builder().endpoint_url(&proxy.endpoint).build();
    let broken = DeadLetters { sqs: aws_sdk_sqs::Client::from_conf(config), ..dead_letters(&stack) };
    let stopped = broken.redrive(&stack.replay(), None, Timestamp::now()).await.unwrap_err();
    assert!(stopped.to_string().contains("sqs:DeleteMessage"), "{stopped}");
    assert_eq!(count(&stack, &stack.emulator.queues.dead_letters).await, 3);

    assert_eq!(redrive(&stack, None).await.dead_letters, 3);
    assert_eq!(types(&stack.receive_all().await), ["payment", "order_paid", "partial_refund"]);
}

/// A stack with the dead letter of an `order_paid`.
async fn start_with_dead_order() -> TestStack {
    let stack = TestStack::start().await;
    assert_eq!(stack.send(sample("order_paid-separate")).await.status, 200);
    fail_messages(&stack, 1).await;
    stack
}

const DEAD_ORDER: &str = "transaction#2298114507#order_paid#712045518";

#[tokio::test]
async fn redrive_after_a_cancellation_grants_nothing() {
    let stack = start_with_dead_order().await;
    let preview = async || {
        let snapshot = dead_letters(&stack).snapshot().await.unwrap();
        snapshot.redrive_preview(&stack.replay(), None).await.unwrap()
    };
    let planned = preview().await;
    assert!(planned.contains(&format!("dead letter  grant  {DEAD_ORDER}\n")), "{planned}");
    assert_eq!(stack.send(sample("order_canceled-separate")).await.status, 200);
    assert_eq!(stack.receive_all().await[0].goods, Goods::Revoke);
    let planned = preview().await;
    assert!(planned.contains(&format!("grant -> info (already_revoked)  {DEAD_ORDER}\n")), "{planned}");

    assert_eq!(redrive(&stack, None).await, RedriveResult { dead_letters: 1, ..RedriveResult::default() });
    let messages = stack.receive_all().await;
    assert_eq!(messages[0].event_id, DEAD_ORDER);
    assert_eq!((messages[0].goods, messages[0].goods_reason), (Goods::Info, Some(GoodsReason::AlreadyRevoked)));
    assert_eq!((messages[0].group_id.as_str(), messages.len()), ("transaction#2298114507", 1));
}

#[tokio::test]
async fn dead_letter_of_an_expired_event_is_sent_unchanged() {
    let stack = start_with_dead_order().await;
    let snapshot = dead_letters(&stack).snapshot().await.unwrap();
    let letter = snapshot.show(DEAD_ORDER, true).unwrap();
    stack.expire(&DEAD_ORDER.parse().unwrap()).await;
    let planned = snapshot.redrive_preview(&stack.replay(), None).await.unwrap();
    assert!(planned.contains("grant (unchanged: not in the table)"), "{planned}");
    assert_eq!(redrive(&stack, None).await.dead_letters, 1);
    let messages = stack.receive_all().await;
    assert!(letter.contains(&messages[0].text) && !messages[0].replay, "{letter}");
    assert_eq!((messages[0].group_id.as_str(), messages.len()), ("transaction#2298114507", 1));
}

#[tokio::test]
async fn dead_letter_that_is_not_an_event_is_sent_unchanged() {
    let stack = TestStack::start().await;
    let QueueUrls { events, dead_letters, .. } = &stack.emulator.queues;
    let send = stack.emulator.sqs.send_message().queue_url(dead_letters).message_body("hello");
    send.message_group_id("group").message_deduplication_id("id").send().await.unwrap();
    assert_eq!(redrive(&stack, None).await.dead_letters, 1);
    let received = stack.emulator.sqs.receive_message().queue_url(events).send().await.unwrap();
    assert_eq!(received.messages()[0].body(), Some("hello"));
}

#[tokio::test]
async fn dead_letter_of_an_erased_event_remains() {
    let stack = start_with_dead_order().await;
    let erasure = Erasure::plan(stack.table(), "isle-4471", &Progress::default()).await.unwrap();
    assert_eq!(erasure.erase("2026-11-22T09:00:00Z".parse().unwrap()).await.unwrap(), 1);
    let reason = "personal data erased at 2026-11-22T09:00:00.000Z";
    let snapshot = dead_letters(&stack).snapshot().await.unwrap();
    let planned = snapshot.redrive_preview(&stack.replay(), None).await.unwrap();
    assert!(planned.contains(&format!("cannot be sent: {reason}")), "{planned}");
    let leftovers = vec![format!("{DEAD_ORDER}: {reason}")];
    assert_eq!(redrive(&stack, None).await, RedriveResult { leftovers, ..RedriveResult::default() });
    assert!(stack.receive_all().await.is_empty());
    assert_eq!(count(&stack, &stack.emulator.queues.dead_letters).await, 1);
}

#[tokio::test]
async fn redrive_sends_parked_events_from_the_table_and_removes_their_notes() {
    let stack = TestStack::start().await;
    stack.send(sample("payment")).await;
    stack.receive_all().await;
    park(&stack, r#"{"pk":"transaction#2298114507","sk":"payment","cause":"rejected by SQS"}"#).await;

    let snapshot = dead_letters(&stack).snapshot().await.unwrap();
    assert!(
        snapshot.list(Timestamp::now()).contains("transaction#2298114507#payment  rejected by SQS"),
        "{}",
        snapshot.list(Timestamp::now())
    );
    let planned = snapshot.redrive_preview(&stack.replay(), None).await.unwrap();
    assert!(planned.contains("parked  money_only (order_follows)  transaction#2298114507#payment\n"), "{planned}");
    assert_eq!(redrive(&stack, Some("dispute")).await, RedriveResult::default());
    assert_eq!(
        redrive(&stack, Some("payment")).await,
        RedriveResult { parked_events: 1, notes: 1, ..RedriveResult::default() }
    );
    let messages = stack.receive_all().await;
    assert!(messages.len() == 1 && messages[0].replay);

    stack.send(sample("refund")).await;
    stack.receive_all().await;
    for parked in ["payment", "refund"] {
        park(&stack, &format!(r#"{{"pk":"transaction#2298114507","sk":"{parked}","cause":"rejected by SQS"}}"#)).await;
        // A standard queue has no order: in the emulator, each snapshot reverses it.
        dead_letters(&stack).snapshot().await.unwrap();
    }
    assert_eq!(redrive(&stack, None).await.parked_events, 2);
    assert_eq!(types(&stack.receive_all().await), ["payment", "refund"], "in the order of parking");
    assert_eq!(count(&stack, &stack.emulator.queues.parked).await, 0);
}

#[tokio::test]
async fn redrive_finds_events_of_a_failed_batch_by_their_time() {
    let stack = TestStack::start().await;
    stack.send(sample("payment")).await;
    stack.send(sample("partial_refund")).await;
    stack.receive_all().await;
    // The third event is the marker of `receive_all`, which is in the same time range.
    let note = |second: Timestamp| {
        format!(
            r#"{{"requestContext":{{"condition":"RetryAttemptsExhausted"}},"DDBStreamBatchInfo":
               {{"approximateArrivalOfFirstRecord":"{second:.0}","approximateArrivalOfLastRecord":"{second:.0}"}}}}"#
        )
    };
    let now = Timestamp::now();
    park(&stack, &note(now)).await;
    park(&stack, &note(now - SignedDuration::from_hours(24))).await;
    assert!(
        dead_letters(&stack)
            .snapshot()
            .await
            .unwrap()
            .list(Timestamp::now())
            .contains("Lambda gave up: RetryAttemptsExhausted")
    );
    assert_eq!(redrive(&stack, None).await, RedriveResult { parked_events: 3, notes: 2, ..RedriveResult::default() });
    let messages = stack.receive_all().await;
    assert!(messages.iter().all(|message| message.replay));
    assert_eq!(&types(&messages)[..2], ["payment", "partial_refund"]);
    assert_eq!(count(&stack, &stack.emulator.queues.parked).await, 0);
}

#[tokio::test]
async fn redrive_reports_and_leaves_events_that_cannot_be_sent() {
    let stack = TestStack::start().await;
    let frame = r#"{"notification_type":"payment","transaction":{"id":1},"x":"…"}"#;
    let too_large = frame.replace('…', &"\u{ffff}".repeat((MAX_BODY - frame.len()) / 3));
    assert_eq!(stack.send(&too_large).await.status, 204);
    stack.receive_all().await;
    park(&stack, r#"{"pk":"transaction#2","sk":"payment","cause":"rejected by SQS"}"#).await;
    park(&stack, "something else").await;

    let (succeeded, printed) = stack.run(&["dlq", "redrive", "--yes"]).await;
    assert!(!succeeded && printed.starts_with("  Queued 0 dead letters and 0 parked events.\n"), "{printed}");
    for left in [
        "not sent: transaction#1#payment: sqs:SendMessageBatch: ",
        "not sent: transaction#2#payment: not in the table\n",
        ": unknown format\n",
    ] {
        assert!(printed.contains(left), "{left} in {printed}");
    }
    assert_eq!(count(&stack, &stack.emulator.queues.parked).await, 3);
}

#[tokio::test]
async fn commands_list_show_and_redrive_dead_letters() {
    let stack = start_with_dead_letters().await;
    let (succeeded, printed) = stack.run(&["dlq", "list"]).await;
    assert!(
        succeeded && printed.contains("Dead letters (the game failed to process them)") && printed.contains("payment"),
        "{printed}"
    );
    let (succeeded, printed) = stack.run(&["dlq", "show", "transaction#2298114507#payment"]).await;
    assert!(succeeded && printed.contains("***") && !printed.contains('@'), "{printed}");
    let (succeeded, printed) = stack.run(&["dlq", "redrive", "--dry-run"]).await;
    assert!(succeeded && printed.contains("transaction#2298114507#payment\n"), "{printed}");
    assert_eq!(count(&stack, &stack.emulator.queues.dead_letters).await, 3);
    let (succeeded, printed) = stack.run(&["dlq", "redrive", "--yes"]).await;
    assert!(succeeded && printed == "  Queued 3 dead letters and 0 parked events.\n", "{printed}");
    let (succeeded, printed) = stack.run(&["dlq", "list"]).await;
    assert!(succeeded && printed == "  No dead letters and no parked events.\n", "{printed}");
}

#[tokio::test]
async fn list_has_each_letter_and_what_hides_others() {
    let stack = TestStack::start().await;
    for number in 0..12 {
        let send = stack.emulator.sqs.send_message().queue_url(&stack.emulator.queues.dead_letters);
        let body = stack_event(number);
        send.message_body(body)
            .message_group_id("transaction#7")
            .message_deduplication_id(number.to_string())
            .send()
            .await
            .unwrap();
    }
    let (_, listed) = stack.run(&["dlq", "list"]).await;
    assert!(listed.contains("  0 min  1           isle-4471  transaction#7  transaction#7#payment#0\n"), "{listed}");
    let listed_letters = listed.lines().filter(|line| line.contains("  isle-4471  ")).count();
    if listed_letters < 12 {
        assert!(listed.contains("    behind transaction#7: "), "{listed}");
        let (_, shown) = stack.run(&["dlq", "show", "transaction#7#payment#11"]).await;
        assert!(shown.contains("it can be hidden behind another dead letter of transaction#7"), "{shown}");
    }
}

/// A message of the queue.
fn stack_event(number: u32) -> String {
    format!(
        r#"{{"schema":1,"event_id":"transaction#7#payment#{number}","type":"payment","goods":"info","subject":"transaction#7","user_id":"isle-4471","mode":"live","identified":true,"deprecated":false,"replay":false,"received_at":"2026-11-22T00:31:07.042518Z","notification":{{}}}}"#
    )
}

#[tokio::test]
async fn redrive_asks_before_it_sends() {
    let stack = start_with_dead_order().await;
    let (succeeded, printed) = stack.run(&["dlq", "redrive"]).await;
    assert!(
        !succeeded && printed == "error: confirmation required: stdin is not a terminal; pass --yes\n",
        "{printed}"
    );
    assert_eq!(count(&stack, &stack.emulator.queues.dead_letters).await, 1);
}
