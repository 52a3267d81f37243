//! Report of a simulation.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use crate::fault::Fault;
use crate::options::SimulationOptions;
use crate::violations::{Observations, Violations, without_recurrence};

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
    /// Stored events that the game did not apply, because the relay recognized them as retries.
    skipped_retries: usize,
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
        let (stored_events, skipped_retries) = count_stored(observations);
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
            skipped_retries,
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

/// Counts the stored events, and those of them that are retries which the relay skipped.
fn count_stored(Observations { log, ledger, stored, .. }: &Observations<'_>) -> (usize, usize) {
    let applied: HashSet<&str> = ledger.effects.iter().map(|effect| effect.event_id.as_str()).collect();
    let ids = stored.iter().filter(|item| item.is_event()).map(|item| item.event_id.as_str());
    let sent: Vec<&str> = ids.filter(|event_id| log.events.contains_key(without_recurrence(event_id))).collect();
    let is_skipped = |event_id: &&&str| without_recurrence(event_id) != **event_id && !applied.contains(**event_id);
    (sent.len(), sent.iter().filter(is_skipped).count())
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
        row(f, "  retries skipped by the relay", to_u64(self.skipped_retries), "the same state, sent twice")?;
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

#[cfg(test)]
mod tests {
    use intake::record::Kind;
    use message::Event;

    use super::*;
    use crate::delivery_log::DeliveryLog;
    use crate::game::{Effect, Ledger};
    use crate::holdings::Holdings;
    use crate::violations::StoredItem;

    fn effect(event_id: &str) -> Effect {
        let event = format!(
            r#"{{"event_id":"{event_id}","type":"update_subscription","goods":"info","goods_reason":null,
            "subject":"subscription#7","order_id":null,"user_id":null,"recipient_user_id":null,"project_id":null,
            "mode":"live","identified":true,"deprecated":false,"replay":false,"received_at":"","item_roles":null,
            "notification":{{}}}}"#
        );
        Effect::of(&Event::read(&event).unwrap())
    }

    #[test]
    fn returned_states_count_as_events_and_retries_are_counted_among_them() {
        let mut log = DeliveryLog::default();
        log.events.extend(["a", "b"].map(|event_id| (event_id.to_owned(), Vec::new())));
        let mut ledger = Ledger::default();
        ledger.effects.extend(["a", "b", "a#again#1"].map(effect));
        let stored: Vec<StoredItem> = [
            ("a", Kind::Event),
            ("b", Kind::Event),
            ("a#again#1", Kind::Event),
            ("b#again#2", Kind::Event),
            ("a#conflict#3", Kind::Conflict),
            ("last", Kind::Event),
        ]
        .map(|(event_id, kind)| StoredItem {
            event_id: event_id.to_owned(),
            kind: kind.name().to_owned(),
            digest: String::new(),
        })
        .into();
        let observations = Observations { log: &log, ledger: &ledger, stored: &stored, expected: &Holdings::default() };
        assert_eq!(count_stored(&observations), (4, 1));
    }
}
