//! What claims promise, in every order in which the steps of a few workers and of the clock can come.
//!
//! The workers run the code as it is. Each call to the store is a step, and so is the work. Between two steps of a worker
//! anything else may happen: it has paused there, or, as long as it does not go on, died.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::UNIX_EPOCH;

use super::*;

const LEASE: Duration = Duration::from_secs(1);

/// A mistake, made on purpose: the promises must be able to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// The worker completes its claim, then does the work.
    DoneBeforeTheWork,
    /// The worker completes its claim, though the work has failed.
    DoneAfterAFailure,
    /// The store lets anybody complete and release.
    NoOwner,
    /// The store takes a held event for a free one.
    NoLease,
    /// The store deletes the record that is released.
    TokensStartAnew,
    /// The game's store does not compare tokens.
    NoFence,
}

#[derive(Debug, PartialEq, Eq)]
struct Silence;

struct World {
    mistake: Option<Mistake>,
    now: SystemTime,
    record: Record,
    /// Every claim so far: its token, and when it ends or has ended.
    claims: Vec<(u64, SystemTime)>,
    /// The tokens of the work that the game's store has taken.
    work: Vec<u64>,
    /// Whether the next write takes effect without an answer.
    silent: bool,
    /// The first promise that was not kept.
    broken: Option<&'static str>,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn new(mistake: Option<Mistake>) -> Self {
        Self(Arc::new(Mutex::new(World {
            mistake,
            now: UNIX_EPOCH,
            record: Record::UNCLAIMED,
            claims: Vec::new(),
            work: Vec::new(),
            silent: false,
            broken: None,
        })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl World {
    fn promise(&mut self, kept: bool, promise: &'static str) {
        if !kept && self.broken.is_none() {
            self.broken = Some(promise);
        }
    }

    fn write(&mut self, new: Record) {
        let owner = self.claims.last().map_or(0, |(token, _)| *token);
        self.promise(self.record.state != State::Done, "what is done stays done");
        match new.state {
            State::Held { until } => {
                self.promise(new.token > owner, "each claim has a higher token");
                self.promise(self.claims.iter().all(|(_, end)| *end <= self.now), "one worker at a time");
                self.claims.push((new.token, until));
            }
            State::Free | State::Done => {
                self.promise(new.token == owner, "only the owner completes and releases");
                if let Some((_, end)) = self.claims.last_mut() {
                    *end = self.now;
                }
            }
        }
        self.promise(new.state != State::Done || self.work.contains(&new.token), "what is done has been worked on");
        self.record = if new.state == State::Free && self.mistake == Some(Mistake::TokensStartAnew) {
            Record::UNCLAIMED
        } else {
            new
        };
    }

    /// The game's store, which compares tokens.
    fn work(&mut self, token: u64) {
        let last = self.work.last().copied().unwrap_or(0);
        if token > last || self.mistake == Some(Mistake::NoFence) {
            self.promise(token > last, "no older work after newer");
            self.work.push(token);
        }
    }
}

impl ClaimStore for Shared {
    type Error = Silence;

    async fn replace(&self, _: &str, expected: Record, new: Record) -> Result<Replaced, Silence> {
        step().await;
        let mut world = self.world();
        let mut found = world.record;
        match (world.mistake, new.state) {
            (Some(Mistake::NoOwner), State::Free | State::Done) => found = expected,
            (Some(Mistake::NoLease), State::Held { .. }) if matches!(found.state, State::Held { .. }) => {
                found.state = State::Free;
            }
            _ => {}
        }
        if found != expected {
            return Ok(Replaced::No { found });
        }
        world.write(new);
        if std::mem::take(&mut world.silent) { Err(Silence) } else { Ok(Replaced::Yes) }
    }
}

/// Lets the others go first, as many of them as there are.
async fn step() {
    let mut waited = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

async fn worker(shared: Shared, succeeds: bool) {
    let claims = Claims::new(shared.clone(), LEASE);
    let now = shared.world().now;
    let mistake = shared.world().mistake;
    let Ok(Claimed::New(claim)) = claims.claim("event", now).await else { return };
    if mistake == Some(Mistake::DoneBeforeTheWork) {
        let _ = claims.complete(&claim).await;
    }
    step().await;
    if succeeds {
        shared.world().work(claim.token());
    }
    let token = claim.token();
    let settled = if succeeds || mistake == Some(Mistake::DoneAfterAFailure) {
        claims.complete(&claim).await
    } else {
        claims.release(claim).await
    };
    let mut world = shared.world();
    let taken_over = world.claims.last().is_some_and(|(last, _)| *last > token);
    world.promise(settled.is_ok() || taken_over, "a claim is lost to another claim only");
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs it alone.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return output;
        }
    }
}

/// Runs workers, of which these succeed, in every order, while the clock goes on by so many leases. Returns the number of
/// orders, or the first promise that was not kept.
fn every_order(workers: &[bool], leases: usize, mistake: Option<Mistake>) -> Result<usize, &'static str> {
    let mut orders = 0;
    // Which of how many could go next, at each step.
    let mut order: Vec<(usize, usize)> = Vec::new();
    loop {
        let shared = Shared::new(mistake);
        let mut running: Vec<_> =
            workers.iter().map(|succeeds| Some(Box::pin(worker(shared.clone(), *succeeds)))).collect();
        let mut ticks = leases;
        for at in 0.. {
            let clock = workers.len();
            let mut next: Vec<usize> = (0..clock).filter(|worker| running[*worker].is_some()).collect();
            if next.is_empty() {
                break;
            }
            next.extend((ticks > 0).then_some(clock));
            if at == order.len() {
                order.push((0, next.len()));
            }
            let goes = next[order[at].0];
            if goes == clock {
                ticks -= 1;
                shared.world().now += LEASE;
            } else if running[goes].as_mut().is_some_and(|worker| poll(worker.as_mut()).is_ready()) {
                running[goes] = None;
            }
        }
        come_last(&shared);
        let mut world = shared.world();
        let once = leases > 0 || world.work.len() <= 1;
        world.promise(once, "worked on once, if no lease runs out");
        if let Some(broken) = world.broken {
            return Err(broken);
        }
        orders += 1;
        while let Some((went, of)) = order.pop() {
            if went + 1 < of {
                order.push((went + 1, of));
                break;
            }
        }
        if order.is_empty() {
            return Ok(orders);
        }
    }
}

/// When all leases have run out, the event is done, or the next worker has it.
fn come_last(shared: &Shared) {
    let mut world = shared.world();
    world.now += LEASE;
    let (now, done) = (world.now, world.record.state == State::Done);
    drop(world);
    let claimed = run(Claims::new(shared.clone(), LEASE).claim("event", now)).unwrap();
    let mut world = shared.world();
    world.promise((claimed == Claimed::Done) == done, "what is not done can be claimed again");
    world.promise(!matches!(claimed, Claimed::Held { .. }), "nothing is held for ever");
}

#[test]
fn in_every_order_of_steps_the_promises_are_kept() {
    let mut orders = 0;
    for leases in 0..=2 {
        for workers in [[true, true], [true, false], [false, false]] {
            orders += every_order(&workers, leases, None).unwrap();
        }
    }
    for leases in 0..=1 {
        for workers in [[true, true, true], [true, true, false], [true, false, false], [false, false, false]] {
            orders += every_order(&workers, leases, None).unwrap();
        }
    }
    assert!(orders > 100_000, "{orders}");
}

#[test]
fn each_mistake_breaks_a_promise() {
    for (mistake, broken) in [
        (Mistake::DoneBeforeTheWork, "what is done has been worked on"),
        (Mistake::DoneAfterAFailure, "what is done has been worked on"),
        (Mistake::NoOwner, "only the owner completes and releases"),
        (Mistake::NoLease, "one worker at a time"),
        (Mistake::TokensStartAnew, "each claim has a higher token"),
        (Mistake::NoFence, "no older work after newer"),
    ] {
        let workers = [[true, true], [true, false], [false, true], [false, false]];
        let found: Vec<_> = workers.iter().filter_map(|workers| every_order(workers, 2, Some(mistake)).err()).collect();
        assert!(found.contains(&broken), "{mistake:?}: {found:?}");
    }
}

/// A claim that waits for its lease to run out, and the world it is in.
fn claimed() -> (Shared, Claims<Shared>, Claim) {
    let shared = Shared::new(None);
    let claims = Claims::new(shared.clone(), LEASE);
    let Ok(Claimed::New(claim)) = run(claims.claim("event", UNIX_EPOCH)) else { panic!("it is not new") };
    shared.world().work(claim.token());
    (shared, claims, claim)
}

#[test]
fn a_completion_without_an_answer_can_be_repeated_and_not_released() {
    let (shared, claims, claim) = claimed();
    shared.world().silent = true;
    assert_eq!(run(claims.complete(&claim)), Err(ClaimError::Store(Silence)));
    assert_eq!(run(claims.complete(&claim)), Ok(()));
    assert_eq!(run(claims.release(claim)), Err(ClaimError::Lost));
    assert_eq!(run(claims.claim("event", UNIX_EPOCH + LEASE)), Ok(Claimed::Done));
    assert_eq!(shared.world().broken, None);
}

#[test]
fn a_claim_without_an_answer_is_held_until_its_lease_runs_out() {
    let shared = Shared::new(None);
    let claims = Claims::new(shared.clone(), LEASE);
    shared.world().silent = true;
    assert_eq!(run(claims.claim("event", UNIX_EPOCH)), Err(Silence));
    let (until, nearly) = (UNIX_EPOCH + LEASE, UNIX_EPOCH + LEASE - Duration::from_millis(1));
    assert_eq!(run(claims.claim("event", nearly)), Ok(Claimed::Held { until }));
    shared.world().now = until;
    let Ok(Claimed::New(claim)) = run(claims.claim("event", until)) else { panic!("it is held for ever") };
    assert_eq!((claim.token(), claim.until()), (2, until + LEASE));
    assert_eq!(shared.world().broken, None);
}

#[test]
fn a_lease_that_has_run_out_is_completed_if_nobody_else_came() {
    let (shared, claims, claim) = claimed();
    shared.world().now += LEASE * 3;
    assert_eq!(run(claims.complete(&claim)), Ok(()));
}

#[test]
fn no_lease_is_longer_than_12_hours() {
    let claims = Claims::new(Shared::new(None), Duration::MAX);
    let Ok(Claimed::New(claim)) = run(claims.claim("event", UNIX_EPOCH)) else { panic!("it is not new") };
    assert_eq!(claim.until(), UNIX_EPOCH + Duration::from_hours(12));
}
