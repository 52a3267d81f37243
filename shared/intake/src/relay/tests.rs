//! The relay's promises, one test each.

use std::sync::atomic::Ordering;

use super::*;
use crate::fakes::{FakeParking, FakeQueue};
use crate::message::MessageBody;

fn event(sequence_number: u32, subject: &str, id: &str) -> Streamed {
    sized(sequence_number, subject, id, 100)
}

fn sized(sequence_number: u32, subject: &str, id: &str, bytes: usize) -> Streamed {
    Streamed {
        sequence_number: sequence_number.to_string(),
        pk: subject.to_owned(),
        sk: id.to_owned(),
        message: Ok(Message {
            group_id: subject.to_owned(),
            deduplication_id: id.to_owned(),
            type_label: "payment".to_owned(),
            mode: "live".to_owned(),
            body: MessageBody::from("x".repeat(bytes)),
        }),
    }
}

fn unsendable(sequence_number: u32, subject: &str) -> Streamed {
    Streamed { message: Err(Unsendable::Body), ..event(sequence_number, subject, "unsendable") }
}

fn relay(queue: FakeQueue) -> Relay<FakeQueue, FakeParking> {
    Relay { queue, parking: FakeParking::default() }
}

async fn run(relay: &Relay<FakeQueue, FakeParking>, events: &[Streamed]) -> Relayed {
    relay.relay(events, || Duration::from_mins(1)).await
}

fn calls(relay: &Relay<FakeQueue, FakeParking>) -> Vec<Vec<String>> {
    relay.queue.calls.lock().unwrap().clone()
}

#[tokio::test]
async fn events_go_out_in_calls_of_ten_in_their_order() {
    let relay = relay(FakeQueue::default());
    let events: Vec<Streamed> = (0..25).map(|n| event(n, &format!("subject{n}"), &n.to_string())).collect();
    assert_eq!(run(&relay, &events).await, Relayed { queued: 25, ..Relayed::default() });
    assert_eq!(calls(&relay).iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
    assert_eq!(*relay.queue.queued.lock().unwrap(), (0..25).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn no_two_events_of_one_subject_share_a_call() {
    let relay = relay(FakeQueue::default());
    run(&relay, &[event(1, "a", "a1"), event(2, "b", "b1"), event(3, "a", "a2"), event(4, "a", "a3")]).await;
    assert_eq!(calls(&relay), [vec!["a1", "b1"], vec!["a2"], vec!["a3"]]);
}

#[tokio::test]
async fn a_call_stays_within_what_sqs_takes() {
    let relay = relay(FakeQueue::default());
    let large = 120 * 1024;
    let events: Vec<Streamed> = ["a", "b", "c"].iter().zip(1..).map(|(id, n)| sized(n, id, id, large)).collect();
    run(&relay, &events).await;
    assert_eq!(calls(&relay), [vec!["a", "b"], vec!["c"]]);
}

#[tokio::test]
async fn a_message_that_fills_a_call_goes_alone() {
    let relay = relay(FakeQueue::default());
    let events = [sized(1, "a", "a", MAX_BATCH_BYTES), event(2, "b", "b")];
    assert_eq!(run(&relay, &events).await.queued, 2);
    assert_eq!(calls(&relay), [vec!["a"], vec!["b"]]);
}

#[tokio::test]
async fn the_first_failure_ends_the_batch_and_names_itself() {
    let relay = relay(FakeQueue { failing: vec!["b1"], ..FakeQueue::default() });
    let events = [event(1, "a", "a1"), event(2, "b", "b1"), event(3, "a", "a2"), event(4, "b", "b2")];
    let relayed = run(&relay, &events).await;
    assert_eq!(relayed, Relayed { queued: 1, parked: 0, retry_from: Some("2".to_owned()) });
    assert_eq!(calls(&relay), [vec!["a1", "b1"]], "b2 must not overtake b1");
}

#[tokio::test]
async fn what_can_never_be_sent_is_parked_and_those_behind_it_go_on() {
    let relay = relay(FakeQueue { refusing: vec!["b1"], ..FakeQueue::default() });
    let events = [event(1, "a", "a1"), event(2, "b", "b1"), unsendable(3, "c"), event(4, "b", "b2")];
    assert_eq!(run(&relay, &events).await, Relayed { queued: 2, parked: 2, retry_from: None });
    assert_eq!(*relay.queue.queued.lock().unwrap(), ["a1", "b2"]);
    let parked = relay.parking.parked.lock().unwrap();
    assert_eq!(parked.iter().map(|parked| parked.pk.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    assert!(parked[0].cause.contains("fake:Call"), "{parked:?}");
}

#[tokio::test]
async fn what_cannot_even_be_parked_comes_again() {
    let relay = relay(FakeQueue::default());
    relay.parking.switch.failing.store(true, Ordering::Relaxed);
    let events = [event(1, "a", "a1"), unsendable(2, "b"), event(3, "c", "c1")];
    assert_eq!(run(&relay, &events).await.retry_from.as_deref(), Some("2"));
}

#[tokio::test]
async fn nothing_is_begun_that_lambda_would_cut_off() {
    let relay = relay(FakeQueue::default());
    let relayed = relay.relay(&[event(1, "a", "a1")], || SEND_LIMIT / 2).await;
    assert_eq!(relayed, Relayed { retry_from: Some("1".to_owned()), ..Relayed::default() });
    assert!(calls(&relay).is_empty());
}

#[tokio::test]
async fn an_empty_batch_is_done() {
    assert_eq!(run(&relay(FakeQueue::default()), &[]).await, Relayed::default());
}
