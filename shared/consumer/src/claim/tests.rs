//! The invariants of claims, in every interleaving of a few workers and the clock.
//!
//! The workers run the real code. Each call to the store is a step, and so is the work. A worker may pause between two
//! steps. A pause until the other workers end is equivalent to a crash.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::UNIX_EPOCH;

use super::*;

const LEASE: Duration = Duration::from_secs(1);

/// A change of the code that violates an invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mutant {
    /// The worker completes its claim before the work.
    CompletesBeforeWork,
    /// The worker completes its claim after failed work.
    CompletesFailedWork,
    /// The store lets every worker complete and release.
    NoOwner,
    /// The store treats a held event as free.
    NoLease,
    /// The store deletes a released record.
    ResetsTokens,
    /// The game's store does not check tokens.
    NoFencing,
}

#[derive(Debug, PartialEq, Eq)]
struct NoResponse;

struct FakeState {
    mutant: Option<Mutant>,
    now: SystemTime,
    record: Record,
    /// Token and end of every claim.
    claims: Vec<(u64, SystemTime)>,
    /// Tokens of the work that the game's store has accepted.
    work: Vec<u64>,
    /// Whether the response of the next write is lost.
    loses_response: bool,
    /// The first violated invariant.
    violated: Option<&'static str>,
}

#[derive(Clone)]
struct FakeStore(Arc<Mutex<FakeState>>);

