//! Properties that hold for every body, tested with generated bodies.
#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use xsolla_webhooks::inspect::{MAX_FINDINGS, find_drift, redact};
use xsolla_webhooks::{Envelope, NotificationType, Secrets, Signature, sign};

/// DynamoDB's limits for a partition key and a sort key, less the suffix of a conflict.
const MAX_KEYS: (usize, usize) = (2048, 1024 - "#conflict#".len() - 64);

/// Keys that determine the identity of a notification.
const NAMES: &[&str] =
    &["id", "transaction", "order", "user", "invoice_id", "billing", "subscription", "date", "amount", "dry_run"];

/// Signs and verifies a body, and calls `inspect` with its envelope.
fn with_envelope<T>(body: &[u8], inspect: impl FnOnce(Option<Envelope<'_>>) -> T) -> T {
    let signature = sign(body, "secret").parse().unwrap();
    let verified = Secrets::new(["secret"]).unwrap().verify(body, &signature).unwrap();
    inspect(Envelope::parse(&verified).ok())
}

/// Any JSON, with [`NAMES`] among its keys.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![proptest::sample::select(NAMES).prop_map(str::to_owned), any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..8)
                .prop_map(|object| Value::Object(object.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_type() -> impl Strategy<Value = String> {
    let known: Vec<String> = NotificationType::ALL.iter().map(|known| known.name().to_owned()).collect();
    prop_oneof![proptest::sample::select(known), any::<String>()]
}

proptest! {
    #[test]
    fn no_body_and_no_header_panics(body: Vec<u8>, header: String) {
        if let Ok(signature) = header.parse() {
            prop_assert!(Secrets::new(["secret"]).unwrap().verify(&body, &signature).is_err());
        }
        with_envelope(&body, |_| ());
    }

    #[test]
    fn only_the_same_secret_and_body_verify(body: Vec<u8>, other: Vec<u8>, secret in "[!-~]{1,40}") {
        let secrets = Secrets::new([&secret]).unwrap();
        let signature: Signature = sign(&body, &secret).parse().unwrap();
        prop_assert!(secrets.verify(&body, &signature).is_ok());
        prop_assert_eq!(secrets.verify(&other, &signature).is_ok(), body == other);
        prop_assert!(Secrets::new([secret + "x"]).unwrap().verify(&body, &signature).is_err());
    }

    #[test]
    fn every_object_with_a_type_has_a_valid_key(object in any_json(), notification_type in any_type()) {
        let mut body = if object.is_object() { object } else { json!({ "x": object }) };
        body["notification_type"] = json!(notification_type);
        with_envelope(body.to_string().as_bytes(), |envelope| {
            let envelope = envelope.unwrap();
            prop_assert_eq!(envelope.type_name(), notification_type);
            let (subject, rest) = (envelope.event_id().subject(), envelope.event_id().rest());
            prop_assert!(subject.len() <= MAX_KEYS.0 && rest.len() <= MAX_KEYS.1, "{} {}", subject.len(), rest.len());
            prop_assert!([subject, rest].concat().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            for reference in [envelope.order_id(), envelope.user_id(), envelope.project_id()] {
                prop_assert!(reference.is_none_or(|reference| (1..=1024).contains(&reference.len())));
            }
            Ok(())
        })?;
    }

    #[test]
    fn drift_is_found_in_every_notification(object in any_json(), notification_type in any_type()) {
        let body = json!({
            "notification_type": notification_type, "transaction": object, "user": object, "order": object,
            "purchase": { "total": object, "order": { "lineitems": [object] } }, "items": object,
        });
        let found = find_drift(&notification_type, &body.to_string());
        prop_assert!(found.len() <= MAX_FINDINGS);
        for finding in found {
            prop_assert!(finding.to_string().bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{finding}");
        }
        prop_assert!(find_drift(&notification_type, &object.to_string()).len() <= MAX_FINDINGS);
    }

    #[test]
    fn redacted_notification_is_json(object in any_json(), notification_type in any_type(), text in "\\PC{1,9}") {
        let body = json!({
            "notification_type": notification_type, "transaction": object, "items": [object],
            "user": { "email": format!("@{text}"), text: object },
        });
        let redacted = redact(&notification_type, &body.to_string());
        prop_assert!(serde_json::from_str::<Value>(&redacted).is_ok(), "{redacted}");
    }

    #[test]
    fn id_has_every_digit_and_one_spelling(id in "[1-9][0-9]{0,40}", fraction in "(\\.[0-9]{0,19}[1-9])?", zeros in 0..20_usize) {
        let id = id + &fraction;
        let zeros = if fraction.is_empty() && zeros > 0 { format!(".{}", "0".repeat(zeros)) } else { String::new() };
        for json in [format!("{id}{zeros}"), format!("\" {id}{zeros}\\n\"")] {
            let body = format!(r#"{{"transaction":{{"id":{json}}},"notification_type":"payment"}}"#);
            let event_id = with_envelope(body.as_bytes(), |envelope| envelope.unwrap().event_id().to_string());
            prop_assert_eq!(event_id, format!("transaction#{id}#payment"));
        }
    }
}
