//! Questions to an endpoint of the studio, played by a server that checks what it is asked, and says what a test tells
//! it to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, KeyInit, Mac};
use intake::accept::{AcceptedTypes, DEADLINE, Delivery, Intake, SourcePolicy};
use intake::aws::{CallLimits, Events, SecretSource};
use intake::directory::Directory;
use intake::emulator::emulator_config;
use intake::outcome::{Outcome, Unavailable};
use intake::secrets::SecretCache;
use intake::settings::{DirectorySetting, KeySetting};
use jiff::Timestamp;
use local::StackOptions;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use xsolla::{Secrets, sign};

use crate::secrets::secrets_manager;
use crate::world::{Answer, SECRET, World, options, sample};

const KEY: &str = "a key of ours";
const INVALID_USER: &str = r#"{"error":{"code":"INVALID_USER","message":"Invalid user"}}"#;
const QUESTIONS: [&str; 5] = ["user_validation", "user_search", "partner_side_catalog", "get_pincode", "inventory_get"];

/// What the endpoint says.
#[derive(Debug, Clone)]
pub enum Say {
    /// This status and this body.
    This(u16, String),
    /// The same, at another address.
    Elsewhere,
    /// Nothing, as long as the test runs.
    Nothing,
}

pub fn this(status: u16, body: &str) -> Say {
    Say::This(status, body.to_owned())
}

/// The studio's endpoint.
#[derive(Clone)]
pub struct Studio {
    pub url: String,
    /// What it says to each call, the last of it for good.
    says: Arc<Mutex<Vec<Say>>>,
    /// The bodies of the calls that were signed as they must be.
    asked: Arc<Mutex<Vec<Bytes>>>,
}

impl Studio {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/questions?game=isle", listener.local_addr().unwrap());
        let studio = Self { url, says: Arc::default(), asked: Arc::default() };
        let router = Router::new().fallback(Self::answer).with_state(studio.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        studio
    }

    pub fn will_say(&self, says: &[Say]) {
        *self.says.lock().unwrap() = says.to_vec();
        self.asked.lock().unwrap().clear();
    }

    pub fn calls(&self) -> usize {
        self.asked().len()
    }

    pub fn asked(&self) -> Vec<Bytes> {
        self.asked.lock().unwrap().clone()
    }

    async fn answer(State(studio): State<Self>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
        let well_formed = method == Method::POST
            && uri == "/questions?game=isle"
            && headers[header::CONTENT_TYPE] == "application/json"
            && headers["x-webhook-type"] == type_of(&body);
        if !well_formed || !is_signed(&headers, &body) {
            return StatusCode::IM_A_TEAPOT.into_response();
        }
        studio.asked.lock().unwrap().push(body);
        let say = {
            let mut says = studio.says.lock().unwrap();
            if says.len() > 1 { says.remove(0) } else { says[0].clone() }
        };
        match say {
            Say::This(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
            Say::Elsewhere => {
                (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, studio.url.clone())]).into_response()
            }
            Say::Nothing => std::future::pending().await,
        }
    }
}

/// A Web Shop does not say what it asks.
fn type_of(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    body["notification_type"].as_str().unwrap_or("web_shop_user_validation").to_owned()
}

fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let text = |name: &str| headers[name].to_str().unwrap();
    let timestamp = text("x-webhook-timestamp");
    let age = Timestamp::now().as_second() - timestamp.parse::<i64>().unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    let signature = hex::decode(text("x-webhook-signature")).unwrap();
    let signed = mac.chain_update(timestamp).chain_update(".").chain_update(body).verify_slice(&signature);
    (-1..60).contains(&age) && signed.is_ok()
}

pub fn endpoint(url: &str) -> DirectorySetting {
    DirectorySetting::parse(&format!("http:{url}"), Some(KeySetting::Given(KEY.into()))).unwrap()
}

async fn world(studio: &Studio) -> World {
    World::start_with(StackOptions { directory: endpoint(&studio.url), ..options() }).await
}

/// The front door alone, which tells what it would log.
fn front_door(directory: DirectorySetting, secrets_manager: &str) -> Intake<Events, Directory, SecretSource> {
    let config = emulator_config(CallLimits::WEBHOOK).endpoint_url(secrets_manager).build();
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    Intake {
        accepted_types: AcceptedTypes::All,
        directory: Some(Directory::new(directory, &config, &dynamodb)),
        events: Events::new(&config, "events".to_owned()),
        secrets: SecretCache::new(SecretSource::Fixed(SECRET.parse::<Secrets>().unwrap())),
        sources: SourcePolicy::default(),
    }
}

