//! Configuration of the SDK's clients.

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_types::SdkConfig;
use aws_types::sdk_config::Builder;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::settings::{environment, optional};

/// Time limits of calls to AWS.
///
/// Connections can die while Lambda freezes a function, and the first request on a dead connection gets no response. So
/// an attempt has a short limit, the retry opens a new connection, and all attempts end before the caller's own limit.
#[derive(Debug, Clone, Copy)]
pub struct CallLimits {
    /// Opening a connection: TCP and TLS.
    pub connect: Duration,
    /// One attempt.
    pub attempt: Duration,
    /// All attempts of a call, with the pauses between them.
    pub operation: Duration,
}

impl CallLimits {
    /// Limits of functions that answer Xsolla: three attempts within [`crate::accept::DEADLINE`].
    ///
    /// A DynamoDB write takes about 5 ms, a new TLS connection about 20 ms.
    pub const WEBHOOK: Self = Self {
        connect: Duration::from_millis(250),
        attempt: Duration::from_millis(450),
        operation: Duration::from_millis(1600),
    };

    /// Limits of the relay. A call ends within [`crate::relay::SEND_LIMIT`].
    pub const RELAY: Self = Self {
        connect: Duration::from_millis(500),
        attempt: Duration::from_secs(2),
        operation: Duration::from_secs(7),
    };
}

/// Returns an SDK configuration without region, credentials and endpoints.
pub fn sdk_config(limits: CallLimits) -> Builder {
    let config = SdkConfig::builder().behavior_version(BehaviorVersion::v2026_01_12()).http_client(http_client());
    with_call_limits(config, limits)
}

/// Returns the HTTP client of all SDK clients. It uses rustls with ring.
pub fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// Adds time limits and retries to a configuration.
pub fn with_call_limits(config: Builder, limits: CallLimits) -> Builder {
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

/// Returns the configuration of a Lambda function.
///
/// Lambda provides region and credentials as environment variables that stay valid for the environment's lifetime. So
/// `aws_config`, which also searches profiles, instance metadata and single sign-on, is not linked.
pub(crate) fn function_config(limits: CallLimits) -> SdkConfig {
    let variable = |name| optional(&environment, name);
    let credentials = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY")).map(|(id, key)| {
        let token = variable("AWS_SESSION_TOKEN");
        SharedCredentialsProvider::new(Credentials::new(id, key, token, None, "environment"))
    });
    let mut config =
        sdk_config(limits).region(variable("AWS_REGION").map(Region::new)).service_config(EndpointVariables);
    config.set_credentials_provider(credentials);
    config.build()
}

/// Endpoints from `AWS_ENDPOINT_URL_DYNAMODB` and the like, or from `AWS_ENDPOINT_URL` for all services.
#[derive(Debug)]
struct EndpointVariables;

impl LoadServiceConfig for EndpointVariables {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().replace(' ', "_").to_uppercase();
        optional(&environment, &format!("{}_{service}", key.env())).or_else(|| optional(&environment, key.env()))
    }
}
