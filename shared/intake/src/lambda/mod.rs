//! The Lambda functions: what stands between the Lambda runtime and the flows.

pub mod proxy;
pub mod relay;
pub mod unsigned;
pub mod webhook;

use lambda_runtime::Error;

use crate::settings::InvalidSetting;

/// A mistake in the configuration ends the function while it initialises: it can take nothing, and says why.
fn refuse_to_start(error: InvalidSetting) -> Error {
    tracing::error!(%error, "the function cannot start");
    error.into()
}
