//! What Xsolla does not sign: Web Shop user validation and payouts.

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
use jiff::Timestamp;
use local::StackOptions;
use message::Goods;
use serde_json::{Value, json};
use xsolla::{Answer as Documented, Secrets, SourceRanges};

use crate::questions::{Studio, endpoint, this};
use crate::secrets::secrets_manager;
use crate::world::{Answer, UNSIGNED_KEY, World, body, options, sample, text};

const WEB_SHOP: &str = "user-validation";
const PAYOUT: &str = "payout";

async fn world(directory: DirectorySetting) -> World {
    let unsigned_key = Some(UNSIGNED_KEY.parse::<Secrets>().unwrap());
    World::start_with(StackOptions { directory, unsigned_key, ..options() }).await
}

impl World {
    /// Sends a body as Xsolla does, without a signature.
    async fn send_unsigned(&self, what: &str, body: &str) -> Answer {
        self.request(Method::POST, &format!("/unsigned/{UNSIGNED_KEY}/{what}"), &[], body.as_bytes()).await
    }
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, body: body.to_owned() }
}

/// What tells a stranger nothing.
fn not_served() -> Answer {
    answer(503, Documented::ServiceUnavailable.body().unwrap())
}

fn login(id: &str) -> String {
    format!(r#"{{"settings":{{"project_id":52417,"merchant_id":8806}},"user":{{"id":{id},"country":"DE"}}}}"#)
}

#[tokio::test]
async fn nothing_of_it_is_served_unless_it_was_asked_for() {
    let world = World::start().await;
    for (what, name) in [(WEB_SHOP, "user_validation-webshop"), (PAYOUT, "payout")] {
        assert_eq!(world.send_unsigned(what, sample(name)).await, not_served(), "{what}");
    }
    assert!(world.kept().await.is_empty());
}

#[tokio::test]
async fn any_other_path_or_key_is_answered_as_if_there_were_nothing() {
    let world = world(DirectorySetting::AcceptAll).await;
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
        let sent = world.request(Method::POST, &path, &[], sample("payout").as_bytes()).await;
        assert_eq!(sent, not_served(), "{path}");
    }
    let read = world.request(Method::GET, &format!("/unsigned/{UNSIGNED_KEY}/payout"), &[], b"").await;
    assert_eq!(read, not_served());
    assert!(world.kept().await.is_empty());
}

#[tokio::test]
async fn the_list_of_addresses_is_enforced_whatever_the_signed_webhooks_do() {
    let unsigned_key = Some(UNSIGNED_KEY.parse::<Secrets>().unwrap());
    let sources = SourcePolicy::default();
    assert!(!sources.enforced);
    let world = World::start_with(StackOptions { sources, unsigned_key, ..options() }).await;
    for (what, name) in [(WEB_SHOP, "user_validation-webshop"), (PAYOUT, "payout")] {
        assert_eq!(world.send_unsigned(what, sample(name)).await, not_served(), "{what}");
    }
    assert!(world.kept().await.is_empty());
}

