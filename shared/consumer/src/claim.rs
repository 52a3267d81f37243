//! Claims: one worker at a time applies an event, and no worker applies it again. An order is granted and revoked once.
//!
//! **If all effects are in one database with transactions, you need no claims.** Insert the event id into a
//! table of that database, in the transaction that grants. Claims are for effects elsewhere: another service's API, an
//! e-mail, a database without transactions.
//!
//! A worker *claims* an event for the length of a lease, applies it, and *completes* the claim. If the event was certainly
//! not applied, the worker *releases* the claim. Meanwhile, other workers must retry later. If the worker dies, the lease
//! expires, and the next claim has a higher token.
//!
//! A `grant` or `revoke` of an order claims the order, so that no other event of it is applied meanwhile. The record of the
//! order has its granted and revoked sales: see [`order`]. All other events claim their event id.
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
//! | An order is paid twice in the same second | Both payments are granted | The second worker gets [`Claimed::Held`], then [`Claimed::OrderSettled`] |
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
//! A lease cannot stop a paused worker that continues after it. So each claim has a higher [token](Claim::token) than earlier
//! claims of the same [key](Claim::key). Pass both to your store with each write, and let the store reject a write whose
//! token is not higher than the last one for this key.
//!
//! # Limits
//!
//! A worker may die, or the store may fail, between the work and [`Claims::complete`]. Then the event is applied again
//! after the lease. To prevent this, pass the event id as idempotency key to the called service, if it supports one, and
//! check how long it remembers the key.
//!
//! If the order was paid twice, the other payment may be applied after the lease instead, under its own event id. An
//! idempotency key with the order id prevents this, but also prevents a grant of the order after its revocation.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::{Duration, SystemTime};

use message::{Event, Goods};

use crate::order::{self, Order};

/// Maximum visibility time-out of SQS.
const MAX_LEASE: Duration = Duration::from_hours(12);

/// The stored state of a key's claims. The key is an event id, or that of an order.
///
/// A token never returns to an earlier kind of state. So a store detects a change by comparing the token and the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Token of the last claim. It never decreases.
    pub token: u64,
    /// State of the last claim.
    pub state: State,
    /// The order, as of the last completed claim. Empty if the key is an event id.
    pub order: Order,
}

/// State of the last claim of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Released, or never claimed. An order is free again after its claim is completed.
    Free,
    /// Claimed by a worker.
    Held {
        /// End of the lease.
        until: SystemTime,
    },
    /// Completed: the event is applied. Not used for orders.
    Done,
}

impl Record {
    /// The record of a key that was never claimed. A store may treat it as a missing record.
    pub const UNCLAIMED: Self =
        Self { token: 0, state: State::Free, order: Order { granted_by: None, revoked: BTreeSet::new() } };
}

/// Stores claims. `consumer::dynamodb` has an implementation.
pub trait ClaimStore: Send + Sync {
    /// Error of a failed call.
    type Error;

    /// Atomically replaces the record of a key if it is the expected one.
    ///
    /// A call that is retried after a lost response must recognize its own write, and return [`Replaced::Yes`].
    ///
    /// # Errors
    ///
    /// If the store fails. The record may or may not be replaced.
    fn replace(
        &self,
        key: &str,
        expected: &Record,
        new: &Record,
    ) -> impl Future<Output = Result<Replaced, Self::Error>> + Send;
}

/// Result of [`ClaimStore::replace`].
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// A `grant` of an order that is granted by another sale, or whose sale is revoked; or a `revoke` of an order that is
    /// certainly not granted. Delete its message. After a `grant`, check whether a payment should be refunded.
    OrderSettled,
    /// Another worker has claimed the event or its order, and may still fail. Let SQS retry the message.
    Held {
        /// End of that worker's lease.
        until: SystemTime,
    },
}

/// The right to apply an event. It ends with its completion or release, or when another worker claims the event or its order
/// after the lease.
#[derive(Debug, PartialEq, Eq)]
pub struct Claim {
    key: String,
    token: u64,
    until: SystemTime,
    before: Order,
    /// State after completion.
    completed: State,
    /// The order after completion.
    after: Order,
}

