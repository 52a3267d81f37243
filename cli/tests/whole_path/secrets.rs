//! Webhook secrets in an emulated Secrets Manager.

use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use intake::accept::Intake;
use intake::aws::{CallLimits, SecretSource};
use intake::emulator::emulator_config;
use intake::outcome::{Outcome, Unavailable};
use intake::secrets::SecretCache;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use xsolla::Success;

use crate::test_stack::{TestStack, WebhookIntake, deliver_signed, intake, sample};

/// The value of the secret. `None`: the secret has no value yet.
pub type SecretValue = Arc<Mutex<Option<&'static str>>>;

/// Starts a server in place of Secrets Manager. Returns its endpoint.
pub async fn secrets_manager(value: SecretValue) -> String {
    let answer = async |State(value): State<SecretValue>| {
        if let Some(text) = *value.lock().unwrap() {
            return (StatusCode::OK, json!({ "Name": "xsolla", "SecretString": text }).to_string());
        }
        let error = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
        (StatusCode::BAD_REQUEST, json!({ "__type": "ResourceNotFoundException", "Message": error }).to_string())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer).with_state(value)).await });
    endpoint
}

struct WebhookFunction {
    intake: WebhookIntake,
    value: SecretValue,
}

impl WebhookFunction {
    async fn start(stack: &TestStack, value: Option<&'static str>) -> Self {
        let value = Arc::new(Mutex::new(value));
        let config =
            emulator_config(CallLimits::WEBHOOK).endpoint_url(secrets_manager(Arc::clone(&value)).await).build();
        let client = aws_sdk_secretsmanager::Client::new(&config);
        let intake = Intake {
            secrets: SecretCache::new(SecretSource::SecretsManager { client, secret_id: "xsolla".to_owned() }),
            ..intake(stack.emulator.events.clone())
        };
        Self { intake, value }
    }

    /// Delivers a payment that is signed with this secret, at this time after the epoch.
    async fn deliver_payment(&self, secret: &str, time: SignedDuration) -> Outcome {
        self.deliver(sample("payment"), secret, time).await
    }

