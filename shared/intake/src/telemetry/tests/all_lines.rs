//! Properties of all lines that the functions write.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tracing::Level;
use xsolla::samples::{ALL, MALFORMED, WITHOUT_TYPE};
use xsolla::{Envelope, NotificationType, PaymentWithoutOrder, SourceRanges, UnsignedType};

use super::*;
use crate::accept::{AcceptedTypes, DEADLINE, Intake, SourcePolicy};
use crate::lambda;
use crate::lambda::proxy::ProxyRequest;
use crate::lambda::pseudonyms::WithPseudonyms;
use crate::relay::Relay;
use crate::secrets::SecretCache;
use crate::testing::{
    Behavior, FakeDirectory, FakeEventStore, FakeHistory, FakeParking, FakeQueue, FakeSecretStore, insert_record, sign,
    verified,
};
use crate::unsigned::UnsignedIntake;

const SECRET: &str = "hunter2-the-current-secret";
const OLD_SECRET: &str = "hunter1-the-secret-before";
const SECRETS: &str = r#"{"secrets":["hunter2-the-current-secret","hunter1-the-secret-before"]}"#;
const KEY: &str = "key-of-thirty-two-characters-abc";
/// Pseudonym of the user `isle-4471` with the current key.
const ISLE_4471: &str = "abd265abf8b935d0";
const PSEUDONYM_KEYS: &str = r#"["hunter3-the-key-of-pseudonyms","hunter4-the-key-before"]"#;
const XSOLLA: &str = "34.102.38.178";
const ELSEWHERE: &str = "203.0.113.9";
/// Address of a caller without the secret or key.
const BAD_SIGNER: &str = "198.51.100.7";
/// Notifications with undocumented types and fields.
const UNDOCUMENTED: [&str; 3] = [
    r#"{"notification_type":"mira@example.com","transaction":{"id":91}}"#,
    r#"{"notification_type":"gift_sent","transaction":{"id":92},"user":{"id":"isle-4471","email":"mira@example.com"}}"#,
    r#"{"notification_type":"refund","transaction":{"id":93},"mira@example.com":1,"nickname":"mira@example.com"}"#,
];

/// A writer for the lines of `tracing`.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns all lines of all functions.
///
/// Each sample is delivered with the current, the old and a wrong secret, changed, and with failing ports; as an unsigned
/// notification with a right and a wrong key; and relayed.
async fn all_lines() -> Vec<String> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(Level::TRACE).with_writer(move || writer.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let mut lines = webhook_lines().await;
    lines.extend(unsigned_lines().await);
    lines.extend(relay_lines().await);
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for (message, event_id) in [
        ("event cannot be queued; parked", "payout#8841#payout#in_progress"),
        ("sending to SQS failed; will retry", "transaction#2298114507#payment"),
    ] {
        let has_event = |line: &str| line.contains(message) && line.contains(event_id);
        assert!(log.lines().any(has_event), "{message}: {log}");
    }
    lines.extend(log.lines().map(str::to_owned));
    lines
}

fn bodies() -> impl Iterator<Item = &'static str> {
    [ALL, WITHOUT_TYPE, MALFORMED].into_iter().flatten().map(|sample| sample.body).chain(UNDOCUMENTED)
}

fn with_request_id(mut line: WebhookLog) -> String {
    line.request_id = Some("request".to_owned());
    serde_json::to_string(&line).unwrap()
}

async fn webhook_lines() -> Vec<String> {
    let intake = || Intake {
        accepted_types: AcceptedTypes::All,
        events: FakeEventStore::default(),
        directory: Some(FakeDirectory::default()),
        secrets: SecretCache::new(FakeSecretStore::new(SECRETS)),
        sources: SourcePolicy::default(),
    };
    let with_pseudonyms =
        |flow| WithPseudonyms { flow, keys: Some(SecretCache::new(FakeSecretStore::new(PSEUDONYM_KEYS))) };
    let (intake, failing) = (intake(), intake());
    failing.events.control.set(Behavior::Fail);
    failing.directory.as_ref().unwrap().control.set(Behavior::Fail);
    let (intake, failing) = (with_pseudonyms(intake), with_pseudonyms(failing));

    let mut lines = Vec::new();
    for body in bodies() {
        let changed = format!("{body} ");
        for (intake, body, secret, source) in [
            (&intake, body, SECRET, ELSEWHERE),
            (&intake, body, OLD_SECRET, ELSEWHERE),
            (&intake, changed.as_str(), SECRET, XSOLLA),
            (&intake, body, "wrong", BAD_SIGNER),
            (&intake, body, "wrong", XSOLLA),
            (&failing, body, SECRET, ELSEWHERE),
        ] {
            let request = json!({
                "httpMethod": "POST",
                "headers": { "authorization": sign(body, secret) },
                "requestContext": { "identity": { "sourceIp": source } },
                "body": body,
            });
            let request: ProxyRequest = serde_json::from_str(&request.to_string()).unwrap();
            let (_, line) = lambda::api_gateway::handle(intake, &request, None, Timestamp::UNIX_EPOCH, DEADLINE).await;
            lines.push(with_request_id(line));
        }
    }
    lines
}

