//! Makes each call to AWS with a fault, and verifies that no event is lost or duplicated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_lambda_events::event::dynamodb::Event;
use aws_sdk_dynamodb::config::Region;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use intake::accept::{DEADLINE, Intake};
use intake::aws::{CallLimits, EventHistory, Events, SecretSource};
use intake::directory::Directory;
use intake::emulator::emulator_config;
use intake::lambda;
use intake::relay::Relay;
use intake::secrets::SecretCache;
use intake::settings::DirectorySetting;
use intake::testing::insert_record;
use jiff::Timestamp;
use local::StackOptions;
use serde_json::{Value, json};
use xsolla::PaymentWithoutOrder;

use crate::fault_cases::Call;
use crate::fault_proxy::{CallFault, FaultProxy};
use crate::secrets::secrets_manager;
use crate::test_stack::{Item, TestStack, WebhookIntake, deliver_signed, intake, options, text};

/// Limits for faults that cause a time-out. Three attempts with their pauses fit into the operation limit, and the
/// operation into [`DEADLINE`], as with the limits of the functions.
pub const STALLING: CallLimits = CallLimits {
    connect: Duration::from_millis(100),
    attempt: Duration::from_millis(300),
    operation: Duration::from_millis(1300),
};

/// Limits for all other faults, long enough that no attempt times out on a slow machine.
pub const ANSWERING: CallLimits = CallLimits {
    connect: Duration::from_millis(700),
    attempt: Duration::from_millis(700),
    operation: Duration::from_millis(1600),
};

/// A stack, and the events that must be in its queues at the end.
pub struct FaultHarness {
    pub stack: TestStack,
    secrets_endpoint: String,
    /// The subjects of all events that were delivered.
    events: Mutex<BTreeSet<String>>,
    /// The subjects of all events that SQS can never accept.
    parked: Mutex<BTreeSet<String>>,
}

/// The webhook secret in Secrets Manager.
pub const STORED_SECRET: &str = "eG7pX2mWq9LsVt4K";

/// The endpoints that the SDK calls.
#[derive(Clone)]
pub struct Endpoints {
    pub dynamodb: String,
    pub sqs: String,
    pub secrets: String,
}

