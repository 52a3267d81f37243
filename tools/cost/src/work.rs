//! Processing steps of a webhook, with the code of the deployed functions and a fake network, and bodies to process.

use std::hint::black_box;

use aws_lambda_events::event::dynamodb::Event;
use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use intake::accept::{AcceptedTypes, DEADLINE, Intake, MAX_BODY, SourcePolicy};
use intake::aws::{CallLimits, EventHistory, Events, ParkingQueue, SecretSource, SqsQueue, sdk_config};
use intake::directory::Directory;
use intake::lambda;
use intake::lambda::proxy::ProxyRequest;
use intake::lambda::pseudonyms::WithPseudonyms;
use intake::ports::{EventStore, PutOutcome};
use intake::record::{Kind, Record, StoredEvent};
use intake::relay::{Relay, replay_message};
use intake::sales::DecideError;
use intake::secrets::SecretCache;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use xsolla::{Envelope, PaymentWithoutOrder, Secrets, Signature, sign};

const SECRET: &str = "test_secret";
const PSEUDONYM_KEY: &str = "test_key_of_pseudonyms";
const RECEIVED_AT: Timestamp = Timestamp::constant(1_795_307_467, 42_000_000);

/// The composition of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `afs_black_list`, as documented: one of the smallest events.
    Small,
    /// `payment`, as documented.
    Typical,
    /// An order of many items.
    Items,
    /// One long text.
    Text,
    /// An id of many escapes.
    Escapes,
    /// One text of characters that SQS rejects.
    Rejected,
    /// Many keys that are not read.
    Keys,
    /// One key that is read, repeated.
    RepeatedKey,
    /// Arrays in arrays.
    Nesting,
    /// An array of many numbers, where items are expected.
    Numbers,
}

/// Shapes of variable size.
pub const SHAPES: [Shape; 8] = [
    Shape::Items,
    Shape::Text,
    Shape::Escapes,
    Shape::Rejected,
    Shape::Keys,
    Shape::RepeatedKey,
    Shape::Nesting,
    Shape::Numbers,
];

