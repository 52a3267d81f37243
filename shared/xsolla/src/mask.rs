//! Bodies as people may see them who have no need to know the buyer, and as they stay when the buyer is to be forgotten.

use serde_json::value::RawValue;

use crate::shape::{Kind, Members, ODD_KEY, SHAPES, SHAPES_WITHOUT_USERS, Shape, elements, is_plain};

const MASK: &str = r#""***""#;

/// A notification, indented, without what is or may be personal data.
///
/// Shown is what the model of its type knows and does not call personal: ids (those of users too), amounts, items,
/// dates, words of lists. Anything else is `"***"`: unknown fields, the game's own (`custom_parameters`), and all of a
/// type that has no model. Keys stay, unless they look like somebody's data.
///
/// ```
/// let body = r#"{"notification_type":"refund","transaction":{"id":7},"user":{"id":"isle-4471","name":"Mira"}}"#;
/// let shown = xsolla::masked("refund", body);
/// assert!(shown.contains(r#""id": "isle-4471""#) && shown.contains(r#""name": "***""#));
/// ```
#[must_use]
pub fn masked(type_name: &str, notification: &str) -> String {
    masked_by(SHAPES.get(type_name), notification)
}

/// A notification as it is kept once its user was erased: [`masked`], and without ids of users. What is left tells what
/// was sold, when, in which country and for how much, not to whom.
///
/// ```
/// let body = r#"{"notification_type":"refund","transaction":{"id":7},"user":{"id":"isle-4471","country":"DE"}}"#;
/// let kept = xsolla::erased("refund", body);
/// assert!(kept.contains(r#""country": "DE""#) && !kept.contains("isle-4471"));
/// ```
#[must_use]
pub fn erased(type_name: &str, notification: &str) -> String {
    masked_by(SHAPES_WITHOUT_USERS.get(type_name), notification)
}

fn masked_by(shape: Option<&Shape>, notification: &str) -> String {
    let mut shown = String::new();
    match serde_json::from_str(notification) {
        Ok(value) => write(&mut shown, shape, value, 0),
        Err(_) => shown.push_str(MASK),
    }
    shown
}

/// The depth is that of the shape: what has none is not gone into.
fn write(shown: &mut String, shape: Option<&Shape>, value: &RawValue, depth: usize) {
    let json = value.get();
    let kind = Kind::of(json);
    let known = shape.filter(|shape| !shape.free && !shape.personal && shape.takes(kind, json));
    match (kind, known) {
        (Kind::Null, _) => shown.push_str("null"),
        (_, None) => shown.push_str(MASK),
        (Kind::Object, Some(shape)) => {
            let Ok(Members(members)) = serde_json::from_str(json) else { return shown.push_str(MASK) };
            let members = members.iter().map(|(name, value)| {
                let name = if is_plain(name) { name } else { ODD_KEY };
                (format!("\"{name}\": "), shape.fields.get(name).map(|field| &field.shape), *value)
            });
            lines(shown, ["{", "}"], members, depth);
        }
        (Kind::Array, Some(shape)) => {
            let elements = elements(json).into_iter();
            let elements = elements.map(|element| (String::new(), shape.element.as_deref(), element));
            lines(shown, ["[", "]"], elements, depth);
        }
        (Kind::Bool | Kind::Integer | Kind::Decimal | Kind::Text, Some(_)) => shown.push_str(json),
    }
}

