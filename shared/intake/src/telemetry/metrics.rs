//! Metrics in CloudWatch's embedded metric format.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::settings::{Variable, environment, optional};

/// Namespace of all metrics of this process.
static NAMESPACE: LazyLock<String> = LazyLock::new(|| namespace(&environment));

/// Reads the namespace from `METRICS_NAMESPACE`; `XsollaWebhooks` by default.
///
/// The template sets one per stack. Without it, CloudWatch would add up the metrics of all stacks in an account.
pub(super) fn namespace(variable: Variable<'_>) -> String {
    optional(variable, "METRICS_NAMESPACE").unwrap_or_else(|| "XsollaWebhooks".to_owned())
}

/// Sets of dimensions. CloudWatch counts a metric once per set, with the values in the line.
pub(super) type Dimensions = &'static [&'static [&'static str]];

pub(super) const NO_DIMENSIONS: Dimensions = &[&[]];
pub(super) const BY_TYPE: Dimensions = &[&["notification_type"]];
pub(super) const BY_OUTCOME: Dimensions = &[&["outcome"]];
pub(super) const BY_OUTCOME_AND_TYPE: Dimensions = &[&["outcome"], &["notification_type", "mode"]];

/// The metrics of a line, in the
/// [embedded metric format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
#[derive(Debug)]
pub(super) struct Metrics {
    pub(super) at: Timestamp,
    pub(super) groups: Vec<Group>,
}

/// Metrics with the same dimensions.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) dimensions: Dimensions,
    pub(super) metrics: Vec<Metric>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Metric {
    name: &'static str,
    unit: &'static str,
    #[serde(skip)]
    value: Value,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Value {
    Count(usize),
    Milliseconds(f64),
}

impl Metric {
    pub(super) const fn count(name: &'static str, count: usize) -> Self {
        Self { name, unit: "Count", value: Value::Count(count) }
    }

    /// Rounds to microseconds.
    pub(super) fn milliseconds(name: &'static str, duration: Duration) -> Self {
        let microseconds = (duration.as_secs_f64() * 1e6).round();
        Self { name, unit: "Milliseconds", value: Value::Milliseconds(microseconds / 1e3) }
    }
}

/// Writes `_aws`, which declares the metrics, and one field per metric with its value.
impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("_aws", &Metadata::of(self))?;
        for metric in self.groups.iter().flat_map(|group| &group.metrics) {
            members.serialize_entry(metric.name, &metric.value)?;
        }
        members.end()
    }
}

/// The content of `_aws`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'m> {
    /// Milliseconds since 1970.
    timestamp: i64,
    cloud_watch_metrics: Vec<MetricDirective<'m>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDirective<'m> {
    namespace: &'static str,
    dimensions: Dimensions,
    metrics: &'m [Metric],
}

impl<'m> Metadata<'m> {
    fn of(metrics: &'m Metrics) -> Self {
        let directives = metrics.groups.iter().map(|group| MetricDirective {
            namespace: NAMESPACE.as_str(),
            dimensions: group.dimensions,
            metrics: &group.metrics,
        });
        Self { timestamp: metrics.at.as_millisecond(), cloud_watch_metrics: directives.collect() }
    }
}
