//! JSON of any form.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A JSON value as sent. For values that belong to the game or are not documented.
///
/// Two values are equal if their texts are. `Debug` shows only the length, because the content can be personal data.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::model::{Model, OrderPaid};
///
/// let order_paid = OrderPaid::from_json(r#"{
///     "notification_type": "order_paid", "order": {}, "user": {},
///     "items": [{"sku": "lantern", "custom_attributes": {"light": 1.50}}]
/// }"#)?;
/// let attributes = order_paid.items[0].custom_attributes.as_ref().unwrap();
/// assert_eq!(attributes.get(), r#"{"light": 1.50}"#);
/// # Ok::<(), xsolla_webhooks::model::ModelError>(())
/// ```
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// Serializes a value.
    pub(crate) fn new(value: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::value::to_raw_value(value).map(Self)
    }

    pub(crate) const fn raw(&self) -> &RawValue {
        &self.0
    }

    /// Returns the JSON text, byte for byte.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Deserializes the value; `None` if it has another form.
    #[must_use]
    pub fn deserialize<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
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

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Json {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Json".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "description": "Any JSON." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_unchanged_and_debug_hides_it() {
        let json: Json = serde_json::from_str(r#" {"level":  1.50, "name":"\u0041"} "#).unwrap();
        assert_eq!(json.get(), r#"{"level":  1.50, "name":"\u0041"}"#);
        assert_eq!(format!("{json:?}"), "Json(33 bytes)");
    }

    #[test]
    fn deserializes_only_matching_types() {
        #[derive(Deserialize)]
        struct Hero<'a> {
            name: &'a str,
        }
        let json: Json = serde_json::from_str(r#"{"name": "Ada", "level": 3}"#).unwrap();
        assert_eq!(json.deserialize::<Hero>().unwrap().name, "Ada");
        assert_eq!(json.deserialize::<Vec<u8>>(), None);
    }
}
