//! What the functions say of themselves: JSON lines to standard output, which Lambda takes to CloudWatch; and the metrics
//! that CloudWatch makes of them.
//!
//! Never a body, a signature, a secret, or personal data.

use std::fmt;
use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use xsolla::inspect::{DriftRow, DriftTally};
use xsolla::{Envelope, NotificationType};

use crate::accept::DeliveryReport;
use crate::outcome::{Outcome, Unavailable};
use crate::relay::BatchOutcome;
use crate::trace::TraceHeader;

#[cfg(test)]
mod tests;

/// The level that was asked for.
static LEVEL: OnceLock<LevelFilter> = OnceLock::new();

/// Starts logging, at the level that the function's logging configuration sets (`AWS_LAMBDA_LOG_LEVEL`), else `INFO`.
///
/// The SDK's and the HTTP client's own lines stay at warnings whatever the level: below that they may show requests.
pub(crate) fn start() {
    let wanted = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let level = *LEVEL.get_or_init(|| wanted.unwrap_or(LevelFilter::INFO));
    let ours = Targets::new().with_target("intake", level).with_default(Level::WARN);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false);
    // A second subscriber would be a second function in one process; the first one stays.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
}

/// The one line of each webhook. Of a wrong signature, or a wrong key in the path, it has nothing but the fact.
///
/// It is written without `tracing` and its spans: this, with the proxy event read in part only, took a sixth off the CPU
/// that a webhook costs (measured in one run, November 2026).
#[derive(Debug, Serialize)]
pub struct Line {
    timestamp: Timestamp,
    #[serde(serialize_with = "level_name")]
    level: Level,
    message: &'static str,
    outcome: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification_type: Option<&'static str>,
    /// What an unknown type calls itself, if that is plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// What stands for the user: [`xsolla::Secrets::pseudonyms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<u32>,
    /// A server's address, which whoever keeps the list of Xsolla's must know. No person's: it
    /// signed, or had the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip)]
    took: Duration,
    #[serde(flatten)]
    metrics: Metrics,
}

impl Line {
    /// What is to be said of a webhook that arrived then and took so long.
    pub(crate) fn of(receipt: &DeliveryReport<'_>, received_at: Timestamp, took: Duration) -> Self {
        let envelope = receipt.envelope.as_ref();
        // A question is kept nowhere: its key would lead whoever looks for it astray.
        let event = envelope.filter(|envelope| !envelope.is_question());
        let unknown = envelope.filter(|envelope| envelope.notification_type().is_none());
        let is_deprecated = envelope.and_then(Envelope::notification_type).is_some_and(NotificationType::is_deprecated);
        let mut alone = vec![Metric::milliseconds("Duration", took)];
        for (name, step) in [
            ("VerifyDuration", receipt.took.verify),
            ("StoreDuration", receipt.took.keep),
            ("DirectoryDuration", receipt.took.ask),
        ] {
            alone.extend(step.map(|took| Metric::milliseconds(name, took)));
        }
        for (name, happened) in [
            ("OldSecret", receipt.secret.is_some_and(|secret| secret > 0)),
            ("UnknownType", unknown.is_some()),
            ("DeprecatedType", is_deprecated),
            ("UnknownSource", receipt.unknown_source.is_some()),
        ] {
            alone.extend(happened.then(|| Metric::count(name, 1)));
        }
        // What an alarm counts is at least a warning, so that `LogLevel` WARN leaves out what went well and nothing else.
        let is_remarkable = receipt.unknown_source.is_some() || receipt.secret.is_some_and(|secret| secret > 0);
        let least = if is_remarkable { Level::WARN } else { Level::INFO };
        let level = least.min(match receipt.outcome {
            Outcome::Accepted(_)
            | Outcome::Duplicate(_)
            | Outcome::UserFound
            | Outcome::UserNotFound
            | Outcome::Answered
            | Outcome::NotFound
            | Outcome::Unavailable(Unavailable::WrongKey) => Level::INFO,
            Outcome::Conflict(_) | Outcome::Unreadable | Outcome::InvalidSignature => Level::WARN,
            Outcome::Unavailable(_) => Level::ERROR,
        });
        let user_id = envelope.and_then(|envelope| envelope.user_id()).filter(|_| is_wanted(level));
        let user = user_id.and_then(|user_id| receipt.secrets.as_ref()?.pseudonyms(user_id).next());
        Self {
            timestamp: received_at,
            level,
            message: "webhook",
            outcome: receipt.outcome.name(),
            status: receipt.outcome.answer().status(),
            notification_type: envelope.map(|envelope| label(envelope.notification_type())),
            unknown_type: unknown
                .and_then(|envelope| own_name(xsolla::type_label(envelope.type_name())))
                .map(str::to_owned),
            event_id: event.map(|envelope| envelope.event_id().to_string()),
            mode: envelope.map(|envelope| envelope.mode().name()),
            user,
            identified: event.map(Envelope::is_identified),
            secret: receipt.secret,
            unknown_source: receipt.unknown_source.map(|source| source.to_string()),
            failure: receipt.failure.as_ref().map(ToString::to_string),
            request_id: None,
            trace_id: None,
            took,
            metrics: Metrics {
                at: received_at,
                groups: vec![
                    Group {
                        dimensions: if envelope.is_some() { BY_OUTCOME_AND_TYPE } else { BY_OUTCOME },
                        metrics: vec![Metric::count("Webhooks", 1)],
                    },
                    Group { dimensions: ALONE, metrics: alone },
                ],
            },
        }
    }

