//! Extraction of single values from a JSON object, without a model.
//!
//! `notification_type` can be the last key, ids can be numbers or strings, any value can have an undocumented JSON type, and
//! unknown fields are normal. So each value is found by its path and remains JSON text, with every digit. If a key is
//! repeated, the last one wins, as in most JSON parsers.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

macro_rules! fields {
    ($($name:ident = $($segment:literal).+;)+) => {
        /// The path of a value in a notification.
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
    PurchaseOrder = "purchase"."order";
    PurchaseSubscriptionId = "purchase"."subscription"."subscription_id";
    BillingSubscriptionId = "billing"."purchase"."subscription"."subscription_id";
    PurchaseSubscription = "purchase"."subscription";
    VirtualItems = "purchase"."virtual_items";
    VirtualCurrency = "purchase"."virtual_currency";
    PinCodes = "purchase"."pin_codes";
    PurchaseGift = "purchase"."gift";
    PurchaseGiftReceiverId = "purchase"."gift"."receiver_id";
    BillingPurchaseGift = "billing"."purchase"."gift";
    BillingPurchaseGiftReceiverId = "billing"."purchase"."gift"."receiver_id";
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
    FlatDryRun = "dry_run";
}

/// The values of one notification, by path.
pub(crate) struct Fields<'a>([Option<&'a RawValue>; PATHS.len()]);

/// A set of indexes into `PATHS`, one bit each.
type Paths = u64;
const _: () = assert!(PATHS.len() < Paths::BITS as usize);

impl Default for Fields<'_> {
    fn default() -> Self {
        Self([None; PATHS.len()])
    }
}

impl<'a> Fields<'a> {
    /// Parses a JSON object. Any other JSON is an error.
    pub(crate) fn parse(object: &'a str) -> serde_json::Result<Self> {
        let mut fields = Self::default();
        let every_path: Paths = (1 << PATHS.len()) - 1;
        fields.parse_level(object, every_path, 0)?;
        Ok(fields)
    }

    /// Returns the value.
    pub(crate) fn raw(&self, field: Field) -> Option<&'a RawValue> {
        self.0[field as usize]
    }

    /// Returns the value's JSON text.
    pub(crate) fn json(&self, field: Field) -> Option<&'a str> {
        self.raw(field).map(RawValue::get)
    }

    /// Returns a string or number as text; `None` for any other JSON type and for an invalid string.
    pub(crate) fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        text(self.0[field as usize]?)
    }

    /// Returns a string; `None` for any other JSON type. A string with a lone surrogate (`"\ud800"`) is returned escaped.
    pub(crate) fn string(&self, field: Field) -> Option<Cow<'a, str>> {
        let value = self.0[field as usize]?;
        let written = value.get().strip_prefix('"')?.strip_suffix('"')?;
        Some(text(value).unwrap_or(Cow::Borrowed(written)))
    }

    /// Returns whether a flag is set.
    ///
    /// Real notifications have `1`, `"1"` and `true` for yes; a missing value, `null`, `0`, `"0"` and `false` for no. Other
    /// text means no, because a real sale must not be treated as a test.
    pub(crate) fn is_set(&self, field: Field) -> bool {
        match self.text(field) {
            Some(text) => {
                let text = text.trim();
                let is_number_but_zero = |number: f64| number.is_finite() && number != 0.0;
                text.eq_ignore_ascii_case("true") || text.parse().is_ok_and(is_number_but_zero)
            }
            None => self.0[field as usize].is_some_and(|value| value.get() == "true"),
        }
    }

    fn parse_level(&mut self, object: &'a str, paths: Paths, depth: usize) -> serde_json::Result<()> {
        let mut reader = serde_json::Deserializer::from_str(object);
        reader.deserialize_map(Level { fields: self, paths, depth })?;
        reader.end()
    }
}

