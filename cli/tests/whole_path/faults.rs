//! Faults on the wire: each with each call to AWS, through the real SDK. What is answered, after how many attempts, and
//! what becomes of the event. `UPDATE_FAULTS=1 cargo test` writes what was seen into `docs/design/faults.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_lambda_events::event::dynamodb::Event;
use aws_sdk_dynamodb::config::Region;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use intake::accept::{AcceptedTypes, DEADLINE, Intake, SourcePolicy};
use intake::aws::{CallLimits, EventHistory, Events, ParkingQueue, SecretSource, SqsQueue};
use intake::directory::Directory;
use intake::emulator::emulator_config;
use intake::lambda;
use intake::relay::{Relay, SEND_LIMIT};
use intake::secrets::SecretCache;
use intake::settings::DirectorySetting;
use local::StackOptions;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use xsolla::PaymentWithoutOrder;

use crate::documented::assert_documented;
use crate::proxy::{Fault, FaultProxy};
use crate::secrets::secrets_manager;
use crate::trouble::accept;
use crate::world::{SECRET, World, options, text};

/// For the faults that are waited for: three attempts with their pauses fit into the third limit, and that into
/// [`DEADLINE`], as with [`CallLimits::WEBHOOK`].
const STALLING: CallLimits = CallLimits {
    connect: Duration::from_millis(100),
    attempt: Duration::from_millis(300),
    operation: Duration::from_millis(1300),
};

/// For all others: no attempt is given up because this machine is slow.
pub const ANSWERING: CallLimits = CallLimits {
    connect: Duration::from_millis(700),
    attempt: Duration::from_millis(700),
    operation: Duration::from_millis(1600),
};

/// A call to AWS, and who makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    PutItem,
    GetItem,
    UsersQuery,
    GetSecretValue,
    SendMessageBatch,
    SendMessage,
    HistoryQuery,
}

const CALLS: [Call; 7] = [
    Call::PutItem,
    Call::GetItem,
    Call::UsersQuery,
    Call::GetSecretValue,
    Call::SendMessageBatch,
    Call::SendMessage,
    Call::HistoryQuery,
];

/// What a call comes to.
struct Ends {
    /// As AWS calls it.
    operation: &'static str,
    purpose: &'static str,
    /// The answer when an attempt gets through.
    through: &'static str,
    /// The answer when none does.
    lost: &'static str,
    /// What becomes of the event then.
    then: &'static str,
}

impl Call {
    fn ends(self) -> Ends {
        let ends = |operation, purpose, through, lost, then| Ends { operation, purpose, through, lost, then };
        match self {
            Self::PutItem => ends(
                "PutItem",
                "keep an event",
                "204 accepted",
                "500 store_unavailable",
                "Xsolla sends it again: accepted, or a duplicate if it had taken effect; kept once, queued once",
            ),
            Self::GetItem => ends(
                "GetItem",
                "know a user",
                "204 user_found",
                "500 directory_unavailable",
                "no event; a user counts as unknown only when the table says so",
            ),
            Self::UsersQuery => {
                ends("Query", "find a user", "200 answered", "500 directory_unavailable", "no event; the same")
            }
            Self::GetSecretValue => ends(
                "GetSecretValue",
                "read the secrets, while none are held",
                "204 accepted",
                "500 secrets_unavailable",
                "Xsolla sends it again; nobody is told that a signature is wrong",
            ),
            Self::SendMessageBatch => ends(
                "SendMessageBatch",
                "queue events",
                "queued",
                "comes again",
                "the stream brings it again, with all behind it; for five minutes the queue drops what it has",
            ),
            Self::SendMessage => ends(
                "SendMessage",
                "park an event",
                "parked",
                "comes again",
                "the stream brings it again; if it had taken effect, word of it is parked twice",
            ),
            Self::HistoryQuery => ends(
                "Query",
                "find out what an event means",
                "queued",
                "comes again",
                "the stream brings it again, with all behind it",
            ),
        }
    }

    fn is_event(self) -> bool {
        !matches!(self, Self::GetItem | Self::UsersQuery)
    }
}

/// How often it is tried: when the fault hits one attempt, and when it hits all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tries {
    /// Again, up to three times.
    Again,
    /// Never again, once the SDK has been told.
    Once,
    /// Again, at the service's own time, and that gets through, however long it lasts.
    Corrected,
    /// The attempts arrive nowhere, so nobody can count them, or let one through.
    Unseen,
}

