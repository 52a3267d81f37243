//! Emulation of API Gateway: routes, the proxy event, and 503 for requests that match no route.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header, request};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use intake::accept::{AcceptedTypes, Intake, SourcePolicy};
use intake::aws::{Events, SecretSource};
use intake::directory::Directory;
use intake::lambda;
use intake::lambda::proxy::ProxyRequest;
use intake::lambda::unsigned::ROUTES;
use intake::secrets::SecretCache;
use intake::telemetry::WebhookLog;
use intake::unsigned::UnsignedIntake;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tracing::Level;
use xsolla::{Answer, NotificationType, Secrets};

use crate::console::Console;
use crate::envelope::with_envelope;
use crate::guard::Guard;
use crate::journal::{Delivery, Journal};
use crate::log_line;

/// Types that `template.yaml` can deploy as separate functions, each at `/webhooks/<type>`.
pub const SEPARATE_FUNCTIONS: &[NotificationType] = &[
    NotificationType::PAYMENT,
    NotificationType::REFUND,
    NotificationType::PARTIAL_REFUND,
    NotificationType::ORDER_PAID,
    NotificationType::ORDER_CANCELED,
    NotificationType::USER_VALIDATION,
];

/// API Gateway's payload limit, in bytes.
const MAX_PAYLOAD: usize = 10 * 1024 * 1024;

/// Time limit of one invocation: longer than the deployed functions', shorter than Xsolla's 3 seconds.
const TIME_LIMIT: Duration = Duration::from_millis(2800);

/// A Lambda function of the stack.
enum Function {
    Webhook(Intake<Events, Directory, SecretSource>),
    Unsigned(UnsignedIntake<Events, Directory, SecretSource>),
}

/// A route's function, and the journal of its requests.
struct Target {
    function: Function,
    journal: Arc<Journal>,
}

/// The functions and their routes.
#[derive(Debug)]
pub struct Gateway {
    router: Router,
}

impl Gateway {
    /// Routes requests to functions that share one table, directory, set of secrets and source policy.
    ///
    /// The unsigned routes exist only with an `unsigned_key`.
    #[must_use]
    pub fn new(
        events: &Events,
        directory: &Directory,
        secrets: &SecretSource,
        sources: &SourcePolicy,
        unsigned_key: Option<Secrets>,
        journal: &Arc<Journal>,
    ) -> Self {
        let route_to = |function| route_to(Target { function, journal: Arc::clone(journal) });
        let webhook = |accepted_types| {
            route_to(Function::Webhook(Intake {
                accepted_types,
                events: events.clone(),
                directory: Some(directory.clone()),
                secrets: SecretCache::new(secrets.clone()),
                sources: sources.clone(),
            }))
        };
        let all_types = webhook(AcceptedTypes::All);
        let mut router = Router::new().route("/webhooks", all_types.clone()).route("/webhooks/{type}", all_types);
        for only in SEPARATE_FUNCTIONS {
            router = router.route(&format!("/webhooks/{}", only.name()), webhook(AcceptedTypes::Only(*only)));
        }
        if let Some(key) = unsigned_key {
            let unsigned = route_to(Function::Unsigned(UnsignedIntake {
                events: events.clone(),
                directory: directory.clone(),
                keys: SecretCache::new(SecretSource::Fixed(key)),
                sources: sources.ranges.clone(),
            }));
            for (route, _) in ROUTES {
                router = router.route(route, unsigned.clone());
            }
        }
        Self { router: router.fallback(no_route) }
    }

    /// Serves until the task is aborted.
    pub(crate) async fn serve(self, listener: TcpListener, guard: Guard, console: Option<Console>) {
        let webhooks = guard.protect(self.router);
        let router = match console {
            Some(console) => webhooks.merge(console.router()),
            None => webhooks,
        };
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        if let Err(error) = axum::serve(listener, service).await {
            tracing::error!(%error, "webhook port stopped");
        }
    }
}

fn route_to(target: Target) -> MethodRouter {
    // With `post` alone, axum would answer other methods with 405, and add an `Allow` header to a fallback's answer.
    any(no_route).post(invoke).with_state(Arc::new(target))
}

async fn invoke(
    State(target): State<Arc<Target>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    route: MatchedPath,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = match to_bytes(body, MAX_PAYLOAD).await {
        Ok(body) => body,
        Err(error) => {
            tracing::warn!("503 body_unreadable {}: {error}", log_line::path(&head.uri));
            return service_unavailable();
        }
    };
    let Ok(event) = proxy_event(&head, route.as_str(), peer, &body) else { return service_unavailable() };
    let (response, line) = match &target.function {
        Function::Webhook(intake) => {
            lambda::api_gateway::handle(intake, &event, None, Timestamp::now(), TIME_LIMIT).await
        }
        Function::Unsigned(intake) => {
            lambda::api_gateway::handle(intake, &event, None, Timestamp::now(), TIME_LIMIT).await
        }
    };
    let mut delivery = delivery(&target, &line, &body);
    if delivery.outcome == "invalid_signature" && matches!(target.function, Function::Webhook(_)) {
        let authorization = head.headers.get_all(header::AUTHORIZATION).iter();
        let authorization = authorization.filter_map(|value| Some(value.to_str().ok()?.to_owned())).collect();
        delivery.reason = Some(target.journal.explain(authorization, body.clone()).await);
    }
    let text = log_line::webhook(&delivery, &log_line::path(&head.uri), &body);
    match line.level() {
        Level::ERROR => tracing::error!("{text}"),
        Level::WARN => tracing::warn!("{text}"),
        _ => tracing::info!("{text}"),
    }
    target.journal.add(delivery, &log_line::path(&head.uri), &body);
    to_http(response)
}

