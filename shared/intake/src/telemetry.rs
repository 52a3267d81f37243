//! What the functions say of themselves: JSON lines to standard output, which Lambda takes to CloudWatch.
//!
//! Never a body, a signature, a secret, or personal data.

use std::fmt;
use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use xsolla::drift::{Row, Tally};
use xsolla::{Outcome, Unavailable};

use crate::accept::Receipt;

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
    notification_type: Option<String>,
    /// Present, and `true`, if Xsolla has withdrawn the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
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
    took_us: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

impl Line {
    /// What is to be said of a webhook that arrived then and took so long.
    pub(crate) fn of(receipt: &Receipt<'_>, received_at: Timestamp, took: Duration) -> Self {
        let envelope = receipt.envelope.as_ref();
        // A question is kept nowhere: its key would lead whoever looks for it astray.
        let event = envelope.filter(|envelope| !envelope.is_question());
        let least = if receipt.unknown_source.is_some() { Level::WARN } else { Level::INFO };
        Self {
            timestamp: received_at,
            level: least.min(match receipt.outcome {
                Outcome::Accepted(_)
                | Outcome::Duplicate(_)
                | Outcome::UserFound
                | Outcome::UserNotFound
                | Outcome::Answered
                | Outcome::NotFound
                | Outcome::InvalidSignature
                | Outcome::Unavailable(Unavailable::WrongKey) => Level::INFO,
                Outcome::Conflict(_) | Outcome::Unreadable => Level::WARN,
                Outcome::Unavailable(_) => Level::ERROR,
            }),
            message: "webhook",
            outcome: receipt.outcome.name(),
            status: receipt.outcome.answer().status(),
            notification_type: envelope.map(|envelope| xsolla::type_label(&envelope.type_name).to_owned()),
            deprecated: envelope.and_then(|envelope| envelope.known?.is_deprecated().then_some(true)),
            event_id: event.map(|envelope| envelope.event_id.to_string()),
            mode: envelope.map(|envelope| envelope.mode.name()),
            identified: event.map(|envelope| envelope.identified),
            secret: receipt.secret,
            unknown_source: receipt.unknown_source.map(|source| source.to_string()),
            failure: receipt.failure.as_ref().map(ToString::to_string),
            took_us: took.as_micros(),
            request_id: None,
            trace_id: None,
        }
    }

    /// Writes it, with the ids under which Lambda and X-Ray know the call.
    pub(crate) fn write(mut self, request_id: &str, trace_id: Option<&str>) {
        if self.level > LEVEL.get().copied().unwrap_or(LevelFilter::INFO) {
            return;
        }
        self.request_id = Some(request_id.to_owned());
        self.trace_id = trace_id.map(str::to_owned);
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
        if let (Some(what), Some(mode)) = (self.event_id.as_ref().or(self.notification_type.as_ref()), self.mode) {
            write!(f, " {what} ({mode}, {} µs)", self.took_us)?;
        }
        if let Some(failure) = &self.failure {
            write!(f, ": {failure}")?;
        }
        Ok(())
    }
}

/// One difference between notifications and their model, in CloudWatch's
/// [embedded metric format](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html):
/// the metric `Drift` of the namespace `XsollaWebhooks`, by type. What has more values than a metric should have
/// dimensions is beside it, for Logs Insights.
#[derive(Serialize)]
struct DriftLine<'t> {
    #[serde(rename = "_aws")]
    metadata: Metadata,
    timestamp: Timestamp,
    level: &'static str,
    message: &'static str,
    notification_type: &'t str,
    #[serde(rename = "Drift")]
    count: usize,
    path: &'t str,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'t str>,
    /// One event of which it is true.
    event_id: &'t str,
}

