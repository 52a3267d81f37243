//! Questions that the studio's HTTPS endpoint answers.

use std::process::Command;
use std::sync::{Arc, Mutex};

use intake::accept::Intake;
use intake::aws::{CallLimits, Events};
use intake::directory::Directory;
use intake::emulator::emulator_config;
use intake::outcome::{Outcome, Unavailable};
use intake::settings::{DirectorySetting, KeySetting, UrlSetting};
use jiff::{SignedDuration, Timestamp};
use local::StackOptions;
use rstest::rstest;
use tokio::net::TcpListener;

use crate::secrets::{secrets_manager, secrets_manager_with};
use crate::studio_endpoint::{Connection, KEY, Reply, StudioEndpoint, endpoint_setting, raw_endpoint, reply};
use crate::test_stack::{
    Answer, SECRET, TestStack, WebhookIntake, deliver, deliver_signed, intake, options, output, sample,
};

const INVALID_USER: &str = r#"{"error":{"code":"INVALID_USER","message":"Invalid user"}}"#;
const QUESTIONS: [&str; 5] = ["user_validation", "user_search", "partner_side_catalog", "get_pincode", "inventory_get"];
const UNREACHABLE: &str = "http://127.0.0.1:9";

async fn start(endpoint: &StudioEndpoint) -> TestStack {
    TestStack::start_with(StackOptions { directory: endpoint_setting(&endpoint.url), ..options() }).await
}

/// An intake with this directory. All its calls to AWS go to one endpoint.
fn intake_with(directory: DirectorySetting, aws_endpoint: &str) -> WebhookIntake {
    let config = emulator_config(CallLimits::WEBHOOK).endpoint_url(aws_endpoint).build();
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    Intake {
        directory: Some(Directory::new(directory, &config, &dynamodb)),
        ..intake(Events::new(&config, "events".to_owned()))
    }
}

/// Asserts that a question fails without leaking private data. Returns the error in the log.
async fn question_error(url: &str) -> String {
    let intake = intake_with(endpoint_setting(url), UNREACHABLE);
    let (outcome, error) = deliver_signed(&intake, sample("user_validation"), SECRET, Timestamp::now()).await;
    assert_eq!(outcome, Outcome::Unavailable(Unavailable::Directory));
    let error = error.unwrap();
    for private in ["isle-4471", "mira", KEY, "game=isle"] {
        assert!(!error.contains(private), "{error}");
    }
    error
}

