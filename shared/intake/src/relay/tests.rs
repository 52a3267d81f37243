//! The relay flow with in-memory ports.

use rstest::rstest;
use xsolla::{Decision, EventId, Goods, GoodsReason, Mode};

use super::*;
use crate::accept::MAX_BODY;
use crate::table::BODY;
use crate::testing::{Behavior, FakeHistory, FakeParking, FakeQueue};
use crate::trace::TraceHeader;

/// Time of the decisions.
const NOW: &str = "2026-11-22T00:31:08Z";
const RECEIVED_AT: &str = "2026-11-22T00:31:07.042518Z";

/// Returns a payment with the deduplication id `<subject>#<id>`.
fn payment(sequence_number: u32, subject: &str, id: &str) -> StreamRecord {
    record(sequence_number, subject, id, "payment", "{}")
}

fn record(sequence_number: u32, subject: &str, id: &str, type_name: &str, body: &str) -> StreamRecord {
    StreamRecord {
        sequence_number: sequence_number.to_string(),
        pk: subject.to_owned(),
        sk: id.to_owned(),
        event: Ok(stored(subject, id, type_name, body)),
    }
}

fn stored(subject: &str, id: &str, type_name: &str, body: &str) -> StoredEvent {
    StoredEvent {
        event_id: EventId::new(subject.to_owned(), id.to_owned()),
        type_name: type_name.to_owned(),
        order_id: None,
        user_id: None,
        project_id: None,
        mode: Mode::Live,
        identified: true,
        received_at: RECEIVED_AT.to_owned(),
        trace: None,
        body: body.as_bytes().to_vec(),
        decision: None,
    }
}

/// Returns a payment whose message has this size.
fn sized(sequence_number: u32, subject: &str, id: &str, bytes: usize) -> StreamRecord {
    let frame = message_of(&payment(sequence_number, subject, id)).size();
    record(sequence_number, subject, id, "payment", &format!("{{{}}}", " ".repeat(bytes - frame)))
}

fn decided(group: &str) -> Decided {
    Decided {
        decision: Decision { goods: Goods::Grant, reason: None, mode: Mode::Live },
        to_store: None,
        notice: None,
        group: group.to_owned(),
        recipient: None,
        order_id: None,
        has_later_state: false,
    }
}

fn message_of(record: &StreamRecord) -> Message {
    message(record.event.as_ref().unwrap(), &decided(&record.pk), false).unwrap()
}

fn unreadable(sequence_number: u32, subject: &str) -> StreamRecord {
    StreamRecord { event: Err(MissingAttribute(BODY)), ..payment(sequence_number, subject, "unreadable") }
}

type TestRelay = Relay<FakeQueue, FakeParking, FakeHistory>;

fn relay(queue: FakeQueue) -> TestRelay {
    Relay {
        queue,
        parking: FakeParking::default(),
        history: FakeHistory::default(),
        payment_without_order: PaymentWithoutOrder::Grant,
    }
}

fn queued(event_ids: &[&str]) -> BatchOutcome {
    let queued = event_ids.iter().map(ToString::to_string).collect();
    BatchOutcome { queued, oldest: Some(RECEIVED_AT.parse().unwrap()), ..BatchOutcome::default() }
}

async fn run(relay: &TestRelay, events: &[StreamRecord]) -> BatchOutcome {
    relay.relay(events, NOW.parse().unwrap(), || Duration::from_mins(1)).await
}

fn calls(relay: &TestRelay) -> Vec<Vec<String>> {
    relay.queue.calls.lock().unwrap().clone()
}