    /// Writes it, with the ids under which Lambda and X-Ray know the call.
    pub(crate) fn write(mut self, request_id: &str, trace: Option<&TraceHeader>) {
        if !is_wanted(self.level) {
            return;
        }
        self.request_id = Some(request_id.to_owned());
        self.trace_id = trace.map(|trace| trace.trace_id().to_owned());
        write_line(&self);
    }

    /// How serious it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }
}

/// For people: `204 accepted transaction#7#payment (live, 5110 µs)`. A question has its type instead of a key.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.outcome)?;
        if let (Some(what), Some(mode)) = (self.event_id.as_deref().or(self.notification_type), self.mode) {
            write!(f, " {what} ({mode}, {} µs)", self.took.as_micros())?;
        }
        if let Some(failure) = &self.failure {
            write!(f, ": {failure}")?;
        }
        Ok(())
    }
}

/// What became of a batch at the relay.
#[derive(Serialize)]
struct BatchLog<'r> {
    timestamp: Timestamp,
    #[serde(serialize_with = "level_name")]
    level: Level,
    message: &'static str,
    /// What is in the queue: each event's own line at the front door has the same id.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    event_ids: &'r [String],
    /// The place in the stream from which on it comes again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_from: Option<&'r str>,
    request_id: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'r str>,
    #[serde(flatten)]
    metrics: Metrics,
}

impl<'r> BatchLog<'r> {
    fn of(relayed: &'r BatchOutcome, now: Timestamp, request_id: &'r str, trace: Option<&'r TraceHeader>) -> Self {
        let failed = relayed.retry_from.is_some();
        let mut metrics = vec![
            Metric::count("Queued", relayed.queued.len()),
            Metric::count("Parked", relayed.parked),
            Metric::count("BatchFailures", failed.into()),
        ];
        // Two machines' clocks: an age below nothing is none.
        let age = relayed.oldest.map(|oldest| Duration::try_from(now.duration_since(oldest)).unwrap_or_default());
        metrics.extend(age.map(|age| Metric::milliseconds("RelayAge", age)));
        Self {
            timestamp: now,
            level: if failed { Level::WARN } else { Level::INFO },
            message: "relayed",
            event_ids: &relayed.queued,
            retry_from: relayed.retry_from.as_deref(),
            request_id,
            trace_id: trace.map(TraceHeader::trace_id),
            metrics: Metrics { at: now, groups: vec![Group { dimensions: ALONE, metrics }] },
        }
    }
}

/// One difference between notifications and their model. What has more values than a metric should have dimensions is
/// beside the metric, for Logs Insights.
#[derive(Serialize)]
struct DriftLog<'t> {
    timestamp: Timestamp,
    level: &'static str,
    message: &'static str,
    notification_type: &'static str,
    /// What an unknown type calls itself, if that is plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_type: Option<&'t str>,
    path: &'t str,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'t str>,
    /// One event of which it is true.
    event_id: &'t str,
    #[serde(flatten)]
    metrics: Metrics,
}

