//! Picks the values that matter out of a JSON object, however the object is arranged.
//!
//! `notification_type` may come last, ids may be numbers or strings, any value may be of another kind than documented,
//! and unknown fields are normal. So nothing is typed here: each value is found by its path and kept as the text that
//! stands in the body, every digit of it. A repeated key counts as in most JSON readers: the last one.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

macro_rules! fields {
    ($($name:ident = $($segment:literal).+;)+) => {
        /// A value that the envelope or an identity needs, by its place in a notification.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Field { $($name),+ }

        const PATHS: &[&[&str]] = &[$(&[$($segment),+]),+];
    };
}

fields! {
    NotificationType = "notification_type";
    TransactionId = "transaction"."id";
    BillingTransactionId = "billing"."transaction"."id";
    InvoiceId = "order"."invoice_id";
    OrderId = "order"."id";
    PurchaseOrderId = "purchase"."order"."id";
    BlockListTransactionId = "event"."transaction_id";
    SubscriptionId = "subscription"."subscription_id";
    OperationId = "id_operation";
    PurchaseSubscriptionId = "purchase"."subscription"."subscription_id";
    PurchasePlanId = "purchase"."subscription"."plan_id";
    Items = "items";
    PaymentAccountId = "payment_account"."id";
    NextCharge = "subscription"."date_next_charge";
    PlanId = "subscription"."plan_id";
    RefundDate = "refund_details"."date";
    TotalAmount = "purchase"."total"."amount";
    PaymentAmount = "payment_details"."payment"."amount";
    UserId = "user"."id";
    ExternalUserId = "user"."external_id";
    UserUserId = "user"."user_id";
    PublicUserId = "user"."public_id";
    PayloadUserId = "payload"."user"."id";
    FlatUserId = "user_id";
    GamePlayerId = "game_player_id";
    ProjectId = "settings"."project_id";
    BillingProjectId = "billing"."settings"."project_id";
    EventProjectId = "event"."project_id";
    FlatProjectId = "project_id";
    PayoutId = "id";
    PayoutStatus = "status";
    OrderMode = "order"."mode";
    DryRun = "transaction"."dry_run";
    BillingDryRun = "billing"."transaction"."dry_run";
}

/// The values found in one notification.
pub(crate) struct Fields<'a>([Option<&'a RawValue>; PATHS.len()]);

/// A set of paths, one bit each.
type Paths = u64;
const _: () = assert!(PATHS.len() < Paths::BITS as usize);

impl<'a> Fields<'a> {
    /// Reads a whole JSON object; fails on anything else.
    pub(crate) fn read(object: &'a str) -> serde_json::Result<Self> {
        let mut fields = Self([None; PATHS.len()]);
        let every_path: Paths = (1 << PATHS.len()) - 1;
        fields.read_level(object, every_path, 0)?;
        Ok(fields)
    }

    /// The value as it stands in the body.
    pub(crate) fn raw(&self, field: Field) -> Option<&'a RawValue> {
        self.0[field as usize]
    }

    /// The value's JSON text.
    pub(crate) fn json(&self, field: Field) -> Option<&'a str> {
        self.raw(field).map(RawValue::get)
    }

    /// A string or number as text. Any other kind of value, and an unreadable string, is as good as none.
    pub(crate) fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        text(self.0[field as usize]?)
    }

    /// A string, and nothing else. One that holds half a character (`"\ud800"`) is taken as it is written.
    pub(crate) fn string(&self, field: Field) -> Option<Cow<'a, str>> {
        let value = self.0[field as usize]?;
        let written = value.get().strip_prefix('"')?.strip_suffix('"')?;
        Some(text(value).unwrap_or(Cow::Borrowed(written)))
    }

    /// Whether a flag is up. Seen: `1`, `"1"`, `true`; and for "no" nothing at all, `null`, `0`, `"0"`, `false`.
    /// Any other word is no: a sale must not be taken for a test.
    pub(crate) fn is_set(&self, field: Field) -> bool {
        match self.text(field) {
            Some(text) => text.eq_ignore_ascii_case("true") || text.parse().is_ok_and(|number: f64| number != 0.0),
            None => self.0[field as usize].is_some_and(|value| value.get() == "true"),
        }
    }

    fn read_level(&mut self, object: &'a str, paths: Paths, depth: usize) -> serde_json::Result<()> {
        let mut reader = serde_json::Deserializer::from_str(object);
        reader.deserialize_map(Level { fields: self, paths, depth })?;
        reader.end()
    }
}

/// Reads one object, of which it wants `paths`, each by its segment at `depth`.
struct Level<'f, 'a> {
    fields: &'f mut Fields<'a>,
    paths: Paths,
    depth: usize,
}

impl<'de> Visitor<'de> for Level<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<&RawValue>()? {
            let wanted = through(key, self.paths, self.depth);
            if wanted == 0 {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &'de RawValue = map.next_value()?;
            for path in each(wanted) {
                let ends_here = PATHS[path].len() == self.depth + 1;
                self.fields.0[path] = ends_here.then_some(value);
            }
            let deeper = each(wanted).filter(|path| PATHS[*path].len() > self.depth + 1);
            let deeper: Paths = deeper.map(|path| 1 << path).sum();
            if deeper != 0 && value.get().starts_with('{') {
                self.fields.read_level(value.get(), deeper, self.depth + 1).map_err(serde::de::Error::custom)?;
            }
        }
        Ok(())
    }
}

