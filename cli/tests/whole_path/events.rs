//! The files of `events/`: right, and accepted. `UPDATE_EVENTS=1 cargo test` writes them anew.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use intake::accept::{AcceptedTypes, DEADLINE, Intake, SourcePolicy};
use intake::aws::{EventHistory, ParkingQueue, SecretSource, SqsQueue};
use intake::directory::Directory;
use intake::lambda;
use intake::lambda::proxy::ProxyRequest;
use intake::lambda::unsigned::ROUTES;
use intake::relay::Relay;
use intake::secrets::SecretCache;
use intake::unsigned::UnsignedIntake;
use jiff::Timestamp;
use serde_json::{Value, json};
use xsolla::{BodyDigest, PaymentWithoutOrder, Secrets, SourceRanges, sign};

use crate::functions::{self, sample_of};
use crate::types::is_answered;
use crate::world::{SECRET, UNSIGNED_KEY, World, sample};

/// The file as it is, which must be as it should be.
fn file(function: &str, should_be: &Value) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../events/{function}.json"));
    let mut text = serde_json::to_string_pretty(should_be).unwrap();
    text.push('\n');
    if std::env::var_os("UPDATE_EVENTS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let is = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(is, text, "{}: UPDATE_EVENTS=1 cargo test writes it anew", path.display());
    is
}

/// What a REST API sends. The body stands as text, so that people can read it; API Gateway would send base64.
pub fn proxy_event(path: &str, sample: &str) -> Value {
    let signature = sign(sample.as_bytes(), SECRET);
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
        "body": sample,
        "isBase64Encoded": false
    })
}

/// What a REST API sends for a path with a key in it, and no signature.
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

/// What the table's stream sends for a payment and its refund.
fn stream_event() -> Value {
    let record = |sequence_number: u64, kind: &str| {
        let body = sample(kind).trim_end();
        let keys = json!({ "pk": { "S": "transaction#2298114507" }, "sk": { "S": kind } });
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
                    "type": { "S": kind },
                    "user_id": { "S": "isle-4471" },
                    "project_id": { "S": "52417" },
                    "mode": { "S": "live" },
                    "identified": { "BOOL": true },
                    "secret_index": { "N": "0" },
                    "digest": { "S": BodyDigest::of(body.as_bytes()).to_string() },
                    "body": { "B": STANDARD.encode(body) },
                    "received_at": { "S": "2026-05-14T15:22:07.000Z" },
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

#[tokio::test]
async fn each_function_takes_its_event() {
    let world = World::start().await;
    for function in functions::all().iter().filter(|function| !["unsigned", "relay"].contains(&function.as_str())) {
        let own = functions::type_of(function);
        let (accepted_types, path, sent) = own.map_or_else(
            || (AcceptedTypes::All, "/webhooks".to_owned(), sample("order_paid-combined").trim_end()),
            |own| (AcceptedTypes::Only(own), format!("/webhooks/{}", own.name()), sample_of(own)),
        );
        let event: ProxyRequest = serde_json::from_str(&file(function, &proxy_event(&path, sent))).unwrap();
        let intake = Intake {
            accepted_types,
            events: world.stack.events.clone(),
            directory: Some(Directory::ACCEPT_ALL),
            secrets: SecretCache::new(SecretSource::Fixed(SECRET.parse::<Secrets>().unwrap())),
            sources: SourcePolicy { enforced: true, ..SourcePolicy::default() },
        };
        let (answer, line) = lambda::webhook::handle(&intake, &event, None, Timestamp::now(), DEADLINE).await;
        if own.is_none_or(is_answered) {
            assert!(answer.status_code < 300, "{function}: {line}");
        } else {
            assert!(line.to_string().starts_with("503 no_directory"), "{function}: {line}");
        }
    }
}

#[tokio::test]
async fn the_unsigned_function_takes_its_event() {
    let world = World::start().await;
    let event: ProxyRequest = serde_json::from_str(&file("unsigned", &unsigned_event())).unwrap();
    let intake = UnsignedIntake {
        events: world.stack.events.clone(),
        directory: Directory::ACCEPT_ALL,
        keys: SecretCache::new(SecretSource::Fixed(UNSIGNED_KEY.parse::<Secrets>().unwrap())),
        sources: SourceRanges::published(),
    };
    let (answer, line) = lambda::unsigned::handle(&intake, &event, None, Timestamp::now(), DEADLINE).await;
    assert_eq!(answer.status_code, 200, "{line}");
    assert!(include_str!("../../../events/local.env").contains(&format!("\nUNSIGNED_KEY={UNSIGNED_KEY}\n")));
}

#[tokio::test]
async fn the_relay_queues_its_event() {
    let world = World::start().await;
    let event: Event = serde_json::from_str(&file("relay", &stream_event())).unwrap();
    let relay = Relay {
        queue: SqsQueue::new(world.stack.sqs.clone(), world.stack.queues.events.clone()),
        parking: ParkingQueue::new(world.stack.sqs.clone(), Some(world.stack.queues.parked.clone())),
        history: EventHistory::new(world.stack.dynamodb.clone(), "events".to_owned()),
        payment_without_order: PaymentWithoutOrder::MoneyOnly,
    };
    let (answer, _) = lambda::relay::handle(&relay, &event, || Duration::from_mins(1)).await;
    assert!(answer.batch_item_failures.is_empty());
    let queued = world.queued().await;
    let types: Vec<&str> = queued.iter().map(|message| message.r#type.as_str()).collect();
    assert_eq!(types, ["payment", "refund"]);
}
