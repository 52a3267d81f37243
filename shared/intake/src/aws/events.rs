//! Events in DynamoDB: one conditional write each, and one query for those of a subject.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_types::SdkConfig;
use jiff::SignedDuration;
use uuid::Uuid;

use super::port_error;
use crate::ports::{EventStore, History, PortError, PutOutcome};
use crate::record::{self, Kind, RETENTION, Record, StoredEvent};
use crate::table::{
    ATTEMPT, BODY, DIGEST, EXPIRES_AT, IDENTIFIED, KIND, MODE, ORDER_ID, PK, PROJECT_ID, RECEIVED_AT, SECRET, SK,
    TRACE, TYPE, USER_ID,
};

type Attributes = HashMap<String, AttributeValue>;

const PUT_ITEM: &str = "dynamodb:PutItem";
/// The condition of the write: the key does not exist.
const KEY_IS_FREE: &str = "attribute_not_exists(pk)";
const QUERY: &str = "dynamodb:Query";

/// The table `events`, where events are kept.
#[derive(Debug, Clone)]
pub struct Events {
    client: Client,
    table: String,
    retention: SignedDuration,
}

impl Events {
    /// Keeps events in this table, for [`RETENTION`].
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self { client: Client::new(config), table, retention: RETENTION }
    }

    /// The same table, which may forget what is written from now on after this time.
    #[must_use]
    pub const fn with_retention(mut self, retention: SignedDuration) -> Self {
        self.retention = retention;
        self
    }

    /// Opens the connection before it is needed, with a write that DynamoDB must refuse: it has no key. So it needs no
    /// further permission, costs nothing, and can leave nothing behind.
    pub async fn connect(&self) {
        let refused = self.client.put_item().table_name(&self.table).send().await;
        if let Err(error) = refused
            && error.as_service_error().is_none()
        {
            let error = port_error(PUT_ITEM, &error);
            tracing::warn!(%error, "the table cannot be reached yet");
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
            .condition_expression(KEY_IS_FREE)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        // Boxed: the future of a call has several kilobytes, which every future around it would carry.
        match Box::pin(put.send()).await {
            Ok(_) => Ok(PutOutcome::Inserted),
            Err(error) => match holder(&error) {
                Some(holder) => Ok(taken(holder, &attempt)),
                None => Err(port_error(PUT_ITEM, &error)),
            },
        }
    }
}

/// What it means that the key has a holder.
fn taken(holder: &impl record::Item, attempt: &str) -> PutOutcome {
    // A write that had taken effect unanswered was repeated: the holder is this very call.
    if holder.string(ATTEMPT) == Some(attempt) {
        return PutOutcome::Inserted;
    }
    PutOutcome::AlreadyExists {
        digest: holder.string(DIGEST).unwrap_or_default().to_owned(),
        received_at: holder.string(RECEIVED_AT).and_then(|text| text.parse().ok()),
    }
}

/// The table `events`, where they are looked up.
#[derive(Debug, Clone)]
pub struct EventHistory {
    client: Client,
    table: String,
}

impl EventHistory {
    /// Looks events up in this table.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl History for EventHistory {
    async fn events_of(&self, subject: &str) -> Result<Vec<StoredEvent>, PortError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#pk = :subject")
            .filter_expression("#kind = :event")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_values(":subject", AttributeValue::S(subject.to_owned()))
            .expression_attribute_values(":event", AttributeValue::S(Kind::Event.name().to_owned()))
            // An order that was accepted a moment ago must not be missed.
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let items: Vec<Attributes> = pages.try_collect().await.map_err(|error| port_error(QUERY, &error))?;
        // One that somebody has damaged must not hold up all events that ask for their past.
        let usable = |item: &Attributes| {
            StoredEvent::read(item)
                .inspect_err(|error| tracing::error!(subject, %error, "an item of the table is passed over"))
                .ok()
        };
        Ok(items.iter().filter_map(usable).collect())
    }
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

