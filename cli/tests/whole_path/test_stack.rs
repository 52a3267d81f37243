//! A running stack, with methods to send webhooks like Xsolla, read the table, and receive messages like the game.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use cli::replay::Replay;
use cli::table::Table;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use intake::accept::{AcceptedTypes, Delivery, Intake, SourcePolicy};
use intake::aws::{EventHistory, Events, ParkingQueue, QueueUrls, SecretSource, SqsQueue};
use intake::directory::Directory;
use intake::outcome::Outcome;
use intake::relay::Relay;
use intake::secrets::SecretCache;
use intake::settings::DirectorySetting;
use intake::testing::{SignedBody, sign};
use jiff::Timestamp;
use local::{Stack, StackOptions};
use message::{Goods, ItemRole};
use serde::Deserialize;
use serde_json::value::RawValue;
use xsolla::{EventId, GoodsReason, PaymentWithoutOrder, Secrets};

pub use crate::event_files::{SECRET, UNSIGNED_KEY, sample};

/// An item of a table.
pub type Item = HashMap<String, AttributeValue>;
/// The webhook function without its Lambda runtime.
pub type WebhookIntake = Intake<Events, Directory, SecretSource>;

pub struct TestStack {
    pub emulator: Stack,
    http: Client<HttpConnector, Full<Bytes>>,
    /// The number of marker events that were sent.
    markers: AtomicUsize,
}

/// The response to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// A message in the game's queue.
#[derive(Debug, Deserialize)]
pub struct Message {
    pub event_id: String,
    pub r#type: String,
    pub goods: Goods,
    pub goods_reason: Option<GoodsReason>,
    pub item_roles: Option<Vec<ItemRole>>,
    pub subject: String,
    pub order_id: Option<String>,
    pub user_id: Option<String>,
    pub recipient_user_id: Option<String>,
    pub project_id: Option<String>,
    pub mode: String,
    pub identified: bool,
    pub deprecated: bool,
    pub replay: bool,
    pub received_at: String,
    pub notification: Box<RawValue>,
    /// The message attributes of SQS.
    #[serde(skip)]
    pub attributes: HashMap<String, String>,
    /// The whole body as received.
    #[serde(skip)]
    pub text: String,
    #[serde(skip)]
    pub group_id: String,
    #[serde(skip)]
    pub deduplication_id: String,
}

pub fn options() -> StackOptions {
    StackOptions {
        port: 0,
        dynamodb_port: 0,
        sqs_port: 0,
        secrets: SECRET.parse::<Secrets>().unwrap(),
        directory: DirectorySetting::AcceptAll,
        payment_without_order: PaymentWithoutOrder::MoneyOnly,
        sources: local::local_sources(),
        unsigned_key: None,
        data: None,
    }
}

impl TestStack {
    pub async fn start() -> Self {
        Self::start_with(options()).await
    }

    pub async fn start_with(options: StackOptions) -> Self {
        let mut emulator = Stack::start(options).await.unwrap();
        emulator.open();
        Self { emulator, http: Client::builder(TokioExecutor::new()).build_http(), markers: AtomicUsize::new(0) }
    }

    /// Sends a signed body to `/webhooks`.
    pub async fn send(&self, body: impl AsRef<[u8]>) -> Answer {
        self.send_to("/webhooks", body).await
    }

    /// Sends a signed body to a path.
    pub async fn send_to(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        self.request(Method::POST, path, &[&sign(body, SECRET)], body).await
    }

    /// Sends a request with these `Authorization` headers.
    pub async fn request(&self, method: Method, path: &str, authorization: &[&str], body: &[u8]) -> Answer {
        let headers: Vec<_> = authorization.iter().map(|value| ("authorization", *value)).collect();
        self.request_with(method, path, &headers, body).await
    }

