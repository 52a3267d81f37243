//! Redaction of personal data.

use serde_json::value::RawValue;

use super::json::{JsonType, Members, elements};
use super::shape::{SHAPES, SHAPES_WITHOUT_USERS, Shape, safe_key};

const MASK: &str = r#""***""#;

/// Returns a notification without personal data, indented.
///
/// Only values that the model has and does not mark as personal remain: ids (also of users), amounts, items, dates, enum
/// values. All other values become `"***"`: unknown fields, the game's own data (`custom_parameters`), and everything in a type
/// without a model. A key remains unless it can be personal data.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::inspect::redact;
///
/// let body = r#"{"notification_type":"refund","transaction":{"id":7},"user":{"id":"isle-4471","name":"Mira"}}"#;
/// let redacted = redact("refund", body);
/// assert!(redacted.contains(r#""id": "isle-4471""#) && redacted.contains(r#""name": "***""#));
/// ```
#[must_use]
pub fn redact(type_name: &str, notification: &str) -> String {
    redact_by(SHAPES.get(type_name), notification)
}

/// Returns a notification without personal data, user ids and text that a person or the game chose, for storage after the
/// erasure of a user.
///
/// Items, dates, countries and amounts remain, and Xsolla's ids of transactions, orders and subscriptions: see [`redact`].
///
/// # Example
///
/// ```
/// use xsolla_webhooks::inspect::anonymize;
///
/// let body = r#"{"notification_type":"refund","transaction":{"id":7},"user":{"id":"isle-4471","country":"DE"}}"#;
/// let anonymized = anonymize("refund", body);
/// assert!(anonymized.contains(r#""country": "DE""#) && !anonymized.contains("isle-4471"));
/// ```
#[must_use]
pub fn anonymize(type_name: &str, notification: &str) -> String {
    redact_by(SHAPES_WITHOUT_USERS.get(type_name), notification)
}

fn redact_by(shape: Option<&Shape>, notification: &str) -> String {
    let mut out = String::new();
    match serde_json::from_str(notification) {
        Ok(value) => write_value(&mut out, shape, value, 0),
        Err(_) => out.push_str(MASK),
    }
    out
}

/// Writes a value; a mask if it has no shape or is personal. So the shape limits the depth of the recursion.
fn write_value(out: &mut String, shape: Option<&Shape>, value: &RawValue, depth: usize) {
    let json = value.get();
    let json_type = JsonType::of(json);
    let shape = shape.filter(|shape| !shape.is_any && !shape.is_personal && shape.allows(json_type, json));
    match (json_type, shape) {
        (JsonType::Null, _) => out.push_str("null"),
        (_, None) => out.push_str(MASK),
        (JsonType::Object, Some(shape)) => {
            let Ok(Members(members)) = serde_json::from_str(json) else { return out.push_str(MASK) };
            let members = members.iter().map(|(name, value)| {
                let shape = shape.fields.get(name).map(|field| &field.shape);
                (format!("\"{}\": ", safe_key(name)), shape, *value)
            });
            write_lines(out, ["{", "}"], members, depth);
        }
        (JsonType::Array, Some(shape)) => {
            let elements = elements(json).into_iter();
            let elements = elements.map(|element| (String::new(), shape.element.as_deref(), element));
            write_lines(out, ["[", "]"], elements, depth);
        }
        (JsonType::Boolean | JsonType::Integer | JsonType::Decimal | JsonType::String, Some(_)) => out.push_str(json),
    }
}

