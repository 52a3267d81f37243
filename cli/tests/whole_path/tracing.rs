//! The trace of a webhook, from the invocation of the webhook function to the log of the relay and the message.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use intake::lambda;
use jiff::Timestamp;
use local::lambda_emulator::{LambdaEmulator, TRACE_HEADER};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use crate::event_files::proxy_event;
use crate::fault_proxy::{CallFault, FaultProxy};
use crate::process_kills::{own_process, trigger, variables};
use crate::test_stack::{TestStack, sample, text};

/// The part of [`TRACE_HEADER`] that is stored and sent.
const FORWARDED: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0";

/// Starts a function as a process. Returns its environment and the path of its log.
async fn function(name: &str, stack: &TestStack, sqs: &str) -> (LambdaEmulator, PathBuf) {
    let log = std::env::temp_dir().join(format!("xsolla-webhooks-{name}-{}.log", std::process::id()));
    let mut command = own_process(name);
    command.envs(variables(stack, &stack.emulator.dynamodb_endpoint, sqs)).stdout(File::create(&log).unwrap());
    (LambdaEmulator::start(command).await.unwrap(), log)
}

/// The single log line with this message.
fn log_line(log: &Path, message: &str) -> Value {
    let lines = fs::read_to_string(log).unwrap();
    fs::remove_file(log).unwrap();
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines: Vec<Value> = lines.filter(|line| line["message"] == message).collect();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    line.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_header_reaches_item_message_and_logs() {
    let stack = TestStack::start().await;
    let (mut webhook, webhook_log) = function("webhook", &stack, &stack.emulator.sqs_endpoint).await;
    let event = proxy_event("/webhooks", sample("payment")).to_string().into_bytes();
    let answer: Value = serde_json::from_slice(&webhook.invoke(event).await.unwrap()).unwrap();
    assert_eq!(answer["statusCode"], 204);
    assert!(TRACE_HEADER.starts_with(FORWARDED) && TRACE_HEADER.len() > FORWARDED.len());
    assert_eq!(text(&stack.stored().await[0], "trace"), FORWARDED);
    // The stack's own relay has stored its decision when its message arrives. The other relay then decides nothing.
    while stack.receive(1).await.is_empty() {}

    // The embedded SQS drops system attributes, so that the test reads them from the request.
    let queue = FaultProxy::start(&stack.emulator.sqs_endpoint, "SendMessageBatch", CallFault::EmptyResult, 0).await;
    let (relay, relay_log) = function("relay", &stack, &queue.endpoint).await;
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
    let trigger = trigger(&stack.emulator.dynamodb_endpoint, invoke).await;
    is_done.recv().await.unwrap();
    trigger.abort();
    let entry = &queue.requests()[0]["Entries"][0];
    let system_attributes = json!({ "AWSTraceHeader": { "DataType": "String", "StringValue": FORWARDED } });
    assert_eq!(entry["MessageSystemAttributes"], system_attributes);

    let (webhook, relayed) = (log_line(&webhook_log, "webhook"), log_line(&relay_log, "relayed"));
    let event_id = "transaction#2298114507#payment";
    assert_eq!((&webhook["event_id"], &relayed["event_ids"]), (&json!(event_id), &json!([event_id])));
    for line in [webhook, relayed] {
        assert_eq!(line["trace_id"], "1-5759e988-bd862e3fe1be46a994272793");
        assert_eq!(line["request_id"], "00000000-0000-4000-8000-000000000001");
    }
    let (succeeded, shown) = stack.run(&["show", event_id]).await;
    assert!(succeeded && shown.contains(", trace 1-5759e988-bd862e3fe1be46a994272793"), "{shown}");
}

/// Two records of the stream. The first one has this header.
fn stream_event(trace: &str) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("../../../events/relay.json")).unwrap();
    event["Records"][0]["dynamodb"]["NewImage"]["trace"] = json!({ "S": trace });
    event
}

/// Relays two records while SQS rejects the first requests. Returns the attributes of all entries, and the number of
/// messages.
async fn relay(trace: &str, rejections: usize) -> (Vec<Value>, usize) {
    let stack = TestStack::start().await;
    let fault = CallFault::ErrorBefore(400, "InvalidParameterValue");
    let proxy = FaultProxy::start(&stack.emulator.sqs_endpoint, "SendMessageBatch", fault, rejections).await;
    let sqs = stack.emulator.sqs.config().to_builder().endpoint_url(&proxy.endpoint).build();
    let sqs = aws_sdk_sqs::Client::from_conf(sqs);
    let event = serde_json::from_value(stream_event(trace)).unwrap();
    let (answer, outcome) =
        lambda::relay::handle(&stack.relay(&sqs), &event, Timestamp::now(), || Duration::from_mins(1)).await;
    assert_eq!((answer.batch_item_failures.len(), outcome.parked), (0, 0), "{trace}");
    let entries = proxy.requests().into_iter().flat_map(|request| request["Entries"].as_array().cloned().unwrap());
    (entries.map(|entry| entry["MessageSystemAttributes"].clone()).collect(), stack.receive_all().await.len())
}

#[tokio::test]
async fn malformed_header_is_omitted() {
    for header in ["", "Root=dummy;Sampled=0", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=x"] {
        assert_eq!(relay(header, 0).await, (vec![Value::Null; 2], 2), "{header}");
    }
}

#[tokio::test]
async fn header_rejected_by_sqs_is_omitted_on_retry() {
    let header = json!({ "AWSTraceHeader": { "DataType": "String", "StringValue": FORWARDED } });
    assert_eq!(relay(FORWARDED, 1).await, (vec![header, Value::Null, Value::Null], 2));
}
