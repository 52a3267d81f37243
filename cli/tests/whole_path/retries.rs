//! Retries from Xsolla: stored once, relayed once, and answered like the first delivery.

use std::sync::Arc;

use hyper::Method;
use intake::testing::sign;
use local::StackOptions;
use xsolla::{Goods, GoodsReason};

use crate::test_stack::{SECRET, TestStack, body, options, sample, text};

#[tokio::test]
async fn retry_is_answered_like_the_first_delivery() {
    let stack = TestStack::start().await;
    for name in ["payment", "refund", "partial_refund", "order_paid-separate", "order_canceled-combined", "dispute"] {
        let first = stack.send(sample(name)).await;
        for _ in 0..3 {
            assert_eq!(stack.send(sample(name)).await, first, "{name}");
        }
    }
    // A dispute has no id, so each delivery is stored.
    assert_eq!(stack.stored().await.len(), 6 + 3);
    assert_eq!(stack.receive_all().await.len(), 6);
}

#[tokio::test]
async fn concurrent_deliveries_are_stored_once_and_relayed_once() {
    let stack = Arc::new(TestStack::start().await);
    let sends: Vec<_> = (0..64)
        .map(|_| {
            let stack = Arc::clone(&stack);
            tokio::spawn(async move { stack.send(sample("order_paid-combined")).await.status })
        })
        .collect();
    for send in sends {
        assert_eq!(send.await.unwrap(), 200);
    }
    assert_eq!(stack.stored().await.len(), 1);
    assert_eq!(stack.receive_all().await.len(), 1);
}

#[tokio::test]
async fn conflict_is_stored_beside_the_first_event_and_not_relayed() {
    let stack = TestStack::start().await;
    let first = sample("payment");
    let other = first.replace("7.99", "0.01");
    for body in [first, &other, &other, first] {
        assert_eq!(stack.send(body).await.status, 204);
    }
    let stored = stack.stored().await;
    let of_kind = |kind: &str| stored.iter().filter(|item| text(item, "kind") == kind).collect::<Vec<_>>();
    let (events, conflicts) = (of_kind("event"), of_kind("conflict"));
    assert_eq!((events.len(), conflicts.len()), (1, 1));
    assert_eq!((body(events[0]), body(conflicts[0])), (first.as_bytes(), other.as_bytes()));
    assert_eq!(text(conflicts[0], "pk"), text(events[0], "pk"), "one query returns both");
    let messages = stack.receive_all().await;
    assert_eq!(messages.iter().map(|message| message.notification.get()).collect::<Vec<_>>(), [first.trim_end()]);
}

#[tokio::test]
async fn payment_and_refund_with_the_same_id_are_two_events() {
    let stack = TestStack::start().await;
    stack.send(sample("payment")).await;
    stack.send(sample("refund")).await;
    assert_eq!(stack.receive_all().await.len(), 2);
}

#[tokio::test]
async fn partial_refunds_of_one_payment_differ_by_date_and_amount() {
    let stack = TestStack::start().await;
    let first = sample("partial_refund");
    let second = first.replace(r#""code": "#, r#""code":  "#);
    assert_ne!(first, second);
    stack.send(first).await;
    assert_eq!(stack.send(&second).await.status, 204);
    let on_another_day = first.replace("2026-", "2027-");
    stack.send(&on_another_day).await;
    assert_eq!(stack.receive_all().await.len(), 2, "formatting does not make a new event");
    assert_eq!(stack.stored_kinds().await.iter().filter(|kind| *kind == "conflict").count(), 1);
}

#[tokio::test]
async fn same_bytes_of_a_state_are_a_retry_until_a_later_state_arrives() {
    let stack = TestStack::start().await;
    let may = sample("update_subscription");
    let june = may.replace("2026-05-02", "2026-06-02");
    let sent = [may, may, &june, may, may];
    for body in sent {
        assert_eq!(stack.send(body).await.status, 204);
    }
    let messages = stack.receive_all().await;
    let relayed: Vec<&str> = messages.iter().map(|message| message.notification.get()).collect();
    assert_eq!(relayed, [may, &june, may].map(str::trim_end));

    let mut stored = stack.table().items_of_subject("subscription#31").await.unwrap();
    stored.sort_by_key(|item| text(item, "received_at"));
    let first = text(&stored[0], "sk");
    for item in [&stored[1], &stored[3], &stored[4]] {
        assert_eq!(text(item, "sk"), format!("{first}#again#{}", text(item, "received_at")));
    }
    assert!(stored.iter().all(|item| item.contains_key("decided_at")), "skipping a retry is a decision, too");
    let is_skipped: Vec<bool> = stored.iter().map(|item| item.contains_key("goods_reason")).collect();
    assert_eq!(is_skipped, [false, true, false, false, true]);
    assert_eq!(messages[2].event_id, format!("subscription#31#{}", text(&stored[3], "sk")));
}

#[tokio::test]
async fn identical_partial_refund_without_a_date_is_reported_as_a_possible_retry() {
    let stack = TestStack::start().await;
    let partial = r#"{"notification_type":"partial_refund","transaction":{"id":7},"purchase":{"total":{"amount":5}}}"#;
    for _ in 0..2 {
        assert_eq!(stack.send(partial).await.status, 204);
    }
    let messages = stack.receive_all().await;
    let effects: Vec<_> = messages.iter().map(|message| (message.goods, message.goods_reason)).collect();
    assert_eq!(effects, [(Goods::PartialRevoke, None), (Goods::Info, Some(GoodsReason::PossibleRetry))]);
    assert_ne!(messages[0].event_id, messages[1].event_id);
}

#[tokio::test]
async fn accepts_a_signature_of_any_secret() {
    let secrets = r#"["current","test_secret"]"#.parse::<xsolla::Secrets>().unwrap();
    let stack = TestStack::start_with(StackOptions { secrets, ..options() }).await;
    let payment = sample("payment").as_bytes();
    for secret in ["current", SECRET] {
        let answer = stack.request(Method::POST, "/webhooks", &[&sign(payment, secret)], payment).await;
        assert_eq!(answer.status, 204, "{secret}");
    }
    assert_eq!(stack.send(sample("refund")).await.status, 204);
    let stored = stack.stored().await;
    let secret =
        |kind: &str| stored.iter().find(|item| text(item, "type") == kind).unwrap()["secret_index"].as_n().unwrap();
    assert_eq!((secret("payment").as_str(), secret("refund").as_str()), ("0", "1"));
}

#[tokio::test]
async fn table_on_disk_survives_a_restart() {
    let directory = std::env::temp_dir().join(format!("xsolla-webhooks-test-{}", std::process::id()));
    let on_disk = || StackOptions { data: Some(directory.clone()), ..options() };
    {
        let stack = TestStack::start_with(on_disk()).await;
        assert_eq!(stack.send(sample("payment")).await.status, 204);
        assert_eq!(stack.receive_all().await.len(), 1);
    }
    let stack = TestStack::start_with(on_disk()).await;
    assert_eq!(stack.send(sample("payment")).await.status, 204);
    assert_eq!(
        stack.stored().await.iter().filter(|item| text(item, "type") == "payment").count(),
        2,
        "with the marker of `receive_all`"
    );
    drop(stack);
    std::fs::remove_dir_all(directory).unwrap();
}