const FAULTS: [(&str, Fault, Tries); 17] = [
    ("connection refused", Fault::Refused, Tries::Unseen),
    ("connection reset before it took effect", Fault::ResetBefore, Tries::Again),
    ("connection reset after it took effect", Fault::ResetAfter, Tries::Again),
    ("answer cut short", Fault::CutShort, Tries::Again),
    ("no answer, and it took no effect", Fault::StallBefore, Tries::Again),
    ("no answer, though it took effect", Fault::StallAfter, Tries::Again),
    ("500 `InternalServerError`", Fault::ErrorBefore(500, "InternalServerError"), Tries::Again),
    ("500 `InternalServerError`, though it took effect", Fault::ErrorAfter(500, "InternalServerError"), Tries::Again),
    ("502, not from AWS", Fault::ErrorBefore(502, "x"), Tries::Again),
    ("503 `ServiceUnavailable`", Fault::ErrorBefore(503, "ServiceUnavailable"), Tries::Again),
    ("400 `ThrottlingException`", Fault::ErrorBefore(400, "ThrottlingException"), Tries::Again),
    (
        "400 `ProvisionedThroughputExceededException`",
        Fault::ErrorBefore(400, "ProvisionedThroughputExceededException"),
        Tries::Again,
    ),
    ("400 `TransactionConflictException`", Fault::ErrorBefore(400, "TransactionConflictException"), Tries::Once),
    ("400 `ExpiredTokenException`", Fault::ErrorBefore(400, "ExpiredTokenException"), Tries::Once),
    ("400 `AccessDeniedException`", Fault::ErrorBefore(400, "AccessDeniedException"), Tries::Once),
    ("400 `ResourceNotFoundException`", Fault::ErrorBefore(400, "ResourceNotFoundException"), Tries::Once),
    ("clock an hour behind AWS's", Fault::ClockSkew, Tries::Corrected),
];

impl Tries {
    /// The attempts seen, and whether one gets through.
    fn of(self, lasts: bool) -> (usize, bool) {
        match (self, lasts) {
            (Self::Again | Self::Corrected, false) => (2, true),
            (Self::Again, true) => (3, false),
            (Self::Once, _) => (1, false),
            (Self::Corrected, true) => (2, true),
            (Self::Unseen, _) => (0, false),
        }
    }
}

impl Fault {
    fn took_effect(self) -> bool {
        matches!(self, Self::ResetAfter | Self::CutShort | Self::StallAfter | Self::ErrorAfter(..) | Self::NamesNone)
    }

    fn limits(self) -> CallLimits {
        if matches!(self, Self::StallBefore | Self::StallAfter) { STALLING } else { ANSWERING }
    }
}

/// The services behind the calls, and what must have become of every event at the end.
pub struct Bench {
    pub world: World,
    secrets: String,
    /// The subjects of all events that were sent.
    events: Mutex<BTreeSet<String>>,
    /// Of all those that can never be sent.
    parked: Mutex<BTreeSet<String>>,
}

/// Where the SDK calls.
#[derive(Clone)]
pub struct Endpoints {
    pub dynamodb: String,
    pub sqs: String,
    pub secrets: String,
}

