//! The log line of a webhook.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tracing::Level;
use xsolla::{Envelope, NotificationType};

use super::log::{is_enabled, serialize_level, type_label, unknown_type, write_line};
use super::metrics::{BY_OUTCOME, BY_OUTCOME_AND_TYPE, Group, Metric, Metrics, NO_DIMENSIONS};
use crate::accept::DeliveryReport;
use crate::outcome::{Outcome, Unavailable};
use crate::trace::TraceHeader;

/// The log line of a webhook. After a wrong signature or key, it has nothing from the body.
///
/// Written without `tracing`. This and the partial parsing of the proxy event save about a sixth of a webhook's CPU time
/// (measured together, November 2026).
#[derive(Debug, Serialize)]
pub struct WebhookLog {
    timestamp: Timestamp,
    #[serde(serialize_with = "serialize_level")]
    level: Level,
    message: &'static str,
    outcome: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    notification_type: Option<&'static str>,
    /// Name of an unknown type, if it is plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// [Pseudonym](xsolla::Secrets::pseudonyms) of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_index: Option<u32>,
    /// Address of an authenticated sender outside Xsolla's ranges. Not personal data: it is a server that has the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(flatten)]
    metrics: Metrics,
}

impl WebhookLog {
    pub(crate) fn new(report: &DeliveryReport<'_>, received_at: Timestamp, duration: Duration) -> Self {
        let envelope = report.envelope.as_ref();
        // A question has no key in the table.
        let event = envelope.filter(|envelope| !envelope.is_question());
        let unknown = envelope.filter(|envelope| envelope.notification_type().is_none());
        let level = level(report);
        let user_id = envelope.and_then(|envelope| envelope.user_id()).filter(|_| is_enabled(level));
        let user = user_id.and_then(|user_id| report.pseudonym_keys.as_ref()?.pseudonyms(user_id).next());
        Self {
            timestamp: received_at,
            level,
            message: "webhook",
            outcome: report.outcome.name(),
            status: report.outcome.answer().status(),
            notification_type: envelope.map(|envelope| type_label(envelope.notification_type())),
            unknown_type: unknown
                .and_then(|envelope| unknown_type(xsolla::type_label(envelope.type_name())))
                .map(str::to_owned),
            event_id: event.map(|envelope| envelope.event_id().to_string()),
            mode: envelope.map(|envelope| envelope.mode().name()),
            user,
            identified: event.map(Envelope::is_identified),
            secret_index: report.secret_index,
            unknown_source: report.unknown_source.map(|source| source.to_string()),
            error: report.error.as_ref().map(ToString::to_string),
            request_id: None,
            trace_id: None,
            metrics: Metrics {
                at: received_at,
                groups: vec![
                    Group {
                        dimensions: if envelope.is_some() { BY_OUTCOME_AND_TYPE } else { BY_OUTCOME },
                        metrics: vec![Metric::count("Webhooks", 1)],
                    },
                    Group { dimensions: NO_DIMENSIONS, metrics: metrics(report, duration) },
                ],
            },
        }
    }

    /// Writes the line, if its level is enabled, with the ids that Lambda and X-Ray have for the call.
    pub(crate) fn write(mut self, request_id: &str, trace: Option<&TraceHeader>) {
        if !is_enabled(self.level) {
            return;
        }
        self.request_id = Some(request_id.to_owned());
        self.trace_id = trace.map(|trace| trace.trace_id().to_owned());
        write_line(&self);
    }

    /// The log level of the line.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }
}

/// Returns the level: at least a warning if an alarm counts the webhook, so that `LogLevel` WARN omits only successes.
fn level(report: &DeliveryReport<'_>) -> Level {
    let least = if report.unknown_source.is_some() || has_old_secret(report) { Level::WARN } else { Level::INFO };
    least.min(match report.outcome {
        Outcome::Accepted(_)
        | Outcome::Duplicate(_)
        | Outcome::UserFound
        | Outcome::UserNotFound
        | Outcome::Answered
        | Outcome::NotFound
        | Outcome::Unavailable(Unavailable::WrongKey) => Level::INFO,
        Outcome::Conflict(_)
        | Outcome::Unreadable
        | Outcome::InvalidSignature
        | Outcome::Unavailable(Unavailable::UnverifiedUnknownSource) => Level::WARN,
        Outcome::Unavailable(_) => Level::ERROR,
    })
}

/// Returns the metrics without dimensions.
fn metrics(report: &DeliveryReport<'_>, duration: Duration) -> Vec<Metric> {
    let mut metrics = vec![Metric::milliseconds("Duration", duration)];
    for (name, step) in [
        ("VerifyDuration", report.timings.verify),
        ("StoreDuration", report.timings.store),
        ("DirectoryDuration", report.timings.directory),
    ] {
        metrics.extend(step.map(|duration| Metric::milliseconds(name, duration)));
    }
    let envelope = report.envelope.as_ref();
    let known = envelope.and_then(Envelope::notification_type);
    for (name, applies) in [
        ("OldSecret", has_old_secret(report)),
        ("UnknownType", envelope.is_some() && known.is_none()),
        ("DeprecatedType", known.is_some_and(NotificationType::is_deprecated)),
        ("UnknownSource", report.unknown_source.is_some()),
        // Bad signatures of other callers are noise: scanners and guesses. These mean that a secret is wrong.
        ("BadSignatureFromXsolla", report.outcome == Outcome::InvalidSignature && report.is_from_xsolla),
    ] {
        metrics.extend(applies.then(|| Metric::count(name, 1)));
    }
    metrics
}

fn has_old_secret(report: &DeliveryReport<'_>) -> bool {
    report.secret_index.is_some_and(|index| index > 0)
}
