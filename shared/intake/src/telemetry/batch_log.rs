//! The log line of a relayed batch.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tracing::Level;
use xsolla::Notice;

use super::log::{is_enabled, serialize_level, write_line};
use super::metrics::{Group, Metric, Metrics, NO_DIMENSIONS};
use crate::relay::BatchOutcome;
use crate::trace::TraceHeader;

/// The log line of a batch.
#[derive(Serialize)]
pub(crate) struct BatchLog<'r> {
    timestamp: Timestamp,
    #[serde(serialize_with = "serialize_level")]
    level: Level,
    message: &'static str,
    /// Ids of the queued events. The webhook line of each event has the same id.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    event_ids: &'r [String],
    /// Sequence number from which Lambda retries the batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_from: Option<&'r str>,
    request_id: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'r str>,
    #[serde(flatten)]
    metrics: Metrics,
}

impl<'r> BatchLog<'r> {
    /// Creates the line, with the ids that Lambda and X-Ray have for the call.
    pub(crate) fn new(
        outcome: &'r BatchOutcome,
        now: Timestamp,
        request_id: &'r str,
        trace: Option<&'r TraceHeader>,
    ) -> Self {
        let failed = outcome.retry_from.is_some();
        let mut metrics = vec![
            Metric::count("Queued", outcome.queued.len()),
            Metric::count("Parked", outcome.parked),
            Metric::count("BatchFailures", failed.into()),
        ];
        for (notice, name) in [
            (Notice::DoublePayment, "DoublePayment"),
            (Notice::PaymentAlsoGranted, "PaymentAlsoGranted"),
            (Notice::AmbiguousRefund, "AmbiguousRefund"),
        ] {
            let count = outcome.notices.iter().filter(|other| **other == notice).count();
            metrics.extend((count > 0).then(|| Metric::count(name, count)));
        }
        // Zero if the clocks of two machines differ.
        let age = outcome.oldest.map(|oldest| Duration::try_from(now.duration_since(oldest)).unwrap_or_default());
        metrics.extend(age.map(|age| Metric::milliseconds("RelayAge", age)));
        Self {
            timestamp: now,
            level: if failed { Level::WARN } else { Level::INFO },
            message: "relayed",
            event_ids: &outcome.queued,
            retry_from: outcome.retry_from.as_deref(),
            request_id,
            trace_id: trace.map(TraceHeader::trace_id),
            metrics: Metrics { at: now, groups: vec![Group { dimensions: NO_DIMENSIONS, metrics }] },
        }
    }

    /// Writes the line, if its level is enabled.
    pub(crate) fn write(&self) {
        if is_enabled(self.level) {
            write_line(self);
        }
    }
}
