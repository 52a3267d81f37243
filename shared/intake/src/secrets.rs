//! The webhook secrets, or the keys of the unsigned routes, held in memory, and read again when they may have changed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use xsolla::Secrets;

use crate::ports::{PortError, SecretStore};

/// Time between two readings that wrong signatures can cause: whoever guesses signatures must not make us call Secrets
/// Manager at their pace, and a secret added a moment ago must be found before a person has pasted it elsewhere.
const REREAD_AFTER: SignedDuration = SignedDuration::from_secs(10);
/// How long the secrets are held before they are read anew: so long may one that was removed still be taken.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);
/// How long a webhook waits for the secrets to be read anew, when those held are merely old.
const PATIENCE: Duration = Duration::from_millis(300);

/// Reads the secrets when they are needed first, and again when they may have changed.
#[derive(Debug)]
pub struct SecretCache<S> {
    store: S,
    held: Mutex<Option<Held>>,
}

#[derive(Debug, Clone)]
struct Held {
    secrets: Arc<Secrets>,
    /// When they were last read, or tried to be.
    tried_at: Timestamp,
    /// Why that failed, if it did.
    failure: Option<PortError>,
}

impl<S: SecretStore> SecretCache<S> {
    /// Holds nothing yet.
    pub const fn new(store: S) -> Self {
        Self { store, held: Mutex::new(None) }
    }

    #[cfg(test)]
    pub(crate) const fn store(&self) -> &S {
        &self.store
    }

    /// The secrets as last read. Old ones are read anew, and serve on if that fails.
    ///
    /// # Errors
    ///
    /// When none are held and they cannot be read. The next call tries again.
    pub async fn current(&self, now: Timestamp) -> Result<Arc<Secrets>, PortError> {
        let Some(held) = self.held() else { return self.hold(now, self.store.read().await) };
        if now.duration_since(held.tried_at) < MAX_AGE {
            return Ok(held.secrets);
        }
        let slow = |_| Err(PortError { operation: "reading the secrets", cause: "took too long".to_owned() });
        let read = tokio::time::timeout(PATIENCE, self.store.read()).await.unwrap_or_else(slow);
        Ok(self.hold(now, read).unwrap_or_else(|error| {
            tracing::warn!(%error, "the secrets cannot be read anew: those held serve on");
            held.secrets
        }))
    }

    /// The secrets read again, since those tried did not match; `None` if they were read a moment ago. If another delivery
    /// has read them since, they are those that it found.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or could not be a moment ago: then nobody knows whether the signature is wrong.
    pub async fn refresh(&self, now: Timestamp, tried: &Arc<Secrets>) -> Result<Option<Arc<Secrets>>, PortError> {
        match self.held() {
            Some(Held { secrets, tried_at, failure }) if now.duration_since(tried_at) < REREAD_AFTER => match failure {
                Some(failure) => Err(failure),
                None => Ok((!Arc::ptr_eq(&secrets, tried)).then_some(secrets)),
            },
            _ => self.hold(now, self.store.read().await).map(Some),
        }
    }

    /// Takes note of what was read, or that it could not be.
    fn hold(&self, now: Timestamp, read: Result<Secrets, PortError>) -> Result<Arc<Secrets>, PortError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(secrets) => {
                let secrets = Arc::new(secrets);
                *held = Some(Held { secrets: Arc::clone(&secrets), tried_at: now, failure: None });
                Ok(secrets)
            }
            Err(error) => {
                if let Some(held) = &mut *held {
                    held.tried_at = now;
                    held.failure = Some(error.clone());
                }
                Err(error)
            }
        }
    }

    fn held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::FakeSecrets;

    #[tokio::test]
    async fn of_two_who_meet_a_new_secret_at_once_the_second_gets_what_the_first_has_read() {
        let keeper = SecretCache::new(FakeSecrets::new("old"));
        let at = |second| Timestamp::from_second(second).unwrap();
        let tried = keeper.current(at(0)).await.unwrap();
        *keeper.store().text.lock().unwrap() = r#"["new","old"]"#;
        let first = keeper.refresh(at(60), &tried).await.unwrap().unwrap();
        let second = keeper.refresh(at(60), &tried).await.unwrap().unwrap();
        assert!(second.contains("new") && Arc::ptr_eq(&first, &second));
        assert!(keeper.refresh(at(60), &second).await.unwrap().is_none(), "a wrong one causes no third reading");
    }
}
