//! What holds for any body at all, tried with bodies that nobody thought of.
#![allow(clippy::unwrap_used, missing_docs)]

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use xsolla::drift::{MAX_FINDINGS, findings};
use xsolla::{Envelope, Secrets, Signature, masked, sign};

/// DynamoDB's limits for a partition key and a sort key, less what a conflict adds to the latter.
const MAX_KEYS: (usize, usize) = (2048, 1024 - "#conflict#".len() - 64);

/// Keys that decide what a notification is about.
const NAMES: &[&str] =
    &["id", "transaction", "order", "user", "invoice_id", "billing", "subscription", "date", "amount", "dry_run"];

fn read<T>(body: &[u8], look: impl FnOnce(Option<Envelope<'_>>) -> T) -> T {
    let signature = Signature::parse(&sign(body, "secret")).unwrap();
    let verified = Secrets::parse("secret").unwrap().verify(body, &signature).unwrap();
    look(Envelope::read(&verified).ok())
}

/// JSON as deep and odd as it comes, with the names that matter among its keys.
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
    let known: Vec<String> = xsolla::NotificationType::ALL.iter().map(|known| known.name().to_owned()).collect();
    prop_oneof![proptest::sample::select(known), any::<String>()]
}

proptest! {
    #[test]
    fn no_bytes_and_no_header_panic(body: Vec<u8>, header: String) {
        if let Ok(signature) = Signature::parse(&header) {
            prop_assert!(Secrets::parse("secret").unwrap().verify(&body, &signature).is_err());
        }
        read(&body, |_| ());
    }

    #[test]
    fn only_the_right_secret_over_the_same_bytes_is_right(body: Vec<u8>, other: Vec<u8>, secret in "[!-~]{1,40}") {
        let secrets = Secrets::new(vec![secret.clone()]).unwrap();
        let signature = Signature::parse(&sign(&body, &secret)).unwrap();
        prop_assert!(secrets.verify(&body, &signature).is_ok());
        prop_assert_eq!(secrets.verify(&other, &signature).is_ok(), body == other);
        prop_assert!(Secrets::new(vec![secret + "x"]).unwrap().verify(&body, &signature).is_err());
    }

    #[test]
    fn every_signed_object_with_a_type_has_a_key_that_fits(object in any_json(), notification_type in any_type()) {
        let mut body = if object.is_object() { object } else { json!({ "x": object }) };
        body["notification_type"] = json!(notification_type);
        read(body.to_string().as_bytes(), |envelope| {
            let envelope = envelope.unwrap();
            prop_assert_eq!(&envelope.type_name, &notification_type);
            let (subject, rest) = (envelope.event_id.subject(), envelope.event_id.rest());
            prop_assert!(subject.len() <= MAX_KEYS.0 && rest.len() <= MAX_KEYS.1, "{} {}", subject.len(), rest.len());
            prop_assert!([subject, rest].concat().bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            for reference in [&envelope.order_id, &envelope.user_id, &envelope.project_id] {
                prop_assert!(reference.as_ref().is_none_or(|reference| (1..=1024).contains(&reference.len())));
            }
            Ok(())
        })?;
    }

    #[test]
    fn no_notification_stops_the_search_for_drift(object in any_json(), notification_type in any_type()) {
        let body = json!({
            "notification_type": notification_type, "transaction": object, "user": object, "order": object,
            "purchase": { "total": object, "order": { "lineitems": [object] } }, "items": object,
        });
        let found = findings(&notification_type, &body.to_string());
        prop_assert!(found.len() <= MAX_FINDINGS);
        for finding in found {
            prop_assert!(finding.to_string().bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{finding}");
        }
        prop_assert!(findings(&notification_type, &object.to_string()).len() <= MAX_FINDINGS);
    }

    #[test]
    fn a_masked_notification_is_json_as_well(object in any_json(), notification_type in any_type(), text in "\\PC{1,9}") {
        let body = json!({
            "notification_type": notification_type, "transaction": object, "items": [object],
            "user": { "email": format!("@{text}"), text: object },
        });
        let shown = masked(&notification_type, &body.to_string());
        prop_assert!(serde_json::from_str::<Value>(&shown).is_ok(), "{shown}");
    }

    #[test]
    fn the_text_of_an_id_survives(id in "(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?") {
        for written in [id.clone(), format!("\"{id}\"")] {
            let body = format!(r#"{{"transaction":{{"id":{written}}},"notification_type":"payment"}}"#);
            let event_id = read(body.as_bytes(), |envelope| envelope.unwrap().event_id.to_string());
            prop_assert_eq!(event_id, format!("transaction#{id}#payment"));
        }
    }
}
