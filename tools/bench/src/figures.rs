//! Workloads, and the figures that summarize their measurements.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::usage::Usage;

/// Events per call in the relay's batch workload.
const BATCH: u32 = 10;

/// A kind of event that a function receives: one row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Workload {
    NewEvent,
    Duplicate,
    BadSignature,
    UserValidation,
    Relay,
    RelayInBatches,
}

impl Workload {
    /// Workloads of all implementations, in order: the duplicates repeat the new events.
    pub(crate) const WEBHOOKS: [Self; 4] = [Self::NewEvent, Self::Duplicate, Self::BadSignature, Self::UserValidation];
    /// Workloads of the relay, which only this project has.
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

/// Measurements of one implementation in one round.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// From process start to the first request for an event.
    pub(crate) ready: Vec<Duration>,
    /// CPU time of the start.
    pub(crate) ready_cpu: Vec<Duration>,
    /// Duration of the first event.
    pub(crate) first: Vec<Duration>,
    /// From process start to the answer to the first event.
    pub(crate) first_answer: Vec<Duration>,
    pub(crate) rows: BTreeMap<Workload, RowFigures>,
    /// Peak memory in bytes, after all workloads.
    pub(crate) peak_memory: u64,
    /// Peak memory of the relay, in bytes.
    pub(crate) relay_peak_memory: Option<u64>,
}

/// One workload in one round.
#[derive(Debug, Clone)]
pub(crate) struct RowFigures {
    /// Per event.
    pub(crate) cpu: Duration,
    pub(crate) user_ticks: u64,
    pub(crate) system_ticks: u64,
    /// CPU time of DynamoDB and SQS, which run in their own process.
    pub(crate) services_cpu: Duration,
    /// Median time from sending an event to its answer.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl RowFigures {
    /// Figures of these calls, each with `events_per_call` events.
    pub(crate) fn new(mut durations: Vec<Duration>, used: Usage, services_cpu: Duration, events_per_call: u32) -> Self {
        durations.sort_unstable();
        let events = u32::try_from(durations.len()).unwrap_or(u32::MAX).saturating_mul(events_per_call);
        Self {
            cpu: used.cpu / events.max(1),
            user_ticks: used.user,
            system_ticks: used.system,
            services_cpu: services_cpu / events.max(1),
            p50: percentile(&durations, 50),
            p99: percentile(&durations, 99),
        }
    }
}

/// The nearest-rank percentile; zero for an empty slice.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The median; `None` without values.
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
    fn percentile_is_nearest_rank() {
        let values: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 50), Duration::from_millis(100));
        assert_eq!(percentile(&values, 99), Duration::from_millis(198));
        assert_eq!(percentile(&values[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn median_ignores_outlier() {
        assert_eq!(median([3.0, 900.0, 1.0].into_iter()), Some(3.0));
        assert_eq!(median([4.0, 1.0, 2.0, 900.0].into_iter()), Some(3.0));
        assert_eq!(median([7.0].into_iter()), Some(7.0));
        assert_eq!(median([].into_iter()), None);
    }

    #[test]
    fn cpu_is_per_event_not_per_call() {
        let used = Usage { cpu: Duration::from_millis(60), user: 4, system: 2 };
        let figures = RowFigures::new(vec![Duration::from_millis(5); 3], used, Duration::ZERO, 10);
        assert_eq!((figures.cpu, figures.p50), (Duration::from_millis(2), Duration::from_millis(5)));
    }
}
