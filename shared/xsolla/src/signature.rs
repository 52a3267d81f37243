//! Who signed a body: `Authorization: Signature <hex of SHA-1(body ++ secret)>`.
//!
//! It is a plain hash, not an HMAC, with the secret behind the body (Xsolla's documentation of webhook signatures).
//! It covers the bytes as they came: parsing and writing them again would change them.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha1::{Digest, Sha1};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::BodyDigest;

const LENGTH: usize = 20;

/// The webhook secrets of a project, the current one first.
///
/// There can be several: the old and the new one while a secret is changed, or the second one that Xsolla's Store API
/// allows for `order_*`. `Debug` shows none of them.
#[derive(Debug, Clone)]
pub struct Secrets(pub(crate) Vec<SecretString>);

/// Why a text holds no secrets. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecrets {
    /// No secret at all: an empty text, or an empty list.
    #[error("there is no secret in it yet")]
    Empty,
    /// One of the secrets is an empty string: anyone could sign with it.
    #[error("a secret in it is empty")]
    EmptySecret,
    /// It looks like JSON, and is neither a list of strings nor `{"secrets":[…]}`.
    #[error(r#"it must be {{"secrets":["current","previous"]}}, the list alone, or one plain secret"#)]
    Malformed,
}

impl Secrets {
    /// Reads `{"secrets":["current","previous"]}`, the list alone, or one plain secret.
    ///
    /// # Errors
    ///
    /// When there is no usable secret in the text.
    pub fn parse(text: &str) -> Result<Self, InvalidSecrets> {
        #[derive(Deserialize)]
        struct Document {
            secrets: Vec<String>,
        }
        let text = text.trim();
        let list = match text.as_bytes().first() {
            None => return Err(InvalidSecrets::Empty),
            Some(b'{') => serde_json::from_str::<Document>(text).map(|document| document.secrets),
            Some(b'[') => serde_json::from_str(text),
            Some(_) => Ok(vec![text.to_owned()]),
        };
        Self::new(list.map_err(|_| InvalidSecrets::Malformed)?)
    }

    /// Takes the secrets themselves, the current one first.
    ///
    /// # Errors
    ///
    /// When there is none, or one of them is empty.
    pub fn new(list: Vec<String>) -> Result<Self, InvalidSecrets> {
        if list.is_empty() {
            return Err(InvalidSecrets::Empty);
        }
        if list.iter().any(String::is_empty) {
            return Err(InvalidSecrets::EmptySecret);
        }
        Ok(Self(list.into_iter().map(SecretString::from).collect()))
    }

    /// The length of the shortest, in bytes.
    #[must_use]
    pub fn shortest(&self) -> usize {
        self.0.iter().map(|secret| secret.expose_secret().len()).min().unwrap_or_default()
    }

    /// Whether this is one of them. Every secret is tried, in constant time; no more than a length can show.
    #[must_use]
    pub fn contain(&self, candidate: &str) -> bool {
        let equal = |secret: &SecretString| secret.expose_secret().as_bytes().ct_eq(candidate.as_bytes());
        self.0.iter().fold(Choice::from(0), |found, secret| found | equal(secret)).into()
    }

    /// Turns an unverified body into a [`Verified`] one, if one of the secrets made the signature.
    ///
    /// Every secret is tried, in constant time; the body is hashed once, however many there are.
    ///
    /// # Errors
    ///
    /// When no secret made this signature over these bytes.
    pub fn verify<'a>(&self, body: &'a [u8], signature: &Signature) -> Result<Verified<'a>, InvalidSignature> {
        let hashed_body = Sha1::new_with_prefix(body);
        let (mut matched, mut position) = (Choice::from(0), 0_u32);
        for (candidate, secret) in (0_u32..).zip(&self.0) {
            let expected = hashed_body.clone().chain_update(secret.expose_secret()).finalize();
            let equal = expected.as_slice().ct_eq(&signature.0);
            position.conditional_assign(&candidate, equal & !matched);
            matched |= equal;
        }
        if bool::from(matched) {
            Ok(Verified { body, secret: position, digest: BodyDigest::of(body) })
        } else {
            Err(InvalidSignature)
        }
    }
}

