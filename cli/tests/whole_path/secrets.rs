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
use intake::testing::SignedBody;
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use xsolla::{Secrets, Success};

use crate::test_stack::{TestStack, WebhookIntake, deliver_signed, intake, sample};

/// The value of the secret. `None`: the secret has no value yet.
pub type SecretValue = Arc<Mutex<Option<&'static str>>>;

/// Starts a server in place of Secrets Manager. It returns one secret for every name. Returns its endpoint.
pub async fn secrets_manager(value: SecretValue) -> String {
    secrets_manager_with([("", value)]).await
}

/// Starts a server in place of Secrets Manager. The name of a secret is the end of the requested id.
pub async fn secrets_manager_with<const N: usize>(secrets: [(&'static str, SecretValue); N]) -> String {
    let answer = async |State(secrets): State<[(&'static str, SecretValue); N]>, body: String| {
        let request: serde_json::Value = serde_json::from_str(&body).unwrap();
        let id = request["SecretId"].as_str().unwrap();
        let (_, value) = secrets.iter().find(|(name, _)| id.ends_with(name)).unwrap();
        if let Some(text) = *value.lock().unwrap() {
            return (StatusCode::OK, json!({ "Name": id, "SecretString": text }).to_string());
        }
        let error = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
        (StatusCode::BAD_REQUEST, json!({ "__type": "ResourceNotFoundException", "Message": error }).to_string())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer).with_state(secrets)).await });
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
async fn log_query_contains_the_pseudonym_of_the_user_for_each_key() {
    let stack = TestStack::start().await;
    let query = |hashes: &str| {
        format!(
            "filter user in [{hashes}] | fields @timestamp, notification_type, outcome, event_id, mode, trace_id | sort @timestamp\n"
        )
    };
    let given = [("PSEUDONYM_KEY", "test_secret")];
    let (succeeded, printed) = stack.run_with(&["log-query", "--user", "isle-4471"], &given).await;
    assert!(succeeded && printed == query(r#""f3c6c30a6388fcc8""#), "{printed}");

    let keys = secrets_manager(Arc::new(Mutex::new(Some(r#"["second-key-of-16","first-key-of-the-stack"]"#)))).await;
    let from_secrets_manager = [("PSEUDONYM_KEY_SECRET_ID", "key"), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &keys)];
    let (succeeded, printed) = stack.run_with(&["log-query", "--user", "isle-4471"], &from_secrets_manager).await;
    assert!(succeeded && printed == query(r#""8ae631b5c83fe909", "1bdad4cc9c1c243f""#), "{printed}");

    let (succeeded, printed) = stack.run(&["log-query", "--user", "isle-4471"]).await;
    assert!(!succeeded && printed.starts_with("error: PSEUDONYM_KEY_SECRET_ID is not set"), "{printed}");
}

const START: SignedDuration = SignedDuration::ZERO;
const NEXT_DAY: SignedDuration = SignedDuration::from_hours(24);
const OLD: &str = "eG7pX2mWq9LsVt4K";
const NEW: &str = "nB5rT8yHc3JdFw6Z";
const ONLY_OLD: &str = r#"{"secrets":["eG7pX2mWq9LsVt4K"]}"#;
const NEW_AND_OLD: &str = r#"{"secrets":["nB5rT8yHc3JdFw6Z","eG7pX2mWq9LsVt4K"]}"#;
const ONLY_NEW: &str = r#"{"secrets":["nB5rT8yHc3JdFw6Z"]}"#;

#[tokio::test]
async fn missing_secret_is_500_until_it_is_set() {
    let stack = TestStack::start().await;
    let function = WebhookFunction::start(&stack, None).await;
    for (second, missing) in [(0, None), (10, Some("")), (20, Some(r#"{"secrets":[]}"#))] {
        *function.value.lock().unwrap() = missing;
        let time = SignedDuration::from_secs(second);
        assert_eq!(function.deliver_payment(OLD, time).await, Outcome::Unavailable(Unavailable::Secrets));
    }
    *function.value.lock().unwrap() = Some(ONLY_OLD);
    let time = SignedDuration::from_secs(30);
    assert_eq!(function.deliver_payment(OLD, time).await, Outcome::Accepted(Success::NoContent));
}

/// Also the test key of `local` and of `events/local.env`. With it, anyone could forge sales.
#[rstest]
#[case::short("a")]
#[case::test_key("test_secret")]
#[case::placeholder("YOUR_WEBHOOK_SECRET_KEY")]
#[case::second_in_the_list(r#"["eG7pX2mWq9LsVt4K","old"]"#)]
#[tokio::test]
async fn weak_secret_is_500_with_its_cause_until_it_is_replaced(#[case] weak: &'static str) {
    let stack = TestStack::start().await;
    let function = WebhookFunction::start(&stack, Some(weak)).await;
    let secrets: Secrets = weak.parse().unwrap();
    let position = usize::from(weak.starts_with('['));
    for secret in ["a", "test_secret", "YOUR_WEBHOOK_SECRET_KEY", OLD] {
        let signed = SignedBody::with_secret(sample("payment"), secret);
        let report = function.intake.accept(&signed.delivery()).await;
        assert_eq!(report.outcome, Outcome::Unavailable(Unavailable::Secrets), "{secret}");
        let cause = report.error.unwrap().to_string();
        assert!(cause.starts_with(&format!("secretsmanager:GetSecretValue: secret {position} in the list")), "{cause}");
        assert!(cause.contains("; replace it. Webhook secrets are in Publisher Account"), "{cause}");
        assert!(!secrets.contains(&cause) && !cause.contains("test_secret") && !cause.contains("WEBHOOK_SECRET"));
    }
    *function.value.lock().unwrap() = Some(ONLY_OLD);
    assert_eq!(
        function.deliver_payment(OLD, SignedDuration::from_secs(10)).await,
        Outcome::Accepted(Success::NoContent)
    );
}

#[tokio::test]
async fn whitespace_around_a_listed_secret_is_ignored() {
    let stack = TestStack::start().await;
    let function = WebhookFunction::start(&stack, Some(r#"{"secrets":[" eG7pX2mWq9LsVt4K\n"]}"#)).await;
    assert_eq!(function.deliver_payment(OLD, START).await, Outcome::Accepted(Success::NoContent));
}

#[tokio::test]
async fn rotation_rejects_no_webhook() {
    let stack = TestStack::start().await;
    let function = WebhookFunction::start(&stack, Some(ONLY_OLD)).await;
    assert_eq!(function.deliver_payment(OLD, START).await, Outcome::Accepted(Success::NoContent));

    *function.value.lock().unwrap() = Some(NEW_AND_OLD);
    let next_minute = SignedDuration::from_mins(1);
    for secret in [OLD, NEW, OLD] {
        assert_eq!(
            function.deliver_payment(secret, next_minute).await,
            Outcome::Duplicate(Success::NoContent),
            "{secret}"
        );
    }

    *function.value.lock().unwrap() = Some(ONLY_NEW);
    assert_eq!(function.deliver_payment(NEW, NEXT_DAY).await, Outcome::Duplicate(Success::NoContent));
    assert_eq!(function.deliver_payment(OLD, NEXT_DAY).await, Outcome::InvalidSignature);
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
    let function = Arc::new(WebhookFunction::start(&stack, Some(ONLY_OLD)).await);
    for (payments, start, secrets, new_value) in [
        (0..200, START, [OLD, OLD], Some(NEW_AND_OLD)),
        // Publisher Account has the new secret. Retries have the old signature.
        (200..400, SignedDuration::from_mins(1), [NEW, OLD], None),
        (400..600, 2 * NEXT_DAY, [NEW, NEW], Some(ONLY_NEW)),
    ] {
        deliver_under_load(&function, payments, start, secrets, new_value).await;
    }
    assert_eq!(stack.stored().await.len(), 600, "each payment is stored once");
    assert_eq!(function.deliver_payment(OLD, 3 * NEXT_DAY).await, Outcome::InvalidSignature);
}