impl Claim {
    /// Returns the claimed key: the event id, or the [key of the order](order::key) for a `grant` or `revoke` of an order.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the fencing token. It is higher than those of earlier claims of this key; the first is 1.
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
    /// The lease has expired, and another worker has claimed the event or its order. Let SQS retry the message. If this recurs, the
    /// lease is too short.
    #[error("claim lost: its lease has expired and another worker has claimed the event or its order")]
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

    /// Claims an event unless it is applied, its order is settled, or another worker has claimed one of the two.
    ///
    /// # Errors
    ///
    /// If the store fails. Let SQS retry the message. The event may be claimed until the lease expires.
    pub async fn claim(&self, event: &Event<'_>, now: SystemTime) -> Result<Claimed, S::Error> {
        let until = now + self.lease;
        let order_key = order::key(event);
        let completed = if order_key.is_some() { State::Free } else { State::Done };
        let key = order_key.unwrap_or_else(|| event.event_id.to_string());
        // Most events are new: one call suffices.
        let mut expected = Record::UNCLAIMED;
        loop {
            match expected.state {
                State::Done => return Ok(Claimed::Done),
                State::Held { until } if now < until => return Ok(Claimed::Held { until }),
                State::Held { .. } | State::Free => {}
            }
            let before = expected.order.clone();
            let mut after = before.clone();
            let is_applied = completed == State::Done || after.apply(event.goods, order::sale(event));
            if !is_applied && after == before {
                return Ok(settled(event, &before));
            }
            // After a crash, the order may be granted. Then a `revoke` is applied.
            let is_applied = is_applied || matches!(expected.state, State::Held { .. });
            let token = expected.token.saturating_add(1);
            let held = Record { token, state: State::Held { until }, order: before.clone() };
            match self.store.replace(&key, &expected, &held).await? {
                Replaced::Yes => {
                    let claim = Claim { key: key.clone(), token, until, before, completed, after };
                    if is_applied {
                        return Ok(Claimed::New(claim));
                    }
                    // A `revoke` before its `grant`: the order's record must have it.
                    match self.complete(&claim).await {
                        Ok(()) => return Ok(Claimed::OrderSettled),
                        Err(ClaimError::Lost) => expected = Record::UNCLAIMED,
                        Err(ClaimError::Store(error)) => return Err(error),
                    }
                }
                Replaced::No { found } => expected = found,
            }
        }
    }

    /// Marks the event as applied. Also works after the lease, if no other worker has claimed the event or its order.
    ///
    /// # Errors
    ///
    /// If the claim is lost, or the store fails. Retry with the same claim. Do not release it, because the event is
    /// applied.
    pub async fn complete(&self, claim: &Claim) -> Result<(), ClaimError<S::Error>> {
        self.settle(claim, claim.completed, &claim.after).await
    }

    /// Lets the next worker claim the event immediately. Only for an event that was certainly not applied. Otherwise let the
    /// lease expire, because a pending request may still take effect.
    ///
    /// # Errors
    ///
    /// If the claim is lost, or the store fails. No action is necessary: the lease expires.
    pub async fn release(&self, claim: Claim) -> Result<(), ClaimError<S::Error>> {
        self.settle(&claim, State::Free, &claim.before).await
    }

    async fn settle(&self, claim: &Claim, state: State, order: &Order) -> Result<(), ClaimError<S::Error>> {
        let token = claim.token;
        let held = Record { token, state: State::Held { until: claim.until }, order: claim.before.clone() };
        let settled = Record { token, state, order: order.clone() };
        match self.store.replace(&claim.key, &held, &settled).await.map_err(ClaimError::Store)? {
            Replaced::Yes => Ok(()),
            // An earlier attempt took effect: only this claim writes with its token.
            Replaced::No { found } if found == settled => Ok(()),
            Replaced::No { .. } => Err(ClaimError::Lost),
        }
    }
}

/// Returns why an event changes nothing of its order.
fn settled(event: &Event<'_>, order: &Order) -> Claimed {
    let is_retry = match event.goods {
        Goods::Grant => order.granted_by.as_deref() == Some(order::sale(event)),
        _ => order.revoked.contains(order::sale(event)),
    };
    if is_retry { Claimed::Done } else { Claimed::OrderSettled }
}

#[cfg(test)]
mod tests;