#[tokio::test]
async fn a_payout_is_kept_and_reaches_the_game_once_for_each_of_its_states_in_order() {
    let world = world(DirectorySetting::AcceptAll).await;
    let on_its_way = sample("payout").trim_end();
    let arrived = on_its_way.replace("in_progress", "success");
    for sent in [on_its_way, on_its_way, &arrived, on_its_way, &arrived] {
        assert_eq!(world.send_unsigned(PAYOUT, sent).await, answer(200, ""));
    }

    let kept = world.kept().await;
    assert_eq!(kept.len(), 2);
    let item = kept.iter().find(|item| body(item) == on_its_way.as_bytes()).unwrap();
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
    assert!(!item.contains_key("secret_index"), "nobody signed it");

    let queued = world.queued().await;
    let ids: Vec<&str> = queued.iter().map(|message| message.event_id.as_str()).collect();
    assert_eq!(ids, ["payout#8841#payout#in_progress", "payout#8841#payout#success"]);
    for message in &queued {
        assert_eq!((message.r#type.as_str(), message.subject.as_str()), ("payout", "payout#8841"));
        assert_eq!((message.goods, message.identified, message.deprecated), (Goods::Info, true, false));
        assert_eq!(message.attributes["type"], "payout");
    }
    assert_eq!(queued[1].notification.get(), arrived);
    let payout = message::model::Payout::from_json(queued[1].notification.get()).unwrap();
    assert_eq!(payout.status, Some(message::model::PayoutStatus::Success));
}

#[tokio::test]
async fn what_is_odd_about_a_payout_is_kept_for_people_to_look_at() {
    let world = world(DirectorySetting::AcceptAll).await;
    let status = async |sent: &str| world.send_unsigned(PAYOUT, sent).await.status;
    assert_eq!(status(sample("payout")).await, 200);
    assert_eq!(status(&sample("payout").replace("412.08", "412.09")).await, 200, "other content under its key");
    assert_eq!(status(r#"{"amount":1,"transaction":{"id":7},"user":{"id":"isle-4471"}}"#).await, 200, "no id");
    assert_eq!(status("[]").await, 400);
    assert_eq!(world.kept_kinds().await, ["conflict", "event", "event", "unreadable"]);
    let queued = world.queued().await;
    assert_eq!(queued.len(), 2);
    assert!(queued.iter().all(|message| message.goods == Goods::Info));
    let without_id = queued.iter().find(|message| !message.identified).unwrap();
    assert!(without_id.subject.starts_with("body#"), "it joins no sale");
    assert_eq!(without_id.user_id, None);
}

#[tokio::test]
async fn at_the_front_door_it_is_no_webhook() {
    let world = world(DirectorySetting::AcceptAll).await;
    for name in ["payout", "user_validation-webshop"] {
        for path in ["/webhooks", "/webhooks/payout"] {
            let unsigned = world.request(Method::POST, path, &[], sample(name).as_bytes()).await;
            assert_eq!(unsigned.status, 400, "{path}");
            assert!(unsigned.body.contains("INVALID_SIGNATURE"), "{path}");
            assert!(world.send_to(path, sample(name)).await.body.contains("INVALID_PARAMETER"), "{path}");
        }
    }
    assert!(world.queued().await.is_empty());
}

#[tokio::test]
async fn a_signature_makes_nothing_of_it_a_payment() {
    let world = world(DirectorySetting::AcceptAll).await;
    let path = format!("/unsigned/{UNSIGNED_KEY}/payout");
    assert_eq!(world.send_to(&path, sample("payment")).await.status, 200);
    let queued = world.queued().await;
    assert_eq!((queued[0].r#type.as_str(), queued[0].goods, queued[0].identified), ("payout", Goods::Info, false));
}

#[tokio::test]
async fn everybody_may_log_in_where_everybody_exists() {
    let world = world(DirectorySetting::AcceptAll).await;
    for (id, user) in [(r#""isle-4471""#, r#"{"user":{"id":"isle-4471"}}"#), ("4471", r#"{"user":{"id":4471}}"#)] {
        assert_eq!(world.send_unsigned(WEB_SHOP, &login(id)).await, answer(200, user));
    }
    assert_eq!(world.send_unsigned(WEB_SHOP, &login("null")).await, answer(404, ""), "nobody is named");
    assert_eq!(world.send_unsigned(WEB_SHOP, "[]").await.status, 400);
    assert!(world.kept().await.is_empty(), "a question is not kept");
}

#[tokio::test]
async fn whoever_is_in_the_table_of_users_may_log_in() {
    let world = world(DirectorySetting::Table("users".to_owned())).await;
    for (user, name) in [("isle-4471", Some("Mira")), ("4471", None)] {
        let mut put = world.stack.dynamodb.put_item().table_name("users");
        for (attribute, value) in [("user_id", Some(user)), ("name", name)] {
            if let Some(value) = value {
                put = put.item(attribute, AttributeValue::S(value.to_owned()));
            }
        }
        put.send().await.unwrap();
    }
    for (id, told) in [
        (r#""isle-4471""#, answer(200, r#"{"user":{"id":"isle-4471","name":"Mira"}}"#)),
        ("4471", answer(200, r#"{"user":{"id":4471}}"#)),
        (r#""stranger""#, answer(404, "")),
        (r#""""#, answer(404, "")),
        ("null", answer(404, "")),
    ] {
        assert_eq!(world.send_unsigned(WEB_SHOP, &login(id)).await, told, "{id}");
    }
    assert!(world.kept().await.is_empty(), "a question is not kept");
    world.stack.dynamodb.delete_table().table_name("users").send().await.unwrap();
    assert_eq!(world.send_unsigned(WEB_SHOP, &login("4471")).await.status, 500);
}

#[tokio::test]
async fn the_studios_endpoint_tells_a_web_shop_more() {
    let studio = Studio::start().await;
    let world = world(endpoint(&studio.url)).await;
    let more = r#"{"user":{"id":"isle-4471","picture":"https://example.com/m.png"},"attributes":[{"key":"level","value":10.0}],"removingKeys":["old"]}"#;
    for (says, told) in [
        (this(200, more), answer(200, more)),
        (this(404, "<p>nobody</p>"), answer(404, "")),
        (this(200, "{}"), answer(500, Documented::ServerError.body().unwrap())),
        (this(204, ""), answer(500, Documented::ServerError.body().unwrap())),
        (this(400, "{}"), answer(500, Documented::ServerError.body().unwrap())),
    ] {
        studio.will_say(&[says]);
        assert_eq!(world.send_unsigned(WEB_SHOP, sample("user_validation-webshop")).await, told);
        assert_eq!(studio.asked(), [sample("user_validation-webshop")]);
    }
    studio.will_say(&[this(503, ""), this(200, more)]);
    assert_eq!(world.send_unsigned(WEB_SHOP, sample("user_validation-webshop")).await.status, 200);
    assert_eq!(world.send_unsigned(PAYOUT, sample("payout")).await.status, 200);
    assert_eq!(studio.calls(), 2, "a payout is none of its business");
}

/// As API Gateway sends it, to the function with its key in Secrets Manager.
#[tokio::test]
async fn the_log_has_neither_the_key_nor_the_path_nor_a_strangers_address() {
    let world = World::start().await;
    let stored: Arc<Mutex<Option<&'static str>>> = Arc::default();
    let config = emulator_config(CallLimits::WEBHOOK).endpoint_url(secrets_manager(Arc::clone(&stored)).await).build();
    let intake = UnsignedIntake {
        events: world.stack.events.clone(),
        directory: Directory::ACCEPT_ALL,
        keys: SecretCache::new(SecretSource::new(SecretsSetting::SecretsManager("key".to_owned()), &config)),
        sources: SourceRanges::published(),
    };
    let right: Value = serde_json::from_str(include_str!("../../../events/unsigned.json")).unwrap();
    let with = |pointer: &str, value: Value| {
        let mut event = right.clone();
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    let log = async |event: &Value| {
        let request: ProxyRequest = serde_json::from_str(&event.to_string()).unwrap();
        let (answer, line) = lambda::unsigned::handle(&intake, &request, None, Timestamp::now(), DEADLINE).await;
        let log = serde_json::to_string(&line).unwrap();
        assert!(
            ![UNSIGNED_KEY, "/unsigned", "wrong-key", "studio@example.com"].iter().any(|hidden| log.contains(hidden))
        );
        (answer.status_code, log)
    };

    let (status, not_set_yet) = log(&right).await;
    assert!(status == 500 && not_set_yet.contains("secrets_unavailable"), "{not_set_yet}");
    *stored.lock().unwrap() = Some(UNSIGNED_KEY);
    let stranger = json!("203.0.113.9");
    for (event, status, outcome) in [
        (right.clone(), 200, "accepted"),
        (right.clone(), 200, "duplicate"),
        (with("/pathParameters/key", json!("wrong-key")), 503, "wrong_key"),
        (with("/pathParameters", Value::Null), 503, "wrong_key"),
        (with("/requestContext/identity/sourceIp", stranger.clone()), 503, "unknown_source"),
        (with("/resource", json!("/unsigned/{key}/payment")), 503, "unexpected_type"),
        (with("/resource", Value::Null), 503, "unexpected_type"),
        (with("/httpMethod", json!("GET")), 503, "method_not_allowed"),
    ] {
        let (answered, log) = log(&event).await;
        assert_eq!(answered, status, "{log}");
        assert!(log.contains(&format!(r#""outcome":"{outcome}","status":{status}"#)), "{log}");
        assert_eq!(log.contains("203.0.113.9"), outcome == "unknown_source", "{log}");
        assert_eq!(log.contains(r#""event_id":"payout#8841#payout#in_progress""#), status == 200, "{log}");
    }
    let mut both_wrong = with("/pathParameters/key", json!("wrong-key"));
    both_wrong["requestContext"]["identity"]["sourceIp"] = stranger;
    let (status, log) = log(&both_wrong).await;
    assert!(status == 503 && log.contains("wrong_key") && !log.contains("203.0.113.9"), "{log}");
}
