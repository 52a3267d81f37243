//! Functions behind API Gateway: run a flow on each request, and write its log line.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lambda_http::aws_lambda_events::apigw::ApiGatewayProxyResponse;
use lambda_http::http::{HeaderValue, header};
use lambda_runtime::{Error, LambdaEvent};
use xsolla::model::Json;

use super::proxy::ProxyRequest;
use super::runtime::{serve, trace_of};
use crate::accept::{DEADLINE, DeliveryReport};
use crate::outcome::Outcome;
use crate::telemetry::WebhookLog;
use crate::trace::TraceHeader;

/// A flow behind API Gateway.
pub trait HttpFlow: Send + Sync {
    /// Processes a request.
    fn process<'a>(&self, request: Request<'a>) -> impl Future<Output = DeliveryReport<'a>> + Send;
}

/// A request with its decoded body.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The proxy event.
    pub(super) event: &'a ProxyRequest,
    /// The body as Xsolla sent it.
    pub(super) body: &'a [u8],
    /// Time of receipt.
    pub(super) received_at: Timestamp,
    /// X-Ray trace of the request.
    pub(super) trace: Option<&'a TraceHeader>,
    /// Time until the answer must be sent.
    pub(super) time_left: Duration,
}

/// Runs a function until Lambda stops it.
pub(super) async fn run(flow: impl HttpFlow + 'static) -> Result<(), Error> {
    let flow = Arc::new(flow);
    serve(move |event: LambdaEvent<ProxyRequest>| {
        let flow = Arc::clone(&flow);
        async move {
            let trace = trace_of(&event.context);
            let (response, log) = handle(&*flow, &event.payload, trace.as_ref(), Timestamp::now(), DEADLINE).await;
            log.write(&event.context.request_id, trace.as_ref());
            response
        }
    })
    .await
}

/// Processes one request. Returns the answer and the log line.
pub async fn handle(
    flow: &impl HttpFlow,
    event: &ProxyRequest,
    trace: Option<&TraceHeader>,
    received_at: Timestamp,
    time_left: Duration,
) -> (ApiGatewayProxyResponse, WebhookLog) {
    let started = Instant::now();
    let body = event.body();
    let report = match &body {
        Ok(body) => flow.process(Request { event, body, received_at, trace, time_left }).await,
        Err(reason) => DeliveryReport::from(Outcome::Unavailable(*reason)),
    };
    (response(&report), WebhookLog::new(&report, received_at, started.elapsed()))
}

fn response(report: &DeliveryReport<'_>) -> ApiGatewayProxyResponse {
    let answer = report.outcome.answer();
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = answer.status().into();
    if let Some(body) = report.content.as_ref().map(Json::get).or(answer.body()) {
        response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.body = Some(body.into());
    }
    response
}
