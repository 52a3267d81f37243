//! What the lines say, and what they never say.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lambda_events::event::dynamodb::Event;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use xsolla::samples::{ALL, MALFORMED, WITHOUT_TYPE};
use xsolla::{Envelope, PaymentWithoutOrder, Secrets, Signature, SourceRanges, Success, UnsignedType, sign};

use super::*;
use crate::accept::{AcceptedTypes, DEADLINE, Intake, SourcePolicy, StepTimings, UnknownSource};
use crate::fakes::{FakeDirectory, FakeEvents, FakeHistory, FakeParking, FakeQueue, FakeSecrets, port_error};
use crate::lambda;
use crate::lambda::proxy::ProxyRequest;
use crate::relay::Relay;
use crate::secrets::SecretCache;
use crate::unsigned::UnsignedIntake;

#[test]
fn a_line_has_what_is_known_and_nothing_of_the_person() {
    let body =
        r#"{"notification_type":"payment","transaction":{"id":7},"user":{"id":"mira","email":"mira@example.com"}}"#;
    let signature = sign(body.as_bytes(), "hunter2").parse::<Signature>().unwrap();
    let secrets = "hunter2".parse::<Secrets>().unwrap();
    let verified = secrets.verify(body.as_bytes(), &signature).unwrap();
    let receipt = DeliveryReport {
        outcome: Outcome::Accepted(Success::NoContent),
        content: None,
        envelope: Some(Envelope::parse(&verified).unwrap()),
        secret: Some(0),
        secrets: Some(Arc::new(secrets)),
        unknown_source: None,
        failure: None,
        took: StepTimings { verify: Some(Duration::from_micros(3)), keep: Some(Duration::from_millis(5)), ask: None },
    };
    let line = Line::of(&receipt, Timestamp::UNIX_EPOCH, Duration::from_micros(12));
    assert_eq!(line.to_string(), "204 accepted transaction#7#payment (live, 12 µs)");
    assert_eq!(
        serde_json::to_string(&line).unwrap(),
        r#"{"timestamp":"1970-01-01T00:00:00Z","level":"INFO","message":"webhook","outcome":"accepted","status":204,"notification_type":"payment","event_id":"transaction#7#payment","mode":"live","user":"376a9fdc9250ed63","identified":true,"secret":0,"_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["outcome"],["notification_type","mode"]],"Metrics":[{"Name":"Webhooks","Unit":"Count"}]},{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Duration","Unit":"Milliseconds"},{"Name":"VerifyDuration","Unit":"Milliseconds"},{"Name":"StoreDuration","Unit":"Milliseconds"}]}]},"Webhooks":1,"Duration":0.012,"VerifyDuration":0.003,"StoreDuration":5.0}"#
    );
}

#[test]
fn a_question_that_nobody_answers_is_named_and_has_no_key() {
    let body = r#"{"notification_type":"get_pincode","user":{"id":"mira"}}"#;
    let signature = sign(body.as_bytes(), "hunter2").parse::<Signature>().unwrap();
    let verified = "hunter2".parse::<Secrets>().unwrap().verify(body.as_bytes(), &signature).unwrap();
    let receipt = DeliveryReport {
        envelope: Some(Envelope::parse(&verified).unwrap()),
        ..DeliveryReport::from(Outcome::Unavailable(Unavailable::NoDirectory))
    };
    let line = Line::of(&receipt, Timestamp::UNIX_EPOCH, Duration::ZERO);
    assert_eq!(line.to_string(), "503 no_directory get_pincode (live, 0 µs)");
    assert_eq!(
        serde_json::to_string(&line).unwrap(),
        r#"{"timestamp":"1970-01-01T00:00:00Z","level":"ERROR","message":"webhook","outcome":"no_directory","status":503,"notification_type":"get_pincode","mode":"live","_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["outcome"],["notification_type","mode"]],"Metrics":[{"Name":"Webhooks","Unit":"Count"}]},{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Duration","Unit":"Milliseconds"},{"Name":"DeprecatedType","Unit":"Count"}]}]},"Webhooks":1,"Duration":0.0,"DeprecatedType":1}"#
    );
}