/// Visits one object and collects the values of `paths`, whose keys at `depth` are in this object.
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
            let matching = matching_paths(key, self.paths, self.depth);
            if matching == 0 {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &'de RawValue = map.next_value()?;
            for path in indexes(matching) {
                let is_last_key = PATHS[path].len() == self.depth + 1;
                self.fields.0[path] = is_last_key.then_some(value);
            }
            let deeper = indexes(matching).filter(|path| PATHS[*path].len() > self.depth + 1);
            let deeper: Paths = deeper.map(|path| 1 << path).sum();
            if deeper != 0 && value.get().starts_with('{') {
                self.fields.parse_level(value.get(), deeper, self.depth + 1).map_err(serde::de::Error::custom)?;
            }
        }
        Ok(())
    }
}

/// Returns the paths that have this key at `depth`.
///
/// The key is a raw value because a `str` cannot hold a lone surrogate, and bytes would not be validated as JSON.
fn matching_paths(key: &RawValue, paths: Paths, depth: usize) -> Paths {
    let Some(key) = text(key) else { return 0 };
    indexes(paths).filter(|path| PATHS[*path][depth] == key).map(|path| 1 << path).sum()
}

/// Iterates over the indexes in a set.
fn indexes(mut paths: Paths) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (paths != 0).then(|| paths.trailing_zeros() as usize);
        paths &= paths.wrapping_sub(1);
        lowest
    })
}

/// Returns a string or number as text. It can be wrapped in an object, as some user ids are: `{"value": …}`.
fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let json = value.get();
    match json.as_bytes().first()? {
        b'"' if !json.contains('\\') => Some(Cow::Borrowed(&json[1..json.len() - 1])),
        b'"' => serde_json::from_str(json).ok().map(Cow::Owned),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(json)),
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
        Fields::parse(body).unwrap().text(Field::TransactionId).map(Cow::into_owned)
    }

    #[test]
    fn text_of_number_or_string_has_every_digit() {
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
    fn text_of_other_json_types_is_none() {
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
    fn last_of_repeated_keys_wins() {
        assert_eq!(transaction_id(r#"{"transaction":{"id":1,"id":2}}"#).as_deref(), Some("2"));
        assert_eq!(transaction_id(r#"{"transaction":{"id":1},"transaction":{"id":2}}"#).as_deref(), Some("2"));
        assert_eq!(transaction_id(r#"{"transaction":{"id":1},"transaction":{}}"#), None);
    }

    #[test]
    fn escaped_key_matches_and_lone_surrogate_does_not() {
        assert_eq!(transaction_id(r#"{"\ud800":{"id":2},"transaction":{"\udfff":3,"id":1}}"#).as_deref(), Some("1"));
        assert_eq!(transaction_id(r#"{"transac\u0074ion":{"id":1}}"#).as_deref(), Some("1"));
    }

    #[test]
    fn same_key_at_other_depth_does_not_match() {
        assert_eq!(transaction_id(r#"{"id":1,"custom":{"transaction":{"id":2}},"transaction":{"x":{"id":3}}}"#), None);
    }

    #[test]
    fn rejects_everything_but_one_json_object() {
        for body in ["", " ", "null", "[]", "[{}]", "1", r#""{}""#, "{", "{}}", "{} {}", r#"{"a":}"#, r#"{"a":1,}"#] {
            assert!(Fields::parse(body).is_err(), "{body:?}");
        }
        for body in ["{\"a\nb\":1}", r#"{"\x":1}"#, r#"{"\u00":1}"#, "{a:1}", "{1:1}", "{{}:1}"] {
            assert!(Fields::parse(body).is_err(), "invalid key: {body:?}");
        }
    }

    #[test]
    fn deeply_nested_json_does_not_overflow_the_stack() {
        let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        let inside_unknown = format!(r#"{{"x":{},"transaction":{{"id":1}}}}"#, deep(r#"{"a":"#, "}"));
        assert_eq!(transaction_id(&inside_unknown).as_deref(), Some("1"));
        assert_eq!(transaction_id(&format!(r#"{{"transaction":{}}}"#, deep(r#"{"id":"#, "}"))), None);
        assert_eq!(transaction_id(&format!(r#"{{"transaction":{{"id":{}}}}}"#, deep("[", "]"))), None);
        assert!(Fields::parse(&deep("[", "]")).is_err());
    }
}
