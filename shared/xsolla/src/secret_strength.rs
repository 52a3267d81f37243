//! Secrets that anyone can guess: short ones, placeholders of documentation, few different characters.

use std::collections::BTreeSet;

use crate::secrets::Secrets;

/// Minimum length of a webhook secret in characters.
///
/// Publisher Account generates the secret. Xsolla documents no length. One that is published with the source code of a game
/// has 16 letters and digits, which is 95 bits.
pub const MIN_SECRET_LEN: usize = 16;

/// Minimum number of different characters. 16 random letters and digits have fewer once in millions of secrets.
const MIN_DIFFERENT: usize = 8;

/// Words of placeholders: of this project's documents and test files, Xsolla's documentation, and common examples.
///
/// A secret of these words and digits alone is a placeholder, such as `YOUR_WEBHOOK_SECRET_KEY`, `PROJECT_SECRET_KEY`,
/// `project-secret-key-here` or `testkeytestkeytestkey`.
const PLACEHOLDER_WORDS: [&str; 52] = [
    "abcdef",
    "abcdefghijklmnopqrstuvwxyz",
    "account",
    "api",
    "change",
    "copy",
    "current",
    "default",
    "demo",
    "enter",
    "example",
    "from",
    "game",
    "generated",
    "here",
    "hook",
    "hooks",
    "insert",
    "key",
    "keys",
    "live",
    "local",
    "me",
    "my",
    "new",
    "old",
    "paste",
    "password",
    "placeholder",
    "previous",
    "production",
    "project",
    "publisher",
    "put",
    "replace",
    "sandbox",
    "secret",
    "secrets",
    "signature",
    "store",
    "super",
    "test",
    "the",
    "todo",
    "token",
    "undefined",
    "value",
    "web",
    "with",
    "wrong",
    "xsolla",
    "your",
];

/// The error of [`Secrets::check_strength`]. It has the position of the secret in the list, and never repeats the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeakSecret {
    /// The secret has fewer than [`MIN_SECRET_LEN`] characters.
    #[error("secret {0} in the list has fewer than {MIN_SECRET_LEN} characters")]
    Short(usize),
    /// The secret has a character that is not visible ASCII, such as a zero-width space or a letter that resembles another.
    #[error("secret {0} in the list has a character that is not visible ASCII")]
    NotAscii(usize),
    /// The secret is a placeholder of some documentation, or has no letter and no digit.
    #[error("secret {0} in the list is a placeholder from documentation, not a secret")]
    Placeholder(usize),
    /// The secret has fewer than eight different characters.
    #[error("secret {0} in the list has fewer than {MIN_DIFFERENT} different characters")]
    Repeated(usize),
}

impl Secrets {
    /// Checks that no secret is easy to guess. Anyone who knows a secret can forge a webhook.
    ///
    /// Not part of parsing: weak secrets are usual in tests.
    ///
    /// ```
    /// use xsolla_webhooks::{Secrets, WeakSecret};
    ///
    /// let pasted = Secrets::new(["dR6kQ0ZrVYb2mXw9", "YOUR_WEBHOOK_SECRET_KEY"])?;
    /// assert_eq!(pasted.check_strength(), Err(WeakSecret::Placeholder(1)));
    /// # Ok::<(), xsolla_webhooks::ParseSecretsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The first weak secret.
    pub fn check_strength(&self) -> Result<(), WeakSecret> {
        for (index, secret) in self.expose().enumerate() {
            if secret.chars().count() < MIN_SECRET_LEN {
                return Err(WeakSecret::Short(index));
            }
            if !secret.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
                return Err(WeakSecret::NotAscii(index));
            }
            if is_placeholder(secret) {
                return Err(WeakSecret::Placeholder(index));
            }
            if secret.bytes().collect::<BTreeSet<_>>().len() < MIN_DIFFERENT {
                return Err(WeakSecret::Repeated(index));
            }
        }
        Ok(())
    }
}

