//! A running stack, and what a test does with it: send like Xsolla, look into the table, take like the game.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use cli::table::Table;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use intake::aws::QueueUrls;
use intake::settings::DirectorySetting;
use local::{Stack, StackOptions};
use message::{Goods, ItemRole};
use serde::Deserialize;
use serde_json::value::RawValue;
use xsolla::{PaymentWithoutOrder, Secrets, sign};

pub const SECRET: &str = "test_secret";
/// The key in the path of what is not signed, where there is such a path.
pub const UNSIGNED_KEY: &str = "testkeytestkeytestkeytestkeytestkey";

pub type Item = HashMap<String, AttributeValue>;

pub struct World {
    pub stack: Stack,
    http: Client<HttpConnector, Full<Bytes>>,
    lasts: AtomicUsize,
}

/// What Xsolla is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// What the game finds in its queue.
#[derive(Debug, Deserialize)]
pub struct Message {
    pub event_id: String,
    pub r#type: String,
    pub goods: Goods,
    pub item_roles: Option<Vec<ItemRole>>,
    pub subject: String,
    pub order_id: Option<String>,
    pub user_id: Option<String>,
    pub project_id: Option<String>,
    pub mode: String,
    pub identified: bool,
    pub deprecated: bool,
    pub replay: bool,
    pub received_at: String,
    pub notification: Box<RawValue>,
    /// Message attributes.
    #[serde(skip)]
    pub attributes: HashMap<String, String>,
    /// Its text.
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

impl World {
    pub async fn start() -> Self {
        Self::start_with(options()).await
    }

    pub async fn start_with(options: StackOptions) -> Self {
        let mut stack = Stack::start(options).await.unwrap();
        stack.open();
        Self { stack, http: Client::builder(TokioExecutor::new()).build_http(), lasts: AtomicUsize::new(0) }
    }

    /// Sends a body to the one URL, signed.
    pub async fn send(&self, body: impl AsRef<[u8]>) -> Answer {
        self.send_to("/webhooks", body).await
    }

    pub async fn send_to(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        self.request(Method::POST, path, &[&sign(body, SECRET)], body).await
    }

    /// Sends whatever is asked for.
    pub async fn request(&self, method: Method, path: &str, authorization: &[&str], body: &[u8]) -> Answer {
        let headers: Vec<_> = authorization.iter().map(|value| ("authorization", *value)).collect();
        self.request_with(method, path, &headers, body).await
    }

    /// The same, with these headers.
    pub async fn request_with(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.stack.webhook_addr));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.header("content-type", "application/json").body(Bytes::copy_from_slice(body).into());
        let response = self.http.request(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// All that is in the table.
    pub async fn kept(&self) -> Vec<Item> {
        let scan = self.stack.dynamodb.scan().table_name("events").consistent_read(true);
        let pages = scan.into_paginator().items().send();
        pages.collect::<Result<Vec<Item>, _>>().await.unwrap()
    }

    /// The kinds of all that is in the table, sorted.
    pub async fn kept_kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = self.kept().await.iter().map(|item| text(item, "kind")).collect();
        kinds.sort();
        kinds
    }

    /// All that has come to the queue for what was sent before this call, taken from it.
    ///
    /// The relay keeps the order of the stream: once an event that is sent now has come, all before it have.
    pub async fn queued(&self) -> Vec<Message> {
        let last = self.lasts.fetch_add(1, Ordering::Relaxed);
        let last_subject = format!("transaction#the-last-{last}");
        let body = format!(r#"{{"notification_type":"payment","transaction":{{"id":"the-last-{last}"}}}}"#);
        assert_eq!(self.send(body).await.status, 204);
        let mut messages = Vec::new();
        let mut last_has_come = false;
        let given_up_at = Instant::now() + Duration::from_mins(1);
        loop {
            assert!(Instant::now() < given_up_at, "the relay is silent");
            let wait_seconds = i32::from(!last_has_come);
            let taken = self.take(wait_seconds).await;
            if taken.is_empty() && last_has_come {
                return messages;
            }
            for message in taken {
                if message.subject == last_subject {
                    last_has_come = true;
                } else {
                    messages.push(message);
                }
            }
        }
    }

    /// The table, as the commands look into it.
    pub fn table(&self) -> Table {
        Table { client: self.stack.dynamodb.clone(), name: "events".to_owned() }
    }

    /// Runs the command line against this world; what it printed, and whether it succeeded.
    pub async fn run(&self, arguments: &[&str]) -> (bool, String) {
        self.run_with(arguments, &[]).await
    }

    /// The same, with these variables.
    pub async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
        command.args(arguments).stdin(Stdio::null());
        let QueueUrls { events, dead_letters, parked } = &self.stack.queues;
        for (name, value) in [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.stack.dynamodb_endpoint),
            ("AWS_ENDPOINT_URL_SQS", &self.stack.sqs_endpoint),
            ("TABLE_NAME", "events"),
            ("QUEUE_URL", events),
            ("DEAD_LETTER_QUEUE_URL", dead_letters),
            ("PARKED_QUEUE_URL", parked),
            ("PAYMENT_WITHOUT_ORDER", "money_only"),
            ("XSOLLA_SECRETS", SECRET),
        ] {
            command.env(name, value);
        }
        command.envs(variables.iter().copied());
        // Not on this thread, which answers the command.
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(printed).unwrap())
    }

    /// Some of what is in the queue now, taken from it.
    pub async fn take(&self, wait_seconds: i32) -> Vec<Message> {
        let url = &self.stack.queues.events;
        let taken = self.stack.sqs.receive_message().queue_url(url).message_attribute_names("All");
        let taken = taken.message_system_attribute_names(MessageSystemAttributeName::All);
        let taken = taken.max_number_of_messages(10).wait_time_seconds(wait_seconds).send().await.unwrap();
        let mut messages = Vec::new();
        for message in taken.messages() {
            let delete = self.stack.sqs.delete_message().queue_url(url);
            delete.set_receipt_handle(message.receipt_handle.clone()).send().await.unwrap();
            let mut read: Message = serde_json::from_str(message.body().unwrap()).unwrap();
            for (name, value) in message.message_attributes().unwrap() {
                read.attributes.insert(name.clone(), value.string_value().unwrap().to_owned());
            }
            let system = message.attributes().unwrap();
            read.group_id.clone_from(&system[&MessageSystemAttributeName::MessageGroupId]);
            read.deduplication_id.clone_from(&system[&MessageSystemAttributeName::MessageDeduplicationId]);
            message.body().unwrap().clone_into(&mut read.text);
            messages.push(read);
        }
        messages
    }
}

/// A string attribute, or nothing.
pub fn text(item: &Item, name: &str) -> String {
    item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
}

/// The body as kept.
pub fn body(item: &Item) -> &[u8] {
    item["body"].as_b().unwrap().as_ref()
}

pub fn sample(name: &str) -> &'static str {
    xsolla::samples::get(name).unwrap_or_else(|| panic!("no sample {name}")).body
}