fn lines<'a>(
    shown: &mut String,
    [open, close]: [&str; 2],
    parts: impl Iterator<Item = (String, Option<&'a Shape>, &'a RawValue)>,
    depth: usize,
) {
    let new_line = |shown: &mut String, depth| {
        shown.push('\n');
        shown.push_str(&"  ".repeat(depth));
    };
    shown.push_str(open);
    let mut is_empty = true;
    for (name, shape, value) in parts {
        if !is_empty {
            shown.push(',');
        }
        is_empty = false;
        new_line(shown, depth + 1);
        shown.push_str(&name);
        write(shown, shape, value, depth + 1);
    }
    if !is_empty {
        new_line(shown, depth);
    }
    shown.push_str(close);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::{Field, Fields};
    use crate::samples;

    #[test]
    fn what_is_known_and_not_personal_stays_as_it_was_written() {
        let body = r#"{"notification_type":"payment","transaction":{"id":9007199254740993001,"dry_run":1},
            "purchase":{"total":{"amount":7.9900,"currency":"EUR"}},
            "user":{"id":"isle-4471","email":"mira@example.com","zip":10115,"name":null},"user":{"ip":"192.0.2.1"},
            "custom_parameters":{"mother":"Ada"},"settings":[],"mira@example.com":1,"card_suffix":"4242"}"#;
        let shown = r#"{
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
  "(odd key)": "***",
  "card_suffix": "***"
}"#;
        assert_eq!(masked("payment", body), shown);
    }

    #[test]
    fn where_a_value_of_another_kind_stands_nothing_is_shown() {
        for body in [
            r#"{"transaction":"mira@example.com"}"#,
            r#"{"transaction":{"payment_date":{"mira":"mira@example.com"}}}"#,
            r#"{"settings":["mira@example.com"]}"#,
            r#""mira@example.com""#,
            "mira@example.com",
        ] {
            let shown = masked("payment", body);
            assert!(shown.contains("***") && !shown.contains("mira"), "{shown}");
        }
        assert_eq!(masked("redeem_key", r#"{"user":{"id":"mira"}}"#), MASK, "a type without a model");
        assert_eq!(masked("unheard_of", r#"{"user":{"id":"mira"}}"#), MASK);
    }

    #[test]
    fn of_an_erased_notification_stays_what_was_sold_and_not_to_whom() {
        let body = r#"{"notification_type":"payment","transaction":{"id":7,"external_id":"cart-1"},
            "purchase":{"total":{"amount":7.99,"currency":"EUR"},"gift":{"giver_id":1,"receiver_id":"isle-2"}},
            "user":{"id":{"value":"isle-1"},"email":"mira@example.com","country":"DE","new":"isle-1"}}"#;
        let kept = r#"{
  "notification_type": "payment",
  "transaction": {
    "id": 7,
    "external_id": "cart-1"
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
        assert_eq!(erased("payment", body), kept);
        assert_eq!(erased("payment", kept), kept, "erasing it again changes nothing");
    }

    #[test]
    fn no_erased_sample_names_a_user_and_each_is_about_the_same() {
        let mut forgotten = 0;
        for sample in samples::ALL {
            let text = |value: &str, field| Fields::read(value).unwrap().text(field).map(std::borrow::Cow::into_owned);
            let type_name = text(sample.body, Field::NotificationType).unwrap();
            let kept = erased(&type_name, sample.body);
            // Their currency is called `isle-pearls`.
            let users = |text: &str| text.replace("isle-pearls", "").contains("isle-");
            assert!(!users(&kept) && !kept.contains('@'), "{}: {kept}", sample.name);
            let fields = [Field::TransactionId, Field::OrderId, Field::InvoiceId, Field::TotalAmount, Field::OrderMode];
            for field in fields.into_iter().filter(|_| SHAPES.contains_key(type_name.as_str())) {
                assert_eq!(text(&kept, field), text(sample.body, field), "{}: {field:?}", sample.name);
            }
            forgotten += usize::from(users(sample.body));
        }
        assert!(forgotten > 20, "{forgotten}");
    }

    #[test]
    fn no_sample_shows_whose_it_is() {
        let mut masks = 0;
        for sample in samples::ALL {
            let value: serde_json::Value = serde_json::from_str(sample.body).unwrap();
            let shown = masked(value["notification_type"].as_str().unwrap(), sample.body);
            for personal in ["@", "192.0.2.", "198.51.100.", "203.0.113.", "\"+", "1202555", "June", "Mira", "Please"] {
                assert!(!shown.contains(personal), "{}: {personal} in {shown}", sample.name);
            }
            masks += shown.matches(MASK).count();
        }
        assert!(masks > 50, "{masks}");
    }
}
