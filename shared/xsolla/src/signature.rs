//! Signatures: `Authorization: Signature <hex of SHA-1(body ++ secret)>`.
//!
//! Xsolla's scheme is a plain hash with the secret appended to the body, not an HMAC. It covers the bytes as sent, so a body
//! must be verified before it is parsed.
//!
//! SHA-1 collisions can be computed, and two colliding bodies have the same signature under every secret. The check for UTF-8
//! in [`json_text`](crate::json_text) stops them.

use std::fmt;
use std::str::FromStr;

use sha1::{Digest, Sha1};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::body::BodyDigest;
use crate::secrets::Secrets;

/// The length of a SHA-1 hash in bytes.
const HASH_LEN: usize = 20;

/// The maximum number of values of `Authorization` that are read.
const MAX_VALUES: usize = 8;

/// A well-formed signature that is not verified yet.
///
/// Parsed from the value of the `Authorization` header: the word `Signature`, spaces or tabs, 40 hexadecimal digits. Letter
/// case and surrounding spaces and tabs are ignored.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::{Secrets, Signature};
///
/// let header = "Signature e61077e203eb692b6eb29fff47ccec989089118f";
/// let signature: Signature = header.parse()?;
/// let verified = Secrets::new(["magic"])?.verify(b"{'notification_type':'payment'}", &signature)?;
/// assert_eq!(verified.secret_index(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Signature([u8; HASH_LEN]);

/// The error of parsing a [`Signature`]. Answer it like an [`InvalidSignature`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed signature: expected `Signature` and 40 hexadecimal digits")]
pub struct ParseSignatureError(());

/// The error of verifying a body: no secret matches the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid signature")]
#[non_exhaustive]
pub struct InvalidSignature;

impl FromStr for Signature {
    type Err = ParseSignatureError;

    fn from_str(authorization: &str) -> Result<Self, ParseSignatureError> {
        let error = ParseSignatureError(());
        let blank = [' ', '\t'];
        let (scheme, digits) = authorization.trim_matches(blank).split_once(blank).ok_or(error)?;
        if !scheme.eq_ignore_ascii_case("Signature") {
            return Err(error);
        }
        let mut signature = [0; HASH_LEN];
        hex::decode_to_slice(digits.trim_start_matches(blank), &mut signature).map_err(|_| error)?;
        Ok(Self(signature))
    }
}

impl Signature {
    pub(crate) const fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Parses all values of the `Authorization` headers of a request.
    ///
    /// Xsolla sends one header with one value. A proxy can repeat the header, add one of its own, or join several into one,
    /// separated by commas. Malformed values are skipped. At most eight values are read.
    ///
    /// ```
    /// use xsolla_webhooks::{Signature, sign};
    ///
    /// let signature = sign(b"{}", "magic");
    /// let joined = format!("Basic dXNlcg==, {signature}");
    /// assert_eq!(Signature::parse_all([joined.as_str(), &signature]).len(), 2);
    /// ```
    pub fn parse_all<'v>(authorization: impl IntoIterator<Item = &'v str>) -> Vec<Self> {
        let values = authorization.into_iter().flat_map(|header| header.split(','));
        let values = values.filter(|value| !value.trim().is_empty()).take(MAX_VALUES);
        values.filter_map(|value| value.parse().ok()).collect()
    }
}

/// Hides the digits, because a signature can be replayed with its body.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(…)")
    }
}

/// A body whose signature was verified.
///
/// Only [`Secrets::verify`] creates one, so no step that requires a `Verified` can run without verification.
#[derive(Clone, Copy)]
pub struct Verified<'a> {
    body: &'a [u8],
    secret_index: u32,
    digest: BodyDigest,
}

impl<'a> Verified<'a> {
    /// Returns the body as received.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Returns the index of the secret that matched. 0 is the current one.
    #[must_use]
    pub const fn secret_index(&self) -> u32 {
        self.secret_index
    }

    /// Returns the body's digest. It distinguishes a retry from different content with the same event id.
    #[must_use]
    pub const fn digest(&self) -> BodyDigest {
        self.digest
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({} bytes)", self.body.len())
    }
}

