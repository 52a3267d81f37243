//! Webhooks that Xsolla does not sign: Web Shop user validation and payouts.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use hyper::Method;
use intake::accept::{DEADLINE, SourcePolicy};
use intake::aws::{CallLimits, SecretSource};
use intake::directory::Directory;
use intake::emulator::emulator_config;
use intake::lambda;
use intake::lambda::proxy::ProxyRequest;
use intake::secrets::SecretCache;
use intake::settings::{DirectorySetting, SecretsSetting};
use intake::unsigned::UnsignedIntake;
use jiff::{SignedDuration, Timestamp};
use local::StackOptions;
use message::Goods;
use serde_json::{Value, json};
use xsolla::{Answer as Documented, Secrets, SourceRanges};

use crate::secrets::secrets_manager;
use crate::studio_endpoint::{StudioEndpoint, endpoint_setting, reply};
use crate::test_stack::{Answer, TestStack, UNSIGNED_KEY, body, options, sample, text};

const WEB_SHOP: &str = "user-validation";
const PAYOUT: &str = "payout";

async fn start(directory: DirectorySetting) -> TestStack {
    let unsigned_key = Some(UNSIGNED_KEY.parse::<Secrets>().unwrap());
    TestStack::start_with(StackOptions { directory, unsigned_key, ..options() }).await
}

impl TestStack {
    /// Sends a body without a signature.
    async fn send_unsigned(&self, route: &str, body: &str) -> Answer {
        self.request(Method::POST, &format!("/unsigned/{UNSIGNED_KEY}/{route}"), &[], body.as_bytes()).await
    }
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, body: body.to_owned() }
}

/// The answer to all requests that are not served. It reveals nothing.
fn not_served() -> Answer {
    answer(503, Documented::ServiceUnavailable.body().unwrap())
}

