//! The calls to AWS for each kind of webhook and their bytes, with an empty table and with a large one.
//!
//! The table of calls in `docs/performance/cost.md` is a snapshot of these tests.

use std::fmt::Write as _;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use intake::directory::Directory;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::doc_tables::assert_page_shows_snapshot;
use crate::fault_harness::{ANSWERING, Endpoints, FaultHarness, STORED_SECRET, config, intake_at, item, record};
use crate::fault_proxy::{CallSize, FaultProxy};
use crate::test_stack::{Item, TestStack, deliver_signed, sample};

/// Tolerated difference of a number of bytes, in percent. The SDK sends its own and the compiler's version.
const TOLERANCE: usize = 3;
/// Number of events in the large table: 2.5 MB, more than DynamoDB reads in one call (1 MB).
const MANY_EVENTS: usize = 10_000;
/// Number of events of one sale, far more than occur in practice.
const MANY_EVENTS_OF_ONE_SALE: usize = 200;

/// Proxies that measure the calls to each service.
struct Meters {
    dynamodb: FaultProxy,
    sqs: FaultProxy,
    secrets: FaultProxy,
}

impl Meters {
    async fn start(services: Endpoints) -> Self {
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

    /// The calls since the last time, ordered by service. No webhook alternates between services.
    fn calls(&self) -> Vec<CallSize> {
        [&self.secrets, &self.dynamodb, &self.sqs].into_iter().flat_map(FaultProxy::calls).collect()
    }
}

/// Delivers and relays one event of each kind. Returns the table of their calls.
async fn measure(harness: &FaultHarness) -> String {
    let meters = Meters::start(harness.endpoints()).await;
    let endpoints = meters.endpoints();
    let config = config(ANSWERING, "region-of-costs".to_owned());
    let mut intake = intake_at(&config, &endpoints);
    let mut table = "| Webhook | Calls | Bytes sent | Bytes received |\n|---|---|--:|--:|\n".to_owned();
    let mut row = |name: &str| {
        let measured = meters.calls();
        let calls = measured.chunk_by(|a, b| a.operation == b.operation).map(|calls| match calls {
            [one] => format!("`{}`", one.operation),
            several => format!("{} × `{}`", several.len(), several[0].operation),
        });
        let calls = Some(calls.collect::<Vec<_>>().join(", ")).filter(|calls| !calls.is_empty());
        let bytes = |of: fn(&CallSize) -> usize| measured.iter().map(of).sum::<usize>();
        let (sent, received) = (bytes(|call| call.sent), bytes(|call| call.received));
        writeln!(table, "| {name} | {} | {sent} | {received} |", calls.as_deref().unwrap_or("none")).unwrap();
    };

    let now = Timestamp::now();
    let payment = sample("payment");
    let other = payment.replace("7.99", "0.01");
    deliver_signed(&intake, r#"{"notification_type":"payment","transaction":{"id":1}}"#, STORED_SECRET, now).await;
    row("first event, secrets not cached");
    for (name, body) in [
        ("event of 1.7 KB", payment),
        ("duplicate", payment),
        ("conflict", &other),
        ("duplicate of the conflict", &other),
        ("signed body that is not a notification", "[]"),
        ("user looked up in the table of users", r#"{"notification_type":"user_validation","user":{"id":"me"}}"#),
        (
            "user searched in the table of users",
            r#"{"notification_type":"user_search","user":{"public_id":"captain"}}"#,
        ),
    ] {
        // When this returns, the stack's own relay has stored its decision about the earlier event.
        harness.stack.receive_all().await;
        deliver_signed(&intake, body, STORED_SECRET, now).await;
        row(name);
    }
    intake.directory = Some(Directory::ACCEPT_ALL);
    deliver_signed(&intake, sample("user_validation"), STORED_SECRET, now).await;
    row("user, all users accepted");
    deliver_signed(&intake, payment, "guessed", now).await;
    row("invalid signature");
    deliver_signed(&intake, payment, "guessed", now + SignedDuration::from_secs(11)).await;
    row("invalid signature, secrets cached for more than ten seconds");

    // The stack does not relay these items, because they are no events. So only the measured relay updates them.
    let relay = async |records: Vec<Value>| {
        put(&harness.stack, records.iter().map(|record| stored("conflict", record))).await;
        Box::pin(harness.relay(&config, &endpoints, &records)).await;
    };
    relay((0..10).map(|number| record(&format!("a{number}"), "payment", payment)).collect()).await;
    row("relay: ten payments of ten sales");
    relay((0..10).map(|number| partial_refund("b", number)).collect()).await;
    row("relay: ten partial refunds of one sale");
    let mut order = record("c", "order_paid", sample("order_paid-separate"));
    order["dynamodb"]["NewImage"]["order_id"] = json!({ "S": "712045518" });
    relay(vec![order]).await;
    row("relay: order, with the history of its transaction and its order");
    relay(vec![record("d", "dispute", sample("dispute"))]).await;
    row("relay: event without effect on goods");
    let history = (0..MANY_EVENTS_OF_ONE_SALE).map(|number| partial_refund("e", number));
    put(&harness.stack, history.map(|record| stored("event", &record))).await;
    // The stack has relayed these events when this returns.
    harness.stack.receive_all().await;
    relay(vec![record("e", "refund", sample("refund"))]).await;
    row(&format!("relay: refund of a sale with {MANY_EVENTS_OF_ONE_SALE} events"));
    relay(vec![record("f", "payment", "no JSON")]).await;
    row("relay: parked event");
    table
}

/// A stream record of one of several partial refunds of a sale.
fn partial_refund(id: &str, number: usize) -> Value {
    let mut record = record(id, "partial_refund", sample("partial_refund"));
    record["dynamodb"]["NewImage"]["sk"]["S"] = format!("partial_refund#{number}").into();
    record
}

/// The item of a stream record, with this kind.
fn stored(kind: &str, record: &Value) -> Item {
    let mut item = item(record);
    item.insert("kind".to_owned(), AttributeValue::S(kind.to_owned()));
    item
}

/// An item of the events table. All items have the same user and order, so that the indexes are large.
fn event(kind: &str, subject: &str, number: usize, body: &str) -> Item {
    let string = |text: &str| AttributeValue::S(text.to_owned());
    let strings = [
        ("pk", subject),
        ("sk", &format!("partial_refund#{number}")),
        ("kind", kind),
        ("type", "partial_refund"),
        ("order_id", "712051377"),
        ("user_id", "isle-4471"),
        ("mode", "live"),
        ("received_at", "2026-11-22T00:31:07.042518Z"),
    ];
    let mut item: Item = strings.into_iter().map(|(name, value)| (name.to_owned(), string(value))).collect();
    item.insert("identified".to_owned(), AttributeValue::Bool(true));
    item.insert("body".to_owned(), AttributeValue::B(Blob::new(body)));
    item
}

/// Writes items to the table directly.
async fn put(stack: &TestStack, items: impl Iterator<Item = Item>) {
    let items: Vec<Item> = items.collect();
    for items in items.chunks(25) {
        let requests = items.iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item.clone())).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        });
        stack.emulator.dynamodb.batch_write_item().request_items("events", requests.collect()).send().await.unwrap();
    }
}

