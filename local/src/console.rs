//! The web console: a page that shows webhooks, sales and queues, of the emulator or of a deployed stack.
//!
//! All data comes from the table and the queues through SDK clients. The emulator adds its session: the webhooks as they
//! arrive, and the form that sends some.

mod data;
mod guard;
mod list;
mod pretty;
mod queues;
mod received;
mod sale;
mod send;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{StatusCode, request};
use axum::middleware::{from_fn, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, extract::State};
use intake::aws::{EventsTable, QueueUrls};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::journal::Journal;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Replaces personal data that is masked.
const MASK: &str = "***";

/// The modules of the page's script.
pub const SCRIPTS: &[(&str, &str)] = &[
    ("/app.js", include_str!("console/app.js")),
    ("/dom.js", include_str!("console/dom.js")),
    ("/events.js", include_str!("console/events.js")),
    ("/queues.js", include_str!("console/queues.js")),
    ("/received.js", include_str!("console/received.js")),
    ("/sales.js", include_str!("console/sales.js")),
    ("/send.js", include_str!("console/send.js")),
    ("/state.js", include_str!("console/state.js")),
];

/// The table and the queues that the console shows.
#[derive(Debug, Clone)]
pub struct StackData {
    /// The events table.
    pub table: EventsTable,
    /// SQS client.
    pub sqs: aws_sdk_sqs::Client,
    /// URLs of the queues.
    pub queues: QueueUrls,
}

/// The emulator's session.
#[derive(Debug)]
pub struct Session {
    /// Webhooks and messages of the session.
    pub journal: Arc<Journal>,
    /// Webhook URL of the emulator.
    pub webhook_url: String,
    /// Secret that signs the webhooks of the form.
    pub secret: String,
    /// Sends dead letters and parked events again. Returns the result in words.
    pub redrive: Redrive,
}

/// A function that sends dead letters and parked events again, and returns the result in words.
pub struct Redrive(Box<RedriveFn>);

type RedriveFn = dyn Fn() -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>> + Send + Sync;

/// The console of a stack.
#[derive(Debug)]
pub struct Console {
    data: StackData,
    /// `None`: the console is read-only, and masks personal data unless a request asks for it.
    session: Option<Session>,
    /// Permission to read the whole table: for one request at a time, because each read costs money.
    scan: Arc<Semaphore>,
}

/// An error of a request, with its status.
#[derive(Debug)]
struct Failure(StatusCode, String);

type Shared = State<Arc<Console>>;
type JsonResult = Result<Json<serde_json::Value>, Failure>;

impl Redrive {
    /// Wraps an async function.
    pub fn new<F, R>(redrive: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, String>> + Send + 'static,
    {
        Self(Box::new(move || Box::pin(redrive())))
    }
}

impl fmt::Debug for Redrive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redrive")
    }
}

impl Console {
    /// The console of a deployed stack: read-only.
    #[must_use]
    pub fn read_only(data: StackData) -> Self {
        Self { data, session: None, scan: Arc::new(Semaphore::new(1)) }
    }

    /// The console of the emulator.
    #[must_use]
    pub fn with_session(data: StackData, session: Session) -> Self {
        Self { data, session: Some(session), scan: Arc::new(Semaphore::new(1)) }
    }

    /// Serves the console alone until an error occurs.
    ///
    /// # Errors
    ///
    /// If the listener fails.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        axum::serve(listener, self.router().fallback(|| async { StatusCode::NOT_FOUND })).await
    }

    /// The routes, with their own guard.
    pub(crate) fn router(self) -> Router {
        let file = |content_type: &'static str, content: &'static str| {
            get(move || async move { ([(CONTENT_TYPE, content_type)], content) })
        };
        let pages = Router::new()
            .route("/", file("text/html; charset=utf-8", include_str!("console/index.html")))
            .route("/style.css", file("text/css; charset=utf-8", include_str!("console/style.css")));
        let router = SCRIPTS
            .iter()
            .fold(pages, |router, (path, script)| router.route(path, file("text/javascript; charset=utf-8", script)));
        router
            .route("/api/session", get(session))
            .route("/api/events", get(list::events))
            .route("/api/stream", get(list::stream))
            .route("/api/received", get(received::received))
            .route("/api/sale", get(sale::sales))
            .route("/api/queues", get(queues::queues))
            .route("/api/refused", get(list::refused))
            .route("/api/redrive", post(queues::redrive))
            .route("/api/send", post(send::send))
            .route("/api/refund", post(send::refund))
            .with_state(Arc::new(self))
            .layer(from_fn(guard::refuse_or_continue))
            .layer(map_response(with_headers))
    }

    /// Whether the answer to a request has no personal data: that of a deployed stack without `?unmasked=1`.
    fn is_masked(&self, head: &request::Parts) -> bool {
        self.session.is_none() && parameter(head, "unmasked").as_deref() != Some("1")
    }

    /// The session, which commands need.
    fn session(&self) -> Result<&Session, Failure> {
        let read_only = || Failure(StatusCode::FORBIDDEN, "this console is read-only".to_owned());
        self.session.as_ref().ok_or_else(read_only)
    }
}

/// What the page needs at its start.
async fn session(State(console): Shared) -> JsonResult {
    let samples: Vec<_> = xsolla::samples::ALL
        .iter()
        .chain(xsolla::samples::MALFORMED)
        .map(|sample| json!({ "name": sample.name, "body": sample.body.trim_end() }))
        .collect();
    let session = console.session.as_ref();
    Ok(Json(json!({
        "table": console.data.table.name,
        "queue": console.data.queues.events,
        "webhook_url": session.map(|session| &session.webhook_url),
        "is_live": session.is_some(),
        "samples": if session.is_some() { samples } else { Vec::new() },
        "sample_ids": crate::demo::SAMPLE_IDS,
    })))
}

async fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl Failure {
    fn unavailable(error: impl fmt::Display) -> Self {
        let text = error.to_string();
        // The rest is the SDK's debug output.
        let text = text.split(" (DispatchFailure(").next().unwrap_or_default();
        Self(StatusCode::BAD_GATEWAY, text.to_owned())
    }
}

/// The value of a parameter in the query of a URL.
fn parameter(head: &request::Parts, name: &str) -> Option<String> {
    let url = form_urlencoded::parse(head.uri.query()?.as_bytes());
    url.into_owned().find(|(key, _)| key == name).map(|(_, value)| value)
}