/// What CloudWatch makes of a line.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    /// In milliseconds since 1970.
    timestamp: i64,
    cloud_watch_metrics: [MetricDirective; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDirective {
    namespace: &'static str,
    dimensions: [[&'static str; 1]; 1],
    metrics: [Metric; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

impl<'t> DriftLine<'t> {
    fn of(row: &Row<'t, String>, at: Timestamp) -> Self {
        let directive = MetricDirective {
            namespace: "XsollaWebhooks",
            dimensions: [["notification_type"]],
            metrics: [Metric { name: "Drift", unit: "Count" }],
        };
        Self {
            metadata: Metadata { timestamp: at.as_millisecond(), cloud_watch_metrics: [directive] },
            timestamp: at,
            level: Level::WARN.as_str(),
            message: "drift",
            notification_type: row.type_label,
            count: row.count,
            path: row.path,
            what: row.drift.to_string(),
            kind: row.kind,
            event_id: row.example,
        }
    }
}

/// Writes one line for each difference.
pub(crate) fn write_drift(tally: &Tally<String>, at: Timestamp) {
    for row in tally.rows() {
        write_line(&DriftLine::of(&row, at));
    }
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

#[cfg(test)]
mod tests {
    use xsolla::{Envelope, Secrets, Signature, Success, sign};

    use super::*;
    use crate::accept::UnknownSource;
    use crate::fakes::port_error;

    #[test]
    fn a_line_has_what_is_known_and_nothing_of_the_person() {
        let body =
            r#"{"notification_type":"payment","transaction":{"id":7},"user":{"id":"mira","email":"mira@example.com"}}"#;
        let signature = Signature::parse(&sign(body.as_bytes(), "hunter2")).unwrap();
        let verified = Secrets::parse("hunter2").unwrap().verify(body.as_bytes(), &signature).unwrap();
        let receipt = Receipt {
            outcome: Outcome::Accepted(Success::NoContent),
            content: None,
            envelope: Some(Envelope::read(&verified).unwrap()),
            secret: Some(0),
            unknown_source: None,
            failure: None,
        };
        let line = Line::of(&receipt, Timestamp::UNIX_EPOCH, Duration::from_micros(12));
        assert_eq!(line.to_string(), "204 accepted transaction#7#payment (live, 12 µs)");
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"timestamp":"1970-01-01T00:00:00Z","level":"INFO","message":"webhook","outcome":"accepted","status":204,"notification_type":"payment","event_id":"transaction#7#payment","mode":"live","identified":true,"secret":0,"took_us":12}"#
        );
    }

    #[test]
    fn a_question_that_nobody_answers_is_named_and_has_no_key() {
        let body = r#"{"notification_type":"get_pincode","user":{"id":"mira"}}"#;
        let signature = Signature::parse(&sign(body.as_bytes(), "hunter2")).unwrap();
        let verified = Secrets::parse("hunter2").unwrap().verify(body.as_bytes(), &signature).unwrap();
        let receipt = Receipt {
            envelope: Some(Envelope::read(&verified).unwrap()),
            ..Receipt::from(Outcome::Unavailable(xsolla::Unavailable::Unanswered))
        };
        let line = Line::of(&receipt, Timestamp::UNIX_EPOCH, Duration::ZERO);
        assert_eq!(line.to_string(), "503 unanswered get_pincode (live, 0 µs)");
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"timestamp":"1970-01-01T00:00:00Z","level":"ERROR","message":"webhook","outcome":"unanswered","status":503,"notification_type":"get_pincode","deprecated":true,"mode":"live","took_us":0}"#
        );
    }

    #[test]
    fn of_a_wrong_signature_there_is_nothing_but_the_fact() {
        let line = Line::of(&Receipt::from(Outcome::InvalidSignature), Timestamp::UNIX_EPOCH, Duration::ZERO);
        assert_eq!(line.to_string(), "400 invalid_signature");
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"timestamp":"1970-01-01T00:00:00Z","level":"INFO","message":"webhook","outcome":"invalid_signature","status":400,"took_us":0}"#
        );
    }

    #[test]
    fn of_a_wrong_key_in_the_path_there_is_nothing_but_the_fact() {
        let receipt = Receipt::from(Outcome::Unavailable(Unavailable::WrongKey));
        let line = Line::of(&receipt, Timestamp::UNIX_EPOCH, Duration::ZERO);
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            r#"{"timestamp":"1970-01-01T00:00:00Z","level":"INFO","message":"webhook","outcome":"wrong_key","status":503,"took_us":0}"#
        );
    }

    #[test]
    fn an_unknown_address_is_said_and_is_worth_a_warning() {
        let line = |outcome, source: Option<&str>| {
            let source = source.map(|address| address.parse().unwrap());
            let receipt = Receipt { unknown_source: Some(UnknownSource(source)), ..Receipt::from(outcome) };
            Line::of(&receipt, Timestamp::UNIX_EPOCH, Duration::ZERO)
        };
        let reported = line(Outcome::Accepted(Success::NoContent), Some("203.0.113.9"));
        assert_eq!(
            serde_json::to_string(&reported).unwrap(),
            r#"{"timestamp":"1970-01-01T00:00:00Z","level":"WARN","message":"webhook","outcome":"accepted","status":204,"unknown_source":"203.0.113.9","took_us":0}"#
        );
        let enforced = line(Outcome::Unavailable(xsolla::Unavailable::UnknownSource), None);
        assert_eq!(enforced.level(), Level::ERROR);
        assert_eq!(enforced.to_string(), "503 unknown_source");
    }

    #[test]
    fn what_failed_is_said() {
        let mut receipt = Receipt::from(Outcome::Unavailable(xsolla::Unavailable::Events));
        receipt.failure = Some(port_error());
        let line = Line::of(&receipt, Timestamp::UNIX_EPOCH, Duration::ZERO);
        assert_eq!(line.to_string(), "500 events_unavailable: fake:Call: it was told to fail");
        assert_eq!(line.level(), Level::ERROR);
    }

    #[test]
    fn drift_is_a_metric_by_type_with_the_place_beside_it() {
        let mut tally = Tally::default();
        let body = r#"{"notification_type":"refund","transaction":{"id":7,"risk":"high"},"user":{"id":"mira"}}"#;
        for event_id in ["transaction#7#refund", "transaction#8#refund"] {
            tally.add("refund", body, &event_id.to_owned());
        }
        tally.add("new type", "{}", &"body#ab".to_owned());
        let lines: Vec<String> = tally
            .rows()
            .map(|row| {
                serde_json::to_string(&DriftLine::of(&row, Timestamp::from_second(1_800_000_000).unwrap())).unwrap()
            })
            .collect();
        assert_eq!(
            lines,
            [
                r#"{"_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["notification_type"]],"Metrics":[{"Name":"Drift","Unit":"Count"}]}]},"timestamp":"2027-01-15T08:00:00Z","level":"WARN","message":"drift","notification_type":"refund","Drift":2,"path":"transaction.risk","what":"unknown field","kind":"string(4)","event_id":"transaction#7#refund"}"#,
                r#"{"_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["notification_type"]],"Metrics":[{"Name":"Drift","Unit":"Count"}]}]},"timestamp":"2027-01-15T08:00:00Z","level":"WARN","message":"drift","notification_type":"unknown","Drift":1,"path":"","what":"unknown type","event_id":"body#ab"}"#,
            ]
        );
    }
}
