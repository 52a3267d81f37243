//! From body to queue: the text of a notification, including every digit of its numbers, arrives unchanged.
//!
//! Runs the real code: the webhook function, the DynamoDB adapter on the SDK, the stream record as JSON, the relay. Only
//! DynamoDB and SQS are fakes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Credentials, Region, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use intake::accept::MAX_BODY;
use intake::aws::Events;
use intake::lambda::relay::{BATCH_TIME, handle};
use intake::ports::{DecisionStore, History, Parked, Parking, PortError, Queue, SendResult};
use intake::record::{Kind, StoredDecision, StoredEvent};
use intake::relay::Relay;
use intake::sqs_message::Message;
use intake::table::{BODY, KIND, ORDER_ID, PK, PROJECT_ID, SK, TYPE, USER_ID};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use xsolla::{EventId, Mode, PaymentWithoutOrder};

use crate::accept::Function;
use crate::{RECEIVED_AT, RUNTIME, notification};

/// An item, or an image in the stream: DynamoDB writes both in the same JSON.
type Item = Map<String, Value>;

/// Sends a body through both functions.
///
/// # Panics
///
/// If the message differs from the body, or an event is neither sent nor parked, or not what it should be.
pub fn check(body: &[u8]) {
    if body.len() < MAX_BODY {
        RUNTIME.block_on(pass_through(body));
    }
}

async fn pass_through(body: &[u8]) {
    // A question is not stored.
    let Some(item) = written_item(body).await else { return };
    assert_eq!(item[BODY]["B"], STANDARD.encode(body));
    let relayed = relay(&item).await;
    match notification::type_name(body) {
        Some(type_name) if is_relayable(body) => relayed.assert_arrived(body, &item, &type_name),
        Some(_) => assert_eq!((relayed.queued(), relayed.parked()), (vec![], vec![keys(&item)])),
        None => assert_eq!((relayed.queued(), relayed.parked()), (vec![], vec![]), "unreadable: not relayed"),
    }

    // If these bytes were stored as an event: JSON within the limits is sent unchanged, everything else is parked.
    let mut item = item;
    item.insert(KIND.to_owned(), json!({ "S": Kind::Event.name() }));
    item.insert(TYPE.to_owned(), json!({ "S": "order_paid" }));
    let relayed = relay(&item).await;
    if notification::json(body).is_some() && is_relayable(body) {
        relayed.assert_arrived(body, &item, "order_paid");
    } else {
        assert_eq!((relayed.queued(), relayed.parked()), (vec![], vec![keys(&item)]));
    }
}

/// Whether a JSON body is within the limits of JSON parsers.
fn is_relayable(body: &[u8]) -> bool {
    xsolla::json_text(body).is_ok_and(|text| xsolla::check_complexity(text).is_ok())
}

fn keys(item: &Item) -> (String, String) {
    (string(item, PK).unwrap().to_owned(), string(item, SK).unwrap().to_owned())
}

/// The item that the webhook function writes, if any.
async fn written_item(body: &[u8]) -> Option<Item> {
    #[derive(Deserialize)]
    struct PutItem {
        #[serde(rename = "Item")]
        item: Item,
    }
    let table = FakeTable::default();
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("fuzz", "fuzz", None, None, "fuzz")))
        .timeout_config(TimeoutConfig::disabled())
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client({
            let table = SharedHttpConnector::new(table.clone());
            http_client_fn(move |_, _| table.clone())
        })
        .build();
    let events = Events::new(&config, "events".to_owned());
    Function::new(events).accept_signed(body, Duration::ZERO).await;
    let request = table.0.lock().unwrap().take()?;
    Some(serde_json::from_slice::<PutItem>(&request).unwrap().item)
}

