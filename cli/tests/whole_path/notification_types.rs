//! Every notification type, from the webhook to the message.

use xsolla::{NotificationType, Question, Role};

use crate::event_files::sample_of;
use crate::functions;
use crate::test_stack::{TestStack, body, sample, text};

/// Whether a stack that accepts all users answers this type with success.
pub fn is_answered(known: NotificationType) -> bool {
    matches!(known.role(), Role::Event(_) | Role::Question(Question::UserValidation))
}

#[tokio::test]
async fn stores_and_relays_a_whole_payment() {
    let stack = TestStack::start().await;
    let sent = sample("payment").trim_end();
    assert_eq!(stack.send(sent).await.status, 204);

    let stored = stack.stored().await;
    assert_eq!(stored.len(), 1);
    let item = &stored[0];
    assert_eq!(body(item), sent.as_bytes());
    for (name, value) in [
        ("pk", "transaction#2298114507"),
        ("sk", "payment"),
        ("kind", "event"),
        ("type", "payment"),
        ("user_id", "isle-4471"),
        ("project_id", "52417"),
        ("order_id", ""),
        ("mode", "live"),
    ] {
        assert_eq!(text(item, name), value, "{name}");
    }
    assert_eq!(item["secret_index"].as_n().unwrap(), "0");
    assert_eq!(item["identified"].as_bool(), Ok(&true));
    assert_eq!(text(item, "digest"), xsolla::BodyDigest::of(sent.as_bytes()).to_string());
    let received_at: jiff::Timestamp = text(item, "received_at").parse().unwrap();
    let expires_at: i64 = item["expires_at"].as_n().unwrap().parse().unwrap();
    assert_eq!(expires_at - received_at.as_second(), 400 * 24 * 60 * 60);

    let messages = stack.receive_all().await;
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!(message.event_id, "transaction#2298114507#payment");
    assert_eq!(message.subject, "transaction#2298114507");
    assert_eq!(message.r#type, "payment");
    assert_eq!(message.user_id.as_deref(), Some("isle-4471"));
    assert_eq!(message.project_id.as_deref(), Some("52417"));
    assert_eq!((message.order_id.as_deref(), message.mode.as_str(), message.identified), (None, "live", true));
    assert_eq!(message.received_at, text(item, "received_at"));
    assert_eq!(message.attributes["type"], "payment");
    assert_eq!(message.attributes["mode"], "live");
    assert_eq!(message.notification.get(), sent, "every digit and key is preserved, such as 9007199254740993001");
}

#[tokio::test]
async fn answers_and_relays_every_sample() {
    let stack = TestStack::start().await;
    let without_directory = ["user_search", "partner_side_catalog", "get_pincode", "inventory_get"];
    let mut events = Vec::new();
    for sample in xsolla::samples::ALL {
        let kind = sample.name.split('-').next().unwrap();
        let status = match kind {
            _ if without_directory.contains(&kind) => 503,
            "order_paid" | "order_canceled" | "move_to_game" => 200,
            _ => 204,
        };
        assert_eq!(stack.send(sample.body).await.status, status, "{}", sample.name);
        if !without_directory.contains(&kind) && kind != "user_validation" {
            events.push((sample.name, sample.body.trim_end()));
        }
    }
    let messages = stack.receive_all().await;
    for (name, body) in &events {
        let found = messages.iter().filter(|message| message.notification.get() == *body).count();
        assert_eq!(found, 1, "{name}");
    }
    assert_eq!(messages.len(), events.len());
}

#[tokio::test]
async fn events_of_one_sale_are_received_in_order() {
    let stack = TestStack::start().await;
    for (path, name) in [
        ("/webhooks", "payment"),
        ("/webhooks/order_paid", "order_paid-separate"),
        ("/webhooks/refund", "refund"),
        ("/webhooks/order_canceled", "order_canceled-separate"),
    ] {
        assert!(stack.send_to(path, sample(name)).await.status < 300, "{name}");
    }
    let messages = stack.receive_all().await;
    let types: Vec<&str> = messages.iter().map(|message| message.r#type.as_str()).collect();
    assert_eq!(types, ["payment", "order_paid", "refund", "order_canceled"]);
    assert!(messages.iter().all(|message| message.subject == "transaction#2298114507"));
}

#[tokio::test]
async fn each_type_has_a_path() {
    let stack = TestStack::start().await;
    let mut events = 0;
    for own_type in functions::own_types() {
        let sent = sample_of(own_type);
        let status = stack.send_to(&format!("/webhooks/{}", own_type.name()), sent).await.status;
        assert!(if is_answered(own_type) { status < 300 } else { status == 503 }, "{}: {status}", own_type.name());
        events += usize::from(matches!(own_type.role(), Role::Event(_)));
        let other_path = if own_type == NotificationType::PAYMENT { "/webhooks/refund" } else { "/webhooks/payment" };
        assert_eq!(stack.send_to(other_path, sent).await.status, 503, "{}", own_type.name());
    }
    assert_eq!(stack.stored_kinds().await, vec!["event"; events]);
}

#[tokio::test]
async fn path_without_a_function_reaches_the_webhook_function() {
    let stack = TestStack::start().await;
    for path in ["/webhooks/dispute", "/webhooks/chargeback_v9", "/webhooks/Payment"] {
        assert_eq!(stack.send_to(path, sample("payment")).await.status, 204, "{path}");
    }
    assert_eq!(stack.receive_all().await.len(), 1);
}

#[tokio::test]
async fn marks_sandbox_events() {
    let stack = TestStack::start().await;
    stack.send(sample("payment-token")).await;
    let messages = stack.receive_all().await;
    assert_eq!((messages[0].mode.as_str(), messages[0].attributes["mode"].as_str()), ("sandbox", "sandbox"));
}

#[tokio::test]
async fn relays_and_marks_unknown_types() {
    let stack = TestStack::start().await;
    assert_eq!(stack.send(r#"{"notification_type":"chargeback v9","transaction":{"id":7}}"#).await.status, 204);
    let messages = stack.receive_all().await;
    assert_eq!((messages[0].r#type.as_str(), messages[0].identified), ("chargeback v9", false));
    assert_eq!(messages[0].subject, "transaction#7");
    assert_eq!(messages[0].attributes["type"], "unknown", "the attribute has a fixed set of values");
}

#[tokio::test]
async fn relays_and_marks_deprecated_types() {
    let stack = TestStack::start().await;
    for name in ["redeem_key", "payment"] {
        assert_eq!(stack.send(sample(name)).await.status, 204);
    }
    let messages = stack.receive_all().await;
    let deprecated = |kind: &str| messages.iter().find(|message| message.r#type == kind).unwrap().deprecated;
    assert_eq!((deprecated("redeem_key"), deprecated("payment")), (true, false));
    assert!(messages.iter().all(|message| message.identified));
}