    pub async fn request_with(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let (head, body) = self.exchange(method, path, headers, body).await.into_parts();
        Answer { status: head.status.as_u16(), body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// Sends a request with these headers. Returns the complete response.
    pub async fn exchange(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.emulator.webhook_addr));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/json").body(Bytes::copy_from_slice(body).into());
        let (head, body) = self.http.request(request.unwrap()).await.unwrap().into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    /// All items of the events table.
    pub async fn stored(&self) -> Vec<Item> {
        let scan = self.emulator.dynamodb.scan().table_name("events").consistent_read(true);
        let items = scan.into_paginator().items().send();
        items.collect::<Result<Vec<Item>, _>>().await.unwrap()
    }

    /// Deletes an item, as DynamoDB does when it has expired.
    pub async fn expire(&self, event_id: &EventId) {
        let delete = self.emulator.dynamodb.delete_item().table_name("events");
        let [pk, sk] = [event_id.subject(), event_id.rest()].map(|text| AttributeValue::S(text.to_owned()));
        delete.key("pk", pk).key("sk", sk).send().await.unwrap();
    }

    /// Removes the relay's decision about an event, as if the event had not been relayed.
    pub async fn remove_decision(&self, event_id: &EventId) {
        let update = self.emulator.dynamodb.update_item().table_name("events");
        let [pk, sk] = [event_id.subject(), event_id.rest()].map(|text| AttributeValue::S(text.to_owned()));
        let update = update.key("pk", pk).key("sk", sk);
        update.update_expression("REMOVE goods, goods_reason, goods_mode, decided_at").send().await.unwrap();
    }

    /// The attribute `kind` of all items, sorted.
    pub async fn stored_kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = self.stored().await.iter().map(|item| text(item, "kind")).collect();
        kinds.sort();
        kinds
    }

    /// Receives and deletes the messages of all events that were sent before this call.
    ///
    /// Sends a marker event and waits for its message. The relay preserves the order of the stream, so that all
    /// earlier messages have arrived by then.
    pub async fn receive_all(&self) -> Vec<Message> {
        let number = self.markers.fetch_add(1, Ordering::Relaxed);
        let marker = format!("transaction#marker-{number}");
        let body = format!(r#"{{"notification_type":"payment","transaction":{{"id":"marker-{number}"}}}}"#);
        assert_eq!(self.send(body).await.status, 204);
        let mut messages = Vec::new();
        let mut marker_received = false;
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            assert!(Instant::now() < deadline, "no message of the marker event");
            let batch = self.receive(i32::from(!marker_received)).await;
            if batch.is_empty() && marker_received {
                return messages;
            }
            for message in batch {
                if message.subject == marker {
                    marker_received = true;
                } else {
                    messages.push(message);
                }
            }
        }
    }

    /// Receives and deletes up to ten messages.
    pub async fn receive(&self, wait_seconds: i32) -> Vec<Message> {
        let url = &self.emulator.queues.events;
        let receive = self.emulator.sqs.receive_message().queue_url(url).message_attribute_names("All");
        let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
        let received = receive.max_number_of_messages(10).wait_time_seconds(wait_seconds).send().await.unwrap();
        let mut messages = Vec::new();
        for message in received.messages() {
            let delete = self.emulator.sqs.delete_message().queue_url(url);
            delete.set_receipt_handle(message.receipt_handle.clone()).send().await.unwrap();
            let mut parsed: Message = serde_json::from_str(message.body().unwrap()).unwrap();
            for (name, value) in message.message_attributes().unwrap() {
                parsed.attributes.insert(name.clone(), value.string_value().unwrap().to_owned());
            }
            let system = message.attributes().unwrap();
            parsed.group_id.clone_from(&system[&MessageSystemAttributeName::MessageGroupId]);
            parsed.deduplication_id.clone_from(&system[&MessageSystemAttributeName::MessageDeduplicationId]);
            message.body().unwrap().clone_into(&mut parsed.text);
            messages.push(parsed);
        }
        messages
    }

