//! A directory at an HTTPS endpoint of the studio. Questions are forwarded unchanged, with our own signature.

use std::time::Duration;

use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;
use lambda_http::http::{Request, Uri, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use tokio::sync::OnceCell;
use xsolla::{Question, Reply};

use crate::aws::{GET_SECRET_VALUE, secret_text};
use crate::ports::PortError;
use crate::settings::KeySetting;

/// Time limit of one attempt, from connecting to the last byte of the response. Two fit into
/// [`crate::accept::DEADLINE`].
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(800);

/// Largest accepted response, in bytes.
const MAX_RESPONSE: usize = 1024 * 1024;

const POST: &str = "POST to the endpoint of USER_DIRECTORY";

/// An endpoint, and the key that signs requests to it.
#[derive(Debug, Clone)]
pub(super) struct EndpointDirectory {
    url: Uri,
    key: Key,
    http: SharedHttpConnector,
}

#[derive(Debug, Clone)]
enum Key {
    Given(SecretString),
    SecretsManager { client: aws_sdk_secretsmanager::Client, secret_id: String, cached: OnceCell<SecretString> },
}

/// A failed attempt, with its cause.
enum AttemptError {
    /// A retry may succeed.
    Retryable(String),
    /// The endpoint's response is invalid. A retry would return the same.
    Final(String),
}

impl EndpointDirectory {
    pub(super) fn new(url: Uri, key: KeySetting, config: &SdkConfig) -> Self {
        let key = match key {
            KeySetting::Given(key) => Key::Given(key),
            KeySetting::SecretsManager(secret_id) => {
                let client = aws_sdk_secretsmanager::Client::new(config);
                Key::SecretsManager { client, secret_id, cached: OnceCell::new() }
            }
        };
        // The SDK's connector, so that the binary has one HTTP and TLS stack.
        let http = Connector::builder().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build();
        Self { url, key, http: SharedHttpConnector::new(http) }
    }

    /// Returns the key. Reads it on the first call, and again after a failed read.
    pub(super) async fn key(&self) -> Result<&SecretString, PortError> {
        match &self.key {
            Key::Given(key) => Ok(key),
            Key::SecretsManager { client, secret_id, cached } => {
                let read_key = async || match secret_text(client, secret_id).await? {
                    empty if empty.is_empty() => {
                        let cause = "the key for the endpoint of USER_DIRECTORY is empty".to_owned();
                        Err(PortError { operation: GET_SECRET_VALUE, cause })
                    }
                    text => Ok(SecretString::from(text)),
                };
                cached.get_or_try_init(read_key).await
            }
        }
    }

    /// Forwards a question. Retries once after a failed connection, a timeout or a 5xx, if the question allows it.
    pub(super) async fn reply(&self, question: Question, type_name: &str, body: &[u8]) -> Result<Reply, PortError> {
        let key = self.key().await?;
        let attempt = async || {
            let request = self.request(type_name, body, key, Timestamp::now());
            self.attempt(question, request.map_err(AttemptError::Final)?).await
        };
        let reply = match attempt().await {
            Err(AttemptError::Retryable(cause)) if question.is_idempotent() => {
                tracing::warn!(cause, "request to the endpoint of USER_DIRECTORY failed, retrying");
                attempt().await
            }
            reply => reply,
        };
        reply.map_err(|error| match error {
            AttemptError::Retryable(cause) | AttemptError::Final(cause) => PortError { operation: POST, cause },
        })
    }

    fn request(&self, type_name: &str, body: &[u8], key: &SecretString, now: Timestamp) -> Result<HttpRequest, String> {
        let timestamp = now.as_second();
        let request = Request::post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-webhook-type", type_name)
            .header("x-webhook-timestamp", timestamp)
            .header("x-webhook-signature", signature(key, timestamp, body)?)
            .body(SdkBody::from(body));
        let request = request.map_err(|error| error.to_string())?;
        HttpRequest::try_from(request).map_err(|error| error.to_string())
    }

    /// Sends one request. Redirects are not followed: they are not a valid reply.
    async fn attempt(&self, question: Question, mut request: HttpRequest) -> Result<Reply, AttemptError> {
        let connection = CaptureSmithyConnection::new();
        request.add_extension(connection.clone());
        let response = tokio::time::timeout(ATTEMPT_TIMEOUT, self.send(request)).await;
        let timed_out =
            |_| Err(AttemptError::Retryable(format!("no response within {} ms", ATTEMPT_TIMEOUT.as_millis())));
        match response.unwrap_or_else(timed_out) {
            Ok((status, body)) if status < 500 => {
                question.parse_response(status, &body).map_err(|error| AttemptError::Final(error.to_string()))
            }
            failed => {
                // Connections die while Lambda freezes the function: the retry opens a new one.
                if let Some(connection) = connection.get() {
                    connection.poison();
                }
                Err(failed
                    .map_or_else(|error| error, |(status, _)| AttemptError::Retryable(format!("status {status}"))))
            }
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<(u16, Vec<u8>), AttemptError> {
        let response = self.http.call(request).await;
        let response = response.map_err(|error| AttemptError::Retryable(DisplayErrorContext(error).to_string()))?;
        let status = response.status().as_u16();
        match Limited::new(response.into_body(), MAX_RESPONSE).collect().await {
            Ok(body) => Ok((status, body.to_bytes().into())),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(AttemptError::Final(format!("status {status}, body larger than {MAX_RESPONSE} bytes")))
            }
            Err(error) => Err(AttemptError::Retryable(format!("status {status}, incomplete body: {error}"))),
        }
    }
}

/// Hexadecimal HMAC-SHA256 of `<timestamp>.<body>`. The signed time prevents replay attacks.
fn signature(key: &SecretString, timestamp: i64, body: &[u8]) -> Result<String, String> {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).map_err(|error| error.to_string())?;
    let mac = mac.chain_update(timestamp.to_string()).chain_update(b".").chain_update(body);
    Ok(hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's `hmac`.
    #[test]
    fn signature_covers_time_and_body() {
        for (key, timestamp, body, hex) in [
            (
                "test_key",
                1_795_303_867,
                r#"{"a":1}"#,
                "a01794a3f31dd9879364b0b3d438ee709179da2c5cd20c3655b4a7abf9a45b35",
            ),
            (
                "test_key",
                1_795_303_868,
                r#"{"a":1}"#,
                "b3d5433a2e5863fd88724417666c0e5a9536aba6b8c4c4f4e45d51e23defc37a",
            ),
            ("key", 0, "", "85841b4efc3cd7776c3c8f9b7cca9e281c550e5d19889d78e9e669c6337f000d"),
        ] {
            assert_eq!(signature(&SecretString::from(key), timestamp, body.as_bytes()).unwrap(), hex);
        }
    }

    #[test]
    fn two_attempts_fit_into_the_deadline() {
        assert!(2 * ATTEMPT_TIMEOUT < crate::accept::DEADLINE);
    }
}