/// A well-formed signature, not compared with anything yet.
pub struct Signature([u8; LENGTH]);

/// The signature is missing, malformed or wrong. Which of them is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature is missing, malformed or wrong")]
pub struct InvalidSignature;

impl Signature {
    /// Reads the value of the `Authorization` header: the word `Signature`, blanks, 40 hexadecimal digits.
    ///
    /// The case of the word and of the digits, and blanks around both, do not matter. All else does.
    ///
    /// # Errors
    ///
    /// When the value has another form.
    pub fn parse(authorization: &str) -> Result<Self, InvalidSignature> {
        let blank = [' ', '\t'];
        let (scheme, digits) = authorization.trim_matches(blank).split_once(blank).ok_or(InvalidSignature)?;
        let digits = digits.trim_start_matches(blank).as_bytes();
        if !scheme.eq_ignore_ascii_case("Signature") || digits.len() != 2 * LENGTH {
            return Err(InvalidSignature);
        }
        let nibble = |digit: u8| char::from(digit).to_digit(16).ok_or(InvalidSignature);
        let mut signature = [0; LENGTH];
        for (byte, pair) in signature.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::try_from(nibble(pair[0])? << 4 | nibble(pair[1])?).map_err(|_| InvalidSignature)?;
        }
        Ok(Self(signature))
    }
}

/// `Debug` tells that there is a signature, not which: with its body it could be replayed.
impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(…)")
    }
}

/// A body that Xsolla signed. Only [`Secrets::verify`] makes one, so that no later step can be reached without it.
#[derive(Clone, Copy)]
pub struct Verified<'a> {
    body: &'a [u8],
    secret: u32,
    digest: BodyDigest,
}

impl<'a> Verified<'a> {
    /// The bytes as they came.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Which secret matched: 0 is the current one.
    #[must_use]
    pub const fn secret(&self) -> u32 {
        self.secret
    }

