//! The log line of a difference between notifications and their model.

use jiff::Timestamp;
use serde::Serialize;
use tracing::Level;
use xsolla::NotificationType;
use xsolla::inspect::{DriftRow, DriftTally};

use super::log::{type_label, unknown_type, write_line};
use super::metrics::{BY_TYPE, Group, Metric, Metrics};

/// The log line of one difference.
///
/// The type is the metric's only dimension, since the other fields have too many values.
#[derive(Serialize)]
pub(crate) struct DriftLog<'t> {
    timestamp: Timestamp,
    level: &'static str,
    message: &'static str,
    notification_type: &'static str,
    /// Name of an unknown type, if it is plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_type: Option<&'t str>,
    path: &'t str,
    finding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_type: Option<&'t str>,
    /// Id of one event with this difference.
    event_id: &'t str,
    #[serde(flatten)]
    metrics: Metrics,
}

impl<'t> DriftLog<'t> {
    pub(super) fn new(row: &DriftRow<'t, String>, at: Timestamp) -> Self {
        let payout = Some(NotificationType::PAYOUT).filter(|payout| payout.name() == row.type_label);
        let known = row.type_label.parse::<NotificationType>().ok().or(payout);
        Self {
            timestamp: at,
            level: Level::WARN.as_str(),
            message: "drift",
            notification_type: type_label(known),
            unknown_type: unknown_type(row.type_label).filter(|_| known.is_none()),
            path: row.path,
            finding: row.drift.to_string(),
            json_type: row.json_type,
            event_id: row.example,
            metrics: Metrics {
                at,
                groups: vec![Group { dimensions: BY_TYPE, metrics: vec![Metric::count("Drift", row.count)] }],
            },
        }
    }

    /// Writes one line per difference.
    pub(crate) fn write_all(tally: &'t DriftTally<String>, at: Timestamp) {
        for row in tally.rows() {
            write_line(&Self::new(&row, at));
        }
    }
}
