//! An independent implementation of what the product reads from a notification, to compare with.

use std::collections::BTreeMap;

use serde_bytes::{ByteBuf, Bytes};
use serde_json::value::RawValue;

/// The trimmed JSON text of a body; `None` if it is not JSON.
pub(crate) fn json(body: &[u8]) -> Option<&str> {
    let text = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    serde_json::from_slice::<&RawValue>(text).ok()?;
    Some(str::from_utf8(text).ok()?.trim_matches([' ', '\t', '\n', '\r']))
}

/// The `notification_type` of a body; `None` if the body is not a JSON object with one that is a string.
pub(crate) fn type_name(body: &[u8]) -> Option<String> {
    // Keys are bytes, since a key may contain an unpaired surrogate. The last of repeated keys wins.
    let object: BTreeMap<ByteBuf, &RawValue> = serde_json::from_str(json(body)?).ok()?;
    let value = object.get(Bytes::new(b"notification_type"))?.get();
    let written = value.strip_prefix('"')?.strip_suffix('"')?;
    Some(serde_json::from_str(value).unwrap_or_else(|_| written.to_owned()))
}
