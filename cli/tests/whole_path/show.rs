//! The command `show`: prints the events of a sale or a user, and redacts personal data.

use cli::show::{Bodies, Query, find};
use serde_json::Value;
use xsolla::samples;

use crate::test_stack::{TestStack, event_id, sample, text};

/// A stack with a sale, its refund, a dispute and a conflict, all relayed.
async fn start_with_sale() -> TestStack {
    let stack = TestStack::start().await;
    let changed = sample("payment").replace("7.99", "79.90");
    for body in ["payment", "order_paid-separate", "refund", "order_canceled-separate", "dispute"].map(sample) {
        assert!(stack.send(body).await.status < 300);
    }
    assert_eq!(stack.send(changed).await.status, 204);
    stack.receive_all().await;
    stack
}

async fn shown(stack: &TestStack, query: Query, bodies: Bodies) -> String {
    find(&stack.table(), &query).await.unwrap().render(bodies)
}

fn id(id: &str) -> Query {
    Query::Id(id.to_owned())
}

#[tokio::test]
async fn finds_a_sale_by_each_of_its_ids_in_chronological_order() {
    let stack = start_with_sale().await;
    let all = shown(&stack, id("2298114507"), Bodies::Hidden).await;
    for query in [id("712045518"), id("transaction#2298114507"), Query::User("isle-4471".to_owned())] {
        let by_user = matches!(query, Query::User(_));
        let shown = shown(&stack, query, Bodies::Hidden).await;
        let holdings = "  User isle-4471 should hold, from these sales:\n    nothing\n\n";
        assert_eq!(shown.replace(holdings, ""), all);
        assert_eq!(shown.contains(holdings), by_user, "{shown}");
    }
    let heads: Vec<&str> = all.lines().filter_map(|line| line.strip_prefix("  2").map(|line| &line[28..])).collect();
    assert_eq!(
        heads,
        [
            "payment         goods: money_only (order_follows)",
            "order_paid      goods: grant",
            "refund          goods: money_only (order_follows)",
            "order_canceled  goods: revoke",
            "dispute         goods: risk",
            "payment         conflict, not relayed",
        ]
    );
    for line in [
        "live, user isle-4471, secret index 0, 7.99 EUR\n",
        "79.90 EUR, differs in purchase.total.amount",
        "order 712045518",
        "3 × lantern-brass",
    ] {
        assert!(all.contains(line), "{line} in {all}");
    }
    assert!(all.ends_with("  5 events, 1 conflict.\n"), "{all}");
}

#[tokio::test]
async fn event_id_selects_one_event() {
    let stack = start_with_sale().await;
    let one = shown(&stack, id("transaction#2298114507#refund"), Bodies::Hidden).await;
    assert!(one.contains("refund  goods: money_only (order_follows)\n") && one.ends_with("  1 event.\n"), "{one}");
}

/// The lines of the state of each sale.
fn states(shown: &str) -> Vec<&str> {
    shown.lines().skip_while(|line| !line.starts_with("  State of ")).collect()
}

#[tokio::test]
async fn shows_the_state_of_a_revoked_sale() {
    let stack = start_with_sale().await;
    let all = shown(&stack, id("2298114507"), Bodies::Hidden).await;
    assert_eq!(
        states(&all),
        [
            "  State of transaction#2298114507 (live):",
            "    goods: should not be held",
            "    items: 3 × lantern-brass, 1 × starter-crate (bundle), 600 × isle-pearls (possibly bundle content)",
            "    granted by: transaction#2298114507#order_paid#712045518",
            "    revoked by: transaction#2298114507#order_canceled#712045518, \
             reason 1 (Cancellation by the user request / the game request)",
            "    payment: transaction 2298114507, refunded or cancelled",
            "",
            "  5 events, 1 conflict.",
        ]
    );
}

