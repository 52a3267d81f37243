//! Events that are queued once more by a person.

use cli::replay::{Replay, ReplayResult, Selection};
use cli::table::EventFilter;
use jiff::Timestamp;
use xsolla::{EventId, PaymentWithoutOrder};

use crate::world::{Message, World, sample, text};

fn replay(world: &World) -> Replay {
    replay_to(world, world.stack.queues.events.clone())
}

fn replay_to(world: &World, queue_url: String) -> Replay {
    Replay::new(world.table(), world.stack.sqs.clone(), queue_url, PaymentWithoutOrder::MoneyOnly)
}

fn subject() -> Selection {
    Selection::Subject("transaction#2298114507".to_owned())
}

/// A sale, and what has come of it to the queue.
async fn sale() -> (World, Vec<Message>) {
    let world = World::start().await;
    let changed = sample("payment").replace("7.99", "79.90");
    for body in [sample("payment"), sample("order_paid-separate"), sample("refund"), &changed] {
        assert!(world.send(body).await.status < 300);
    }
    let queued = world.queued().await;
    assert_eq!(types(&queued), ["payment", "order_paid", "refund"]);
    (world, queued)
}

fn types(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.r#type.as_str()).collect()
}

#[tokio::test]
async fn a_subject_comes_again_as_it_came_but_for_the_mark() {
    let (world, first) = sale().await;
    let replay = replay(&world);
    let plan = replay.plan(subject()).await.unwrap();
    let all = ReplayResult { queued: 3, rejected: Vec::new() };
    assert_eq!(replay.send(&plan, "run 1").await.unwrap(), all, "the conflict is left out");

    let second = world.queued().await;
    for (first, second) in first.iter().zip(&second) {
        assert!(!first.replay && second.replay);
        assert_eq!(second.text, first.text.replacen(r#""replay":false"#, r#""replay":true"#, 1));
        assert_eq!((&second.group_id, &second.attributes), (&first.group_id, &first.attributes));
        assert_ne!(second.deduplication_id, first.deduplication_id);
    }
    assert_eq!(types(&second), ["payment", "order_paid", "refund"]);

    replay.send(&plan, "run 1").await.unwrap();
    assert!(world.queued().await.is_empty(), "one run is queued once");
    replay.send(&plan, "run 2").await.unwrap();
    assert_eq!(world.queued().await.len(), 3);
}

#[tokio::test]
async fn a_conflict_comes_only_if_it_is_named() {
    let (world, _) = sale().await;
    let replay = replay(&world);
    let kept = world.kept().await;
    let conflict = kept.iter().find(|item| text(item, "kind") == "conflict").unwrap();
    let conflict = EventId::new(text(conflict, "pk"), text(conflict, "sk"));
    let plan = replay.plan(Selection::Event(conflict.clone())).await.unwrap();
    assert_eq!(replay.send(&plan, "run").await.unwrap().queued, 1);
    let queued = world.queued().await;
    assert_eq!(queued[0].event_id, conflict.to_string(), "the game has not applied it");
    assert!(queued[0].notification.get().contains("79.90"));
}

#[tokio::test]
async fn a_range_is_what_was_received_in_it_in_that_order() {
    let (world, first) = sale().await;
    let replay = replay(&world);
    let time = |message: &Message| Some(message.received_at.parse::<Timestamp>().unwrap());
    let (from, to) = (time(&first[1]), time(&first[2]));
    let kept = world.kept().await.len();
    for (range, expected) in [
        (EventFilter { from, to, type_name: None }, vec!["order_paid", "refund"]),
        (EventFilter { from, to, type_name: Some("refund".to_owned()) }, vec!["refund"]),
        (EventFilter { from: None, to: from, type_name: None }, vec!["payment", "order_paid"]),
        (EventFilter { type_name: Some("order_paid".to_owned()), ..EventFilter::default() }, vec!["order_paid"]),
    ] {
        let plan = replay.plan(Selection::Filter(range.clone())).await.unwrap();
        assert!(plan.needs_confirmation());
        assert_eq!(plan.len(), expected.len(), "{range:?}");
        let preview = replay.preview(&plan).await.unwrap();
        let previewed: Vec<&str> =
            preview.lines().skip(1).map(|line| line.split_whitespace().nth(1).unwrap()).collect();
        assert_eq!(previewed, expected, "{range:?}");
    }
    assert!(world.queued().await.is_empty(), "nothing was sent");

    let range = EventFilter { from, to, type_name: None };
    let plan = replay.plan(Selection::Filter(range)).await.unwrap();
    assert!(plan.summary().starts_with("2 events, received from "), "{}", plan.summary());
    assert!(plan.summary().ends_with(&format!("(scanned {} items)", kept + 1)), "{}", plan.summary());
    replay.send(&plan, "run").await.unwrap();
    assert_eq!(types(&world.queued().await), ["order_paid", "refund"]);
}

#[tokio::test]
async fn the_first_failure_ends_it_and_tells_where_to_go_on() {
    let (world, first) = sale().await;
    let replay = replay_to(&world, world.stack.queues.events.replace("events", "gone"));
    let range = EventFilter { type_name: Some("refund".to_owned()), ..EventFilter::default() };
    let plan = replay.plan(Selection::Filter(range)).await.unwrap();
    let stopped = replay.send(&plan, "run").await.unwrap_err().to_string();
    let received_at = &first[2].received_at;
    assert!(stopped.starts_with("stopped at transaction#2298114507#refund after queueing 0 of 1: sqs:"), "{stopped}");
    let go_on =
        format!("To continue, run: xsolla-webhooks replay --from {received_at} --to {received_at} --type refund");
    assert!(stopped.ends_with(&go_on), "{stopped}");
}

#[tokio::test]
async fn what_can_never_be_sent_is_told_and_passed_over() {
    let world = World::start().await;
    world.send("[]").await;
    let unreadable = &world.kept().await[0];
    let unreadable = EventId::new(text(unreadable, "pk"), text(unreadable, "sk"));
    let replay = replay(&world);
    let plan = replay.plan(Selection::Event(unreadable.clone())).await.unwrap();
    let replayed = replay.send(&plan, "run").await.unwrap();
    assert_eq!(replayed.queued, 0);
    assert_eq!(replayed.rejected, [format!("{unreadable}: the item has no valid attribute `type`")]);
}

#[tokio::test]
async fn the_command_wants_a_yes_for_a_range_and_none_to_show_what_it_would_do() {
    let (world, _) = sale().await;
    let (succeeded, printed) = world.run(&["replay", "--type", "order_paid"]).await;
    assert!(!succeeded && printed.ends_with("pass --yes\n"), "{printed}");
    let (succeeded, printed) = world.run(&["replay", "--type", "order_paid", "--dry-run"]).await;
    assert!(succeeded && printed.contains("order_paid  live  grant"), "{printed}");
    assert!(world.queued().await.is_empty());

    let (succeeded, printed) = world.run(&["replay", "--type", "order_paid", "--yes"]).await;
    assert!(succeeded && printed.starts_with("  Queued 1 of 1 event"), "{printed}");
    let (succeeded, printed) = world.run(&["replay", "--subject", "transaction#2298114507"]).await;
    assert!(succeeded && printed == "  Queued 3 of 3 events".to_owned() + &printed[22..], "{printed}");
    assert_eq!(types(&world.queued().await), ["order_paid", "payment", "order_paid", "refund"]);

    let (succeeded, printed) = world.run(&["replay", "--subject", "transaction#0"]).await;
    assert!(!succeeded && printed == "error: nothing to send: 0 events\n", "{printed}");
}
