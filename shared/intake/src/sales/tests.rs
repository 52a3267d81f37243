//! Sales for display, from stored events and their decisions.

use rstest::rstest;
use xsolla::EventId;

use super::*;

const STATE: &str = r#"{"subscription":{"subscription_id":9,"date_next_charge":"2026-03-01"}}"#;
const ORDER: &str = r#"{"order":{"id":5,"invoice_id":"7"}}"#;
const RETRY: Option<GoodsReason> = Some(GoodsReason::PossibleRetry);

/// Returns an event received at this time, with the type that the rest of its id begins with.
fn stored(subject: &str, rest: &str, received_at: &str, body: &str) -> StoredEvent {
    StoredEvent {
        event_id: EventId::new(subject.to_owned(), rest.to_owned()),
        type_name: rest.split('#').next().unwrap().to_owned(),
        order_id: None,
        user_id: None,
        project_id: None,
        mode: Mode::Live,
        identified: true,
        received_at: received_at.to_owned(),
        trace: None,
        body: body.as_bytes().to_vec(),
        decision: None,
    }
}

fn decided(event: StoredEvent, goods: Goods, reason: Option<GoodsReason>, decided_at: &str) -> StoredEvent {
    let decision = Decision { goods, reason, mode: Mode::Live };
    StoredEvent { decision: Some(StoredDecision { decision, decided_at: decided_at.parse().unwrap() }), ..event }
}

#[test]
fn skipped_retry_in_a_decided_sale_does_not_extend_the_time_for_retries() {
    let state = |rest, received_at| stored("subscription#9", rest, received_at, STATE);
    let (day_1, day_2) = ("2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z");
    let first = decided(state("update_subscription#a", day_1), Goods::SubscriptionChanged, None, day_1);
    let skipped = decided(state("update_subscription#a#again#1", day_2), Goods::Info, RETRY, day_2);
    let sale = decided_sale([&first, &skipped]);
    for (received_at, expected) in [("2026-11-24T00:00:00Z", true), ("2026-11-25T00:00:00Z", false)] {
        let next = sale_event(&state("update_subscription#a#again#2", received_at)).unwrap();
        assert_eq!(sale.is_retry(&next), expected, "{received_at}");
    }
}

#[test]
fn decided_sale_has_the_order_of_the_decisions_without_undecided_events() {
    let order = |rest| stored("transaction#7", rest, "2026-11-22T00:00:00Z", ORDER);
    let canceled = decided(order("order_canceled#5"), Goods::Revoke, None, "2026-11-22T00:00:02Z");
    let paid = decided(order("order_paid#5"), Goods::Grant, None, "2026-11-22T00:00:01Z");
    let is_held = |events: &[&StoredEvent]| decided_sale(events.iter().copied()).state(Mode::Live).unwrap().is_held;
    assert!(is_held(&[&paid]));
    assert!(is_held(&[&paid, &order("order_canceled#5")]), "the cancellation is not decided");
    assert!(!is_held(&[&canceled, &paid]), "the cancellation was decided last");
}

#[rstest]
#[case::retry("update_subscription#a", RETRY, true)]
#[case::partial_refund("partial_refund#a", RETRY, false)]
#[case::other_reason("update_subscription#a", Some(GoodsReason::SubscriptionEnded), false)]
#[case::no_reason("update_subscription#a", None, false)]
fn only_a_certain_retry_is_skipped(#[case] rest: &str, #[case] reason: Option<GoodsReason>, #[case] expected: bool) {
    let event = stored("subscription#9", rest, "2026-11-22T00:00:00Z", STATE);
    assert!(!is_skipped(&event), "not decided");
    assert_eq!(is_skipped(&decided(event, Goods::Info, reason, "2026-11-22T00:00:00Z")), expected);
}