fn login(id: &str) -> String {
    format!(r#"{{"settings":{{"project_id":52417,"merchant_id":8806}},"user":{{"id":{id},"country":"DE"}}}}"#)
}

#[tokio::test]
async fn answers_503_unless_enabled() {
    let stack = TestStack::start().await;
    for (route, name) in [(WEB_SHOP, "user_validation-webshop"), (PAYOUT, "payout")] {
        assert_eq!(stack.send_unsigned(route, sample(name)).await, not_served(), "{route}");
    }
    assert!(stack.stored().await.is_empty());
}

#[tokio::test]
async fn answers_503_to_wrong_path_key_or_method() {
    let stack = start(DirectorySetting::AcceptAll).await;
    for path in [
        "/unsigned/another-key-of-at-least-thirty-two-characters/payout".to_owned(),
        "/unsigned//payout".to_owned(),
        "/unsigned/payout".to_owned(),
        format!("/unsigned/{}/payout", &UNSIGNED_KEY[1..]),
        format!("/unsigned/{UNSIGNED_KEY}x/payout"),
        format!("/unsigned/{UNSIGNED_KEY}"),
        format!("/unsigned/{UNSIGNED_KEY}/"),
        format!("/unsigned/{UNSIGNED_KEY}/payment"),
        format!("/unsigned/{UNSIGNED_KEY}/payout/"),
        format!("/unsigned/{UNSIGNED_KEY}/more/payout"),
    ] {
        let sent = stack.request(Method::POST, &path, &[], sample("payout").as_bytes()).await;
        assert_eq!(sent, not_served(), "{path}");
    }
    let read = stack.request(Method::GET, &format!("/unsigned/{UNSIGNED_KEY}/payout"), &[], b"").await;
    assert_eq!(read, not_served());
    assert!(stack.stored().await.is_empty());
}

#[tokio::test]
async fn key_in_path_is_not_percent_decoded() {
    let key = "odd%20key+with:special;chars=and%2Fslash~0123";
    let unsigned_key = Some(Secrets::new(vec![key.to_owned()]).unwrap());
    let stack = TestStack::start_with(StackOptions { unsigned_key, ..options() }).await;
    let payout = sample("payout").as_bytes();
    let sent = stack.request(Method::POST, &format!("/unsigned/{key}/payout"), &[], payout).await;
    assert_eq!(sent, answer(200, ""));
}

#[tokio::test]
async fn always_enforces_source_addresses() {
    let unsigned_key = Some(UNSIGNED_KEY.parse::<Secrets>().unwrap());
    let sources = SourcePolicy::default();
    assert!(!sources.enforced);
    let stack = TestStack::start_with(StackOptions { sources, unsigned_key, ..options() }).await;
    for (route, name) in [(WEB_SHOP, "user_validation-webshop"), (PAYOUT, "payout")] {
        assert_eq!(stack.send_unsigned(route, sample(name)).await, not_served(), "{route}");
    }
    assert!(stack.stored().await.is_empty());
}

#[tokio::test]
async fn payout_is_relayed_once_per_status_in_order() {
    let stack = start(DirectorySetting::AcceptAll).await;
    let in_progress = sample("payout").trim_end();
    let success = in_progress.replace("in_progress", "success");
    for sent in [in_progress, in_progress, &success, in_progress, &success] {
        assert_eq!(stack.send_unsigned(PAYOUT, sent).await, answer(200, ""));
    }

    let stored = stack.stored().await;
    assert_eq!(stored.len(), 2);
    let item = stored.iter().find(|item| body(item) == in_progress.as_bytes()).unwrap();
    for (name, value) in [
        ("pk", "payout#8841"),
        ("sk", "payout#in_progress"),
        ("kind", "event"),
        ("type", "payout"),
        ("user_id", ""),
        ("order_id", ""),
        ("project_id", ""),
        ("mode", "live"),
    ] {
        assert_eq!(text(item, name), value, "{name}");
    }
    assert!(!item.contains_key("secret_index"), "there is no signature");

    let messages = stack.receive_all().await;
    let ids: Vec<&str> = messages.iter().map(|message| message.event_id.as_str()).collect();
    assert_eq!(ids, ["payout#8841#payout#in_progress", "payout#8841#payout#success"]);
    for message in &messages {
        assert_eq!((message.r#type.as_str(), message.subject.as_str()), ("payout", "payout#8841"));
        assert_eq!((message.goods, message.identified, message.deprecated), (Goods::Info, true, false));
        assert_eq!(message.attributes["type"], "payout");
    }
    assert_eq!(messages[1].notification.get(), success);
    let payout = message::model::Payout::from_json(messages[1].notification.get()).unwrap();
    assert_eq!(payout.status, Some(message::model::PayoutStatus::Success));
}

#[tokio::test]
async fn stores_conflicting_unidentified_and_unreadable_payouts() {
    let stack = start(DirectorySetting::AcceptAll).await;
    let status = async |sent: &str| stack.send_unsigned(PAYOUT, sent).await.status;
    assert_eq!(status(sample("payout")).await, 200);
    assert_eq!(status(&sample("payout").replace("412.08", "412.09")).await, 200, "a conflict");
    assert_eq!(status(r#"{"amount":1,"transaction":{"id":7},"user":{"id":"isle-4471"}}"#).await, 200, "no id");
    assert_eq!(status("[]").await, 400);
    assert_eq!(stack.stored_kinds().await, ["conflict", "event", "event", "unreadable"]);
    let messages = stack.receive_all().await;
    assert_eq!(messages.len(), 2);
    assert!(messages.iter().all(|message| message.goods == Goods::Info));
    let without_id = messages.iter().find(|message| !message.identified).unwrap();
    assert!(without_id.subject.starts_with("body#"), "it does not belong to a sale");
    assert_eq!(without_id.user_id, None);
}

#[tokio::test]
async fn webhook_function_rejects_unsigned_bodies() {
    let stack = start(DirectorySetting::AcceptAll).await;
    for name in ["payout", "user_validation-webshop"] {
        for path in ["/webhooks", "/webhooks/payout"] {
            let unsigned = stack.request(Method::POST, path, &[], sample(name).as_bytes()).await;
            assert_eq!(unsigned.status, 400, "{path}");
            assert!(unsigned.body.contains("INVALID_SIGNATURE"), "{path}");
            assert!(stack.send_to(path, sample(name)).await.body.contains("INVALID_PARAMETER"), "{path}");
        }
    }
    assert!(stack.receive_all().await.is_empty());
}

#[tokio::test]
async fn signature_does_not_change_the_type_of_a_route() {
    let stack = start(DirectorySetting::AcceptAll).await;
    let path = format!("/unsigned/{UNSIGNED_KEY}/payout");
    assert_eq!(stack.send_to(&path, sample("payment")).await.status, 200);
    let messages = stack.receive_all().await;
    assert_eq!(
        (messages[0].r#type.as_str(), messages[0].goods, messages[0].identified),
        ("payout", Goods::Info, false)
    );
}

#[tokio::test]
async fn accept_all_directory_finds_each_user() {
    let stack = start(DirectorySetting::AcceptAll).await;
    for (id, user) in [(r#""isle-4471""#, r#"{"user":{"id":"isle-4471"}}"#), ("4471", r#"{"user":{"id":4471}}"#)] {
        assert_eq!(stack.send_unsigned(WEB_SHOP, &login(id)).await, answer(200, user));
    }
    assert_eq!(stack.send_unsigned(WEB_SHOP, &login("null")).await, answer(404, ""), "the question has no user");
    assert_eq!(stack.send_unsigned(WEB_SHOP, "[]").await.status, 400);
    assert!(stack.stored().await.is_empty(), "questions are not stored");
}

#[tokio::test]
async fn table_directory_finds_its_users() {
    let stack = start(DirectorySetting::Table("users".to_owned())).await;
    for (user, name) in [("isle-4471", Some("Mira")), ("4471", None)] {
        let mut put = stack.emulator.dynamodb.put_item().table_name("users");
        for (attribute, value) in [("user_id", Some(user)), ("name", name)] {
            if let Some(value) = value {
                put = put.item(attribute, AttributeValue::S(value.to_owned()));
            }
        }
        put.send().await.unwrap();
    }
    for (id, expected) in [
        (r#""isle-4471""#, answer(200, r#"{"user":{"id":"isle-4471","name":"Mira"}}"#)),
        ("4471", answer(200, r#"{"user":{"id":4471}}"#)),
        (r#""stranger""#, answer(404, "")),
        (r#""""#, answer(404, "")),
        ("null", answer(404, "")),
    ] {
        assert_eq!(stack.send_unsigned(WEB_SHOP, &login(id)).await, expected, "{id}");
    }
    assert!(stack.stored().await.is_empty(), "questions are not stored");
    stack.emulator.dynamodb.delete_table().table_name("users").send().await.unwrap();
    assert_eq!(stack.send_unsigned(WEB_SHOP, &login("4471")).await.status, 500);
}

#[tokio::test]
async fn endpoint_directory_returns_attributes() {
    let endpoint = StudioEndpoint::start().await;
    let stack = start(endpoint_setting(&endpoint.url)).await;
    let attributes = r#"{"user":{"id":"isle-4471","picture":"https://example.com/m.png"},"attributes":[{"key":"level","value":10.0}],"removingKeys":["old"]}"#;
    for (endpoint_reply, expected) in [
        (reply(200, attributes), answer(200, attributes)),
        (reply(404, "<p>Not Found</p>"), answer(404, "")),
        (reply(200, "{}"), answer(500, Documented::ServerError.body().unwrap())),
        (reply(204, ""), answer(500, Documented::ServerError.body().unwrap())),
        (reply(400, "{}"), answer(500, Documented::ServerError.body().unwrap())),
    ] {
        endpoint.set_replies(&[endpoint_reply]);
        assert_eq!(stack.send_unsigned(WEB_SHOP, sample("user_validation-webshop")).await, expected);
        assert_eq!(endpoint.questions(), [sample("user_validation-webshop")]);
    }
    endpoint.set_replies(&[reply(503, ""), reply(200, attributes)]);
    assert_eq!(stack.send_unsigned(WEB_SHOP, sample("user_validation-webshop")).await.status, 200);
    assert_eq!(stack.send_unsigned(PAYOUT, sample("payout")).await.status, 200);
    assert_eq!(endpoint.question_count(), 2, "payouts are not sent to the endpoint");
}

const STORED_KEY: &str = "4tQz8mXb2VnLs6Rk9WcYp3HdJf7GuEa5";

/// The function receives events of API Gateway, and reads its key from Secrets Manager.
#[tokio::test]
async fn log_hides_key_and_path_and_shows_an_unknown_address_only_with_the_key() {
    let stack = TestStack::start().await;
    let stored: Arc<Mutex<Option<&'static str>>> = Arc::default();
    let config = emulator_config(CallLimits::WEBHOOK).endpoint_url(secrets_manager(Arc::clone(&stored)).await).build();
    let intake = UnsignedIntake {
        events: stack.emulator.events.clone(),
        directory: Directory::ACCEPT_ALL,
        keys: SecretCache::new(SecretSource::new(SecretsSetting::SecretsManager("key".to_owned()), &config)),
        sources: SourceRanges::published(),
    };
    let mut valid: Value = serde_json::from_str(include_str!("../../../events/unsigned.json")).unwrap();
    valid["pathParameters"]["key"] = STORED_KEY.into();
    let with = |pointer: &str, value: Value| {
        let mut event = valid.clone();
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    let log = async |event: &Value, received_at: Timestamp| {
        let request: ProxyRequest = serde_json::from_str(&event.to_string()).unwrap();
        let (answer, log) = lambda::api_gateway::handle(&intake, &request, None, received_at, DEADLINE).await;
        let log = serde_json::to_string(&log).unwrap();
        assert!(
            ![STORED_KEY, "/unsigned", "wrong-key", "studio@example.com"].iter().any(|hidden| log.contains(hidden))
        );
        (answer.status_code, log)
    };

    let (status, without_key) = log(&valid, Timestamp::UNIX_EPOCH).await;
    assert!(status == 500 && without_key.contains("secrets_unavailable"), "{without_key}");
    // The test key of `events/local.env` is public.
    *stored.lock().unwrap() = Some(UNSIGNED_KEY);
    let (status, test_key) = log(&valid, Timestamp::UNIX_EPOCH + SignedDuration::from_mins(1)).await;
    assert!(status == 500 && test_key.contains("secret 0 in the list is a placeholder"), "{test_key}");
    *stored.lock().unwrap() = Some(STORED_KEY);
    let unknown_address = json!("203.0.113.9");
    for (event, status, outcome) in [
        (valid.clone(), 200, "accepted"),
        (valid.clone(), 200, "duplicate"),
        (with("/pathParameters/key", json!("wrong-key")), 503, "wrong_key"),
        (with("/pathParameters", Value::Null), 503, "wrong_key"),
        (with("/requestContext/identity/sourceIp", unknown_address.clone()), 503, "unknown_source"),
        (with("/resource", json!("/unsigned/{key}/payment")), 503, "unexpected_type"),
        (with("/resource", Value::Null), 503, "unexpected_type"),
        (with("/httpMethod", json!("GET")), 503, "method_not_allowed"),
    ] {
        let (actual, log) = log(&event, Timestamp::now()).await;
        assert_eq!(actual, status, "{log}");
        assert!(log.contains(&format!(r#""outcome":"{outcome}","status":{status}"#)), "{log}");
        assert_eq!(log.contains("203.0.113.9"), outcome == "unknown_source", "{log}");
        assert_eq!(log.contains(r#""event_id":"payout#8841#payout#in_progress""#), status == 200, "{log}");
    }
    let mut both_wrong = with("/pathParameters/key", json!("wrong-key"));
    both_wrong["requestContext"]["identity"]["sourceIp"] = unknown_address;
    let (status, log) = log(&both_wrong, Timestamp::now()).await;
    assert!(status == 503 && log.contains("wrong_key") && !log.contains("203.0.113.9"), "{log}");
}
