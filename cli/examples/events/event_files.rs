//! Contents of `events/*.json`: one Lambda event for each function.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use intake::lambda::unsigned::ROUTES;
use serde_json::{Value, json};
use xsolla::samples::{self, Sample};
use xsolla::{BodyDigest, NotificationType, sign};

pub const SECRET: &str = "test_secret";
/// The key in the path of unsigned webhooks.
pub const UNSIGNED_KEY: &str = "testkeytestkeytestkeytestkeytestkey";

/// All events, by the name of their function.
pub fn all() -> BTreeMap<String, Value> {
    functions().into_iter().map(|function| (function.clone(), event(&function))).collect()
}

/// The names of all functions.
pub fn functions() -> Vec<String> {
    let entries = fs::read_dir(workspace().join("functions/src/bin")).unwrap();
    let name = |entry: fs::DirEntry| entry.path().file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
    names.sort();
    names
}

/// The type that a function is named after. `None` for `webhook`, `unsigned` and `relay`.
pub fn type_of(function: &str) -> Option<NotificationType> {
    function.replace('-', "_").parse().ok()
}

/// The path of an event's file.
pub fn path(function: &str) -> PathBuf {
    workspace().join(format!("events/{function}.json"))
}

/// The text of an event's file.
pub fn text(event: &Value) -> String {
    serde_json::to_string_pretty(event).unwrap() + "\n"
}

/// The sample of this name.
pub fn sample(name: &str) -> &'static str {
    samples::get(name).unwrap_or_else(|| panic!("no sample {name}")).body
}

/// The first sample of a type.
pub fn sample_of(notification_type: NotificationType) -> &'static str {
    let is_of_type = |sample: &&Sample| sample.name.split('-').next() == Some(notification_type.name());
    let sample = samples::ALL.iter().find(is_of_type);
    sample.unwrap_or_else(|| panic!("{} has no sample", notification_type.name())).body.trim_end()
}

/// An event of API Gateway for a signed webhook.
///
/// The body is plain text for readability. The deployed API sends base64.
pub fn proxy_event(path: &str, body: &str) -> Value {
    let signature = sign(body.as_bytes(), SECRET);
    let headers = [
        ("Accept", "application/json"),
        ("Authorization", &signature),
        ("Content-Type", "application/json"),
        ("Host", "example.execute-api.eu-central-1.amazonaws.com"),
        ("X-Forwarded-For", "185.30.20.10"),
    ];
    let single: Value = headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let multiple: Value = headers.iter().map(|(name, value)| ((*name).to_owned(), json!([value]))).collect();
    json!({
        "resource": path,
        "path": path,
        "httpMethod": "POST",
        "headers": single,
        "multiValueHeaders": multiple,
        "queryStringParameters": null,
        "multiValueQueryStringParameters": null,
        "pathParameters": null,
        "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "example",
            "httpMethod": "POST",
            "identity": { "sourceIp": "185.30.20.10" },
            "path": format!("/live{path}"),
            "protocol": "HTTP/1.1",
            "requestId": "5a0a32a4-0000-4000-8000-000000000000",
            "requestTimeEpoch": 1_778_772_127_000_u64,
            "resourcePath": path,
            "stage": "live"
        },
        "body": body,
        "isBase64Encoded": false
    })
}

fn event(function: &str) -> Value {
    match (function, type_of(function)) {
        ("webhook", _) => proxy_event("/webhooks", sample("order_paid-combined").trim_end()),
        ("unsigned", _) => unsigned_event(),
        ("relay", _) => stream_event(),
        (_, Some(own)) => proxy_event(&format!("/webhooks/{}", own.name()), sample_of(own)),
        (_, None) => panic!("the function {function} is not named after a notification type"),
    }
}

/// An event of API Gateway for a payout: a key in the path, and no signature.
fn unsigned_event() -> Value {
    let (route, _) = ROUTES[1];
    let path = route.replace("{key}", UNSIGNED_KEY);
    let mut event = proxy_event(&path, sample("payout").trim_end());
    event["resource"] = json!(route);
    event["requestContext"]["resourcePath"] = json!(route);
    event["pathParameters"] = json!({ "key": UNSIGNED_KEY });
    for headers in ["headers", "multiValueHeaders"] {
        event[headers].as_object_mut().unwrap().remove("Authorization");
    }
    event
}

/// An event of the table's stream for a payment and its refund.
fn stream_event() -> Value {
    let record = |sequence_number: u64, type_name: &str| {
        let body = sample(type_name).trim_end();
        let keys = json!({ "pk": { "S": "transaction#2298114507" }, "sk": { "S": type_name } });
        json!({
            "eventID": format!("{sequence_number:032x}"),
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-central-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_778_772_127.0,
                "Keys": keys,
                "NewImage": {
                    "pk": keys["pk"],
                    "sk": keys["sk"],
                    "kind": { "S": "event" },
                    "type": { "S": type_name },
                    "user_id": { "S": "isle-4471" },
                    "project_id": { "S": "52417" },
                    "mode": { "S": "live" },
                    "identified": { "BOOL": true },
                    "secret_index": { "N": "0" },
                    "digest": { "S": BodyDigest::of(body.as_bytes()).to_string() },
                    "body": { "B": STANDARD.encode(body) },
                    "received_at": { "S": "2026-05-14T15:22:07.000000Z" },
                    "expires_at": { "N": "1813332127" },
                    "attempt": { "S": "00000000000040008000000000000000" }
                },
                "SequenceNumber": sequence_number.to_string(),
                "SizeBytes": 4096,
                "StreamViewType": "NEW_IMAGE"
            },
            "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/events/stream/2026-01-01T00:00:00.000"
        })
    };
    json!({ "Records": [record(1_000_000_000_000_000_001, "payment"), record(1_000_000_000_000_000_002, "refund")] })
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
