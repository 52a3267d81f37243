//! What the functions say of themselves: JSON lines to standard output, which Lambda takes to CloudWatch.
//!
//! Never a body, a signature, a secret, or personal data.

use std::time::Duration;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::accept::Receipt;
use xsolla::Outcome;

/// Starts logging, at the level that the function's logging configuration sets (`AWS_LAMBDA_LOG_LEVEL`), else `INFO`.
///
/// The SDK's and the HTTP client's own lines stay at warnings whatever the level: below that they may show requests.
pub(crate) fn start() {
    let wanted = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let level: LevelFilter = wanted.unwrap_or(LevelFilter::INFO);
    let ours = Targets::new()
        .with_target("intake", level)
        // Its span puts the request and trace ids on every line.
        .with_target("lambda_runtime", Level::INFO)
        .with_default(Level::WARN);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false).with_target(false);
    // A second subscriber would be a second handler in one process, as in tests; the first one stays.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
}

/// One line per webhook. Of a wrong signature, and of a body that is no notification, nothing but the fact is known.
pub(crate) fn log(receipt: &Receipt<'_>, took: Duration) {
    let outcome = receipt.outcome.name();
    let status = receipt.outcome.answer().status();
    let envelope = receipt.envelope.as_ref();
    let event_id = envelope.map(|envelope| tracing::field::display(&envelope.event_id));
    let notification_type = envelope.map(|envelope| xsolla::type_label(&envelope.type_name));
    let mode = envelope.map(|envelope| envelope.mode.name());
    let identified = envelope.map(|envelope| envelope.identified);
    let failure = receipt.failure.as_ref().map(tracing::field::display);
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    // `tracing` fixes a level where it stands, so the one line is written down once per level.
    macro_rules! line {
        ($level:expr) => {
            tracing::event!(
                $level,
                outcome,
                status,
                notification_type,
                event_id,
                mode,
                identified,
                secret = receipt.secret,
                failure,
                took_us,
                "webhook"
            )
        };
    }
    match receipt.outcome {
        Outcome::Accepted(_)
        | Outcome::Duplicate(_)
        | Outcome::UserFound
        | Outcome::UserNotFound
        | Outcome::InvalidSignature => line!(Level::INFO),
        Outcome::Conflict(_) | Outcome::Unreadable => line!(Level::WARN),
        Outcome::Unavailable(_) => line!(Level::ERROR),
    }
}
