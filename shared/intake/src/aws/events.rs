//! Writes events to the DynamoDB table.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_types::SdkConfig;
use jiff::SignedDuration;
use uuid::Uuid;

use super::error::port_error;
use crate::ports::{EventStore, PortError, PutOutcome};
use crate::record::{self, RETENTION, Record};
use crate::table::{
    ATTEMPT, BODY, DIGEST, ERASED_AT, EXPIRES_AT, IDENTIFIED, KIND, MODE, ORDER_ID, PK, PROJECT_ID, RECEIVED_AT,
    SECRET_INDEX, SK, SUBSCRIPTION_ID, TRACE, TYPE, USER_ID,
};

/// An item of the table, of any kind.
pub type Attributes = HashMap<String, AttributeValue>;

const PUT_ITEM: &str = "dynamodb:PutItem";
const KEY_NOT_EXISTS: &str = "attribute_not_exists(pk)";

/// The events table, for writing.
#[derive(Debug, Clone)]
pub struct Events {
    client: Client,
    table: String,
    retention: SignedDuration,
}

impl Events {
    /// Creates a writer for a table. Items expire after [`RETENTION`].
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self { client: Client::new(config), table, retention: RETENTION }
    }

    /// Replaces the retention of new items.
    #[must_use]
    pub const fn with_retention(mut self, retention: SignedDuration) -> Self {
        self.retention = retention;
        self
    }

    /// Opens a connection with a write that DynamoDB rejects because it has no key.
    ///
    /// Such a write needs no other permission, costs nothing, and stores nothing.
    pub async fn connect(&self) {
        let response = self.client.put_item().table_name(&self.table).send().await;
        if let Err(error) = response
            && error.as_service_error().is_none()
        {
            let error = port_error(PUT_ITEM, &error);
            tracing::warn!(%error, "DynamoDB warm-up failed; will retry with the first webhook");
        }
    }
}

impl EventStore for Events {
    async fn put_if_absent(&self, record: &Record<'_>) -> Result<PutOutcome, PortError> {
        let attempt = Uuid::new_v4().simple().to_string();
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(record, &attempt, self.retention)))
            .condition_expression(KEY_NOT_EXISTS)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        // Boxed: the SDK's future has several kilobytes, and would be part of every future around it.
        match Box::pin(put.send()).await {
            Ok(_) => Ok(PutOutcome::Inserted),
            Err(error) => match existing_item(&error) {
                Some(existing) => Ok(outcome_of_existing(existing, &attempt)),
                None => Err(port_error(PUT_ITEM, &error)),
            },
        }
    }
}

/// Returns the outcome of a write whose key exists.
fn outcome_of_existing(existing: &impl record::Item, attempt: &str) -> PutOutcome {
    // An earlier attempt of this call wrote the item, but its response was lost.
    if existing.string(ATTEMPT) == Some(attempt) {
        return PutOutcome::Inserted;
    }
    if existing.string(ERASED_AT).is_some() {
        return PutOutcome::Erased { received_at: existing.string(RECEIVED_AT).and_then(|at| at.parse().ok()) };
    }
    PutOutcome::AlreadyExists { digest: existing.string(DIGEST).unwrap_or_default().to_owned() }
}

impl record::Item for Attributes {
    fn string(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_s().ok().map(String::as_str)
    }

    fn boolean(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool().ok().copied()
    }

    fn binary(&self, name: &str) -> Option<&[u8]> {
        self.get(name)?.as_b().ok().map(Blob::as_ref)
    }
}

/// Returns the existing item, if the write failed because the key exists.
fn existing_item(error: &SdkError<PutItemError>) -> Option<&Attributes> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(error)) => error.item(),
        _ => None,
    }
}