/// Compares tables cell by cell: numbers with a tolerance, and text exactly.
#[derive(Clone)]
struct WithTolerance;

impl insta::Comparator for WithTolerance {
    fn matches(&self, reference: &insta::Snapshot, test: &insta::Snapshot) -> bool {
        let [reference, test] = [reference, test].map(|snapshot| snapshot.as_text().unwrap().to_string());
        let [documented, measured] = [&reference, &test].map(|table| table.trim().split('|').collect::<Vec<_>>());
        measured.len() == documented.len()
            && measured.into_iter().zip(documented).all(|(measured, documented)| near(measured, documented))
    }

    fn dyn_clone(&self) -> Box<dyn insta::Comparator> {
        Box::new(self.clone())
    }
}

fn near(measured: &str, documented: &str) -> bool {
    match (measured.trim().parse(), documented.trim().parse()) {
        (Ok(measured), Ok(documented)) => usize::abs_diff(measured, documented) * 100 <= documented * TOLERANCE,
        _ => measured == documented,
    }
}

fn assert_calls(table: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_comparator(Box::new(WithTolerance));
    settings.bind(|| insta::assert_snapshot!("calls", table));
    assert_page_shows_snapshot("performance/cost.md", "calls", "cost__calls");
}

#[tokio::test]
async fn webhooks_cost_the_documented_calls_and_bytes() {
    let harness = FaultHarness::start().await;
    assert_calls(&measure(&harness).await);
}

#[tokio::test]
async fn costs_do_not_depend_on_the_number_of_stored_events() {
    let harness = FaultHarness::start().await;
    let others = (0..MANY_EVENTS).map(|number| event("conflict", &format!("transaction#many-{number}"), number, "{}"));
    put(&harness.stack, others).await;
    let of_the_sale =
        (0..MANY_EVENTS_OF_ONE_SALE).map(|number| event("conflict", "transaction#2298114507", number, "{}"));
    put(&harness.stack, of_the_sale).await;
    assert_calls(&measure(&harness).await);
}
