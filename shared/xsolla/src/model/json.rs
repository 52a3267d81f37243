//! JSON of any shape.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A value whose shape is the game's own or not documented, kept as the text that was sent.
///
/// Two are equal if their texts are. `Debug` shows only the length: nobody knows what is inside.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// A value, written.
    pub(crate) fn of(value: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::value::to_raw_value(value).map(Self)
    }

    pub(crate) const fn raw(&self) -> &RawValue {
        &self.0
    }

    /// The JSON text, byte for byte.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// The value as a type of the caller's, if it has that shape.
    #[must_use]
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_str(self.get()).ok()
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Json {}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Json({} bytes)", self.get().len())
    }
}

impl JsonSchema for Json {
    fn schema_name() -> Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "JSON of any shape." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_kept_and_not_shown() {
        let json: Json = serde_json::from_str(r#" {"level":  1.50, "name":"\u0041"} "#).unwrap();
        assert_eq!(json.get(), r#"{"level":  1.50, "name":"\u0041"}"#);
        assert_eq!(format!("{json:?}"), "Json(33 bytes)");
    }

    #[test]
    fn it_reads_as_the_callers_type_or_not_at_all() {
        #[derive(Deserialize)]
        struct Hero<'a> {
            name: &'a str,
        }
        let json: Json = serde_json::from_str(r#"{"name": "Ada", "level": 3}"#).unwrap();
        assert_eq!(json.read::<Hero>().unwrap().name, "Ada");
        assert_eq!(json.read::<Vec<u8>>(), None);
    }
}
