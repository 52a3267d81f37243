//! From the body to the queue: the text of a notification, and of each number in it, arrives as it was sent.
//!
//! The way is the real one: the front door, the adapter that writes the item and the SDK below it, the record of the
//! table's stream as JSON, and the relay. Only DynamoDB and SQS are stand-ins.

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
use intake::ports::{History, Parked, Parking, PortError, Queue, SendResult};
use intake::record::{Kind, StoredEvent};
use intake::relay::Relay;
use intake::sqs_message::Message;
use intake::table::{BODY, KIND, ORDER_ID, PK, PROJECT_ID, SK, TYPE, USER_ID};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use xsolla::PaymentWithoutOrder;

use crate::accept::World;
use crate::{RUNTIME, notification};

/// An item, or an image in the stream: DynamoDB writes both in the same JSON.
type Item = Map<String, Value>;

/// Takes a body.
///
/// # Panics
///
/// If the message does not say what the body says, or something is neither queued nor parked.
pub fn check(body: &[u8]) {
    if body.len() < MAX_BODY {
        RUNTIME.block_on(pass_through(body));
    }
}

async fn pass_through(body: &[u8]) {
    // A question is not kept.
    let Some(item) = written(body).await else { return };
    assert_eq!(item[BODY]["B"], STANDARD.encode(body));
    let relayed = relay(&item).await;
    match notification::type_name(body) {
        Some(type_name) => relayed.assert_arrived(body, &item, &type_name),
        None => assert_eq!((relayed.queued(), relayed.parked()), (vec![], vec![]), "unreadable, and answered so"),
    }

    // Had any bytes got in as an event, what is JSON would go out as it is, and all else be parked.
    let mut item = item;
    item.insert(KIND.to_owned(), json!({ "S": Kind::Event.name() }));
    item.insert(TYPE.to_owned(), json!({ "S": "order_paid" }));
    let relayed = relay(&item).await;
    if notification::json(body).is_some() {
        relayed.assert_arrived(body, &item, "order_paid");
    } else {
        let keys = (text_of(&item, PK).unwrap().to_owned(), text_of(&item, SK).unwrap().to_owned());
        assert_eq!((relayed.queued(), relayed.parked()), (vec![], vec![keys]));
    }
}

/// What the front door writes; `None` if that is nothing.
async fn written(body: &[u8]) -> Option<Item> {
    #[derive(Deserialize)]
    struct PutItem {
        #[serde(rename = "Item")]
        item: Item,
    }
    let table = Table::default();
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
    World::new(events).accept_signed(body, Duration::ZERO).await;
    let request = table.0.lock().unwrap().take()?;
    Some(serde_json::from_slice::<PutItem>(&request).unwrap().item)
}

/// Has the relay take an item from the table's stream.
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
    let history = Past(StoredEvent::read(&event.records[0].change.new_image).ok());
    let (queue, parking) = (Queued::default(), ParkingLot::default());
    let relay = Relay { queue, parking, history, payment_without_order: PaymentWithoutOrder::Grant };
    let (response, _) = handle(&relay, &event, || BATCH_TIME).await;
    assert!(response.batch_item_failures.is_empty(), "what cannot be sent must not come again");
    Relayed { queued: relay.queue.0.into_inner().unwrap(), parked: relay.parking.0.into_inner().unwrap() }
}

/// What became of an item.
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
        assert!(text.chars().all(is_fit_for_sqs), "{text:?}");
        for id in [&message.group_id, &message.deduplication_id] {
            assert!((1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
        }

        let event = message::Event::read(text).unwrap();
        let sent = notification::json(body).unwrap();
        let sent = sent.replace('\u{fffe}', r"\ufffe").replace('\u{ffff}', r"\uffff");
        assert_eq!(event.notification.get(), sent);
        assert_eq!(event.notification_type, type_name);
        assert_eq!(event.event_id, format!("{}#{}", text_of(item, PK).unwrap(), text_of(item, SK).unwrap()));
        for (name, value) in [(ORDER_ID, event.order_id), (USER_ID, event.user_id), (PROJECT_ID, event.project_id)] {
            assert_eq!(value.as_deref(), text_of(item, name), "{name}");
        }
    }
}

fn text_of<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?["S"].as_str()
}

/// What SQS takes: the characters of XML 1.0.
fn is_fit_for_sqs(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Takes every item.
#[derive(Debug, Clone, Default)]
struct Table(Arc<Mutex<Option<Vec<u8>>>>);

impl HttpConnector for Table {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        *self.0.lock().unwrap() = request.body().bytes().map(<[u8]>::to_vec);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from("{}"))))
    }
}

/// Takes every message.
#[derive(Default)]
struct Queued(Mutex<Vec<Message>>);

impl Queue for Queued {
    async fn send(&self, batch: &[&Message]) -> Vec<SendResult> {
        self.0.lock().unwrap().extend(batch.iter().map(|message| (*message).clone()));
        batch.iter().map(|_| SendResult::Sent).collect()
    }
}

#[derive(Default)]
struct ParkingLot(Mutex<Vec<Parked>>);

impl Parking for ParkingLot {
    async fn park(&self, parked: &Parked) -> Result<(), PortError> {
        self.0.lock().unwrap().push(parked.clone());
        Ok(())
    }
}

/// One event, which is kept already when it is relayed.
struct Past(Option<StoredEvent>);

impl History for Past {
    async fn events_of(&self, _: &str) -> Result<Vec<StoredEvent>, PortError> {
        Ok(self.0.iter().cloned().collect())
    }
}