impl Bench {
    pub async fn start() -> Self {
        let directory = DirectorySetting::Table("users".to_owned());
        let world = World::start_with(StackOptions { directory, ..options() }).await;
        let put = world.stack.dynamodb.put_item().table_name("users");
        let put = put.item("user_id", AttributeValue::S("me".to_owned()));
        put.item("public_id", AttributeValue::S("captain".to_owned())).send().await.unwrap();
        let secrets = secrets_manager(Arc::new(Mutex::new(Some(SECRET)))).await;
        Self { world, secrets, events: Mutex::default(), parked: Mutex::default() }
    }

    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            dynamodb: self.world.stack.dynamodb_endpoint.clone(),
            sqs: self.world.stack.sqs_endpoint.clone(),
            secrets: self.secrets.clone(),
        }
    }

    /// Makes a call whose first `times` attempts have the fault. Gives the answer and how many attempts there were.
    async fn fail(&self, call: Call, id: usize, fault: Fault, times: usize) -> (String, usize) {
        let mut endpoints = self.endpoints();
        let before = match call {
            Call::PutItem | Call::GetItem | Call::UsersQuery | Call::HistoryQuery => &mut endpoints.dynamodb,
            Call::GetSecretValue => &mut endpoints.secrets,
            Call::SendMessageBatch | Call::SendMessage => &mut endpoints.sqs,
        };
        let proxy = FaultProxy::start(before, call.ends().operation, fault, times).await;
        before.clone_from(&proxy.endpoint);
        let started = Instant::now();
        let answer = self.make(call, id, fault.limits(), &endpoints).await;
        assert!(started.elapsed() < DEADLINE, "{call:?}, {fault:?}: {:?}", started.elapsed());
        (answer, proxy.attempts())
    }

    /// Makes a call on what has this id.
    async fn make(&self, call: Call, id: usize, limits: CallLimits, endpoints: &Endpoints) -> String {
        let config = config(limits, format!("region-of-{call:?}-{id}"));
        match call {
            Call::PutItem | Call::GetSecretValue => {
                self.events.lock().unwrap().insert(format!("transaction#{id}"));
                let front_door = front_door(&config, endpoints);
                front_door.events.connect().await;
                deliver(&front_door, &payment(id)).await
            }
            Call::GetItem => {
                let question = r#"{"notification_type":"user_validation","user":{"id":"me"}}"#;
                deliver(&front_door(&config, endpoints), question).await
            }
            Call::UsersQuery => {
                let search = r#"{"notification_type":"user_search","user":{"public_id":"captain"}}"#;
                deliver(&front_door(&config, endpoints), search).await
            }
            Call::SendMessageBatch => {
                let ids = ["a", "b", "c"].map(|letter| format!("{id}{letter}"));
                self.events.lock().unwrap().extend(ids.iter().map(|id| format!("transaction#{id}")));
                self.relay(&config, endpoints, &ids.map(|id| record(&id, "payment", &payment(&id)))).await
            }
            Call::SendMessage => {
                self.parked.lock().unwrap().insert(format!("transaction#{id}"));
                self.relay(&config, endpoints, &[record(&id.to_string(), "payment", "no JSON")]).await
            }
            Call::HistoryQuery => {
                self.events.lock().unwrap().insert(format!("transaction#{id}"));
                let refund = format!(r#"{{"notification_type":"refund","transaction":{{"id":"{id}"}}}}"#);
                self.relay(&config, endpoints, &[record(&id.to_string(), "refund", &refund)]).await
            }
        }
    }

    pub async fn relay(&self, config: &SdkConfig, endpoints: &Endpoints, records: &[Value]) -> String {
        let sqs = aws_sdk_sqs::Client::new(&at(&endpoints.sqs, config));
        let dynamodb = aws_sdk_dynamodb::Client::new(&at(&endpoints.dynamodb, config));
        let queues = &self.world.stack.queues;
        let relay = Relay {
            queue: SqsQueue::new(sqs.clone(), queues.events.clone()),
            parking: ParkingQueue::new(sqs, Some(queues.parked.clone())),
            history: EventHistory::new(dynamodb, "events".to_owned()),
            payment_without_order: PaymentWithoutOrder::Grant,
        };
        let event: Event = serde_json::from_value(json!({ "Records": records })).unwrap();
        let (answer, _) = Box::pin(lambda::relay::handle(&relay, &event, || Duration::from_mins(1))).await;
        match answer.batch_item_failures.first().map(|failure| failure.item_identifier.as_deref()) {
            None if records[0].to_string().contains(&STANDARD.encode("no JSON")) => "parked".to_owned(),
            None => "queued".to_owned(),
            Some(first) if first == records[0]["dynamodb"]["SequenceNumber"].as_str() => "comes again".to_owned(),
            Some(other) => format!("comes again from {other:?}"),
        }
    }

    /// Every event is in the table once, if it came by the front door, and in the queue once; or it is parked.
    async fn verify(&self) {
        let mut queued = BTreeMap::new();
        for message in self.world.queued().await {
            *queued.entry(message.subject).or_insert(0) += 1;
        }
        let all_once = self.events.lock().unwrap().iter().map(|subject| (subject.clone(), 1)).collect();
        assert_eq!(queued, all_once);
        for item in self.world.kept().await {
            assert_eq!(text(&item, "kind"), "event", "{}", text(&item, "pk"));
        }

        let mut parked = BTreeSet::new();
        loop {
            let taken = self.world.stack.sqs.receive_message().queue_url(&self.world.stack.queues.parked);
            let taken = taken.max_number_of_messages(10).send().await.unwrap();
            if taken.messages().is_empty() {
                break;
            }
            for message in taken.messages() {
                let word: Value = serde_json::from_str(message.body().unwrap()).unwrap();
                parked.insert(word["pk"].as_str().unwrap().to_owned());
            }
        }
        assert_eq!(parked, *self.parked.lock().unwrap());
    }
}