impl Shape {
    /// A body of this shape. `size` is in bytes; shapes of fixed size ignore it.
    pub fn body(self, size: usize) -> String {
        let payment = r#"{"notification_type":"payment","transaction":{"id":7},"#;
        let order = r#"{"notification_type":"order_paid","order":{"id":7,"invoice_id":8},"#;
        let repeated = |head: &str, begin: &str, part: &str, end: &str| {
            let times = (size - head.len() - begin.len() - end.len()) / part.len();
            format!("{head}{begin}{}{end}", part.repeat(times))
        };
        let body = match self {
            Self::Small => return xsolla::samples::get("afs_black_list").unwrap().body.to_owned(),
            Self::Typical => return xsolla::samples::get("payment").unwrap().body.to_owned(),
            Self::Items => {
                let item = r#"{"sku":"lantern-brass","type":"virtual_good","quantity":3,"amount":"500"},"#;
                repeated(order, r#""items":["#, item, r#"{"sku":"last"}]}"#)
            }
            Self::Text => repeated(payment, r#""custom_parameters":{"text":""#, "x", r#""}}"#),
            Self::Escapes => repeated(payment, r#""user":{"id":""#, r"\u00e9", r#""}}"#),
            Self::Rejected => repeated(payment, r#""custom_parameters":{"text":""#, "\u{ffff}", r#""}}"#),
            Self::Keys => {
                // Ten bytes each, all distinct.
                let keys: Vec<String> =
                    (1..(size - payment.len()) / 10).map(|nth| format!(r#""{nth:05}":1,"#)).collect();
                format!(r#"{payment}{}"last":1}}"#, keys.concat())
            }
            Self::RepeatedKey => repeated(payment, "", r#""transaction":{"id":7},"#, r#""last":1}"#),
            Self::Nesting => {
                let depth = (size - payment.len() - r#""x":}"#.len()) / 2;
                format!(r#"{payment}"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth))
            }
            Self::Numbers => repeated(order, r#""items":["#, "1,", "1]}"),
        };
        let blanks = " ".repeat(size - body.len());
        body + &blanks
    }
}

/// Largest measured body, in bytes. The functions accept bodies of twice this size.
pub const LARGEST: usize = MAX_BODY / 2;

/// A step of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Verifies the signature and hashes the body.
    Verify,
    /// Reads the envelope.
    Identify,
    /// Builds, signs and sends the `PutItem` request, and reads its answer.
    Store,
    /// The whole webhook, from API Gateway's event to the answer and the log line; includes the three steps above.
    Webhook,
    /// Builds the message from an event of the table.
    Message,
    /// The whole relay, from the stream's event to the answer: builds the message, sends it, and checks for drift.
    Relay,
}

impl Step {
    pub const ALL: [Self; 6] = [Self::Verify, Self::Identify, Self::Store, Self::Webhook, Self::Message, Self::Relay];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Identify => "identify",
            Self::Store => "build and send the item",
            Self::Webhook => "a whole webhook",
            Self::Message => "build the message",
            Self::Relay => "a whole event in the relay",
        }
    }

    /// Prepares the input of the step. The returned closure runs it, any number of times.
    pub fn prepare(self, body: &str) -> Box<dyn Fn()> {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        // Leaked: needed until the program ends.
        let body: &'static str = body.to_owned().leak();
        let secrets = SECRET.parse::<Secrets>().unwrap();
        let authorization = sign(body.as_bytes(), SECRET);
        let verify = move || {
            let signature = authorization.parse::<Signature>().unwrap();
            secrets.verify(body.as_bytes(), &signature).unwrap()
        };
        match self {
            Self::Verify => Box::new(move || {
                black_box(verify());
            }),
            Self::Identify => {
                let verified = verify();
                Box::new(move || drop(black_box(Envelope::parse(&verified).unwrap())))
            }
            Self::Store => {
                let events = events(&network());
                let envelope = Envelope::parse(&verify()).unwrap();
                let record = Record {
                    kind: Kind::Event,
                    event_id: envelope.event_id().clone(),
                    type_name: Some(envelope.type_name().to_owned().into()),
                    order_id: envelope.order_id().map(|id| id.to_owned().into()),
                    user_id: envelope.user_id().map(|id| id.to_owned().into()),
                    project_id: envelope.project_id().map(|id| id.to_owned().into()),
                    subscription_id: envelope.subscription_id().map(|id| id.to_owned().into()),
                    mode: envelope.mode(),
                    identified: envelope.is_identified(),
                    body: verify().into(),
                    received_at: RECEIVED_AT,
                    trace: None,
                };
                Box::new(move || assert_eq!(runtime.block_on(events.put_if_absent(&record)), Ok(PutOutcome::Inserted)))
            }
            Self::Webhook => webhook(runtime, body),
            Self::Message => {
                let event: Event = serde_json::from_slice(&stream_event(body)).unwrap();
                let event = StoredEvent::read(&event.records[0].change.new_image).unwrap();
                let history = history(&network());
                Box::new(move || {
                    let message = replay_message(&event, &history, PaymentWithoutOrder::Grant, RECEIVED_AT);
                    let message = black_box(runtime.block_on(message));
                    // A deeply nested body is not relayed.
                    assert!(matches!(message, Ok(_) | Err(DecideError::TooComplex(_))));
                })
            }
            Self::Relay => relay(runtime, body),
        }
    }
}

fn webhook(runtime: Runtime, body: &str) -> Box<dyn Fn()> {
    let intake = Intake {
        accepted_types: AcceptedTypes::All,
        events: events(&network()),
        directory: Some(Directory::ACCEPT_ALL),
        secrets: SecretCache::new(SecretSource::Fixed(SECRET.parse::<Secrets>().unwrap())),
        sources: SourcePolicy::default(),
    };
    let keys = SecretCache::new(SecretSource::Fixed(PSEUDONYM_KEY.parse::<Secrets>().unwrap()));
    let function = WithPseudonyms { flow: intake, keys: Some(keys) };
    let mut request: Value = serde_json::from_str(include_str!("../../../events/webhook.json")).unwrap();
    let authorization = sign(body.as_bytes(), SECRET);
    request["headers"] = json!({ "Authorization": authorization });
    request["multiValueHeaders"] = json!({ "Authorization": [authorization] });
    request["body"] = STANDARD.encode(body).into();
    request["isBase64Encoded"] = true.into();
    let request = request.to_string();
    Box::new(move || {
        let request: ProxyRequest = serde_json::from_str(&request).unwrap();
        let handled = lambda::api_gateway::handle(&function, &request, None, RECEIVED_AT, DEADLINE);
        let (response, line) = runtime.block_on(Box::pin(handled));
        assert!([200, 204].contains(&response.status_code));
        black_box((serde_json::to_vec(&response).unwrap(), serde_json::to_vec(&line).unwrap()));
    })
}

fn relay(runtime: Runtime, body: &str) -> Box<dyn Fn()> {
    let config = network();
    let sqs = aws_sdk_sqs::Client::new(&config);
    let relay = Relay {
        queue: SqsQueue::new(sqs.clone(), "https://sqs.eu-central-1.amazonaws.com/1/events.fifo".to_owned()),
        parking: ParkingQueue::new(sqs, None),
        history: history(&config),
        payment_without_order: PaymentWithoutOrder::Grant,
    };
    let event = stream_event(body);
    Box::new(move || {
        let event: Event = serde_json::from_slice(&event).unwrap();
        let handled = lambda::relay::handle(&relay, &event, RECEIVED_AT, || lambda::relay::BATCH_TIME);
        let (response, relayed) = runtime.block_on(Box::pin(handled));
        // A deeply nested body is parked.
        assert_eq!(relayed.queued.len() + relayed.parked, 1);
        black_box((lambda::relay::drift(&event, &response), serde_json::to_vec(&response).unwrap()));
    })
}

/// The stream event of a body.
fn stream_event(body: &str) -> Vec<u8> {
    let mut event: Value = serde_json::from_str(include_str!("../../../events/relay.json")).unwrap();
    let records = event["Records"].as_array_mut().unwrap();
    records.truncate(1);
    let image = &mut records[0]["dynamodb"]["NewImage"];
    let type_name = serde_json::from_str::<Value>(body).map(|body| body["notification_type"].clone());
    // A deeply nested body cannot be parsed here.
    image["type"]["S"] = type_name.unwrap_or_else(|_| "payment".into());
    image["body"]["B"] = STANDARD.encode(body).into();
    serde_json::to_vec(&event).unwrap()
}

fn events(config: &SdkConfig) -> Events {
    Events::new(config, "events".to_owned())
}

fn history(config: &SdkConfig) -> EventHistory {
    EventHistory::new(aws_sdk_dynamodb::Client::new(config), "events".to_owned())
}

/// The SDK configuration for Lambda, with a fake network that answers at once.
fn network() -> SdkConfig {
    sdk_config(CallLimits::WEBHOOK)
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "local",
            "local",
            None,
            None,
            "benchmark",
        )))
        .http_client(http_client_fn(|_, _| SharedHttpConnector::new(FakeNetwork)))
        .build()
}

#[derive(Debug)]
struct FakeNetwork;

impl HttpConnector for FakeNetwork {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_batch = request.headers().get("x-amz-target").is_some_and(|target| target.ends_with("Batch"));
        let answer = if is_batch {
            r#"{"Successful":[{"Id":"0","MessageId":"5fea7756","MD5OfMessageBody":"098f6bcd"}],"Failed":[]}"#
        } else {
            "{}"
        };
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from(answer))))
    }
}
