//! What is measured, and what stands for many measurements.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::measure::{BATCH, Usage};

/// What a function is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    NewEvent,
    Duplicate,
    BadSignature,
    UserValidation,
    Relay,
    RelayInBatches,
}

impl Row {
    /// What all implementations are given, in this order: what was new comes again.
    pub(crate) const WEBHOOKS: [Self; 4] = [Self::NewEvent, Self::Duplicate, Self::BadSignature, Self::UserValidation];
    /// What only our second function is given.
    pub(crate) const RELAY: [Self; 2] = [Self::Relay, Self::RelayInBatches];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NewEvent => "new event",
            Self::Duplicate => "duplicate",
            Self::BadSignature => "bad signature",
            Self::UserValidation => "`user_validation`",
            Self::Relay => "relay, events one by one",
            Self::RelayInBatches => "relay, ten at a time",
        }
    }

    pub(crate) const fn events_per_call(self) -> u32 {
        match self {
            Self::RelayInBatches => BATCH,
            _ => 1,
        }
    }
}

/// One implementation in one round. What was measured more than once is there each time.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// From the start of the process until it asks for an event.
    pub(crate) ready: Vec<Duration>,
    /// The CPU until then.
    pub(crate) ready_cpu: Vec<Duration>,
    /// The first event alone.
    pub(crate) first: Vec<Duration>,
    /// From the start of the process to the answer to its first event.
    pub(crate) first_answer: Vec<Duration>,
    pub(crate) rows: BTreeMap<Row, RowFigures>,
    /// In bytes, after all rows.
    pub(crate) peak_memory: u64,
    /// The relay's, which only we have.
    pub(crate) relay_peak_memory: Option<u64>,
}

/// One row in one round.
#[derive(Debug, Clone)]
pub(crate) struct RowFigures {
    /// Per event.
    pub(crate) cpu: Duration,
    pub(crate) user_ticks: u64,
    pub(crate) system_ticks: u64,
    /// What the table and the queue worked for it, in their own process.
    pub(crate) services_cpu: Duration,
    /// From an event handed over to its answer.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl RowFigures {
    /// Of these calls, each of which had so many events.
    pub(crate) fn new(mut took: Vec<Duration>, used: Usage, services_cpu: Duration, events_per_call: u32) -> Self {
        took.sort_unstable();
        let events = u32::try_from(took.len()).unwrap_or(u32::MAX).saturating_mul(events_per_call);
        Self {
            cpu: used.cpu / events.max(1),
            user_ticks: used.user,
            system_ticks: used.system,
            services_cpu: services_cpu / events.max(1),
            p50: percentile(&took, 50),
            p99: percentile(&took, 99),
        }
    }
}

/// The smallest value that so many percent do not exceed. Of nothing, zero.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The middle one, or the mean of the two in the middle. Of nothing, none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let (lower, upper) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some(f64::midpoint(*lower, *upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 50), Duration::from_millis(100));
        assert_eq!(percentile(&values, 99), Duration::from_millis(198));
        assert_eq!(percentile(&values[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn a_median_does_not_see_the_noisy_round() {
        assert_eq!(median([3.0, 900.0, 1.0].into_iter()), Some(3.0));
        assert_eq!(median([4.0, 1.0, 2.0, 900.0].into_iter()), Some(3.0));
        assert_eq!(median([7.0].into_iter()), Some(7.0));
        assert_eq!(median([].into_iter()), None);
    }

    #[test]
    fn cpu_is_told_per_event_not_per_call() {
        let used = Usage { cpu: Duration::from_millis(60), user: 4, system: 2 };
        let figures = RowFigures::new(vec![Duration::from_millis(5); 3], used, Duration::ZERO, 10);
        assert_eq!((figures.cpu, figures.p50), (Duration::from_millis(2), Duration::from_millis(5)));
    }
}
