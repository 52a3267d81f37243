//! The trace of a webhook goes on with its event: from the invocation of the front door to the message in the queue, and
//! through the log.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use intake::aws::{EventHistory, ParkingQueue, SqsQueue};
use intake::lambda;
use intake::relay::Relay;
use local::lambda_emulator::{LambdaEmulator, TRACE_HEADER};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use xsolla::PaymentWithoutOrder;

use crate::events::proxy_event;
use crate::kills::{own_process, trigger, variables};
use crate::proxy::{Fault, FaultProxy};
use crate::world::{World, sample, text};

/// Of [`TRACE_HEADER`], what is passed on.
const PASSED_ON: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";

/// A function as a process of its own, and where it logs.
async fn function(name: &str, world: &World, sqs: &str) -> (LambdaEmulator, PathBuf) {
    let log = std::env::temp_dir().join(format!("xsolla-webhooks-{name}-{}.log", std::process::id()));
    let mut command = own_process(name);
    command.envs(variables(world, &world.stack.dynamodb_endpoint, sqs)).stdout(File::create(&log).unwrap());
    (LambdaEmulator::start(command).await.unwrap(), log)
}

/// The line of this kind.
fn line(log: &Path, message: &str) -> Value {
    let lines = fs::read_to_string(log).unwrap();
    fs::remove_file(log).unwrap();
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<Value> = lines.filter(|line| line["message"] == message).collect();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    line.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_invocation_by_way_of_the_item_to_the_message() {
    let world = World::start().await;
    let (mut front_door, its_log) = function("webhook", &world, &world.stack.sqs_endpoint).await;
    let event = proxy_event("/webhooks", sample("payment")).to_string().into_bytes();
    let answer: Value = serde_json::from_slice(&front_door.invoke(event).await.unwrap()).unwrap();
    assert_eq!(answer["statusCode"], 204);
    assert!(TRACE_HEADER.starts_with(PASSED_ON) && TRACE_HEADER.len() > PASSED_ON.len());
    assert_eq!(text(&world.kept().await[0], "trace"), PASSED_ON);

    // The embedded SQS drops what of a message is SQS's own: so it is looked at on its way.
    let queue = FaultProxy::start(&world.stack.sqs_endpoint, "SendMessageBatch", Fault::NamesNone, 0).await;
    let (relay, log_of_relay) = function("relay", &world, &queue.endpoint).await;
    let relay = Arc::new(Mutex::new(relay));
    let (done, mut is_done) = mpsc::unbounded_channel();
    let invoke = move |event: Vec<u8>| {
        let (relay, done) = (Arc::clone(&relay), done.clone());
        async move {
            let answer = relay.lock().await.invoke(event).await.unwrap();
            done.send(()).unwrap();
            Ok(answer.to_vec())
        }
    };
    let trigger = trigger(&world.stack.dynamodb_endpoint, invoke).await;
    is_done.recv().await.unwrap();
    trigger.abort();
    let entry = &queue.requests()[0]["Entries"][0];
    let of_sqs = json!({ "AWSTraceHeader": { "DataType": "String", "StringValue": PASSED_ON } });
    assert_eq!(entry["MessageSystemAttributes"], of_sqs);

    let (webhook, relayed) = (line(&its_log, "webhook"), line(&log_of_relay, "relayed"));
    let event_id = "transaction#2298114507#payment";
    assert_eq!((&webhook["event_id"], &relayed["event_ids"]), (&json!(event_id), &json!([event_id])));
    for line in [webhook, relayed] {
        assert_eq!(line["trace_id"], "1-5759e988-bd862e3fe1be46a994272793");
        assert_eq!(line["request_id"], "00000000-0000-4000-8000-000000000001");
    }
    let (succeeded, shown) = world.run(&["show", event_id]).await;
    assert!(succeeded && shown.contains(", trace 1-5759e988-bd862e3fe1be46a994272793"), "{shown}");
}

/// Two events of the stream; the first came with this header.
fn stream_event(trace: &str) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("../../../events/relay.json")).unwrap();
    event["Records"][0]["dynamodb"]["NewImage"]["trace"] = json!({ "S": trace });
    event
}

/// What the relay has asked of SQS with such an event, and how much has come to the queue.
async fn relayed(trace: &str, refusals: usize) -> (Vec<Value>, usize) {
    let world = World::start().await;
    let fault = Fault::ErrorBefore(400, "InvalidParameterValue");
    let proxy = FaultProxy::start(&world.stack.sqs_endpoint, "SendMessageBatch", fault, refusals).await;
    let sqs = world.stack.sqs.config().to_builder().endpoint_url(&proxy.endpoint).build();
    let sqs = aws_sdk_sqs::Client::from_conf(sqs);
    let relay = Relay {
        queue: SqsQueue::new(sqs.clone(), world.stack.queues.events.clone()),
        parking: ParkingQueue::new(sqs, None),
        history: EventHistory::new(world.stack.dynamodb.clone(), "events".to_owned()),
        payment_without_order: PaymentWithoutOrder::MoneyOnly,
    };
    let event = serde_json::from_value(stream_event(trace)).unwrap();
    let (answer, relayed) = lambda::relay::handle(&relay, &event, || Duration::from_mins(1)).await;
    assert_eq!((answer.batch_item_failures.len(), relayed.parked), (0, 0), "{trace}");
    let entries = proxy.requests().into_iter().flat_map(|request| request["Entries"].as_array().cloned().unwrap());
    (entries.map(|entry| entry["MessageSystemAttributes"].clone()).collect(), world.queued().await.len())
}

#[tokio::test]
async fn a_broken_header_is_none() {
    for broken in ["", "Root=dummy;Sampled=0", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=x"] {
        assert_eq!(relayed(broken, 0).await, (vec![Value::Null; 2], 2), "{broken}");
    }
}

#[tokio::test]
async fn an_event_whose_header_sqs_refuses_is_queued_without_it() {
    let header = json!({ "AWSTraceHeader": { "DataType": "String", "StringValue": PASSED_ON } });
    assert_eq!(relayed(PASSED_ON, 1).await, (vec![header, Value::Null, Value::Null], 2));
}