/// Which of the wanted paths go through this key, which is given as it is written: as text, it could not hold half a
/// character, and as bytes, it would not be refused for what JSON does not allow in it.
fn through(key: &RawValue, wanted: Paths, depth: usize) -> Paths {
    let Some(key) = text(key) else { return 0 };
    each(wanted).filter(|path| PATHS[*path][depth] == key).map(|path| 1 << path).sum()
}

fn each(mut paths: Paths) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (paths != 0).then(|| paths.trailing_zeros() as usize);
        paths &= paths.wrapping_sub(1);
        lowest
    })
}

fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let json = value.get();
    match json.as_bytes().first()? {
        b'"' if !json.contains('\\') => Some(Cow::Borrowed(&json[1..json.len() - 1])),
        b'"' => serde_json::from_str(json).ok().map(Cow::Owned),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(json)),
        // Some senders of user ids wrap them: {"value": 1234567}.
        b'{' => {
            #[derive(serde::Deserialize)]
            struct Wrapped<'a> {
                #[serde(borrow)]
                value: &'a RawValue,
            }
            let inner = serde_json::from_str::<Wrapped<'_>>(json).ok()?.value;
            if inner.get().starts_with('{') { None } else { text(inner) }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction_id(body: &str) -> Option<String> {
        Fields::read(body).unwrap().text(Field::TransactionId).map(Cow::into_owned)
    }

    #[test]
    fn numbers_and_strings_are_text_with_every_digit() {
        for (body, id) in [
            (r#"{"transaction":{"id":2105129134}}"#, "2105129134"),
            (r#"{"transaction":{"id":"2105129134"}}"#, "2105129134"),
            (r#"{"transaction":{"id":12345678901234567890123}}"#, "12345678901234567890123"),
            (r#"{"transaction":{"id":1.9900}}"#, "1.9900"),
            (r#"{"transaction":{"id":"\u0031"}}"#, "1"),
            (r#"{"transaction":{"id":{"value":7}}}"#, "7"),
        ] {
            assert_eq!(transaction_id(body).as_deref(), Some(id), "{body}");
        }
    }

    #[test]
    fn a_value_of_another_kind_is_as_good_as_none() {
        for body in [
            "{}",
            r#"{"transaction":null}"#,
            r#"{"transaction":[]}"#,
            r#"{"transaction":"1"}"#,
            r#"{"transaction":1e999}"#,
            r#"{"transaction":{"id":null}}"#,
            r#"{"transaction":{"id":true}}"#,
            r#"{"transaction":{"id":[1]}}"#,
            r#"{"transaction":{"id":{"value":{"value":1}}}}"#,
            r#"{"transaction":{"id":"\ud800"}}"#,
            r#"{"transaction":"\ud800"}"#,
        ] {
            assert_eq!(transaction_id(body), None, "{body}");
        }
    }

    #[test]
    fn of_a_repeated_key_the_last_counts() {
        assert_eq!(transaction_id(r#"{"transaction":{"id":1,"id":2}}"#).as_deref(), Some("2"));
        assert_eq!(transaction_id(r#"{"transaction":{"id":1},"transaction":{"id":2}}"#).as_deref(), Some("2"));
        assert_eq!(transaction_id(r#"{"transaction":{"id":1},"transaction":{}}"#), None);
    }

    #[test]
    fn an_escaped_key_is_the_same_key_and_a_broken_one_is_another() {
        assert_eq!(transaction_id(r#"{"\ud800":{"id":2},"transaction":{"\udfff":3,"id":1}}"#).as_deref(), Some("1"));
        assert_eq!(transaction_id(r#"{"transac\u0074ion":{"id":1}}"#).as_deref(), Some("1"));
    }

    #[test]
    fn a_key_that_only_looks_alike_at_another_depth_is_not_taken() {
        assert_eq!(transaction_id(r#"{"id":1,"custom":{"transaction":{"id":2}},"transaction":{"x":{"id":3}}}"#), None);
    }

    #[test]
    fn whatever_is_no_object_is_refused() {
        for body in ["", " ", "null", "[]", "[{}]", "1", r#""{}""#, "{", "{}}", "{} {}", r#"{"a":}"#, r#"{"a":1,}"#] {
            assert!(Fields::read(body).is_err(), "{body:?}");
        }
        for body in ["{\"a\nb\":1}", r#"{"\x":1}"#, r#"{"\u00":1}"#, "{a:1}", "{1:1}", "{{}:1}"] {
            assert!(Fields::read(body).is_err(), "JSON has no such key: {body:?}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        let inside_unknown = format!(r#"{{"x":{},"transaction":{{"id":1}}}}"#, deep(r#"{"a":"#, "}"));
        assert_eq!(transaction_id(&inside_unknown).as_deref(), Some("1"));
        assert_eq!(transaction_id(&format!(r#"{{"transaction":{}}}"#, deep(r#"{"id":"#, "}"))), None);
        assert_eq!(transaction_id(&format!(r#"{{"transaction":{{"id":{}}}}}"#, deep("[", "]"))), None);
        assert!(Fields::read(&deep("[", "]")).is_err());
    }
}
