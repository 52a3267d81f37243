//! Cache of the webhook secrets, or of the keys of the unsigned routes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use xsolla::Secrets;

use crate::ports::{PortError, SecretStore};

/// Minimum time between two reads caused by wrong signatures.
///
/// Long enough that guessed signatures do not set the rate of calls to Secrets Manager. Short enough that a new secret is
/// found before an operator has entered it at Xsolla.
const MIN_REFRESH_INTERVAL: SignedDuration = SignedDuration::from_secs(10);
/// Age at which cached secrets are read again. A removed secret is accepted for at most this long.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);
/// Longest time that a webhook waits for the refresh of old secrets.
const REFRESH_TIMEOUT: Duration = Duration::from_millis(300);

/// Caches the secrets of a store, and reads them again when they may have changed.
#[derive(Debug)]
pub struct SecretCache<S> {
    store: S,
    cached: Mutex<Option<Cached>>,
}

#[derive(Debug, Clone)]
struct Cached {
    secrets: Arc<Secrets>,
    /// Time of the last read, successful or not.
    read_at: Timestamp,
    /// Error of the last read.
    error: Option<PortError>,
}

impl<S: SecretStore> SecretCache<S> {
    /// Creates an empty cache.
    pub const fn new(store: S) -> Self {
        Self { store, cached: Mutex::new(None) }
    }

    #[cfg(test)]
    pub(crate) const fn store(&self) -> &S {
        &self.store
    }

    /// Verifies with the cached secrets. If none matches, refreshes them once and verifies again.
    ///
    /// `verify` returns `Ok(None)` if no secret matches. Returns the value from `verify`, and the secret set that verified.
    ///
    /// # Errors
    ///
    /// If `verify` fails, or if the secrets cannot be read, so that a match is unknown.
    pub async fn verify_with<T>(
        &self,
        now: Timestamp,
        verify: impl Fn(&Secrets) -> Result<Option<T>, PortError>,
    ) -> Result<Option<(T, Arc<Secrets>)>, PortError> {
        let cached = self.current(now).await?;
        if let Some(verified) = verify(&cached)? {
            return Ok(Some((verified, cached)));
        }
        let Some(refreshed) = self.refresh(now, &cached).await? else { return Ok(None) };
        Ok(verify(&refreshed)?.map(|verified| (verified, refreshed)))
    }

    /// Returns the cached secrets. Reads them first if they are missing or old.
    ///
    /// If a refresh of old secrets fails, returns the old ones.
    ///
    /// # Errors
    ///
    /// If the cache is empty and the secrets cannot be read. The next call tries again.
    pub async fn current(&self, now: Timestamp) -> Result<Arc<Secrets>, PortError> {
        let Some(cached) = self.cached() else { return self.update(now, self.store.read().await) };
        if now.duration_since(cached.read_at) < MAX_AGE {
            return Ok(cached.secrets);
        }
        let timed_out = |_| Err(PortError { operation: "reading the secrets", cause: "timed out".to_owned() });
        let read = tokio::time::timeout(REFRESH_TIMEOUT, self.store.read()).await.unwrap_or_else(timed_out);
        Ok(self.update(now, read).unwrap_or_else(|error| {
            tracing::warn!(%error, "secret refresh failed, using cached secrets");
            cached.secrets
        }))
    }

    /// Reads the secrets again because `tried` did not match.
    ///
    /// Returns `None` if `tried` was read less than [`MIN_REFRESH_INTERVAL`] ago. If another delivery has refreshed the
    /// cache meanwhile, returns its result without a read.
    ///
    /// # Errors
    ///
    /// If the secrets cannot be read, or could not be read within that interval.
    async fn refresh(&self, now: Timestamp, tried: &Arc<Secrets>) -> Result<Option<Arc<Secrets>>, PortError> {
        match self.cached() {
            Some(Cached { secrets, read_at, error }) if now.duration_since(read_at) < MIN_REFRESH_INTERVAL => {
                match error {
                    Some(error) => Err(error),
                    None => Ok((!Arc::ptr_eq(&secrets, tried)).then_some(secrets)),
                }
            }
            _ => self.update(now, self.store.read().await).map(Some),
        }
    }

    /// Records the result of a read. A failed read keeps the cached secrets.
    fn update(&self, now: Timestamp, read: Result<Secrets, PortError>) -> Result<Arc<Secrets>, PortError> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(secrets) => {
                let secrets = Arc::new(secrets);
                *cached = Some(Cached { secrets: Arc::clone(&secrets), read_at: now, error: None });
                Ok(secrets)
            }
            Err(error) => {
                if let Some(cached) = &mut *cached {
                    cached.read_at = now;
                    cached.error = Some(error.clone());
                }
                Err(error)
            }
        }
    }

    fn cached(&self) -> Option<Cached> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeSecretStore;

    #[tokio::test]
    async fn concurrent_refreshes_of_a_new_secret_share_one_read() {
        let cache = SecretCache::new(FakeSecretStore::new("old"));
        let at = |second| Timestamp::from_second(second).unwrap();
        let tried = cache.current(at(0)).await.unwrap();
        cache.store().set(r#"["new","old"]"#);
        let first = cache.refresh(at(60), &tried).await.unwrap().unwrap();
        let second = cache.refresh(at(60), &tried).await.unwrap().unwrap();
        assert!(second.contains("new") && Arc::ptr_eq(&first, &second));
        assert!(cache.refresh(at(60), &second).await.unwrap().is_none(), "a wrong signature causes no third read");
        assert_eq!(cache.store().control.calls(), 2);
    }
}
