//! Cache of the webhook secrets, or of other secret values.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::ports::{PortError, SecretStore};

/// Minimum time between two reads caused by deliveries, whether they succeed or fail, unless [`SecretCache::with_immediate_retry`].
///
/// Long enough that guessed signatures do not set the rate of calls to Secrets Manager. Short enough that a new secret is
/// found before an operator has entered it at Xsolla.
const MIN_REFRESH_INTERVAL: SignedDuration = SignedDuration::from_secs(10);
/// Age at which cached secrets are read again. A removed secret is accepted for at most this long.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);
/// Longest time that a webhook waits for the refresh of cached secrets.
const REFRESH_TIMEOUT: Duration = Duration::from_millis(300);

/// Caches the secrets of a store, and reads them again when they may have changed.
#[derive(Debug)]
pub struct SecretCache<S: SecretStore> {
    store: S,
    state: Mutex<State<S::Value>>,
    /// Minimum time between two reads caused by deliveries.
    min_interval: SignedDuration,
    /// Held during a read by a delivery, so that concurrent deliveries share it.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State<V> {
    /// The secrets of the last successful read.
    secrets: Option<Arc<V>>,
    /// The last read by a delivery, and every successful one.
    last_read: Option<LastRead>,
}

#[derive(Debug, Clone)]
struct LastRead {
    /// Time at which it started.
    at: Timestamp,
    /// Its error. A read that has not ended counts as failed, so that an interrupted one is not repeated at once.
    error: Option<PortError>,
}

/// The error of [`SecretCache::verify_with`]: whether a secret matches is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownMatch {
    /// No usable secrets are cached, and they cannot be read.
    #[error("{0}")]
    NoSecrets(PortError),
    /// No cached secret matches. They may be outdated, and cannot be read again.
    #[error("{0}")]
    RefreshFailed(PortError),
}

impl<S: SecretStore> SecretCache<S> {
    /// Creates an empty cache.
    pub const fn new(store: S) -> Self {
        let state = State { secrets: None, last_read: None };
        Self {
            store,
            state: Mutex::new(state),
            min_interval: MIN_REFRESH_INTERVAL,
            reading: tokio::sync::Mutex::const_new(()),
        }
    }

    /// Reads again with the next delivery after a failure. Only for secrets that no unverified delivery causes to be read.
    #[must_use]
    pub fn with_immediate_retry(self) -> Self {
        Self { min_interval: SignedDuration::ZERO, ..self }
    }

    #[cfg(test)]
    pub(crate) const fn store(&self) -> &S {
        &self.store
    }

    /// Reads the secrets before the first delivery. A failure is not remembered: the first delivery reads again.
    ///
    /// # Errors
    ///
    /// If the secrets cannot be read.
    pub async fn warm_up(&self, now: Timestamp) -> Result<(), PortError> {
        let secrets = self.store.read().await?;
        self.record(now, Ok(secrets)).map(|_| ())
    }

    /// Verifies with the cached secrets. If none matches, refreshes them once and verifies again.
    ///
    /// `verify` returns `Ok(None)` if no secret matches. Returns the value from `verify`.
    ///
    /// # Errors
    ///
    /// If `verify` fails, or if the secrets cannot be read, so that a match is unknown.
    pub async fn verify_with<T>(
        &self,
        now: Timestamp,
        verify: impl Fn(&S::Value) -> Result<Option<T>, PortError>,
    ) -> Result<Option<T>, UnknownMatch> {
        let cached = self.current(now).await.map_err(UnknownMatch::NoSecrets)?;
        if let Some(verified) = verify(&cached).map_err(UnknownMatch::NoSecrets)? {
            return Ok(Some(verified));
        }
        let refreshed = self.read(now, REFRESH_TIMEOUT).await.map_err(UnknownMatch::RefreshFailed)?;
        if Arc::ptr_eq(&refreshed, &cached) {
            return Ok(None);
        }
        verify(&refreshed).map_err(UnknownMatch::NoSecrets)
    }

    /// Returns the cached secrets. Reads them first if they are missing or old.
    ///
    /// If a refresh of old secrets fails, returns the old ones.
    ///
    /// # Errors
    ///
    /// If the cache is empty and the secrets cannot be read.
    pub(crate) async fn current(&self, now: Timestamp) -> Result<Arc<S::Value>, PortError> {
        let Some(cached) = self.cached() else { return self.read(now, Duration::MAX).await };
        if !self.is_read_due(now) {
            return Ok(cached);
        }
        Ok(self.read(now, REFRESH_TIMEOUT).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "secret refresh failed, using cached secrets");
            cached
        }))
    }

    /// Reads the secrets, unless a delivery did so within [`MIN_REFRESH_INTERVAL`]: then returns the result of that read.
    ///
    /// # Errors
    ///
    /// If the read fails or exceeds the limit, or that recent read failed.
    async fn read(&self, now: Timestamp, limit: Duration) -> Result<Arc<S::Value>, PortError> {
        let read = async {
            let _reading = self.reading.lock().await;
            if let Some(recent) = self.recent(now) {
                return recent;
            }
            self.state().last_read = Some(LastRead { at: now, error: Some(timed_out()) });
            let secrets = self.store.read().await;
            self.record(now, secrets)
        };
        tokio::time::timeout(limit, read).await.unwrap_or_else(|_| Err(timed_out()))
    }

    /// Returns the result of the last read if it is recent.
    fn recent(&self, now: Timestamp) -> Option<Result<Arc<S::Value>, PortError>> {
        let state = self.state();
        let last = state.last_read.as_ref().filter(|last| last.is_within(self.min_interval, now))?;
        match &last.error {
            Some(error) => Some(Err(error.clone())),
            None => state.secrets.clone().map(Ok),
        }
    }

    /// Records the result of a read. A failed read keeps the cached secrets.
    fn record(&self, now: Timestamp, read: Result<S::Value, PortError>) -> Result<Arc<S::Value>, PortError> {
        let read = read.map(Arc::new);
        let mut state = self.state();
        state.last_read = Some(LastRead { at: now, error: read.as_ref().err().cloned() });
        if let Ok(secrets) = &read {
            state.secrets = Some(Arc::clone(secrets));
        }
        read
    }

    /// Returns the secrets of the last successful read.
    pub(crate) fn cached(&self) -> Option<Arc<S::Value>> {
        self.state().secrets.clone()
    }

    /// Returns whether [`Self::current`] would read: the secrets are old, or missing without a recent failure.
    pub(crate) fn is_read_due(&self, now: Timestamp) -> bool {
        let state = self.state();
        let interval = if state.secrets.is_some() { MAX_AGE } else { self.min_interval };
        !state.last_read.as_ref().is_some_and(|last| last.is_within(interval, now))
    }

    fn state(&self) -> MutexGuard<'_, State<S::Value>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LastRead {
    fn is_within(&self, duration: SignedDuration, now: Timestamp) -> bool {
        now.duration_since(self.at) < duration
    }
}

fn timed_out() -> PortError {
    PortError { operation: "reading the secrets", cause: "timed out".to_owned() }
}
