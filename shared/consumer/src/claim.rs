//! An event is applied by one worker at a time, and not again once it is done.
//!
//! **If what you do lies in one database with transactions, you need none of this.** Write the event id into a table of
//! that database, in the transaction that grants: both are there, or neither. Claims are for what lies elsewhere: the API
//! of another service, an e-mail, a database without transactions.
//!
//! A worker *claims* the event until a time, does its work, and *completes* the claim; or *releases* it, if the work has
//! certainly not been done. Another worker that meets the event meanwhile is told to come again. If the first dies, its
//! lease runs out, and the next claim has a higher token.
//!
//! | The mistake | What becomes of it | Here |
//! |---|---|---|
//! | The event is marked done before the work | The worker dies in between, and the sale is never granted | What has not been completed is claimed again |
//! | It is marked done after work that has failed | The same | [`Claims::release`], or nothing at all: both let the event come again |
//! | Two workers have it, since the queue's visibility time-out was shorter than the work | Granted twice | The second one gets [`Claimed::Held`] |
//! | A worker dies, and its mark stays | Never granted | A lease ends by itself |
//! | The lease ends with the Lambda invocation | The function is ended, but not the request that it has sent: it takes effect beside that of the next worker. And the deadline is that of a batch, not of an event | The lease is a length that you choose |
//! | A worker pauses, its lease runs out, it wakes and deletes the mark, which is another worker's by now | A third worker comes in | Only the token that holds the claim completes or releases it: [`ClaimError::Lost`] |
//! | It wakes, and writes over what the other has written | The older write wins | The token, if your store compares it: see below |
//! | The mark is forgotten before the message comes for the last time | Granted twice | What is done stays done for 400 days, as long as an event is kept unless the stack's `RetentionDays` says otherwise: replay none that is older. A message lives for 14 days, and as long again in the dead-letter queue |
//!
//! # How long a lease is
//!
//! Longer than the work can take effect after the claim: the function's time-out, the time-out of the request that it has
//! sent last, and what the workers' clocks differ by. And shorter than the queue's patience, which is ten times 60 seconds
//! as deployed: a message whose worker has died is held for as long as the lease lasts, and each delivery in that time is one
//! of its ten.
//!
//! # The fencing token
//!
//! No lease keeps a paused worker from waking up after it, in the middle of its work. So each claim of an event has a
//! higher [token](Claim::token) than those before it. Hand it on with the write, and let your store refuse the write unless
//! the token is higher than the last one that it has seen for this event: then no older write follows a newer one.
//!
//! # What a claim cannot do
//!
//! Between the work and [`Claims::complete`], a worker may die, or the store may fail. Then the event is applied once more,
//! after the lease. Where that must not happen, the other side must know the event again: give it the event id as its
//! idempotency key, if it takes one, and find out for how long it remembers it.

use std::future::Future;
use std::time::{Duration, SystemTime};

/// SQS hides a message for no longer than this.
const LONGEST_LEASE: Duration = Duration::from_hours(12);

/// What is kept of an event's claims.
///
/// A token and a kind of state occur together once: to know whether a record has changed, it is enough to compare these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The last claim's. It never goes down, also when the claim is released.
    pub token: u64,
    /// What became of that claim.
    pub state: State,
}

/// What became of the last claim of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was released, or there was none.
    Free,
    /// A worker has it.
    Held {
        /// When its lease runs out.
        until: SystemTime,
    },
    /// It was completed.
    Done,
}

impl Record {
    /// Of an event that nobody has claimed so far. A store need not keep it: it stands for a record that is not there.
    pub const UNCLAIMED: Self = Self { token: 0, state: State::Free };
}

/// Where claims are kept. `consumer::dynamodb` has one.
pub trait ClaimStore: Send + Sync {
    /// Why it could not do its work.
    type Error;

