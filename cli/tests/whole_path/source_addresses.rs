//! Checks of a webhook's source address.

use std::net::Ipv4Addr;

use hyper::Method;
use intake::accept::{DEADLINE, Intake, SourcePolicy};
use intake::lambda;
use intake::lambda::proxy::ProxyRequest;
use intake::testing::sign;
use jiff::Timestamp;
use local::StackOptions;
use serde_json::{Value, json};
use xsolla::SourceRanges;

use crate::test_stack::{SECRET, TestStack, intake, options, sample};

/// A policy that accepts only the published addresses. The tests call from 127.0.0.1.
fn enforced() -> SourcePolicy {
    SourcePolicy { enforced: true, ..SourcePolicy::default() }
}

#[tokio::test]
async fn accepts_listed_address_if_enforced() {
    let ranges = SourceRanges::published().with_address(Ipv4Addr::LOCALHOST.into());
    let stack =
        TestStack::start_with(StackOptions { sources: SourcePolicy { ranges, enforced: true }, ..options() }).await;
    assert_eq!(stack.send(sample("payment")).await.status, 204);
    assert_eq!(stack.receive_all().await.len(), 1);
}

#[tokio::test]
async fn answers_503_to_unknown_address_if_enforced() {
    let stack = TestStack::start_with(StackOptions { sources: enforced(), ..options() }).await;
    for name in ["payment", "user_validation", "malformed-extra_brace"] {
        let answer = stack.send(sample(name)).await;
        assert_eq!(answer.status, 503, "{name}: Xsolla would not retry after a 4xx");
        assert!(answer.body.contains("SERVER_ERROR"), "{}", answer.body);
    }
    let payment = sample("payment").as_bytes();
    let wrong = stack.request(Method::POST, "/webhooks", &[&sign(payment, "other")], payment).await;
    assert_eq!(wrong.status, 400, "an invalid signature is 400 from any address");
    assert!(stack.stored().await.is_empty());
}

#[tokio::test]
async fn accepts_unknown_address_if_reported() {
    let stack = TestStack::start_with(StackOptions { sources: SourcePolicy::default(), ..options() }).await;
    assert_eq!(stack.send(sample("payment")).await.status, 204);
    assert_eq!(stack.receive_all().await.len(), 1);
}

#[tokio::test]
async fn ignores_address_in_headers() {
    let stack = TestStack::start_with(StackOptions { sources: enforced(), ..options() }).await;
    let payment = sample("payment").as_bytes();
    let signature = sign(payment, SECRET);
    for header in ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip"] {
        let value = if header == "forwarded" { "for=185.30.20.10" } else { "185.30.20.10" };
        let headers = [("authorization", signature.as_str()), (header, value)];
        assert_eq!(stack.request_with(Method::POST, "/webhooks", &headers, payment).await.status, 503, "{header}");
    }
    assert!(stack.stored().await.is_empty());
}

/// The event of API Gateway with different values of `requestContext`.
#[tokio::test]
async fn unreadable_address_is_unknown() {
    let stack = TestStack::start().await;
    let event: Value = serde_json::from_str(include_str!("../../../events/payment.json")).unwrap();
    let context = |source: Value| json!({ "identity": { "sourceIp": source } });
    for (request_context, status_if_enforced) in [
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
        for (sources, status) in [(enforced(), status_if_enforced), (SourcePolicy::default(), 204)] {
            let intake = Intake { sources, ..intake(stack.emulator.events.clone()) };
            let request: ProxyRequest = serde_json::from_str(&event.to_string()).unwrap();
            let (answer, log) = lambda::api_gateway::handle(&intake, &request, None, Timestamp::now(), DEADLINE).await;
            assert_eq!(answer.status_code, status, "{request_context}: {log:?}");
        }
    }
}
