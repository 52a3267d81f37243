//! Deserializers of single values that are sent with different JSON types.
//!
//! Numbers are parsed from their text, never through a float: `1.9900` has its scale and `1234567890123456789` its digits.

use std::fmt;
use std::marker::PhantomData;

use rust_decimal::Decimal;
#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Error, MapAccess, SeqAccess};
use serde_json::value::RawValue;

/// A value that is neither an object nor an array.
enum Scalar {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
}

impl Scalar {
    fn parse(json: &str) -> Option<Self> {
        match (json, json.as_bytes().first()?) {
            ("null", _) => Some(Self::Null),
            ("true", _) => Some(Self::Bool(true)),
            ("false", _) => Some(Self::Bool(false)),
            (_, b'"') => serde_json::from_str(json).map(Self::Text).ok(),
            (_, b'-' | b'0'..=b'9') => Some(Self::Number(json.to_owned())),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(json.get()).ok_or_else(|| D::Error::custom("neither a string nor a number"))
    }
}

/// Accepts a string, or a number exactly as written.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Scalar::deserialize(deserializer)? {
        Scalar::Text(text) | Scalar::Number(text) => Ok(text),
        Scalar::Null | Scalar::Bool(_) => Err(D::Error::custom("neither a string nor a number")),
    }
}

/// Accepts a number, or a string with a number. `null`, `""` and the old samples' `"[null]"` are `None`.
///
/// A number with more digits than a [`Decimal`] can hold (28 or 29) is an error, not rounded.
pub(super) fn decimal<'de, D>(deserializer: D) -> Result<Option<Decimal>, D::Error>
where
    D: Deserializer<'de>,
{
    match Scalar::deserialize(deserializer)? {
        Scalar::Null => Ok(None),
        Scalar::Text(text) if matches!(text.as_str(), "" | "null" | "[null]") => Ok(None),
        Scalar::Text(text) | Scalar::Number(text) => match parse_exact(&text) {
            Some(decimal) => Ok(Some(decimal)),
            None => Err(D::Error::custom("not an exact decimal number")),
        },
        Scalar::Bool(_) => Err(D::Error::custom("not a number")),
    }
}

/// The schema of [`decimal`].
#[cfg(feature = "schema")]
pub(super) fn decimal_schema(_: &mut SchemaGenerator) -> Schema {
    let pattern = r"^(|null|\[null\]|[+-]?[0-9.]+([eE][+-]?[0-9]+)?)$";
    json_schema!({ "type": ["number", "string", "null"], "pattern": pattern })
}

/// Parses without rounding and without digit separators, unlike `Decimal::from_str`.
fn parse_exact(text: &str) -> Option<Decimal> {
    if text.contains('_') {
        return None;
    }
    match text.split_once(['e', 'E']) {
        None => Decimal::from_str_exact(text).ok(),
        Some((mantissa, _)) => {
            Decimal::from_str_exact(mantissa).ok()?;
            Decimal::from_scientific(text).ok()
        }
    }
}

/// Accepts a whole number that is not negative, in all forms of [`decimal`].
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match decimal(deserializer)? {
        None => Ok(None),
        Some(decimal) if decimal.is_integer() => {
            u64::try_from(decimal).map(Some).map_err(|_| D::Error::custom("not a count"))
        }
        Some(_) => Err(D::Error::custom("not a whole number")),
    }
}

/// The schema of [`count`].
#[cfg(feature = "schema")]
pub(super) fn count_schema(_: &mut SchemaGenerator) -> Schema {
    let pattern = r"^(|null|\[null\]|[+]?[0-9.]+([eE][+-]?[0-9]+)?)$";
    json_schema!({ "type": ["integer", "string", "null"], "minimum": 0, "pattern": pattern })
}

/// Accepts a boolean: `true`, `1`, and both as strings. `null` and `""` are `None`.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match Scalar::deserialize(deserializer)? {
        Scalar::Null => Ok(None),
        Scalar::Bool(flag) => Ok(Some(flag)),
        Scalar::Text(text) | Scalar::Number(text) => match text.as_str() {
            "" => Ok(None),
            "1" | "true" => Ok(Some(true)),
            "0" | "false" => Ok(Some(false)),
            _ => Err(D::Error::custom("not a boolean")),
        },
    }
}

/// The schema of [`flag`].
#[cfg(feature = "schema")]
pub(super) fn flag_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["boolean", "integer", "string", "null"],
        "enum": [true, false, 1, 0, "1", "0", "true", "false", "", null],
    })
}

/// Accepts an array. `null` is an empty one.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The schema of [`list`].
#[cfg(feature = "schema")]
pub(super) fn list_schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["array", "null"], "items": generator.subschema_for::<T>() })
}

