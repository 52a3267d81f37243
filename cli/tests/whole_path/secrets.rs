//! The webhook secrets in Secrets Manager, played by a server that says what a test tells it to.

use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use intake::accept::{AcceptedTypes, DEADLINE, Delivery, Intake, SourcePolicy};
use intake::aws::{CallLimits, Events, SecretSource};
use intake::directory::Directory;
use intake::emulator::emulator_config;
use intake::outcome::{Outcome, Unavailable};
use intake::secrets::SecretCache;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use xsolla::{Success, sign};

use crate::world::{World, sample};

/// What `GetSecretValue` gives; `None`: the secret has no value yet.
pub type Value = Arc<Mutex<Option<&'static str>>>;

pub async fn secrets_manager(value: Value) -> String {
    let answer = async |State(value): State<Value>| {
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

struct FrontDoor {
    intake: Intake<Events, Directory, SecretSource>,
    value: Value,
}

impl FrontDoor {
    async fn start(world: &World, value: Option<&'static str>) -> Self {
        let value = Arc::new(Mutex::new(value));
        let config =
            emulator_config(CallLimits::WEBHOOK).endpoint_url(secrets_manager(Arc::clone(&value)).await).build();
        let client = aws_sdk_secretsmanager::Client::new(&config);
        let intake = Intake {
            accepted_types: AcceptedTypes::All,
            events: world.stack.events.clone(),
            directory: Some(Directory::ACCEPT_ALL),
            secrets: SecretCache::new(SecretSource::SecretsManager { client, secret_id: "xsolla".to_owned() }),
            sources: SourcePolicy::default(),
        };
        Self { intake, value }
    }

    /// A payment, signed with this secret, so long after the first one.
    async fn payment(&self, secret: &str, later: SignedDuration) -> Outcome {
        self.delivery(sample("payment").as_bytes(), secret, later).await
    }

    async fn delivery(&self, body: &[u8], secret: &str, later: SignedDuration) -> Outcome {
        let authorization = sign(body, secret);
        let received_at = Timestamp::UNIX_EPOCH + later;
        let authorization = Some(authorization.as_str());
        let delivery = Delivery { authorization, source: None, body, received_at, trace: None, time_left: DEADLINE };
        self.intake.accept(&delivery).await.outcome
    }
}

/// The log names no user: the command knows what stands for one, under each of the secrets.
#[tokio::test(flavor = "multi_thread")]
async fn the_query_for_a_users_lines_has_what_stands_for_the_user_under_each_secret() {
    let world = World::start().await;
    let query = |hashes: &str| {
        format!(
            "filter user in [{hashes}] | fields @timestamp, notification_type, outcome, event_id, mode, trace_id | sort @timestamp\n"
        )
    };
    let (succeeded, printed) = world.run(&["log-query", "--user", "isle-4471"]).await;
    assert!(succeeded && printed == query(r#""f3c6c30a6388fcc8""#), "{printed}");

    let secrets = secrets_manager(Arc::new(Mutex::new(Some(r#"{"secrets":["new","test_secret"]}"#)))).await;
    let of_aws =
        [("XSOLLA_SECRETS", ""), ("XSOLLA_SECRET_ID", "xsolla"), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets)];
    let (succeeded, printed) = world.run_with(&["log-query", "--user", "isle-4471"], &of_aws).await;
    assert!(succeeded && printed == query(r#""ab57a48ae61b657e", "f3c6c30a6388fcc8""#), "{printed}");

    let (succeeded, printed) = world.run_with(&["log-query", "--user", "isle-4471"], &[("XSOLLA_SECRETS", "")]).await;
    assert!(!succeeded && printed.starts_with("error: XSOLLA_SECRET_ID is not set"), "{printed}");
}

const AT_ONCE: SignedDuration = SignedDuration::ZERO;
const NEXT_DAY: SignedDuration = SignedDuration::from_hours(24);

#[tokio::test]
async fn a_secret_without_a_value_turns_nobody_away_for_good() {
    let world = World::start().await;
    let front_door = FrontDoor::start(&world, None).await;
    for not_set_yet in [None, Some(""), Some(r#"{"secrets":[]}"#)] {
        *front_door.value.lock().unwrap() = not_set_yet;
        assert_eq!(front_door.payment("current", AT_ONCE).await, Outcome::Unavailable(Unavailable::Secrets));
    }
    *front_door.value.lock().unwrap() = Some(r#"{"secrets":["current"]}"#);
    assert_eq!(front_door.payment("current", AT_ONCE).await, Outcome::Accepted(Success::NoContent));
}

#[tokio::test]
async fn a_rotation_rejects_no_webhook() {
    let world = World::start().await;
    let front_door = FrontDoor::start(&world, Some(r#"{"secrets":["old"]}"#)).await;
    assert_eq!(front_door.payment("old", AT_ONCE).await, Outcome::Accepted(Success::NoContent));

    *front_door.value.lock().unwrap() = Some(r#"{"secrets":["new","old"]}"#);
    let a_minute_later = SignedDuration::from_mins(1);
    for secret in ["old", "new", "old"] {
        assert_eq!(
            front_door.payment(secret, a_minute_later).await,
            Outcome::Duplicate(Success::NoContent),
            "{secret}"
        );
    }

    *front_door.value.lock().unwrap() = Some(r#"{"secrets":["new"]}"#);
    assert_eq!(front_door.payment("new", NEXT_DAY).await, Outcome::Duplicate(Success::NoContent));
    assert_eq!(front_door.payment("old", NEXT_DAY).await, Outcome::InvalidSignature);
}

/// Sends payments of these numbers, a second apart by Xsolla's clock and up to sixteen at once. Each is signed with one of
/// these secrets, and sent again if we could not take it; the list changes while half of them are still to come.
async fn under_load(
    front_door: &Arc<FrontDoor>,
    payments: Range<i64>,
    later: SignedDuration,
    signed_with: [&'static str; 2],
    list: Option<&'static str>,
) {
    const SENDERS: usize = 16;
    let next = Arc::new(AtomicI64::new(payments.start));
    let half = i64::midpoint(payments.start, payments.end);
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (front_door, next, end) = (Arc::clone(front_door), Arc::clone(&next), payments.end);
        senders.spawn(async move {
            loop {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                if nth >= end {
                    return;
                }
                if let Some(list) = list.filter(|_| nth == half) {
                    *front_door.value.lock().unwrap() = Some(list);
                }
                let body = format!(r#"{{"notification_type":"payment","transaction":{{"id":{nth}}}}}"#);
                let secret = if nth % 2 == 0 { signed_with[0] } else { signed_with[1] };
                for attempt in 0.. {
                    let later = later + SignedDuration::from_secs(nth) + SignedDuration::from_mins(attempt);
                    match front_door.delivery(body.as_bytes(), secret, later).await {
                        Outcome::Accepted(_) | Outcome::Duplicate(_) => break,
                        // A busy machine. Xsolla tries again.
                        Outcome::Unavailable(_) if attempt < 5 => {}
                        outcome => panic!("{nth}, signed with {secret}: {outcome:?}"),
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
async fn a_rotation_under_load_rejects_no_webhook() {
    let world = World::start().await;
    let front_door = Arc::new(FrontDoor::start(&world, Some(r#"{"secrets":["old"]}"#)).await);
    for (payments, later, signed_with, list) in [
        (0..200, AT_ONCE, ["old", "old"], Some(r#"{"secrets":["new","old"]}"#)),
        // Publisher Account has the new one, and retries come with the old.
        (200..400, SignedDuration::from_mins(1), ["new", "old"], None),
        (400..600, 2 * NEXT_DAY, ["new", "new"], Some(r#"{"secrets":["new"]}"#)),
    ] {
        under_load(&front_door, payments, later, signed_with, list).await;
    }
    assert_eq!(world.kept().await.len(), 600, "each once");
    assert_eq!(front_door.payment("old", 3 * NEXT_DAY).await, Outcome::InvalidSignature);
}
