//! From the command line to AWS, by the SDK's own environment, or to what [`crate::stack`] runs on this machine.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_types::sdk_config::Builder;
use intake::aws::{CallLimits, SecretSource, http_client, limited, sdk_config};
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
        let config = found().await;
        Self { dynamodb: aws_sdk_dynamodb::Client::new(&config), sqs: aws_sdk_sqs::Client::new(&config) }
    }

    /// What `xsolla-webhooks local` runs on its usual ports, whatever the environment says.
    #[must_use]
    pub fn local() -> Self {
        let at = |port: u16| pretended(CALL_LIMITS).endpoint_url(format!("http://127.0.0.1:{port}")).build();
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
    limited(found.into_builder(), CALL_LIMITS).build()
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
#[must_use]
pub fn pretended(limits: CallLimits) -> Builder {
    sdk_config(limits)
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("local", "local", None, None, "local")))
}
