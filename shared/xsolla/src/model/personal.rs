//! Personal data.

use std::fmt;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer};

use super::lenient;

/// Personal data. `Debug` hides it, and there is no `Display`, so logs do not contain it.
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

/// Accepts a string or a number: a phone number or a postal code can be sent as a number.
impl<'de> Deserialize<'de> for Personal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::text(deserializer).map(Self)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Personal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Personal".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Personal data.",
            "type": ["string", "number"],
            (super::keyword::PII): true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_accessible_and_debug_hides_it() {
        let email: Personal = serde_json::from_str(r#""mira@example.com""#).unwrap();
        assert_eq!(&*email, "mira@example.com");
        assert_eq!(format!("{:?}", Some(email)), "Some(Personal(..))");
        let zip: Personal = serde_json::from_str("10115").unwrap();
        assert_eq!(&*zip, "10115");
    }
}
