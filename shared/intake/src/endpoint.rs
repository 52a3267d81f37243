//! The studio's own HTTPS endpoint, to which questions are forwarded as they came, signed with a key of ours.

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

/// One attempt, from connecting to the last byte of the response. Two fit into [`crate::accept::DEADLINE`].
const ATTEMPT: Duration = Duration::from_millis(800);

/// Largest response that is read, in bytes.
const MAX_RESPONSE: usize = 1024 * 1024;

const POST: &str = "POST to the endpoint of USER_DIRECTORY";

/// An endpoint, and what it takes to ask it.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    url: Uri,
    key: Key,
    http: SharedHttpConnector,
}

/// The key that the endpoint shares with us.
#[derive(Debug, Clone)]
enum Key {
    Given(SecretString),
    SecretsManager { client: aws_sdk_secretsmanager::Client, secret_id: String, read: OnceCell<SecretString> },
}

/// Why an attempt came to nothing.
enum Failure {
    /// The next one may do better.
    Passing(String),
    /// This is what the endpoint has to say.
    Final(String),
}

impl Endpoint {
    pub(crate) fn new(url: Uri, key: KeySetting, config: &SdkConfig) -> Self {
        let key = match key {
            KeySetting::Given(key) => Key::Given(key),
            KeySetting::SecretsManager(secret_id) => {
                let client = aws_sdk_secretsmanager::Client::new(config);
                Key::SecretsManager { client, secret_id, read: OnceCell::new() }
            }
        };
        // The SDK's own, so that there is one stack for HTTP and TLS.
        let http = Connector::builder().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build();
        Self { url, key, http: SharedHttpConnector::new(http) }
    }

    /// The key, read once, or again if that has failed.
    pub(crate) async fn key(&self) -> Result<&SecretString, PortError> {
        match &self.key {
            Key::Given(key) => Ok(key),
            Key::SecretsManager { client, secret_id, read } => {
                let read_key = async || match secret_text(client, secret_id).await? {
                    empty if empty.is_empty() => {
                        let cause = "the key for the endpoint of USER_DIRECTORY is empty".to_owned();
                        Err(PortError { operation: GET_SECRET_VALUE, cause })
                    }
                    text => Ok(SecretString::from(text)),
                };
                read.get_or_try_init(read_key).await
            }
        }
    }

    /// Asks the endpoint, and once more if the way there fails, it takes too long, or it answers 5xx.
    pub(crate) async fn reply(&self, question: Question, type_name: &str, body: &[u8]) -> Result<Reply, PortError> {
        let key = self.key().await?;
        let attempt = async || {
            let request = self.request(type_name, body, key, Timestamp::now());
            self.attempt(question, request.map_err(Failure::Final)?).await
        };
        let said = match attempt().await {
            Err(Failure::Passing(cause)) if question.is_idempotent() => {
                tracing::warn!(cause, "the endpoint of USER_DIRECTORY is asked again");
                attempt().await
            }
            said => said,
        };
        said.map_err(|failure| match failure {
            Failure::Passing(cause) | Failure::Final(cause) => PortError { operation: POST, cause },
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

    /// Redirects are not followed: they are answers without a meaning here.
    async fn attempt(&self, question: Question, mut request: HttpRequest) -> Result<Reply, Failure> {
        let connection = CaptureSmithyConnection::new();
        request.add_extension(connection.clone());
        let in_time = tokio::time::timeout(ATTEMPT, self.exchange(request)).await;
        let slow = |_| Err(Failure::Passing(format!("no response within {} ms", ATTEMPT.as_millis())));
        match in_time.unwrap_or_else(slow) {
            Ok((status, body)) if status < 500 => {
                question.parse_response(status, &body).map_err(|error| Failure::Final(error.to_string()))
            }
            failed => {
                // A frozen function wakes with connections that died meanwhile: the next attempt has a fresh one.
                if let Some(connection) = connection.get() {
                    connection.poison();
                }
                Err(failed.map_or_else(|failure| failure, |(status, _)| Failure::Passing(format!("status {status}"))))
            }
        }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<(u16, Vec<u8>), Failure> {
        let response = self.http.call(request).await;
        let response = response.map_err(|error| Failure::Passing(DisplayErrorContext(error).to_string()))?;
        let status = response.status().as_u16();
        match Limited::new(response.into_body(), MAX_RESPONSE).collect().await {
            Ok(body) => Ok((status, body.to_bytes().into())),
            Err(error) if error.is::<LengthLimitError>() => {
                Err(Failure::Final(format!("status {status}, and more than {MAX_RESPONSE} bytes")))
            }
            Err(error) => Err(Failure::Passing(format!("status {status}, and no whole body: {error}"))),
        }
    }
}

/// Hexadecimal HMAC-SHA256 of `<timestamp>.<body>`: the time is signed as well, so that nobody else can ask an
/// old question again.
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
    fn the_signature_covers_time_and_body() {
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
    fn two_attempts_end_before_the_answer_must_leave() {
        assert!(2 * ATTEMPT < crate::accept::DEADLINE);
    }
}