impl FakeStore {
    fn new(mutant: Option<Mutant>) -> Self {
        Self(Arc::new(Mutex::new(FakeState {
            mutant,
            now: UNIX_EPOCH,
            record: Record::UNCLAIMED,
            claims: Vec::new(),
            work: Vec::new(),
            loses_response: false,
            violated: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, FakeState> {
        self.0.lock().unwrap()
    }
}

impl FakeState {
    fn check(&mut self, holds: bool, invariant: &'static str) {
        if !holds && self.violated.is_none() {
            self.violated = Some(invariant);
        }
    }

    fn write(&mut self, new: Record) {
        let owner = self.claims.last().map_or(0, |(token, _)| *token);
        self.check(self.record.state != State::Done, "a completed claim never changes");
        match new.state {
            State::Held { until } => {
                self.check(new.token > owner, "each claim has a higher token");
                self.check(self.claims.iter().all(|(_, end)| *end <= self.now), "one worker at a time");
                self.claims.push((new.token, until));
            }
            State::Free | State::Done => {
                self.check(new.token == owner, "only the owner completes and releases");
                if let Some((_, end)) = self.claims.last_mut() {
                    *end = self.now;
                }
            }
        }
        self.check(new.state != State::Done || self.work.contains(&new.token), "only applied events are completed");
        self.record =
            if new.state == State::Free && self.mutant == Some(Mutant::ResetsTokens) { Record::UNCLAIMED } else { new };
    }

    /// Writes to the game's store, which checks tokens.
    fn apply(&mut self, token: u64) {
        let last = self.work.last().copied().unwrap_or(0);
        if token > last || self.mutant == Some(Mutant::NoFencing) {
            self.check(token > last, "no older write follows a newer one");
            self.work.push(token);
        }
    }
}

impl ClaimStore for FakeStore {
    type Error = NoResponse;

    async fn replace(&self, _: &str, expected: Record, new: Record) -> Result<Replaced, NoResponse> {
        step().await;
        let mut state = self.state();
        let mut found = state.record;
        match (state.mutant, new.state) {
            (Some(Mutant::NoOwner), State::Free | State::Done) => found = expected,
            (Some(Mutant::NoLease), State::Held { .. }) if matches!(found.state, State::Held { .. }) => {
                found.state = State::Free;
            }
            _ => {}
        }
        if found != expected {
            return Ok(Replaced::No { found });
        }
        state.write(new);
        if std::mem::take(&mut state.loses_response) { Err(NoResponse) } else { Ok(Replaced::Yes) }
    }
}

/// Ends a step, so that other workers and the clock can run.
async fn step() {
    let mut yielded = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

async fn worker(store: FakeStore, succeeds: bool) {
    let claims = Claims::new(store.clone(), LEASE);
    let now = store.state().now;
    let mutant = store.state().mutant;
    let Ok(Claimed::New(claim)) = claims.claim("event", now).await else { return };
    if mutant == Some(Mutant::CompletesBeforeWork) {
        let _ = claims.complete(&claim).await;
    }
    step().await;
    if succeeds {
        store.state().apply(claim.token());
    }
    let token = claim.token();
    let settled = if succeeds || mutant == Some(Mutant::CompletesFailedWork) {
        claims.complete(&claim).await
    } else {
        claims.release(claim).await
    };
    let mut state = store.state();
    let is_superseded = state.claims.last().is_some_and(|(last, _)| *last > token);
    state.check(settled.is_ok() || is_superseded, "a claim is lost only to another claim");
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs a future to its end.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return output;
        }
    }
}

/// Runs every interleaving of the workers and a clock that advances by some leases. `workers` says which workers succeed.
/// Returns the number of interleavings, or the first violated invariant.
fn run_all_interleavings(workers: &[bool], leases: usize, mutant: Option<Mutant>) -> Result<usize, &'static str> {
    let mut interleavings = 0;
    // At each step: the index of the choice, and the number of choices.
    let mut choices: Vec<(usize, usize)> = Vec::new();
    loop {
        let store = FakeStore::new(mutant);
        let mut running: Vec<_> =
            workers.iter().map(|succeeds| Some(Box::pin(worker(store.clone(), *succeeds)))).collect();
        let mut ticks = leases;
        for at in 0.. {
            let clock = workers.len();
            let mut next: Vec<usize> = (0..clock).filter(|worker| running[*worker].is_some()).collect();
            if next.is_empty() {
                break;
            }
            next.extend((ticks > 0).then_some(clock));
            if at == choices.len() {
                choices.push((0, next.len()));
            }
            let chosen = next[choices[at].0];
            if chosen == clock {
                ticks -= 1;
                store.state().now += LEASE;
            } else if running[chosen].as_mut().is_some_and(|worker| poll(worker.as_mut()).is_ready()) {
                running[chosen] = None;
            }
        }
        check_final_state(&store);
        let mut state = store.state();
        let is_once = leases > 0 || state.work.len() <= 1;
        state.check(is_once, "applied once if no lease expires");
        if let Some(violated) = state.violated {
            return Err(violated);
        }
        interleavings += 1;
        while let Some((chosen, count)) = choices.pop() {
            if chosen + 1 < count {
                choices.push((chosen + 1, count));
                break;
            }
        }
        if choices.is_empty() {
            return Ok(interleavings);
        }
    }
}

/// Checks that after all leases, the event is done or the next worker can claim it.
fn check_final_state(store: &FakeStore) {
    let mut state = store.state();
    state.now += LEASE;
    let (now, done) = (state.now, state.record.state == State::Done);
    drop(state);
    let claimed = run(Claims::new(store.clone(), LEASE).claim("event", now)).unwrap();
    let mut state = store.state();
    state.check((claimed == Claimed::Done) == done, "an event is claimable until it is done");
    state.check(!matches!(claimed, Claimed::Held { .. }), "every lease expires");
}

#[test]
fn invariants_hold_in_every_interleaving() {
    let mut interleavings = 0;
    for leases in 0..=2 {
        for workers in [[true, true], [true, false], [false, false]] {
            interleavings += run_all_interleavings(&workers, leases, None).unwrap();
        }
    }
    for leases in 0..=1 {
        for workers in [[true, true, true], [true, true, false], [true, false, false], [false, false, false]] {
            interleavings += run_all_interleavings(&workers, leases, None).unwrap();
        }
    }
    assert!(interleavings > 100_000, "{interleavings}");
}

#[test]
fn every_mutant_violates_an_invariant() {
    for (mutant, violated) in [
        (Mutant::CompletesBeforeWork, "only applied events are completed"),
        (Mutant::CompletesFailedWork, "only applied events are completed"),
        (Mutant::NoOwner, "only the owner completes and releases"),
        (Mutant::NoLease, "one worker at a time"),
        (Mutant::ResetsTokens, "each claim has a higher token"),
        (Mutant::NoFencing, "no older write follows a newer one"),
    ] {
        let workers = [[true, true], [true, false], [false, true], [false, false]];
        let found: Vec<_> =
            workers.iter().filter_map(|workers| run_all_interleavings(workers, 2, Some(mutant)).err()).collect();
        assert!(found.contains(&violated), "{mutant:?}: {found:?}");
    }
}

/// Returns a claim whose event is applied and not completed.
fn claimed() -> (FakeStore, Claims<FakeStore>, Claim) {
    let store = FakeStore::new(None);
    let claims = Claims::new(store.clone(), LEASE);
    let Ok(Claimed::New(claim)) = run(claims.claim("event", UNIX_EPOCH)) else {
        panic!("the event is already claimed")
    };
    store.state().apply(claim.token());
    (store, claims, claim)
}

#[test]
fn completion_can_be_retried_after_lost_response() {
    let (store, claims, claim) = claimed();
    store.state().loses_response = true;
    assert_eq!(run(claims.complete(&claim)), Err(ClaimError::Store(NoResponse)));
    assert_eq!(run(claims.complete(&claim)), Ok(()));
    assert_eq!(run(claims.release(claim)), Err(ClaimError::Lost));
    assert_eq!(run(claims.claim("event", UNIX_EPOCH + LEASE)), Ok(Claimed::Done));
    assert_eq!(store.state().violated, None);
}

#[test]
fn claim_with_lost_response_is_held_until_lease_expires() {
    let store = FakeStore::new(None);
    let claims = Claims::new(store.clone(), LEASE);
    store.state().loses_response = true;
    assert_eq!(run(claims.claim("event", UNIX_EPOCH)), Err(NoResponse));
    let (until, before) = (UNIX_EPOCH + LEASE, UNIX_EPOCH + LEASE - Duration::from_millis(1));
    assert_eq!(run(claims.claim("event", before)), Ok(Claimed::Held { until }));
    store.state().now = until;
    let Ok(Claimed::New(claim)) = run(claims.claim("event", until)) else { panic!("the lease has not expired") };
    assert_eq!((claim.token(), claim.until()), (2, until + LEASE));
    assert_eq!(store.state().violated, None);
}

#[test]
fn complete_works_after_lease_without_other_claim() {
    let (store, claims, claim) = claimed();
    store.state().now += LEASE * 3;
    assert_eq!(run(claims.complete(&claim)), Ok(()));
}

#[test]
fn lease_is_at_most_12_hours() {
    let claims = Claims::new(FakeStore::new(None), Duration::MAX);
    let Ok(Claimed::New(claim)) = run(claims.claim("event", UNIX_EPOCH)) else {
        panic!("the event is already claimed")
    };
    assert_eq!(claim.until(), UNIX_EPOCH + Duration::from_hours(12));
}
