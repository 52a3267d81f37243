//! Every type, from Xsolla's call to the game's queue.

use xsolla::{NotificationType, Question, Role};

use crate::functions::{self, sample_of};
use crate::world::{World, body, sample, text};

/// Whether somebody was appointed to answer it; events always are.
pub fn is_answered(known: NotificationType) -> bool {
    matches!(known.role(), Role::Event(_) | Role::Question(Question::UserValidation))
}

#[tokio::test]
async fn a_payment_is_kept_whole_and_reaches_the_game_whole() {
    let world = World::start().await;
    let sent = sample("payment").trim_end();
    assert_eq!(world.send(sent).await.status, 204);

    let kept = world.kept().await;
    assert_eq!(kept.len(), 1);
    let item = &kept[0];
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

    let queued = world.queued().await;
    assert_eq!(queued.len(), 1);
    let message = &queued[0];
    assert_eq!(message.event_id, "transaction#2298114507#payment");
    assert_eq!(message.subject, "transaction#2298114507");
    assert_eq!(message.r#type, "payment");
    assert_eq!(message.user_id.as_deref(), Some("isle-4471"));
    assert_eq!(message.project_id.as_deref(), Some("52417"));
    assert_eq!((message.order_id.as_deref(), message.mode.as_str(), message.identified), (None, "live", true));
    assert_eq!(message.received_at, text(item, "received_at"));
    assert_eq!(message.attributes["type"], "payment");
    assert_eq!(message.attributes["mode"], "live");
    assert_eq!(message.notification.get(), sent, "every digit and key, 9007199254740993001 among them");
}

#[tokio::test]
async fn every_sample_is_answered_as_documented_kept_and_relayed() {
    let world = World::start().await;
    let unanswered = ["user_search", "partner_side_catalog", "get_pincode", "inventory_get"];
    let mut events = Vec::new();
    for sample in xsolla::samples::ALL {
        let kind = sample.name.split('-').next().unwrap();
        let status = match kind {
            _ if unanswered.contains(&kind) => 503,
            "order_paid" | "order_canceled" | "move_to_game" => 200,
            _ => 204,
        };
        assert_eq!(world.send(sample.body).await.status, status, "{}", sample.name);
        if !unanswered.contains(&kind) && kind != "user_validation" {
            events.push((sample.name, sample.body.trim_end()));
        }
    }
    let queued = world.queued().await;
    for (name, body) in &events {
        let found = queued.iter().filter(|message| message.notification.get() == *body).count();
        assert_eq!(found, 1, "{name}");
    }
    assert_eq!(queued.len(), events.len());
}

#[tokio::test]
async fn what_happened_to_one_sale_reaches_the_game_in_order() {
    let world = World::start().await;
    for (path, name) in [
        ("/webhooks", "payment"),
        ("/webhooks/order_paid", "order_paid-separate"),
        ("/webhooks/refund", "refund"),
        ("/webhooks/order_canceled", "order_canceled-separate"),
    ] {
        assert!(world.send_to(path, sample(name)).await.status < 300, "{name}");
    }
    let queued = world.queued().await;
    let types: Vec<&str> = queued.iter().map(|message| message.r#type.as_str()).collect();
    assert_eq!(types, ["payment", "order_paid", "refund", "order_canceled"]);
    assert!(queued.iter().all(|message| message.subject == "transaction#2298114507"));
}

#[tokio::test]
async fn each_type_has_a_path_of_its_own() {
    let world = World::start().await;
    let mut events = 0;
    for own in functions::own_types() {
        let sent = sample_of(own);
        let status = world.send_to(&format!("/webhooks/{}", own.name()), sent).await.status;
        assert!(if is_answered(own) { status < 300 } else { status == 503 }, "{}: {status}", own.name());
        events += usize::from(matches!(own.role(), Role::Event(_)));
        let elsewhere = if own == NotificationType::PAYMENT { "/webhooks/refund" } else { "/webhooks/payment" };
        assert_eq!(world.send_to(elsewhere, sent).await.status, 503, "{}", own.name());
    }
    assert_eq!(world.kept_kinds().await, vec!["event"; events]);
}

#[tokio::test]
async fn a_path_without_a_function_of_its_own_leads_to_the_front_door() {
    let world = World::start().await;
    for path in ["/webhooks/dispute", "/webhooks/chargeback_v9", "/webhooks/Payment"] {
        assert_eq!(world.send_to(path, sample("payment")).await.status, 204, "{path}");
    }
    assert_eq!(world.queued().await.len(), 1);
}

#[tokio::test]
async fn a_sandbox_event_says_so() {
    let world = World::start().await;
    world.send(sample("payment-token")).await;
    let queued = world.queued().await;
    assert_eq!((queued[0].mode.as_str(), queued[0].attributes["mode"].as_str()), ("sandbox", "sandbox"));
}

#[tokio::test]
async fn an_unknown_type_is_relayed_and_flagged() {
    let world = World::start().await;
    assert_eq!(world.send(r#"{"notification_type":"chargeback v9","transaction":{"id":7}}"#).await.status, 204);
    let queued = world.queued().await;
    assert_eq!((queued[0].r#type.as_str(), queued[0].identified), ("chargeback v9", false));
    assert_eq!(queued[0].subject, "transaction#7");
    assert_eq!(queued[0].attributes["type"], "unknown", "the attribute is one of few");
}

#[tokio::test]
async fn a_type_that_xsolla_has_withdrawn_is_relayed_and_flagged() {
    let world = World::start().await;
    for name in ["redeem_key", "payment"] {
        assert_eq!(world.send(sample(name)).await.status, 204);
    }
    let queued = world.queued().await;
    let deprecated = |kind: &str| queued.iter().find(|message| message.r#type == kind).unwrap().deprecated;
    assert_eq!((deprecated("redeem_key"), deprecated("payment")), (true, false));
    assert!(queued.iter().all(|message| message.identified));
}