#[tokio::test]
async fn forwards_each_question_and_returns_the_answer_unchanged() {
    let endpoint = StudioEndpoint::start().await;
    let stack = start(&endpoint).await;
    let user = r#"{"user":{"id":12345678901234567890123,  "balance":1.9900}}"#;
    let catalog =
        r#"[{"sku":"boots","quantity":0,"date_from":"2026-08-11T23:59:59+08:00"},{"sku":"sword","quantity":null}]"#;
    for (question, endpoint_reply, status, body) in [
        ("user_validation", reply(204, ""), 204, ""),
        ("user_validation-number", reply(200, "ok"), 204, ""),
        ("user_validation", reply(400, INVALID_USER), 400, INVALID_USER),
        ("user_validation", reply(422, INVALID_USER), 400, INVALID_USER),
        ("user_search", reply(200, user), 200, user),
        ("user_search", reply(204, ""), 204, ""),
        ("user_search", reply(404, r#"{"error":{"code":"INVALID_USER"}}"#), 400, INVALID_USER),
        ("partner_side_catalog", reply(200, catalog), 200, catalog),
        ("partner_side_catalog", reply(200, "[]"), 200, "[]"),
        ("partner_side_catalog", reply(404, "nothing"), 404, ""),
        ("get_pincode", reply(200, r#"{"pin_code":"AAA-BBB-CCC"}"#), 200, r#"{"pin_code":"AAA-BBB-CCC"}"#),
        ("inventory_get", reply(200, r#"[{"sku":"sword"}]"#), 200, r#"[{"sku":"sword"}]"#),
        ("inventory_get", reply(200, r#"{"items":[]}"#), 200, r#"{"items":[]}"#),
    ] {
        endpoint.set_replies(&[endpoint_reply]);
        let answer = stack.send(sample(question)).await;
        assert_eq!(answer, Answer { status, body: body.to_owned() }, "{question}");
        assert_eq!(endpoint.questions(), [sample(question)], "{question}");
    }
    assert!(stack.stored().await.is_empty(), "questions are not stored");
}

#[tokio::test]
async fn does_not_receive_events() {
    let endpoint = StudioEndpoint::start().await;
    let stack = start(&endpoint).await;
    assert_eq!(stack.send(sample("payment")).await.status, 204);
    assert_eq!(endpoint.question_count(), 0);
}

#[tokio::test]
async fn invalid_reply_is_500_without_a_retry() {
    let endpoint = StudioEndpoint::start().await;
    let stack = start(&endpoint).await;
    let huge = format!(r#"[{{"sku":"{}"}}]"#, "x".repeat(1024 * 1024));
    let invalid = [reply(403, ""), reply(400, "{}"), reply(302, ""), reply(200, &huge), Reply::Redirect];
    let invalid_if_content_is_required =
        [reply(200, ""), reply(200, "<p>Hello</p>"), reply(200, "null"), reply(201, "{}")];
    for question in QUESTIONS {
        let more = if question == "user_validation" { &[][..] } else { &invalid_if_content_is_required };
        for endpoint_reply in invalid.iter().chain(more) {
            endpoint.set_replies(std::slice::from_ref(endpoint_reply));
            let answer = stack.send(sample(question)).await;
            assert_eq!(answer.status, 500, "{question}: {endpoint_reply:.100?}");
            assert!(answer.body.contains("SERVER_ERROR") && answer.body.len() < 100, "{}", answer.body);
            assert_eq!(endpoint.question_count(), 1, "{question}: {endpoint_reply:.100?}");
        }
    }
    endpoint.set_replies(&[reply(404, "<p>Not Found</p>")]);
    for question in ["user_validation", "user_search"] {
        assert_eq!(stack.send(sample(question)).await.status, 500, "a wrong path does not reject a user");
    }
    assert!(stack.stored().await.is_empty());
}

#[tokio::test]
async fn temporary_failure_is_retried_once() {
    let endpoint = StudioEndpoint::start().await;
    let stack = start(&endpoint).await;
    for failure in [reply(503, ""), reply(500, INVALID_USER), Reply::Hang] {
        endpoint.set_replies(&[failure.clone(), reply(204, "")]);
        assert_eq!(stack.send(sample("user_validation")).await.status, 204, "{failure:?}");
        assert_eq!(endpoint.question_count(), 2, "{failure:?}");
    }
}

#[tokio::test]
async fn get_pincode_is_not_retried() {
    let endpoint = StudioEndpoint::start().await;
    let stack = start(&endpoint).await;
    for failure in [reply(503, ""), Reply::Hang] {
        endpoint.set_replies(&[failure, reply(200, r#"{"pin_code":"the second one"}"#)]);
        assert_eq!(stack.send(sample("get_pincode")).await.status, 500);
        assert_eq!(endpoint.question_count(), 1);
    }
}

#[tokio::test]
async fn hanging_endpoint_times_out_before_the_deadline() {
    let endpoint = StudioEndpoint::start().await;
    endpoint.set_replies(&[Reply::Hang]);
    let error = question_error(&endpoint.url).await;
    assert_eq!(error, "POST to the endpoint of USER_DIRECTORY: no response within 800 ms");
    assert_eq!(endpoint.question_count(), 2);
}

#[tokio::test]
async fn logs_a_refused_connection() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = question_error(&format!("http://{closed}/questions?game=isle")).await;
    assert!(error.contains("Connection refused"), "{error}");
}

#[rstest]
#[case::server_error(503, "isle-4471".to_owned(), "status 503")]
#[case::unexpected_status(401, "isle-4471".to_owned(), "status 401 is not a reply to this question")]
#[case::not_found(
    404,
    "isle-4471".to_owned(),
    "status 404 with a body that is not an error with the code INVALID_USER"
)]
#[case::large_body(200, "isle-4471".repeat(200_000), "status 200, body larger than 1048576 bytes")]
#[tokio::test]
async fn logs_the_cause_of_a_failure(#[case] status: u16, #[case] body: String, #[case] cause: &str) {
    let endpoint = StudioEndpoint::start().await;
    endpoint.set_replies(&[reply(status, &body)]);
    let error = question_error(&endpoint.url).await;
    assert_eq!(error, format!("POST to the endpoint of USER_DIRECTORY: {cause}"));
}

#[rstest]
#[case::truncated_body("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", "status 200, incomplete body")]
#[case::not_http("isle-4471\r\n\r\n", "POST to the endpoint")]
#[tokio::test]
async fn logs_a_broken_response(#[case] response: &'static str, #[case] cause: &str) {
    let error = question_error(&raw_endpoint(response, Connection::Close).await).await;
    assert!(error.contains(cause), "{error}");
}

/// After a function was frozen, its connection may be dead without a reset.
#[tokio::test]
async fn dead_connection_costs_an_attempt_and_no_answer() {
    let url = raw_endpoint("HTTP/1.1 204 No Content\r\n\r\n", Connection::Hang).await;
    let intake = intake_with(endpoint_setting(&url), UNREACHABLE);
    for _ in 0..2 {
        assert_eq!(deliver(&intake, sample("user_validation")).await, Outcome::UserFound);
    }
}

#[tokio::test]
async fn missing_key_is_read_again_with_the_next_question() {
    let endpoint = StudioEndpoint::start().await;
    endpoint.set_replies(&[reply(204, "")]);
    let stored = Arc::new(Mutex::new(None));
    let key = KeySetting::SecretsManager("key".to_owned());
    let directory = DirectorySetting::parse(&format!("http:{}", endpoint.url), Some(key)).unwrap();
    let intake = intake_with(directory, &secrets_manager(Arc::clone(&stored)).await);
    for missing in [None, Some("")] {
        *stored.lock().unwrap() = missing;
        let (outcome, error) = deliver_signed(&intake, sample("user_validation"), SECRET, Timestamp::now()).await;
        assert_eq!(outcome, Outcome::Unavailable(Unavailable::Directory));
        assert!(error.unwrap().starts_with("secretsmanager:GetSecretValue: "));
    }
    *stored.lock().unwrap() = Some(KEY);
    assert_eq!(deliver(&intake, sample("user_validation")).await, Outcome::UserFound);
    *stored.lock().unwrap() = None;
    assert_eq!(deliver(&intake, sample("user_validation")).await, Outcome::UserFound, "the key is cached");
}

/// In the cloud, both are secrets: the URL may contain a token.
#[tokio::test]
async fn changed_url_and_key_take_effect_within_five_minutes_and_survive_an_outage() {
    let (before, after) = (StudioEndpoint::start().await, StudioEndpoint::start().await);
    let (url, key) = (Arc::new(Mutex::new(Some(leak(&before.url)))), Arc::new(Mutex::new(Some(KEY))));
    let secrets = secrets_manager_with([("url", Arc::clone(&url)), ("key", Arc::clone(&key))]).await;
    let setting = DirectorySetting::Endpoint {
        url: UrlSetting::SecretsManager("url".to_owned()),
        key: KeySetting::SecretsManager("key".to_owned()),
    };
    let intake = intake_with(setting, &secrets);
    for endpoint in [&before, &after] {
        endpoint.set_replies(&[reply(204, "")]);
    }
    let ask = async |minute: i64| {
        let time = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        let (outcome, error) = deliver_signed(&intake, sample("user_validation"), SECRET, time).await;
        (outcome, error, before.question_count(), after.question_count())
    };
    assert_eq!(ask(0).await, (Outcome::UserFound, None, 1, 0));
    *url.lock().unwrap() = Some(leak(&after.url));
    assert_eq!(ask(4).await, (Outcome::UserFound, None, 2, 0));
    assert_eq!(ask(5).await, (Outcome::UserFound, None, 2, 1));

    *url.lock().unwrap() = Some("http://game.example/questions?token=hunter2");
    assert_eq!(ask(10).await, (Outcome::UserFound, None, 2, 2), "an invalid URL is not used");
    *url.lock().unwrap() = None;
    assert_eq!(ask(20).await, (Outcome::UserFound, None, 2, 3), "the cached ones stay in use");

    let setting = DirectorySetting::Endpoint {
        url: UrlSetting::SecretsManager("url".to_owned()),
        key: KeySetting::SecretsManager("key".to_owned()),
    };
    *url.lock().unwrap() = Some("http://game.example/questions?token=hunter2");
    let intake = intake_with(setting, &secrets);
    let (outcome, error) = deliver_signed(&intake, sample("user_validation"), SECRET, Timestamp::now()).await;
    let expected = "secretsmanager:GetSecretValue: the URL of the endpoint of USER_DIRECTORY does not start with https:// \
                    and a host";
    assert_eq!((outcome, error.as_deref()), (Outcome::Unavailable(Unavailable::Directory), Some(expected)));
}

fn leak(text: &str) -> &'static str {
    text.to_owned().leak()
}

/// Runs the example of `docs/user-questions.md` on a request of ours, and on the same with another type, body or time.
#[tokio::test]
async fn documented_check_accepts_our_request_and_no_other() {
    let document = include_str!("../../../docs/user-questions.md");
    let (_, example) = document.split_once("```python\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let endpoint = StudioEndpoint::start().await;
    endpoint.set_replies(&[reply(204, "")]);
    let intake = intake_with(endpoint_setting(&endpoint.url), UNREACHABLE);
    assert_eq!(deliver(&intake, sample("user_validation")).await, Outcome::UserFound);
    let request = serde_json::to_string(&endpoint.last_request()).unwrap();
    let script = format!(
        "{example}
import json, sys
request = json.loads(sys.argv[1])
headers, body, key = request['headers'], request['body'].encode(), sys.argv[2].encode()
print(is_authentic(key, headers, body))
for name, value in [('X-Webhook-Type', 'user_search'), ('X-Webhook-Timestamp', '1'), ('X-Webhook-Timestamp', ''), ('X-Webhook-Signature', '')]:
    print(is_authentic(key, {{**headers, name: value}}, body))
print(is_authentic(key, headers, body + b' '), is_authentic(b'other', headers, body), is_authentic(key, {{}}, body))
"
    );
    let mut python = Command::new("python3");
    python.args(["-c", &script, &request, KEY]);
    let (succeeded, printed) = output(python).await;
    assert!(succeeded && printed == "True\nFalse\nFalse\nFalse\nFalse\nFalse False False\n", "{printed}");
}
