//! The ports' adapters for AWS, and the clients they share.

mod events;
mod queue;
mod secrets;
mod users;

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_types::SdkConfig;
use aws_types::sdk_config::Builder;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::ports::PortError;
use crate::settings::{environment, optional};

pub use events::{EventHistory, Events};
pub use queue::{ParkingQueue, QueueUrls, SqsQueue};
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
    /// At the front accepted_types: three attempts with their pauses, within [`crate::accept::DEADLINE`]. DynamoDB writes in about
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

/// The part of the SDK's configuration that does not come from the environment: region, credentials and endpoints do.
pub fn sdk_config(limits: CallLimits) -> Builder {
    limited(SdkConfig::builder().behavior_version(BehaviorVersion::v2026_01_12()).http_client(http_client()), limits)
}

/// One stack for HTTP and TLS, and no other.
pub fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// How often, and how long, AWS is asked.
pub fn limited(config: Builder, limits: CallLimits) -> Builder {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(limits.connect)
        .operation_attempt_timeout(limits.attempt)
        .operation_timeout(limits.operation)
        .build();
    config
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50)))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// A function's configuration. Lambda puts region and credentials into its environment, and they stay for its lifetime: so
/// nothing is linked, or tried at the start, of the other places where `aws_config` would look (profiles, the metadata of
/// machines and containers, single sign-on).
pub(crate) fn function_config(limits: CallLimits) -> SdkConfig {
    let variable = |name| optional(&environment, name);
    let credentials = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY")).map(|(id, key)| {
        let token = variable("AWS_SESSION_TOKEN");
        SharedCredentialsProvider::new(Credentials::new(id, key, token, None, "environment"))
    });
    let mut config = sdk_config(limits).region(variable("AWS_REGION").map(Region::new)).service_config(Endpoints);
    config.set_credentials_provider(credentials);
    config.build()
}

/// `AWS_ENDPOINT_URL_DYNAMODB` and the like, or `AWS_ENDPOINT_URL` for all services.
#[derive(Debug)]
struct Endpoints;

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().replace(' ', "_").to_uppercase();
        optional(&environment, &format!("{}_{service}", key.env())).or_else(|| optional(&environment, key.env()))
    }
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
