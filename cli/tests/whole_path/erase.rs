//! The command `erase`: removes the personal data of a user, and preserves what accounting requires.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cli::erase::Erasure;
use cli::progress::Progress;
use cli::replay::Selection;
use cli::show::{Bodies, Query, find};
use jiff::Timestamp;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use xsolla::{BodyDigest, EventId};

use crate::test_stack::{Item, TestStack, body, event_id, sample, text};

const USER: &str = "isle-4471";
/// Number of records that name the user.
const OF_USER: usize = 5;

/// A sale with a conflict, an event of the sale without a user, one with another user, and a sale of another user.
async fn sales() -> TestStack {
    let stack = TestStack::start().await;
    let without_user =
        r#"{"notification_type":"ps_declined","transaction":{"id":2298114507},"new":"mira@example.com"}"#;
    let other = r#"{"notification_type":"afs_reject","transaction":{"id":2298114507},"user":{"id":"isle-7"}}"#;
    let changed = sample("payment").replace("7.99", "79.90");
    let sale = ["payment", "order_paid-separate", "refund", "order_canceled-separate"].map(sample);
    for body in sale.into_iter().chain([without_user, other, changed.as_str(), sample("create_subscription")]) {
        assert!(stack.send(body).await.status < 300);
    }
    assert_eq!(stack.receive_all().await.len(), 7);
    stack
}

