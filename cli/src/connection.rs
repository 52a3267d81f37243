//! AWS clients of the commands, for a deployed stack or the emulator.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
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
    ///
    /// The metadata service of an EC2 instance is used only with `AWS_EC2_METADATA_DISABLED=false`.
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

/// Describes the variables that redirect the SDK's calls to another endpoint than that of AWS. `None`: there are none.
#[must_use]
pub fn endpoint_override(environment: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set =
        ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_SECRETS_MANAGER"]
            .map(|name| environment(name).filter(|url| !url.is_empty()).map(|url| format!("{name} ({url})")));
    let set: Vec<String> = set.into_iter().flatten().collect();
    (!set.is_empty()).then(|| format!("calls do not go to AWS, because of {}", set.join(", ")))
}

/// Reads the webhook secrets as the functions do, from `XSOLLA_SECRET_ID` or `XSOLLA_SECRETS`.
///
/// # Errors
///
/// If neither variable is set, or Secrets Manager cannot be read.
pub async fn webhook_secrets() -> Result<Secrets, Box<dyn std::error::Error>> {
    let setting = SecretsSetting::of_webhooks(&environment)?;
    read_secrets("XSOLLA_SECRET_ID", setting).await
}

/// Reads the keys of the pseudonyms in the log as the functions do, from `PSEUDONYM_KEY_SECRET_ID` or `PSEUDONYM_KEY`.
///
/// # Errors
///
/// If neither variable is set, or Secrets Manager cannot be read.
pub async fn pseudonym_keys() -> Result<Secrets, Box<dyn std::error::Error>> {
    let setting = SecretsSetting::of_pseudonyms(&environment)?;
    let setting =
        setting.ok_or("PSEUDONYM_KEY_SECRET_ID is not set: name or ARN of the secret with the keys of the hashes in a stack's log (or set PSEUDONYM_KEY to the key)")?;
    read_secrets("PSEUDONYM_KEY_SECRET_ID", setting).await
}

/// Reads secrets. An error names the variable and the secret.
async fn read_secrets(variable: &str, setting: SecretsSetting) -> Result<Secrets, Box<dyn std::error::Error>> {
    let source = match &setting {
        SecretsSetting::SecretsManager(id) => format!("{variable} ({id}): "),
        SecretsSetting::Given(_) => String::new(),
    };
    let secrets = SecretSource::new(setting, &sdk_config().await).read().await;
    secrets.map_err(|error| format!("{source}{error}").into())
}

async fn sdk_config() -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http_client());
    if !uses_instance_metadata(environment) {
        let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(ProfileFileRegionProvider::new());
        let config =
            ProviderConfig::without_region().with_http_client(http_client()).with_region(region.region().await);
        let profile = ProfileFileCredentialsProvider::builder().configure(&config).build();
        let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(&config).build();
        let container = EcsCredentialsProvider::builder().configure(&config).build();
        let environment = EnvironmentVariableCredentialsProvider::new();
        let credentials = CredentialsProviderChain::first_try("environment", environment)
            .or_else("profile", profile)
            .or_else("web identity", web_identity)
            .or_else("container", container);
        loader = loader.region(region).credentials_provider(credentials);
    }
    with_call_limits(loader.load().await.into_builder(), CALL_LIMITS).build()
}

/// Whether region and credentials may come from the metadata service of an EC2 instance.
///
/// On another machine, the search takes seconds, and its error hides that there are no credentials.
fn uses_instance_metadata(environment: impl Fn(&str) -> Option<String>) -> bool {
    environment("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("false"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[], None)]
    #[case(&[("AWS_ENDPOINT_URL_SQS", "")], None)]
    #[case(
        &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:2")],
        Some("calls do not go to AWS, because of AWS_ENDPOINT_URL (http://127.0.0.1:1), AWS_ENDPOINT_URL_SQS (http://127.0.0.1:2)")
    )]
    fn endpoint_override_names_its_variables(#[case] variables: &[(&str, &str)], #[case] expected: Option<&str>) {
        let value = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        assert_eq!(endpoint_override(value).as_deref(), expected);
    }

    #[rstest]
    #[case(None, false)]
    #[case(Some("true"), false)]
    #[case(Some("False"), true)]
    fn instance_metadata_is_used_only_if_requested(#[case] value: Option<&str>, #[case] expected: bool) {
        assert_eq!(uses_instance_metadata(|_| value.map(str::to_owned)), expected);
    }
}
