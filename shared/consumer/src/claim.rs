//! Claims: one worker at a time applies an event, and no worker applies it again.
//!
//! **If all effects are in one database with transactions, you need no claims.** Insert the event id into a
//! table of that database, in the transaction that grants. Claims are for effects elsewhere: another service's API, an
//! e-mail, a database without transactions.
//!
//! A worker *claims* an event for the length of a lease, applies it, and *completes* the claim. If the event was certainly
//! not applied, the worker *releases* the claim. Meanwhile, other workers must retry later. If the worker dies, the lease
//! expires, and the next claim has a higher token.
//!
//! | Mistake | Consequence | Solution |
//! |---|---|---|
//! | The event is marked as done before the work | The worker dies in between: the sale is never granted | An event is claimed until its claim is completed |
//! | The event is marked as done after failed work | The sale is never granted | [`Claims::release`], or no call: the event is claimed again |
//! | Two workers have the event, because the work takes longer than the queue's visibility time-out | Granted twice | The second worker gets [`Claimed::Held`] |
//! | A worker dies, and its mark remains | Never granted | The lease expires |
//! | The lease ends with the Lambda invocation | The function's last request takes effect during the next worker's lease. Also, the deadline is that of a batch, not of an event | You choose the length of the lease |
//! | A worker pauses, its lease expires, and it then deletes another worker's mark | A third worker claims the event | Only the token of the current claim can complete or release it: [`ClaimError::Lost`] |
//! | A paused worker overwrites newer data | The older write wins | The fencing token, if your store checks it |
//! | The mark expires before the last delivery of the message | Granted twice | A claim is stored for 400 days, like the event by default. Do not replay older events |
//!
//! # Length of a lease
//!
//! Longer than the work can take effect: the function's time-out, plus the time-out of its last request, plus the
//! difference of the workers' clocks. Shorter than the queue retries a message: ten times 60 seconds as deployed. Each
//! delivery during the lease of a dead worker counts as one of the ten.
//!
//! # Fencing token
//!
//! A lease cannot stop a paused worker that continues after it. So each claim of an event has a higher
//! [token](Claim::token) than earlier claims. Pass it to your store with each write, and let the store reject a write
//! whose token is not higher than the last one for this event.
//!
//! # Limits
//!
//! A worker may die, or the store may fail, between the work and [`Claims::complete`]. Then the event is applied again
//! after the lease. To prevent this, pass the event id as idempotency key to the called service, if it supports one, and
//! check how long it remembers the key.

use std::future::Future;
use std::time::{Duration, SystemTime};

/// Maximum visibility time-out of SQS.
const MAX_LEASE: Duration = Duration::from_hours(12);

/// The stored state of an event's claims.
///
/// A token never returns to an earlier kind of state. So a store detects a change by comparing the token and the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Token of the last claim. It never decreases.
    pub token: u64,
    /// State of the last claim.
    pub state: State,
}

/// State of an event's last claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Released, or never claimed.
    Free,
    /// Claimed by a worker.
    Held {
        /// End of the lease.
        until: SystemTime,
    },
    /// Completed.
    Done,
}

impl Record {
    /// The record of an event that was never claimed. A store may treat it as a missing record.
    pub const UNCLAIMED: Self = Self { token: 0, state: State::Free };
}

/// Stores claims. `consumer::dynamodb` has an implementation.
pub trait ClaimStore: Send + Sync {
    /// Error of a failed call.
    type Error;

    /// Atomically replaces the record of an event if it is the expected one.
    ///
    /// A call that is retried after a lost response must recognize its own write, and return [`Replaced::Yes`].
    ///
    /// # Errors
    ///
    /// If the store fails. The record may or may not be replaced.
    fn replace(
        &self,
        event_id: &str,
        expected: Record,
        new: Record,
    ) -> impl Future<Output = Result<Replaced, Self::Error>> + Send;
}

/// Result of [`ClaimStore::replace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// The record was replaced.
    Yes,
    /// The record was not the expected one.
    No {
        /// The current record.
        found: Record,
    },
}