async fn plan(stack: &TestStack) -> Erasure {
    Erasure::plan(stack.table(), USER, &Progress::default()).await.unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

/// All records of the sale.
async fn of_sale(stack: &TestStack) -> Vec<Item> {
    stack.table().items_of_subject("transaction#2298114507").await.unwrap()
}

/// The lines of `show` that contain the goods of each event.
async fn goods(stack: &TestStack) -> Vec<String> {
    let query = Query::Id("2298114507".to_owned());
    let found = find(&stack.table(), &query).await.unwrap();
    let heads = |line: &&str| line.contains("goods: ") || line.contains("conflict, ");
    found.render(Bodies::Hidden).lines().filter(heads).map(str::to_owned).collect()
}

#[tokio::test]
async fn removes_the_user_and_preserves_the_sale() {
    let stack = sales().await;
    let (before, goods_before) = (of_sale(&stack).await, goods(&stack).await);
    let plan = plan(&stack).await;
    assert_eq!(plan.summary(), "6 records, including 1 of the same sales without a user id");
    assert_eq!(plan.exclusions(), format!("  not erased: {} belongs to another user\n", id_of(&before, "afs_reject")));
    assert_eq!(plan.erase(now()).await.unwrap(), OF_USER + 1);

    let after = of_sale(&stack).await;
    for (before, after) in before.iter().zip(&after) {
        if text(before, "type") == "afs_reject" {
            assert_eq!(before, after);
            continue;
        }
        let mut expected = before.clone();
        for removed in ["user_id", "digest", "trace"] {
            expected.remove(removed);
        }
        let is_conflict = text(before, "kind") == "conflict";
        for changed in ["body", "erased_at"].into_iter().chain(is_conflict.then_some("sk")) {
            expected.insert(changed.to_owned(), after[changed].clone());
        }
        assert_eq!(after, &expected, "keys, ids, dates and decisions are preserved");
        if is_conflict {
            assert_eq!(text(after, "sk"), format!("payment#conflict#erased-{}", text(after, "received_at")));
        }
        assert_eq!(after.contains_key("decided_at"), text(after, "kind") == "event");
        assert_eq!(text(after, "erased_at"), "2026-11-22T09:00:00.000Z");
        let body = str::from_utf8(body(after)).unwrap();
        assert!(!body.contains(USER) && !body.contains('@') && !body.contains("192.0.2."), "{body}");
    }
    let payment = after.iter().find(|item| text(item, "sk") == "payment").unwrap();
    let payment = str::from_utf8(body(payment)).unwrap();
    for preserved in ["\"amount\": 7.99", "2298114507", "\"payment_date\": \"2026-", "\"country\": \""] {
        assert!(payment.contains(preserved), "{preserved} in {payment}");
    }
    assert_eq!(goods(&stack).await, goods_before, "a later refund finds its order");
    assert!(stack.receive_all().await.is_empty(), "an update of the table is not relayed");
}

fn id_of(items: &[Item], type_name: &str) -> EventId {
    let item = items.iter().find(|item| text(item, "type") == type_name).unwrap();
    event_id(item)
}

#[tokio::test]
async fn retry_from_xsolla_is_a_duplicate_and_restores_no_data() {
    let stack = sales().await;
    plan(&stack).await.erase(now()).await.unwrap();
    let erased = of_sale(&stack).await;
    let changed = sample("payment").replace("7.99", "79.90");
    for body in [sample("payment"), sample("order_paid-separate"), &changed] {
        assert!(stack.send(body).await.status < 300);
    }
    assert_eq!(of_sale(&stack).await, erased);
    assert!(stack.receive_all().await.is_empty());
}

#[tokio::test]
async fn conflict_with_an_event_of_another_user_is_still_recognized() {
    let stack = TestStack::start().await;
    let other = sample("payment").replace(USER, "isle-7");
    for body in [other.as_str(), sample("payment")] {
        assert_eq!(stack.send(body).await.status, 204);
    }
    assert_eq!(plan(&stack).await.erase(now()).await.unwrap(), 1);
    let erased = of_sale(&stack).await;
    assert_eq!(stack.send(sample("payment")).await.status, 204);
    assert_eq!(of_sale(&stack).await, erased, "the retry restores nothing");
}

/// All values of an item as text.
fn values(item: &Item) -> String {
    format!("{:?}", item.values().collect::<Vec<_>>())
}

/// SHA-1 and SHA-256 of a body in the forms in which a table or a key can have them.
fn digests(body: &str) -> Vec<String> {
    let (sha1, sha256) = (Sha1::digest(body), Sha256::digest(body));
    [&sha1[..], &sha256[..]].iter().flat_map(|digest| [hex::encode(digest), STANDARD.encode(digest)]).collect()
}

#[tokio::test]
async fn guess_of_the_erased_user_cannot_be_confirmed() {
    let stack = sales().await;
    plan(&stack).await.erase(now()).await.unwrap();
    let stored: String = stack.stored().await.iter().map(values).collect();
    let changed = sample("payment").replace("7.99", "79.90");
    let bodies = ["payment", "order_paid-separate", "refund", "order_canceled-separate"].map(sample);
    for (body, number) in bodies.iter().chain([&changed.as_str()]).flat_map(|body| (4460..4480).map(move |n| (body, n)))
    {
        // An attacker refills the mask of each candidate, up to the right one.
        let guess = body.replace(USER, &format!("isle-{number}"));
        assert_eq!(guess == **body, number == 4471);
        for digest in digests(&guess) {
            assert!(!stored.contains(&digest), "isle-{number} is confirmed by {digest}");
        }
    }
    assert!(!stored.contains(USER), "{stored}");
}

/// docs/operations/privacy.md names this exception.
#[tokio::test]
async fn key_of_a_type_without_ids_still_has_the_digest_and_no_other_attribute_has_it() {
    let stack = TestStack::start().await;
    let body = sample("ps_declined");
    assert_eq!(stack.send(body).await.status, 204);
    stack.receive_all().await;
    let records = async || stack.table().items_of_subject("transaction#2298133380").await.unwrap();
    let user = text(&records().await[0], "user_id");
    assert_eq!(Erasure::plan(stack.table(), &user, &Progress::default()).await.unwrap().erase(now()).await.unwrap(), 1);
    let mut erased = records().await.remove(0);
    let digest = BodyDigest::of(body.as_bytes()).to_string();
    let sk = erased.remove("sk").unwrap();
    assert!(sk.as_s().unwrap().contains(&digest));
    assert!(!values(&erased).contains(&digest));

    assert_eq!(stack.send(body).await.status, 204, "a retry");
    assert_eq!(records().await.len(), 1);
    assert!(stack.receive_all().await.is_empty());
}

#[tokio::test]
async fn concurrent_runs_erase_once_and_a_later_run_finds_nothing() {
    let stack = sales().await;
    let (first, second) = (plan(&stack).await, plan(&stack).await);
    assert_eq!(first.erase(now()).await.unwrap(), OF_USER + 1);
    let erased = of_sale(&stack).await;
    assert_eq!(second.erase("2026-11-23T09:00:00Z".parse().unwrap()).await.unwrap(), 0);
    assert_eq!(of_sale(&stack).await, erased);
    assert!(plan(&stack).await.is_empty());
}

#[tokio::test]
async fn next_run_finds_later_events() {
    let stack = sales().await;
    plan(&stack).await.erase(now()).await.unwrap();
    assert_eq!(stack.send(sample("dispute")).await.status, 204);
    let plan = plan(&stack).await;
    assert_eq!(plan.summary(), "1 record (6 already erased)");
    assert_eq!(plan.erase(now()).await.unwrap(), 1);
}

#[tokio::test]
async fn does_not_restore_a_record_that_expired_during_the_run() {
    let stack = sales().await;
    let plan = plan(&stack).await;
    let refund = id_of(&of_sale(&stack).await, "refund");
    stack.expire(&refund).await;
    assert_eq!(plan.erase(now()).await.unwrap(), OF_USER);
    assert!(of_sale(&stack).await.iter().all(|item| text(item, "type") != "refund"));
}

#[tokio::test]
async fn records_without_a_user_are_erased_first() {
    let stack = sales().await;
    let preview = plan(&stack).await.preview();
    let lines: Vec<&str> = preview.lines().skip(1).take(2).collect();
    // An interrupted run can be repeated: the records of the user, erased last, lead to those without a user.
    assert!(lines[0].contains("none") && lines[1].contains("this user"), "{preview}");
}

#[tokio::test]
async fn erased_event_cannot_be_replayed() {
    let stack = sales().await;
    plan(&stack).await.erase(now()).await.unwrap();
    let replay = stack.replay();
    let subject = replay.plan(Selection::Subject("transaction#2298114507".to_owned())).await.unwrap();
    let preview = replay.preview(&subject).await.unwrap().text();
    assert_eq!(
        preview.matches("cannot be sent: personal data erased at 2026-11-22T09:00:00.000Z").count(),
        5,
        "{preview}"
    );
    let replayed = replay.send(&subject, "run").await.unwrap();
    assert_eq!((replayed.queued, replayed.rejected.len()), (1, 5), "the event of the other user is sent");
    assert_eq!(stack.receive_all().await.len(), 1);
}

#[tokio::test]
async fn erased_event_is_not_drift() {
    let stack = TestStack::start().await;
    for name in ["payment", "order_paid-separate", "refund"] {
        stack.send(sample(name)).await;
    }
    plan(&stack).await.erase(now()).await.unwrap();
    let (succeeded, printed) = stack.run(&["drift", "--table", "events"]).await;
    assert!(succeeded && printed == "  Compared 0 notifications: no differences.\n", "{printed}");
}

#[tokio::test]
async fn command_requires_confirmation_except_for_a_dry_run() {
    let stack = sales().await;
    let (succeeded, printed) = stack.run(&["erase", "--user", USER]).await;
    assert!(!succeeded && printed.ends_with("pass --yes\n"), "{printed}");
    let before = stack.stored().await;
    let (succeeded, printed) = stack.run(&["erase", "--user", USER, "--dry-run"]).await;
    assert!(succeeded && printed.contains("  Would erase 6 records, including 1 of"), "{printed}");
    assert_eq!(stack.stored().await, before);

    let (succeeded, printed) = stack.run(&["erase", "--user", USER, "--yes"]).await;
    assert!(succeeded && printed.contains("  Erased 6 of 6 records, including 1 of"), "{printed}");
    assert!(printed.starts_with("  not erased: transaction#2298114507#afs_reject"), "{printed}");
    let (_, printed) = stack.run(&["show", "2298114507", "--unredacted"]).await;
    assert!(printed.contains("personal data erased at 2") && !printed.contains(USER), "{printed}");
    for command in [["show", "--user", USER], ["erase", "--user", USER]] {
        let (succeeded, printed) = stack.run(&command).await;
        assert!(!succeeded && printed.starts_with("error: no records found for user "), "{printed}");
    }
}
