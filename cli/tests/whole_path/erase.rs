//! A user who is erased on request, and what accounting has of the sales then.

use aws_sdk_dynamodb::types::AttributeValue;
use cli::erase::Erasure;
use cli::replay::{Replay, Selection};
use cli::show::{Bodies, Query, find};
use jiff::Timestamp;
use xsolla::{EventId, PaymentWithoutOrder};

use crate::world::{Item, World, body, sample, text};

const USER: &str = "isle-4471";
/// A sale of one user, its events and a conflict.
const OF_USER: usize = 5;

/// That sale, an event of it that names nobody, one that names somebody else, and a sale of another user.
async fn sales() -> World {
    let world = World::start().await;
    let nobody = r#"{"notification_type":"ps_declined","transaction":{"id":2298114507},"new":"mira@example.com"}"#;
    let other = r#"{"notification_type":"afs_reject","transaction":{"id":2298114507},"user":{"id":"isle-7"}}"#;
    let changed = sample("payment").replace("7.99", "79.90");
    let sale = ["payment", "order_paid-separate", "refund", "order_canceled-separate"].map(sample);
    for body in sale.into_iter().chain([nobody, other, changed.as_str(), sample("create_subscription")]) {
        assert!(world.send(body).await.status < 300);
    }
    assert_eq!(world.queued().await.len(), 7);
    world
}

