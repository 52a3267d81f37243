//! Personal data.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer};

use super::{PERSONAL, lenient};

/// Text about a person, or written by one. It stays out of logs: `Debug` hides it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Personal(String);

impl Deref for Personal {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Personal(..)")
    }
}

/// From a string, or from a number: a phone or a zip may come as one.
impl<'de> Deserialize<'de> for Personal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::text(deserializer).map(Self)
    }
}

impl JsonSchema for Personal {
    fn schema_name() -> Cow<'static, str> {
        "Personal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Text about a person, or written by one: personal data.",
            "type": ["string", "number"],
            (PERSONAL): true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_can_be_used_and_is_not_shown() {
        let email: Personal = serde_json::from_str(r#""mira@example.com""#).unwrap();
        assert_eq!(&*email, "mira@example.com");
        assert_eq!(format!("{:?}", Some(email)), "Some(Personal(..))");
        let zip: Personal = serde_json::from_str("10115").unwrap();
        assert_eq!(&*zip, "10115");
    }
}