#[tokio::test]
async fn sends_events_in_order_in_calls_of_ten() {
    let relay = relay(FakeQueue::default());
    let events: Vec<StreamRecord> = (0..25).map(|n| payment(n, &n.to_string(), "x")).collect();
    let outcome = run(&relay, &events).await;
    assert_eq!(calls(&relay).iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
    assert_eq!(relay.queue.queued(), (0..25).map(|n| format!("{n}#x")).collect::<Vec<_>>());
    assert_eq!(outcome.queued, relay.queue.queued());
    assert_eq!((outcome.parked, outcome.retry_from), (0, None));
}

#[tokio::test]
async fn oldest_ignores_events_that_are_not_queued() {
    let relay = relay(FakeQueue { failing: vec!["c#1"], rejecting: vec!["d#1"], ..FakeQueue::default() });
    let events = [("a", 9), ("d", 1), ("b", 8), ("c", 2)].map(|(subject, second)| {
        let mut event = payment(second, subject, "1");
        event.event.as_mut().unwrap().received_at = format!("2026-11-22T00:31:0{second}.042Z");
        event
    });
    let outcome = run(&relay, &events).await;
    assert_eq!((outcome.queued, outcome.parked), (vec!["a#1".to_owned(), "b#1".to_owned()], 1));
    assert_eq!(outcome.oldest, Some("2026-11-22T00:31:08.042Z".parse().unwrap()));
}

#[tokio::test]
async fn sends_events_of_one_subject_in_separate_calls() {
    let relay = relay(FakeQueue::default());
    run(&relay, &[payment(1, "a", "1"), payment(2, "b", "1"), payment(3, "a", "2"), payment(4, "a", "3")]).await;
    assert_eq!(calls(&relay), [vec!["a#1", "b#1"], vec!["a#2"], vec!["a#3"]]);
}

#[tokio::test]
async fn splits_calls_at_size_limit() {
    let relay = relay(FakeQueue::default());
    let large = 120 * 1024;
    let events: Vec<StreamRecord> = ["a", "b", "c"].iter().zip(1..).map(|(id, n)| sized(n, id, "1", large)).collect();
    run(&relay, &events).await;
    assert_eq!(calls(&relay), [vec!["a#1", "b#1"], vec!["c#1"]]);
}

#[tokio::test]
async fn fills_a_call_to_the_size_limit() {
    let relay = relay(FakeQueue::default());
    let events = [sized(1, "a", "1", MAX_BATCH_BYTES / 2), sized(2, "b", "1", MAX_BATCH_BYTES / 2)];
    run(&relay, &events).await;
    assert_eq!(calls(&relay), [vec!["a#1", "b#1"]]);
}

#[tokio::test]
async fn message_has_the_trace_of_the_webhook() {
    let relay = relay(FakeQueue::default());
    let mut event = payment(1, "a", "1");
    let trace = TraceHeader::parse("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
    event.event.as_mut().unwrap().trace = Some(trace.clone());
    run(&relay, &[event]).await;
    assert_eq!(relay.queue.messages.lock().unwrap()[0].trace, Some(trace));
}

#[tokio::test]
async fn retried_events_have_the_group_of_the_first_time() {
    let relay = relay(FakeQueue::default());
    let without_transaction = stored_record(&relay, 1, "order#5", "order_paid#5", r#"{"order":{"id":5}}"#);
    let records = [without_transaction, paid(&relay, 2, 7)];
    run(&relay, &records).await;
    run(&relay, &records).await;
    assert_eq!(groups(&relay), ["order#5"; 4]);
}

#[tokio::test]
async fn sends_largest_message_alone() {
    let relay = relay(FakeQueue::default());
    let events = [sized(1, "a", "1", MAX_BATCH_BYTES), payment(2, "b", "1")];
    assert_eq!(run(&relay, &events).await.queued, ["a#1", "b#1"]);
    assert_eq!(calls(&relay), [vec!["a#1"], vec!["b#1"]]);
}

#[tokio::test]
async fn stops_at_first_failure() {
    let relay = relay(FakeQueue { failing: vec!["b#1"], ..FakeQueue::default() });
    let events = [payment(1, "a", "1"), payment(2, "b", "1"), payment(3, "a", "2"), payment(4, "b", "2")];
    let outcome = run(&relay, &events).await;
    assert_eq!(outcome, BatchOutcome { retry_from: Some("2".to_owned()), ..queued(&["a#1"]) });
    assert_eq!(calls(&relay), [vec!["a#1", "b#1"]], "b#2 must not overtake b#1");
}

#[tokio::test]
async fn parks_rejected_and_unreadable_events_and_continues() {
    let relay = relay(FakeQueue { rejecting: vec!["b#1"], ..FakeQueue::default() });
    let events = [payment(1, "a", "1"), payment(2, "b", "1"), unreadable(3, "c"), payment(4, "b", "2")];
    assert_eq!(run(&relay, &events).await, BatchOutcome { parked: 2, ..queued(&["a#1", "b#2"]) });
    assert_eq!(relay.queue.queued(), ["a#1", "b#2"]);
    let parked = relay.parking.parked.lock().unwrap();
    assert_eq!(parked.iter().map(|parked| parked.pk.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    assert!(parked[0].cause.contains("fake:Call") && parked[1].cause.contains("`body`"), "{parked:?}");
}

#[tokio::test]
async fn retries_if_parking_fails() {
    let relay = relay(FakeQueue::default());
    relay.parking.control.set(Behavior::Fail);
    let events = [payment(1, "a", "1"), unreadable(2, "b"), payment(3, "c", "1")];
    assert_eq!(run(&relay, &events).await.retry_from.as_deref(), Some("2"));
}

#[tokio::test]
async fn starts_no_call_without_enough_time() {
    let relay = relay(FakeQueue::default());
    let outcome = relay.relay(&[payment(1, "a", "1")], Timestamp::UNIX_EPOCH, || SEND_LIMIT / 2).await;
    assert_eq!(outcome, BatchOutcome { retry_from: Some("1".to_owned()), ..BatchOutcome::default() });
    assert!(calls(&relay).is_empty());
}

#[rstest]
#[case::depth(&format!(r#"{{"a":{}{}}}"#, "[".repeat(63), "]".repeat(63)), "nested more than 63 levels deep")]
#[case::depth_of_the_largest_body(&format!(r#"{{"a":{}{}}}"#, "[".repeat(120_000), "]".repeat(120_000)), "nested more")]
#[case::long_number(&format!(r#"{{"transaction":{{"id":{}}}}}"#, "9".repeat(5000)), "a number has more than 100 characters")]
#[case::infinite_number(r#"{"a":1e400}"#, "a number is larger than a 64-bit float")]
#[tokio::test]
async fn parks_event_that_consumers_may_not_parse_and_continues(#[case] body: &str, #[case] cause: &str) {
    let relay = relay(FakeQueue::default());
    let events = [record(1, "a", "payment", "payment", body), record(2, "a", "refund", "refund", "{}")];
    assert_eq!(run(&relay, &events).await, BatchOutcome { parked: 1, ..queued(&["a#refund"]) });
    let parked = relay.parking.parked.lock().unwrap();
    assert!(parked[0].pk == "a" && parked[0].cause.starts_with(cause), "{parked:?}");
    assert_eq!(relay.history.decision_control.calls(), 1, "an event that is not relayed has no decision");
}

/// Python and JavaScript read half a surrogate pair, and fail when they encode it. Go replaces it. `serde_json` rejects it
/// only in the fields that it reads, so the message itself can be read.
#[tokio::test]
async fn sends_half_a_surrogate_pair_unchanged() {
    let relay = relay(FakeQueue::default());
    let body = r#"{"user":{"name":"\ud83c"},"items":[{"sku":"\udfdd"}]}"#;
    let mut event = record(1, "a", "1", "payment", body);
    event.event.as_mut().unwrap().user_id = Some("mira".to_owned());
    assert_eq!(run(&relay, &[event]).await, queued(&["a#1"]));
    let messages = relay.queue.messages.lock().unwrap();
    assert!(messages[0].body.as_str().ends_with(&format!(r#""notification":{body}}}"#)));
    assert!(serde_json::from_str::<Event<'_>>(messages[0].body.as_str()).is_ok());
    assert!(serde_json::from_str::<serde_json::Value>(messages[0].body.as_str()).is_err());
}

/// Limit of SQS for a message and for a call, and `MaximumMessageSize` of the queue in `template.yaml`.
const SQS_LIMIT: usize = 1024 * 1024;

/// Returns a body of the maximum size, with the text repeated in place of `…`.
fn largest_body(frame: &str, text: &str) -> String {
    frame.replace('…', &text.repeat((MAX_BODY - frame.len() + '…'.len_utf8()) / text.len()))
}

#[rstest]
#[case::text("x", 1)]
#[case::escaped_by_xsolla(r"\u00e9", 1)]
#[case::quotation_marks(r#"\""#, 1)]
#[case::escaped_for_sqs("\u{ffff}", 2)]
fn message_of_the_largest_body_fits_the_queue(#[case] text: &str, #[case] factor: usize) {
    let body = largest_body(r#"{"notification_type":"payment","x":"…"}"#, text);
    assert!((MAX_BODY - 6..=MAX_BODY).contains(&body.len()));
    let size = message_of(&record(1, "transaction#7", "payment", "payment", &body)).size();
    assert!(size <= factor * MAX_BODY + 1024 && size <= SQS_LIMIT, "{size}");
}

/// The user id occurs three times.
#[rstest]
#[case::text("x")]
#[case::escaped_by_xsolla(r"\u00e9")]
#[case::control_characters(r"\u0001")]
fn message_of_the_longest_user_id_fits_the_queue(#[case] text: &str) {
    let body = largest_body(r#"{"notification_type":"payment","user":{"id":"…"}}"#, text);
    let user_id = crate::record::long_user_id("payment", body.as_bytes());
    assert!(user_id.as_ref().unwrap().len() > 40_000);
    let mut record = record(1, "transaction#7", "payment", "payment", &body);
    record.event.as_mut().unwrap().user_id.clone_from(&user_id);
    let decided = Decided { recipient: user_id, ..decided("transaction#7") };
    let size = message(record.event.as_ref().unwrap(), &decided, false).unwrap().size();
    assert!(size > 2 * MAX_BODY / 3 && size <= SQS_LIMIT, "{size}");
}

/// SQS limits a call like a message.
#[test]
fn message_of_the_largest_body_is_sent_in_a_call_of_its_own() {
    let largest = largest_body(r#"{"x":"…"}"#, "\u{ffff}");
    let records = [
        payment(1, "a", "1"),
        record(2, "b", "1", "payment", &largest),
        record(3, "c", "1", "payment", &largest),
        payment(4, "d", "1"),
    ];
    let prepared: Vec<Prepared<'_>> = records
        .iter()
        .map(|record| Prepared {
            record,
            step: Step::Send { message: message_of(record), decision: None, notice: None },
        })
        .collect();
    assert_eq!([0, 1, 2, 3].map(|start| batch_len(&prepared[start..])), [1, 1, 1, 1]);
}

#[tokio::test]
async fn starts_a_call_with_just_enough_time() {
    let relay = relay(FakeQueue::default());
    let outcome = relay.relay(&[payment(1, "a", "1")], Timestamp::UNIX_EPOCH, || SEND_LIMIT).await;
    assert_eq!((outcome.queued, outcome.retry_from), (vec!["a#1".to_owned()], None));
}

#[tokio::test]
async fn parks_body_that_is_not_json() {
    let relay = relay(FakeQueue::default());
    assert_eq!(run(&relay, &[record(1, "a", "1", "payment", "{")]).await.parked, 1);
}

/// Returns a record of the table's stream, and adds the event to the history.
fn stored_record(relay: &TestRelay, sequence_number: u32, pk: &str, sk: &str, body: &str) -> StreamRecord {
    let type_name = sk.split('#').next().unwrap();
    let mut record = record(sequence_number, pk, sk, type_name, body);
    let event = record.event.as_mut().unwrap();
    let order: serde_json::Value = serde_json::from_str(body).unwrap();
    event.order_id = order["order"]["id"].as_u64().map(|id| id.to_string());
    event.user_id = Some("user".to_owned());
    relay.history.events.lock().unwrap().push(event.clone());
    record
}

fn paid(relay: &TestRelay, number: u32, transaction: u32) -> StreamRecord {
    order(relay, number, transaction, "order_paid")
}

/// `order_paid` or `order_canceled` of order 5.
fn order(relay: &TestRelay, number: u32, transaction: u32, name: &str) -> StreamRecord {
    let body = format!(r#"{{"order":{{"id":5,"invoice_id":"{transaction}"}}}}"#);
    stored_record(relay, number, &format!("transaction#{transaction}"), &format!("{name}#5"), &body)
}

/// Returns goods and reason of each queued message.
fn effects(relay: &TestRelay) -> Vec<(Goods, Option<GoodsReason>)> {
    let messages = relay.queue.messages.lock().unwrap();
    let read = |message: &Message| {
        let event = Event::read(message.body.as_str()).unwrap();
        (event.goods, event.goods_reason)
    };
    messages.iter().map(read).collect()
}

fn groups(relay: &TestRelay) -> Vec<String> {
    relay.queue.messages.lock().unwrap().iter().map(|message| message.group_id.clone()).collect()
}

fn decisions(relay: &TestRelay) -> Vec<Option<StoredDecision>> {
    relay.history.events.lock().unwrap().iter().map(|event| event.decision).collect()
}

const GRANT: (Goods, Option<GoodsReason>) = (Goods::Grant, None);
const REVOKE: (Goods, Option<GoodsReason>) = (Goods::Revoke, None);

#[tokio::test]
async fn stores_each_decision_before_the_event_is_sent() {
    let relay = relay(FakeQueue { failing: vec!["transaction#7#order_paid#5"], ..FakeQueue::default() });
    let record = paid(&relay, 1, 7);
    run(&relay, &[record]).await;
    assert_eq!(effects(&relay), []);
    let [Some(stored)] = decisions(&relay)[..] else { panic!("no decision") };
    assert_eq!(stored.decision, Decision { goods: Goods::Grant, reason: None, mode: Mode::Live });
    assert_eq!(stored.decided_at, NOW.parse().unwrap());
}

#[tokio::test]
async fn later_decision_of_a_sale_has_a_later_time() {
    let relay = relay(FakeQueue::default());
    let records = [paid(&relay, 1, 7), order(&relay, 2, 7, "order_canceled")];
    run(&relay, &records).await;
    let times: Vec<Timestamp> = decisions(&relay).into_iter().map(|stored| stored.unwrap().decided_at).collect();
    assert!(times[0] < times[1], "{times:?}");
}

#[tokio::test]
async fn event_is_not_sent_if_its_decision_cannot_be_stored() {
    let relay = relay(FakeQueue::default());
    relay.history.decision_control.set(Behavior::FailAfter(1));
    let records = [paid(&relay, 1, 7), payment(2, "b", "1"), payment(3, "c", "1")];
    let outcome = run(&relay, &records).await;
    assert_eq!(outcome.queued, ["transaction#7#order_paid#5"]);
    assert_eq!(outcome.retry_from.as_deref(), Some("2"));
}

#[tokio::test]
async fn decision_about_one_event_of_a_batch_affects_the_next() {
    let relay = relay(FakeQueue::default());
    let records = [order(&relay, 1, 7, "order_canceled"), paid(&relay, 2, 7)];
    run(&relay, &records).await;
    assert_eq!(effects(&relay), [REVOKE, (Goods::Info, Some(GoodsReason::AlreadyRevoked))]);
}

#[tokio::test]
async fn event_that_is_stored_but_not_yet_decided_has_no_effect() {
    let relay = relay(FakeQueue::default());
    let (paid, canceled) = (paid(&relay, 1, 7), order(&relay, 2, 7, "order_canceled"));
    run(&relay, &[paid]).await;
    run(&relay, &[canceled]).await;
    assert_eq!(effects(&relay), [GRANT, REVOKE], "the cancellation was stored before the order was relayed");
}

#[tokio::test]
async fn retried_batch_sends_the_same_decisions() {
    let relay = relay(FakeQueue::default());
    let records = [paid(&relay, 1, 7), paid(&relay, 2, 8)];
    run(&relay, &records).await;
    let stored = decisions(&relay);
    run(&relay, &records).await;
    let already_granted = (Goods::Info, Some(GoodsReason::OrderAlreadyGranted));
    assert_eq!(effects(&relay), [GRANT, already_granted, GRANT, already_granted]);
    assert_eq!(decisions(&relay), stored);
}

#[tokio::test]
async fn retried_grant_is_not_sent_after_a_revocation() {
    let relay = relay(FakeQueue::default());
    let (paid, canceled) = (paid(&relay, 1, 7), order(&relay, 2, 7, "order_canceled"));
    run(&relay, &[paid, canceled]).await;
    let first = relay.history.events.lock().unwrap()[0].clone();
    run(&relay, &[record_of(1, first)]).await;
    assert_eq!(effects(&relay), [GRANT, REVOKE, (Goods::Info, Some(GoodsReason::AlreadyRevoked))]);
}

fn record_of(sequence_number: u32, event: StoredEvent) -> StreamRecord {
    StreamRecord {
        sequence_number: sequence_number.to_string(),
        pk: event.event_id.subject().to_owned(),
        sk: event.event_id.rest().to_owned(),
        event: Ok(event),
    }
}

#[tokio::test]
async fn second_payment_of_an_order_is_reported() {
    let relay = relay(FakeQueue::default());
    let records = [paid(&relay, 1, 7), paid(&relay, 2, 8)];
    assert_eq!(run(&relay, &records).await.notices, [Notice::DoublePayment]);
}

#[tokio::test]
async fn second_payment_is_reported_although_its_first_message_failed() {
    let mut relay = relay(FakeQueue { failing: vec!["transaction#8#order_paid#5"], ..FakeQueue::default() });
    let (first, second) = (paid(&relay, 1, 7), paid(&relay, 2, 8));
    assert_eq!(run(&relay, &[first]).await.notices, []);
    assert_eq!(run(&relay, &[second]).await.notices, []);
    relay.queue.failing.clear();
    let second = relay.history.events.lock().unwrap()[1].clone();
    assert_eq!(run(&relay, &[record_of(2, second)]).await.notices, [Notice::DoublePayment]);
}

#[tokio::test]
async fn messages_of_one_order_share_a_group_and_no_call() {
    let relay = relay(FakeQueue::default());
    let without_transaction = stored_record(&relay, 1, "order#5", "order_paid#5", r#"{"order":{"id":5}}"#);
    let records = [without_transaction, paid(&relay, 2, 7)];
    run(&relay, &records).await;
    assert_eq!(groups(&relay), ["order#5", "order#5"]);
    assert_eq!(calls(&relay).len(), 2);
}

const STATE: &str = r#"{"subscription":{"subscription_id":9,"date_next_charge":"2026-03-01"}}"#;
const OTHER_STATE: &str = r#"{"subscription":{"subscription_id":9,"date_next_charge":"2026-04-01"}}"#;

#[tokio::test]
async fn retry_of_the_latest_state_is_not_relayed() {
    let relay = relay(FakeQueue::default());
    let first = stored_record(&relay, 1, "subscription#9", "update_subscription#a", STATE);
    let retry = stored_record(&relay, 2, "subscription#9", "update_subscription#a#again#1", STATE);
    let outcome = run(&relay, &[first, retry]).await;
    assert_eq!(outcome.queued, ["subscription#9#update_subscription#a"]);
    assert_eq!((outcome.retries, outcome.retry_from), (1, None));
}

/// Returns records of overlapping deliveries: `OTHER_STATE` was received before the retry of `STATE`, and stored after it.
fn retry_before_a_state_that_was_received_first(relay: &TestRelay) -> [StreamRecord; 3] {
    let mut records = [
        stored_record(relay, 1, "subscription#9", "update_subscription#a", STATE),
        stored_record(relay, 2, "subscription#9", "update_subscription#a#again#1", STATE),
        stored_record(relay, 3, "subscription#9", "update_subscription#b", OTHER_STATE),
    ];
    let mut events = relay.history.events.lock().unwrap();
    events[1].received_at = "2026-11-22T00:31:07.900000Z".to_owned();
    records[1] = record_of(2, events[1].clone());
    records
}

#[tokio::test]
async fn skipped_retry_is_skipped_again_if_its_batch_is_retried() {
    let relay = relay(FakeQueue::default());
    let records = retry_before_a_state_that_was_received_first(&relay);
    let outcomes = [run(&relay, &records).await, run(&relay, &records).await, run(&relay, &records[..2]).await];
    assert_eq!(outcomes.map(|outcome| outcome.retries), [1, 1, 1]);
    assert!(!relay.queue.queued().iter().any(|id| id.contains("#again#")), "{:?}", relay.queue.queued());
}

#[tokio::test]
async fn later_state_is_not_decided_if_the_decision_to_skip_cannot_be_stored() {
    let relay = relay(FakeQueue::default());
    let records = retry_before_a_state_that_was_received_first(&relay);
    run(&relay, &records[..1]).await;
    relay.history.decision_control.set(Behavior::Fail);
    let outcome = run(&relay, &records[1..]).await;
    assert_eq!((outcome.retry_from.as_deref(), outcome.queued.len()), (Some("2"), 0));
    assert_eq!(relay.history.decision_control.calls(), 2, "the first event and the retry");
}

#[tokio::test]
async fn skipped_retry_does_not_extend_the_time_for_retries() {
    let relay = relay(FakeQueue::default());
    let ids = ["update_subscription#a", "update_subscription#a#again#1", "update_subscription#a#again#2"];
    let records: Vec<StreamRecord> = ids
        .into_iter()
        .zip([("22", 1), ("23", 2), ("25", 3)])
        .map(|(id, (day, number))| {
            stored_record(&relay, number, "subscription#9", id, STATE);
            let mut events = relay.history.events.lock().unwrap();
            let event = events.last_mut().unwrap();
            event.received_at = format!("2026-11-{day}T00:31:07.042518Z");
            record_of(number, event.clone())
        })
        .collect();
    let outcome = run(&relay, &records).await;
    assert_eq!((outcome.retries, outcome.queued.len()), (1, 2));
}

#[tokio::test]
async fn state_that_returns_is_relayed() {
    let relay = relay(FakeQueue::default());
    let records = [
        stored_record(&relay, 1, "subscription#9", "update_subscription#a", STATE),
        stored_record(&relay, 2, "subscription#9", "update_subscription#b", OTHER_STATE),
        stored_record(&relay, 3, "subscription#9", "update_subscription#a#again#1", STATE),
    ];
    assert_eq!(run(&relay, &records).await.queued.len(), 3);
    let goods: Vec<Goods> = effects(&relay).into_iter().map(|(goods, _)| goods).collect();
    assert_eq!(goods, [Goods::SubscriptionChanged, Goods::SubscriptionRenewed, Goods::SubscriptionChanged]);
}

#[tokio::test]
async fn subscription_that_a_sandbox_payment_names_is_sandbox() {
    let mut relay = relay(FakeQueue::default());
    relay.history.subscription_payments = vec![Mode::Sandbox];
    let created = stored_record(&relay, 1, "subscription#9", "create_subscription", STATE);
    run(&relay, &[created]).await;
    assert_eq!(relay.queue.messages.lock().unwrap()[0].mode, "sandbox");
}

#[tokio::test]
async fn gift_goes_to_its_receiver() {
    let relay = relay(FakeQueue::default());
    let gift = r#"{"transaction":{"id":7},"purchase":{"gift":{"receiver_id":"friend"}}}"#;
    let records = [stored_record(&relay, 1, "transaction#7", "payment", gift), paid(&relay, 2, 8)];
    run(&relay, &records).await;
    let messages = relay.queue.messages.lock().unwrap();
    let recipients: Vec<Option<String>> = messages
        .iter()
        .map(|message| Event::read(message.body.as_str()).unwrap().recipient_user_id.map(Into::into))
        .collect();
    assert_eq!(recipients, [Some("friend".to_owned()), Some("user".to_owned())]);
}

#[tokio::test]
async fn stops_before_first_event_whose_history_is_unavailable() {
    let relay = relay(FakeQueue::default());
    relay.history.control.set(Behavior::Fail);
    let dispute = |number, subject| record(number, subject, "dispute", "dispute", "{}");
    let records = [dispute(1, "a"), dispute(2, "b"), paid(&relay, 3, 7), dispute(4, "d")];
    let outcome = run(&relay, &records).await;
    assert_eq!(outcome, BatchOutcome { retry_from: Some("3".to_owned()), ..queued(&["a#dispute", "b#dispute"]) });
}

#[tokio::test]
async fn reads_nothing_for_events_without_effect_on_goods() {
    let relay = relay(FakeQueue::default());
    run(&relay, &[record(1, "a", "dispute", "dispute", "{}"), record(2, "a", "news", "news", "{}")]).await;
    assert_eq!(relay.history.control.calls(), 0);
}

#[tokio::test]
async fn reads_each_subject_and_order_of_a_batch_once() {
    let relay = relay(FakeQueue::default());
    let records = [paid(&relay, 1, 7), paid(&relay, 2, 8), order(&relay, 3, 7, "order_canceled")];
    run(&relay, &records).await;
    assert_eq!(relay.history.control.calls(), 3, "two subjects and one order");
}

#[tokio::test]
async fn replay_of_a_revoked_sale_grants_nothing() {
    let relay = relay(FakeQueue::default());
    let records = [paid(&relay, 1, 7), order(&relay, 2, 7, "order_canceled")];
    run(&relay, &records).await;
    let paid = relay.history.events.lock().unwrap()[0].clone();
    let message = replay_message(&paid, &relay.history, PaymentWithoutOrder::Grant, NOW.parse().unwrap()).await;
    let message = message.unwrap().unwrap().message;
    let event = Event::read(message.body.as_str()).unwrap();
    assert_eq!((event.goods, event.goods_reason), (Goods::Info, Some(GoodsReason::AlreadyRevoked)));
    assert!(event.replay);
}

#[tokio::test]
async fn replay_of_an_old_subscription_state_has_no_effect() {
    let relay = relay(FakeQueue::default());
    let records = [
        stored_record(&relay, 1, "subscription#9", "update_subscription#a", STATE),
        stored_record(&relay, 2, "subscription#9", "update_subscription#b", OTHER_STATE),
    ];
    run(&relay, &records).await;
    let events = relay.history.events.lock().unwrap().clone();
    let mut replayed = Vec::new();
    for event in &events {
        let sent = replay_message(event, &relay.history, PaymentWithoutOrder::Grant, NOW.parse().unwrap()).await;
        let message = sent.unwrap().unwrap().message;
        let event = Event::read(message.body.as_str()).unwrap();
        replayed.push((event.goods, event.goods_reason));
    }
    let latest = (Goods::SubscriptionRenewed, None);
    assert_eq!(replayed, [(Goods::Info, Some(GoodsReason::LaterStateSent)), latest]);
}

#[tokio::test]
async fn revocation_has_the_order_id_of_its_grant() {
    let relay = relay(FakeQueue::default());
    let payment = stored_record(&relay, 1, "transaction#7", "payment", r#"{"transaction":{"id":7}}"#);
    let records =
        [payment, paid(&relay, 2, 7), order(&relay, 3, 7, "order_canceled"), order(&relay, 4, 8, "order_canceled")];
    run(&relay, &records).await;
    let messages = relay.queue.messages.lock().unwrap();
    let order_ids: Vec<(Goods, Option<String>)> = messages
        .iter()
        .map(|message| Event::read(message.body.as_str()).unwrap())
        .map(|event| (event.goods, event.order_id.map(Into::into)))
        .collect();
    let order = Some("5".to_owned());
    let info = (Goods::Info, order);
    assert_eq!(order_ids, [(Goods::Grant, None), info.clone(), (Goods::Revoke, None), info]);
}

#[tokio::test]
async fn decisions_of_a_batch_have_different_times() {
    let relay = relay(FakeQueue::default());
    let records =
        [paid(&relay, 1, 7), stored_record(&relay, 2, "transaction#9", "payment", r#"{"transaction":{"id":9}}"#)];
    run(&relay, &records).await;
    let times: Vec<Timestamp> = decisions(&relay).into_iter().map(|stored| stored.unwrap().decided_at).collect();
    assert!(times[0] < times[1], "{times:?}");
}

#[tokio::test]
async fn relays_empty_batch() {
    assert_eq!(run(&relay(FakeQueue::default()), &[]).await, BatchOutcome::default());
}
