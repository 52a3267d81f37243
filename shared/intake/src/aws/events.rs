//! Events in DynamoDB: one conditional write each, and one query for those of a subject.

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Builder, Config};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_types::SdkConfig;
use jiff::SignedDuration;
use uuid::Uuid;

use super::first_try::{FirstTry, Tried};
use super::item::{Attribute, Item, KEY_IS_FREE};
use super::port_error;
use crate::ports::{EventStore, History, Keeping, PortError};
use crate::record::{self, Kept, Kind, RETENTION, Record};
use crate::table::{
    ATTEMPT, BODY, DIGEST, EXPIRES_AT, IDENTIFIED, KIND, MODE, ORDER_ID, PK, PROJECT_ID, RECEIVED_AT, SECRET, SK,
    TRACE, TYPE, USER_ID,
};

type Attributes = HashMap<String, AttributeValue>;

const PUT_ITEM: &str = "dynamodb:PutItem";
const QUERY: &str = "dynamodb:Query";

/// The table `events`, where events are kept.
#[derive(Debug, Clone)]
pub struct Events {
    first_try: FirstTry,
    client: Client,
    table: String,
    retention: SignedDuration,
}

impl Events {
    /// Keeps events in this table, for [`RETENTION`].
    pub fn new(config: &SdkConfig, table: String) -> Self {
        let first_try = FirstTry::new(config);
        let client = Client::from_conf(Config::new(config).to_builder().interceptor(first_try.learner()).build());
        Self { first_try, client, table, retention: RETENTION }
    }

    /// The same table, which may forget what is written from now on after this time.
    #[must_use]
    pub const fn forgotten_after(mut self, retention: SignedDuration) -> Self {
        self.retention = retention;
        self
    }

    /// Opens the connection before it is needed, with a write that DynamoDB must refuse: it has no key. So it needs no
    /// further permission, costs nothing, and can leave nothing behind. From it, the first try knows the way.
    pub async fn connect(&self) {
        let refused = self.client.put_item().table_name(&self.table).send().await;
        if let Err(error) = refused
            && error.as_service_error().is_none()
        {
            let error = port_error(PUT_ITEM, &error);
            tracing::warn!(%error, "the table cannot be reached yet");
        }
    }

    async fn put(&self, item: &Item<'_>, attempt: &str, settings: Builder) -> Result<Keeping, PortError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.to_sdk()))
            .condition_expression(KEY_IS_FREE)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .customize()
            .config_override(settings);
        match put.send().await {
            Ok(_) => Ok(Keeping::Kept),
            Err(error) => match holder(&error) {
                Some(holder) => Ok(taken(holder, attempt)),
                None => Err(port_error(PUT_ITEM, &error)),
            },
        }
    }
}

impl EventStore for Events {
    async fn keep(&self, record: &Record<'_>) -> Result<Keeping, PortError> {
        let attempt = Uuid::new_v4().simple().to_string();
        let item = item(record, &attempt, self.retention);
        // Boxed, or every future around them would carry their several kilobytes, and be copied with them.
        let settings = match Box::pin(self.first_try.put(&self.table, &item)).await {
            Some(Tried::Put) => return Ok(Keeping::Kept),
            Some(Tried::Taken(holder)) => return Ok(taken(&holder, &attempt)),
            Some(Tried::InVain) => self.first_try.rest(),
            None => Builder::new(),
        };
        Box::pin(self.put(&item, &attempt, settings)).await
    }
}