/// The entry of the journal. After a wrong signature or key, it has nothing from the body.
fn delivery(target: &Target, line: &WebhookLog, body: &Bytes) -> Delivery {
    let line = serde_json::to_value(line).unwrap_or_default();
    let text = |name: &str| line[name].as_str().map(str::to_owned);
    let status = line["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
    let is_webhook = matches!(target.function, Function::Webhook(_));
    let is_authenticated = line["notification_type"].is_string();
    let mut delivery = Delivery {
        number: 0,
        at: Timestamp::now(),
        status,
        outcome: text("outcome").unwrap_or_default(),
        r#type: text("unknown_type").or_else(|| text("notification_type")),
        event_id: text("event_id"),
        user: None,
        order: None,
        mode: text("mode"),
        reason: None,
    };
    if is_webhook && is_authenticated {
        with_envelope(body, |envelope| {
            delivery.user = envelope.user_id().map(str::to_owned);
            delivery.order = envelope.order_id().map(str::to_owned);
        });
    }
    delivery.reason = match delivery.outcome.as_str() {
        // Answers about a user.
        "user_not_found" | "not_found" => None,
        outcome if status >= 400 => text("error").or_else(|| Some(refusal_reason(outcome).to_owned())),
        _ => None,
    };
    delivery
}

/// Why a webhook with this outcome was refused, if no call failed.
fn refusal_reason(outcome: &str) -> &'static str {
    match outcome {
        "unreadable" => "the body is no notification with a type",
        "unexpected_type" => "the path accepts another type",
        "no_directory" => "no directory answers this question",
        "unknown_source" => "the source address is not one of Xsolla's",
        "body_too_large" => "the body is larger than any webhook",
        "encoded_body" => "the body has a Content-Encoding, and does not match its signature",
        "method_not_allowed" => "the method is not POST",
        "wrong_key" => "the key in the path is not that of --unsigned-key",
        _ => "refused",
    }
}

/// The event that a REST API with binary media types sends. Parsed from JSON, as in the deployed functions.
fn proxy_event(head: &request::Parts, route: &str, peer: SocketAddr, body: &[u8]) -> serde_json::Result<ProxyRequest> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let values = |name| head.headers.get_all(name).iter().map(text).collect::<Vec<_>>();
    let headers = || head.headers.keys().map(|name| (name.to_string(), values(name)));
    let event = json!({
        "resource": route,
        "pathParameters": path_parameters(route, head.uri.path()),
        "path": head.uri.path(),
        "httpMethod": head.method.as_str(),
        "headers": headers().map(|(name, values)| (name, json!(values.last()))).collect::<Value>(),
        "multiValueHeaders": headers().map(|(name, values)| (name, json!(values))).collect::<Value>(),
        "requestContext": {
            "httpMethod": head.method.as_str(),
            "identity": { "sourceIp": peer.ip() },
            "path": head.uri.path(),
            "stage": "local",
        },
        "body": if body.is_empty() { None } else { Some(STANDARD.encode(body)) },
        "isBase64Encoded": !body.is_empty(),
    });
    serde_json::from_str(&event.to_string())
}

/// The values of a route's `{name}` segments, not percent-decoded: the printed URL contains the key as it is.
fn path_parameters<'p>(route: &'p str, path: &'p str) -> BTreeMap<&'p str, &'p str> {
    let name = |segment: &'p str| segment.strip_prefix('{')?.strip_suffix('}');
    route.split('/').zip(path.split('/')).filter_map(|(segment, value)| Some((name(segment)?, value))).collect()
}

fn to_http(response: ApiGatewayProxyResponse) -> Response {
    let status = u16::try_from(response.status_code).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let body = response.body.map_or_else(Body::empty, |body| Body::from(body.to_vec()));
    (status.unwrap_or(StatusCode::BAD_GATEWAY), response.headers, body).into_response()
}

async fn no_route(method: Method, uri: Uri) -> Response {
    let path = log_line::path(&uri);
    tracing::warn!("503 no_route  {method} {path}: webhooks are sent with POST to /webhooks or /webhooks/TYPE");
    service_unavailable()
}

/// The answer of the template's gateway responses to a request that reaches no function.
fn service_unavailable() -> Response {
    let body = Answer::ServiceUnavailable.body().unwrap_or_default();
    (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
