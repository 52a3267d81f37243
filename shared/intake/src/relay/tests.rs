//! The relay's promises, one test each.

use std::sync::atomic::Ordering;

use xsolla::{EventId, Mode};

use super::*;
use crate::fakes::{FakeHistory, FakeParking, FakeQueue};
use crate::table::BODY;

const RECEIVED_AT: &str = "2026-11-22T00:31:07.042Z";

/// A payment with this subject, whose deduplication id is `<subject>#<id>`.
fn event(sequence_number: u32, subject: &str, id: &str) -> StreamRecord {
    told(sequence_number, subject, id, "payment", "{}")
}

fn told(sequence_number: u32, subject: &str, id: &str, type_name: &str, body: &str) -> StreamRecord {
    StreamRecord {
        sequence_number: sequence_number.to_string(),
        pk: subject.to_owned(),
        sk: id.to_owned(),
        event: Ok(kept(subject, id, type_name, body)),
    }
}

fn kept(subject: &str, id: &str, type_name: &str, body: &str) -> StoredEvent {
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

/// An event whose message has this size.
fn sized(sequence_number: u32, subject: &str, id: &str, bytes: usize) -> StreamRecord {
    let frame = write_alone(&event(sequence_number, subject, id)).size();
    told(sequence_number, subject, id, "payment", &format!("{{{}}}", " ".repeat(bytes - frame)))
}

fn write_alone(streamed: &StreamRecord) -> Message {
    let event = streamed.event.as_ref().unwrap();
    message_with(event, &super::facts(event).unwrap(), Goods::MoneyOnly, false).unwrap()
}

fn unsendable(sequence_number: u32, subject: &str) -> StreamRecord {
    StreamRecord { event: Err(MissingAttribute(BODY)), ..event(sequence_number, subject, "unsendable") }
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
async fn events_go_out_in_calls_of_ten_in_their_order() {
    let relay = relay(FakeQueue::default());
    let events: Vec<StreamRecord> = (0..25).map(|n| event(n, &n.to_string(), "x")).collect();
    let relayed = run(&relay, &events).await;
    assert_eq!(calls(&relay).iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
    assert_eq!(*relay.queue.queued.lock().unwrap(), (0..25).map(|n| format!("{n}#x")).collect::<Vec<_>>());
    assert_eq!(relayed.queued, *relay.queue.queued.lock().unwrap());
    assert_eq!((relayed.parked, relayed.retry_from), (0, None));
}

#[tokio::test]
async fn the_oldest_is_of_those_that_are_in_the_queue() {
    let relay = relay(FakeQueue { failing: vec!["c#1"], refusing: vec!["d#1"], ..FakeQueue::default() });
    let events = [("a", 9), ("d", 1), ("b", 8), ("c", 2)].map(|(subject, second)| {
        let mut event = event(second, subject, "1");
        event.event.as_mut().unwrap().received_at = format!("2026-11-22T00:31:0{second}.042Z");
        event
    });
    let relayed = run(&relay, &events).await;
    assert_eq!((relayed.queued, relayed.parked), (vec!["a#1".to_owned(), "b#1".to_owned()], 1));
    assert_eq!(relayed.oldest, Some("2026-11-22T00:31:08.042Z".parse().unwrap()));
}

#[tokio::test]
async fn no_two_events_of_one_subject_share_a_call() {
    let relay = relay(FakeQueue::default());
    run(&relay, &[event(1, "a", "1"), event(2, "b", "1"), event(3, "a", "2"), event(4, "a", "3")]).await;
    assert_eq!(calls(&relay), [vec!["a#1", "b#1"], vec!["a#2"], vec!["a#3"]]);
}

#[tokio::test]
async fn a_call_stays_within_what_sqs_takes() {
    let relay = relay(FakeQueue::default());
    let large = 120 * 1024;
    let events: Vec<StreamRecord> = ["a", "b", "c"].iter().zip(1..).map(|(id, n)| sized(n, id, "1", large)).collect();
    run(&relay, &events).await;
    assert_eq!(calls(&relay), [vec!["a#1", "b#1"], vec!["c#1"]]);
}

#[tokio::test]
async fn a_message_that_fills_a_call_goes_alone() {
    let relay = relay(FakeQueue::default());
    let events = [sized(1, "a", "1", MAX_BATCH_BYTES), event(2, "b", "1")];
    assert_eq!(run(&relay, &events).await.queued, ["a#1", "b#1"]);
    assert_eq!(calls(&relay), [vec!["a#1"], vec!["b#1"]]);
}

#[tokio::test]
async fn the_first_failure_ends_the_batch_and_names_itself() {
    let relay = relay(FakeQueue { failing: vec!["b#1"], ..FakeQueue::default() });
    let events = [event(1, "a", "1"), event(2, "b", "1"), event(3, "a", "2"), event(4, "b", "2")];
    let relayed = run(&relay, &events).await;
    assert_eq!(relayed, BatchOutcome { retry_from: Some("2".to_owned()), ..queued(&["a#1"]) });
    assert_eq!(calls(&relay), [vec!["a#1", "b#1"]], "b#2 must not overtake b#1");
}

#[tokio::test]
async fn what_can_never_be_sent_is_parked_and_those_behind_it_go_on() {
    let relay = relay(FakeQueue { refusing: vec!["b#1"], ..FakeQueue::default() });
    let events = [event(1, "a", "1"), event(2, "b", "1"), unsendable(3, "c"), event(4, "b", "2")];
    assert_eq!(run(&relay, &events).await, BatchOutcome { parked: 2, ..queued(&["a#1", "b#2"]) });
    assert_eq!(*relay.queue.queued.lock().unwrap(), ["a#1", "b#2"]);
    let parked = relay.parking.parked.lock().unwrap();
    assert_eq!(parked.iter().map(|parked| parked.pk.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    assert!(parked[0].cause.contains("fake:Call") && parked[1].cause.contains("`body`"), "{parked:?}");
}

#[tokio::test]
async fn what_cannot_even_be_parked_comes_again() {
    let relay = relay(FakeQueue::default());
    relay.parking.switch.failing.store(true, Ordering::Relaxed);
    let events = [event(1, "a", "1"), unsendable(2, "b"), event(3, "c", "1")];
    assert_eq!(run(&relay, &events).await.retry_from.as_deref(), Some("2"));
}

#[tokio::test]
async fn nothing_is_begun_that_lambda_would_cut_off() {
    let relay = relay(FakeQueue::default());
    let relayed = relay.relay(&[event(1, "a", "1")], || SEND_LIMIT / 2).await;
    assert_eq!(relayed, BatchOutcome { retry_from: Some("1".to_owned()), ..BatchOutcome::default() });
    assert!(calls(&relay).is_empty());
}

#[tokio::test]
async fn a_body_that_is_not_json_is_parked() {
    let relay = relay(FakeQueue::default());
    assert_eq!(run(&relay, &[told(1, "a", "1", "payment", "{")]).await.parked, 1);
}

const REFUND: &str = r#"{"notification_type":"refund"}"#;

#[tokio::test]
async fn the_refund_of_an_order_is_money_and_that_of_a_token_takes_back() {
    let mut relay = relay(FakeQueue::default());
    relay.history.events = vec![kept("a", "order_paid#5", "order_paid", "{}"), kept("b", "payment", "payment", "{}")];
    run(&relay, &[told(1, "a", "refund", "refund", REFUND), told(2, "b", "refund", "refund", REFUND)]).await;
    let texts = relay.queue.texts.lock().unwrap();
    let goods: Vec<Goods> = texts.iter().map(|text| Event::read(text).unwrap().goods).collect();
    assert_eq!(goods, [Goods::MoneyOnly, Goods::Revoke]);
}

#[tokio::test]
async fn an_event_whose_meaning_cannot_be_found_out_comes_again_and_those_before_it_are_sent() {
    let relay = relay(FakeQueue::default());
    relay.history.switch.failing.store(true, Ordering::Relaxed);
    let events = [event(1, "a", "1"), event(2, "b", "1"), told(3, "c", "refund", "refund", REFUND), event(4, "d", "1")];
    let relayed = run(&relay, &events).await;
    assert_eq!(relayed, BatchOutcome { retry_from: Some("3".to_owned()), ..queued(&["a#1", "b#1"]) });
}

#[tokio::test]
async fn nothing_is_looked_up_for_what_tells_its_meaning_itself() {
    let relay = relay(FakeQueue::default());
    run(&relay, &[event(1, "a", "1"), told(2, "a", "2", "order_paid", "{}")]).await;
    assert_eq!(relay.history.switch.calls(), 0);
}

#[tokio::test]
async fn an_empty_batch_is_done() {
    assert_eq!(run(&relay(FakeQueue::default()), &[]).await, BatchOutcome::default());
}