async fn plan(world: &World) -> Erasure {
    Erasure::plan(world.table(), USER).await.unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

/// All that is kept of the sale.
async fn of_sale(world: &World) -> Vec<Item> {
    world.table().items_of_subject("transaction#2298114507").await.unwrap()
}

/// What each event of the sale means for the goods.
async fn meanings(world: &World) -> Vec<String> {
    let sought = Query::Id("2298114507".to_owned());
    let found = find(&world.table(), &sought, Some(PaymentWithoutOrder::MoneyOnly)).await.unwrap();
    let heads = |line: &&str| line.contains("goods: ") || line.contains("conflict, ");
    found.render(Bodies::Hidden).lines().filter(heads).map(str::to_owned).collect()
}

#[tokio::test]
async fn nothing_tells_of_the_user_and_all_tells_of_the_sale() {
    let world = sales().await;
    let (before, meant) = (of_sale(&world).await, meanings(&world).await);
    let plan = plan(&world).await;
    assert_eq!(plan.summary(), "6 records, including 1 of the same sales without a user id");
    assert_eq!(plan.exclusions(), format!("  not erased: {} belongs to another user\n", id_of(&before, "afs_reject")));
    assert_eq!(plan.erase(now()).await.unwrap(), OF_USER + 1);

    let after = of_sale(&world).await;
    for (before, after) in before.iter().zip(&after) {
        if text(before, "type") == "afs_reject" {
            assert_eq!(before, after);
            continue;
        }
        let mut expected = before.clone();
        expected.remove("user_id");
        for changed in ["body", "erased_at"] {
            expected.insert(changed.to_owned(), after[changed].clone());
        }
        assert_eq!(after, &expected, "keys, digests, ids and dates stay");
        assert_eq!(text(after, "erased_at"), "2026-11-22T09:00:00.000Z");
        let body = str::from_utf8(body(after)).unwrap();
        assert!(!body.contains(USER) && !body.contains('@') && !body.contains("192.0.2."), "{body}");
    }
    let payment = after.iter().find(|item| text(item, "sk") == "payment").unwrap();
    let payment = str::from_utf8(body(payment)).unwrap();
    for stays in ["\"amount\": 7.99", "2298114507", "\"payment_date\": \"2026-", "\"country\": \""] {
        assert!(payment.contains(stays), "{stays} in {payment}");
    }
    assert_eq!(meanings(&world).await, meant, "a refund that comes tomorrow finds its order");
    assert!(world.queued().await.is_empty(), "a change in the table is no event");
}

fn id_of(items: &[Item], type_name: &str) -> EventId {
    let item = items.iter().find(|item| text(item, "type") == type_name).unwrap();
    EventId::new(text(item, "pk"), text(item, "sk"))
}

#[tokio::test]
async fn a_retry_of_xsollas_is_a_duplicate_and_brings_nothing_back() {
    let world = sales().await;
    plan(&world).await.erase(now()).await.unwrap();
    let erased = of_sale(&world).await;
    let changed = sample("payment").replace("7.99", "79.90");
    for body in [sample("payment"), sample("order_paid-separate"), &changed] {
        assert!(world.send(body).await.status < 300);
    }
    assert_eq!(of_sale(&world).await, erased);
    assert!(world.queued().await.is_empty());
}

#[tokio::test]
async fn two_who_erase_at_once_do_it_once_and_a_second_run_finds_nothing() {
    let world = sales().await;
    let (one, other) = (plan(&world).await, plan(&world).await);
    assert_eq!(one.erase(now()).await.unwrap(), OF_USER + 1);
    let erased = of_sale(&world).await;
    assert_eq!(other.erase("2026-11-23T09:00:00Z".parse().unwrap()).await.unwrap(), 0);
    assert_eq!(of_sale(&world).await, erased);
    assert!(plan(&world).await.is_empty());
}

#[tokio::test]
async fn what_comes_later_is_found_by_the_next_run() {
    let world = sales().await;
    plan(&world).await.erase(now()).await.unwrap();
    assert_eq!(world.send(sample("dispute")).await.status, 204);
    let plan = plan(&world).await;
    assert_eq!(plan.summary(), "1 record (6 already erased)");
    assert_eq!(plan.erase(now()).await.unwrap(), 1);
}

#[tokio::test]
async fn what_the_table_has_forgotten_meanwhile_is_not_made_anew() {
    let world = sales().await;
    let plan = plan(&world).await;
    let refund = id_of(&of_sale(&world).await, "refund");
    let delete = world.stack.dynamodb.delete_item().table_name("events");
    let [pk, sk] = [refund.subject(), refund.rest()].map(|text| AttributeValue::S(text.to_owned()));
    delete.key("pk", pk).key("sk", sk).send().await.unwrap();
    assert_eq!(plan.erase(now()).await.unwrap(), OF_USER);
    assert!(of_sale(&world).await.iter().all(|item| text(item, "type") != "refund"));
}

#[tokio::test]
async fn whoever_is_interrupted_finds_the_rest() {
    let world = sales().await;
    let preview = plan(&world).await.preview();
    let names: Vec<&str> = preview.lines().skip(1).take(2).collect();
    assert!(names[0].contains("none") && names[1].contains("this user"), "found by those of the user: {preview}");
}

#[tokio::test]
async fn what_is_erased_cannot_be_replayed() {
    let world = sales().await;
    plan(&world).await.erase(now()).await.unwrap();
    let queue_url = world.stack.queues.events.clone();
    let replay = Replay::new(world.table(), world.stack.sqs.clone(), queue_url, PaymentWithoutOrder::MoneyOnly);
    let subject = replay.plan(Selection::Subject("transaction#2298114507".to_owned())).await.unwrap();
    let preview = replay.preview(&subject).await.unwrap();
    assert_eq!(
        preview.matches("cannot be sent: personal data erased at 2026-11-22T09:00:00.000Z").count(),
        5,
        "{preview}"
    );
    let replayed = replay.send(&subject, "run").await.unwrap();
    assert_eq!((replayed.queued, replayed.rejected.len()), (1, 5), "that of the other user goes out");
    assert_eq!(world.queued().await.len(), 1);
}

#[tokio::test]
async fn what_is_erased_is_no_drift() {
    let world = World::start().await;
    for name in ["payment", "order_paid-separate", "refund"] {
        world.send(sample(name)).await;
    }
    plan(&world).await.erase(now()).await.unwrap();
    let (succeeded, printed) = world.run(&["drift", "--table", "events"]).await;
    assert!(succeeded && printed == "  Compared 0 notifications: no differences.\n", "{printed}");
}

#[tokio::test]
async fn the_command_wants_a_yes_and_none_to_show_what_it_would_do() {
    let world = sales().await;
    let (succeeded, printed) = world.run(&["erase", "--user", USER]).await;
    assert!(!succeeded && printed.ends_with("pass --yes\n"), "{printed}");
    let before = world.kept().await;
    let (succeeded, printed) = world.run(&["erase", "--user", USER, "--dry-run"]).await;
    assert!(succeeded && printed.contains("  Would erase 6 records, including 1 of"), "{printed}");
    assert_eq!(world.kept().await, before);

    let (succeeded, printed) = world.run(&["erase", "--user", USER, "--yes"]).await;
    assert!(succeeded && printed.contains("  Erased 6 of 6 records, including 1 of"), "{printed}");
    assert!(printed.starts_with("  not erased: transaction#2298114507#afs_reject"), "{printed}");
    let (_, printed) = world.run(&["show", "2298114507", "--unredacted"]).await;
    assert!(printed.contains("personal data erased at 2") && !printed.contains(USER), "{printed}");
    for command in [["show", "--user", USER], ["erase", "--user", USER]] {
        let (succeeded, printed) = world.run(&command).await;
        assert!(!succeeded && printed.starts_with("error: no records found for user "), "{printed}");
    }
}
