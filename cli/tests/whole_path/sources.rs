//! From where a webhook may come.

use std::net::Ipv4Addr;

use hyper::Method;
use intake::accept::{AcceptedTypes, DEADLINE, Intake, SourcePolicy};
use intake::aws::SecretSource;
use intake::directory::Directory;
use intake::lambda;
use intake::lambda::proxy::ProxyRequest;
use intake::secrets::SecretCache;
use jiff::Timestamp;
use local::StackOptions;
use serde_json::{Value, json};
use xsolla::{Secrets, SourceRanges, sign};

use crate::world::{SECRET, World, options, sample};

/// The published addresses only, and no others. The tests call from 127.0.0.1.
fn enforced() -> SourcePolicy {
    SourcePolicy { enforced: true, ..SourcePolicy::default() }
}

#[tokio::test]
async fn a_known_address_is_served_where_the_list_is_enforced() {
    let ranges = SourceRanges::published().with_address(Ipv4Addr::LOCALHOST.into());
    let world = World::start_with(StackOptions { sources: SourcePolicy { ranges, enforced: true }, ..options() }).await;
    assert_eq!(world.send(sample("payment")).await.status, 204);
    assert_eq!(world.queued().await.len(), 1);
}

#[tokio::test]
async fn an_unknown_address_is_left_to_another_try_where_the_list_is_enforced() {
    let world = World::start_with(StackOptions { sources: enforced(), ..options() }).await;
    for name in ["payment", "user_validation", "malformed-extra_brace"] {
        let answer = world.send(sample(name)).await;
        assert_eq!(answer.status, 503, "{name}: never a 4xx, which would end the retries");
        assert!(answer.body.contains("SERVER_ERROR"), "{}", answer.body);
    }
    let payment = sample("payment").as_bytes();
    let wrong = world.request(Method::POST, "/webhooks", &[&sign(payment, "other")], payment).await;
    assert_eq!(wrong.status, 400, "a wrong signature is one from wherever it comes");
    assert!(world.kept().await.is_empty());
}

#[tokio::test]
async fn an_unknown_address_changes_nothing_where_it_is_reported() {
    let world = World::start_with(StackOptions { sources: SourcePolicy::default(), ..options() }).await;
    assert_eq!(world.send(sample("payment")).await.status, 204);
    assert_eq!(world.queued().await.len(), 1);
}

#[tokio::test]
async fn no_header_stands_for_the_address() {
    let world = World::start_with(StackOptions { sources: enforced(), ..options() }).await;
    let payment = sample("payment").as_bytes();
    let signature = sign(payment, SECRET);
    for header in ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip"] {
        let value = if header == "forwarded" { "for=185.30.20.10" } else { "185.30.20.10" };
        let headers = [("authorization", signature.as_str()), (header, value)];
        assert_eq!(world.request_with(Method::POST, "/webhooks", &headers, payment).await.status, 503, "{header}");
    }
    assert!(world.kept().await.is_empty());
}

/// As API Gateway sends it, but for `requestContext`.
#[tokio::test]
async fn an_event_without_a_readable_address_comes_from_an_unknown_one() {
    let world = World::start().await;
    let event: Value = serde_json::from_str(include_str!("../../../events/payment.json")).unwrap();
    let context = |source: Value| json!({ "identity": { "sourceIp": source } });
    for (request_context, served) in [
        (context("185.30.20.10".into()), 204),
        (context("::ffff:185.30.20.10".into()), 204),
        (context("test-invoke-source-ip".into()), 503),
        (context("185.30.20.10, 203.0.113.9".into()), 503),
        (context("".into()), 503),
        (context(Value::Null), 503),
        (json!({ "identity": {} }), 503),
        (json!({ "identity": null }), 503),
        (json!({ "http": { "sourceIp": "185.30.20.10" } }), 503),
        (Value::Null, 503),
    ] {
        let mut event = event.clone();
        event["requestContext"] = request_context.clone();
        for (sources, status) in [(enforced(), served), (SourcePolicy::default(), 204)] {
            let intake = Intake {
                accepted_types: AcceptedTypes::All,
                events: world.stack.events.clone(),
                directory: Some(Directory::ACCEPT_ALL),
                secrets: SecretCache::new(SecretSource::Fixed(SECRET.parse::<Secrets>().unwrap())),
                sources,
            };
            let request: ProxyRequest = serde_json::from_str(&event.to_string()).unwrap();
            let (answer, line) = lambda::webhook::handle(&intake, &request, None, Timestamp::now(), DEADLINE).await;
            assert_eq!(answer.status_code, status, "{request_context}: {line}");
        }
    }
}