#[test]
fn of_a_wrong_signature_there_is_nothing_but_the_fact() {
    let line = Line::of(&DeliveryReport::from(Outcome::InvalidSignature), Timestamp::UNIX_EPOCH, Duration::ZERO);
    assert_eq!(line.to_string(), "400 invalid_signature");
    assert_eq!(
        serde_json::to_string(&line).unwrap(),
        r#"{"timestamp":"1970-01-01T00:00:00Z","level":"WARN","message":"webhook","outcome":"invalid_signature","status":400,"_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["outcome"]],"Metrics":[{"Name":"Webhooks","Unit":"Count"}]},{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Duration","Unit":"Milliseconds"}]}]},"Webhooks":1,"Duration":0.0}"#
    );
}

#[test]
fn of_a_wrong_key_in_the_path_there_is_nothing_but_the_fact() {
    let receipt = DeliveryReport::from(Outcome::Unavailable(Unavailable::WrongKey));
    let line = Line::of(&receipt, Timestamp::UNIX_EPOCH, Duration::ZERO);
    assert_eq!(
        serde_json::to_string(&line).unwrap(),
        r#"{"timestamp":"1970-01-01T00:00:00Z","level":"INFO","message":"webhook","outcome":"wrong_key","status":503,"_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["outcome"]],"Metrics":[{"Name":"Webhooks","Unit":"Count"}]},{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Duration","Unit":"Milliseconds"}]}]},"Webhooks":1,"Duration":0.0}"#
    );
}

#[test]
fn an_unknown_address_is_said_and_is_worth_a_warning() {
    let line = |outcome, source: Option<&str>| {
        let source = source.map(|address| address.parse().unwrap());
        let receipt = DeliveryReport { unknown_source: Some(UnknownSource(source)), ..DeliveryReport::from(outcome) };
        Line::of(&receipt, Timestamp::UNIX_EPOCH, Duration::ZERO)
    };
    let reported = line(Outcome::Accepted(Success::NoContent), Some("203.0.113.9"));
    assert_eq!(
        serde_json::to_string(&reported).unwrap(),
        r#"{"timestamp":"1970-01-01T00:00:00Z","level":"WARN","message":"webhook","outcome":"accepted","status":204,"unknown_source":"203.0.113.9","_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["outcome"]],"Metrics":[{"Name":"Webhooks","Unit":"Count"}]},{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Duration","Unit":"Milliseconds"},{"Name":"UnknownSource","Unit":"Count"}]}]},"Webhooks":1,"Duration":0.0,"UnknownSource":1}"#
    );
    let enforced = line(Outcome::Unavailable(Unavailable::UnknownSource), None);
    assert_eq!(enforced.level(), Level::ERROR);
    assert_eq!(enforced.to_string(), "503 unknown_source");
}

/// The value of `key` wherever it stands behind `before` in the template.
fn in_template(before: &str, key: &str) -> BTreeSet<&'static str> {
    let template = include_str!("../../../../template.yaml");
    let found = template.split(before).skip(1).filter_map(|rest| rest.trim_start().strip_prefix(key));
    found.filter_map(|rest| rest.split([' ', '}', ')', '\n']).next()).collect()
}

/// `LogLevel` can be WARN: then what went well is missing, with the alarms that need it.
#[test]
fn what_an_alarm_counts_is_written_at_warn() {
    let outcomes = [
        Outcome::Conflict(Success::NoContent),
        Outcome::Unreadable,
        Outcome::InvalidSignature,
        Outcome::Unavailable(Unavailable::Store),
        Outcome::Unavailable(Unavailable::Directory),
        Outcome::Unavailable(Unavailable::Secrets),
        Outcome::Unavailable(Unavailable::Deadline),
        Outcome::Unavailable(Unavailable::NoDirectory),
        Outcome::Unavailable(Unavailable::UnexpectedType),
    ];
    let mut counted: BTreeSet<&str> = outcomes.iter().map(|outcome| outcome.name()).collect();
    counted.insert("accepted"); // of RelayStands and NoWebhooks, which do without it at WARN
    assert_eq!(in_template("Dimensions: [{Name: outcome,", "Value: "), counted);
    for outcome in outcomes {
        assert!(level_of(&DeliveryReport::from(outcome)) <= Level::WARN, "{}", outcome.name());
    }

    let accepted = || DeliveryReport::from(Outcome::Accepted(Success::NoContent));
    assert_eq!(level_of(&accepted()), Level::INFO);
    let unknown_source = DeliveryReport { unknown_source: Some(UnknownSource(None)), ..accepted() };
    let old_secret = DeliveryReport { secret: Some(1), ..accepted() };
    assert_eq!([level_of(&unknown_source), level_of(&old_secret)], [Level::WARN; 2]);
    // `Drift` has a line of its own, always a warning; those of the relay are RelayStands's.
    let counted = BTreeSet::from(["OldSecret", "Parked", "Queued", "UnknownSource", "Webhooks"]);
    assert_eq!(in_template("Namespace: XsollaWebhooks\n", "MetricName: "), counted);
    assert_eq!(in_template("SELECT SUM(", ""), BTreeSet::from(["Drift"]));
}