/// The item that has the key, if that is why the write failed.
fn holder(error: &SdkError<PutItemError>) -> Option<&Attributes> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(taken)) => taken.item(),
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
        (RECEIVED_AT, AttributeValue::S(format!("{:.3}", record.received_at))),
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
        (SECRET, record.body.secret().map(|secret| AttributeValue::N(secret.to_string()))),
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
    use serde_json::{Value, json};
    use xsolla::{Envelope, Secrets, Signature, sign};

    use super::*;
    use crate::aws::{CallLimits, limited};
    use crate::record::Body;
    use crate::trace::TraceHeader;

    /// A status and a body, made of what was asked; or nothing, and the connection is lost.
    type Answer = fn(&Value) -> Option<(u16, String)>;

    const PUT: Answer = |_| Some((200, "{}".to_owned()));
    const INVALID: Answer = |_| refusal("ValidationException", &Value::Null);

    #[expect(clippy::unnecessary_wraps, reason = "it is one of the answers")]
    fn refusal(code: &str, holder: &Value) -> Option<(u16, String)> {
        Some((400, json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "Item": holder }).to_string()))
    }

    /// A table that gives these answers, and remembers what was asked.
    #[derive(Debug, Clone)]
    struct Table {
        answers: &'static [Answer],
        asked: Arc<Mutex<Vec<Value>>>,
    }

    fn credentials() -> Credentials {
        Credentials::new("id", "key", Some("token".to_owned()), None, "test")
    }

    impl Table {
        fn events(answers: &'static [Answer]) -> (Events, Self) {
            let table = Self { answers, asked: Arc::default() };
            let connector = SharedHttpConnector::new(table.clone());
            let config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new("eu-central-1"))
                .credentials_provider(SharedCredentialsProvider::new(credentials()))
                .http_client(http_client_fn(move |_, _| connector.clone()));
            let config = limited(config, CallLimits::FRONT_DOOR).build();
            (Events::new(&config, "events".to_owned()), table)
        }

        fn asked(&self) -> Vec<Value> {
            self.asked.lock().unwrap().clone()
        }
    }

    impl HttpConnector for Table {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();

            let mut asked = self.asked.lock().unwrap();
            let answer = self.answers[asked.len()](&body);
            asked.push(body);
            HttpConnectorFuture::ready(match answer {
                Some((status, body)) => Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))),
                None => Err(ConnectorError::io("lost".into())),
            })
        }
    }

    /// Keeps a payment.
    async fn keep(events: &Events) -> Result<PutOutcome, PortError> {
        let body = br#"{"notification_type":"payment","settings":{"project_id":3},"user":{"id":"\u00e9"},
            "transaction":{"id":7},"order":{"id":9}}"#;
        let signature = sign(body, "secret").parse::<Signature>().unwrap();
        let verified = "secret".parse::<Secrets>().unwrap().verify(body, &signature).unwrap();
        let envelope = Envelope::parse(&verified).unwrap();
        let trace = TraceHeader::parse("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
        events
            .put_if_absent(&Record::of_event(&envelope, Body::from(verified), Timestamp::UNIX_EPOCH, Some(&trace)))
            .await
    }

    const OTHER_EVENT: Answer = |_| {
        let existing = json!({ "digest": { "S": "d" }, "received_at": { "S": "2026-11-22T00:00:00.000Z" } });
        refusal("ConditionalCheckFailedException", &existing)
    };
    const SAME_WRITE: Answer = |sent| refusal("ConditionalCheckFailedException", &sent["Item"]);

    #[tokio::test]
    async fn sends_one_put_with_every_attribute() {
        let (events, table) = Table::events(&[PUT]);
        assert_eq!(keep(&events).await.unwrap(), PutOutcome::Inserted);
        let [put] = &table.asked()[..] else { panic!("one call") };
        assert_eq!(put["Item"].as_object().unwrap().len(), 16);
        assert_eq!(put["ConditionExpression"], "attribute_not_exists(pk)");
    }

    #[tokio::test]
    async fn reports_existing_event_if_key_exists() {
        let (events, _) = Table::events(&[OTHER_EVENT]);
        let received_at = Some("2026-11-22T00:00:00Z".parse().unwrap());
        assert_eq!(keep(&events).await.unwrap(), PutOutcome::AlreadyExists { digest: "d".to_owned(), received_at });
    }

    #[tokio::test]
    async fn recognizes_own_write_after_lost_answer() {
        let (events, table) = Table::events(&[|_| None, SAME_WRITE]);
        assert_eq!(keep(&events).await.unwrap(), PutOutcome::Inserted);
        assert_eq!(table.asked().len(), 2);
    }

    #[tokio::test]
    async fn connecting_sends_a_put_without_a_key() {
        let (events, table) = Table::events(&[INVALID]);
        events.connect().await;
        assert_eq!(table.asked()[0]["Item"], Value::Null);
    }
}