/// Relays an item, as it arrives from the stream.
async fn relay(item: &Item) -> Relayed {
    let event = json!({ "Records": [{
        "awsRegion": "eu-central-1",
        "eventID": "1",
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "eventVersion": "1.1",
        "dynamodb": {
            "Keys": { PK: item[PK], SK: item[SK] },
            "NewImage": item,
            "SequenceNumber": "1",
            "SizeBytes": 1,
            "StreamViewType": "NEW_IMAGE",
        },
    }] });
    let event: Event = serde_json::from_str(&event.to_string()).unwrap();
    let history = FakeHistory(StoredEvent::read(&event.records[0].change.new_image).ok());
    let (queue, parking) = (FakeQueue::default(), FakeParking::default());
    let relay = Relay { queue, parking, history, payment_without_order: PaymentWithoutOrder::Grant };
    let (response, _) = handle(&relay, &event, RECEIVED_AT, || BATCH_TIME).await;
    assert!(response.batch_item_failures.is_empty(), "an event that cannot be sent must not be retried");
    Relayed { queued: relay.queue.0.into_inner().unwrap(), parked: relay.parking.0.into_inner().unwrap() }
}

/// Result of relaying an item.
struct Relayed {
    queued: Vec<Message>,
    parked: Vec<Parked>,
}

impl Relayed {
    fn queued(&self) -> Vec<&str> {
        self.queued.iter().map(|message| message.body.as_str()).collect()
    }

    fn parked(&self) -> Vec<(String, String)> {
        self.parked.iter().map(|parked| (parked.pk.clone(), parked.sk.clone())).collect()
    }

    fn assert_arrived(&self, body: &[u8], item: &Item, type_name: &str) {
        assert_eq!(self.parked(), []);
        let [message] = &self.queued[..] else { panic!("{:?}", self.queued()) };
        let text = message.body.as_str();
        assert!(text.chars().all(is_accepted_by_sqs), "{text:?}");
        for id in [&message.group_id, &message.deduplication_id] {
            assert!((1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
        }

        let event = message::Event::read(text).unwrap();
        let sent = notification::json(body).unwrap();
        let sent = sent.replace('\u{fffe}', r"\ufffe").replace('\u{ffff}', r"\uffff");
        assert_eq!(event.notification.get(), sent);
        assert_eq!(event.notification_type, type_name);
        assert_eq!(event.event_id, format!("{}#{}", string(item, PK).unwrap(), string(item, SK).unwrap()));
        for (name, value) in [(ORDER_ID, event.order_id), (USER_ID, event.user_id), (PROJECT_ID, event.project_id)] {
            assert_eq!(value.as_deref(), string(item, name), "{name}");
        }
    }
}

fn string<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?["S"].as_str()
}

/// Whether SQS accepts the character: those of XML 1.0.
fn is_accepted_by_sqs(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Accepts every item.
#[derive(Debug, Clone, Default)]
struct FakeTable(Arc<Mutex<Option<Vec<u8>>>>);

impl HttpConnector for FakeTable {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        *self.0.lock().unwrap() = request.body().bytes().map(<[u8]>::to_vec);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from("{}"))))
    }
}

/// Accepts every message.
#[derive(Default)]
struct FakeQueue(Mutex<Vec<Message>>);

impl Queue for FakeQueue {
    async fn send(&self, batch: &[&Message]) -> Vec<SendResult> {
        self.0.lock().unwrap().extend(batch.iter().map(|message| (*message).clone()));
        batch.iter().map(|_| SendResult::Sent).collect()
    }
}

#[derive(Default)]
struct FakeParking(Mutex<Vec<Parked>>);

impl Parking for FakeParking {
    async fn park(&self, parked: &Parked) -> Result<(), PortError> {
        self.0.lock().unwrap().push(parked.clone());
        Ok(())
    }
}

/// A history of one event: the one that is relayed.
struct FakeHistory(Option<StoredEvent>);

impl History for FakeHistory {
    async fn events_of(&self, _: &str) -> Result<Vec<StoredEvent>, PortError> {
        Ok(self.0.iter().cloned().collect())
    }

    async fn subjects_of_order(&self, _: &str) -> Result<Vec<String>, PortError> {
        Ok(Vec::new())
    }

    async fn modes_of_subscription(&self, _: &str) -> Result<Vec<Mode>, PortError> {
        Ok(Vec::new())
    }
}

impl DecisionStore for FakeHistory {
    async fn store_decision(&self, _: &EventId, _: &StoredDecision) -> Result<(), PortError> {
        Ok(())
    }
}