fn level_of(receipt: &DeliveryReport<'_>) -> Level {
    Line::of(receipt, Timestamp::UNIX_EPOCH, Duration::ZERO).level()
}

#[test]
fn what_failed_is_said() {
    let mut receipt = DeliveryReport::from(Outcome::Unavailable(Unavailable::Store));
    receipt.failure = Some(port_error());
    let line = Line::of(&receipt, Timestamp::UNIX_EPOCH, Duration::ZERO);
    assert_eq!(line.to_string(), "500 store_unavailable: fake:Call: it was told to fail");
    assert_eq!(line.level(), Level::ERROR);
}

#[test]
fn drift_is_a_metric_by_type_with_the_place_beside_it() {
    let mut tally = DriftTally::default();
    let body = r#"{"notification_type":"refund","transaction":{"id":7,"risk":"high"},"user":{"id":"mira"}}"#;
    for event_id in ["transaction#7#refund", "transaction#8#refund"] {
        tally.add("refund", body, &event_id.to_owned());
    }
    tally.add("new type", "{}", &"body#ab".to_owned());
    tally.add("new_type", "{}", &"body#cd".to_owned());
    let lines: Vec<String> = tally
        .rows()
        .map(|row| serde_json::to_string(&DriftLog::of(&row, Timestamp::from_second(1_800_000_000).unwrap())).unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            r#"{"timestamp":"2027-01-15T08:00:00Z","level":"WARN","message":"drift","notification_type":"unknown","unknown_type":"new_type","path":"","what":"unknown type","event_id":"body#cd","_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["notification_type"]],"Metrics":[{"Name":"Drift","Unit":"Count"}]}]},"Drift":1}"#,
            r#"{"timestamp":"2027-01-15T08:00:00Z","level":"WARN","message":"drift","notification_type":"refund","path":"transaction.risk","what":"unknown field","kind":"string(4)","event_id":"transaction#7#refund","_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["notification_type"]],"Metrics":[{"Name":"Drift","Unit":"Count"}]}]},"Drift":2}"#,
            r#"{"timestamp":"2027-01-15T08:00:00Z","level":"WARN","message":"drift","notification_type":"unknown","path":"","what":"unknown type","event_id":"body#ab","_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["notification_type"]],"Metrics":[{"Name":"Drift","Unit":"Count"}]}]},"Drift":1}"#,
        ]
    );
}

