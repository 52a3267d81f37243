//! The webhook secrets, held in memory and read again when a signature matches none of them.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use xsolla::Secrets;

use crate::ports::{PortError, SecretStore};

/// Time between two readings that wrong signatures can cause: whoever guesses signatures must not make us call Secrets
/// Manager at their pace, and a secret added a moment ago must be found before a person has pasted it elsewhere.
const REREAD_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// Reads the secrets when they are needed first, and again when they may have changed.
#[derive(Debug)]
pub struct SecretKeeper<S> {
    store: S,
    held: Mutex<Option<Held>>,
}

#[derive(Debug, Clone)]
struct Held {
    secrets: Arc<Secrets>,
    read_at: Timestamp,
}

impl<S: SecretStore> SecretKeeper<S> {
    /// Holds nothing yet.
    pub const fn new(store: S) -> Self {
        Self { store, held: Mutex::new(None) }
    }

    #[cfg(test)]
    pub(crate) const fn store(&self) -> &S {
        &self.store
    }

    /// The secrets as last read.
    ///
    /// # Errors
    ///
    /// When none are held and they cannot be read. The next call tries again.
    pub async fn current(&self, now: Timestamp) -> Result<Arc<Secrets>, PortError> {
        match self.held() {
            Some(held) => Ok(held.secrets),
            None => self.read(now).await,
        }
    }

    /// The secrets read again, since those held did not match; `None` if they were read a moment ago.
    ///
    /// # Errors
    ///
    /// When they cannot be read: then nobody knows whether the signature is wrong.
    pub async fn read_again(&self, now: Timestamp) -> Result<Option<Arc<Secrets>>, PortError> {
        let fresh = self.held().is_some_and(|held| now.duration_since(held.read_at) < REREAD_AFTER);
        if fresh { Ok(None) } else { self.read(now).await.map(Some) }
    }

    async fn read(&self, now: Timestamp) -> Result<Arc<Secrets>, PortError> {
        let secrets = Arc::new(self.store.read().await?);
        let held = Held { secrets: Arc::clone(&secrets), read_at: now };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(secrets)
    }

    fn held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
