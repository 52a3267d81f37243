//! The Lambda functions: what stands between the Lambda runtime and the flows.

pub mod relay;
pub mod webhook;

use std::time::{Duration, SystemTime};

use lambda_http::lambda_runtime::{Context, Error};

use crate::settings::InvalidSetting;

/// Time that the answer needs to leave before Lambda ends the function.
const MARGIN: Duration = Duration::from_millis(100);

/// Time until Lambda ends the function, less [`MARGIN`].
fn time_left(context: &Context) -> Duration {
    context.deadline().duration_since(SystemTime::now()).unwrap_or_default().saturating_sub(MARGIN)
}

/// A mistake in the configuration ends the function while it initialises: it can take nothing, and says why.
fn refuse_to_start(error: InvalidSetting) -> Error {
    tracing::error!(%error, "the function cannot start");
    error.into()
}