#[test]
fn a_batch_is_one_line_of_metrics() {
    let now: Timestamp = "2026-11-22T08:00:00.5Z".parse().unwrap();
    let trace = TraceHeader::parse("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0");
    let line =
        |relayed: &BatchOutcome| serde_json::to_string(&BatchLog::of(relayed, now, "request", trace.as_ref())).unwrap();
    let queued = vec!["transaction#7#payment".to_owned(), "order#5#order_paid".to_owned()];
    let oldest = Some("2026-11-21T08:00:00Z".parse().unwrap());
    assert_eq!(
        line(&BatchOutcome { queued: queued.clone(), parked: 1, oldest, retry_from: None }),
        r#"{"timestamp":"2026-11-22T08:00:00.5Z","level":"INFO","message":"relayed","event_ids":["transaction#7#payment","order#5#order_paid"],"request_id":"request","trace_id":"1-5759e988-bd862e3fe1be46a994272793","_aws":{"Timestamp":1795334400500,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Queued","Unit":"Count"},{"Name":"Parked","Unit":"Count"},{"Name":"BatchFailures","Unit":"Count"},{"Name":"RelayAge","Unit":"Milliseconds"}]}]},"Queued":2,"Parked":1,"BatchFailures":0,"RelayAge":86400500.0}"#
    );
    assert_eq!(
        line(&BatchOutcome { retry_from: Some("42".to_owned()), ..BatchOutcome::default() }),
        r#"{"timestamp":"2026-11-22T08:00:00.5Z","level":"WARN","message":"relayed","retry_from":"42","request_id":"request","trace_id":"1-5759e988-bd862e3fe1be46a994272793","_aws":{"Timestamp":1795334400500,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Queued","Unit":"Count"},{"Name":"Parked","Unit":"Count"},{"Name":"BatchFailures","Unit":"Count"}]}]},"Queued":0,"Parked":0,"BatchFailures":1}"#
    );
    let ahead = Some("2026-11-22T08:00:01Z".parse().unwrap());
    assert!(line(&BatchOutcome { queued, oldest: ahead, ..BatchOutcome::default() }).contains(r#""RelayAge":0.0"#));
}

const SECRET: &str = "hunter2-the-current-secret";
const OLD_SECRET: &str = "hunter1-the-secret-before";
const SECRETS: &str = r#"{"secrets":["hunter2-the-current-secret","hunter1-the-secret-before"]}"#;
const KEY: &str = "key-of-thirty-two-characters-abc";
/// What stands for the user `isle-4471` under the current secret.
const ISLE_4471: &str = "7d7beb136fc7d2c1";
const ELSEWHERE: &str = "203.0.113.9";
/// Of a type and with a field that nobody has announced.
const UNANNOUNCED: [&str; 3] = [
    r#"{"notification_type":"mira@example.com","transaction":{"id":91}}"#,
    r#"{"notification_type":"gift_sent","transaction":{"id":92},"user":{"id":"isle-4471","email":"mira@example.com"}}"#,
    r#"{"notification_type":"refund","transaction":{"id":93},"mira@example.com":1,"nickname":"mira@example.com"}"#,
];

/// Where the functions' other lines go, those of `tracing`.
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

/// All that the functions print when every sample is delivered (signed with either secret, again, changed, wrongly signed,
/// and while everything fails), or sent unsigned with a right and a wrong key, and when every event is relayed.
async fn printed() -> Vec<String> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(Level::TRACE).with_writer(move || writer.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let mut lines = delivered().await;
    lines.extend(unsigned().await);
    lines.extend(relayed().await);
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for (message, event_id) in [
        ("can never be queued: parked", "payout#8841#payout#in_progress"),
        ("not queued yet", "transaction#2298114507#payment"),
    ] {
        let is_told = |line: &str| line.contains(message) && line.contains(event_id);
        assert!(log.lines().any(is_told), "{message}: {log}");
    }
    lines.extend(log.lines().map(str::to_owned));
    lines
}

fn bodies() -> impl Iterator<Item = &'static str> {
    [ALL, WITHOUT_TYPE, MALFORMED].into_iter().flatten().map(|sample| sample.body).chain(UNANNOUNCED)
}

fn written(mut line: Line) -> [String; 2] {
    line.request_id = Some("request".to_owned());
    [line.to_string(), serde_json::to_string(&line).unwrap()]
}

async fn delivered() -> Vec<String> {
    let intake = || Intake {
        accepted_types: AcceptedTypes::All,
        events: FakeEvents::default(),
        directory: Some(FakeDirectory::default()),
        secrets: SecretCache::new(FakeSecrets::new(SECRETS)),
        sources: SourcePolicy::default(),
    };
    let (intake, broken) = (intake(), intake());
    broken.events.switch.failing.store(true, std::sync::atomic::Ordering::Relaxed);
    let directory = broken.directory.as_ref().unwrap();
    directory.switch.failing.store(true, std::sync::atomic::Ordering::Relaxed);

    let mut lines = Vec::new();
    for body in bodies() {
        let changed = format!("{body} ");
        for (intake, body, secret) in [
            (&intake, body, SECRET),
            (&intake, body, OLD_SECRET),
            (&intake, changed.as_str(), SECRET),
            (&intake, body, "wrong"),
            (&broken, body, SECRET),
        ] {
            let request = json!({
                "httpMethod": "POST",
                "headers": { "authorization": sign(body.as_bytes(), secret) },
                "requestContext": { "identity": { "sourceIp": ELSEWHERE } },
                "body": body,
            });
            let request: ProxyRequest = serde_json::from_str(&request.to_string()).unwrap();
            let (_, line) = lambda::webhook::handle(intake, &request, None, Timestamp::UNIX_EPOCH, DEADLINE).await;
            lines.extend(written(line));
        }
    }
    lines
}

async fn unsigned() -> Vec<String> {
    let intake = UnsignedIntake {
        events: FakeEvents::default(),
        directory: FakeDirectory::default(),
        keys: SecretCache::new(FakeSecrets::new(KEY)),
        sources: SourceRanges::published(),
    };
    let mut lines = Vec::new();
    for (body, route) in bodies().flat_map(|body| lambda::unsigned::ROUTES.map(|(route, _)| (body, route))) {
        for (key, source) in [(KEY, "34.102.38.178"), (KEY, ELSEWHERE), ("wrong-key", ELSEWHERE)] {
            let request = json!({
                "httpMethod": "POST",
                "resource": route,
                "pathParameters": { "key": key },
                "requestContext": { "identity": { "sourceIp": source } },
                "body": body,
            });
            let request: ProxyRequest = serde_json::from_str(&request.to_string()).unwrap();
            let (_, line) = lambda::unsigned::handle(&intake, &request, None, Timestamp::UNIX_EPOCH, DEADLINE).await;
            lines.extend(written(line));
        }
    }
    lines
}

async fn relayed() -> Vec<String> {
    let payout = WITHOUT_TYPE.iter().find(|sample| sample.name == "payout").unwrap();
    let payout = Envelope::parse_unsigned(payout.body.as_bytes(), UnsignedType::Payout).unwrap();
    let mut records = vec![record(&payout, "no JSON: mira@example.com")];
    for body in bodies() {
        let signature = sign(body.as_bytes(), SECRET).parse::<Signature>().unwrap();
        let verified = SECRET.parse::<Secrets>().unwrap().verify(body.as_bytes(), &signature).unwrap();
        records.extend(Envelope::parse(&verified).ok().map(|envelope| record(&envelope, body)));
    }
    let event: Event = serde_json::from_value(json!({ "Records": records })).unwrap();
    let mut lines = Vec::new();
    for failing in [vec![], vec!["transaction#2298114507#payment"]] {
        let relay = Relay {
            queue: FakeQueue { failing, refusing: vec!["transaction#2298114507#dispute"], ..FakeQueue::default() },
            parking: FakeParking::default(),
            history: FakeHistory::default(),
            payment_without_order: PaymentWithoutOrder::Grant,
        };
        let (response, relayed) = lambda::relay::handle(&relay, &event, || Duration::from_mins(1)).await;
        lines.push(serde_json::to_string(&BatchLog::of(&relayed, Timestamp::UNIX_EPOCH, "request", None)).unwrap());
        let tally = lambda::relay::drift(&event, &response);
        lines
            .extend(tally.rows().map(|row| serde_json::to_string(&DriftLog::of(&row, Timestamp::UNIX_EPOCH)).unwrap()));
    }
    lines
}

fn record(envelope: &Envelope<'_>, body: &str) -> Json {
    let (event_id, subject) = (envelope.event_id().to_string(), envelope.event_id().subject());
    json!({
        "eventID": "x",
        "eventName": "INSERT",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "Keys": {},
            "NewImage": {
                "pk": { "S": subject },
                "sk": { "S": envelope.event_id().rest() },
                "kind": { "S": "event" },
                "type": { "S": envelope.type_name() },
                "user_id": { "S": envelope.user_id().unwrap_or("none") },
                "mode": { "S": envelope.mode().name() },
                "identified": { "BOOL": envelope.is_identified() },
                "received_at": { "S": "2026-11-22T00:31:07.042Z" },
                "body": { "B": STANDARD.encode(body) },
            },
            "SequenceNumber": event_id,
            "SizeBytes": 1,
            "ApproximateCreationDateTime": 1_778_772_127.0,
        },
    })
}