impl FaultHarness {
    pub async fn start() -> Self {
        let directory = DirectorySetting::Table("users".to_owned());
        let stack = TestStack::start_with(StackOptions { directory, ..options() }).await;
        let put = stack.emulator.dynamodb.put_item().table_name("users");
        let put = put.item("user_id", AttributeValue::S("me".to_owned()));
        put.item("public_id", AttributeValue::S("captain".to_owned())).send().await.unwrap();
        let secrets_endpoint = secrets_manager(Arc::new(Mutex::new(Some(STORED_SECRET)))).await;
        Self { stack, secrets_endpoint, events: Mutex::default(), parked: Mutex::default() }
    }

    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            dynamodb: self.stack.emulator.dynamodb_endpoint.clone(),
            sqs: self.stack.emulator.sqs_endpoint.clone(),
            secrets: self.secrets_endpoint.clone(),
        }
    }

    /// Makes a call whose first attempts have the fault. Returns the result and the number of attempts.
    pub async fn call_with_fault(&self, call: Call, id: usize, fault: CallFault, times: usize) -> (String, usize) {
        let mut endpoints = self.endpoints();
        let endpoint = match call {
            Call::PutItem | Call::GetItem | Call::UsersQuery | Call::HistoryQuery | Call::UpdateItem => {
                &mut endpoints.dynamodb
            }
            Call::GetSecretValue => &mut endpoints.secrets,
            Call::SendMessageBatch | Call::SendMessage => &mut endpoints.sqs,
        };
        let proxy = FaultProxy::start(endpoint, call.expectation().operation, fault, times).await;
        endpoint.clone_from(&proxy.endpoint);
        let started = Instant::now();
        let result = self.call(call, id, fault.limits(), &endpoints).await;
        assert!(started.elapsed() < DEADLINE, "{call:?}, {fault:?}: {:?}", started.elapsed());
        (result, proxy.attempts())
    }

    /// Makes a call for the event of this id. Returns the result.
    pub async fn call(&self, call: Call, id: usize, limits: CallLimits, endpoints: &Endpoints) -> String {
        let config = config(limits, format!("region-of-{call:?}-{id}"));
        match call {
            Call::PutItem | Call::GetSecretValue => {
                self.events.lock().unwrap().insert(format!("transaction#{id}"));
                let intake = intake_at(&config, endpoints);
                intake.events.connect().await;
                status_and_outcome(&intake, &payment(id)).await
            }
            Call::GetItem => {
                let question = r#"{"notification_type":"user_validation","user":{"id":"me"}}"#;
                status_and_outcome(&intake_at(&config, endpoints), question).await
            }
            Call::UsersQuery => {
                let search = r#"{"notification_type":"user_search","user":{"public_id":"captain"}}"#;
                status_and_outcome(&intake_at(&config, endpoints), search).await
            }
            Call::SendMessageBatch => {
                let ids = ["a", "b", "c"].map(|letter| format!("{id}{letter}"));
                self.events.lock().unwrap().extend(ids.iter().map(|id| format!("transaction#{id}")));
                self.relay(&config, endpoints, &ids.map(|id| record(&id, "payment", &payment(&id)))).await
            }
            Call::SendMessage => {
                self.parked.lock().unwrap().insert(format!("transaction#{id}"));
                self.relay(&config, endpoints, &[record(&id.to_string(), "payment", "no JSON")]).await
            }
            Call::HistoryQuery => {
                self.events.lock().unwrap().insert(format!("transaction#{id}"));
                let refund = format!(r#"{{"notification_type":"refund","transaction":{{"id":"{id}"}}}}"#);
                self.relay(&config, endpoints, &[record(&id.to_string(), "refund", &refund)]).await
            }
            Call::UpdateItem => {
                self.events.lock().unwrap().insert(format!("transaction#{id}"));
                let record = record(&id.to_string(), "payment", &payment(id));
                self.store(&record).await;
                self.relay(&config, endpoints, &[record]).await
            }
        }
    }

    /// Stores the event of a stream record unless it exists, without a message from the stack's own relay.
    pub async fn store(&self, record: &Value) {
        let dynamodb = &self.stack.emulator.dynamodb;
        let mut item = item(record);
        let [pk, sk] = ["pk", "sk"].map(|name| item[name].clone());
        item.insert("kind".to_owned(), AttributeValue::S("conflict".to_owned()));
        let put = dynamodb.put_item().table_name("events").set_item(Some(item));
        if put.condition_expression("attribute_not_exists(pk)").send().await.is_ok() {
            // The stack relays new items, not updates.
            let update = dynamodb.update_item().table_name("events").key("pk", pk).key("sk", sk);
            let update = update.update_expression("SET kind = :event");
            let event = AttributeValue::S("event".to_owned());
            update.expression_attribute_values(":event", event).send().await.unwrap();
        }
    }

    /// Relays records of the stream. Returns the result.
    pub async fn relay(&self, config: &SdkConfig, endpoints: &Endpoints, records: &[Value]) -> String {
        let sqs = aws_sdk_sqs::Client::new(&with_endpoint(config, &endpoints.sqs));
        let dynamodb = aws_sdk_dynamodb::Client::new(&with_endpoint(config, &endpoints.dynamodb));
        let relay = Relay {
            history: EventHistory::new(dynamodb, "events".to_owned()),
            payment_without_order: PaymentWithoutOrder::Grant,
            ..self.stack.relay(&sqs)
        };
        let event: Event = serde_json::from_value(json!({ "Records": records })).unwrap();
        let (answer, outcome) =
            Box::pin(lambda::relay::handle(&relay, &event, Timestamp::now(), || Duration::from_mins(1))).await;
        match answer.batch_item_failures.first().map(|failure| failure.item_identifier.as_deref().unwrap()) {
            None if outcome.parked == records.len() => "parked".to_owned(),
            None => "sent".to_owned(),
            Some(first) if first == records[0]["dynamodb"]["SequenceNumber"] => "retried by the stream".to_owned(),
            Some(other) => format!("retried by the stream from {other}"),
        }
    }

    /// Moves an event from the expected messages to the expected notes in the parked queue.
    pub fn expect_parked(&self, subject: &str) {
        assert!(self.events.lock().unwrap().remove(subject), "{subject} was not delivered");
        self.parked.lock().unwrap().insert(subject.to_owned());
    }

    /// Asserts that each event is in its queue once, and that the table contains no conflicts.
    pub async fn verify(&self) {
        let mut messages = BTreeMap::new();
        for message in self.stack.receive_all().await {
            *messages.entry(message.subject).or_insert(0) += 1;
        }
        let each_once = self.events.lock().unwrap().iter().map(|subject| (subject.clone(), 1)).collect();
        assert_eq!(messages, each_once);
        for item in self.stack.stored().await {
            assert_eq!(text(&item, "kind"), "event", "{}", text(&item, "pk"));
        }

        let mut parked = BTreeSet::new();
        loop {
            let receive = self.stack.emulator.sqs.receive_message().queue_url(&self.stack.emulator.queues.parked);
            let received = receive.max_number_of_messages(10).send().await.unwrap();
            if received.messages().is_empty() {
                break;
            }
            for message in received.messages() {
                let note: Value = serde_json::from_str(message.body().unwrap()).unwrap();
                parked.insert(note["pk"].as_str().unwrap().to_owned());
            }
        }
        assert_eq!(parked, *self.parked.lock().unwrap());
    }
}