    /// A relay that sends to the stack's queues through this client.
    pub fn relay(&self, sqs: &aws_sdk_sqs::Client) -> Relay<SqsQueue, ParkingQueue, EventHistory> {
        let queues = &self.emulator.queues;
        Relay {
            queue: SqsQueue::new(sqs.clone(), queues.events.clone()),
            parking: ParkingQueue::new(sqs.clone(), Some(queues.parked.clone())),
            history: EventHistory::new(self.emulator.dynamodb.clone(), "events".to_owned()),
            payment_without_order: PaymentWithoutOrder::MoneyOnly,
        }
    }

    /// The events table, as the operator commands use it.
    pub fn table(&self) -> Table {
        Table { client: self.emulator.dynamodb.clone(), name: "events".to_owned() }
    }

    /// The command `replay`, sending to this queue.
    pub fn replay_to(&self, queue_url: String) -> Replay {
        Replay::new(self.table(), self.emulator.sqs.clone(), queue_url, PaymentWithoutOrder::MoneyOnly)
    }

    pub fn replay(&self) -> Replay {
        self.replay_to(self.emulator.queues.events.clone())
    }

    /// Runs the command line against this stack. Returns whether it succeeded, and its output.
    pub async fn run(&self, arguments: &[&str]) -> (bool, String) {
        self.run_with(arguments, &[]).await
    }

    /// Runs the command line with additional environment variables.
    pub async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
        let QueueUrls { events, dead_letters, parked } = &self.emulator.queues;
        command.args(arguments).envs(aws_variables(&self.emulator.dynamodb_endpoint, &self.emulator.sqs_endpoint));
        command.envs([
            ("QUEUE_URL", events.as_str()),
            ("DEAD_LETTER_QUEUE_URL", dead_letters),
            ("PARKED_QUEUE_URL", parked),
            ("PAYMENT_WITHOUT_ORDER", "money_only"),
        ]);
        command.envs(variables.iter().copied());
        output(command).await
    }
}

/// Variables that both the functions and the command line read.
pub fn aws_variables<'a>(dynamodb: &'a str, sqs: &'a str) -> [(&'static str, &'a str); 7] {
    [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
        ("AWS_ENDPOINT_URL_SQS", sqs),
        ("TABLE_NAME", "events"),
        ("XSOLLA_SECRETS", SECRET),
    ]
}

/// Runs a command. Returns whether it succeeded, and its output.
pub async fn output(mut command: Command) -> (bool, String) {
    command.stdin(Stdio::null());
    // The emulator that the command calls may run on this thread.
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// An intake that accepts all types, users and sources, and verifies with [`SECRET`].
pub fn intake(events: Events) -> WebhookIntake {
    Intake {
        accepted_types: AcceptedTypes::All,
        events,
        directory: Some(Directory::ACCEPT_ALL),
        secrets: SecretCache::new(SecretSource::Fixed(SECRET.parse::<Secrets>().unwrap())),
        sources: SourcePolicy::default(),
    }
}

/// Delivers a body that is signed with [`SECRET`].
pub async fn deliver(intake: &WebhookIntake, body: &str) -> Outcome {
    deliver_signed(intake, body, SECRET, Timestamp::now()).await.0
}

/// Delivers a body that is signed with a secret. Returns the outcome, and the error that the log would contain.
pub async fn deliver_signed(
    intake: &WebhookIntake,
    body: &str,
    secret: &str,
    received_at: Timestamp,
) -> (Outcome, Option<String>) {
    let signed = SignedBody::with_secret(body, secret);
    let delivery = Delivery { received_at, ..signed.delivery() };
    let report = Box::pin(intake.accept(&delivery)).await;
    (report.outcome, report.error.map(|error| error.to_string()))
}

/// A string attribute. Empty if it is missing.
pub fn text(item: &Item, name: &str) -> String {
    item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
}

/// The key.
pub fn event_id(item: &Item) -> EventId {
    EventId::new(text(item, "pk"), text(item, "sk"))
}

/// The stored body.
pub fn body(item: &Item) -> &[u8] {
    item["body"].as_b().unwrap().as_ref()
}