/// As the table of answers has them.
const OUTCOMES: [&str; 20] = [
    "accepted",
    "answered",
    "body_too_large",
    "conflict",
    "deadline_exceeded",
    "directory_unavailable",
    "duplicate",
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
    "user_found",
    "user_not_found",
    "wrong_key",
];

const ALONE_NAMES: [&str; 12] = [
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
async fn every_dimension_has_few_values_and_every_metric_one() {
    let own = [NotificationType::PAYOUT, NotificationType::WEB_SHOP_USER_VALIDATION];
    let types: BTreeSet<&str> =
        NotificationType::ALL.iter().chain(&own).map(|known| known.name()).chain(["unknown"]).collect();
    let modes = ["live", "sandbox"];

    let mut met = BTreeSet::new();
    for line in printed().await {
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
                met.extend(metrics.iter().map(|name| (set.join(" "), (*name).to_owned())));
            }
        }
    }
    let dimensioned = [("notification_type", "Drift"), ("notification_type mode", "Webhooks"), ("outcome", "Webhooks")];
    let all = ALONE_NAMES.map(|name| ("", name)).into_iter().chain(dimensioned);
    assert_eq!(met, all.map(|(set, name)| (set.to_owned(), name.to_owned())).collect());

    let series = ALONE_NAMES.len() + OUTCOMES.len() + types.len() * modes.len() + types.len();
    assert_eq!(series, 122, "docs/operations/logs-and-metrics.md states the number of time series and their cost");
}