/// The outcome, and what the log has of a failure.
async fn ask(intake: &Intake<Events, Directory, SecretSource>, question: &str) -> (Outcome, String) {
    let authorization = sign(question.as_bytes(), SECRET);
    let delivery = Delivery {
        authorization: Some(&authorization),
        body: question.as_bytes(),
        received_at: Timestamp::now(),
        trace: None,
        source: None,
        time_left: DEADLINE,
    };
    let receipt = intake.accept(&delivery).await;
    (receipt.outcome, receipt.error.map_or(String::new(), |failure| failure.to_string()))
}

/// That nobody answered for the studio, and why, as the log has it.
async fn failure(directory: DirectorySetting) -> String {
    let intake = front_door(directory, "http://127.0.0.1:9");
    let (outcome, failure) = ask(&intake, sample("user_validation")).await;
    assert_eq!(outcome, Outcome::Unavailable(Unavailable::Directory));
    for private in ["isle-4471", "mira", KEY, "game=isle"] {
        assert!(!failure.contains(private), "{failure}");
    }
    failure
}

#[tokio::test]
async fn every_question_reaches_it_as_it_came_and_its_answer_goes_on() {
    let studio = Studio::start().await;
    let world = world(&studio).await;
    let found = r#"{"user":{"id":12345678901234567890123,  "balance":1.9900}}"#;
    let catalog =
        r#"[{"sku":"boots","quantity":0,"date_from":"2026-08-11T23:59:59+08:00"},{"sku":"sword","quantity":null}]"#;
    for (question, says, status, body) in [
        ("user_validation", this(204, ""), 204, ""),
        ("user_validation-number", this(200, "ok"), 204, ""),
        ("user_validation", this(400, INVALID_USER), 400, INVALID_USER),
        ("user_validation", this(422, INVALID_USER), 400, INVALID_USER),
        ("user_search", this(200, found), 200, found),
        ("user_search", this(204, ""), 204, ""),
        ("user_search", this(404, r#"{"error":{"code":"INVALID_USER"}}"#), 400, INVALID_USER),
        ("partner_side_catalog", this(200, catalog), 200, catalog),
        ("partner_side_catalog", this(200, "[]"), 200, "[]"),
        ("partner_side_catalog", this(404, "nothing"), 404, ""),
        ("get_pincode", this(200, r#"{"pin_code":"AAA-BBB-CCC"}"#), 200, r#"{"pin_code":"AAA-BBB-CCC"}"#),
        ("inventory_get", this(200, r#"[{"sku":"sword"}]"#), 200, r#"[{"sku":"sword"}]"#),
        ("inventory_get", this(200, r#"{"items":[]}"#), 200, r#"{"items":[]}"#),
    ] {
        studio.will_say(&[says]);
        let answer = world.send(sample(question)).await;
        assert_eq!(answer, Answer { status, body: body.to_owned() }, "{question}");
        assert_eq!(studio.asked(), [sample(question)], "{question}");
    }
    assert!(world.kept().await.is_empty(), "a question is not kept");
}

#[tokio::test]
async fn an_event_is_none_of_its_business() {
    let studio = Studio::start().await;
    let world = world(&studio).await;
    assert_eq!(world.send(sample("payment")).await.status, 204);
    assert_eq!(studio.calls(), 0);
}

#[tokio::test]
async fn garbage_goes_no_further_and_is_not_asked_for_again() {
    let studio = Studio::start().await;
    let world = world(&studio).await;
    let huge = format!(r#"[{{"sku":"{}"}}]"#, "x".repeat(1024 * 1024));
    let to_all = [this(403, ""), this(400, "{}"), this(302, ""), this(200, &huge), Say::Elsewhere];
    let to_who_waits_for_more = [this(200, ""), this(200, "<p>Hello</p>"), this(200, "null"), this(201, "{}")];
    for question in QUESTIONS {
        let too = if question == "user_validation" { &[][..] } else { &to_who_waits_for_more };
        for says in to_all.iter().chain(too) {
            studio.will_say(std::slice::from_ref(says));
            let answer = world.send(sample(question)).await;
            assert_eq!(answer.status, 500, "{question}: {says:.100?}");
            assert!(answer.body.contains("SERVER_ERROR") && answer.body.len() < 100, "{}", answer.body);
            assert_eq!(studio.calls(), 1, "{question}: {says:.100?}");
        }
    }
    studio.will_say(&[this(404, "<p>Not Found</p>")]);
    for question in ["user_validation", "user_search"] {
        assert_eq!(world.send(sample(question)).await.status, 500, "a wrong path turns no user away");
    }
    assert!(world.kept().await.is_empty());
}

#[tokio::test]
async fn what_may_pass_is_tried_once_more() {
    let studio = Studio::start().await;
    let world = world(&studio).await;
    for trouble in [this(503, ""), this(500, INVALID_USER), Say::Nothing] {
        studio.will_say(&[trouble.clone(), this(204, "")]);
        assert_eq!(world.send(sample("user_validation")).await.status, 204, "{trouble:?}");
        assert_eq!(studio.calls(), 2, "{trouble:?}");
    }
}

#[tokio::test]
async fn a_key_for_a_game_is_asked_for_once() {
    let studio = Studio::start().await;
    let world = world(&studio).await;
    for trouble in [this(503, ""), Say::Nothing] {
        studio.will_say(&[trouble, this(200, r#"{"pin_code":"the second one"}"#)]);
        assert_eq!(world.send(sample("get_pincode")).await.status, 500);
        assert_eq!(studio.calls(), 1);
    }
}

#[tokio::test]
async fn when_it_is_slow_the_answer_leaves_in_time() {
    let studio = Studio::start().await;
    studio.will_say(&[Say::Nothing]);
    let failure = failure(endpoint(&studio.url)).await;
    assert_eq!(failure, "POST to the endpoint of USER_DIRECTORY: no response within 800 ms");
    assert_eq!(studio.calls(), 2);
}

#[tokio::test]
async fn when_it_is_down_or_in_trouble_the_log_says_so() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let down = failure(endpoint(&format!("http://{closed}/questions?game=isle"))).await;
    assert!(down.contains("Connection refused"), "{down}");

    let studio = Studio::start().await;
    for (says, cause) in [
        (this(503, "isle-4471"), "status 503"),
        (this(401, "isle-4471"), "status 401 is not a reply to this question"),
        (this(404, "isle-4471"), "status 404 with a body that is not an error with the code INVALID_USER"),
        (this(200, &"isle-4471".repeat(200_000)), "status 200, body larger than 1048576 bytes"),
    ] {
        studio.will_say(&[says]);
        let failure = failure(endpoint(&studio.url)).await;
        assert_eq!(failure, format!("POST to the endpoint of USER_DIRECTORY: {cause}"));
    }

    let broken = raw_endpoint("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", false).await;
    let broken = failure(endpoint(&broken)).await;
    assert!(broken.contains("status 200, incomplete body"), "{broken}");
    let no_http = failure(endpoint(&raw_endpoint("isle-4471\r\n\r\n", false).await)).await;
    assert!(no_http.contains("POST to the endpoint"), "{no_http}");
}

/// As after a function has been frozen: the other side has forgotten the connection, and says nothing.
#[tokio::test]
async fn a_connection_that_died_meanwhile_costs_an_attempt_and_no_answer() {
    let url = raw_endpoint("HTTP/1.1 204 No Content\r\n\r\n", true).await;
    let intake = front_door(endpoint(&url), "http://127.0.0.1:9");
    for _ in 0..2 {
        assert_eq!(ask(&intake, sample("user_validation")).await.0, Outcome::UserFound);
    }
}

/// Says these bytes to the first request of each connection; then closes it, or keeps it and is silent.
async fn raw_endpoint(bytes: &'static str, keep: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/questions", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"}\n") && connection.read_buf(&mut request).await.unwrap() > 0 {}
                connection.write_all(bytes.as_bytes()).await.unwrap();
                if keep {
                    // Bounded by the test, which ends with its runtime.
                    tokio::time::sleep(Duration::from_mins(1)).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn a_key_that_cannot_be_read_is_read_with_the_next_question() {
    let studio = Studio::start().await;
    studio.will_say(&[this(204, "")]);
    let stored = Arc::new(Mutex::new(None));
    let key = KeySetting::SecretsManager("key".to_owned());
    let directory = DirectorySetting::parse(&format!("http:{}", studio.url), Some(key)).unwrap();
    let intake = front_door(directory, &secrets_manager(Arc::clone(&stored)).await);
    for not_set_yet in [None, Some("")] {
        *stored.lock().unwrap() = not_set_yet;
        let (outcome, failure) = ask(&intake, sample("user_validation")).await;
        assert_eq!(outcome, Outcome::Unavailable(Unavailable::Directory));
        assert!(failure.starts_with("secretsmanager:GetSecretValue: "), "{failure}");
    }
    *stored.lock().unwrap() = Some(KEY);
    assert_eq!(ask(&intake, sample("user_validation")).await.0, Outcome::UserFound);
    *stored.lock().unwrap() = None;
    assert_eq!(ask(&intake, sample("user_validation")).await.0, Outcome::UserFound, "once is enough");
}
