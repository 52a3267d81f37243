//! The command `replay`: sends stored events again.

use cli::replay::{ReplayResult, Selection};
use cli::table::EventFilter;
use jiff::Timestamp;
use xsolla::{Goods, GoodsReason};

use crate::test_stack::{Message, TestStack, event_id, sample, text};

fn subject() -> Selection {
    Selection::Subject("transaction#2298114507".to_owned())
}

/// A stack with a sale, and the messages of its events.
async fn sale() -> (TestStack, Vec<Message>) {
    let stack = TestStack::start().await;
    let changed = sample("payment").replace("7.99", "79.90");
    for body in [sample("payment"), sample("order_paid-separate"), sample("refund"), &changed] {
        assert!(stack.send(body).await.status < 300);
    }
    let messages = stack.receive_all().await;
    assert_eq!(types(&messages), ["payment", "order_paid", "refund"]);
    (stack, messages)
}

fn types(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.r#type.as_str()).collect()
}

#[tokio::test]
async fn replayed_messages_differ_only_in_the_field_replay() {
    let stack = TestStack::start().await;
    let changed = sample("payment").replace("7.99", "79.90");
    for body in [sample("payment"), sample("order_paid-separate"), sample("dispute"), &changed] {
        assert!(stack.send(body).await.status < 300);
    }
    let first = stack.receive_all().await;
    let replay = stack.replay();
    let plan = replay.plan(subject()).await.unwrap();
    let all = ReplayResult { queued: 3, ..ReplayResult::default() };
    assert_eq!(replay.send(&plan, "run 1").await.unwrap(), all, "the conflict is not sent");

    let second = stack.receive_all().await;
    for (first, second) in first.iter().zip(&second) {
        assert!(!first.replay && second.replay);
        assert_eq!(second.text, first.text.replacen(r#""replay":false"#, r#""replay":true"#, 1));
        assert_eq!((&second.group_id, &second.attributes), (&first.group_id, &first.attributes));
        assert_ne!(second.deduplication_id, first.deduplication_id);
    }
    assert_eq!(types(&second), ["payment", "order_paid", "dispute"]);

    replay.send(&plan, "run 1").await.unwrap();
    assert!(stack.receive_all().await.is_empty(), "SQS drops the repetition of a run");
    replay.send(&plan, "run 2").await.unwrap();
    assert_eq!(stack.receive_all().await.len(), 3);
}

#[tokio::test]
async fn conflict_is_replayed_only_by_its_event_id() {
    let (stack, _) = sale().await;
    let replay = stack.replay();
    let stored = stack.stored().await;
    let conflict = stored.iter().find(|item| text(item, "kind") == "conflict").unwrap();
    let conflict = event_id(conflict);
    let plan = replay.plan(Selection::Event(conflict.clone())).await.unwrap();
    assert_eq!(replay.send(&plan, "run").await.unwrap().queued, 1);
    let messages = stack.receive_all().await;
    assert_eq!(messages[0].event_id, conflict.to_string(), "the event id differs from that of the first event");
    assert!(messages[0].notification.get().contains("79.90"));
}

fn effects(messages: &[Message]) -> Vec<(Goods, Option<GoodsReason>)> {
    messages.iter().map(|message| (message.goods, message.goods_reason)).collect()
}

#[tokio::test]
async fn conflict_of_a_granted_sale_grants_nothing() {
    let stack = TestStack::start().await;
    let paid = sample("order_paid-separate");
    for body in [paid, &paid.replace("lantern-brass", "lantern-gold")] {
        assert_eq!(stack.send(body).await.status, 200);
    }
    stack.receive_all().await;
    let stored = stack.stored().await;
    let conflict = event_id(stored.iter().find(|item| text(item, "kind") == "conflict").unwrap());
    for run in ["first", "second"] {
        let replay = stack.replay();
        let plan = replay.plan(Selection::Event(conflict.clone())).await.unwrap();
        let preview = replay.preview(&plan).await.unwrap().text();
        assert!(preview.contains("order_paid  live  info (already_granted)  transaction#"), "{preview}");
        assert_eq!(replay.send(&plan, run).await.unwrap().queued, 1);
        assert_eq!(effects(&stack.receive_all().await), [(Goods::Info, Some(GoodsReason::AlreadyGranted))]);
    }
    let (_, shown) = stack.run(&["show", "2298114507"]).await;
    assert!(shown.contains("order_paid  conflict, replayed, goods: info (already_granted)\n"), "{shown}");
}

#[tokio::test]
async fn order_of_a_canceled_sale_is_not_granted_again() {
    let stack = TestStack::start().await;
    for name in ["order_paid-separate", "order_canceled-separate"] {
        assert_eq!(stack.send(sample(name)).await.status, 200);
    }
    assert_eq!(effects(&stack.receive_all().await), [(Goods::Grant, None), (Goods::Revoke, None)]);
    let (_, printed) = stack.run(&["replay", "--subject", "transaction#2298114507", "--dry-run"]).await;
    assert!(printed.contains("order_paid      live  info (already_revoked)  transaction#"), "{printed}");
    assert!(printed.contains("order_canceled  live  revoke                  transaction#"), "{printed}");
    let replay = stack.replay();
    replay.send(&replay.plan(subject()).await.unwrap(), "run").await.unwrap();
    let expected = [(Goods::Info, Some(GoodsReason::AlreadyRevoked)), (Goods::Revoke, None)];
    assert_eq!(effects(&stack.receive_all().await), expected);
}

/// Lambda gives up on a batch after a day. Its events have no decisions.
#[tokio::test]
async fn events_that_were_never_relayed_are_decided_in_order() {
    let stack = TestStack::start().await;
    for name in ["order_canceled-separate", "order_paid-separate"] {
        assert_eq!(stack.send(sample(name)).await.status, 200);
    }
    let relayed = effects(&stack.receive_all().await);
    assert_eq!(relayed, [(Goods::Revoke, None), (Goods::Info, Some(GoodsReason::AlreadyRevoked))]);
    for item in stack.stored().await {
        stack.remove_decision(&event_id(&item)).await;
    }
    let replay = stack.replay();
    let plan = replay.plan(subject()).await.unwrap();
    replay.preview(&plan).await.unwrap();
    let undecided = stack.table().items_of_subject("transaction#2298114507").await.unwrap();
    assert!(undecided.iter().all(|item| !item.contains_key("goods")), "a preview stores nothing");
    for run in ["first", "second"] {
        replay.send(&plan, run).await.unwrap();
        assert_eq!(effects(&stack.receive_all().await), relayed);
    }
}

#[tokio::test]
async fn retry_from_xsolla_is_skipped_and_counted() {
    let stack = TestStack::start().await;
    let update = sample("update_subscription");
    for body in [update, update, &update.replace("2026-05-02", "2026-06-02")] {
        assert_eq!(stack.send(body).await.status, 204);
    }
    assert_eq!(stack.receive_all().await.len(), 2);
    let subject = ["replay", "--subject", "subscription#31"];
    let (_, printed) = stack.run(&[&subject[..], &["--dry-run"]].concat()).await;
    assert_eq!(printed.matches("not sent: Xsolla's retry of an earlier event").count(), 1, "{printed}");
    let (succeeded, printed) = stack.run(&subject).await;
    assert!(succeeded && printed.starts_with("  Queued 2 of 3 events"), "{printed}");
    assert!(printed.ends_with(". Skipped 1 retry of Xsolla.\n"), "{printed}");
    assert_eq!(types(&stack.receive_all().await), ["update_subscription"; 2]);
}

#[tokio::test]
async fn replay_of_the_first_event_of_an_order_has_the_same_group() {
    let stack = TestStack::start().await;
    let paid =
        |invoice: &str| format!(r#"{{"notification_type":"order_paid","order":{{"id":5,"invoice_id":{invoice}}}}}"#);
    for invoice in ["null", "7"] {
        assert_eq!(stack.send(paid(invoice)).await.status, 200);
    }
    let groups = |messages: &[Message]| messages.iter().map(|message| message.group_id.clone()).collect::<Vec<_>>();
    assert_eq!(groups(&stack.receive_all().await), ["order#5"; 2]);
    let replay = stack.replay();
    for subject in ["order#5", "transaction#7"] {
        let plan = replay.plan(Selection::Subject(subject.to_owned())).await.unwrap();
        replay.send(&plan, "run").await.unwrap();
        assert_eq!(groups(&stack.receive_all().await), ["order#5"], "{subject}");
    }
}

#[tokio::test]
async fn range_selects_events_by_time_and_type_in_order() {
    let (stack, first) = sale().await;
    let replay = stack.replay();
    let time = |message: &Message| Some(message.received_at.parse::<Timestamp>().unwrap());
    let (from, to) = (time(&first[1]), time(&first[2]));
    let stored = stack.stored().await.len();
    for (range, expected) in [
        (EventFilter { from, to, type_name: None }, vec!["order_paid", "refund"]),
        (EventFilter { from, to, type_name: Some("refund".to_owned()) }, vec!["refund"]),
        (EventFilter { from: None, to: from, type_name: None }, vec!["payment", "order_paid"]),
        (EventFilter { type_name: Some("order_paid".to_owned()), ..EventFilter::default() }, vec!["order_paid"]),
    ] {
        let plan = replay.plan(Selection::Filter(range.clone())).await.unwrap();
        assert!(plan.needs_confirmation());
        assert_eq!(plan.len(), expected.len(), "{range:?}");
        let preview = replay.preview(&plan).await.unwrap().text();
        let previewed: Vec<&str> =
            preview.lines().skip(1).map(|line| line.split_whitespace().nth(1).unwrap()).collect();
        assert_eq!(previewed, expected, "{range:?}");
    }
    assert!(stack.receive_all().await.is_empty(), "a preview sends nothing");

    let range = EventFilter { from, to, type_name: None };
    let plan = replay.plan(Selection::Filter(range)).await.unwrap();
    assert!(plan.summary().starts_with("2 events, received from "), "{}", plan.summary());
    assert!(plan.summary().ends_with(&format!("(scanned {} items)", stored + 1)), "{}", plan.summary());
    replay.send(&plan, "run").await.unwrap();
    assert_eq!(types(&stack.receive_all().await), ["order_paid", "refund"]);
}

#[tokio::test]
async fn spans_select_the_events_within_each_of_them() {
    let (stack, first) = sale().await;
    let replay = stack.replay();
    let at = |message: &Message| message.received_at.parse::<Timestamp>().unwrap();
    let span = |message: &Message| (at(message), at(message));
    for (spans, expected) in [(vec![span(&first[0]), span(&first[2])], vec!["payment", "refund"]), (vec![], vec![])] {
        let plan = replay.plan(Selection::Spans(spans)).await.unwrap();
        replay.send(&plan, "run").await.unwrap();
        assert_eq!(types(&stack.receive_all().await), expected);
    }
}

#[tokio::test]
async fn first_failure_stops_the_run_and_reports_how_to_continue() {
    let (stack, first) = sale().await;
    let replay = stack.replay_to(stack.emulator.queues.events.replace("events", "missing"));
    let range = EventFilter { type_name: Some("refund".to_owned()), ..EventFilter::default() };
    let plan = replay.plan(Selection::Filter(range)).await.unwrap();
    let stopped = replay.send(&plan, "run").await.unwrap_err().to_string();
    let received_at = &first[2].received_at;
    assert!(stopped.starts_with("stopped at transaction#2298114507#refund after queueing 0 of 1: sqs:"), "{stopped}");
    let advice =
        format!("To continue, run: xsolla-webhooks replay --from {received_at} --to {received_at} --type refund");
    assert!(stopped.ends_with(&advice), "{stopped}");
}

#[tokio::test]
async fn unreadable_event_is_reported_and_skipped() {
    let stack = TestStack::start().await;
    stack.send("[]").await;
    let unreadable = &stack.stored().await[0];
    let unreadable = event_id(unreadable);
    let replay = stack.replay();
    let plan = replay.plan(Selection::Event(unreadable.clone())).await.unwrap();
    let replayed = replay.send(&plan, "run").await.unwrap();
    assert_eq!(replayed.queued, 0);
    assert_eq!(replayed.rejected, [format!("{unreadable}: the item has no valid attribute `type`")]);
}

#[tokio::test]
async fn command_requires_confirmation_for_a_range_except_for_a_dry_run() {
    let (stack, _) = sale().await;
    let (succeeded, printed) = stack.run(&["replay", "--type", "order_paid"]).await;
    assert!(!succeeded && printed.ends_with("pass --yes\n"), "{printed}");
    let (succeeded, printed) = stack.run(&["replay", "--type", "order_paid", "--dry-run"]).await;
    assert!(succeeded && printed.contains("order_paid  live  info (already_revoked)"), "{printed}");
    assert!(stack.receive_all().await.is_empty());

    let (succeeded, printed) = stack.run(&["replay", "--type", "order_paid", "--yes"]).await;
    assert!(succeeded && printed.starts_with("  Queued 1 of 1 event"), "{printed}");
    let (succeeded, printed) = stack.run(&["replay", "--subject", "transaction#2298114507"]).await;
    assert!(succeeded && printed.starts_with("  Queued 3 of 3 events"), "{printed}");
    assert_eq!(types(&stack.receive_all().await), ["order_paid", "payment", "order_paid", "refund"]);

    let (succeeded, printed) = stack.run(&["replay", "--subject", "transaction#0"]).await;
    assert!(!succeeded && printed == "error: nothing to send: 0 events\n", "{printed}");
}

#[tokio::test]
async fn selects_what_show_selects() {
    let (stack, _) = sale().await;
    stack.send(sample("order_paid-free")).await;
    stack.receive_all().await;
    for (arguments, expected) in [
        (&["2298114507"][..], 3),
        (&["712045518"], 3),
        (&["transaction#2298114507"], 3),
        (&["transaction#2298114507#refund"], 1),
        (&["--user", "isle-4471", "--yes"], 3),
    ] {
        let (succeeded, printed) = stack.run(&[&["replay"], arguments].concat()).await;
        assert!(succeeded, "{printed}");
        assert_eq!(stack.receive_all().await.len(), expected, "{arguments:?}: {printed}");
    }
    let (succeeded, printed) = stack.run(&["replay", "--user", "isle-4471"]).await;
    assert!(!succeeded && printed.ends_with("pass --yes\n"), "{printed}");
    let (_, printed) = stack.run(&["replay", "--from", "2020-01-01", "--to", "2020-01-02", "--dry-run"]).await;
    assert!(printed.starts_with("error: nothing to send: 0 events"), "{printed}");
}

#[tokio::test]
async fn dry_run_counts_what_would_be_sent() {
    let stack = TestStack::start().await;
    let update = sample("update_subscription");
    for body in [update, update] {
        assert_eq!(stack.send(body).await.status, 204);
    }
    stack.receive_all().await;
    let (succeeded, printed) = stack.run(&["replay", "subscription#31", "--dry-run"]).await;
    assert!(succeeded && printed.contains("  Would send 1 of 2 events, received from "), "{printed}");
    assert!(printed.ends_with("; not sent: 1 retry of Xsolla.\n"), "{printed}");
    let (_, printed) = stack.run(&["replay", "subscription#31"]).await;
    assert!(printed.starts_with("  Queued 1 of 2 events"), "{printed}");
}