/// A configuration with a region of its own, because the SDK shares one retry quota per service and region.
pub fn config(limits: CallLimits, region: String) -> SdkConfig {
    emulator_config(limits).region(Region::new(region)).build()
}

fn with_endpoint(config: &SdkConfig, endpoint: &str) -> SdkConfig {
    config.to_builder().endpoint_url(endpoint).build()
}

pub fn payment(id: impl std::fmt::Display) -> String {
    format!(r#"{{"notification_type":"payment","transaction":{{"id":"{id}"}}}}"#)
}

/// An intake with a table of users and secrets in Secrets Manager.
pub fn intake_at(config: &SdkConfig, endpoints: &Endpoints) -> WebhookIntake {
    let client = aws_sdk_secretsmanager::Client::new(&with_endpoint(config, &endpoints.secrets));
    let dynamodb = with_endpoint(config, &endpoints.dynamodb);
    let users = DirectorySetting::Table("users".to_owned());
    Intake {
        directory: Some(Directory::new(users, config, &aws_sdk_dynamodb::Client::new(&dynamodb))),
        secrets: SecretCache::new(SecretSource::SecretsManager { client, secret_id: "xsolla".to_owned() }),
        ..intake(Events::new(&dynamodb, "events".to_owned()))
    }
}

pub async fn status_and_outcome(intake: &WebhookIntake, body: &str) -> String {
    let (outcome, _) = deliver_signed(intake, body, STORED_SECRET, Timestamp::now()).await;
    format!("{} {}", outcome.answer().status(), outcome.name())
}

/// A record of the stream for a stored event.
pub fn record(id: &str, type_name: &str, body: &str) -> Value {
    let attributes = json!({
        "pk": { "S": format!("transaction#{id}") },
        "sk": { "S": type_name },
        "kind": { "S": "event" },
        "type": { "S": type_name },
    });
    insert_record(id, attributes, body)
}

/// The item of a stream record.
pub fn item(record: &Value) -> Item {
    let attribute = |value: &Value| {
        let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "S" => AttributeValue::S(value.as_str().unwrap().to_owned()),
            "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
            "B" => AttributeValue::B(Blob::new(BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap())),
            _ => panic!("unexpected attribute type {kind}"),
        }
    };
    let image = record["dynamodb"]["NewImage"].as_object().unwrap();
    image.iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}