/// Xsolla's report of an order, paid by this transaction.
fn order(type_name: &str, transaction: u32) -> String {
    format!(r#"{{"notification_type":"{type_name}","order":{{"id":5,"invoice_id":{transaction}}}}}"#)
}

#[tokio::test]
async fn shows_all_transactions_of_an_order_and_what_remains_of_them() {
    let stack = TestStack::start().await;
    for body in [order("order_paid", 7), order("order_paid", 8), order("order_canceled", 7)] {
        assert_eq!(stack.send(body).await.status, 200);
    }
    stack.receive_all().await;
    let all = shown(&stack, id("8"), Bodies::Hidden).await;
    for heading in [
        "order_paid      goods: grant\n",
        "order_paid      goods: info (order_already_granted)\n",
        "order_canceled  goods: info (another_payment_remains)\n",
    ] {
        assert!(all.contains(heading), "{heading} in {all}");
    }
    assert_eq!(
        &states(&all)[..5],
        [
            "  State of transaction#7 (live):",
            "    goods: should be held",
            "    granted by: transaction#7#order_paid#5",
            "    payment: transaction 7, refunded or cancelled",
            "    payment: transaction 8",
        ]
    );
    assert_eq!(shown(&stack, id("5"), Bodies::Hidden).await, all, "found by the order, too");
}

#[tokio::test]
async fn shows_the_state_of_a_subscription_in_the_mode_of_its_payments() {
    let stack = TestStack::start().await;
    let payment = r#"{"notification_type":"payment","transaction":{"id":7,"dry_run":1},"purchase":{"subscription":{"subscription_id":"31"}}}"#;
    for body in [payment, sample("create_subscription"), sample("cancel_subscription")] {
        assert_eq!(stack.send(body).await.status, 204);
    }
    stack.receive_all().await;
    let all = shown(&stack, id("subscription#31"), Bodies::Hidden).await;
    assert!(all.contains("create_subscription  goods: subscription_started\n"), "{all}");
    assert!(all.contains("\n    sandbox, user isle-3312, "), "{all}");
    assert_eq!(
        states(&all)[..2],
        ["  State of subscription#31 (sandbox):", "    subscription: subscription_ended"],
        "{all}"
    );
}

#[tokio::test]
async fn marks_events_that_were_not_relayed() {
    let stack = TestStack::start().await;
    let update = sample("update_subscription");
    for body in [update, update, &update.replace("2026-05-02", "2026-06-02")] {
        assert_eq!(stack.send(body).await.status, 204);
    }
    stack.receive_all().await;
    for item in stack.stored().await.iter().filter(|item| text(item, "goods") == "subscription_renewed") {
        stack.remove_decision(&event_id(item)).await;
    }
    let all = shown(&stack, id("subscription#31"), Bodies::Hidden).await;
    let outcomes: Vec<&str> = all
        .lines()
        .filter_map(|line| line.strip_prefix("  2")?.split("update_subscription").nth(1).map(str::trim))
        .collect();
    assert_eq!(outcomes, ["goods: subscription_changed", "retry, not relayed", "not relayed yet"], "{all}");
}

/// Collects the personal values of a sample: personal fields of the models, and parameters of the game.
fn collect_personal(value: &Value, found: &mut Vec<String>) {
    const KEYS: [&str; 9] =
        ["email", "ip", "phone", "zip", "comment", "receiver_email", "message", "parameter_value", "custom_parameters"];
    for (key, value) in value.as_object().into_iter().flatten() {
        let is_person = key == "name" && value.as_str().is_some_and(|name| name.contains([' ', '@']));
        match value {
            Value::String(text) if is_person || KEYS.contains(&key.as_str()) => found.push(format!("\"{text}\"")),
            Value::Object(parameters) if KEYS.contains(&key.as_str()) => {
                found.extend(parameters.keys().map(|key| format!("\"{key}\"")));
            }
            value => collect_personal(value, found),
        }
    }
}

#[tokio::test]
async fn redacts_personal_data_unless_unredacted_is_requested() {
    let stack = TestStack::start().await;
    for sample in samples::ALL {
        stack.send(sample.body).await;
    }
    assert_eq!(stack.send(r#"["mira@example.com"]"#).await.status, 400, "stored as unreadable");
    let mut redacted = String::new();
    let mut unredacted = String::new();
    for item in stack.stored().await {
        let event_id = format!("{}#{}", item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap());
        redacted += &shown(&stack, id(&event_id), Bodies::Redacted).await;
        unredacted += &shown(&stack, id(&event_id), Bodies::Unredacted).await;
    }
    let mut found = Vec::new();
    for sample in samples::ALL {
        let body: Value = serde_json::from_str(sample.body).unwrap();
        if stack.stored().await.iter().any(|item| crate::test_stack::body(item) == sample.body.as_bytes()) {
            assert!(unredacted.contains(sample.body.trim_end()), "{}", sample.name);
            collect_personal(&body, &mut found);
        }
    }
    assert!(found.len() > 40, "{found:?}");
    for personal in found.iter().map(String::as_str).chain(["@", "192.0.2."]) {
        assert!(!redacted.contains(personal), "{personal}");
        assert!(unredacted.contains(personal), "{personal}");
    }
    for shown in [r#""id": 2298114507"#, r#""sku": "lantern-brass""#, r#""amount": "7.9900""#] {
        assert!(redacted.contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn command_fails_if_nothing_is_found() {
    let stack = start_with_sale().await;
    let (succeeded, printed) = stack.run(&["show", "712045518", "--bodies"]).await;
    assert!(succeeded && printed.contains("order_paid      goods: grant"), "{printed}");
    assert!(printed.contains(r#""email": "***""#) && !printed.contains('@'), "{printed}");
    for arguments in [["show", "7", "--bodies"], ["show", "--user", "unknown"]] {
        let (succeeded, printed) = stack.run(&arguments).await;
        assert!(!succeeded && printed.starts_with("error: no records found for "), "{printed}");
    }
}

#[tokio::test]
async fn escapes_terminal_control_sequences() {
    let stack = TestStack::start().await;
    stack.send(r#"{"notification_type":"payment","transaction":{"id":7},"user":{"id":"\u001b[2Jgone"}}"#).await;
    let (succeeded, printed) = stack.run(&["show", "7", "--unredacted"]).await;
    assert!(succeeded && printed.contains("[2Jgone") && !printed.contains('\u{1b}'), "{printed:?}");
}

#[tokio::test]
async fn user_query_says_what_the_user_should_hold() {
    let stack = TestStack::start().await;
    stack.send(sample("order_paid-separate")).await;
    stack.receive_all().await;
    let all = shown(&stack, Query::User("isle-4471".to_owned()), Bodies::Hidden).await;
    let held = "  User isle-4471 should hold, from these sales:\n    3 × lantern-brass, 1 × starter-crate (bundle), \
        600 × isle-pearls (possibly bundle content), by transaction#2298114507#order_paid#712045518\n\
        \u{20}   The game grants a bundle or its contents, not both: see Bundles in docs/consuming-events.md\n";
    assert!(all.contains(held), "{all}");
}

#[tokio::test]
async fn state_names_partial_refunds() {
    let stack = TestStack::start().await;
    let partial = r#"{"notification_type":"partial_refund","transaction":{"id":7},"refund_details":{"date":"1"}}"#;
    let paid = order("order_paid", 7).replace(r#""order":"#, r#""user":{"external_id":"u"},"order":"#);
    for body in [paid.as_str(), partial] {
        stack.send(body).await;
    }
    stack.receive_all().await;
    let all = shown(&stack, id("7"), Bodies::Hidden).await;
    assert!(all.contains("    partly refunded by: transaction#7#partial_refund#"), "{all}");
    let of_user = shown(&stack, Query::User("u".to_owned()), Bodies::Hidden).await;
    assert!(of_user.contains(", less what was partly refunded, by transaction#7#order_paid#5\n"), "{of_user}");
}

#[tokio::test]
async fn state_says_that_an_order_was_paid_twice() {
    let stack = TestStack::start().await;
    for body in [order("order_paid", 7), order("order_paid", 8)] {
        stack.send(body).await;
    }
    stack.receive_all().await;
    let all = shown(&stack, id("5"), Bodies::Hidden).await;
    assert!(all.contains("    paid several times: refund all but one of the payments\n"), "{all}");
}

#[tokio::test]
async fn marks_unknown_types_and_fields_of_a_conflict_that_differ() {
    let stack = start_with_sale().await;
    stack.send(r#"{"notification_type":"chargeback_v9","transaction":{"id":2298114507}}"#).await;
    let all = shown(&stack, id("2298114507"), Bodies::Hidden).await;
    let differs = "differs in purchase.total.amount, payment_details.payment.amount, \
        payment_details.payment_method_sum.amount\n";
    assert!(all.contains(differs), "{all}");
    assert!(all.contains("    live, secret index 0, unknown type, no usable id\n"), "{all}");
}

#[tokio::test]
async fn says_in_which_queue_an_event_is() {
    let stack = TestStack::start().await;
    stack.send(sample("payment")).await;
    let shown = || async { stack.run(&["show", "2298114507", "--queues"]).await.1 };
    let sqs = &stack.emulator.sqs;
    let queues = &stack.emulator.queues;
    let body = stack.receive_all().await.remove(0).text;
    let printed = shown().await;
    assert!(printed.contains(", in no queue: the game has processed it\n"), "{printed}");

    let (succeeded, _) = stack.run(&["replay", "--event", "transaction#2298114507#payment"]).await;
    let printed = shown().await;
    let in_queue = ", in the queue or processed by the game: the queue has about 1 message\n";
    assert!(succeeded && printed.contains(in_queue), "{printed}");

    let send = sqs.send_message().queue_url(&queues.dead_letters).message_body(body);
    send.message_group_id("g").message_deduplication_id("d").send().await.unwrap();
    let printed = shown().await;
    assert!(printed.contains(", in the dead-letter queue since "), "{printed}");
    assert!(printed.contains(": the game failed to process it 10 times\n"), "{printed}");

    sqs.purge_queue().queue_url(&queues.dead_letters).send().await.unwrap();
    let note = r#"{"pk":"transaction#2298114507","sk":"payment","cause":"too long"}"#;
    sqs.send_message().queue_url(&queues.parked).message_body(note).send().await.unwrap();
    let printed = shown().await;
    assert!(printed.contains(", parked since ") && printed.contains(": too long\n"), "{printed}");
}