/// Returns whether the letters and digits of a text are placeholder words and digits. Case and separators are ignored.
fn is_placeholder(text: &str) -> bool {
    let text: String = text.chars().filter(|character| character.is_alphanumeric()).collect();
    let text = text.to_lowercase();
    // Ends of the prefixes that consist of words and digits, in ascending order.
    let mut ends = vec![true];
    ends.resize(text.len() + 1, false);
    for start in 0..text.len() {
        if !ends.get(start).copied().unwrap_or_default() {
            continue;
        }
        let rest = text.get(start..).unwrap_or_default();
        let words = PLACEHOLDER_WORDS.iter().filter(|word| rest.starts_with(**word)).map(|word| word.len());
        for len in words.chain(rest.starts_with(|first: char| first.is_ascii_digit()).then_some(1)) {
            if let Some(end) = ends.get_mut(start + len) {
                *end = true;
            }
        }
    }
    ends.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn check(secret: &str) -> Result<(), WeakSecret> {
        Secrets::new([secret]).unwrap().check_strength()
    }

    #[rstest]
    #[case("a")]
    #[case("old")]
    #[case("my_secret")]
    #[case("test_secret")]
    #[case("0123456789abcde")]
    #[case("ééééééé")]
    fn short_secret_is_weak(#[case] secret: &str) {
        assert_eq!(check(secret), Err(WeakSecret::Short(0)));
    }

    #[rstest]
    #[case("aaaaaaaaaaaaaaaa")]
    #[case("xyxyxyxyxyxyxyxyxyxy")]
    #[case("q1w2e3rq1w2e3rq1w2e3r")]
    fn secret_of_few_characters_is_weak(#[case] secret: &str) {
        assert_eq!(check(secret), Err(WeakSecret::Repeated(0)));
    }

    #[rstest]
    #[case("YOUR_WEBHOOK_SECRET_KEY")]
    #[case("<your-webhook-secret-key>")]
    #[case("YourWebhookSecretKey")]
    #[case("PROJECT_SECRET_KEY")]
    #[case("XSOLLA_WEBHOOK_SECRET_KEY")]
    #[case("project secret key here")]
    #[case("test-webhook-secret")]
    #[case("paste-from-publisher-account")]
    #[case("testkeytestkeytestkeytestkeytestkey")]
    #[case("test_secret_test_secret")]
    #[case("1234567890123456")]
    #[case("secret1234567890")]
    #[case("abcdefghijklmnopqrstuvwxyz")]
    #[case("- - - - - - - - - -")]
    #[case("0000000000000000000000000000000000")]
    #[case("REPLACE_ME_WITH_YOUR_SECRET")]
    #[case("<put-your-xsolla-webhook-secret-here>")]
    #[case("0123456789abcdef")]
    #[case("supersecretsupersecret")]
    #[case("undefined undefined")]
    #[case("todo-todo-todo-todo")]
    fn placeholder_is_weak_in_any_case_and_with_any_separators(#[case] secret: &str) {
        assert_eq!(check(secret), Err(WeakSecret::Placeholder(0)));
    }

    #[rstest]
    #[case("dR6kQ0ZrVYb2mXw9")]
    #[case("keysecretZkeytest")]
    #[case("testkeytestkey_9f86d081884c7d65")]
    #[case("correct horse battery staple")]
    fn other_secret_is_not_weak(#[case] secret: &str) {
        assert_eq!(check(secret), Ok(()));
    }

    #[rstest]
    #[case::zero_width_spaces("dR6kQ0ZrVYb2mXw9\u{200b}")]
    #[case::cyrillic_letters("YOUR_WEBH\u{41e}\u{41e}K_SECRET_KEY")]
    #[case::full_width("\u{ff39}OUR_WEBHOOK_SECRET_KEY")]
    #[case::tabs(" \t \t \t \t \t \t \t \t \t")]
    fn secret_with_other_characters_than_visible_ascii_is_weak(#[case] secret: &str) {
        assert_eq!(check(secret), Err(WeakSecret::NotAscii(0)));
    }

    #[test]
    fn every_secret_is_checked_and_none_is_shown() {
        let secrets = Secrets::new(["dR6kQ0ZrVYb2mXw9", "hunter2"]).unwrap();
        let error = secrets.check_strength().unwrap_err();
        assert_eq!(error, WeakSecret::Short(1));
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn words_are_lower_case_letters() {
        assert!(PLACEHOLDER_WORDS.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())));
    }
}
