//! Injects each fault into each call to AWS, through the real SDK. Checks the answer, the number of attempts, and that no
//! event is lost or duplicated.
//!
//! The tables of `docs/design/faults.md` are snapshots of these tests.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use intake::accept::DEADLINE;
use intake::aws::CallLimits;
use intake::relay::SEND_LIMIT;
use rstest::rstest;
use tokio::task::JoinSet;

use crate::doc_tables::assert_page_shows_snapshot;
use crate::fault_cases::{CALLS, Call, Expectation, FAULTS};
use crate::fault_harness::{
    ANSWERING, Endpoints, FaultHarness, STALLING, config, intake_at, payment, record, status_and_outcome,
};
use crate::fault_proxy::{CallFault, FaultProxy};

/// Injects all faults into a call, first into one attempt, then into all attempts.
async fn inject_all_faults(harness: &FaultHarness, call: Call, first_id: usize) {
    let Expectation { success, failure, .. } = call.expectation();
    for (number, (name, fault, retries)) in FAULTS.into_iter().enumerate() {
        let modes: &[bool] = if fault == CallFault::Refused { &[true] } else { &[false, true] };
        for &all_fail in modes {
            let id = first_id + 2 * number + usize::from(all_fail);
            let times = if all_fail { usize::MAX } else { 1 };
            let actual = harness.call_with_fault(call, id, fault, times).await;
            let (attempts, succeeds) = retries.attempts(all_fail);
            let expected = (if succeeds { success } else { failure }.to_owned(), attempts);
            assert_eq!(actual, expected, "{call:?}, {name}, all attempts fail: {all_fail}");

            // Xsolla or the stream retries without the fault.
            if call.is_event() {
                let retried = harness.call(call, id, ANSWERING, &harness.endpoints()).await;
                let is_stored = match call {
                    Call::PutItem => succeeds || fault.has_effect(),
                    Call::GetSecretValue => succeeds,
                    _ => false,
                };
                let expected = if is_stored { "204 duplicate" } else { success };
                assert_eq!(retried, expected, "{call:?}, {name}, all attempts fail: {all_fail}, retried");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_in_any_call_loses_or_duplicates_an_event() {
    let harness = Arc::new(FaultHarness::start().await);
    let mut calls = JoinSet::new();
    for (number, call) in CALLS.into_iter().enumerate() {
        let harness = Arc::clone(&harness);
        calls.spawn(async move { inject_all_faults(&harness, call, 1000 * (number + 1)).await });
    }
    calls.join_all().await;
    harness.verify().await;
}

#[test]
fn page_shows_the_tested_faults() {
    let mut table = "| Fault | Fault in the first attempt | Fault in all attempts |\n|---|---|---|\n".to_owned();
    for (name, _, retries) in FAULTS {
        let cell = |all_fail| match retries.attempts(all_fail) {
            (0, _) if all_fail => "not visible to the test, all fail".to_owned(),
            (0, _) => "–".to_owned(),
            (attempts, true) => format!("{attempts} attempts, the last succeeds"),
            (1, false) => "1 attempt, fails".to_owned(),
            (attempts, false) => format!("{attempts} attempts, all fail"),
        };
        let [first, all] = [false, true].map(cell);
        writeln!(table, "| {name} | {first} | {all} |").unwrap();
    }
    insta::assert_snapshot!("faults", table);
    assert_page_shows_snapshot("design/faults.md", "faults", "faults__faults");
}

#[test]
fn page_shows_the_tested_calls() {
    let mut table =
        "| Call | Purpose | An attempt succeeds | All attempts fail | Recovery |\n|---|---|---|---|---|\n".to_owned();
    for Expectation { operation, purpose, success, failure, recovery } in CALLS.map(Call::expectation) {
        writeln!(table, "| `{operation}` | {purpose} | {success} | {failure} | {recovery} |").unwrap();
    }
    insta::assert_snapshot!("calls", table);
    assert_page_shows_snapshot("design/faults.md", "calls", "faults__calls");
}

/// Each case is one call of three messages. The relay reports the first failed message, and the stream retries from it.
#[rstest]
#[case::internal_error(CallFault::SecondOfBatch("InternalError"), "retried by the stream from 1b")]
#[case::throttling(CallFault::SecondOfBatch("ThrottlingException"), "retried by the stream from 1b")]
#[case::access_denied(CallFault::SecondOfBatch("AccessDenied"), "retried by the stream from 1b")]
#[case::empty_result(CallFault::EmptyResult, "retried by the stream")]
#[tokio::test]
async fn partial_batch_failure_loses_or_duplicates_no_event(#[case] fault: CallFault, #[case] expected: &str) {
    let harness = FaultHarness::start().await;
    let actual = harness.call_with_fault(Call::SendMessageBatch, 1, fault, 1).await;
    assert_eq!(actual, (expected.to_owned(), 1));
    assert_eq!(harness.call(Call::SendMessageBatch, 1, ANSWERING, &harness.endpoints()).await, "sent");
    harness.verify().await;
}

/// The decision of the first attempt is stored. The history of a dispute is not read, so the second attempt decides again.
#[rstest]
#[case::dispute("dispute")]
#[case::payment("payment")]
#[tokio::test]
async fn event_whose_decision_is_stored_is_sent_by_the_next_attempt(#[case] type_name: &str) {
    let harness = FaultHarness::start().await;
    let body = format!(r#"{{"notification_type":"{type_name}","transaction":{{"id":7}}}}"#);
    let records = [record("7", type_name, &body)];
    harness.store(&records[0]).await;
    let config = config(ANSWERING, format!("region-of-{type_name}"));
    let fault = CallFault::ErrorBefore(400, "AccessDeniedException");
    let proxy = FaultProxy::start(&harness.stack.emulator.sqs_endpoint, "SendMessageBatch", fault, 1).await;
    let endpoints = Endpoints { sqs: proxy.endpoint.clone(), ..harness.endpoints() };
    assert_eq!(harness.relay(&config, &endpoints, &records).await, "retried by the stream");
    assert_eq!(harness.relay(&config, &endpoints, &records).await, "sent");
    let messages = harness.stack.receive_all().await;
    assert_eq!((messages.len(), messages[0].r#type.as_str()), (1, type_name));
}

#[tokio::test]
async fn message_that_sqs_rejects_is_parked_and_the_rest_of_the_batch_sent() {
    let harness = FaultHarness::start().await;
    let fault = CallFault::SecondOfBatch("InvalidMessageContents");
    let actual = harness.call_with_fault(Call::SendMessageBatch, 1, fault, 1).await;
    assert_eq!(actual, ("sent".to_owned(), 1));
    harness.expect_parked("transaction#1b");
    harness.verify().await;
}

/// The SDK's retry quota is 500. A retry takes 10, and a success at the first attempt returns 1.
#[tokio::test]
async fn first_call_after_a_long_outage_succeeds_although_the_retry_quota_is_exhausted() {
    let harness = FaultHarness::start().await;
    let fault = CallFault::ErrorBefore(503, "ServiceUnavailable");
    let proxy = FaultProxy::start(&harness.stack.emulator.dynamodb_endpoint, "PutItem", fault, 25 * 3 + 5).await;
    let endpoints = Endpoints { dynamodb: proxy.endpoint.clone(), ..harness.endpoints() };
    let intake = intake_at(&config(ANSWERING, "region-of-the-outage".to_owned()), &endpoints);
    intake.events.connect().await;
    let mut attempts = Vec::new();
    for _ in 0..30 {
        let before = proxy.attempts();
        assert_eq!(status_and_outcome(&intake, &payment(1)).await, "500 store_unavailable");
        attempts.push(proxy.attempts() - before);
    }
    assert_eq!(attempts, [[3; 25].as_slice(), &[1; 5]].concat());
    assert_eq!(status_and_outcome(&intake, &payment(1)).await, "204 accepted");
    assert_eq!(harness.stack.stored().await.len(), 1);
}

#[rstest]
#[case::webhook(CallLimits::WEBHOOK, DEADLINE)]
#[case::relay(CallLimits::RELAY, SEND_LIMIT)]
#[case::stalling(STALLING, DEADLINE)]
fn three_attempts_with_pauses_fit_the_limits(#[case] limits: CallLimits, #[case] caller_limit: Duration) {
    let pauses = Duration::from_millis(50 + 100);
    assert!(limits.connect < limits.attempt, "{limits:?}");
    assert!(3 * limits.attempt + pauses <= limits.operation, "{limits:?}");
    assert!(limits.operation < caller_limit, "{limits:?}");
}
