//! What a webhook costs on the wire: the calls to AWS and their bytes, on an empty table and on one of many events.
//! `UPDATE_COST=1 cargo test` writes what was seen into `docs/performance/cost.md`.

use std::fmt::Write as _;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use intake::accept::{DEADLINE, Delivery, Intake};
use intake::aws::{Events, SecretSource};
use intake::directory::Directory;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use xsolla::sign;

use crate::documented::assert_documented;
use crate::faults::{ANSWERING, Bench, Endpoints, config, front_door, record};
use crate::proxy::{FaultProxy, Passed};
use crate::world::{Item, SECRET, World, sample};

/// How far a number of bytes may be from the table, in percent. The SDK names itself and the compiler in each request.
const TOLERANCE: usize = 3;
/// How many events are in the large table: 2.5 MB, of which DynamoDB would look at 1 MB per call.
const MANY: usize = 10_000;
/// How many events one sale may come to, and far more than any does.
const MANY_OF_ONE_SALE: usize = 200;

/// What stands between the functions and each service.
struct Meters {
    dynamodb: FaultProxy,
    sqs: FaultProxy,
    secrets: FaultProxy,
}

impl Meters {
    async fn before(services: Endpoints) -> Self {
        Self {
            dynamodb: FaultProxy::faultless(&services.dynamodb).await,
            sqs: FaultProxy::faultless(&services.sqs).await,
            secrets: FaultProxy::faultless(&services.secrets).await,
        }
    }

    fn endpoints(&self) -> Endpoints {
        Endpoints {
            dynamodb: self.dynamodb.endpoint.clone(),
            sqs: self.sqs.endpoint.clone(),
            secrets: self.secrets.endpoint.clone(),
        }
    }

    /// What has passed since the last time, in this order of the services. No path calls two of them by turns.
    fn passed(&self) -> Vec<Passed> {
        [&self.secrets, &self.dynamodb, &self.sqs].into_iter().flat_map(FaultProxy::passed).collect()
    }
}

