//! What stands for a user in the log: a keyed hash, by which one user can be followed, and which names nobody.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::Secrets;

/// What is hashed before the user's id, so that nothing else that a secret may sign is ever the same.
const PURPOSE: &[u8] = b"xsolla-webhooks: a user in the log\0";

impl Secrets {
    /// What stands for a user, under each of the secrets: 16 hexadecimal digits, the current secret's first.
    ///
    /// HMAC-SHA256 of the user's id, cut to 64 bits. Whoever has a secret can tell whether it stands for this user or that;
    /// nobody else can.
    pub fn pseudonyms(&self, user_id: &str) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(move |secret| pseudonym(secret, user_id))
    }
}

/// Always there: HMAC takes keys of any length.
fn pseudonym(secret: &SecretString, user_id: &str) -> Option<String> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    let hash = mac.chain_update(PURPOSE).chain_update(user_id).finalize().into_bytes();
    Some(format!("{:016x}", u64::from_be_bytes(*hash.first_chunk()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms(secrets: &str, user_id: &str) -> Vec<String> {
        Secrets::parse(secrets).unwrap().pseudonyms(user_id).collect()
    }

    /// Computed with Python's `hmac`.
    #[test]
    fn there_is_one_under_each_secret_the_current_one_first() {
        assert_eq!(pseudonyms(r#"["current","previous"]"#, "isle-4471"), ["e0f47705e215c96e", "8c36bbec0c81dbac"]);
        assert_eq!(pseudonyms("current", "ißle 🏝"), ["8c23ab2528a7ab7d"]);
    }

    #[test]
    fn other_users_and_other_secrets_have_others() {
        let of_one = pseudonyms("current", "isle-4471");
        for (secret, user_id) in
            [("current", "isle-4472"), ("current", ""), ("currentisle", "-4471"), ("Current", "isle-4471")]
        {
            assert_ne!(pseudonyms(secret, user_id), of_one, "{secret}, {user_id}");
        }
    }
}