/// What it means that the key has a holder.
fn taken(holder: &impl record::Item, attempt: &str) -> Keeping {
    // A write that had taken effect unanswered was repeated: the holder is this very call.
    if holder.string(ATTEMPT) == Some(attempt) {
        return Keeping::Kept;
    }
    Keeping::Taken {
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
    async fn events_of(&self, subject: &str) -> Result<Vec<Kept>, PortError> {
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
            Kept::read(item)
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

fn item<'a>(record: &'a Record<'_>, attempt: &'a str, retention: SignedDuration) -> Item<'a> {
    let mut item = Vec::with_capacity(16);
    let mut string = |name, value: Cow<'a, str>| item.push((name, Attribute::S(value)));
    string(PK, record.event_id.subject().into());
    string(SK, record.event_id.rest().into());
    string(KIND, record.kind.name().into());
    string(MODE, record.mode.name().into());
    string(DIGEST, record.body.digest().to_string().into());
    string(RECEIVED_AT, format!("{:.3}", record.received_at).into());
    string(ATTEMPT, attempt.into());
    if let Some(trace) = record.trace {
        string(TRACE, trace.as_str().into());
    }
    for (name, value) in [
        (TYPE, &record.type_name),
        (ORDER_ID, &record.order_id),
        (USER_ID, &record.user_id),
        (PROJECT_ID, &record.project_id),
    ] {
        if let Some(value) = value {
            string(name, (&**value).into());
        }
    }
    item.push((IDENTIFIED, Attribute::Bool(record.identified)));
    if let Some(secret) = record.body.secret() {
        item.push((SECRET, Attribute::N(secret.to_string())));
    }
    let expires_at = record.received_at.as_second() + retention.as_secs();
    item.push((EXPIRES_AT, Attribute::N(expires_at.to_string())));
    item.push((BODY, Attribute::B(record.body.bytes())));
    Item(item)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_http};
    use aws_sigv4::sign::v4::SigningParams;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use jiff::Timestamp;
    use jiff::civil::DateTime;
    use jiff::tz::TimeZone;
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
        region: &'static str,
        answers: &'static [Answer],
        asked: Arc<Mutex<Vec<Asked>>>,
    }

    /// Method, URL, media type, operation, token, and for which day, region and service it was signed; and the body.
    type Asked = (Vec<String>, Value);

    /// The `authorization` that this request must have.
    fn authorization(request: &HttpRequest, region: &str) -> String {
        let header = |name| request.headers().get(name).unwrap();
        let (_, signed) = header("authorization").split_once("SignedHeaders=").unwrap();
        let (signed, _) = signed.split_once(',').unwrap();
        let added = ["host", "x-amz-date", "x-amz-security-token"];
        let headers = signed.split(';').filter(|name| !added.contains(name)).map(|name| (name, header(name)));
        let body = SignableBody::Bytes(request.body().bytes().unwrap());
        let to_sign = SignableRequest::new(request.method(), request.uri(), headers, body).unwrap();
        let signed_at = DateTime::strptime("%Y%m%dT%H%M%SZ", header("x-amz-date")).unwrap();
        let identity = credentials().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("dynamodb")
            .time(signed_at.to_zoned(TimeZone::UTC).unwrap().timestamp().into())
            .settings(SigningSettings::default());
        let (headers, _) = sign_http(to_sign, &params.build().unwrap().into()).unwrap().into_parts();
        headers.headers().find(|(name, _)| *name == "authorization").unwrap().1.to_owned()
    }

    fn credentials() -> Credentials {
        Credentials::new("id", "key", Some("token".to_owned()), None, "test")
    }

    impl Table {
        fn events(answers: &'static [Answer], region: &'static str) -> (Events, Self) {
            let table = Self { region, answers, asked: Arc::default() };
            let connector = SharedHttpConnector::new(table.clone());
            let config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new(region))
                .credentials_provider(SharedCredentialsProvider::new(credentials()))
                .http_client(http_client_fn(move |_, _| connector.clone()));
            let config = limited(config, CallLimits::FRONT_DOOR).build();
            (Events::new(&config, "events".to_owned()), table)
        }

        fn asked(&self) -> Vec<Asked> {
            self.asked.lock().unwrap().clone()
        }
    }

    impl HttpConnector for Table {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            assert_eq!(request.headers().get("authorization"), Some(&*authorization(&request, self.region)));
            let header = |name| request.headers().get(name).unwrap_or_default().to_owned();
            let signed_for = header("authorization").split_once(',').unwrap().0.to_owned();
            let (target, token) = (header("x-amz-target"), header("x-amz-security-token"));
            let (method, url) = (request.method().to_owned(), request.uri().to_owned());
            let head = vec![method, url, header("content-type"), target, token, signed_for];
            let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();

            let mut asked = self.asked.lock().unwrap();
            let answer = self.answers[asked.len()](&body);
            asked.push((head, body));
            HttpConnectorFuture::ready(match answer {
                Some((status, body)) => Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))),
                None => Err(ConnectorError::io("lost".into())),
            })
        }
    }

    /// Keeps a payment.
    async fn keep(events: &Events) -> Result<Keeping, PortError> {
        let body = br#"{"notification_type":"payment","settings":{"project_id":3},"user":{"id":"\u00e9"},
            "transaction":{"id":7},"order":{"id":9}}"#;
        let signature = Signature::parse(&sign(body, "secret")).unwrap();
        let verified = Secrets::parse("secret").unwrap().verify(body, &signature).unwrap();
        let envelope = Envelope::read(&verified).unwrap();
        let trace = TraceHeader::parse("Root=1-5759e988-bd862e3fe1be46a994272793").unwrap();
        events.keep(&Record::of_event(&envelope, Body::from(verified), Timestamp::UNIX_EPOCH, Some(&trace))).await
    }

    #[tokio::test]
    async fn the_first_try_sends_what_the_client_would_send() {
        for region in ["eu-central-1", "us-gov-west-1", "cn-north-1"] {
            let (events, table) = Table::events(&[INVALID, |_| None, PUT], region);
            events.connect().await;
            assert_eq!(keep(&events).await.unwrap(), Keeping::Kept);
            let [_, first, second] = &table.asked()[..] else { panic!("three calls") };
            assert_eq!(first, second);
            assert!(first.0[1].contains(region), "{first:?}");
            assert_eq!(first.1["Item"].as_object().unwrap().len(), 16, "of each kind");
        }
    }

    #[tokio::test]
    async fn one_call_is_enough() {
        let (events, table) = Table::events(&[PUT, PUT, PUT], "eu-central-1");
        for calls in 1..=3 {
            assert_eq!(keep(&events).await.unwrap(), Keeping::Kept);
            assert_eq!(table.asked().len(), calls);
        }
    }

    #[tokio::test]
    async fn what_the_first_try_does_not_settle_is_put_again() {
        let unsettled: [&[Answer]; 6] = [
            &[INVALID, |_| None, PUT],
            &[INVALID, |_| Some((500, r#"{"__type":"x#InternalServerError"}"#.to_owned())), PUT],
            &[INVALID, |_| Some((200, "<html>".to_owned())), PUT],
            &[INVALID, |_| Some((503, "<html>".to_owned())), PUT],
            &[INVALID, |_| refusal("ThrottlingException", &Value::Null), PUT],
            &[INVALID, |_| refusal("ConditionalCheckFailedException", &Value::Null), PUT],
        ];
        for answers in unsettled {
            let (events, table) = Table::events(answers, "eu-central-1");
            events.connect().await;
            assert_eq!(keep(&events).await.unwrap(), Keeping::Kept);
            assert_eq!(table.asked().len(), answers.len());
        }
    }

    #[tokio::test]
    async fn who_holds_a_key_is_told_alike_by_both() {
        const ANOTHER: Answer = |_| {
            let holder = json!({ "digest": { "S": "d" }, "received_at": { "S": "2026-11-22T00:00:00.000Z" } });
            refusal("ConditionalCheckFailedException", &holder)
        };
        const ITSELF: Answer = |asked| refusal("ConditionalCheckFailedException", &asked["Item"]);
        let another =
            Keeping::Taken { digest: "d".to_owned(), received_at: Some("2026-11-22T00:00:00Z".parse().unwrap()) };
        let told: [(&[Answer], Keeping); 4] = [
            (&[INVALID, ANOTHER], another.clone()),
            (&[INVALID, |_| None, ANOTHER], another),
            (&[INVALID, ITSELF], Keeping::Kept),
            (&[INVALID, |_| None, ITSELF], Keeping::Kept),
        ];
        for (answers, keeping) in told {
            let (events, table) = Table::events(answers, "eu-central-1");
            events.connect().await;
            assert_eq!(keep(&events).await.unwrap(), keeping);
            assert_eq!(table.asked().len(), answers.len());
        }
    }
}