impl Secrets {
    /// Returns the `Authorization` header for a body with the current secret: see [`sign`].
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> String {
        sign(body, self.expose().next().unwrap_or_default())
    }

    /// Verifies a body.
    ///
    /// Tries every secret, in constant time. The body is hashed once, regardless of the number of secrets.
    ///
    /// # Errors
    ///
    /// If no secret matches the signature.
    pub fn verify<'a>(&self, body: &'a [u8], signature: &Signature) -> Result<Verified<'a>, InvalidSignature> {
        self.verify_any(body, std::slice::from_ref(signature))
    }

    /// Verifies a body with several signatures. One that matches is enough: see [`Signature::parse_all`].
    ///
    /// Tries every secret with every signature, in constant time.
    ///
    /// # Errors
    ///
    /// If no secret matches any signature, or there is none.
    pub fn verify_any<'a>(&self, body: &'a [u8], signatures: &[Signature]) -> Result<Verified<'a>, InvalidSignature> {
        let body_hash = Sha1::new_with_prefix(body);
        let (mut matched, mut secret_index) = (Choice::from(0), 0_u32);
        for (index, secret) in (0_u32..).zip(self.expose()) {
            let expected = body_hash.clone().chain_update(secret).finalize();
            let equals = |signature: &Signature| expected.as_slice().ct_eq(&signature.0);
            let equal = signatures.iter().fold(Choice::from(0), |equal, signature| equal | equals(signature));
            secret_index.conditional_assign(&index, equal & !matched);
            matched |= equal;
        }
        if bool::from(matched) {
            Ok(Verified { body, secret_index, digest: BodyDigest::of(body) })
        } else {
            Err(InvalidSignature)
        }
    }
}

