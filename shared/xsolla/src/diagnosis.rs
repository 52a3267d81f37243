//! Why a signature does not verify, for developers.
//!
//! [`diagnose`] repeats the usual mistakes until one of them gives the signature. It compares without constant time and is
//! slow, so it is not for the answer to a request. Neither its result nor its text contains a secret, a signature or a
//! part of the body.

mod rewrite;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use crate::secrets::Secrets;
use crate::signature::Signature;
use rewrite::{Form, Json};

const SCHEME: &str = "Signature";
/// A byte order mark.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The result of [`diagnose`]. Its `Display` is one line. Secrets are counted from 0, as in [`Secrets`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Diagnosis {
    /// The signature is valid.
    Valid {
        /// The position of the secret, from 0.
        secret: usize,
    },
    /// There is no `Authorization` header.
    NoHeader,
    /// The header has neither a SHA-1 nor a SHA-256 hash.
    NoSignature,
    /// The signature is valid, but the header has another form than `Signature <40 hexadecimal digits>`.
    Header {
        /// The position of the secret.
        secret: usize,
        /// What is wrong with the header.
        problem: &'static str,
    },
    /// The signature belongs to other bytes of the same body.
    Body {
        /// The position of the secret.
        secret: usize,
        /// The body that was signed.
        signed: String,
    },
    /// The signature belongs to another form of the secret.
    Secret {
        /// The position of the secret.
        secret: usize,
        /// The text that was used as the secret.
        used: &'static str,
    },
    /// The signature was computed in another way than SHA-1 of body and secret.
    Formula {
        /// The position of the secret. `None`: the formula has no secret.
        secret: Option<usize>,
        /// The formula that was used.
        used: &'static str,
    },
    /// No known mistake gives this signature.
    NoMatch {
        /// The number of secrets that were tried.
        secrets: usize,
    },
}

/// Finds out whether and with which secret a signature is valid, and if it is not, why.
///
/// `authorization` has the values of the request's `Authorization` headers. One mistake is recognized, not several at once,
/// except for a wrong form of the header.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::diagnosis::diagnose;
/// use xsolla_webhooks::{Secrets, sign};
///
/// let secrets = Secrets::new(["old", "magic"])?;
/// let header = sign(br#"{"a":1}"#, "magic");
/// let diagnosis = diagnose(b"{\"a\":1}\n", [header.as_str()], &secrets);
/// assert_eq!(diagnosis.to_string(), "not valid: the body was signed without the line end (secret index 1)");
/// # Ok::<(), xsolla_webhooks::ParseSecretsError>(())
/// ```
#[must_use]
pub fn diagnose<'v>(body: &[u8], authorization: impl IntoIterator<Item = &'v str>, secrets: &Secrets) -> Diagnosis {
    let headers: Vec<&str> = authorization.into_iter().collect();
    let signatures = Signature::parse_all(headers.iter().copied());
    if let Ok(verified) = secrets.verify_any(body, &signatures) {
        return Diagnosis::Valid { secret: usize::try_from(verified.secret_index()).unwrap_or_default() };
    }
    if headers.is_empty() {
        return Diagnosis::NoHeader;
    }
    let hashes: Vec<Hash> = headers.iter().flat_map(|header| header.split(',')).filter_map(Hash::find).collect();
    if hashes.is_empty() {
        return Diagnosis::NoSignature;
    }
    let is_sent = |expected: &[u8]| hashes.iter().any(|hash| hash.is(expected));
    for (index, secret) in secrets.expose().enumerate() {
        let expected = concatenated(body, secret);
        if let Some(hash) = hashes.iter().find(|hash| hash.is(&expected)) {
            return Diagnosis::Header { secret: index, problem: hash.problem };
        }
    }
    for (index, secret) in secrets.expose().enumerate() {
        let used = secret_forms(secret).into_iter().find(|(form, _)| is_sent(&concatenated(body, form)));
        if let Some((_, used)) = used {
            return Diagnosis::Secret { secret: index, used };
        }
        let used = formulas(body, secret).into_iter().find(|(hash, _)| is_sent(hash));
        if let Some((_, used)) = used {
            return Diagnosis::Formula { secret: Some(index), used };
        }
    }
    for (hash, used) in [(Sha1::digest(body).to_vec(), "SHA-1"), (Sha256::digest(body).to_vec(), "SHA-256")] {
        if is_sent(&hash) {
            return Diagnosis::Formula { secret: None, used };
        }
    }
    find_body(body, secrets, is_sent).unwrap_or(Diagnosis::NoMatch { secrets: secrets.expose().count() })
}

