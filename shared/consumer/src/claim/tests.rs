//! The invariants of claims, in every interleaving of a few workers and the clock.
//!
//! The workers run the real code. Each call to the store is a step, and so is the work. A worker may pause between two
//! steps. A pause until the other workers end is equivalent to a crash.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::UNIX_EPOCH;

use message::Event;

use super::*;
use crate::test_event::event;

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
    /// The store does not have the order.
    NoOrder,
    /// A revoked sale is not stored.
    ForgetsRevoked,
}

/// An event of a worker, and whether its work succeeds.
#[derive(Debug, Clone, Copy)]
struct Work {
    sale: &'static str,
    goods: &'static str,
    order_id: Option<&'static str>,
    succeeds: bool,
}

/// Work of an event without an order.
const fn work(succeeds: bool) -> Work {
    Work { sale: "transaction#1", goods: "grant", order_id: None, succeeds }
}

/// Work of an event of one order.
const fn order_work(sale: &'static str, goods: &'static str, succeeds: bool) -> Work {
    Work { sale, goods, order_id: Some("7"), succeeds }
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
    /// Effects of that work on the order, and sales whose `revoke` was applied or skipped.
    effects: Vec<Goods>,
    revoked: Vec<&'static str>,
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
            effects: Vec::new(),
            revoked: Vec::new(),
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

    fn write(&mut self, mut new: Record) {
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
        let is_completed = new.state == State::Done || new.order.granted_by != self.record.order.granted_by;
        self.check(!is_completed || self.work.contains(&new.token), "only applied events are completed");
        match self.mutant {
            Some(Mutant::NoOrder) => new.order = Order::default(),
            Some(Mutant::ForgetsRevoked) => new.order.revoked.clear(),
            _ => {}
        }
        self.record =
            if new.state == State::Free && self.mutant == Some(Mutant::ResetsTokens) { Record::UNCLAIMED } else { new };
    }

    /// Writes to the game's store, which checks tokens.
    fn apply(&mut self, token: u64, sale: &str, goods: Goods) {
        let is_late = goods == Goods::Grant && self.revoked.contains(&sale);
        let last = self.work.last().copied().unwrap_or(0);
        if token > last || self.mutant == Some(Mutant::NoFencing) {
            self.check(token > last, "no older write follows a newer one");
            self.work.push(token);
            self.effects.push(goods);
            self.check(!is_late, "no grant follows the revocation of its sale");
        }
    }
}

impl ClaimStore for FakeStore {
    type Error = NoResponse;

    async fn replace(&self, _: &str, expected: &Record, new: &Record) -> Result<Replaced, NoResponse> {
        step().await;
        let mut state = self.state();
        let mut found = state.record.clone();
        match (state.mutant, new.state) {
            (Some(Mutant::NoOwner), State::Free | State::Done) => found = expected.clone(),
            (Some(Mutant::NoLease), State::Held { .. }) if matches!(found.state, State::Held { .. }) => {
                found.state = State::Free;
            }
            _ => {}
        }
        if (found.token, found.state) != (expected.token, expected.state) {
            return Ok(Replaced::No { found });
        }
        state.write(new.clone());
        if std::mem::take(&mut state.loses_response) { Err(NoResponse) } else { Ok(Replaced::Yes) }
    }
}