#[tokio::test]
async fn whoever_it_is_about_is_the_same_in_events_and_questions_whichever_secret_matched() {
    let told = |line: &Json| (line["notification_type"].clone(), line["secret"].clone());
    let lines = printed().await;
    let lines = lines.iter().filter_map(|line| serde_json::from_str::<Json>(line).ok());
    let of_user: Vec<_> = lines.filter(|line| line["user"] == ISLE_4471).map(|line| told(&line)).collect();
    for (kind, secret) in [("payment", 0), ("payment", 1), ("user_validation", 0), ("user_validation", 1)] {
        assert!(of_user.contains(&(json!(kind), json!(secret))), "{kind}, secret {secret}");
    }
}

#[tokio::test]
async fn no_line_has_personal_data_a_secret_or_a_signature() {
    let mut private: BTreeSet<String> =
        [SECRET, OLD_SECRET, KEY, "wrong-key", "mira@example.com", "Signature "].map(str::to_owned).into();
    for body in bodies() {
        for key in PERSONAL {
            private.extend(values(body, key));
        }
        let user_ids =
            body.split('"').filter(|text| text.strip_prefix("isle-").is_some_and(|id| id.parse::<u32>().is_ok()));
        private.extend(user_ids.map(str::to_owned));
        for secret in [SECRET, OLD_SECRET, "wrong"] {
            let signature = sign(body.as_bytes(), secret);
            private.insert(signature.trim_start_matches("Signature ").to_owned());
        }
    }
    for one in ["june@example.com", "192.0.2.60", "12025550143", "June Arden", "20001", "10115", "isle-4471"] {
        assert!(private.contains(one), "{one} is looked for");
    }
    let lines = printed().await;
    for said in ["transaction#2298114507#payment", &format!("\"user\":\"{ISLE_4471}\"")] {
        assert!(lines.iter().any(|line| line.contains(said)), "they say something");
    }
    for line in lines {
        let found = private.iter().find(|private| line.contains(private.as_str()));
        assert_eq!(found, None, "{line}");
    }
}

/// What the samples call what is personal. Card digits stand in none of them but as the name of a payment account.
const PERSONAL: [&str; 14] = [
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

/// The texts and numbers that a body, JSON or nearly, has under this key.
fn values(body: &str, key: &str) -> Vec<String> {
    let key = format!("\"{key}\"");
    let under = body.split(&key).skip(1).filter_map(|rest| rest.trim_start().strip_prefix(':'));
    let texts = under.map(|rest| rest.trim_start().trim_start_matches('"'));
    texts
        .filter_map(|rest| rest.split(['"', ',', '}', '\n']).next())
        .filter(|value| value.len() >= 4 && !value.starts_with(['{', '[']) && *value != "null")
        .map(str::to_owned)
        .collect()
}
