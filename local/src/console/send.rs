//! The form that sends webhooks to the emulator as Xsolla does.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use intake::record::StoredEvent;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use xsolla::{NotificationType, json_text, sign};

use super::data::{Query, is_event, stored_event};
use super::{Failure, JsonResult, Session, Shared};

/// How the form signs a webhook.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SignWith {
    /// The secret of the stack.
    Secret,
    /// Another secret.
    WrongSecret,
    /// No `Authorization` header.
    Nothing,
}

#[derive(Deserialize)]
pub(super) struct SendRequest {
    body: String,
    sign_with: SignWith,
}

#[derive(Deserialize)]
pub(super) struct RefundRequest {
    event_id: String,
}

/// Sends a body as it is.
pub(super) async fn send(State(console): Shared, body: Bytes) -> JsonResult {
    let request: SendRequest = read(&body)?;
    Ok(Json(console.session()?.send(request.body, request.sign_with).await?))
}

/// Sends the webhooks with which Xsolla reports that a sale was refunded.
pub(super) async fn refund(State(console): Shared, body: Bytes) -> JsonResult {
    let RefundRequest { event_id } = read(&body)?;
    let session = console.session()?;
    let sales = console.data.sales(&Query::Id(event_id)).await.map_err(Failure::unavailable)?;
    let items = sales.into_iter().flatten().filter(is_event);
    let events: Vec<StoredEvent> = items.filter_map(|item| stored_event(&item)).collect();
    let bodies = refunds(&events);
    if bodies.is_empty() {
        return Err(Failure(StatusCode::CONFLICT, "the sale has no payment or paid order".to_owned()));
    }
    let mut answers = Vec::new();
    for body in bodies {
        answers.push(session.send(body, SignWith::Secret).await?);
    }
    Ok(Json(json!({ "answers": answers })))
}

/// The reversal of each payment, then of each order, as Xsolla sends them. All values keep their digits.
fn refunds(events: &[StoredEvent]) -> Vec<String> {
    let details = r#"{"code":1,"reason":"Cancellation by the user's request"}"#;
    [
        (NotificationType::PAYMENT, NotificationType::REFUND),
        (NotificationType::ORDER_PAID, NotificationType::ORDER_CANCELED),
    ]
    .into_iter()
    .flat_map(|(paid, reversal)| {
        events.iter().filter(move |event| event.type_name == paid.name()).filter_map(move |event| {
            let json = json_text(&event.body).ok()?;
            let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).ok()?;
            members.insert("notification_type".to_owned(), to_raw_value(reversal.name()).ok()?);
            if reversal == NotificationType::REFUND {
                members.insert("refund_details".to_owned(), RawValue::from_string(details.to_owned()).ok()?);
            }
            serde_json::to_string(&members).ok()
        })
    })
    .collect()
}

impl Session {
    async fn send(&self, body: String, sign_with: SignWith) -> Result<Value, Failure> {
        let mut request = hyper::Request::post(&self.webhook_url).header("content-type", "application/json");
        request = match sign_with {
            SignWith::Secret => request.header("authorization", sign(body.as_bytes(), &self.secret)),
            SignWith::WrongSecret => {
                request.header("authorization", sign(body.as_bytes(), &format!("not {}", self.secret)))
            }
            SignWith::Nothing => request,
        };
        let request = request.body(Full::new(Bytes::from(body))).map_err(Failure::unavailable)?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let (head, body) = client.request(request).await.map_err(Failure::unavailable)?.into_parts();
        let body = to_bytes(axum::body::Body::new(body), 64 * 1024).await.map_err(Failure::unavailable)?;
        Ok(json!({ "status": head.status.as_u16(), "answer": String::from_utf8_lossy(&body) }))
    }
}

fn read<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure(StatusCode::BAD_REQUEST, error.to_string()))
}
