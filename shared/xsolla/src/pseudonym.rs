//! Pseudonyms of users for logs: keyed hashes of user ids.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secrets::Secrets;

/// The domain separator. It makes the hash different from other uses of the key.
const DOMAIN: &[u8] = b"xsolla-webhooks: a user in the log\0";

impl Secrets {
    /// Iterates over a user's pseudonyms with these keys, one per key, the current key's first.
    ///
    /// Use keys of their own, not the secrets that sign webhooks: who reads the log and knows a user id could test guesses of
    /// the key.
    ///
    /// A pseudonym is HMAC-SHA256 of the user id, truncated to 64 bits: 16 hexadecimal digits. Only the owner of a key can
    /// check whether it belongs to a given user.
    pub fn pseudonyms(&self, user_id: &str) -> impl Iterator<Item = String> {
        self.expose().filter_map(move |secret| pseudonym(secret, user_id))
    }
}

/// Computes a pseudonym. Never `None`, because HMAC accepts keys of any length.
fn pseudonym(secret: &str, user_id: &str) -> Option<String> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    let hash = mac.chain_update(DOMAIN).chain_update(user_id).finalize().into_bytes();
    Some(format!("{:016x}", u64::from_be_bytes(*hash.first_chunk()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms(secrets: &[&str], user_id: &str) -> Vec<String> {
        Secrets::new(secrets.iter().copied()).unwrap().pseudonyms(user_id).collect()
    }

    /// Expected values computed with Python's `hmac`.
    #[test]
    fn one_pseudonym_per_key_in_order() {
        assert_eq!(pseudonyms(&["current", "previous"], "isle-4471"), ["e0f47705e215c96e", "8c36bbec0c81dbac"]);
        assert_eq!(pseudonyms(&["current"], "ißle 🏝"), ["8c23ab2528a7ab7d"]);
    }

    #[test]
    fn pseudonym_depends_on_user_and_key() {
        let first = pseudonyms(&["current"], "isle-4471");
        for (secret, user_id) in
            [("current", "isle-4472"), ("current", ""), ("currentisle", "-4471"), ("Current", "isle-4471")]
        {
            assert_ne!(pseudonyms(&[secret], user_id), first, "{secret}, {user_id}");
        }
    }
}