async fn unsigned_lines() -> Vec<String> {
    let flow = UnsignedIntake {
        events: FakeEventStore::default(),
        directory: FakeDirectory::default(),
        keys: SecretCache::new(FakeSecretStore::new(KEY)),
        sources: SourceRanges::published(),
    };
    let intake = WithPseudonyms { flow, keys: Some(SecretCache::new(FakeSecretStore::new(PSEUDONYM_KEYS))) };
    let mut lines = Vec::new();
    for (body, route) in bodies().flat_map(|body| lambda::unsigned::ROUTES.map(|(route, _)| (body, route))) {
        for (key, source) in [(KEY, XSOLLA), (KEY, ELSEWHERE), ("wrong-key", BAD_SIGNER), ("wrong-key", XSOLLA)] {
            let request = json!({
                "httpMethod": "POST",
                "resource": route,
                "pathParameters": { "key": key },
                "requestContext": { "identity": { "sourceIp": source } },
                "body": body,
            });
            let request: ProxyRequest = serde_json::from_str(&request.to_string()).unwrap();
            let (_, line) = lambda::api_gateway::handle(&intake, &request, None, Timestamp::UNIX_EPOCH, DEADLINE).await;
            lines.push(with_request_id(line));
        }
    }
    lines
}

async fn relay_lines() -> Vec<String> {
    let payout = WITHOUT_TYPE.iter().find(|sample| sample.name == "payout").unwrap();
    let payout = Envelope::parse_unsigned(payout.body.as_bytes(), UnsignedType::Payout).unwrap();
    let mut records = vec![record(&payout, "not JSON: mira@example.com")];
    for body in bodies() {
        records.extend(Envelope::parse(&verified(body)).ok().map(|envelope| record(&envelope, body)));
    }
    let event: Event = serde_json::from_value(json!({ "Records": records })).unwrap();
    let mut lines = Vec::new();
    for failing in [vec![], vec!["transaction#2298114507#payment"]] {
        let relay = Relay {
            queue: FakeQueue { failing, rejecting: vec!["transaction#2298114507#dispute"], ..FakeQueue::default() },
            parking: FakeParking::default(),
            history: FakeHistory::default(),
            payment_without_order: PaymentWithoutOrder::Grant,
        };
        let (response, outcome) =
            lambda::relay::handle(&relay, &event, Timestamp::UNIX_EPOCH, || Duration::from_mins(1)).await;
        lines.push(serde_json::to_string(&BatchLog::new(&outcome, Timestamp::UNIX_EPOCH, "request", None)).unwrap());
        let tally = lambda::relay::drift(&event, &response);
        let line = |row| serde_json::to_string(&DriftLog::new(&row, Timestamp::UNIX_EPOCH)).unwrap();
        lines.extend(tally.rows().map(line));
    }
    lines
}

fn record(envelope: &Envelope<'_>, body: &str) -> Json {
    let attributes = json!({
        "pk": { "S": envelope.event_id().subject() },
        "sk": { "S": envelope.event_id().rest() },
        "kind": { "S": "event" },
        "type": { "S": envelope.type_name() },
        "user_id": { "S": envelope.user_id().unwrap_or("none") },
        "mode": { "S": envelope.mode().name() },
        "identified": { "BOOL": envelope.is_identified() },
    });
    insert_record(&envelope.event_id().to_string(), attributes, body)
}

/// All names of outcomes.
const OUTCOMES: [&str; 22] = [
    "accepted",
    "answered",
    "body_too_large",
    "conflict",
    "deadline_exceeded",
    "directory_unavailable",
    "duplicate",
    "encoded_body",
    "invalid_signature",
    "method_not_allowed",
    "no_directory",
    "not_found",
    "secrets_unavailable",
    "store_unavailable",
    "undecodable_body",
    "unexpected_type",
    "unknown_source",
    "unreadable",
    "unverified_unknown_source",
    "user_found",
    "user_not_found",
    "wrong_key",
];

const METRICS_WITHOUT_DIMENSIONS: [&str; 13] = [
    "BadSignatureFromXsolla",
    "DirectoryDuration",
    "BatchFailures",
    "DeprecatedType",
    "StoreDuration",
    "OldSecret",
    "Parked",
    "Queued",
    "RelayAge",
    "Duration",
    "UnknownSource",
    "UnknownType",
    "VerifyDuration",
];

