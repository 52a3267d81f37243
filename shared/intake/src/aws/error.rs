//! SDK errors as text for the log.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::ports::PortError;

/// Converts an SDK error: the service's code and message, or the error of the connection.
pub fn port_error<E>(operation: &'static str, error: &SdkError<E>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let cause = match error.as_service_error() {
        Some(service) => {
            format!("{}: {}", service.code().unwrap_or("no code"), service.message().unwrap_or("no message"))
        }
        None => DisplayErrorContext(error).to_string(),
    };
    PortError { operation, cause }
}
