//! The published schema equals the generated one and accepts every message.
#![allow(clippy::unwrap_used, missing_docs)]

use message::{Event, ItemRole};
use serde_json::{Value, json};
use xsolla::{
    Envelope, EventFacts, NotificationType, PaymentWithoutOrder, Sale, SaleEvent, Secrets, Signature, UnsignedType,
    samples, sign,
};

/// Returns the message of a notification, as the relay writes it.
fn message(body: &str) -> Value {
    let signature = sign(body.as_bytes(), "secret").parse::<Signature>().unwrap();
    let verified = "secret".parse::<Secrets>().unwrap().verify(body.as_bytes(), &signature).unwrap();
    message_of(&Envelope::parse(&verified).unwrap(), body)
}

fn message_of(envelope: &Envelope<'_>, body: &str) -> Value {
    let facts = EventFacts {
        event_id: envelope.event_id().clone(),
        notification_type: envelope.notification_type(),
        identified: envelope.is_identified(),
        mode: envelope.mode(),
        received_at: "2026-11-22T00:31:07.042518Z",
        notification: body,
    };
    let decision = Sale::new(PaymentWithoutOrder::Grant).decide(&SaleEvent::new(&facts));
    let event = Event {
        event_id: envelope.event_id().to_string().into(),
        notification_type: envelope.type_name().into(),
        goods: decision.goods,
        goods_reason: decision.reason,
        subject: envelope.event_id().subject().into(),
        order_id: envelope.order_id().map(Into::into),
        user_id: envelope.user_id().map(Into::into),
        recipient_user_id: envelope.user_id().map(Into::into),
        project_id: envelope.project_id().map(Into::into),
        mode: envelope.mode(),
        identified: envelope.is_identified(),
        deprecated: envelope.notification_type().is_some_and(NotificationType::is_deprecated),
        replay: false,
        received_at: facts.received_at.into(),
        item_roles: envelope.notification_type().and_then(|known| ItemRole::of_items(known, body)),
        notification: serde_json::from_str(body).unwrap(),
    };
    serde_json::to_value(event).unwrap()
}

#[test]
fn published_schema_is_current() {
    let current = serde_json::to_string_pretty(&message::schema()).unwrap() + "\n";
    let is_current = include_str!("../schema.json") == current;
    assert!(is_current, "run: cargo run -p message --example schema > shared/message/schema.json");
}

const CONSUMING_EVENTS: &str = include_str!("../../../docs/consuming-events.md");

/// Returns the first JSON block of a page.
fn documented_message(page: &str) -> Value {
    let (_, rest) = page.split_once("```json\n").unwrap();
    serde_json::from_str(rest.split_once("```").unwrap().0).unwrap()
}

#[test]
fn documented_message_has_every_field_of_the_schema() {
    let message = documented_message(CONSUMING_EVENTS);
    assert_eq!(message, documented_message(include_str!("../../../README.md")));
    let mut fields: Vec<&str> = message.as_object().unwrap().keys().map(String::as_str).collect();
    let schema = message::schema();
    let mut required: Vec<&str> =
        schema.get("required").unwrap().as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect();
    fields.sort_unstable();
    required.sort_unstable();
    assert_eq!(fields, required);
    for field in fields {
        assert!(CONSUMING_EVENTS.contains(&format!("`{field}`")), "{field} is not described");
    }
}

#[test]
fn documentation_describes_every_reason() {
    let schema = message::schema();
    let reasons = schema.pointer("/$defs/GoodsReason/oneOf").unwrap().as_array().unwrap();
    for reason in reasons {
        let row = format!("\n| `{}` | ", reason["const"].as_str().unwrap());
        assert!(CONSUMING_EVENTS.contains(&row), "{row}");
    }
    let (_, section) = CONSUMING_EVENTS.split_once("\n### Reasons\n").unwrap();
    let section = section.split("\n### ").next().unwrap();
    assert_eq!(section.lines().filter(|line| line.starts_with("| `")).count(), reasons.len() + 1, "with the header");
}

#[test]
fn documentation_links_every_example() {
    for example in ["consume.rs", "consume.py", "consume.ts"] {
        let link = format!("(../shared/consumer/examples/{example})");
        assert!(CONSUMING_EVENTS.contains(&link), "{link}");
    }
}

#[test]
fn accepts_message_of_every_sample() {
    let schema = jsonschema::validator_for(message::schema().as_value()).unwrap();
    for sample in samples::ALL {
        let errors: Vec<String> = schema
            .iter_errors(&message(sample.body))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", sample.name);
    }
}

#[test]
fn accepts_message_of_payout() {
    let schema = jsonschema::validator_for(message::schema().as_value()).unwrap();
    let body = samples::get("payout").unwrap().body;
    let mut message = message_of(&Envelope::parse_unsigned(body.as_bytes(), UnsignedType::Payout).unwrap(), body);
    assert!(schema.is_valid(&message));
    *message.pointer_mut("/notification/amount").unwrap() = json!([]);
    assert!(!schema.is_valid(&message));
}

#[test]
fn rejects_invalid_messages() {
    let schema = jsonschema::validator_for(message::schema().as_value()).unwrap();
    let message = message(samples::get("order_paid-v2").unwrap().body);
    assert!(schema.is_valid(&message));
    for (pointer, wrong) in [
        ("/goods", json!("give")),
        ("/goods_reason", json!("because")),
        ("/mode", json!("default")),
        ("/event_id", Value::Null),
        ("/item_roles/0", json!("mine")),
        ("/notification", json!("{}")),
        ("/notification/notification_type", json!("payment")),
        ("/notification/items/0/quantity", json!([])),
    ] {
        let mut message = message.clone();
        *message.pointer_mut(pointer).unwrap() = wrong;
        assert!(!schema.is_valid(&message), "{pointer}");
    }
    let mut without_goods = message;
    without_goods.as_object_mut().unwrap().remove("goods");
    assert!(!schema.is_valid(&without_goods));
}
