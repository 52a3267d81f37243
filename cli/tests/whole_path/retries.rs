//! Xsolla sends again: kept once, queued once, answered as the first time.

use hyper::Method;
use xsolla::sign;

use crate::world::{SECRET, World, body, options, sample, text};

#[tokio::test]
async fn a_retry_is_answered_as_the_first_time() {
    let world = World::start().await;
    for name in ["payment", "refund", "partial_refund", "order_paid-separate", "order_canceled-combined", "dispute"] {
        let first = world.send(sample(name)).await;
        for _ in 0..3 {
            assert_eq!(world.send(sample(name)).await, first, "{name}");
        }
    }
    assert_eq!(world.kept().await.len(), 6);
    assert_eq!(world.queued().await.len(), 6);
}

#[tokio::test]
async fn of_64_at_once_one_is_kept_and_one_is_queued() {
    let world = std::sync::Arc::new(World::start().await);
    let sends: Vec<_> = (0..64)
        .map(|_| {
            let world = std::sync::Arc::clone(&world);
            tokio::spawn(async move { world.send(sample("order_paid-combined")).await.status })
        })
        .collect();
    for send in sends {
        assert_eq!(send.await.unwrap(), 200);
    }
    assert_eq!(world.kept().await.len(), 1);
    assert_eq!(world.queued().await.len(), 1);
}

#[tokio::test]
async fn other_content_under_a_taken_key_stays_in_the_table() {
    let world = World::start().await;
    let first = sample("payment");
    let other = first.replace("7.99", "0.01");
    for body in [first, &other, &other, first] {
        assert_eq!(world.send(body).await.status, 204);
    }
    let kept = world.kept().await;
    let of_kind = |kind: &str| kept.iter().filter(|item| text(item, "kind") == kind).collect::<Vec<_>>();
    let (events, conflicts) = (of_kind("event"), of_kind("conflict"));
    assert_eq!((events.len(), conflicts.len()), (1, 1));
    assert_eq!((body(events[0]), body(conflicts[0])), (first.as_bytes(), other.as_bytes()));
    assert_eq!(text(conflicts[0], "pk"), text(events[0], "pk"), "one Query shows both");
    let queued = world.queued().await;
    assert_eq!(queued.iter().map(|message| message.notification.get()).collect::<Vec<_>>(), [first.trim_end()]);
}

#[tokio::test]
async fn a_payment_and_its_refund_are_two_events_though_they_share_an_id() {
    let world = World::start().await;
    world.send(sample("payment")).await;
    world.send(sample("refund")).await;
    assert_eq!(world.queued().await.len(), 2);
}

#[tokio::test]
async fn two_partial_refunds_of_one_payment_are_two_events() {
    let world = World::start().await;
    let first = sample("partial_refund");
    let second = first.replace(r#""code": "#, r#""code":  "#);
    assert_ne!(first, second);
    world.send(first).await;
    assert_eq!(world.send(&second).await.status, 204);
    let of_another_day = first.replace("2026-", "2027-");
    world.send(&of_another_day).await;
    assert_eq!(world.queued().await.len(), 2, "told apart by date and amount, not by the body's looks");
    assert_eq!(world.kept_kinds().await.iter().filter(|kind| *kind == "conflict").count(), 1);
}

#[tokio::test]
async fn any_of_several_secrets_may_have_signed() {
    let secrets = r#"["current","test_secret"]"#.parse::<xsolla::Secrets>().unwrap();
    let world = World::start_with(local::StackOptions { secrets, ..options() }).await;
    let payment = sample("payment").as_bytes();
    for secret in ["current", SECRET] {
        let answer = world.request(Method::POST, "/webhooks", &[&sign(payment, secret)], payment).await;
        assert_eq!(answer.status, 204, "{secret}");
    }
    assert_eq!(world.send(sample("refund")).await.status, 204);
    let kept = world.kept().await;
    let secret =
        |kind: &str| kept.iter().find(|item| text(item, "type") == kind).unwrap()["secret_index"].as_n().unwrap();
    assert_eq!((secret("payment").as_str(), secret("refund").as_str()), ("0", "1"));
}

#[tokio::test]
async fn a_table_on_disk_remembers_over_a_restart() {
    let directory = std::env::temp_dir().join(format!("xsolla-webhooks-test-{}", std::process::id()));
    let on_disk = || local::StackOptions { data: Some(directory.clone()), ..options() };
    {
        let world = World::start_with(on_disk()).await;
        assert_eq!(world.send(sample("payment")).await.status, 204);
        assert_eq!(world.queued().await.len(), 1);
    }
    let world = World::start_with(on_disk()).await;
    assert_eq!(world.send(sample("payment")).await.status, 204);
    assert_eq!(
        world.kept().await.iter().filter(|item| text(item, "type") == "payment").count(),
        2,
        "with the last one"
    );
    drop(world);
    std::fs::remove_dir_all(directory).unwrap();
}