/// Finds other bytes of the body that have the signature.
fn find_body(body: &[u8], secrets: &Secrets, is_sent: impl Fn(&[u8]) -> bool) -> Option<Diagnosis> {
    let find = |signed: &[u8]| secrets.expose().position(|secret| is_sent(&concatenated(signed, secret)));
    for (signed, description) in body_forms(body) {
        if let Some(secret) = find(&signed) {
            return Some(Diagnosis::Body { secret, signed: description.to_owned() });
        }
    }
    let text = str::from_utf8(body).ok()?.trim_start_matches('\u{feff}');
    let json = Json::parse(text)?;
    Form::all().find_map(|form| {
        let secret = find(json.write(form).as_bytes())?;
        Some(Diagnosis::Body { secret, signed: format!("JSON written again ({})", form.describe()) })
    })
}

/// A hash in a header.
struct Hash {
    bytes: Vec<u8>,
    /// What is wrong with the form of the header.
    problem: &'static str,
}

impl Hash {
    /// Finds a hash in a value of any form.
    fn find(value: &str) -> Option<Self> {
        if let Ok(signature) = value.parse::<Signature>() {
            return Some(Self { bytes: signature.bytes().to_vec(), problem: "" });
        }
        let is_hash = |digits: &&str| [40, 64].contains(&digits.len());
        // The last letter of `Signature` is a hexadecimal digit.
        let (start, _) =
            value.split_at_checked(value.len() - value.trim_start().len() + SCHEME.len()).unwrap_or_default();
        let is_scheme = start.trim_start().eq_ignore_ascii_case(SCHEME);
        let after = if is_scheme { &value[start.len()..] } else { value };
        let digits = after.split(|char: char| !char.is_ascii_hexdigit()).find(is_hash);
        if let Some(digits) = digits {
            let bytes = hex::decode(digits).ok()?;
            let before = value[..value.len() - after.len() + after.find(digits)?].trim();
            let problem = match before {
                "" => "the word `Signature` before the digits is missing",
                _ if before.contains(['"', '\'']) => "the digits are in quotes",
                _ if before.eq_ignore_ascii_case(SCHEME) => "one space between `Signature` and the digits is required",
                _ if is_scheme => "only one space is allowed between `Signature` and the digits",
                _ => "the word before the digits is not `Signature`",
            };
            return Some(Self { bytes, problem });
        }
        let last = value.split_whitespace().last()?.trim_matches(['"', '\'']);
        let bytes = STANDARD.decode(last).ok().filter(|bytes| [20, 32].contains(&bytes.len()))?;
        Some(Self { bytes, problem: "the hash is in Base64, not in hexadecimal digits" })
    }

    fn is(&self, expected: &[u8]) -> bool {
        self.bytes == expected
    }
}

/// SHA-1 of body and secret: Xsolla's formula.
fn concatenated(body: &[u8], secret: impl AsRef<[u8]>) -> Vec<u8> {
    Sha1::new_with_prefix(body).chain_update(secret).finalize().to_vec()
}

/// Other texts that are used as the secret by mistake.
fn secret_forms(secret: &str) -> Vec<(Vec<u8>, &'static str)> {
    let mut forms: Vec<(Vec<u8>, &str)> = vec![
        (secret.trim().into(), "without the blanks around it"),
        (format!("{secret}\n").into(), "with a line end after it"),
        (format!("{secret}\r\n").into(), "with a line end after it"),
        (format!("{secret} ").into(), "with a blank after it"),
        (format!(" {secret}").into(), "with a blank before it"),
        (format!("\"{secret}\"").into(), "in quotes"),
        (secret.trim_matches(['"', '\'']).into(), "without the quotes around it"),
        (secret.to_lowercase().into(), "in lower case"),
        (secret.to_uppercase().into(), "in upper case"),
        (STANDARD.encode(secret).into(), "in Base64"),
        (hex::encode(Sha1::digest(secret)).into(), "as its SHA-1 hash"),
    ];
    forms.extend(STANDARD.decode(secret).ok().map(|bytes| (bytes, "decoded from Base64")));
    forms.extend(hex::decode(secret).ok().map(|bytes| (bytes, "decoded from hexadecimal digits")));
    forms
}

