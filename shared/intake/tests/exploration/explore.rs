//! Runs many histories: all short ones, and random long ones.

use std::collections::VecDeque;
use std::fmt;

use proptest::collection::{btree_map, vec};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::{Builder, Runtime};

use crate::guarantees::Guarantee;
use crate::history::{History, run};
use crate::mutants::Mutant;
use crate::simulated_aws::Deviations;
use crate::webhooks::{ALL, ROTATION, Scenario};

/// A violated guarantee, with the history that shows it.
pub struct Violation {
    pub guarantee: Guarantee,
    /// Number of deviations from the default history.
    pub deviations: usize,
    pub transcript: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is violated:\n{}", self.guarantee, self.transcript)
    }
}

struct Explorer {
    runtime: Runtime,
    mutant: Option<Mutant>,
}

impl Explorer {
    fn new(mutant: Option<Mutant>) -> Self {
        Self { runtime: Builder::new_current_thread().enable_time().start_paused(true).build().unwrap(), mutant }
    }

    fn run(&self, scenario: &Scenario, deviations: &Deviations, with_transcript: bool) -> History {
        // Unconstrained: a history is one tokio task, and would exceed tokio's budget for a task.
        self.runtime.block_on(tokio::task::unconstrained(run(scenario, deviations, self.mutant, with_transcript)))
    }

    /// Removes webhooks and deviations that the violation does not need.
    ///
    /// Without a webhook, later choices have lower numbers. So its deviations are tried with several shifts.
    fn shorten(&self, mut scenario: Scenario, mut deviations: Deviations) -> Violation {
        let guarantee = self.run(&scenario, &deviations, false).violated.unwrap();
        let is_violated = |scenario: &Scenario, deviations: &Deviations| {
            self.run(scenario, deviations, false).violated == Some(guarantee)
        };
        for position in (0..scenario.webhooks.len()).rev() {
            let mut fewer = scenario.clone();
            fewer.webhooks.remove(position);
            let mut shifted =
                (0..25).map(|by| deviations.iter().map(|(at, option)| (at.saturating_sub(by), *option)).collect());
            if let Some(shifted) = shifted.find(|deviations| is_violated(&fewer, deviations)) {
                (scenario, deviations) = (fewer, shifted);
            }
        }
        for position in (0..deviations.len()).rev() {
            // Without a deviation, later choices have other numbers.
            let shifted = (0..25).flat_map(|by| [by, -by]).map(|by| {
                let others = deviations.iter().enumerate().filter(|(n, _)| *n != position);
                let shift = |(n, (at, option)): (usize, &(usize, usize))| {
                    (if n < position { *at } else { at.saturating_add_signed(by) }, *option)
                };
                others.map(shift).collect::<Deviations>()
            });
            if let Some(fewer) = shifted.into_iter().find(|fewer| is_violated(&scenario, fewer)) {
                deviations = fewer;
            }
        }
        self.violation(&scenario, &deviations, guarantee)
    }

    fn violation(&self, scenario: &Scenario, deviations: &Deviations, guarantee: Guarantee) -> Violation {
        let transcript = self.run(scenario, deviations, true).transcript;
        Violation { guarantee, deviations: deviations.len(), transcript }
    }
}

/// Runs every history of a scenario with at most this many deviations, and returns the number of histories.
///
/// A deviation is a failing, hanging or killing call, another order, a new environment, a smaller batch, or a pause.
/// Histories with fewer deviations run first, so the first violation has the fewest.
pub fn all(scenario: &Scenario, max_deviations: usize, mutant: Option<Mutant>) -> Result<usize, Violation> {
    let explorer = Explorer::new(mutant);
    let mut plans = VecDeque::from([Deviations::new()]);
    let mut histories = 0;
    while let Some(deviations) = plans.pop_front() {
        let History { violated, choices, .. } = explorer.run(scenario, &deviations, false);
        histories += 1;
        if let Some(guarantee) = violated {
            return Err(explorer.violation(scenario, &deviations, guarantee));
        }
        if deviations.len() < max_deviations {
            let first = deviations.last().map_or(0, |(choice, _)| choice + 1);
            for (choice, options) in choices.into_iter().enumerate().skip(first) {
                plans.extend((1..options).map(|option| [deviations.as_slice(), &[(choice, option)]].concat()));
            }
        }
    }
    Ok(histories)
}

/// Runs random histories with up to 20 webhooks and 40 deviations. A violation is shortened.
pub fn random(histories: u32, seed: u32, mutant: Option<Mutant>) -> Result<(), Violation> {
    let explorer = Explorer::new(mutant);
    let webhooks = vec(0..ALL.len(), 1..=20);
    let deviations = btree_map(0..500_usize, 1..60_usize, 0..=40);
    let config = Config { cases: histories, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let histories = (webhooks, deviations).prop_map(|(webhooks, deviations)| {
        let webhooks = webhooks.into_iter().map(|n| ALL[n]).collect();
        (Scenario { secrets: ROTATION, webhooks, shards: 1 }, deviations.into_iter().collect::<Deviations>())
    });
    let result =
        runner.run(&histories, |(scenario, deviations)| match explorer.run(&scenario, &deviations, false).violated {
            Some(guarantee) => Err(TestCaseError::fail(format!("{guarantee:?}"))),
            None => Ok(()),
        });
    match result {
        Ok(()) => Ok(()),
        Err(TestError::Fail(_, (scenario, deviations))) => Err(explorer.shorten(scenario, deviations)),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}