/// Accepts an array, or a single object in place of an array with one element. `null` is an empty array.
pub(super) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    // An untagged enum is shorter, but it buffers, which breaks `RawValue`.
    struct OneOrMany<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> de::Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object, an array of objects, or null")
        }

        fn visit_unit<E: de::Error>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, one: A) -> Result<Vec<T>, A::Error> {
            T::deserialize(de::value::MapAccessDeserializer::new(one)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, many: A) -> Result<Vec<T>, A::Error> {
            Vec::deserialize(de::value::SeqAccessDeserializer::new(many))
        }
    }

    deserializer.deserialize_any(OneOrMany(PhantomData))
}

/// The schema of [`one_or_many`].
#[cfg(feature = "schema")]
pub(super) fn one_or_many_schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [list_schema::<T>(generator), generator.subschema_for::<T>()] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_decimal(json: &str) -> Result<Option<Decimal>, serde_json::Error> {
        decimal(&mut serde_json::Deserializer::from_str(json))
    }

    #[test]
    fn decimal_is_exact_or_an_error() {
        for (json, expected) in [
            ("50", "50"),
            ("9.99", "9.99"),
            ("1.9900", "1.9900"),
            (r#""1.9900""#, "1.9900"),
            (r#""10""#, "10"),
            ("-0.70", "-0.70"),
            ("0.1", "0.1"),
            ("1.5e3", "1500"),
            ("25E-2", "0.25"),
            ("0.70000000000000007", "0.70000000000000007"),
        ] {
            let decimal = read_decimal(json).unwrap().unwrap();
            assert_eq!(decimal, expected.parse().unwrap(), "{json}");
            if !json.contains(['e', 'E']) {
                assert_eq!(decimal.to_string(), expected, "{json}");
            }
        }
        for none in ["null", r#""""#, r#""[null]""#, r#""null""#] {
            assert_eq!(read_decimal(none).unwrap(), None, "{none}");
        }
        for invalid in [
            "true",
            "[1]",
            "{}",
            r#""ten""#,
            r#""1,000""#,
            r#""1_000""#,
            r#""NaN""#,
            r#""1e""#,
            "1e400",
            "9e28",
            "1e-4000000000",
            "0.12345678901234567890123456789",
            "1.23456789012345678901234567891e0",
            "123456789012345678901234567890",
        ] {
            assert!(read_decimal(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn count_is_whole_and_not_negative() {
        let read = |json| count(&mut serde_json::Deserializer::from_str(json));
        assert_eq!(read("1500").unwrap(), Some(1500));
        assert_eq!(read(r#""2""#).unwrap(), Some(2));
        assert_eq!(read("3.0").unwrap(), Some(3));
        assert_eq!(read("18446744073709551615").unwrap(), Some(u64::MAX));
        assert_eq!(read("null").unwrap(), None);
        for invalid in ["1.5", "-1", "18446744073709551616"] {
            assert!(read(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn flag_has_eight_forms() {
        let read = |json| flag(&mut serde_json::Deserializer::from_str(json));
        for yes in ["true", "1", r#""true""#, r#""1""#] {
            assert_eq!(read(yes).unwrap(), Some(true), "{yes}");
        }
        for no in ["false", "0", r#""false""#, r#""0""#] {
            assert_eq!(read(no).unwrap(), Some(false), "{no}");
        }
        assert_eq!(read("null").unwrap(), None);
        assert!(read(r#""maybe""#).is_err());
    }

    #[test]
    fn list_can_be_null_and_one_or_many_a_single_object() {
        #[derive(serde::Deserialize)]
        struct Exact {
            n: Box<RawValue>,
        }
        let read = |json| -> Result<Vec<String>, serde_json::Error> {
            let objects: Vec<Exact> = one_or_many(&mut serde_json::Deserializer::from_str(json))?;
            Ok(objects.iter().map(|object| object.n.to_string()).collect())
        };
        assert!(read("null").unwrap().is_empty());
        assert!(read("[]").unwrap().is_empty());
        assert_eq!(read(r#"{"n": 1.50}"#).unwrap(), ["1.50"]);
        assert_eq!(read(r#"[{"n": 1.50}, {"n": 2}]"#).unwrap(), ["1.50", "2"]);
        assert!(read("7").is_err());

        let read = |json| list::<_, u8>(&mut serde_json::Deserializer::from_str(json));
        assert!(read("null").unwrap().is_empty());
        assert_eq!(read("[1, 2]").unwrap(), [1, 2]);
        assert!(read(r#"{"0": 1}"#).is_err());
    }
}
