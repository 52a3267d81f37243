//! Many stories: all short ones, and some of the long ones.

use std::collections::VecDeque;
use std::fmt;

use proptest::collection::{btree_map, vec};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::{Builder, Runtime};

use crate::flaw::Flaw;
use crate::messages::{ALL, ROTATION, Scenario};
use crate::promises::Promise;
use crate::run::{Run, run};
use crate::world::Plan;

/// A story that broke a promise, told.
pub struct Broken {
    pub promise: Promise,
    /// At how many choices it left the quiet way.
    pub detours: usize,
    pub story: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is broken:\n{}", self.promise, self.story)
    }
}

struct Stories {
    runtime: Runtime,
    flaw: Option<Flaw>,
}

impl Stories {
    fn new(flaw: Option<Flaw>) -> Self {
        Self { runtime: Builder::new_current_thread().enable_time().start_paused(true).build().unwrap(), flaw }
    }

    fn run(&self, scenario: &Scenario, plan: &Plan, tell: bool) -> Run {
        // All of a story is one task to tokio, whose budget for a task it would use up.
        self.runtime.block_on(tokio::task::unconstrained(run(scenario, plan, self.flaw, tell)))
    }

    /// The story without the messages and detours that it does not need. When a message is left out, the detours behind
    /// it come sooner.
    fn shortened(&self, mut scenario: Scenario, mut plan: Plan) -> Broken {
        let promise = self.run(&scenario, &plan, false).broken.unwrap();
        let is_broken = |scenario: &Scenario, plan: &Plan| self.run(scenario, plan, false).broken == Some(promise);
        for place in (0..scenario.messages.len()).rev() {
            let mut fewer = scenario.clone();
            fewer.messages.remove(place);
            let mut sooner =
                (0..25).map(|by| plan.iter().map(|(at, option)| (at.saturating_sub(by), *option)).collect());
            if let Some(sooner) = sooner.find(|plan| is_broken(&fewer, plan)) {
                (scenario, plan) = (fewer, sooner);
            }
        }
        for place in (0..plan.len()).rev() {
            let mut fewer = plan.clone();
            fewer.remove(place);
            if is_broken(&scenario, &fewer) {
                plan = fewer;
            }
        }
        self.tell(&scenario, &plan, promise)
    }

    fn tell(&self, scenario: &Scenario, plan: &Plan, promise: Promise) -> Broken {
        Broken { promise, detours: plan.len(), story: self.run(scenario, plan, true).story }
    }
}

/// Every story of the scenario that leaves the quiet way at most so often: a call that fails, hangs or kills, a turn out of
/// turn, a fresh environment, a smaller batch, a pause. Those with fewer detours come first, so that the first one found
/// to be broken is as short as any. Gives their number.
pub fn all(scenario: &Scenario, most_detours: usize, flaw: Option<Flaw>) -> Result<usize, Broken> {
    let stories = Stories::new(flaw);
    let mut plans = VecDeque::from([Plan::new()]);
    let mut number = 0;
    while let Some(plan) = plans.pop_front() {
        let Run { broken, choices, .. } = stories.run(scenario, &plan, false);
        number += 1;
        if let Some(promise) = broken {
            return Err(stories.tell(scenario, &plan, promise));
        }
        if plan.len() < most_detours {
            let first = plan.last().map_or(0, |(choice, _)| choice + 1);
            for (choice, options) in choices.into_iter().enumerate().skip(first) {
                plans.extend((1..options).map(|option| [plan.as_slice(), &[(choice, option)]].concat()));
            }
        }
    }
    Ok(number)
}

/// So many stories at random: up to twenty messages, up to forty detours. The one that is told has been shortened.
pub fn some(number: u32, seed: u32, flaw: Option<Flaw>) -> Result<(), Broken> {
    let stories = Stories::new(flaw);
    let messages = vec(0..ALL.len(), 1..=20);
    let detours = btree_map(0..500_usize, 1..60_usize, 0..=40);
    let config = Config { cases: number, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let parts = (messages, detours).prop_map(|(messages, detours)| {
        let messages = messages.into_iter().map(|n| ALL[n]).collect();
        (Scenario { secrets: ROTATION, messages }, detours.into_iter().collect::<Plan>())
    });
    let result = runner.run(&parts, |(scenario, plan)| match stories.run(&scenario, &plan, false).broken {
        Some(promise) => Err(TestCaseError::fail(format!("{promise:?}"))),
        None => Ok(()),
    });
    match result {
        Ok(()) => Ok(()),
        Err(TestError::Fail(_, (scenario, plan))) => Err(stories.shortened(scenario, plan)),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}
