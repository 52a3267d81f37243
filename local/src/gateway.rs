//! What API Gateway does in front of the functions: paths, the proxy event, and 503 for whatever it would refuse.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header, request};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use intake::accept::{AcceptedTypes, Intake, SourcePolicy};
use intake::aws::{Events, SecretSource};
use intake::directory::Directory;
use intake::lambda;
use intake::lambda::proxy::ProxyRequest;
use intake::lambda::unsigned::ROUTES;
use intake::secrets::SecretCache;
use intake::unsigned::UnsignedIntake;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tracing::Level;
use xsolla::{Answer, NotificationType, Secrets};

/// The types whose functions are deployed apart, as in `template.yaml`: each behind `/webhooks/<type>`.
pub const OWN_FUNCTION: &[NotificationType] = &[
    NotificationType::PAYMENT,
    NotificationType::REFUND,
    NotificationType::PARTIAL_REFUND,
    NotificationType::ORDER_PAID,
    NotificationType::ORDER_CANCELED,
    NotificationType::USER_VALIDATION,
];

/// API Gateway's largest payload, in bytes.
const MAX_PAYLOAD: usize = 10 * 1024 * 1024;

/// Within Xsolla's 3 seconds, but with more patience than the functions have: see [`crate::stack`].
const TIME: Duration = Duration::from_millis(2800);

type Function = Intake<Events, Directory, SecretSource>;
type UnsignedFunction = UnsignedIntake<Events, Directory, SecretSource>;

/// Where a request goes.
enum Route<'a> {
    Webhook(&'a Function),
    /// With the route as `template.yaml` writes it, and the key in the path.
    Unsigned(&'a UnsignedFunction, &'static str, &'a str),
}

/// The functions behind their paths.
#[derive(Debug)]
pub struct Gateway {
    front_door: Function,
    own: Vec<(String, Function)>,
    unsigned: Option<UnsignedFunction>,
}

impl Gateway {
    /// All functions on the same table, directory, secrets and addresses; the one for what is not signed, only with a key.
    #[must_use]
    pub fn new(
        events: &Events,
        directory: &Directory,
        secrets: &SecretSource,
        sources: &SourcePolicy,
        unsigned_key: Option<Secrets>,
    ) -> Self {
        let function = |accepted_types| Intake {
            accepted_types,
            events: events.clone(),
            directory: Some(directory.clone()),
            secrets: SecretCache::new(secrets.clone()),
            sources: sources.clone(),
        };
        let own =
            |only: &NotificationType| (format!("/webhooks/{}", only.name()), function(AcceptedTypes::Only(*only)));
        let unsigned = unsigned_key.map(|key| UnsignedIntake {
            events: events.clone(),
            directory: directory.clone(),
            keys: SecretCache::new(SecretSource::Fixed(key)),
            sources: sources.ranges.clone(),
        });
        Self { front_door: function(AcceptedTypes::All), own: OWN_FUNCTION.iter().map(own).collect(), unsigned }
    }

    fn route<'a>(&'a self, method: &Method, path: &'a str) -> Option<Route<'a>> {
        if method != Method::POST {
            return None;
        }
        if let Some(function) = &self.unsigned
            && let Some((route, key)) = ROUTES.iter().find_map(|(route, _)| Some((*route, key(route, path)?)))
        {
            return Some(Route::Unsigned(function, route, key));
        }
        if let Some((_, function)) = self.own.iter().find(|(own, _)| own == path) {
            return Some(Route::Webhook(function));
        }
        let segment = path.strip_prefix("/webhooks/").filter(|segment| !segment.is_empty() && !segment.contains('/'));
        (path == "/webhooks" || segment.is_some()).then_some(Route::Webhook(&self.front_door))
    }
}

/// What stands in the place of `{key}`, if the path takes this route.
fn key<'a>(route: &str, path: &'a str) -> Option<&'a str> {
    let (before, behind) = route.split_once("{key}")?;
    let key = path.strip_prefix(before)?.strip_suffix(behind)?;
    (!key.is_empty() && !key.contains('/')).then_some(key)
}

/// Serves until the task is aborted.
pub(crate) async fn serve(listener: TcpListener, gateway: Arc<Gateway>) {
    let router = Router::new().fallback(route).with_state(gateway);
    if let Err(error) = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await {
        tracing::error!(%error, "the HTTP port has stopped");
    }
}

async fn route(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let route = gateway.route(&head.method, head.uri.path());
    let body = to_bytes(body, MAX_PAYLOAD).await;
    let (Some(route), Ok(body)) = (route, body) else {
        // Behind it there may be a key.
        let path = if head.uri.path().starts_with("/unsigned/") { "/unsigned/…" } else { head.uri.path() };
        tracing::warn!("503 not served: {} {path}", head.method);
        return not_served();
    };
    let Ok(event) = proxy_event(&head, &route, peer, &body) else { return not_served() };
    let (response, line) = match route {
        Route::Webhook(function) => lambda::webhook::handle(function, &event, None, Timestamp::now(), TIME).await,
        Route::Unsigned(function, ..) => lambda::unsigned::handle(function, &event, None, Timestamp::now(), TIME).await,
    };
    match line.level() {
        Level::ERROR => tracing::error!("{line}"),
        Level::WARN => tracing::warn!("{line}"),
        _ => tracing::info!("{line}"),
    }
    as_http(response)
}

/// The event that a REST API with binary media types sends, read from its JSON: this is the road of the deployed functions.
fn proxy_event(
    head: &request::Parts,
    route: &Route<'_>,
    peer: SocketAddr,
    body: &[u8],
) -> serde_json::Result<ProxyRequest> {
    let (resource, path_parameters) = match route {
        Route::Webhook(_) => (head.uri.path(), Value::Null),
        Route::Unsigned(_, route, key) => (*route, json!({ "key": key })),
    };
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let values = |name| head.headers.get_all(name).iter().map(text).collect::<Vec<_>>();
    let names = || head.headers.keys().map(|name| (name.to_string(), values(name)));
    let event = json!({
        "resource": resource,
        "pathParameters": path_parameters,
        "path": head.uri.path(),
        "httpMethod": head.method.as_str(),
        "headers": names().map(|(name, values)| (name, json!(values.last()))).collect::<Value>(),
        "multiValueHeaders": names().map(|(name, values)| (name, json!(values))).collect::<Value>(),
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

fn as_http(response: ApiGatewayProxyResponse) -> Response {
    let status = u16::try_from(response.status_code).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let body = response.body.map_or_else(Body::empty, |body| Body::from(body.to_vec()));
    (status.unwrap_or(StatusCode::BAD_GATEWAY), response.headers, body).into_response()
}

/// What the template's gateway responses answer to all that never reaches a function.
fn not_served() -> Response {
    let body = Answer::ServiceUnavailable.body().unwrap_or_default();
    (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