/// The SDK keeps one quota of repetitions for each service and region: to each test its own.
pub fn config(limits: CallLimits, region: String) -> SdkConfig {
    emulator_config(limits).region(Region::new(region)).build()
}

fn payment(id: impl std::fmt::Display) -> String {
    format!(r#"{{"notification_type":"payment","transaction":{{"id":"{id}"}}}}"#)
}

fn at(endpoint: &str, config: &SdkConfig) -> SdkConfig {
    config.to_builder().endpoint_url(endpoint).build()
}

pub fn front_door(config: &SdkConfig, endpoints: &Endpoints) -> Intake<Events, Directory, SecretSource> {
    let client = aws_sdk_secretsmanager::Client::new(&at(&endpoints.secrets, config));
    let dynamodb = at(&endpoints.dynamodb, config);
    let users = DirectorySetting::Table("users".to_owned());
    Intake {
        accepted_types: AcceptedTypes::All,
        directory: Some(Directory::new(users, config, &aws_sdk_dynamodb::Client::new(&dynamodb))),
        events: Events::new(&dynamodb, "events".to_owned()),
        secrets: SecretCache::new(SecretSource::SecretsManager { client, secret_id: "xsolla".to_owned() }),
        sources: SourcePolicy::default(),
    }
}

async fn deliver(intake: &Intake<Events, Directory, SecretSource>, body: &str) -> String {
    let outcome = accept(intake, body).await;
    format!("{} {}", outcome.answer().status(), outcome.name())
}

/// What the stream has of an event.
pub fn record(id: &str, kind: &str, body: &str) -> Value {
    let image = json!({
        "pk": { "S": format!("transaction#{id}") },
        "sk": { "S": kind },
        "kind": { "S": "event" },
        "type": { "S": kind },
        "mode": { "S": "live" },
        "identified": { "BOOL": true },
        "received_at": { "S": "2026-11-22T00:31:07.042Z" },
        "body": { "B": STANDARD.encode(body) },
    });
    json!({
        "eventID": id,
        "eventName": "INSERT",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "Keys": {}, "NewImage": image, "SequenceNumber": id, "SizeBytes": 1,
            "ApproximateCreationDateTime": 1_778_772_127.0,
        },
    })
}

