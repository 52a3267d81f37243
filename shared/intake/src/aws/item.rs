//! An item to be put, in both forms that it takes on its way: `DynamoDB`'s JSON, and the SDK's types.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The condition on which it is put: no item has its key.
pub(super) const KEY_IS_FREE: &str = "attribute_not_exists(pk)";

/// Attributes by their names. It has a body, and so no `Debug`.
pub(super) struct Item<'a>(pub(super) Vec<(&'static str, Attribute<'a>)>);

/// A value, of the kinds that are put.
#[derive(Serialize)]
pub(super) enum Attribute<'a> {
    /// Text.
    S(Cow<'a, str>),
    /// A number.
    N(String),
    /// A truth value.
    #[serde(rename = "BOOL")]
    Bool(bool),
    /// Bytes.
    #[serde(serialize_with = "in_base64")]
    B(&'a [u8]),
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// As raw JSON: nothing in base64 has to be escaped, and looking for it would cost more than the rest of the item.
fn in_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4 + 2);
    text.push('"');
    STANDARD.encode_string(bytes, &mut text);
    text.push('"');
    RawValue::from_string(text).map_err(S::Error::custom)?.serialize(serializer)
}

impl Item<'_> {
    /// As the client takes it.
    pub(super) fn to_sdk(&self) -> HashMap<String, AttributeValue> {
        let value = |value: &Attribute<'_>| match value {
            Attribute::S(text) => AttributeValue::S(text.to_string()),
            Attribute::N(number) => AttributeValue::N(number.clone()),
            Attribute::Bool(boolean) => AttributeValue::Bool(*boolean),
            Attribute::B(bytes) => AttributeValue::B(Blob::new(*bytes)),
        };
        self.0.iter().map(|(name, attribute)| ((*name).to_owned(), value(attribute))).collect()
    }
}
