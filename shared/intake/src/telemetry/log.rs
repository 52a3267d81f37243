//! The log level, and writing of lines.

use std::io::Write;
use std::sync::OnceLock;

use serde::{Serialize, Serializer};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use xsolla::NotificationType;

const UNKNOWN: &str = "unknown";

/// The configured level.
static LEVEL: OnceLock<LevelFilter> = OnceLock::new();

/// Starts logging at the level of `AWS_LAMBDA_LOG_LEVEL`, which Lambda sets, else at `INFO`.
///
/// The SDK and the HTTP client log only warnings, because their other lines may contain requests.
pub(crate) fn start() {
    let configured = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let level = *LEVEL.get_or_init(|| configured.unwrap_or(LevelFilter::INFO));
    let targets = Targets::new().with_target("intake", level).with_default(Level::WARN);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false);
    // Fails for the second function in a process, as in tests. It uses the first subscriber.
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
}

pub(super) fn is_enabled(level: Level) -> bool {
    level <= LEVEL.get().copied().unwrap_or(LevelFilter::INFO)
}

pub(super) fn write_line(line: &impl Serialize) {
    if let Ok(mut json) = serde_json::to_vec(line) {
        json.push(b'\n');
        // A failed write to the log cannot be logged.
        let _ = std::io::stdout().lock().write_all(&json);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "required by serde")]
pub(super) fn serialize_level<S: Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.as_str())
}

/// Returns the value of `notification_type`: a known name, or `unknown` for all others.
///
/// It is a dimension of metrics, and each value costs money.
pub(super) fn type_label(known: Option<NotificationType>) -> &'static str {
    known.map_or(UNKNOWN, NotificationType::name)
}

/// Returns the value of `unknown_type`, from a [label](xsolla::type_label), if the type's name is plain.
pub(super) fn unknown_type(label: &str) -> Option<&str> {
    Some(label).filter(|label| *label != UNKNOWN)
}