/// Takes every path once, and writes down what it cost.
async fn costs(bench: &Bench) -> String {
    let meters = Meters::before(bench.endpoints()).await;
    let endpoints = meters.endpoints();
    let config = config(ANSWERING, "region-of-costs".to_owned());
    let mut front_door = front_door(&config, &endpoints);
    let mut table = "| What comes | calls | sent | received |\n|---|---|--:|--:|\n".to_owned();
    let mut row = |name: &str| {
        let passed = meters.passed();
        let calls = passed.chunk_by(|a, b| a.operation == b.operation).map(|calls| match calls {
            [one] => format!("`{}`", one.operation),
            several => format!("{} × `{}`", several.len(), several[0].operation),
        });
        let calls = Some(calls.collect::<Vec<_>>().join(", ")).filter(|calls| !calls.is_empty());
        let bytes = |of: fn(&Passed) -> usize| passed.iter().map(of).sum::<usize>();
        let (sent, received) = (bytes(|call| call.sent), bytes(|call| call.received));
        writeln!(table, "| {name} | {} | {sent} | {received} |", calls.as_deref().unwrap_or("none")).unwrap();
    };

    let now = Timestamp::now();
    let payment = sample("payment");
    let other = payment.replace("7.99", "0.01");
    deliver(&front_door, r#"{"notification_type":"payment","transaction":{"id":1}}"#, SECRET, now).await;
    row("the first event of all, and the secrets are not read yet");
    for (name, body) in [
        ("an event of 1.7 KB", payment),
        ("the same again", payment),
        ("other content under its id", &other),
        ("that again", &other),
        ("signed, but no notification", "[]"),
        ("a user, looked up in the table of users", r#"{"notification_type":"user_validation","user":{"id":"me"}}"#),
        ("a user, searched for", r#"{"notification_type":"user_search","user":{"public_id":"captain"}}"#),
    ] {
        deliver(&front_door, body, SECRET, now).await;
        row(name);
    }
    front_door.directory = Some(Directory::ACCEPT_ALL);
    deliver(&front_door, sample("user_validation"), SECRET, now).await;
    row("a user, where everyone exists");
    deliver(&front_door, payment, "guessed", now).await;
    row("a wrong signature");
    deliver(&front_door, payment, "guessed", now + SignedDuration::from_secs(11)).await;
    row("a wrong signature, ten seconds after the secrets were read");

    let relay = async |records: Vec<Value>| {
        Box::pin(bench.relay(&config, &endpoints, &records)).await;
    };
    let ten = |id: fn(usize) -> String| (0..10).map(|nth| record(&id(nth), "payment", payment)).collect();
    relay(ten(|nth| format!("a{nth}"))).await;
    row("in the relay: ten events of ten sales");
    relay(ten(|_| "b".to_owned())).await;
    row("ten events of one sale");
    relay(vec![record("c", "refund", sample("refund"))]).await;
    row("a refund, for which the sale is looked up");
    put(&bench.world, (0..MANY_OF_ONE_SALE).map(|nth| event("event", "transaction#d", nth, payment))).await;
    relay(vec![record("d", "refund", sample("refund"))]).await;
    row(&format!("a refund of a sale of {MANY_OF_ONE_SALE} events"));
    relay(vec![record("e", "payment", "no JSON")]).await;
    row("what can never be sent");
    table
}

async fn deliver(intake: &Intake<Events, Directory, SecretSource>, body: &str, secret: &str, received_at: Timestamp) {
    let authorization = sign(body.as_bytes(), secret);
    let (authorization, body) = (Some(authorization.as_str()), body.as_bytes());
    let delivery = Delivery { authorization, source: None, trace: None, body, received_at, time_left: DEADLINE };
    Box::pin(intake.accept(&delivery)).await;
}

/// An event of the table. All are of one user and one order, as far as the indexes know.
fn event(kind: &str, subject: &str, nth: usize, body: &str) -> Item {
    let string = |text: &str| AttributeValue::S(text.to_owned());
    let strings = [
        ("pk", subject),
        ("sk", &format!("partial_refund#{nth}")),
        ("kind", kind),
        ("type", "partial_refund"),
        ("order_id", "712051377"),
        ("user_id", "isle-4471"),
        ("mode", "live"),
        ("received_at", "2026-11-22T00:31:07.042Z"),
    ];
    let mut item: Item = strings.into_iter().map(|(name, value)| (name.to_owned(), string(value))).collect();
    item.insert("identified".to_owned(), AttributeValue::Bool(true));
    item.insert("body".to_owned(), AttributeValue::B(Blob::new(body)));
    item
}

/// Writes items past the front door.
async fn put(world: &World, items: impl Iterator<Item = Item>) {
    let items: Vec<Item> = items.collect();
    for items in items.chunks(25) {
        let requests = items.iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item.clone())).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        world.stack.dynamodb.batch_write_item().request_items("events", requests.collect()).send().await.unwrap();
    }
}

fn assert_calls_documented(table: &str) {
    assert_documented("performance/cost.md", "calls", table, "UPDATE_COST", |table, documented| {
        let (seen, documented): (Vec<&str>, Vec<&str>) = (table.split('|').collect(), documented.split('|').collect());
        seen.len() == documented.len()
            && seen.into_iter().zip(documented).all(|(seen, documented)| near(seen, documented))
    });
}

/// Whether two cells say the same, or, if they are numbers of bytes, nearly the same.
fn near(seen: &str, documented: &str) -> bool {
    match (seen.trim().parse(), documented.trim().parse()) {
        (Ok(seen), Ok(documented)) => usize::abs_diff(seen, documented) * 100 <= documented * TOLERANCE,
        _ => seen == documented,
    }
}

#[tokio::test]
async fn each_path_costs_the_calls_and_bytes_that_are_documented() {
    let bench = Bench::start().await;
    assert_calls_documented(&costs(&bench).await);
}

#[tokio::test]
async fn with_many_events_in_the_table_each_path_costs_the_same() {
    let bench = Bench::start().await;
    put(&bench.world, (0..MANY).map(|nth| event("conflict", &format!("transaction#many-{nth}"), nth, "{}"))).await;
    // The sale that comes again, too, has many others beside it.
    put(&bench.world, (0..MANY_OF_ONE_SALE).map(|nth| event("conflict", "transaction#2298114507", nth, "{}"))).await;
    assert_calls_documented(&costs(&bench).await);
}
