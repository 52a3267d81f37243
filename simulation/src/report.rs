//! Report of a simulation.

use std::fmt;
use std::time::Duration;

use crate::fault::Fault;
use crate::options::SimulationOptions;
use crate::violations::{Observations, Violations};

/// Maximum number of accounts with wrong holdings that are shown.
const MAX_DIFFERENCES: usize = 20;

/// Result of a simulation.
#[derive(Debug)]
pub struct Report {
    options: SimulationOptions,
    elapsed: Duration,
    simulated_time: Duration,
    completed_purchases: u64,
    requests: u64,
    retries: u64,
    replays: u64,
    stored_events: usize,
    applied: usize,
    duplicates_received: u64,
    duplicates_in_queue: u64,
    conflicts: usize,
    faults: Vec<(Fault, u64)>,
    pub(crate) violations: Violations,
    /// Accounts that hold something else than expected.
    wrong_holdings: Vec<String>,
    p50: Duration,
    p99: Duration,
}

impl Report {
    pub(crate) fn new(
        options: SimulationOptions,
        observations: &Observations<'_>,
        faults: Vec<(Fault, u64)>,
        elapsed: Duration,
    ) -> Self {
        let Observations { log, ledger, stored, expected } = observations;
        let stored_events = stored.iter().filter(|item| log.events.contains_key(&item.event_id)).count();
        let mut answer_times = log.answer_times.clone();
        answer_times.sort_unstable();
        let percentile =
            |percent: usize| answer_times.get(answer_times.len() * percent / 100).copied().unwrap_or_default();
        Self {
            options,
            elapsed,
            simulated_time: log.simulated_time,
            completed_purchases: log.completed_purchases,
            requests: log.requests,
            retries: log.retries,
            replays: log.replays,
            stored_events,
            applied: ledger.effects.len(),
            duplicates_received: log.acknowledgements.saturating_sub(to_u64(stored_events)),
            duplicates_in_queue: ledger.duplicates,
            conflicts: stored.iter().filter(|item| item.is_conflict()).count(),
            faults,
            violations: Violations::find(observations),
            wrong_holdings: ledger.holdings().differences(expected),
            p50: percentile(50),
            p99: percentile(99),
        }
    }

    /// Whether all purchases were completed without a violation.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.completed_purchases == u64::from(self.options.orders) && self.violations == Violations::default()
    }
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn row(f: &mut fmt::Formatter<'_>, label: &str, count: u64, note: &str) -> fmt::Result {
    writeln!(f, "{}", format!("  {label:<48}{count:>7}   {note}").trim_end())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SimulationOptions { orders, seed, faults } = self.options;
        let days = self.simulated_time.as_secs() / (24 * 3600);
        let time = format!("in {:.1} s ({days} days of simulated time)", self.elapsed.as_secs_f64());
        row(f, "purchases", self.completed_purchases, &time)?;
        row(f, "webhook requests", self.requests, "including questions, retries and forged webhooks")?;
        row(f, "retries by Xsolla", self.retries, "")?;
        row(f, "replays by the operator", self.replays, "")?;
        row(f, "events stored", to_u64(self.stored_events), "")?;
        row(f, "events applied by the game", to_u64(self.applied), "")?;
        row(f, "duplicates received", self.duplicates_received, "acknowledged, not stored again")?;
        row(f, "duplicates in the queue", self.duplicates_in_queue, "skipped by the game")?;
        row(f, "conflicts", to_u64(self.conflicts), "known id with other content: stored separately, not relayed")?;
        writeln!(f)?;
        if faults {
            row(f, "faults injected", self.faults.iter().map(|(_, occurrences)| occurrences).sum(), "")?;
            for (fault, occurrences) in self.faults.iter().filter(|(_, occurrences)| *occurrences > 0) {
                row(f, &format!("  {fault}"), *occurrences, "")?;
            }
            writeln!(f)?;
        }
        let Violations {
            lost,
            duplicated,
            granted_after_revocation,
            wrong_holdings,
            out_of_order,
            wrong_goods,
            unsigned_stored,
            wrong_answers,
            given_up,
        } = self.violations;
        let violations = [
            ("lost", to_u64(lost), "acknowledged or stored, but not applied"),
            ("duplicated", to_u64(duplicated), "applied, granted or revoked more than once"),
            ("granted after revocation", to_u64(granted_after_revocation), "sale granted again after it was revoked"),
            ("wrong holdings", to_u64(wrong_holdings), "account holds something else than was bought"),
            ("out of order", to_u64(out_of_order), "applied before an earlier event of the same group"),
            ("wrong goods", to_u64(wrong_goods), "unknown event, or other goods than expected"),
            ("unsigned but stored", to_u64(unsigned_stored), "stored without a correct signature"),
            ("wrong answer", wrong_answers, "neither the documented answer nor a 5xx"),
            ("given up by Xsolla", given_up, "last retry failed"),
        ];
        let total: u64 = violations.iter().map(|(_, count, _)| count).sum();
        row(f, "violations", total, "")?;
        for (label, count, note) in violations {
            let mark = if count == 0 { "" } else { "   <- EXPECTED: 0" };
            row(f, &format!("  {label}"), count, &format!("{note}{mark}"))?;
        }
        for difference in self.wrong_holdings.iter().take(MAX_DIFFERENCES) {
            writeln!(f, "    {difference}")?;
        }
        writeln!(f)?;
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let (p50, p99) = (milliseconds(self.p50), milliseconds(self.p99));
        writeln!(f, "  Answer time: p50 {p50:.1} ms, p99 {p99:.1} ms (all components in one process)")?;
        let faults = if faults { " --faults" } else { "" };
        writeln!(f, "  Repeat with: cargo run -- simulate --orders {orders} --seed {seed}{faults}")?;
        if self.passed() {
            writeln!(f, "  Result:      passed, all guarantees held")
        } else {
            let completed = self.completed_purchases;
            writeln!(f, "  Result:      FAILED, {total} violations, {completed} of {orders} purchases completed")
        }
    }
}