/// Ends a step, so that other workers and the clock can run.
async fn step() {
    let mut yielded = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

async fn worker(store: FakeStore, work: Work, event: &Event<'_>) {
    let claims = Claims::new(store.clone(), LEASE);
    let now = store.state().now;
    let mutant = store.state().mutant;
    let claim = match claims.claim(event, now).await {
        Ok(Claimed::New(claim)) => claim,
        Ok(Claimed::OrderSettled) if event.goods == Goods::Revoke => return store.state().revoked.push(work.sale),
        _ => return,
    };
    if mutant == Some(Mutant::CompletesBeforeWork) {
        let _ = claims.complete(&claim).await;
    }
    step().await;
    if work.succeeds {
        store.state().apply(claim.token(), work.sale, event.goods);
    }
    let token = claim.token();
    let settled = if work.succeeds || mutant == Some(Mutant::CompletesFailedWork) {
        claims.complete(&claim).await
    } else {
        claims.release(claim).await
    };
    let mut state = store.state();
    if settled.is_ok() && work.succeeds && event.goods == Goods::Revoke {
        state.revoked.push(work.sale);
    }
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

/// Runs every interleaving of the workers and a clock that advances by some leases. Returns the number of interleavings, or the first violated invariant.
fn run_all_interleavings(workers: &[Work], leases: usize, mutant: Option<Mutant>) -> Result<usize, &'static str> {
    let messages: Vec<_> = workers.iter().map(|work| event(work.sale, work.goods, work.order_id)).collect();
    let events: Vec<_> = messages.iter().map(|message| Event::read(message).unwrap()).collect();
    let mut interleavings = 0;
    // At each step: the index of the choice, and the number of choices.
    let mut choices: Vec<(usize, usize)> = Vec::new();
    loop {
        let store = FakeStore::new(mutant);
        let mut running: Vec<_> = std::iter::zip(workers, &events)
            .map(|(work, event)| Some(Box::pin(worker(store.clone(), *work, event))))
            .collect();
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
        check_final_state(&store, &events[0]);
        let mut state = store.state();
        if leases == 0 {
            let is_once = workers.iter().any(|work| work.order_id.is_some()) || state.work.len() <= 1;
            state.check(is_once, "applied once if no lease expires");
            let is_alternating = state
                .effects
                .iter()
                .enumerate()
                .all(|(index, goods)| *goods == if index % 2 == 0 { Goods::Grant } else { Goods::Revoke });
            state.check(is_alternating, "an order is granted once and then revoked once if no lease expires");
        }
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

/// Checks that after all leases, the first worker's event is done or the next worker can claim it.
fn check_final_state(store: &FakeStore, event: &Event<'_>) {
    let mut state = store.state();
    state.now += LEASE;
    let (now, done) = (state.now, state.record.state == State::Done);
    drop(state);
    let claimed = run(Claims::new(store.clone(), LEASE).claim(event, now)).unwrap();
    let mut state = store.state();
    let is_order = event.order_id.is_some();
    state.check(is_order || (claimed == Claimed::Done) == done, "an event is claimable until it is done");
    state.check(!matches!(claimed, Claimed::Held { .. }), "every lease expires");
}

#[test]
fn invariants_hold_in_every_interleaving() {
    let mut interleavings = 0;
    for leases in 0..=2 {
        for workers in [[true, true], [true, false], [false, false]] {
            let workers = workers.map(work);
            interleavings += run_all_interleavings(&workers, leases, None).unwrap();
        }
    }
    for leases in 0..=1 {
        for workers in [[true, true, true], [true, true, false], [true, false, false], [false, false, false]] {
            let workers = workers.map(work);
            interleavings += run_all_interleavings(&workers, leases, None).unwrap();
        }
    }
    assert!(interleavings > 100_000, "{interleavings}");
}

#[test]
fn invariants_hold_in_every_interleaving_of_an_order() {
    const GRANT: Work = order_work("a", "grant", true);
    const OTHER_GRANT: Work = order_work("b", "grant", true);
    const REVOKE: Work = order_work("a", "revoke", true);
    let failing = |work: Work| Work { succeeds: false, ..work };
    let mut interleavings = 0;
    for leases in 0..=2 {
        for workers in [[GRANT, OTHER_GRANT], [failing(GRANT), OTHER_GRANT], [GRANT, REVOKE], [failing(GRANT), REVOKE]]
        {
            interleavings += run_all_interleavings(&workers, leases, None).unwrap();
        }
    }
    for workers in [[GRANT, OTHER_GRANT, REVOKE], [GRANT, REVOKE, GRANT], [GRANT, failing(OTHER_GRANT), REVOKE]] {
        interleavings += run_all_interleavings(&workers, 0, None).unwrap();
    }
    assert!(interleavings > 10_000, "{interleavings}");
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
        let workers = [[true, true], [true, false], [false, true], [false, false]].map(|workers| workers.map(work));
        let found: Vec<_> =
            workers.iter().filter_map(|workers| run_all_interleavings(workers, 2, Some(mutant)).err()).collect();
        assert!(found.contains(&violated), "{mutant:?}: {found:?}");
    }
}

#[test]
fn every_mutant_of_the_order_check_violates_an_invariant() {
    for (mutant, other, violated) in [
        (Mutant::NoOrder, ("b", "grant"), "an order is granted once and then revoked once if no lease expires"),
        (Mutant::ForgetsRevoked, ("a", "revoke"), "no grant follows the revocation of its sale"),
    ] {
        let workers = [order_work("a", "grant", true), order_work(other.0, other.1, true)];
        assert_eq!(run_all_interleavings(&workers, 0, Some(mutant)), Err(violated), "{mutant:?}");
    }
}

/// Claims a worker's event.
fn try_claim(claims: &Claims<FakeStore>, work: Work, now: SystemTime) -> Result<Claimed, NoResponse> {
    let message = event(work.sale, work.goods, work.order_id);
    run(claims.claim(&Event::read(&message).unwrap(), now))
}

fn new_claim(claims: &Claims<FakeStore>, work: Work, now: SystemTime) -> Claim {
    match try_claim(claims, work, now) {
        Ok(Claimed::New(claim)) => claim,
        other => panic!("{other:?}"),
    }
}

/// Returns a claim whose event is applied and not completed.
fn claimed() -> (FakeStore, Claims<FakeStore>, Claim) {
    let store = FakeStore::new(None);
    let claims = Claims::new(store.clone(), LEASE);
    let claim = new_claim(&claims, work(true), UNIX_EPOCH);
    store.state().apply(claim.token(), "transaction#1", Goods::Grant);
    (store, claims, claim)
}

#[test]
fn crash_between_claim_and_grant_of_an_order_lets_the_next_worker_grant_after_the_lease() {
    let store = FakeStore::new(None);
    let claims = Claims::new(store.clone(), LEASE);
    let crashed = new_claim(&claims, order_work("a", "grant", true), UNIX_EPOCH);
    let other = order_work("b", "grant", true);
    let until = UNIX_EPOCH + LEASE;
    assert_eq!(try_claim(&claims, other, UNIX_EPOCH), Ok(Claimed::Held { until }));
    store.state().now = until;

    let next = new_claim(&claims, other, until);
    assert_eq!((next.key(), next.token()), ("goods#live#order#7", 2));
    store.state().apply(next.token(), "b", Goods::Grant);
    store.state().apply(crashed.token(), "a", Goods::Grant);
    assert_eq!(store.state().work, [2], "the fencing token stops the paused worker");
    assert_eq!(run(claims.complete(&next)), Ok(()));
    assert_eq!(run(claims.complete(&crashed)), Err(ClaimError::Lost));
    assert_eq!(try_claim(&claims, order_work("a", "grant", true), until), Ok(Claimed::OrderSettled));
    assert_eq!(try_claim(&claims, other, until), Ok(Claimed::Done));
}

#[test]
fn crash_between_claim_and_revoke_does_not_lose_that_the_order_is_granted() {
    let store = FakeStore::new(None);
    let claims = Claims::new(store.clone(), LEASE);
    let granted = new_claim(&claims, order_work("a", "grant", true), UNIX_EPOCH);
    store.state().apply(granted.token(), "a", Goods::Grant);
    run(claims.complete(&granted)).unwrap();
    let _crashed = new_claim(&claims, order_work("a", "revoke", true), UNIX_EPOCH);
    store.state().now = UNIX_EPOCH + LEASE;

    let revoke = new_claim(&claims, order_work("a", "revoke", true), UNIX_EPOCH + LEASE);
    store.state().apply(revoke.token(), "a", Goods::Revoke);
    assert_eq!(run(claims.complete(&revoke)), Ok(()));
    assert_eq!(try_claim(&claims, order_work("a", "revoke", true), UNIX_EPOCH + LEASE), Ok(Claimed::Done));
    assert_eq!(try_claim(&claims, order_work("a", "grant", true), UNIX_EPOCH + LEASE), Ok(Claimed::OrderSettled));
    assert_eq!(store.state().violated, None);
}

#[test]
fn revoke_after_a_crashed_grant_is_applied_since_the_order_may_be_granted() {
    let store = FakeStore::new(None);
    let claims = Claims::new(store.clone(), LEASE);
    let crashed = new_claim(&claims, order_work("a", "grant", true), UNIX_EPOCH);
    store.state().apply(crashed.token(), "a", Goods::Grant);
    store.state().now = UNIX_EPOCH + LEASE;

    let revoke = new_claim(&claims, order_work("a", "revoke", true), UNIX_EPOCH + LEASE);
    store.state().apply(revoke.token(), "a", Goods::Revoke);
    assert_eq!(run(claims.complete(&revoke)), Ok(()));
    assert_eq!(try_claim(&claims, order_work("a", "grant", true), UNIX_EPOCH + LEASE), Ok(Claimed::OrderSettled));
    assert_eq!(store.state().violated, None);
}

#[test]
fn released_claim_leaves_the_order_as_it_was() {
    let store = FakeStore::new(None);
    let claims = Claims::new(store.clone(), LEASE);
    let failed = new_claim(&claims, order_work("a", "grant", false), UNIX_EPOCH);
    assert_eq!(run(claims.release(failed)), Ok(()));
    assert_eq!(try_claim(&claims, order_work("a", "revoke", true), UNIX_EPOCH), Ok(Claimed::OrderSettled));
    assert_eq!(try_claim(&claims, order_work("a", "grant", true), UNIX_EPOCH), Ok(Claimed::OrderSettled));
    assert_eq!(new_claim(&claims, order_work("b", "grant", true), UNIX_EPOCH).token(), 3);
}

#[test]
fn completion_can_be_retried_after_lost_response() {
    let (store, claims, claim) = claimed();
    store.state().loses_response = true;
    assert_eq!(run(claims.complete(&claim)), Err(ClaimError::Store(NoResponse)));
    assert_eq!(run(claims.complete(&claim)), Ok(()));
    assert_eq!(run(claims.release(claim)), Err(ClaimError::Lost));
    assert_eq!(try_claim(&claims, work(true), UNIX_EPOCH + LEASE), Ok(Claimed::Done));
    assert_eq!(store.state().violated, None);
}

#[test]
fn claim_with_lost_response_is_held_until_lease_expires() {
    let store = FakeStore::new(None);
    let claims = Claims::new(store.clone(), LEASE);
    store.state().loses_response = true;
    assert_eq!(try_claim(&claims, work(true), UNIX_EPOCH), Err(NoResponse));
    let (until, before) = (UNIX_EPOCH + LEASE, UNIX_EPOCH + LEASE - Duration::from_millis(1));
    assert_eq!(try_claim(&claims, work(true), before), Ok(Claimed::Held { until }));
    store.state().now = until;
    let claim = new_claim(&claims, work(true), until);
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
    let claim = new_claim(&claims, work(true), UNIX_EPOCH);
    assert_eq!(claim.until(), UNIX_EPOCH + Duration::from_hours(12));
}