/// Claims on events, with one store and one length of lease.
#[derive(Debug, Clone)]
pub struct Claims<S> {
    store: S,
    lease: Duration,
}

/// Result of [`Claims::claim`].
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Claimed {
    /// The worker has claimed the event, and must now apply it.
    New(Claim),
    /// The event is already applied. Delete its message.
    Done,
    /// Another worker has claimed the event, and may still fail. Let SQS retry the message.
    Held {
        /// End of that worker's lease.
        until: SystemTime,
    },
}

/// The right to apply an event. It ends with its completion or release, or when another worker claims the event after the
/// lease.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    event_id: String,
    token: u64,
    until: SystemTime,
}

impl Claim {
    /// Returns the fencing token. It is higher than those of earlier claims of this event; the first is 1.
    #[must_use]
    pub const fn token(&self) -> u64 {
        self.token
    }

    /// Returns the end of the lease.
    #[must_use]
    pub const fn until(&self) -> SystemTime {
        self.until
    }
}

/// Error of [`Claims::complete`] and [`Claims::release`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError<E> {
    /// The lease has expired, and another worker has claimed the event. Let SQS retry the message. If this recurs, the
    /// lease is too short.
    #[error("claim lost: its lease has expired and another worker has claimed the event")]
    Lost,
    /// The store failed.
    #[error(transparent)]
    Store(E),
}

impl<S: ClaimStore> Claims<S> {
    /// Creates claims in a store, with a lease of this length, at most 12 hours.
    #[must_use]
    pub fn new(store: S, lease: Duration) -> Self {
        Self { store, lease: lease.min(MAX_LEASE) }
    }

    /// Claims an event unless it is done or claimed by another worker.
    ///
    /// # Errors
    ///
    /// If the store fails. Let SQS retry the message. The event may be claimed until the lease expires.
    pub async fn claim(&self, event_id: &str, now: SystemTime) -> Result<Claimed, S::Error> {
        let until = now + self.lease;
        // Most events are new: one call suffices.
        let mut expected = Record::UNCLAIMED;
        loop {
            match expected.state {
                State::Done => return Ok(Claimed::Done),
                State::Held { until } if now < until => return Ok(Claimed::Held { until }),
                State::Held { .. } | State::Free => {}
            }
            let token = expected.token.saturating_add(1);
            let held = Record { token, state: State::Held { until } };
            match self.store.replace(event_id, expected, held).await? {
                Replaced::Yes => return Ok(Claimed::New(Claim { event_id: event_id.to_owned(), token, until })),
                Replaced::No { found } => expected = found,
            }
        }
    }

    /// Marks the event as applied. Also works after the lease, if no other worker has claimed the event.
    ///
    /// # Errors
    ///
    /// If the claim is lost, or the store fails. Retry with the same claim. Do not release it, because the event is
    /// applied.
    pub async fn complete(&self, claim: &Claim) -> Result<(), ClaimError<S::Error>> {
        self.settle(claim, State::Done).await
    }

    /// Lets the next worker claim the event immediately. Only for an event that was certainly not applied. Otherwise let the
    /// lease expire, because a pending request may still take effect.
    ///
    /// # Errors
    ///
    /// If the claim is lost, or the store fails. No action is necessary: the lease expires.
    pub async fn release(&self, claim: Claim) -> Result<(), ClaimError<S::Error>> {
        self.settle(&claim, State::Free).await
    }

    async fn settle(&self, claim: &Claim, state: State) -> Result<(), ClaimError<S::Error>> {
        let token = claim.token;
        let held = Record { token, state: State::Held { until: claim.until } };
        let settled = Record { token, state };
        match self.store.replace(&claim.event_id, held, settled).await.map_err(ClaimError::Store)? {
            Replaced::Yes => Ok(()),
            // An earlier attempt took effect: only this claim writes with its token.
            Replaced::No { found } if found == settled => Ok(()),
            Replaced::No { .. } => Err(ClaimError::Lost),
        }
    }
}

#[cfg(test)]
mod tests;
