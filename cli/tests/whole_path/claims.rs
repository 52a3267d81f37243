//! A consumer's claims in DynamoDB. The table must behave like the in-memory store.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use consumer::claim::{Claim, ClaimError, ClaimStore, Claimed, Claims, Record, Replaced};
use consumer::dynamodb::ClaimsTable;
use consumer::{Event, Goods, Mode};

use crate::aws_failures::config;
use crate::fault_proxy::{CallFault, FaultProxy};
use crate::test_stack::{TestStack, text};

const TABLE: &str = "claims";
const LEASE: Duration = Duration::from_secs(30);

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_795_307_467_042)
}

async fn start_with_claims_table() -> TestStack {
    let stack = TestStack::start().await;
    let definition = AttributeDefinition::builder().attribute_name("event_id");
    let key = KeySchemaElement::builder().attribute_name("event_id").key_type(KeyType::Hash);
    let create = stack.emulator.dynamodb.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
    let create = create.attribute_definitions(definition.attribute_type(ScalarAttributeType::S).build().unwrap());
    create.key_schema(key.build().unwrap()).send().await.unwrap();
    stack
}

fn claims(dynamodb: aws_sdk_dynamodb::Client) -> Claims<ClaimsTable> {
    Claims::new(ClaimsTable::new(dynamodb, TABLE.to_owned()), LEASE)
}

/// An event that has no order.
fn event(event_id: &str) -> Event<'static> {
    Event {
        event_id: event_id.to_owned().into(),
        notification_type: "payment".into(),
        goods: Goods::Grant,
        goods_reason: None,
        subject: "transaction#1".into(),
        order_id: None,
        user_id: None,
        recipient_user_id: None,
        project_id: None,
        mode: Mode::Live,
        identified: true,
        deprecated: false,
        replay: false,
        received_at: "2026-11-22T00:31:07.042Z".into(),
        item_roles: None,
        notification: serde_json::from_str("{}").unwrap(),
    }
}

/// A `grant` or `revoke` of an order.
fn order_event(order_id: &str, sale: &str, goods: Goods) -> Event<'static> {
    let event = event(&format!("{sale}#{goods}"));
    // All payments of an order share the subject of the first. The event id names the sale.
    Event { subject: "order#7".into(), order_id: Some(order_id.to_owned().into()), goods, ..event }
}

async fn new_claim(claims: &Claims<ClaimsTable>, event_id: &str, now: SystemTime) -> Claim {
    match claims.claim(&event(event_id), now).await.unwrap() {
        Claimed::New(claim) => claim,
        other => panic!("{other:?}"),
    }
}

/// The reference store: replaces a record if it is the expected one.
#[derive(Default)]
struct InMemory(Mutex<HashMap<String, Record>>);

impl ClaimStore for InMemory {
    type Error = Infallible;

