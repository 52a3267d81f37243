//! HTTP client for the AWS SDK that injects faults between the SDK and the network.
//!
//! The SDK's retries and timeouts are therefore part of the simulation.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use http_body_util::BodyExt;
use local::FaultInjector;
use serde_json::{Value, json};

use crate::fault::{CallFault, Fault, Service};
use crate::fault_schedule::FaultSchedule;

/// Delay of a slow response: longer than the webhook function's timeout for one attempt.
const SLOW_RESPONSE: Duration = Duration::from_millis(600);

impl FaultInjector for FaultSchedule {
    fn wrap(&self, config: &SdkConfig) -> SdkConfig {
        let Some(inner) = config.http_client() else { return config.clone() };
        config.to_builder().http_client(FaultyClient { inner, faults: self.clone() }).build()
    }

    fn should_crash_relay(&self) -> bool {
        self.occurs(Fault::RelayCrash)
    }
}

#[derive(Debug)]
struct FaultyClient {
    inner: SharedHttpClient,
    faults: FaultSchedule,
}

impl HttpClient for FaultyClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(FaultyConnector { inner, faults: self.faults.clone() })
    }
}

#[derive(Debug)]
struct FaultyConnector {
    inner: SharedHttpConnector,
    faults: FaultSchedule,
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap_or_default();
        let service = if operation.starts_with("AmazonSQS") { Service::Sqs } else { Service::DynamoDb };
        let is_batch = operation.ends_with(".SendMessageBatch");
        let inner = self.inner.clone();
        match self.faults.call_fault(service, is_batch) {
            None => inner.call(request),
            Some(CallFault::LostBefore | CallFault::Outage(_)) => HttpConnectorFuture::ready(Err(connection_lost())),
            Some(CallFault::LostAfter) => HttpConnectorFuture::new(async move {
                inner.call(request).await?;
                Err(connection_lost())
            }),
            Some(CallFault::Slow) => HttpConnectorFuture::new(async move {
                let response = inner.call(request).await?;
                tokio::time::sleep(SLOW_RESPONSE).await;
                Ok(response)
            }),
            Some(CallFault::Throttled) => {
                HttpConnectorFuture::ready(response(400, &json!({"__type": "ThrottlingException"})))
            }
            Some(CallFault::ServerError) => {
                HttpConnectorFuture::ready(response(500, &json!({"__type": "InternalServerError"})))
            }
            Some(CallFault::PartialBatch) => HttpConnectorFuture::new(reject_first_message(inner, request)),
        }
    }
}

fn connection_lost() -> ConnectorError {
    ConnectorError::io("connection lost (injected fault)".into())
}

fn response(status: u16, body: &Value) -> Result<HttpResponse, ConnectorError> {
    let status = status.try_into().map_err(other)?;
    Ok(HttpResponse::new(status, SdkBody::from(body.to_string())))
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> ConnectorError {
    ConnectorError::other(error.into(), None)
}

/// Sends a batch without its first message, and adds that message to the response as failed.
async fn reject_first_message(
    inner: SharedHttpConnector,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let mut batch: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).map_err(other)?;
    let entries = batch.get_mut("Entries").and_then(Value::as_array_mut);
    let Some(entries) = entries.filter(|entries| !entries.is_empty()) else { return inner.call(request).await };
    let rejected = entries.remove(0);
    let mut output = json!({ "Successful": [], "Failed": [] });
    if !entries.is_empty() {
        let mut rest = HttpRequest::new(SdkBody::from(batch.to_string()));
        rest.set_method(request.method()).map_err(other)?;
        rest.set_uri(request.uri()).map_err(other)?;
        for (name, value) in request.headers().iter().filter(|(name, _)| *name != "content-length") {
            rest.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        let response = inner.call(rest).await?;
        if !response.status().is_success() {
            return Ok(response);
        }
        let body = response.into_body().collect().await.map_err(ConnectorError::io)?;
        output = serde_json::from_slice(&body.to_bytes()).map_err(other)?;
    }
    let failure = json!({ "Id": rejected.get("Id"), "Code": "InternalError", "SenderFault": false });
    match output.get_mut("Failed").and_then(Value::as_array_mut) {
        Some(failures) => failures.push(failure),
        None => output["Failed"] = json!([failure]),
    }
    response(200, &output)
}