/// Returns the `Authorization` header that Xsolla sends with this body. For tests and local use.
///
/// ```
/// let header = xsolla_webhooks::sign(br#"{"notification_type":"payment"}"#, "secret");
/// assert_eq!(header, "Signature a4ac2a62218b3ff4117059eb2c9953cb73bcf677");
/// ```
#[must_use]
pub fn sign(body: &[u8], secret: &str) -> String {
    format!("Signature {}", hex::encode(Sha1::new_with_prefix(body).chain_update(secret).finalize()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// Returns the index of the matching secret.
    fn verify(body: &[u8], secrets: &[&str], header: &str) -> Option<u32> {
        let signature = header.parse().ok()?;
        let secrets = Secrets::new(secrets.iter().copied()).unwrap();
        secrets.verify(body, &signature).ok().map(|verified| verified.secret_index())
    }

    const BODY: &[u8] = b"{'notification_type':'payment'}";
    const SECRET: &str = "magic";
    const HEX: &str = "e61077e203eb692b6eb29fff47ccec989089118f";

    /// Vectors published by other receivers, and recomputed by hand.
    #[rstest]
    #[case(BODY, SECRET, HEX)]
    #[case(br#"{"nothing":"to see"}"#, "magic", "b527cd6f6dac87f9abadf39d0120813125d6b460")]
    #[case(br#"{"notification_type":"payment"}"#, "secret", "a4ac2a62218b3ff4117059eb2c9953cb73bcf677")]
    #[case(b"", "PROJECT_SECRET_KEY", "78143a5ac4b892a68ce8b0b8b49e26667db0fa07")]
    fn published_vectors_verify(#[case] body: &[u8], #[case] secret: &str, #[case] hex: &str) {
        assert_eq!(sign(body, secret), format!("Signature {hex}"));
        assert_eq!(verify(body, &[secret], &format!("Signature {hex}")), Some(0));
    }

    #[test]
    fn ignores_letter_case_and_whitespace() {
        for header in
            [format!("signature {HEX}"), format!("SIGNATURE {}", HEX.to_uppercase()), format!("  Signature  \t {HEX} ")]
        {
            assert_eq!(verify(BODY, &[SECRET], &header), Some(0), "{header:?}");
        }
    }

    #[test]
    fn rejects_all_other_forms() {
        for header in [
            String::new(),
            HEX.to_owned(),
            "Signature".to_owned(),
            "Signature ".to_owned(),
            format!("Signature{HEX}"),
            format!("Signature {}", &HEX[1..]),
            format!("Signature {HEX}0"),
            format!("Signature {HEX} {HEX}"),
            format!("Signature {HEX}, Signature {HEX}"),
            format!("Signature: {HEX}"),
            format!("Sig {HEX}"),
            format!("Bearer {HEX}"),
            format!("Signature {}g", &HEX[1..]),
            format!("Signature +{}", &HEX[1..]),
            format!("Signature {}é", &HEX[2..]),
            format!("Signature\n{HEX}"),
        ] {
            assert!(header.parse::<Signature>().is_err(), "{header:?}");
        }
    }

    #[test]
    fn rejects_other_body_other_secret_and_changed_digit() {
        assert_eq!(verify(b"{'notification_type':'payment'} ", &[SECRET], &format!("Signature {HEX}")), None);
        assert_eq!(verify(BODY, &["Magic"], &format!("Signature {HEX}")), None);
        assert_eq!(verify(BODY, &[SECRET], &format!("Signature {}e", &HEX[..39])), None);
    }

    #[test]
    fn current_secret_signs() {
        assert_eq!(Secrets::new(["current", "previous"]).unwrap().sign(b"{}"), sign(b"{}", "current"));
    }

    #[test]
    fn any_secret_can_match_and_the_first_index_is_reported() {
        let secrets = ["current", "previous", "store"];
        for (index, secret) in (0..).zip(secrets) {
            assert_eq!(verify(b"{}", &secrets, &sign(b"{}", secret)), Some(index));
        }
        assert_eq!(verify(b"{}", &["same", "same"], &sign(b"{}", "same")), Some(0));
        assert_eq!(verify(b"{}", &secrets, &sign(b"{}", "other")), None);
    }

    #[rstest]
    #[case::one(&["GOOD"], true)]
    #[case::repeated(&["GOOD", "GOOD"], true)]
    #[case::first_of_two(&["GOOD", "BAD"], true)]
    #[case::second_of_two(&["BAD", "GOOD"], true)]
    #[case::joined(&["GOOD,GOOD"], true)]
    #[case::joined_with_blanks(&["Basic x , GOOD "], true)]
    #[case::joined_and_repeated(&["Basic x", "BAD,GOOD"], true)]
    #[case::eighth_value(&["BAD,BAD,BAD,BAD", "x,x,x,GOOD"], true)]
    #[case::ninth_value(&["BAD,BAD,BAD,BAD", "x,x,x,x,GOOD"], false)]
    #[case::empty_values_do_not_count(&[",,,,,,,,,,GOOD"], true)]
    #[case::none_matches(&["BAD", "BAD,BAD"], false)]
    #[case::no_header(&[], false)]
    #[case::empty(&["", ","], false)]
    #[case::digits_in_two_values(&["Signature,HEX"], false)]
    fn any_of_several_values_is_enough(#[case] authorization: &[&str], #[case] is_valid: bool) {
        let (good, bad) = (sign(BODY, SECRET), sign(BODY, "other"));
        let replace = |value: &&str| value.replace("GOOD", &good).replace("BAD", &bad).replace("HEX", HEX);
        let headers: Vec<String> = authorization.iter().map(replace).collect();
        let signatures = Signature::parse_all(headers.iter().map(String::as_str));
        let secrets = Secrets::new(["unused", SECRET]).unwrap();
        let verified = secrets.verify_any(BODY, &signatures);
        assert_eq!(verified.ok().map(|verified| verified.secret_index()), is_valid.then_some(1));
    }

    #[test]
    fn debug_shows_neither_signature_nor_body() {
        let header = sign(b"private", "hunter2");
        let signature = header.parse().unwrap();
        let verified = Secrets::new(["hunter2"]).unwrap().verify(b"private", &signature).unwrap();
        let debug = format!("{signature:?} {verified:?}");
        assert!(!debug.contains("private") && !debug.contains(&header["Signature ".len()..]), "{debug}");
    }
}