    /// Replaces the record of an event if it is still the expected one, in one atomic step.
    ///
    /// A write that is repeated because its answer was lost must know its own work, and say [`Replaced::Yes`].
    ///
    /// # Errors
    ///
    /// After an error the record may or may not have been replaced.
    fn replace(
        &self,
        event_id: &str,
        expected: Record,
        new: Record,
    ) -> impl Future<Output = Result<Replaced, Self::Error>> + Send;
}

/// Whether a record was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// The new one is there.
    Yes,
    /// It was another than expected.
    No {
        /// The one that is there.
        found: Record,
    },
}

/// The claims of a game's workers.
#[derive(Debug, Clone)]
pub struct Claims<S> {
    store: S,
    lease: Duration,
}

/// What a worker that asks for an event gets.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Claimed {
    /// The event is this worker's, to be applied now.
    New(Claim),
    /// It has been applied: its message can go.
    Done,
    /// Another worker has it. Its message must come again, for nobody knows whether that worker will succeed.
    Held {
        /// When that worker's lease runs out.
        until: SystemTime,
    },
}

/// The right to apply an event. It ends when it is completed or released, or when another worker claims the event after
/// the lease.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    event_id: String,
    token: u64,
    until: SystemTime,
}

impl Claim {
    /// The fencing token: higher than that of any earlier claim of this event. The first is 1.
    #[must_use]
    pub const fn token(&self) -> u64 {
        self.token
    }

    /// When the lease runs out.
    #[must_use]
    pub const fn until(&self) -> SystemTime {
        self.until
    }
}

/// Why a claim was neither completed nor released.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError<E> {
    /// The lease has run out, and another worker has claimed the event since. Let its message come again; if this is
    /// seen more than once, the lease is too short.
    #[error("the claim is lost: another worker has claimed the event since")]
    Lost,
    /// The store could not do its work.
    #[error(transparent)]
    Store(E),
}

impl<S: ClaimStore> Claims<S> {
    /// Keeps claims in this store, each for this long, but never for longer than 12 hours.
    #[must_use]
    pub fn new(store: S, lease: Duration) -> Self {
        Self { store, lease: lease.min(LONGEST_LEASE) }
    }

    /// Claims an event, unless it is done or another worker has it.
    ///
    /// # Errors
    ///
    /// When the store fails. Let the message come again: the event may have been claimed, and then it is held until the
    /// lease runs out.
    pub async fn claim(&self, event_id: &str, now: SystemTime) -> Result<Claimed, S::Error> {
        let until = now + self.lease;
        // Most events are new: then one call is enough.
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

    /// Writes down that the event has been applied. A claim whose lease has run out is completed too, as long as nobody
    /// else has claimed the event.
    ///
    /// # Errors
    ///
    /// When the claim is lost, or the store fails. It may be tried again with the same claim. Do not release it: the event
    /// has been applied.
    pub async fn complete(&self, claim: &Claim) -> Result<(), ClaimError<S::Error>> {
        self.settle(claim, State::Done).await
    }

    /// Lets the next worker claim the event at once. Only for work that has certainly not been done: if nobody knows, let
    /// the lease run out, which gives a request that is still on its way the time to arrive.
    ///
    /// # Errors
    ///
    /// When the claim is lost, or the store fails. Nothing needs to be done: the lease runs out.
    pub async fn release(&self, claim: Claim) -> Result<(), ClaimError<S::Error>> {
        self.settle(&claim, State::Free).await
    }

    async fn settle(&self, claim: &Claim, state: State) -> Result<(), ClaimError<S::Error>> {
        let token = claim.token;
        let held = Record { token, state: State::Held { until: claim.until } };
        let settled = Record { token, state };
        match self.store.replace(&claim.event_id, held, settled).await.map_err(ClaimError::Store)? {
            Replaced::Yes => Ok(()),
            // An earlier try took effect after all: nobody else writes under this token.
            Replaced::No { found } if found == settled => Ok(()),
            Replaced::No { .. } => Err(ClaimError::Lost),
        }
    }
}

#[cfg(test)]
mod tests;
