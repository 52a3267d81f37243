//! AWS clients of the commands, for a deployed stack or the emulator.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use intake::aws::{CallLimits, SecretSource, http_client, with_call_limits};
use intake::emulator::{DYNAMODB_PORT, SQS_PORT, emulator_config};
use intake::ports::SecretStore as _;
use intake::settings::{SecretsSetting, environment};
use xsolla::Secrets;

/// Timeouts for a person who waits: one page of a scan is up to 1 MiB, and the connection may be slow.
const CALL_LIMITS: CallLimits =
    CallLimits { connect: Duration::from_secs(5), attempt: Duration::from_secs(30), operation: Duration::from_mins(2) };

/// AWS clients of the commands.
#[derive(Debug, Clone)]
pub struct Clients {
    /// DynamoDB client.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SQS client.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Clients configured by the SDK's environment: `AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL_DYNAMODB`, …
    pub async fn from_environment() -> Self {
        let config = sdk_config().await;
        Self { dynamodb: aws_sdk_dynamodb::Client::new(&config), sqs: aws_sdk_sqs::Client::new(&config) }
    }

    /// Clients of the emulator on its default ports. The environment is ignored.
    #[must_use]
    pub fn emulator() -> Self {
        let config = |port: u16| emulator_config(CALL_LIMITS).endpoint_url(format!("http://127.0.0.1:{port}")).build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config(DYNAMODB_PORT)),
            sqs: aws_sdk_sqs::Client::new(&config(SQS_PORT)),
        }
    }
}

/// Reads the keys of the pseudonyms in the log as the functions do, from `PSEUDONYM_KEY_SECRET_ID` or `PSEUDONYM_KEY`.
///
/// # Errors
///
/// If neither variable is set, or Secrets Manager cannot be read.
pub async fn pseudonym_keys() -> Result<Secrets, Box<dyn std::error::Error>> {
    let setting = SecretsSetting::of_pseudonyms(&environment)?;
    let setting =
        setting.ok_or("PSEUDONYM_KEY_SECRET_ID is not set: name or ARN of the secret with the pseudonym keys")?;
    Ok(SecretSource::new(setting, &sdk_config().await).read().await?)
}

async fn sdk_config() -> SdkConfig {
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http_client()).load().await;
    with_call_limits(config.into_builder(), CALL_LIMITS).build()
}
