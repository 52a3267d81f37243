//! The command `console`, run as a process.

use std::process::Stdio;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::test_stack::{TestStack, aws_variables, sample};

#[tokio::test]
async fn serves_sales_of_the_stack_read_only_and_masked() {
    let stack = TestStack::start().await;
    stack.send(sample("payment")).await;
    stack.receive_all().await;

    let queues = &stack.emulator.queues;
    let mut command = Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
    command.args(["console", "--port", "0"]).stdout(Stdio::piped()).kill_on_drop(true);
    command.envs(aws_variables(&stack.emulator.dynamodb_endpoint, &stack.emulator.sqs_endpoint));
    command.envs([
        ("QUEUE_URL", &queues.events),
        ("DEAD_LETTER_QUEUE_URL", &queues.dead_letters),
        ("PARKED_QUEUE_URL", &queues.parked),
    ]);
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let page = line.split_whitespace().last().unwrap().trim_end_matches('/').to_owned();

    let get = async |path: &str| -> Value {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let response = client.get(format!("{page}{path}").parse().unwrap()).await.unwrap();
        serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
    };
    assert_eq!(get("/api/session").await["is_live"], false);
    let found = get("/api/sale?id=2298114507").await;
    let sale = &found["sales"][0];
    assert_eq!((&sale["events"][0]["goods"], &sale["user"]), (&json!("money_only"), &json!("***")));
    let text = found.to_string();
    assert!(!text.contains("mira@example.com") && !text.contains("isle-4471"), "{text}");
    assert_eq!(get("/api/queues").await["dead_letters"], json!([]));
    process.kill().await.unwrap();
}
