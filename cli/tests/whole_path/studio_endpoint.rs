//! A server in place of the studio's HTTPS endpoint. It verifies each request, and returns the replies of a test.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use intake::settings::{DirectorySetting, KeySetting};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The key that signs questions.
pub const KEY: &str = "endpoint key";

/// A reply of the endpoint.
#[derive(Debug, Clone)]
pub enum Reply {
    Response(u16, String),
    Redirect,
    /// No reply for the duration of the test.
    Hang,
}

pub fn reply(status: u16, body: &str) -> Reply {
    Reply::Response(status, body.to_owned())
}

/// The setting for an endpoint with this URL.
pub fn endpoint_setting(url: &str) -> DirectorySetting {
    DirectorySetting::parse(&format!("http:{url}"), Some(KeySetting::Given(KEY.into()))).unwrap()
}

#[derive(Clone)]
pub struct StudioEndpoint {
    pub url: String,
    /// The replies to come. The last one is repeated.
    replies: Arc<Mutex<Vec<Reply>>>,
    /// The bodies of all correctly signed questions.
    questions: Arc<Mutex<Vec<Bytes>>>,
    /// The headers and body of the last one.
    last_request: Arc<Mutex<Value>>,
}

impl StudioEndpoint {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/questions?game=isle", listener.local_addr().unwrap());
        let endpoint = Self { url, replies: Arc::default(), questions: Arc::default(), last_request: Arc::default() };
        let router = Router::new().fallback(Self::answer).with_state(endpoint.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        endpoint
    }

    /// Sets the replies to the next questions, and forgets the previous questions.
    pub fn set_replies(&self, replies: &[Reply]) {
        *self.replies.lock().unwrap() = replies.to_vec();
        self.questions.lock().unwrap().clear();
    }

    pub fn question_count(&self) -> usize {
        self.questions().len()
    }

    pub fn questions(&self) -> Vec<Bytes> {
        self.questions.lock().unwrap().clone()
    }

    /// The last correctly signed question: its `headers` and `body`.
    pub fn last_request(&self) -> Value {
        self.last_request.lock().unwrap().clone()
    }

    async fn answer(
        State(endpoint): State<Self>,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        let is_well_formed = method == Method::POST
            && uri == "/questions?game=isle"
            && headers[header::CONTENT_TYPE] == "application/json"
            && headers["x-webhook-type"] == type_of(&body);
        if !is_well_formed || !is_signed(&headers, &body) {
            return StatusCode::IM_A_TEAPOT.into_response();
        }
        // In the form of the documentation. HTTP frameworks ignore the case of a name.
        let header = |name: &str| (name.to_owned(), headers[name].to_str().unwrap().into());
        let signed = ["X-Webhook-Type", "X-Webhook-Timestamp", "X-Webhook-Signature"].map(header);
        *endpoint.last_request.lock().unwrap() =
            json!({ "headers": Value::Object(signed.into_iter().collect()), "body": String::from_utf8_lossy(&body) });
        endpoint.questions.lock().unwrap().push(body);
        let reply = {
            let mut replies = endpoint.replies.lock().unwrap();
            if replies.len() > 1 { replies.remove(0) } else { replies[0].clone() }
        };
        match reply {
            Reply::Response(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
            Reply::Redirect => {
                (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, endpoint.url.clone())]).into_response()
            }
            Reply::Hang => std::future::pending().await,
        }
    }
}

/// The type of a question. The body of a Web Shop's question does not contain it.
fn type_of(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    body["notification_type"].as_str().unwrap_or("web_shop_user_validation").to_owned()
}

fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let text = |name: &str| headers[name].to_str().unwrap();
    let timestamp = text("x-webhook-timestamp");
    let age = Timestamp::now().as_second() - timestamp.parse::<i64>().unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    let signature = hex::decode(text("x-webhook-signature")).unwrap();
    let verified = mac
        .chain_update(format!("{timestamp}.{}.", text("x-webhook-type")))
        .chain_update(body)
        .verify_slice(&signature);
    (-1..60).contains(&age) && verified.is_ok()
}

/// What a raw endpoint does after its first response.
pub enum Connection {
    Close,
    /// Keeps the connection open, and ignores further requests.
    Hang,
}

/// A server that sends these bytes in response to the first request of each connection. Returns its URL.
pub async fn raw_endpoint(response: &'static str, then: Connection) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/questions", listener.local_addr().unwrap());
    let hang = matches!(then, Connection::Hang);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"}\n") && connection.read_buf(&mut request).await.unwrap() > 0 {}
                connection.write_all(response.as_bytes()).await.unwrap();
                if hang {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    url
}
