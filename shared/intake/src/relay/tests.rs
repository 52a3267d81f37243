//! The relay flow with in-memory ports.

use xsolla::{EventId, Mode};

use super::*;
use crate::table::BODY;
use crate::testing::{Behavior, FakeHistory, FakeParking, FakeQueue};

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
    }
}

/// Returns a payment whose message has this size.
fn sized(sequence_number: u32, subject: &str, id: &str, bytes: usize) -> StreamRecord {
    let frame = message_of(&payment(sequence_number, subject, id)).size();
    record(sequence_number, subject, id, "payment", &format!("{{{}}}", " ".repeat(bytes - frame)))
}

fn message_of(record: &StreamRecord) -> Message {
    let event = record.event.as_ref().unwrap();
    message(event, &facts(event).unwrap(), Goods::MoneyOnly, false).unwrap()
}

fn unreadable(sequence_number: u32, subject: &str) -> StreamRecord {
    StreamRecord { event: Err(MissingAttribute(BODY)), ..payment(sequence_number, subject, "unreadable") }
}

fn relay(queue: FakeQueue) -> Relay<FakeQueue, FakeParking, FakeHistory> {
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

async fn run(relay: &Relay<FakeQueue, FakeParking, FakeHistory>, events: &[StreamRecord]) -> BatchOutcome {
    relay.relay(events, || Duration::from_mins(1)).await
}

fn calls(relay: &Relay<FakeQueue, FakeParking, FakeHistory>) -> Vec<Vec<String>> {
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
    let outcome = relay.relay(&[payment(1, "a", "1")], || SEND_LIMIT / 2).await;
    assert_eq!(outcome, BatchOutcome { retry_from: Some("1".to_owned()), ..BatchOutcome::default() });
    assert!(calls(&relay).is_empty());
}

#[tokio::test]
async fn parks_body_that_is_not_json() {
    let relay = relay(FakeQueue::default());
    assert_eq!(run(&relay, &[record(1, "a", "1", "payment", "{")]).await.parked, 1);
}

const REFUND: &str = r#"{"notification_type":"refund"}"#;

#[tokio::test]
async fn goods_of_refund_depend_on_history() {
    let mut relay = relay(FakeQueue::default());
    relay.history.events =
        vec![stored("a", "order_paid#5", "order_paid", "{}"), stored("b", "payment", "payment", "{}")];
    run(&relay, &[record(1, "a", "refund", "refund", REFUND), record(2, "b", "refund", "refund", REFUND)]).await;
    let messages = relay.queue.messages.lock().unwrap();
    let goods: Vec<Goods> = messages.iter().map(|message| Event::read(message.body.as_str()).unwrap().goods).collect();
    assert_eq!(goods, [Goods::MoneyOnly, Goods::Revoke]);
}

#[tokio::test]
async fn stops_before_event_whose_history_is_unavailable() {
    let relay = relay(FakeQueue::default());
    relay.history.control.set(Behavior::Fail);
    let events =
        [payment(1, "a", "1"), payment(2, "b", "1"), record(3, "c", "refund", "refund", REFUND), payment(4, "d", "1")];
    let outcome = run(&relay, &events).await;
    assert_eq!(outcome, BatchOutcome { retry_from: Some("3".to_owned()), ..queued(&["a#1", "b#1"]) });
}

#[tokio::test]
async fn reads_no_history_for_payments_and_orders() {
    let relay = relay(FakeQueue::default());
    run(&relay, &[payment(1, "a", "1"), record(2, "a", "2", "order_paid", "{}")]).await;
    assert_eq!(relay.history.control.calls(), 0);
}

#[tokio::test]
async fn relays_empty_batch() {
    assert_eq!(run(&relay(FakeQueue::default()), &[]).await, BatchOutcome::default());
}