/// Other formulas, with a secret.
fn formulas(body: &[u8], secret: &str) -> Vec<(Vec<u8>, &'static str)> {
    let mut found = vec![
        (Sha1::new_with_prefix(secret).chain_update(body).finalize().to_vec(), "SHA-1 of secret and body"),
        (Sha256::new_with_prefix(body).chain_update(secret).finalize().to_vec(), "SHA-256 of body and secret"),
        (Sha256::new_with_prefix(secret).chain_update(body).finalize().to_vec(), "SHA-256 of secret and body"),
    ];
    // HMAC accepts keys of any length.
    if let Ok(mac) = Hmac::<Sha1>::new_from_slice(secret.as_bytes()) {
        found.push((mac.chain_update(body).finalize().into_bytes().to_vec(), "HMAC-SHA1"));
    }
    if let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        found.push((mac.chain_update(body).finalize().into_bytes().to_vec(), "HMAC-SHA256"));
    }
    // The hexadecimal digits of a signature were hashed in place of its bytes.
    let digits = hex::encode(Sha1::digest(body));
    found.push((concatenated(digits.as_bytes(), secret), "SHA-1 of the body's SHA-1 digits and the secret"));
    found
}

/// Other bytes of a body.
fn body_forms(body: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let without_line_end = body.strip_suffix(b"\n").map(|body| body.strip_suffix(b"\r").unwrap_or(body));
    let lf = replaced(body, b"\r\n", b"\n");
    let mut forms = vec![
        (without_line_end.unwrap_or(body).to_vec(), "without the line end"),
        ([body, b"\n"].concat(), "with a line end after it"),
        ([body, b"\r\n"].concat(), "with a line end (CRLF) after it"),
        (body.trim_ascii().to_vec(), "without the blanks around it"),
        (replaced(&lf, b"\n", b"\r\n"), "with CRLF line ends"),
        (lf, "with LF line ends"),
        (body.strip_prefix(BOM).unwrap_or(body).to_vec(), "without the byte order mark"),
        ([BOM, body].concat(), "with a byte order mark before it"),
        (STANDARD.encode(body).into(), "in Base64"),
        (Vec::new(), "as an empty text"),
    ];
    forms.extend(STANDARD.decode(body.trim_ascii()).ok().map(|body| (body, "decoded from Base64")));
    forms.extend(serde_json::from_slice::<String>(body).ok().map(|body| (body.into(), "decoded from a JSON string")));
    forms
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(from) {
            out.extend_from_slice(to);
            rest = after;
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid { secret } => write!(f, "valid (secret index {secret})"),
            Self::NoHeader => f.write_str("not valid: no Authorization header"),
            Self::NoSignature => f.write_str(
                "not valid: the Authorization header has no signature, expected `Signature` and 40 hexadecimal digits",
            ),
            Self::Header { secret, problem } => {
                write!(f, "not valid: the hash is right, but {problem} (secret index {secret})")
            }
            Self::Body { secret, signed } => {
                write!(f, "not valid: the body was signed {} (secret index {secret})", As(signed))
            }
            Self::Secret { secret, used } => {
                write!(f, "not valid: the body was signed with the secret {used} (secret index {secret})")
            }
            Self::Formula { secret: Some(secret), used } => {
                write!(f, "not valid: computed as {used} (secret index {secret}); {FORMULA}")
            }
            Self::Formula { secret: None, used } => {
                write!(f, "not valid: computed as {used} of the body, without a secret; {FORMULA}")
            }
            Self::NoMatch { secrets: 1 } => write!(f, "not valid: the secret does not match in any known way; {HINT}"),
            Self::NoMatch { secrets } => {
                write!(f, "not valid: none of {secrets} secrets matches in any known way; {HINT}")
            }
        }
    }
}

const FORMULA: &str = "the formula is SHA-1 of the body followed by the secret";
const HINT: &str = "check that it is the webhook secret of this project and not the API key, \
    and that the body has the bytes that Xsolla sent";

/// A description of a body, with `as` before a noun.
struct As<'a>(&'a str);

impl fmt::Display for As<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.0.starts_with("JSON") { "as " } else { "" }, self.0)
    }
}

#[cfg(test)]
mod tests;