    async fn replace(&self, key: &str, expected: &Record, new: &Record) -> Result<Replaced, Infallible> {
        let mut records = self.0.lock().unwrap();
        let found = records.get(key).cloned().unwrap_or(Record::UNCLAIMED);
        if found != *expected {
            return Ok(Replaced::No { found });
        }
        records.insert(key.to_owned(), new.clone());
        Ok(Replaced::Yes)
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A claim, this many leases after the start.
    Claim(u32),
    CompleteFirst,
    CompleteLast,
    ReleaseFirst,
    ReleaseLast,
}

const STEPS: [Step; 6] =
    [Step::Claim(0), Step::Claim(1), Step::CompleteFirst, Step::CompleteLast, Step::ReleaseFirst, Step::ReleaseLast];

/// Returns the result of each step as text. `None` if a step needs a claim that does not exist, or if `Last` is the same
/// claim as `First`.
async fn run_steps<S>(claims: &Claims<S>, event_id: &str, steps: &[Step]) -> Option<Vec<String>>
where
    S: ClaimStore<Error: std::fmt::Debug>,
{
    let mut active: Vec<Claim> = Vec::new();
    let mut results = Vec::new();
    for step in steps {
        let settled = match step {
            Step::Claim(leases) => {
                let claimed = claims.claim(&event(event_id), start() + LEASE * *leases).await.unwrap();
                results.push(format!("{claimed:?}"));
                if let Claimed::New(claim) = claimed {
                    active.push(claim);
                }
                continue;
            }
            Step::CompleteFirst => claims.complete(active.first()?).await,
            Step::CompleteLast => claims.complete(active.get(1..)?.last()?).await,
            Step::ReleaseFirst if active.is_empty() => return None,
            Step::ReleaseFirst => claims.release(active.remove(0)).await,
            Step::ReleaseLast if active.len() < 2 => return None,
            Step::ReleaseLast => claims.release(active.pop()?).await,
        };
        results.push(format!("{settled:?}"));
    }
    Some(results)
}

#[tokio::test]
async fn table_matches_the_reference_in_every_order_of_five_steps() {
    let stack = start_with_claims_table().await;
    let table = claims(stack.emulator.dynamodb.clone());
    let reference = Claims::new(InMemory::default(), LEASE);
    let mut orders = 0;
    for order in 0..STEPS.len().pow(3) {
        let at = |place: u32| STEPS[order / STEPS.len().pow(place) % STEPS.len()];
        let steps = [Step::Claim(0), at(0), at(1), at(2), Step::Claim(1)];
        let event_id = format!("transaction#{order}#payment");
        let Some(expected) = run_steps(&reference, &event_id, &steps).await else { continue };
        assert_eq!(run_steps(&table, &event_id, &steps).await, Some(expected), "{steps:?}");
        orders += 1;
    }
    assert!(orders > 60, "{orders}");
}

/// Claims each event and completes the claim. Returns the results as text.
async fn apply_all<S>(claims: &Claims<S>, events: &[Event<'_>]) -> Vec<String>
where
    S: ClaimStore<Error: std::fmt::Debug>,
{
    let mut results = Vec::new();
    for event in events {
        let claimed = claims.claim(event, start()).await.unwrap();
        results.push(format!("{claimed:?}"));
        if let Claimed::New(claim) = claimed {
            claims.complete(&claim).await.unwrap();
        }
    }
    results
}

#[tokio::test]
async fn table_matches_the_reference_in_every_order_of_four_events_of_two_sales() {
    const A: &str = "transaction#a";
    const B: &str = "transaction#b";
    const EVENTS: [(&str, Goods); 4] = [(A, Goods::Grant), (B, Goods::Grant), (A, Goods::Revoke), (B, Goods::Revoke)];
    let stack = start_with_claims_table().await;
    let table = claims(stack.emulator.dynamodb.clone());
    let reference = Claims::new(InMemory::default(), LEASE);
    let mut claimed = 0;
    for order in 0..EVENTS.len().pow(4) {
        let events: Vec<_> = (0..4)
            .map(|place| EVENTS[order / EVENTS.len().pow(place) % EVENTS.len()])
            .map(|(sale, goods)| order_event(&order.to_string(), sale, goods))
            .collect();
        let expected = apply_all(&reference, &events).await;
        assert_eq!(apply_all(&table, &events).await, expected, "{events:?}");
        claimed += expected.iter().filter(|result| result.starts_with("New")).count();
    }
    assert!(claimed > 256, "{claimed}");
}

#[tokio::test]
async fn order_in_the_table_has_its_sales() {
    let stack = start_with_claims_table().await;
    let claims = claims(stack.emulator.dynamodb.clone());
    for (goods, granted_by, revoked) in
        [(Goods::Grant, Some("transaction#a"), None), (Goods::Revoke, None, Some("transaction#a"))]
    {
        apply_all(&claims, &[order_event("7", "transaction#a", goods)]).await;
        let items = stack.emulator.dynamodb.scan().table_name(TABLE).send().await.unwrap();
        let [item] = items.items() else { panic!("{items:?}") };
        assert_eq!(text(item, "event_id"), "goods#live#order#7");
        assert_eq!(item.get("granted_by"), granted_by.map(|sale| AttributeValue::S(sale.to_owned())).as_ref());
        assert_eq!(item.get("revoked"), revoked.map(|sale| AttributeValue::Ss(vec![sale.to_owned()])).as_ref());
    }
}

#[tokio::test]
async fn one_of_16_concurrent_workers_claims_an_event() {
    let stack = start_with_claims_table().await;
    let claims = Arc::new(claims(stack.emulator.dynamodb.clone()));
    // A new event, then an expired lease, twice.
    for (token, leases) in [(1, 0), (2, 1), (3, 2)] {
        let workers: Vec<_> = (0..16)
            .map(|_| {
                let claims = Arc::clone(&claims);
                tokio::spawn(async move {
                    claims.claim(&event("order#1#order_paid"), start() + LEASE * leases).await.unwrap()
                })
            })
            .collect();
        let mut tokens = Vec::new();
        for worker in workers {
            match worker.await.unwrap() {
                Claimed::New(claim) => tokens.push(claim.token()),
                Claimed::Held { until } => assert_eq!(until, start() + LEASE * (leases + 1)),
                Claimed::Done | Claimed::OrderSettled => panic!("the event is not completed"),
            }
        }
        assert_eq!(tokens, [token]);
    }
}

/// The SDK retries a write whose answer was lost, and the table already contains its record.
#[tokio::test]
async fn write_with_a_lost_answer_succeeds() {
    let stack = start_with_claims_table().await;
    let direct = claims(stack.emulator.dynamodb.clone());
    for event_id in ["order#1#order_paid", "order#1#order_canceled"] {
        let proxy = FaultProxy::start(&stack.emulator.dynamodb_endpoint, "UpdateItem", CallFault::ResetAfter, 1).await;
        let claim =
            new_claim(&claims(aws_sdk_dynamodb::Client::new(&config(&proxy.endpoint))), event_id, start()).await;
        assert_eq!((claim.token(), proxy.attempts()), (1, 2));
        assert_eq!(direct.claim(&event(event_id), start()).await, Ok(Claimed::Held { until: start() + LEASE }));
        let proxy = FaultProxy::start(&stack.emulator.dynamodb_endpoint, "UpdateItem", CallFault::ResetAfter, 1).await;
        let lossy = claims(aws_sdk_dynamodb::Client::new(&config(&proxy.endpoint)));
        if event_id.ends_with("paid") {
            assert_eq!(lossy.complete(&claim).await, Ok(()));
            assert_eq!(direct.claim(&event(event_id), start()).await, Ok(Claimed::Done));
        } else {
            assert_eq!(lossy.release(claim).await, Ok(()));
            assert_eq!(new_claim(&direct, event_id, start()).await.token(), 2);
        }
    }
}

#[tokio::test]
async fn claim_expires_400_days_after_its_lease() {
    let stack = start_with_claims_table().await;
    let claims = claims(stack.emulator.dynamodb.clone());
    let claim = new_claim(&claims, "order#1#order_paid", start()).await;
    claims.complete(&claim).await.unwrap();
    let items = stack.emulator.dynamodb.scan().table_name(TABLE).send().await.unwrap();
    let [item] = items.items() else { panic!("{items:?}") };
    let expires_at = (1_795_307_467 + 30 + 400 * 24 * 60 * 60).to_string();
    assert_eq!(item["expires_at"], AttributeValue::N(expires_at), "in seconds");
    assert_eq!((text(item, "event_id"), text(item, "state")), ("order#1#order_paid".to_owned(), "done".to_owned()));
}

#[tokio::test]
async fn missing_or_invalid_record_is_an_error() {
    let stack = start_with_claims_table().await;
    let claims = claims(stack.emulator.dynamodb.clone());
    let key = || AttributeValue::S("order#1#order_paid".to_owned());
    let claim = new_claim(&claims, "order#1#order_paid", start()).await;
    stack.emulator.dynamodb.delete_item().table_name(TABLE).key("event_id", key()).send().await.unwrap();
    assert_eq!(claims.complete(&claim).await, Err(ClaimError::Lost));

    let other = stack.emulator.dynamodb.put_item().table_name(TABLE).item("event_id", key());
    other.item("token", AttributeValue::S("another table's".to_owned())).send().await.unwrap();
    let error = claims.claim(&event("order#1#order_paid"), start()).await.unwrap_err().to_string();
    assert_eq!(error, "dynamodb:UpdateItem: the item is not a claim");

    stack.emulator.dynamodb.delete_table().table_name(TABLE).send().await.unwrap();
    let error = claims.claim(&event("order#1#order_paid"), start()).await.unwrap_err().to_string();
    assert!(error.starts_with("dynamodb:UpdateItem: ResourceNotFoundException: "), "{error}");
}