impl<'t> DriftLog<'t> {
    fn of(row: &DriftRow<'t, String>, at: Timestamp) -> Self {
        let payout = Some(NotificationType::PAYOUT).filter(|payout| payout.name() == row.type_label);
        let known = row.type_label.parse::<NotificationType>().ok().or(payout);
        Self {
            timestamp: at,
            level: Level::WARN.as_str(),
            message: "drift",
            notification_type: label(known),
            unknown_type: own_name(row.type_label).filter(|_| known.is_none()),
            path: row.path,
            what: row.drift.to_string(),
            kind: row.json_type,
            event_id: row.example,
            metrics: Metrics {
                at,
                groups: vec![Group { dimensions: BY_TYPE, metrics: vec![Metric::count("Drift", row.count)] }],
            },
        }
    }
}

const UNKNOWN: &str = "unknown";

/// What a metric calls a type. Each name is paid for: what Xsolla may add tomorrow has one in common.
fn label(known: Option<NotificationType>) -> &'static str {
    known.map_or(UNKNOWN, NotificationType::name)
}

/// What an unknown type calls itself, of its [label](xsolla::type_label).
fn own_name(label: &str) -> Option<&str> {
    Some(label).filter(|label| *label != UNKNOWN)
}

/// The sets of dimensions under which a metric is counted, each for itself. Their values stand in the line.
type Dimensions = &'static [&'static [&'static str]];

const ALONE: Dimensions = &[&[]];
const BY_TYPE: Dimensions = &[&["notification_type"]];
const BY_OUTCOME: Dimensions = &[&["outcome"]];
const BY_OUTCOME_AND_TYPE: Dimensions = &[&["outcome"], &["notification_type", "mode"]];

/// The metrics of a line, in CloudWatch's
/// [embedded metric format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
#[derive(Debug)]
struct Metrics {
    at: Timestamp,
    groups: Vec<Group>,
}

/// Metrics that have their dimensions in common.
#[derive(Debug)]
struct Group {
    dimensions: Dimensions,
    metrics: Vec<Metric>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
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
    const fn count(name: &'static str, count: usize) -> Self {
        Self { name, unit: "Count", value: Value::Count(count) }
    }

    /// To the microsecond.
    fn milliseconds(name: &'static str, time: Duration) -> Self {
        let microseconds = (time.as_secs_f64() * 1e6).round();
        Self { name, unit: "Milliseconds", value: Value::Milliseconds(microseconds / 1e3) }
    }
}

/// `_aws`, which names the metrics, and the value of each beside it.
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

/// What CloudWatch makes of a line.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'m> {
    /// In milliseconds since 1970.
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
            namespace: "XsollaWebhooks",
            dimensions: group.dimensions,
            metrics: &group.metrics,
        });
        Self { timestamp: metrics.at.as_millisecond(), cloud_watch_metrics: directives.collect() }
    }
}

/// Writes the one line of a batch, with the ids under which Lambda and X-Ray know the call.
pub(crate) fn write_batch(relayed: &BatchOutcome, now: Timestamp, request_id: &str, trace: Option<&TraceHeader>) {
    let line = BatchLog::of(relayed, now, request_id, trace);
    if is_wanted(line.level) {
        write_line(&line);
    }
}

/// Writes one line for each difference.
pub(crate) fn write_drift(tally: &DriftTally<String>, at: Timestamp) {
    for row in tally.rows() {
        write_line(&DriftLog::of(&row, at));
    }
}

fn is_wanted(level: Level) -> bool {
    level <= LEVEL.get().copied().unwrap_or(LevelFilter::INFO)
}

fn write_line(line: &impl Serialize) {
    if let Ok(mut json) = serde_json::to_vec(line) {
        json.push(b'\n');
        // There is nowhere to tell that the log cannot be written.
        let _ = std::io::stdout().lock().write_all(&json);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn level_name<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.as_str())
}
