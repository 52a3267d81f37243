//! The bytes of a body: their digest and their text.

use std::fmt;
use std::str::Utf8Error;

use sha2::{Digest, Sha256};

/// The SHA-256 digest of a body as received. Displayed as 64 hexadecimal digits.
///
/// Two deliveries with the same event id are duplicates if their digests are equal, else conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    /// Hashes a body.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }
}

impl fmt::Display for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Returns the JSON text of a body, without a byte order mark.
///
/// The check for UTF-8 also stops SHA-1 twins: two bodies with one signature. The blocks of a collision are bytes that cannot
/// be chosen freely, and no collision of UTF-8 texts is known (`tests/sha1_twins.rs`). So do not read a body in another
/// encoding, and do not replace invalid bytes.
///
/// # Errors
///
/// If the body is not UTF-8.
pub fn json_text(body: &[u8]) -> Result<&str, Utf8Error> {
    let text = std::str::from_utf8(body)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
