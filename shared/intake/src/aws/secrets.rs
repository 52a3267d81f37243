//! Where the webhook secrets, and the keys of the unsigned routes, come from.

use aws_sdk_secretsmanager::Client;
use aws_types::SdkConfig;
use xsolla::Secrets;

use super::port_error;
use crate::ports::{PortError, SecretStore};
use crate::settings::SecretsSetting;

pub(crate) const GET_SECRET_VALUE: &str = "secretsmanager:GetSecretValue";

/// A source of webhook secrets, or of keys.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// Given in the environment: for local runs.
    Fixed(Secrets),
    /// A secret in Secrets Manager, parsed as [`Secrets`].
    SecretsManager {
        /// Reads it.
        client: Client,
        /// Its name or ARN.
        secret_id: String,
    },
}

impl SecretSource {
    /// The source that the configuration names.
    #[must_use]
    pub fn new(setting: SecretsSetting, config: &SdkConfig) -> Self {
        match setting {
            SecretsSetting::Given(secrets) => Self::Fixed(secrets),
            SecretsSetting::SecretsManager(secret_id) => {
                Self::SecretsManager { client: Client::new(config), secret_id }
            }
        }
    }
}

impl SecretStore for SecretSource {
    async fn read(&self) -> Result<Secrets, PortError> {
        let (client, secret_id) = match self {
            Self::Fixed(secrets) => return Ok(secrets.clone()),
            Self::SecretsManager { client, secret_id } => (client, secret_id),
        };
        // Boxed, or the future of each webhook would carry that of a call which is made every five minutes.
        Box::pin(secret_text(client, secret_id))
            .await?
            .parse::<Secrets>()
            .map_err(|error| PortError { operation: GET_SECRET_VALUE, cause: error.to_string() })
    }
}

/// The text of a secret; empty as long as it has no value that is text.
pub(crate) async fn secret_text(client: &Client, secret_id: &str) -> Result<String, PortError> {
    let value = client.get_secret_value().secret_id(secret_id).send().await;
    let value = value.map_err(|error| port_error(GET_SECRET_VALUE, &error))?;
    Ok(value.secret_string.unwrap_or_default())
}