    async fn deliver(&self, body: &str, secret: &str, time: SignedDuration) -> Outcome {
        deliver_signed(&self.intake, body, secret, Timestamp::UNIX_EPOCH + time).await.0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_query_contains_the_pseudonym_of_the_user_for_each_secret() {
    let stack = TestStack::start().await;
    let query = |hashes: &str| {
        format!(
            "filter user in [{hashes}] | fields @timestamp, notification_type, outcome, event_id, mode, trace_id | sort @timestamp\n"
        )
    };
    let (succeeded, printed) = stack.run(&["log-query", "--user", "isle-4471"]).await;
    assert!(succeeded && printed == query(r#""f3c6c30a6388fcc8""#), "{printed}");

    let secrets = secrets_manager(Arc::new(Mutex::new(Some(r#"{"secrets":["new","test_secret"]}"#)))).await;
    let from_secrets_manager =
        [("XSOLLA_SECRETS", ""), ("XSOLLA_SECRET_ID", "xsolla"), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets)];
    let (succeeded, printed) = stack.run_with(&["log-query", "--user", "isle-4471"], &from_secrets_manager).await;
    assert!(succeeded && printed == query(r#""ab57a48ae61b657e", "f3c6c30a6388fcc8""#), "{printed}");

    let (succeeded, printed) = stack.run_with(&["log-query", "--user", "isle-4471"], &[("XSOLLA_SECRETS", "")]).await;
    assert!(!succeeded && printed.starts_with("error: XSOLLA_SECRET_ID is not set"), "{printed}");
}

const START: SignedDuration = SignedDuration::ZERO;
const NEXT_DAY: SignedDuration = SignedDuration::from_hours(24);

#[tokio::test]
async fn missing_secret_is_500_until_it_is_set() {
    let stack = TestStack::start().await;
    let function = WebhookFunction::start(&stack, None).await;
    for missing in [None, Some(""), Some(r#"{"secrets":[]}"#)] {
        *function.value.lock().unwrap() = missing;
        assert_eq!(function.deliver_payment("current", START).await, Outcome::Unavailable(Unavailable::Secrets));
    }
    *function.value.lock().unwrap() = Some(r#"{"secrets":["current"]}"#);
    assert_eq!(function.deliver_payment("current", START).await, Outcome::Accepted(Success::NoContent));
}

#[tokio::test]
async fn whitespace_around_a_listed_secret_is_ignored() {
    let stack = TestStack::start().await;
    let function = WebhookFunction::start(&stack, Some(r#"{"secrets":[" current\n"]}"#)).await;
    assert_eq!(function.deliver_payment("current", START).await, Outcome::Accepted(Success::NoContent));
}

#[tokio::test]
async fn rotation_rejects_no_webhook() {
    let stack = TestStack::start().await;
    let function = WebhookFunction::start(&stack, Some(r#"{"secrets":["old"]}"#)).await;
    assert_eq!(function.deliver_payment("old", START).await, Outcome::Accepted(Success::NoContent));

    *function.value.lock().unwrap() = Some(r#"{"secrets":["new","old"]}"#);
    let next_minute = SignedDuration::from_mins(1);
    for secret in ["old", "new", "old"] {
        assert_eq!(
            function.deliver_payment(secret, next_minute).await,
            Outcome::Duplicate(Success::NoContent),
            "{secret}"
        );
    }

    *function.value.lock().unwrap() = Some(r#"{"secrets":["new"]}"#);
    assert_eq!(function.deliver_payment("new", NEXT_DAY).await, Outcome::Duplicate(Success::NoContent));
    assert_eq!(function.deliver_payment("old", NEXT_DAY).await, Outcome::InvalidSignature);
}

/// Delivers payments with these numbers, up to sixteen at once, and one per second of simulated time.
///
/// The secrets sign in turn. A delivery that fails with 5xx is retried. The stored value changes after half of them.
async fn deliver_under_load(
    function: &Arc<WebhookFunction>,
    payments: Range<i64>,
    start: SignedDuration,
    secrets: [&'static str; 2],
    new_value: Option<&'static str>,
) {
    const SENDERS: usize = 16;
    let next = Arc::new(AtomicI64::new(payments.start));
    let half = i64::midpoint(payments.start, payments.end);
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (function, next, end) = (Arc::clone(function), Arc::clone(&next), payments.end);
        senders.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    return;
                }
                if number == half && new_value.is_some() {
                    *function.value.lock().unwrap() = new_value;
                }
                let body = format!(r#"{{"notification_type":"payment","transaction":{{"id":{number}}}}}"#);
                let secret = if number % 2 == 0 { secrets[0] } else { secrets[1] };
                for attempt in 0.. {
                    let time = start + SignedDuration::from_secs(number) + SignedDuration::from_mins(attempt);
                    match function.deliver(&body, secret, time).await {
                        Outcome::Accepted(_) | Outcome::Duplicate(_) => break,
                        // A slow machine. Xsolla retries.
                        Outcome::Unavailable(_) if attempt < 5 => {}
                        outcome => panic!("{number}, signed with {secret}: {outcome:?}"),
                    }
                }
            }
        });
    }
    while let Some(done) = senders.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_under_load_rejects_no_webhook() {
    let stack = TestStack::start().await;
    let function = Arc::new(WebhookFunction::start(&stack, Some(r#"{"secrets":["old"]}"#)).await);
    for (payments, start, secrets, new_value) in [
        (0..200, START, ["old", "old"], Some(r#"{"secrets":["new","old"]}"#)),
        // Publisher Account has the new secret. Retries have the old signature.
        (200..400, SignedDuration::from_mins(1), ["new", "old"], None),
        (400..600, 2 * NEXT_DAY, ["new", "new"], Some(r#"{"secrets":["new"]}"#)),
    ] {
        deliver_under_load(&function, payments, start, secrets, new_value).await;
    }
    assert_eq!(stack.stored().await.len(), 600, "each payment is stored once");
    assert_eq!(function.deliver_payment("old", 3 * NEXT_DAY).await, Outcome::InvalidSignature);
}
