//! The ports' adapters for AWS, and the clients they share.

mod events;
mod queue;
mod secrets;
mod users;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};

use crate::ports::PortError;

pub use events::Events;
pub use queue::{ParkingQueue, SqsQueue};
pub use secrets::SecretSource;
pub(crate) use secrets::{GET_SECRET_VALUE, secret_text};
pub(crate) use users::UsersTable;

/// How long calls to AWS may take.
///
/// A frozen function wakes with connections that died meanwhile, and the first write into one is answered by silence. So
/// an attempt is given up early and repeated on a fresh connection, and all attempts together end before the caller's
/// own limit.
#[derive(Debug, Clone, Copy)]
pub struct CallLimits {
    /// TCP and TLS.
    pub connect: Duration,
    /// One attempt.
    pub attempt: Duration,
    /// All attempts of one call, with the pauses between them.
    pub operation: Duration,
}

impl CallLimits {
    /// At the front door: three attempts with their pauses, within [`crate::accept::DEADLINE`]. DynamoDB writes in about
    /// 5 ms; a new TLS connection takes about 20 ms.
    pub const FRONT_DOOR: Self = Self {
        connect: Duration::from_millis(250),
        attempt: Duration::from_millis(450),
        operation: Duration::from_millis(1600),
    };

    /// Behind it, where nobody waits. All of it stays below [`crate::relay::SEND_LIMIT`].
    pub const RELAY: Self = Self {
        connect: Duration::from_millis(500),
        attempt: Duration::from_secs(2),
        operation: Duration::from_secs(7),
    };
}

/// The part of the SDK's configuration that does not come from the environment. Region, credentials and endpoints do
/// (`AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL_DYNAMODB`, …).
pub fn sdk_config(limits: CallLimits) -> ConfigLoader {
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(limits.connect)
        .operation_attempt_timeout(limits.attempt)
        .operation_timeout(limits.operation)
        .build();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50)))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// An SDK error for the log: the service's code and message, or what happened on the way to it.
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