fn write_lines<'a>(
    out: &mut String,
    [open, close]: [&str; 2],
    parts: impl Iterator<Item = (String, Option<&'a Shape>, &'a RawValue)>,
    depth: usize,
) {
    let new_line = |out: &mut String, depth| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    out.push_str(open);
    let mut is_empty = true;
    for (name, shape, value) in parts {
        if !is_empty {
            out.push(',');
        }
        is_empty = false;
        new_line(out, depth + 1);
        out.push_str(&name);
        write_value(out, shape, value, depth + 1);
    }
    if !is_empty {
        new_line(out, depth);
    }
    out.push_str(close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{Field, Fields};
    use crate::samples;

    #[test]
    fn known_values_that_are_not_personal_are_unchanged() {
        let body = r#"{"notification_type":"payment","transaction":{"id":9007199254740993001,"dry_run":1},
            "purchase":{"total":{"amount":7.9900,"currency":"EUR"}},
            "user":{"id":"isle-4471","email":"mira@example.com","zip":10115,"name":null},"user":{"ip":"192.0.2.1"},
            "custom_parameters":{"mother":"Ada"},"settings":[],"mira@example.com":1,"card_suffix":"4242"}"#;
        let redacted = r#"{
  "notification_type": "payment",
  "transaction": {
    "id": 9007199254740993001,
    "dry_run": 1
  },
  "purchase": {
    "total": {
      "amount": 7.9900,
      "currency": "EUR"
    }
  },
  "user": {
    "id": "isle-4471",
    "email": "***",
    "zip": "***",
    "name": null
  },
  "user": {
    "ip": "***"
  },
  "custom_parameters": "***",
  "settings": [],
  "(redacted key)": "***",
  "card_suffix": "***"
}"#;
        assert_eq!(redact("payment", body), redacted);
    }

    #[test]
    fn values_of_unexpected_types_are_masked() {
        for body in [
            r#"{"transaction":"mira@example.com"}"#,
            r#"{"transaction":{"payment_date":{"mira":"mira@example.com"}}}"#,
            r#"{"settings":["mira@example.com"]}"#,
            r#""mira@example.com""#,
            "mira@example.com",
        ] {
            let redacted = redact("payment", body);
            assert!(redacted.contains("***") && !redacted.contains("mira"), "{redacted}");
        }
        assert_eq!(redact("redeem_key", r#"{"user":{"id":"mira"}}"#), MASK, "a type without a model");
        assert_eq!(redact("unknown_type", r#"{"user":{"id":"mira"}}"#), MASK);
    }

    #[test]
    fn anonymize_masks_the_user_and_not_the_sale() {
        let body = r#"{"notification_type":"payment","transaction":{"id":7,"external_id":"cart-1"},
            "purchase":{"total":{"amount":7.99,"currency":"EUR"},"gift":{"giver_id":1,"receiver_id":"isle-2"}},
            "user":{"id":{"value":"isle-1"},"email":"mira@example.com","country":"DE","new":"isle-1"}}"#;
        let anonymized = r#"{
  "notification_type": "payment",
  "transaction": {
    "id": 7,
    "external_id": "***"
  },
  "purchase": {
    "total": {
      "amount": 7.99,
      "currency": "EUR"
    },
    "gift": {
      "giver_id": "***",
      "receiver_id": "***"
    }
  },
  "user": {
    "id": "***",
    "email": "***",
    "country": "DE",
    "new": "***"
  }
}"#;
        assert_eq!(anonymize("payment", body), anonymized);
        assert_eq!(anonymize("payment", anonymized), anonymized, "idempotent");
    }

    #[test]
    fn anonymized_samples_have_no_users_and_the_same_ids() {
        let mut with_user = 0;
        for sample in samples::ALL {
            let text = |value: &str, field| Fields::parse(value).unwrap().text(field).map(std::borrow::Cow::into_owned);
            let type_name = text(sample.body, Field::NotificationType).unwrap();
            let anonymized = anonymize(&type_name, sample.body);
            // User ids start with `isle-`, and so does the currency.
            let has_user = |text: &str| text.replace("isle-pearls", "").contains("isle-");
            assert!(!has_user(&anonymized) && !anonymized.contains('@'), "{}: {anonymized}", sample.name);
            let fields = [Field::TransactionId, Field::OrderId, Field::InvoiceId, Field::TotalAmount, Field::OrderMode];
            for field in fields.into_iter().filter(|_| SHAPES.contains_key(type_name.as_str())) {
                assert_eq!(text(&anonymized, field), text(sample.body, field), "{}: {field:?}", sample.name);
            }
            with_user += usize::from(has_user(sample.body));
        }
        assert!(with_user > 20, "{with_user}");
    }

    #[test]
    fn anonymize_masks_text_that_a_person_or_the_game_chose() {
        let body = r#"{"notification_type":"order_paid","order":{"id":5,"status":"paid","platform":"mira",
            "comment":"for mira","coupons":[{"code":"MIRA","external_id":"mira"}],"promocodes":[{"code":"MIRA"}]},
            "items":[{"sku":"boots","custom_attributes":{"a":"mira"}}],"custom_parameters":{"a":"mira"},
            "billing":{"transaction":{"agreement":"mira","payment_method_order_id":"mira"},
            "purchase":{"coupon":{"coupon_code":"MIRA","campaign_code":"MIRA"},"subscription":{"tags":["mira"]}}}}"#;
        let refund = r#"{"notification_type":"refund","transaction":{"id":7},
            "refund_details":{"code":1,"reason":"Mira asked","reason_detail":"mira","author":"mira"}}"#;
        for (type_name, body, preserved) in [
            ("order_paid", body, [r#""id": 5"#, r#""status": "paid""#, r#""sku": "boots""#]),
            ("refund", refund, [r#""id": 7"#, r#""code": 1"#, r#""reason": "***""#]),
        ] {
            let anonymized = anonymize(type_name, body);
            assert!(!anonymized.to_lowercase().contains("mira"), "{anonymized}");
            for preserved in preserved {
                assert!(anonymized.contains(preserved), "{preserved} in {anonymized}");
            }
        }
    }

    #[test]
    fn redacted_samples_have_no_personal_data() {
        let mut masks = 0;
        for sample in samples::ALL {
            let value: serde_json::Value = serde_json::from_str(sample.body).unwrap();
            let redacted = redact(value["notification_type"].as_str().unwrap(), sample.body);
            for personal in ["@", "192.0.2.", "198.51.100.", "203.0.113.", "\"+", "1202555", "June", "Mira", "Please"] {
                assert!(!redacted.contains(personal), "{}: {personal} in {redacted}", sample.name);
            }
            masks += redacted.matches(MASK).count();
        }
        assert!(masks > 50, "{masks}");
    }
}
