//! From the command line to AWS, by the SDK's own environment, or to the emulator.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use intake::aws::{CallLimits, SecretSource, http_client, with_call_limits};
use intake::emulator::{DYNAMODB_PORT, SQS_PORT, emulator_config};
use intake::ports::SecretStore as _;
use intake::settings::{SecretsSetting, environment};
use xsolla::Secrets;

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
        let config = found().await;
        Self { dynamodb: aws_sdk_dynamodb::Client::new(&config), sqs: aws_sdk_sqs::Client::new(&config) }
    }

    /// What `xsolla-webhooks local` runs on its usual ports, whatever the environment says.
    #[must_use]
    pub fn local() -> Self {
        let at = |port: u16| emulator_config(CALL_LIMITS).endpoint_url(format!("http://127.0.0.1:{port}")).build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&at(DYNAMODB_PORT)),
            sqs: aws_sdk_sqs::Client::new(&at(SQS_PORT)),
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
    Ok(SecretSource::new(setting, &found().await).read().await?)
}

async fn found() -> SdkConfig {
    let found = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http_client()).load().await;
    with_call_limits(found.into_builder(), CALL_LIMITS).build()
}