#[tokio::test]
async fn dimensions_have_few_values_and_metrics_one() {
    let own = [NotificationType::PAYOUT, NotificationType::WEB_SHOP_USER_VALIDATION];
    let types: BTreeSet<&str> =
        NotificationType::ALL.iter().chain(&own).map(|known| known.name()).chain(["unknown"]).collect();
    let modes = ["live", "sandbox"];

    let mut found = BTreeSet::new();
    for line in all_lines().await {
        let line: Json = serde_json::from_str(&line).unwrap_or_default();
        let directives = line["_aws"]["CloudWatchMetrics"].as_array();
        for directive in directives.into_iter().flatten() {
            assert_eq!(directive["Namespace"], "XsollaWebhooks");
            let metrics: Vec<&str> = directive["Metrics"]
                .as_array()
                .unwrap()
                .iter()
                .map(|metric| metric["Name"].as_str().unwrap())
                .collect();
            assert!(metrics.iter().all(|name| line[*name].is_number()), "{line}");
            for set in directive["Dimensions"].as_array().unwrap() {
                let set: Vec<&str> = set.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
                for dimension in &set {
                    let value = line[*dimension].as_str().unwrap();
                    assert!(
                        match *dimension {
                            "outcome" => OUTCOMES.contains(&value),
                            "notification_type" => types.contains(value),
                            "mode" => modes.contains(&value),
                            other => panic!("{other} is not bounded"),
                        },
                        "{dimension}: {value}"
                    );
                }
                found.extend(metrics.iter().map(|name| (set.join(" "), (*name).to_owned())));
            }
        }
    }
    let dimensioned = [("notification_type", "Drift"), ("notification_type mode", "Webhooks"), ("outcome", "Webhooks")];
    let all = METRICS_WITHOUT_DIMENSIONS.map(|name| ("", name)).into_iter().chain(dimensioned);
    assert_eq!(found, all.map(|(set, name)| (set.to_owned(), name.to_owned())).collect());

    let series = METRICS_WITHOUT_DIMENSIONS.len() + OUTCOMES.len() + types.len() * modes.len() + types.len();
    assert_eq!(series, 128, "docs/operations/logs-and-metrics.md states the number of time series and their cost");
}

#[tokio::test]
async fn pseudonym_is_the_same_for_events_questions_and_all_webhook_secrets() {
    let key = |line: &Json| (line["notification_type"].clone(), line["secret_index"].clone());
    let lines = all_lines().await;
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let of_user: Vec<_> = lines.filter(|line| line["user"] == ISLE_4471).map(|line| key(&line)).collect();
    for (notification_type, index) in [("payment", 0), ("payment", 1), ("user_validation", 0), ("user_validation", 1)] {
        assert!(of_user.contains(&(json!(notification_type), json!(index))), "{notification_type}, secret {index}");
    }
}

#[tokio::test]
async fn lines_have_no_personal_data_secrets_or_signatures() {
    let mut private: BTreeSet<String> = [
        SECRET,
        OLD_SECRET,
        KEY,
        "wrong-key",
        BAD_SIGNER,
        XSOLLA,
        "hunter3",
        "hunter4",
        "mira@example.com",
        "Signature ",
    ]
    .map(str::to_owned)
    .into();
    for body in bodies() {
        for key in PERSONAL_KEYS {
            private.extend(values(body, key));
        }
        let user_ids =
            body.split('"').filter(|text| text.strip_prefix("isle-").is_some_and(|id| id.parse::<u32>().is_ok()));
        private.extend(user_ids.map(str::to_owned));
        for secret in [SECRET, OLD_SECRET, "wrong"] {
            let signature = sign(body, secret);
            private.insert(signature.trim_start_matches("Signature ").to_owned());
        }
    }
    for one in ["june@example.com", "192.0.2.60", "12025550143", "June Arden", "20001", "10115", "isle-4471"] {
        assert!(private.contains(one), "{one} is searched for");
    }
    let lines = all_lines().await;
    for expected in ["transaction#2298114507#payment", &format!("\"user\":\"{ISLE_4471}\"")] {
        assert!(lines.iter().any(|line| line.contains(expected)), "{expected}");
    }
    for line in lines {
        let found = private.iter().find(|private| line.contains(private.as_str()));
        assert_eq!(found, None, "{line}");
    }
}

/// Keys of personal data in the samples. Card digits occur only in the name of a payment account.
const PERSONAL_KEYS: [&str; 14] = [
    "author",
    "comment",
    "customer_email",
    "customer_name",
    "email",
    "external_id",
    "ip",
    "message",
    "name",
    "parameter_value",
    "phone",
    "public_id",
    "receiver_email",
    "zip",
];

/// Returns the texts and numbers of a key in a body, which may be malformed JSON.
fn values(body: &str, key: &str) -> Vec<String> {
    let key = format!("\"{key}\"");
    let values = body.split(&key).skip(1).filter_map(|rest| rest.trim_start().strip_prefix(':'));
    let texts = values.map(|rest| rest.trim_start().trim_start_matches('"'));
    texts
        .filter_map(|rest| rest.split(['"', ',', '}', '\n']).next())
        .filter(|value| value.len() >= 4 && !value.starts_with(['{', '[']) && *value != "null")
        .map(str::to_owned)
        .collect()
}