/// All faults with this call: each once, then with every attempt.
async fn try_all(bench: &Bench, call: Call, first_id: usize) {
    let Ends { through, lost, .. } = call.ends();
    for (nth, (name, fault, tries)) in FAULTS.into_iter().enumerate() {
        let lasts_or_not: &[bool] = if fault == Fault::Refused { &[true] } else { &[false, true] };
        for &lasts in lasts_or_not {
            let id = first_id + 2 * nth + usize::from(lasts);
            let seen = bench.fail(call, id, fault, if lasts { usize::MAX } else { 1 }).await;
            let (attempts, gets_through) = tries.of(lasts);
            let expected = (if gets_through { through } else { lost }.to_owned(), attempts);
            assert_eq!(seen, expected, "{call:?}, {name}, lasts: {lasts}");

            // Then all is well, and whoever was not answered sends again.
            if call.is_event() {
                let again = bench.make(call, id, ANSWERING, &bench.endpoints()).await;
                let was_kept = match call {
                    Call::PutItem => gets_through || fault.took_effect(),
                    Call::GetSecretValue => gets_through,
                    _ => false,
                };
                let expected = if was_kept { "204 duplicate" } else { through };
                assert_eq!(again, expected, "{call:?}, {name}, lasts: {lasts}, sent again");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_with_each_call_is_answered_as_designed_and_nothing_is_lost_or_doubled() {
    let bench = Arc::new(Bench::start().await);
    let mut calls = JoinSet::new();
    for (nth, call) in CALLS.into_iter().enumerate() {
        let bench = Arc::clone(&bench);
        calls.spawn(async move { try_all(&bench, call, 1000 * (nth + 1)).await });
    }
    calls.join_all().await;
    bench.verify().await;
}

#[test]
fn the_tables_of_the_documentation_are_what_was_tested() {
    let mut faults = "| Fault | attempts when it hits one | when it hits all |\n|---|---|---|\n".to_owned();
    for (name, _, tries) in FAULTS {
        let cell = |lasts| match tries.of(lasts) {
            (0, _) if lasts => "nobody sees them, in vain".to_owned(),
            (0, _) => "–".to_owned(),
            (attempts, true) => format!("{attempts}, the last gets through"),
            (attempts, false) => format!("{attempts}, in vain"),
        };
        let [one, all] = [false, true].map(cell);
        writeln!(faults, "| {name} | {one} | {all} |").unwrap();
    }
    assert_documented("design/faults.md", "faults", &faults, "UPDATE_FAULTS", str::eq);

    let mut calls = "| Call | to | an attempt gets through | none does | then |\n|---|---|---|---|---|\n".to_owned();
    for Ends { operation, purpose, through, lost, then } in CALLS.map(Call::ends) {
        writeln!(calls, "| `{operation}` | {purpose} | {through} | {lost} | {then} |").unwrap();
    }
    assert_documented("design/faults.md", "calls", &calls, "UPDATE_FAULTS", str::eq);
}

/// Each is one call of three messages. What comes again is what was not taken, and what stood behind it.
#[tokio::test]
async fn of_a_batch_that_fails_in_part_nothing_is_lost_or_doubled() {
    let bench = Bench::start().await;
    for (id, fault, answer, attempts) in [
        (1, Fault::SecondOfBatch("InternalError"), r#"comes again from Some("1b")"#, 1),
        (2, Fault::SecondOfBatch("ThrottlingException"), r#"comes again from Some("2b")"#, 1),
        (3, Fault::SecondOfBatch("AccessDenied"), r#"comes again from Some("3b")"#, 1),
        (4, Fault::NamesNone, "comes again", 1),
    ] {
        let seen = bench.fail(Call::SendMessageBatch, id, fault, 1).await;
        assert_eq!(seen, (answer.to_owned(), attempts), "{fault:?}");
        let again = bench.make(Call::SendMessageBatch, id, ANSWERING, &bench.endpoints()).await;
        assert_eq!(again, "queued", "{fault:?}");
    }
    // The second of these can never be sent: it is parked, and the third goes on.
    let refused = bench.fail(Call::SendMessageBatch, 5, Fault::SecondOfBatch("InvalidMessageContents"), 1).await;
    assert_eq!(refused, ("queued".to_owned(), 1));
    bench.events.lock().unwrap().remove("transaction#5b");
    bench.parked.lock().unwrap().insert("transaction#5b".to_owned());
    bench.verify().await;
}

/// The SDK's own quota: 500, of which an attempt more takes 10, and which an attempt that gets through at once fills by 1.
/// Of the three attempts of a write, one is such a repetition: the first is none of the SDK's, the second its first.
#[tokio::test]
async fn in_an_outage_that_lasts_writes_are_tried_twice_and_the_end_of_it_is_met_at_once() {
    let bench = Bench::start().await;
    let fault = Fault::ErrorBefore(503, "ServiceUnavailable");
    let proxy = FaultProxy::start(&bench.world.stack.dynamodb_endpoint, "PutItem", fault, 50 * 3 + 5 * 2).await;
    let endpoints = Endpoints { dynamodb: proxy.endpoint.clone(), ..bench.endpoints() };
    let intake = front_door(&config(ANSWERING, "region-of-the-outage".to_owned()), &endpoints);
    intake.events.connect().await;
    let mut attempts = Vec::new();
    for _ in 0..55 {
        let before = proxy.attempts();
        assert_eq!(deliver(&intake, &payment(1)).await, "500 store_unavailable");
        attempts.push(proxy.attempts() - before);
    }
    assert_eq!(attempts, [[3; 50].as_slice(), &[2; 5]].concat());
    assert_eq!(deliver(&intake, &payment(1)).await, "204 accepted");
    assert_eq!(bench.world.kept().await.len(), 1);
}

#[test]
fn three_attempts_with_their_pauses_fit_the_functions_limits() {
    let pauses = Duration::from_millis(50 + 100);
    for (limits, caller_waits) in
        [(CallLimits::WEBHOOK, DEADLINE), (CallLimits::RELAY, SEND_LIMIT), (STALLING, DEADLINE)]
    {
        assert!(limits.connect < limits.attempt, "{limits:?}");
        assert!(3 * limits.attempt + pauses <= limits.operation, "{limits:?}");
        assert!(limits.operation < caller_waits, "{limits:?}");
    }
}
