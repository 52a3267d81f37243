//! The result of one delivery: its outcome, and what the log needs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio::time::error::Elapsed;
use xsolla::model::Json;
use xsolla::{Envelope, Secrets};

use crate::outcome::{Outcome, Unavailable};
use crate::ports::PortError;
use crate::secrets::UnknownMatch;
use crate::sources::UnknownSource;

/// Result of a delivery. The outcome and the content make the answer; all other fields are for the log.
#[derive(Debug)]
pub struct DeliveryReport<'a> {
    /// Result of the delivery.
    pub outcome: Outcome,
    /// Body of the answer to a question, with [`Outcome::Answered`].
    pub content: Option<Json>,
    /// The identified notification, if it was authenticated and readable.
    pub envelope: Option<Envelope<'a>>,
    /// Position of the secret that verified the body; 0 is the current one.
    pub secret_index: Option<u32>,
    /// The keys of the pseudonym that replaces the user id in the log, the current one first.
    pub pseudonym_keys: Option<Arc<Secrets>>,
    /// Whether the caller's address is in the expected ranges. It does not authenticate the caller.
    pub is_from_xsolla: bool,
    /// Address of an authenticated delivery from outside the expected ranges.
    pub unknown_source: Option<UnknownSource>,
    /// The failure that caused the outcome.
    pub error: Option<PortError>,
    /// Duration of each step.
    pub timings: StepTimings,
}

/// Duration of each step; `None` if the step was not reached. A step that the deadline interrupts counts up to then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepTimings {
    /// Checking the signature or key, and reading the secrets if necessary.
    pub verify: Option<Duration>,
    /// Calls to the table.
    pub store: Option<Duration>,
    /// The directory's reply to a question.
    pub directory: Option<Duration>,
}

impl From<Outcome> for DeliveryReport<'_> {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            content: None,
            envelope: None,
            secret_index: None,
            pseudonym_keys: None,
            is_from_xsolla: false,
            unknown_source: None,
            error: None,
            timings: StepTimings::default(),
        }
    }
}

impl DeliveryReport<'_> {
    /// Starts a report. Until [`Self::conclude`], its outcome is [`Unavailable::Deadline`].
    pub(crate) fn start() -> Self {
        Self::from(Outcome::Unavailable(Unavailable::Deadline))
    }

    /// Adds the result of a flow. After a timeout, the report has only the results of completed steps.
    pub(crate) fn conclude(self, result: Result<Result<Outcome, EarlyExit>, Elapsed>) -> Self {
        match result {
            Ok(Ok(outcome)) => Self { outcome, ..self },
            Ok(Err(EarlyExit { outcome, error })) => Self { outcome, error, ..self },
            Err(_elapsed) => self,
        }
    }
}

/// An outcome that ends a flow before its last step.
pub(crate) struct EarlyExit {
    outcome: Outcome,
    error: Option<PortError>,
}

impl From<Outcome> for EarlyExit {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, error: None }
    }
}

/// Returns a function that turns a port's error into an exit for this reason.
pub(crate) fn unavailable(reason: Unavailable) -> impl Fn(PortError) -> EarlyExit + Copy {
    move |error| EarlyExit { outcome: Outcome::Unavailable(reason), error: Some(error) }
}

/// Returns a function that turns an unknown match into an exit.
///
/// With cached secrets, only Xsolla's addresses cause the outcome that raises an alarm. Otherwise anyone could raise it
/// while Secrets Manager fails. The answer is 5xx all the same: Xsolla's addresses change without notice.
pub(crate) fn unknown_match(is_from_xsolla: bool) -> impl Fn(UnknownMatch) -> EarlyExit + Copy {
    move |error| match error {
        UnknownMatch::RefreshFailed(error) if !is_from_xsolla => {
            unavailable(Unavailable::UnverifiedUnknownSource)(error)
        }
        UnknownMatch::NoSecrets(error) | UnknownMatch::RefreshFailed(error) => unavailable(Unavailable::Secrets)(error),
    }
}

/// Runs a step and records its duration, even if the step is cancelled.
pub(crate) async fn timed<T>(elapsed: &mut Option<Duration>, step: impl Future<Output = T>) -> T {
    let _stopwatch = Stopwatch { started: Instant::now(), elapsed };
    step.await
}

struct Stopwatch<'t> {
    started: Instant,
    elapsed: &'t mut Option<Duration>,
}

impl Drop for Stopwatch<'_> {
    fn drop(&mut self) {
        *self.elapsed = Some(self.started.elapsed());
    }
}
