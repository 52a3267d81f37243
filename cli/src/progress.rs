//! Progress of long work: counted here, shown by the binary.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Counters of one piece of work. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    done: Arc<AtomicUsize>,
    /// 0: unknown.
    total: Arc<AtomicUsize>,
}

impl Progress {
    /// Adds finished units.
    pub fn add(&self, count: usize) {
        self.done.fetch_add(count, Ordering::Relaxed);
    }

    /// Starts a piece of work with this number of units, as far as it is known.
    pub fn start(&self, total: Option<usize>) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total.unwrap_or_default(), Ordering::Relaxed);
    }

    /// Number of finished units.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// One line: units, rate, and the time that remains if the total is known.
    #[must_use]
    pub fn line(&self, unit: &str, elapsed: Duration) -> String {
        let (done, total) = (self.done(), self.total.load(Ordering::Relaxed));
        let millis = usize::try_from(elapsed.as_millis()).unwrap_or(usize::MAX).max(1);
        let per_second = done.saturating_mul(1000) / millis;
        let mut line = match total {
            0 => format!("{done} {unit}"),
            total => format!("{done} of {} {unit}", total.max(done)),
        };
        if done > 0 {
            let _ = write!(line, ", {per_second} per second");
        }
        if total > done && done > 0 {
            let seconds = (total - done).saturating_mul(millis) / done / 1000;
            let _ = match seconds {
                0..=89 => write!(line, ", about {seconds} s left"),
                _ => write!(line, ", about {} min left", (seconds + 30) / 60),
            };
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing_yet(0, Some(10), 1, "0 of 10 events")]
    #[case::estimate(300, Some(1000), 3, "300 of 1000 events, 100 per second, about 7 s left")]
    #[case::minutes(100, Some(100_000), 1, "100 of 100000 events, 100 per second, about 17 min left")]
    #[case::unknown_total(300, None, 3, "300 events, 100 per second")]
    #[case::more_than_expected(30, Some(10), 3, "30 of 30 events, 10 per second")]
    fn line_has_units_rate_and_estimate(
        #[case] done: usize,
        #[case] total: Option<usize>,
        #[case] seconds: u64,
        #[case] expected: &str,
    ) {
        let progress = Progress::default();
        progress.start(total);
        progress.clone().add(done);
        assert_eq!(progress.line("events", Duration::from_secs(seconds)), expected);
    }
}
