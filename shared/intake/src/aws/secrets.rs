//! Sources of the webhook secrets and of the keys of the unsigned routes.

use aws_sdk_secretsmanager::Client;
use aws_types::SdkConfig;
use xsolla::Secrets;

use super::error::port_error;
use crate::ports::{PortError, SecretStore};
use crate::settings::{SecretsSetting, remedy};

pub(crate) const GET_SECRET_VALUE: &str = "secretsmanager:GetSecretValue";

/// A source of webhook secrets or keys.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// Secrets from the environment, for local runs.
    Fixed(Secrets),
    /// A secret in Secrets Manager with webhook secrets as text.
    SecretsManager {
        /// The client.
        client: Client,
        /// Name or ARN of the secret.
        secret_id: String,
    },
}

impl SecretSource {
    /// Creates a source from a setting.
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
    type Value = Secrets;

    async fn read(&self) -> Result<Secrets, PortError> {
        let (client, secret_id) = match self {
            Self::Fixed(secrets) => return Ok(secrets.clone()),
            Self::SecretsManager { client, secret_id } => (client, secret_id),
        };
        // Boxed to keep the future of a webhook small. This call happens once in five minutes.
        let text = Box::pin(secret_text(client, secret_id)).await?;
        let invalid = |cause| PortError { operation: GET_SECRET_VALUE, cause };
        let secrets = text.parse::<Secrets>().map_err(|error| invalid(error.to_string()))?;
        secrets.check_strength().map_err(|weak| invalid(remedy(weak)))?;
        Ok(secrets)
    }
}

/// Reads the text of a secret. A secret without a text value is an empty text.
pub(crate) async fn secret_text(client: &Client, secret_id: &str) -> Result<String, PortError> {
    let value = client.get_secret_value().secret_id(secret_id).send().await;
    let value = value.map_err(|error| port_error(GET_SECRET_VALUE, &error))?;
    Ok(value.secret_string.unwrap_or_default())
}
