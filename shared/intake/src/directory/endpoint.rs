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
use lambda_http::http::{Request, header};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use xsolla::{Question, Reply};

use crate::aws::{GET_SECRET_VALUE, secret_text};
use crate::ports::{PortError, SecretStore};
use crate::secrets::SecretCache;
use crate::settings::{EndpointUrl, KeySetting, UrlSetting};

/// Time limit of one attempt, from connecting to the last byte of the response. Two fit into
/// [`crate::accept::DEADLINE`].
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(800);

/// Largest accepted response, in bytes.
const MAX_RESPONSE: usize = 1024 * 1024;

const POST: &str = "POST to the endpoint of USER_DIRECTORY";

/// The endpoint of the studio.
#[derive(Debug)]
pub(super) struct EndpointDirectory {
    endpoint: SecretCache<EndpointSource>,
    http: SharedHttpConnector,
}

/// Where an endpoint is, and the key that signs requests to it.
#[derive(Debug, Clone)]
struct Endpoint {
    url: EndpointUrl,
    key: SecretString,
}

/// Source of the endpoint's URL and key. Both are read together.
#[derive(Debug)]
struct EndpointSource {
    client: aws_sdk_secretsmanager::Client,
    url: UrlSetting,
    key: KeySetting,
}

impl SecretStore for EndpointSource {
    type Value = Endpoint;

    async fn read(&self) -> Result<Endpoint, PortError> {
        let url = async {
            match &self.url {
                UrlSetting::Given(url) => Ok(url.clone()),
                UrlSetting::SecretsManager(secret_id) => {
                    let text = secret_text(&self.client, secret_id).await?;
                    EndpointUrl::parse(text.trim())
                        .ok_or_else(|| invalid("URL", "does not start with https:// and a host"))
                }
            }
        };
        let key = async {
            match &self.key {
                KeySetting::Given(key) => Ok(key.clone()),
                KeySetting::SecretsManager(secret_id) => match secret_text(&self.client, secret_id).await? {
                    empty if empty.is_empty() => Err(invalid("key", "is empty")),
                    text => Ok(SecretString::from(text)),
                },
            }
        };
        let (url, key) = tokio::try_join!(url, key)?;
        Ok(Endpoint { url, key })
    }
}

/// The error of an unusable secret. It does not contain the secret.
fn invalid(name: &str, cause: &str) -> PortError {
    PortError { operation: GET_SECRET_VALUE, cause: format!("the {name} of the endpoint of USER_DIRECTORY {cause}") }
}

/// A failed attempt, with its cause.
enum AttemptError {
    /// A retry may succeed.
    Retryable(String),
    /// The endpoint's response is invalid. A retry would return the same.
    Final(String),
}

impl EndpointDirectory {
    pub(super) fn new(url: UrlSetting, key: KeySetting, config: &SdkConfig) -> Self {
        let source = EndpointSource { client: aws_sdk_secretsmanager::Client::new(config), url, key };
        // The SDK's connector, so that the binary has one HTTP and TLS stack.
        let http = Connector::builder().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build();
        Self { endpoint: SecretCache::new(source).with_immediate_retry(), http: SharedHttpConnector::new(http) }
    }

    /// Reads the URL and the key.
    pub(super) async fn warm_up(&self, now: Timestamp) -> Result<(), PortError> {
        self.endpoint.warm_up(now).await
    }

    /// Forwards a question. Retries once after a failed connection, a timeout or a 5xx, if the question allows it.
    pub(super) async fn reply(
        &self,
        question: Question,
        type_name: &str,
        body: &[u8],
        received_at: Timestamp,
    ) -> Result<Reply, PortError> {
        let endpoint = self.endpoint.current(received_at).await?;
        let attempt = async || {
            let request = endpoint.request(type_name, body, Timestamp::now());
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

impl Endpoint {
    fn request(&self, type_name: &str, body: &[u8], now: Timestamp) -> Result<HttpRequest, String> {
        let timestamp = now.as_second();
        let request = Request::post(self.url.uri().clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-webhook-type", type_name)
            .header("x-webhook-timestamp", timestamp)
            .header("x-webhook-signature", signature(&self.key, timestamp, type_name, body)?)
            .body(SdkBody::from(body));
        let request = request.map_err(|error| error.to_string())?;
        HttpRequest::try_from(request).map_err(|error| error.to_string())
    }
}

/// Hexadecimal HMAC-SHA256 of `<timestamp>.<type>.<body>`.
///
/// The signed time prevents replay attacks. The signed type prevents that one question is answered as another. No type
/// contains a `.`.
fn signature(key: &SecretString, timestamp: i64, type_name: &str, body: &[u8]) -> Result<String, String> {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).map_err(|error| error.to_string())?;
    let mac = mac.chain_update(format!("{timestamp}.{type_name}.")).chain_update(body);
    Ok(hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's `hmac`.
    #[test]
    fn signature_covers_time_type_and_body() {
        for (timestamp, type_name, body, hex) in [
            (
                1_795_303_867,
                "user_validation",
                r#"{"a":1}"#,
                "9e7bd0fabfb9eba3723e89cc94c4baad957ebc5ccd27c97e87cff0af798a4430",
            ),
            (
                1_795_303_868,
                "user_validation",
                r#"{"a":1}"#,
                "2ad3ae4f7a1d5d77955e47e79b3cb2f9d667edc13c835511fc4b90e336ce3bb7",
            ),
            (
                1_795_303_867,
                "user_search",
                r#"{"a":1}"#,
                "0f28305cf1bd3b688b71ce31a6122ccbdbd8ef92268ac4cb629f13f72ec8700c",
            ),
            (0, "user_search", "", "4309487d7b5f56fb2a0650a307754267bdf039447cee4a5b0f2b2746f174a638"),
        ] {
            assert_eq!(signature(&"test_key".into(), timestamp, type_name, body.as_bytes()).unwrap(), hex);
        }
    }

    #[test]
    fn no_type_of_a_question_contains_the_separator() {
        assert!(xsolla::NotificationType::ALL.iter().all(|known| !known.name().contains('.')));
    }

    #[test]
    fn two_attempts_fit_into_the_deadline() {
        assert!(2 * ATTEMPT_TIMEOUT < crate::accept::DEADLINE);
    }
}
