//! The secrets that sign webhooks.

use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use subtle::{Choice, ConstantTimeEq};

/// The webhook secrets of a project, the current one first.
///
/// Several secrets are valid at once: the old and the new one during a rotation, or the second one that the Store API
/// allows for `order_*`. `Debug` shows none of them.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::Secrets;
///
/// let secrets = Secrets::new(["current", "previous"])?;
/// assert!(secrets.contains("previous"));
///
/// // From a file, an environment variable or a secret store:
/// let secrets: Secrets = r#"{"secrets":["current","previous"]}"#.parse()?;
/// assert_eq!(secrets.min_len(), 7);
/// # Ok::<(), xsolla_webhooks::ParseSecretsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Secrets(Vec<SecretString>);

/// The error of parsing [`Secrets`]. It never repeats the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseSecretsError {
    /// No secret: an empty text or an empty list.
    #[error("no secret: the text or list is empty")]
    Empty,
    /// One of the secrets is an empty string, so anyone could sign.
    #[error("one of the secrets is an empty string")]
    EmptySecret,
    /// The text looks like JSON, but is neither a list of strings nor `{"secrets":[…]}`.
    #[error(r#"malformed secrets: expected {{"secrets":["current","previous"]}}, the list alone, or one plain secret"#)]
    Malformed,
}

impl Secrets {
    /// Creates a set of secrets, the current one first.
    ///
    /// # Errors
    ///
    /// If there is no secret, or one of them is empty.
    pub fn new<S: Into<String>>(secrets: impl IntoIterator<Item = S>) -> Result<Self, ParseSecretsError> {
        let secrets: Vec<SecretString> = secrets.into_iter().map(|secret| SecretString::from(secret.into())).collect();
        if secrets.is_empty() {
            return Err(ParseSecretsError::Empty);
        }
        if secrets.iter().any(|secret| secret.expose_secret().is_empty()) {
            return Err(ParseSecretsError::EmptySecret);
        }
        Ok(Self(secrets))
    }

    /// Returns the length of the shortest secret in bytes.
    #[must_use]
    pub fn min_len(&self) -> usize {
        self.0.iter().map(|secret| secret.expose_secret().len()).min().unwrap_or_default()
    }

    /// Returns whether the candidate is one of the secrets.
    ///
    /// Compares with every secret, in constant time. Only the length can leak.
    #[must_use]
    pub fn contains(&self, candidate: &str) -> bool {
        let equals = |secret: &str| secret.as_bytes().ct_eq(candidate.as_bytes());
        self.expose().fold(Choice::from(0), |found, secret| found | equals(secret)).into()
    }

    /// Iterates over the secrets in clear text.
    pub(crate) fn expose(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(ExposeSecret::expose_secret)
    }
}

/// Parses `{"secrets":["current","previous"]}`, the list alone, or one plain secret. Whitespace around each secret is ignored.
///
/// A plain secret has no whitespace, quote, bracket or comma, and `=` only at its end: otherwise it is a list or a setting
/// in another format. Taken as a secret, it would reject every webhook. Write such a secret as a list.
impl FromStr for Secrets {
    type Err = ParseSecretsError;

    fn from_str(text: &str) -> Result<Self, ParseSecretsError> {
        #[derive(Deserialize)]
        struct Document {
            secrets: Vec<String>,
        }
        // Editors on Windows write a byte order mark.
        let text = text.trim_start_matches('\u{feff}').trim();
        let list = match text.as_bytes().first() {
            None => return Err(ParseSecretsError::Empty),
            Some(b'{') => serde_json::from_str::<Document>(text).map(|document| document.secrets),
            Some(b'[') => serde_json::from_str(text),
            Some(_) if is_plain(text) => Ok(vec![text.to_owned()]),
            Some(_) => return Err(ParseSecretsError::Malformed),
        };
        Self::new(list.map_err(|_| ParseSecretsError::Malformed)?.iter().map(|secret| secret.trim()))
    }
}

fn is_plain(text: &str) -> bool {
    let is_allowed = |char: char| !char.is_whitespace() && !"\"'`{}[]()<>,=".contains(char);
    text.trim_end_matches('=').chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(r#"{"secrets":["a","b"]}"#, Ok(2))]
    #[case(r#"["a","b"]"#, Ok(2))]
    #[case("plain_secret\n", Ok(1))]
    #[case("cGxhaW4gc2VjcmV0IQ==", Ok(1))]
    #[case("\u{feff}{\"secrets\":[\"a\",\"b\"]}", Ok(2))]
    #[case(r#"["with, a comma"]"#, Ok(1))]
    #[case(r#""quoted""#, Err(ParseSecretsError::Malformed))]
    #[case("'{secrets:[a,b]}'", Err(ParseSecretsError::Malformed))]
    #[case("secrets: [a, b]", Err(ParseSecretsError::Malformed))]
    #[case("a,b", Err(ParseSecretsError::Malformed))]
    #[case("a\nb", Err(ParseSecretsError::Malformed))]
    #[case("SECRET=value", Err(ParseSecretsError::Malformed))]
    #[case("", Err(ParseSecretsError::Empty))]
    #[case("  ", Err(ParseSecretsError::Empty))]
    #[case("[]", Err(ParseSecretsError::Empty))]
    #[case(r#"{"secrets":[]}"#, Err(ParseSecretsError::Empty))]
    #[case(r#"["a",""]"#, Err(ParseSecretsError::EmptySecret))]
    #[case(r#"["a"," \n"]"#, Err(ParseSecretsError::EmptySecret))]
    #[case("{", Err(ParseSecretsError::Malformed))]
    #[case("[1]", Err(ParseSecretsError::Malformed))]
    #[case(r#"{"secret":"a"}"#, Err(ParseSecretsError::Malformed))]
    #[case(r#"{"secrets":"a"}"#, Err(ParseSecretsError::Malformed))]
    fn parses_document_list_or_plain_secret(#[case] text: &str, #[case] count: Result<usize, ParseSecretsError>) {
        assert_eq!(text.parse().map(|secrets: Secrets| secrets.0.len()), count);
    }

    #[rstest]
    #[case::plain(" current\n")]
    #[case::list(r#"[" current\n", "other"]"#)]
    #[case::document(r#"{"secrets":["\tcurrent "]}"#)]
    fn whitespace_around_a_secret_is_ignored(#[case] text: &str) {
        let secrets: Secrets = text.parse().unwrap();
        assert!(secrets.contains("current") && !secrets.contains(" current"));
    }

    #[rstest]
    #[case("current", true)]
    #[case("previous", true)]
    #[case("", false)]
    #[case("curren", false)]
    #[case("currents", false)]
    #[case("Current", false)]
    #[case("current\0", false)]
    #[case("currentprevious", false)]
    fn contains_only_whole_secrets(#[case] candidate: &str, #[case] expected: bool) {
        let secrets = Secrets::new(["current", "previous"]).unwrap();
        assert_eq!(secrets.contains(candidate), expected);
        assert_eq!(secrets.min_len(), 7);
    }

    #[test]
    fn contains_secret_that_is_listed_twice() {
        assert!(Secrets::new(["same", "same"]).unwrap().contains("same"));
    }

    #[test]
    fn debug_does_not_show_secrets() {
        let secrets = Secrets::new(["hunter2"]).unwrap();
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }
}
