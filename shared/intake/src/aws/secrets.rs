//! Where the webhook secrets come from.

use aws_sdk_secretsmanager::Client;
use xsolla::Secrets;

use super::port_error;
use crate::ports::{PortError, SecretStore};

const GET_SECRET_VALUE: &str = "secretsmanager:GetSecretValue";

/// A source of webhook secrets.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// Given in the environment: for local runs.
    Fixed(Secrets),
    /// A secret in Secrets Manager, whose text [`Secrets::parse`] reads.
    SecretsManager {
        /// Reads it.
        client: Client,
        /// Its name or ARN.
        secret_id: String,
    },
}

impl SecretStore for SecretSource {
    async fn read(&self) -> Result<Secrets, PortError> {
        let (client, secret_id) = match self {
            Self::Fixed(secrets) => return Ok(secrets.clone()),
            Self::SecretsManager { client, secret_id } => (client, secret_id),
        };
        let value = client
            .get_secret_value()
            .secret_id(secret_id)
            .send()
            .await
            .map_err(|error| port_error(GET_SECRET_VALUE, &error))?;
        Secrets::parse(value.secret_string().unwrap_or_default())
            .map_err(|error| PortError { operation: GET_SECRET_VALUE, cause: error.to_string() })
    }
}