    /// The digest by which a retry is told from another content under the same key.
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

/// The `Authorization` value with which Xsolla would send this body: for tests and local use.
#[must_use]
pub fn sign(body: &[u8], secret: &str) -> String {
    let hash = Sha1::new_with_prefix(body).chain_update(secret).finalize();
    hash.iter().fold(String::from("Signature "), |mut header, byte| {
        header.extend([byte >> 4, byte & 15].map(|nibble| char::from(b"0123456789abcdef"[usize::from(nibble)])));
        header
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(body: &[u8], secrets: &str, header: &str) -> Option<u32> {
        let signature = Signature::parse(header).ok()?;
        Secrets::parse(secrets).unwrap().verify(body, &signature).ok().map(|verified| verified.secret())
    }

    /// Published by receivers that others run, and computed again by hand.
    const VECTORS: [(&[u8], &str, &str); 4] = [
        (b"{'notification_type':'payment'}", "magic", "e61077e203eb692b6eb29fff47ccec989089118f"),
        (br#"{"nothing":"to see"}"#, "magic", "b527cd6f6dac87f9abadf39d0120813125d6b460"),
        (br#"{"notification_type":"payment"}"#, "secret", "a4ac2a62218b3ff4117059eb2c9953cb73bcf677"),
        (b"", "PROJECT_SECRET_KEY", "78143a5ac4b892a68ce8b0b8b49e26667db0fa07"),
    ];

    #[test]
    fn published_vectors_verify_and_are_what_we_sign() {
        for (body, secret, hex) in VECTORS {
            assert_eq!(sign(body, secret), format!("Signature {hex}"));
            assert_eq!(verify(body, secret, &format!("Signature {hex}")), Some(0));
        }
    }

    #[test]
    fn case_of_the_scheme_and_the_digits_and_blanks_do_not_matter() {
        let (body, secret, hex) = VECTORS[0];
        for header in
            [format!("signature {hex}"), format!("SIGNATURE {}", hex.to_uppercase()), format!("  Signature  \t {hex} ")]
        {
            assert_eq!(verify(body, secret, &header), Some(0), "{header:?}");
        }
    }

    #[test]
    fn all_other_forms_are_refused() {
        let (body, secret, hex) = VECTORS[0];
        for header in [
            String::new(),
            hex.to_owned(),
            "Signature".to_owned(),
            "Signature ".to_owned(),
            format!("Signature{hex}"),
            format!("Signature {}", &hex[1..]),
            format!("Signature {hex}0"),
            format!("Signature {hex} {hex}"),
            format!("Signature {hex}, Signature {hex}"),
            format!("Signature: {hex}"),
            format!("Sig {hex}"),
            format!("Bearer {hex}"),
            format!("Signature {}g", &hex[1..]),
            format!("Signature +{}", &hex[1..]),
            format!("Signature {}é", &hex[2..]),
            format!("Signature\n{hex}"),
        ] {
            assert_eq!(verify(body, secret, &header), None, "{header:?}");
        }
    }

    #[test]
    fn another_body_another_secret_or_a_changed_digit_is_refused() {
        let (body, secret, hex) = VECTORS[0];
        assert_eq!(verify(b"{'notification_type':'payment'} ", secret, &format!("Signature {hex}")), None);
        assert_eq!(verify(body, "Magic", &format!("Signature {hex}")), None);
        assert_eq!(verify(body, secret, &format!("Signature {}e", &hex[..39])), None);
    }

    #[test]
    fn any_of_several_secrets_may_match_and_the_result_names_it() {
        let body = b"{}";
        let secrets = r#"{"secrets":["current","previous","store"]}"#;
        for (position, secret) in [(0, "current"), (1, "previous"), (2, "store")] {
            assert_eq!(verify(body, secrets, &sign(body, secret)), Some(position));
        }
        assert_eq!(verify(body, r#"["same","same"]"#, &sign(body, "same")), Some(0), "the first that matches");
        assert_eq!(verify(body, secrets, &sign(body, "other")), None);
    }

    #[test]
    fn secrets_are_a_document_a_list_or_one_plain_secret() {
        let count = |text| Secrets::parse(text).map(|secrets| secrets.0.len());
        assert_eq!(count(r#"{"secrets":["a","b"]}"#), Ok(2));
        assert_eq!(count(r#"["a","b"]"#), Ok(2));
        assert_eq!(count("plain secret\n"), Ok(1));
        for empty in ["", "  ", "[]", r#"{"secrets":[]}"#] {
            assert_eq!(count(empty), Err(InvalidSecrets::Empty), "{empty:?}");
        }
        assert_eq!(count(r#"["a",""]"#), Err(InvalidSecrets::EmptySecret));
        for malformed in ["{", "[1]", r#"{"secret":"a"}"#, r#"{"secrets":"a"}"#] {
            assert_eq!(count(malformed), Err(InvalidSecrets::Malformed), "{malformed:?}");
        }
    }

    #[test]
    fn a_text_is_one_of_the_secrets_or_it_is_not() {
        let secrets = Secrets::parse(r#"["current","previous"]"#).unwrap();
        for (candidate, is_one) in [
            ("current", true),
            ("previous", true),
            ("", false),
            ("curren", false),
            ("currents", false),
            ("Current", false),
            ("current\0", false),
            ("currentprevious", false),
        ] {
            assert_eq!(secrets.contain(candidate), is_one, "{candidate:?}");
        }
        assert_eq!(secrets.shortest(), 7);
    }

    #[test]
    fn debug_shows_neither_secret_nor_signature_nor_body() {
        let secrets = Secrets::parse("hunter2").unwrap();
        let signature = Signature::parse(&sign(b"private", "hunter2")).unwrap();
        let verified = secrets.verify(b"private", &signature).unwrap();
        let shown = format!("{secrets:?} {signature:?} {verified:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("private"), "{shown}");
        assert!(!shown.contains(&sign(b"private", "hunter2")[10..]), "{shown}");
    }
}