fn item(record: &Record<'_>, attempt: &str, retention: SignedDuration) -> Attributes {
    let string = |value: &str| AttributeValue::S(value.to_owned());
    let expires_at = record.received_at.as_second() + retention.as_secs();
    let required = [
        (PK, string(record.event_id.subject())),
        (SK, string(record.event_id.rest())),
        (KIND, string(record.kind.name())),
        (MODE, string(record.mode.name())),
        (DIGEST, AttributeValue::S(record.body.digest().to_string())),
        (RECEIVED_AT, AttributeValue::S(format!("{:.6}", record.received_at))),
        (ATTEMPT, string(attempt)),
        (IDENTIFIED, AttributeValue::Bool(record.identified)),
        (EXPIRES_AT, AttributeValue::N(expires_at.to_string())),
        (BODY, AttributeValue::B(Blob::new(record.body.bytes()))),
    ];
    let optional = [
        (TRACE, record.trace.map(|trace| string(trace.as_str()))),
        (TYPE, record.type_name.as_deref().map(string)),
        (ORDER_ID, record.order_id.as_deref().map(string)),
        (USER_ID, record.user_id.as_deref().map(string)),
        (PROJECT_ID, record.project_id.as_deref().map(string)),
        (SUBSCRIPTION_ID, record.subscription_id.as_deref().map(string)),
        (SECRET_INDEX, record.body.secret_index().map(|index| AttributeValue::N(index.to_string()))),
    ];
    let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
    required.into_iter().chain(optional).map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use jiff::Timestamp;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::{CallLimits, with_call_limits};
    use crate::testing;
    use crate::trace::TraceHeader;

    /// Makes a response (status and body) from a request. `None`: the connection is lost.
    type Respond = fn(&Value) -> Option<(u16, String)>;

    const INSERTED: Respond = |_| Some((200, "{}".to_owned()));
    const INVALID: Respond = |_| error_response("ValidationException", &Value::Null);

    #[expect(clippy::unnecessary_wraps, reason = "returned by a Respond function")]
    fn error_response(code: &str, item: &Value) -> Option<(u16, String)> {
        Some((400, json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "Item": item }).to_string()))
    }

    /// A table with prepared responses, which records the requests.
    #[derive(Debug, Clone)]
    struct FakeTable {
        responses: Vec<Respond>,
        requests: Arc<Mutex<Vec<Value>>>,
    }

    fn credentials() -> Credentials {
        Credentials::new("id", "key", Some("token".to_owned()), None, "test")
    }

    impl FakeTable {
        fn events(responses: &[Respond]) -> (Events, Self) {
            let table = Self { responses: responses.to_vec(), requests: Arc::default() };
            let connector = SharedHttpConnector::new(table.clone());
            let config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new("eu-central-1"))
                .credentials_provider(SharedCredentialsProvider::new(credentials()))
                .http_client(http_client_fn(move |_, _| connector.clone()));
            let config = with_call_limits(config, CallLimits::WEBHOOK).build();
            (Events::new(&config, "events".to_owned()), table)
        }

        fn requests(&self) -> Vec<Value> {
            self.requests.lock().unwrap().clone()
        }
    }

    impl HttpConnector for FakeTable {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();

            let mut requests = self.requests.lock().unwrap();
            let response = self.responses[requests.len()](&body);
            requests.push(body);
            HttpConnectorFuture::ready(match response {
                Some((status, body)) => Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))),
                None => Err(ConnectorError::io("lost".into())),
            })
        }
    }

    async fn put_payment(events: &Events) -> Result<PutOutcome, PortError> {
        let body = br#"{"notification_type":"payment","settings":{"project_id":3},"user":{"id":"\u00e9"},
            "transaction":{"id":7},"order":{"id":9}}"#;
        let envelope = testing::envelope(body);
        let trace = TraceHeader::parse("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
        events
            .put_if_absent(&Record::event(
                &envelope,
                testing::verified(body).into(),
                Timestamp::UNIX_EPOCH,
                Some(&trace),
            ))
            .await
    }

    const LOST: Respond = |_| None;
    const INTERNAL_ERROR: Respond = |_| Some((500, r#"{"__type":"x#InternalServerError"}"#.to_owned()));
    const UNAVAILABLE: Respond = |_| Some((503, "<html>".to_owned()));
    const THROTTLED: Respond = |_| error_response("ThrottlingException", &Value::Null);
    const OTHER_EVENT: Respond = |_| {
        let existing = json!({ "digest": { "S": "d" }, "received_at": { "S": "2026-11-22T00:00:00.000Z" } });
        error_response("ConditionalCheckFailedException", &existing)
    };
    const OWN_WRITE: Respond = |sent| error_response("ConditionalCheckFailedException", &sent["Item"]);

    #[tokio::test]
    async fn put_sends_one_request_with_all_attributes() {
        let (events, table) = FakeTable::events(&[INSERTED]);
        assert_eq!(put_payment(&events).await.unwrap(), PutOutcome::Inserted);
        let [put] = &table.requests()[..] else { panic!("not one call") };
        assert_eq!(put["Item"].as_object().unwrap().len(), 16);
        assert_eq!(put["ConditionExpression"], "attribute_not_exists(pk)");
    }

    #[rstest]
    #[case::first_attempt(&[OTHER_EVENT])]
    #[case::after_lost_response(&[LOST, OTHER_EVENT])]
    #[tokio::test]
    async fn put_returns_existing_event_if_key_exists(#[case] responses: &'static [Respond]) {
        let (events, table) = FakeTable::events(responses);
        assert_eq!(put_payment(&events).await.unwrap(), PutOutcome::AlreadyExists { digest: "d".to_owned() });
        assert_eq!(table.requests().len(), responses.len());
    }

    #[rstest]
    #[case::received(json!("2026-11-22T00:31:07.042518Z"), Some("2026-11-22T00:31:07.042518Z".parse().unwrap()))]
    #[case::invalid_time(json!("yesterday"), None)]
    fn key_of_an_erased_event_is_reported_as_erased(#[case] received_at: Value, #[case] expected: Option<Timestamp>) {
        let received_at = received_at.as_str().unwrap();
        let item = Attributes::from(
            [(ERASED_AT, "2026-11-23T00:00:00.000Z"), (RECEIVED_AT, received_at), (DIGEST, "d")]
                .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned()))),
        );
        assert_eq!(outcome_of_existing(&item, "attempt"), PutOutcome::Erased { received_at: expected });
    }

    #[tokio::test]
    async fn put_recognizes_its_own_write_after_lost_response() {
        let (events, table) = FakeTable::events(&[LOST, OWN_WRITE]);
        assert_eq!(put_payment(&events).await.unwrap(), PutOutcome::Inserted);
        assert_eq!(table.requests().len(), 2);
    }

    #[rstest]
    #[case::lost_response(&[LOST, INSERTED])]
    #[case::internal_error(&[INTERNAL_ERROR, INSERTED])]
    #[case::unavailable(&[UNAVAILABLE, INSERTED])]
    #[case::throttled(&[THROTTLED, INSERTED])]
    #[tokio::test]
    async fn put_retries_the_same_item_after_failure(#[case] responses: &'static [Respond]) {
        let (events, table) = FakeTable::events(responses);
        assert_eq!(put_payment(&events).await.unwrap(), PutOutcome::Inserted);
        let [first, second] = &table.requests()[..] else { panic!("not two calls") };
        assert_eq!(first, second);
    }

    #[rstest]
    #[case::not_from_dynamodb(|_: &Value| Some((200, "<html>".to_owned())))]
    #[case::existing_item_missing(|_: &Value| error_response("ConditionalCheckFailedException", &Value::Null))]
    #[tokio::test]
    async fn put_returns_error_for_unusable_response(#[case] respond: Respond) {
        let (events, _) = FakeTable::events(&[respond, respond, respond]);
        assert!(put_payment(&events).await.is_err());
    }

    #[tokio::test]
    async fn connect_sends_put_without_key() {
        let (events, table) = FakeTable::events(&[INVALID]);
        events.connect().await;
        assert_eq!(table.requests()[0]["Item"], Value::Null);
    }
}
