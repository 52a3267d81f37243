//! From the command line to AWS, by the SDK's own environment, or to what [`crate::stack`] runs on this machine.

use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use intake::aws::{CallLimits, SecretSource, sdk_config};
use intake::ports::SecretStore as _;
use intake::settings::{SecretsSetting, environment};
use xsolla::Secrets;

use crate::services::{EVENTS_TABLE, Queues, REGION};

/// The usual port of the embedded DynamoDB.
pub const DYNAMODB_PORT: u16 = 7701;
/// The usual port of the embedded SQS.
pub const SQS_PORT: u16 = 7702;

/// A page of a scan is a mebibyte, perhaps over a slow line, and somebody waits for it.
const CALL_LIMITS: CallLimits =
    CallLimits { connect: Duration::from_secs(5), attempt: Duration::from_secs(30), operation: Duration::from_mins(2) };

/// Whom the commands ask.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Asks DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Asks SQS.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// What the environment says of AWS: `AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL_DYNAMODB`, …
    pub async fn of_environment() -> Self {
        let config = sdk_config(CALL_LIMITS).load().await;
        Self { dynamodb: aws_sdk_dynamodb::Client::new(&config), sqs: aws_sdk_sqs::Client::new(&config) }
    }

    /// What `xsolla-webhooks local` runs on its usual ports, whatever the environment says.
    pub async fn local() -> Self {
        let config = pretended(CALL_LIMITS).await;
        Self {
            dynamodb: dynamodb_at(&config, &format!("http://127.0.0.1:{DYNAMODB_PORT}")),
            sqs: sqs_at(&config, &format!("http://127.0.0.1:{SQS_PORT}")),
        }
    }
}

/// The webhook secrets, from where a function has them: what the environment says in `XSOLLA_SECRET_ID` or
/// `XSOLLA_SECRETS`.
///
/// # Errors
///
/// When it says neither, or they cannot be read.
pub async fn webhook_secrets() -> Result<Secrets, Box<dyn std::error::Error>> {
    let setting = SecretsSetting::of_webhooks(&environment)?;
    let config = sdk_config(CALL_LIMITS).load().await;
    Ok(SecretSource::new(setting, &config).read().await?)
}

/// The table of `xsolla-webhooks local`.
#[must_use]
pub fn local_table() -> String {
    EVENTS_TABLE.to_owned()
}

/// The queues of `xsolla-webhooks local`.
#[must_use]
pub fn local_queues() -> Queues {
    let url = |name| format!("http://127.0.0.1:{SQS_PORT}/000000000000/{name}");
    Queues { events: url("events.fifo"), dead_letters: url("events-dead-letters.fifo"), parked: url("parked") }
}

/// The functions' own configuration, but for what they would find in Lambda's environment.
pub(crate) async fn pretended(limits: CallLimits) -> SdkConfig {
    sdk_config(limits)
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .load()
        .await
}

/// A client of the DynamoDB behind this endpoint.
pub(crate) fn dynamodb_at(config: &SdkConfig, endpoint: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::config::Builder::from(config).endpoint_url(endpoint);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// A client of the SQS behind this endpoint.
pub(crate) fn sqs_at(config: &SdkConfig, endpoint: &str) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::config::Builder::from(config).endpoint_url(endpoint);
    aws_sdk_sqs::Client::from_conf(config.build())
}
