//! Ids, sent as numbers or strings.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;

use super::lenient;

/// An id, compared as text.
///
/// Xsolla's samples do not follow the documented JSON types of ids: `"id": "1"` for an integer, `"external_id": 1` for a
/// string. Some ids have 19 digits, too many for a float. So an id is the text of the string, or the digits of the number
/// exactly as sent. `10` and `"10"` are the same id.
///
/// A user id wrapped in an object, `{"value": "player-1"}`, is accepted too. Tokens have this form, and it has been seen in
/// notifications.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(String);

impl Id {
    /// Returns the text of the id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl PartialEq<str> for Id {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Id {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl AsRef<str> for Id {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Wrapped {
            #[serde(deserialize_with = "lenient::text")]
            value: String,
        }

        let json = Box::<RawValue>::deserialize(deserializer)?;
        let text = if json.get().starts_with('{') {
            serde_json::from_str(json.get()).map(|wrapped: Wrapped| wrapped.value)
        } else {
            lenient::text(&mut serde_json::Deserializer::from_str(json.get()))
        };
        text.map(Self).map_err(|_| D::Error::custom("not an id"))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Id {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let text = serde_json::json!({ "type": ["string", "number"] });
        schemars::json_schema!({
            "description": "An id. `10` and `\"10\"` are the same. Some have more digits than a float can hold.",
            "anyOf": [
                text,
                { "type": "object", "properties": { "value": text }, "required": ["value"] },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_string_and_wrapped_value_are_the_same_id() {
        for json in [r#""10""#, "10", r#"{"value":"10"}"#, r#"{"value":10,"hidden":true}"#] {
            let id: Id = serde_json::from_str(json).unwrap();
            assert_eq!(id, "10", "{json}");
        }
        for invalid in ["null", "true", "[]", "{}", r#"{"value":{"value":1}}"#, r#"[{"value":1}]"#] {
            assert!(serde_json::from_str::<Id>(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn number_has_every_digit() {
        for digits in ["9007199254740993", "1234567890123456789", "340282366920938463463374607431768211456", "1.9900"] {
            let id: Id = serde_json::from_str(digits).unwrap();
            assert_eq!(id.to_string(), digits);
        }
    }

    #[test]
    fn rejects_deep_nesting_without_recursion() {
        let deep = format!("{}1{}", r#"{"value":"#.repeat(100_000), "}".repeat(100_000));
        assert!(serde_json::from_str::<Id>(&deep).is_err());
    }
}
