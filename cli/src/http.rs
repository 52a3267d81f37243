//! HTTP requests of the commands, with the SDK's HTTP client.

use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http::Uri;
use http_body_util::{BodyExt as _, Limited};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Time limit of [`check_server`].
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit of a request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest response that is read, in bytes.
const MAX_RESPONSE: usize = 1024 * 1024;

/// Sends requests. Follows no redirects.
#[derive(Debug, Clone)]
pub struct Http(SharedHttpConnector);

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status.
    pub status: u16,
    /// Body. Empty if it is larger than 1 MiB or incomplete.
    pub body: Vec<u8>,
}

/// A request without a response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer from {url}: {cause}")]
pub struct NoResponse {
    /// Scheme, host and port of the URL.
    pub url: String,
    /// Cause, in words.
    pub cause: String,
}

impl Default for Http {
    fn default() -> Self {
        let connector = Connector::builder().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build();
        Self(SharedHttpConnector::new(connector))
    }
}

impl Http {
    /// Sends a `POST` with a JSON body and these headers.
    ///
    /// # Errors
    ///
    /// If the server does not answer within 30 seconds, or the request is invalid.
    pub async fn post(
        &self,
        url: &Uri,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<Response, NoResponse> {
        let no_response = |cause: String| NoResponse { url: origin(url), cause };
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST").map_err(|error| no_response(error.to_string()))?;
        request.set_uri(url.to_string()).map_err(|error| no_response(error.to_string()))?;
        for (name, value) in headers.iter().chain(&[("content-type", "application/json".to_owned())]) {
            let set = request.headers_mut().try_insert(*name, value.clone());
            set.map_err(|_| no_response(format!("the header {name} has an invalid value")))?;
        }
        let deadline = Instant::now() + TIMEOUT;
        let response = timeout_at(deadline, self.0.call(request)).await;
        let response = response.map_err(|_| no_response(format!("no answer within {} seconds", TIMEOUT.as_secs())))?;
        let response = response.map_err(|error| no_response(innermost(&error)))?;
        let status = response.status().as_u16();
        // The status is the answer, even if the body is too large or incomplete.
        let body = timeout_at(deadline, Limited::new(response.into_body(), MAX_RESPONSE).collect()).await;
        let body = body.ok().and_then(Result::ok).map(|body| body.to_bytes().into()).unwrap_or_default();
        Ok(Response { status, body })
    }
}

/// Parses the URL of a server.
///
/// # Errors
///
/// If the text is not a URL of HTTP with a host.
pub fn parse_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
    match (url.scheme_str(), url.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(url),
        _ => Err("expected a URL that starts with http:// or https://".to_owned()),
    }
}

/// Checks that a server accepts connections, without a request.
///
/// # Errors
///
/// If there is no connection within 5 seconds.
pub async fn check_server(url: &Uri) -> Result<(), NoResponse> {
    let no_response = |cause: String| NoResponse { url: origin(url), cause };
    let default_port = if url.scheme_str() == Some("https") { 443 } else { 80 };
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let connect = TcpStream::connect((host, url.port_u16().unwrap_or(default_port)));
    match tokio::time::timeout(CONNECT_TIMEOUT, connect).await {
        Ok(result) => result.map(drop).map_err(|error| no_response(error.to_string())),
        Err(_) => Err(no_response(format!("no connection within {} seconds", CONNECT_TIMEOUT.as_secs()))),
    }
}

/// Whether the host of a URL is this machine.
#[must_use]
pub fn is_loopback(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

/// Scheme, host and port. The path and the user can contain a token.
#[must_use]
pub fn origin(url: &Uri) -> String {
    let port = url.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default())
}

/// The last cause of an error: the most specific one.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn status_counts_without_its_whole_body() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read(&mut [0; 1024]).await;
            connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\nstart").await.unwrap();
        });
        let response = Http::default().post(&url, &[], b"{}").await;
        assert_eq!(response, Ok(Response { status: 200, body: Vec::new() }));
    }

    #[rstest]
    #[case("http://127.0.0.1:7700/webhooks", true)]
    #[case("http://localhost/", true)]
    #[case("http://[::1]:7700/", true)]
    #[case("https://example.com/127.0.0.1", false)]
    #[case("http://127.0.0.1@example.com/", false)]
    #[case("http://127.0.0.1.example.com/", false)]
    #[case("http://localhost.example.com/", false)]
    #[case("/webhooks", false)]
    fn loopback_is_decided_by_the_host(#[case] url: Uri, #[case] expected: bool) {
        assert_eq!(is_loopback(&url), expected);
    }

    #[rstest]
    #[case("nonsense")]
    #[case("127.0.0.1:7700")]
    #[case("ftp://127.0.0.1/")]
    #[case("http://")]
    fn url_without_scheme_or_host_is_rejected(#[case] text: &str) {
        assert!(parse_url(text).is_err());
        assert_eq!(parse_url("https://127.0.0.1/x").unwrap().path(), "/x");
    }

    #[tokio::test]
    async fn server_is_checked_without_a_request() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/x", listener.local_addr().unwrap()).parse().unwrap();
        check_server(&url).await.unwrap();
        drop(listener);
        assert!(check_server(&url).await.is_err());
    }

    #[tokio::test]
    async fn error_names_the_server_and_neither_path_nor_user() {
        // Port 1 is reserved; nothing listens there.
        let url = "http://user:password@127.0.0.1:1/token".parse().unwrap();
        let error = Http::default().post(&url, &[], b"{}").await.unwrap_err();
        assert_eq!(error.to_string(), "no answer from http://127.0.0.1:1: Connection refused (os error 111)");
    }
}
