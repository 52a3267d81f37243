//! The content and level of each line.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tracing::Level;
use xsolla::inspect::DriftTally;
use xsolla::{Secrets, Success};

use super::*;
use crate::accept::{DeliveryReport, StepTimings, UnknownSource};
use crate::outcome::{Outcome, Unavailable};
use crate::relay::BatchOutcome;
use crate::testing::{self, fake_error};
use crate::trace::TraceHeader;

#[test]
fn webhook_line_has_event_and_pseudonym() {
    let body =
        r#"{"notification_type":"payment","transaction":{"id":7},"user":{"id":"mira","email":"mira@example.com"}}"#;
    let report = DeliveryReport {
        outcome: Outcome::Accepted(Success::NoContent),
        content: None,
        envelope: Some(testing::envelope(body)),
        secret_index: Some(0),
        pseudonym_keys: Some(Arc::new(r#"["hunter2","previous"]"#.parse::<Secrets>().unwrap())),
        is_from_xsolla: true,
        unknown_source: None,
        error: None,
        timings: StepTimings {
            verify: Some(Duration::from_micros(3)),
            store: Some(Duration::from_millis(5)),
            directory: None,
        },
    };
    let line = WebhookLog::new(&report, Timestamp::UNIX_EPOCH, Duration::from_micros(12));
    assert_eq!(
        serde_json::to_string(&line).unwrap(),
        r#"{"timestamp":"1970-01-01T00:00:00Z","level":"INFO","message":"webhook","outcome":"accepted","status":204,"notification_type":"payment","event_id":"transaction#7#payment","mode":"live","user":"376a9fdc9250ed63","identified":true,"secret_index":0,"_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["outcome"],["notification_type","mode"]],"Metrics":[{"Name":"Webhooks","Unit":"Count"}]},{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Duration","Unit":"Milliseconds"},{"Name":"VerifyDuration","Unit":"Milliseconds"},{"Name":"StoreDuration","Unit":"Milliseconds"}]}]},"Webhooks":1,"Duration":0.012,"VerifyDuration":0.003,"StoreDuration":5.0}"#
    );
}

#[test]
fn question_line_has_type_and_no_event_id() {
    let body = r#"{"notification_type":"get_pincode","user":{"id":"mira"}}"#;
    let report = DeliveryReport {
        envelope: Some(testing::envelope(body)),
        ..DeliveryReport::from(Outcome::Unavailable(Unavailable::NoDirectory))
    };
    let line = WebhookLog::new(&report, Timestamp::UNIX_EPOCH, Duration::ZERO);
    assert_eq!(
        serde_json::to_string(&line).unwrap(),
        r#"{"timestamp":"1970-01-01T00:00:00Z","level":"ERROR","message":"webhook","outcome":"no_directory","status":503,"notification_type":"get_pincode","mode":"live","_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["outcome"],["notification_type","mode"]],"Metrics":[{"Name":"Webhooks","Unit":"Count"}]},{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Duration","Unit":"Milliseconds"},{"Name":"DeprecatedType","Unit":"Count"}]}]},"Webhooks":1,"Duration":0.0,"DeprecatedType":1}"#
    );
}

#[test]
fn invalid_signature_line_has_no_content() {
    let report = |is_from_xsolla| DeliveryReport { is_from_xsolla, ..Outcome::InvalidSignature.into() };
    let line = |is_from_xsolla| WebhookLog::new(&report(is_from_xsolla), Timestamp::UNIX_EPOCH, Duration::ZERO);
    let from_xsolla = serde_json::to_string(&line(true)).unwrap();
    assert!(from_xsolla.ends_with(r#""Webhooks":1,"Duration":0.0,"BadSignatureFromXsolla":1}"#), "{from_xsolla}");
    assert_eq!(
        serde_json::to_string(&line(false)).unwrap(),
        r#"{"timestamp":"1970-01-01T00:00:00Z","level":"WARN","message":"webhook","outcome":"invalid_signature","status":400,"_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["outcome"]],"Metrics":[{"Name":"Webhooks","Unit":"Count"}]},{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Duration","Unit":"Milliseconds"}]}]},"Webhooks":1,"Duration":0.0}"#
    );
}

#[test]
fn wrong_key_line_has_no_content() {
    let report = DeliveryReport::from(Outcome::Unavailable(Unavailable::WrongKey));
    let line = WebhookLog::new(&report, Timestamp::UNIX_EPOCH, Duration::ZERO);
    assert_eq!(
        serde_json::to_string(&line).unwrap(),
        r#"{"timestamp":"1970-01-01T00:00:00Z","level":"INFO","message":"webhook","outcome":"wrong_key","status":503,"_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["outcome"]],"Metrics":[{"Name":"Webhooks","Unit":"Count"}]},{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Duration","Unit":"Milliseconds"}]}]},"Webhooks":1,"Duration":0.0}"#
    );
}

#[test]
fn unknown_source_line_has_address_and_is_a_warning() {
    let line = |outcome, source: Option<&str>| {
        let source = source.map(|address| address.parse().unwrap());
        let report = DeliveryReport { unknown_source: Some(UnknownSource(source)), ..DeliveryReport::from(outcome) };
        WebhookLog::new(&report, Timestamp::UNIX_EPOCH, Duration::ZERO)
    };
    let reported = line(Outcome::Accepted(Success::NoContent), Some("203.0.113.9"));
    assert_eq!(
        serde_json::to_string(&reported).unwrap(),
        r#"{"timestamp":"1970-01-01T00:00:00Z","level":"WARN","message":"webhook","outcome":"accepted","status":204,"unknown_source":"203.0.113.9","_aws":{"Timestamp":0,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["outcome"]],"Metrics":[{"Name":"Webhooks","Unit":"Count"}]},{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Duration","Unit":"Milliseconds"},{"Name":"UnknownSource","Unit":"Count"}]}]},"Webhooks":1,"Duration":0.0,"UnknownSource":1}"#
    );
    assert_eq!(line(Outcome::Unavailable(Unavailable::UnknownSource), None).level(), Level::ERROR);
}

/// Returns the values of `key` after each `before` in the template.
fn in_template(before: &str, key: &str) -> BTreeSet<&'static str> {
    let template = include_str!("../../../../../template.yaml");
    let found = template.split(before).skip(1).filter_map(|rest| rest.trim_start().strip_prefix(key));
    found.filter_map(|rest| rest.split([' ', '}', ')', '\n']).next()).collect()
}

/// With `LogLevel` WARN, successes are not logged.
#[test]
fn lines_that_alarms_count_are_at_least_warnings() {
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
    let mut warnings: BTreeSet<&str> = outcomes.iter().map(|outcome| outcome.name()).collect();
    warnings.insert("accepted"); // of RelayStalled and NoWebhooks, which do not work at WARN
    let counted = in_template("Dimensions: [{Name: outcome,", "Value: ");
    assert!(counted.contains("conflict") && counted.is_subset(&warnings), "{counted:?}");
    for outcome in outcomes {
        assert!(level_of(&DeliveryReport::from(outcome)) <= Level::WARN, "{}", outcome.name());
    }

    let accepted = || DeliveryReport::from(Outcome::Accepted(Success::NoContent));
    assert_eq!(level_of(&accepted()), Level::INFO);
    let unknown_source = DeliveryReport { unknown_source: Some(UnknownSource(None)), ..accepted() };
    let old_secret = DeliveryReport { secret_index: Some(1), ..accepted() };
    assert_eq!([level_of(&unknown_source), level_of(&old_secret)], [Level::WARN; 2]);
    // The drift line is always a warning. RelayStalled, which does not work at WARN, uses the batch line.
    let warnings = BTreeSet::from([
        "AmbiguousRefund",
        "BadSignatureFromXsolla",
        "DoublePayment",
        "OldSecret",
        "Parked",
        "PaymentAlsoGranted",
        "Queued",
        "UnknownSource",
        "Webhooks",
    ]);
    // Filters of the access log write these.
    let of_access_log = in_template("- MetricNamespace: !Sub 'XsollaWebhooks/${AWS::StackName}'\n", "MetricName: ");
    let counted = in_template("Namespace: !Sub 'XsollaWebhooks/${AWS::StackName}'\n", "MetricName: ");
    let counted: BTreeSet<_> = counted.difference(&of_access_log).copied().collect();
    assert_eq!(counted, warnings);
    assert_eq!(in_template("SELECT SUM(", ""), BTreeSet::from(["Drift"]));
}

fn level_of(report: &DeliveryReport<'_>) -> Level {
    WebhookLog::new(report, Timestamp::UNIX_EPOCH, Duration::ZERO).level()
}

#[test]
fn error_line_has_cause() {
    let mut report = DeliveryReport::from(Outcome::Unavailable(Unavailable::Store));
    report.error = Some(fake_error());
    let line = WebhookLog::new(&report, Timestamp::UNIX_EPOCH, Duration::ZERO);
    assert_eq!(serde_json::to_value(&line).unwrap()["error"], "fake:Call: configured to fail");
    assert_eq!(line.level(), Level::ERROR);
}

#[test]
fn namespace_is_that_of_the_environment() {
    assert_eq!(metrics::namespace(&|_| None), "XsollaWebhooks");
    let variable = |name: &str| (name == "METRICS_NAMESPACE").then(|| "XsollaWebhooks/shop".to_owned());
    assert_eq!(metrics::namespace(&variable), "XsollaWebhooks/shop");
}

#[test]
fn drift_line_has_metric_by_type_and_path() {
    let mut tally = DriftTally::default();
    let body = r#"{"notification_type":"refund","transaction":{"id":7,"risk":"high"},"user":{"id":"mira"}}"#;
    for event_id in ["transaction#7#refund", "transaction#8#refund"] {
        tally.add("refund", body, &event_id.to_owned());
    }
    tally.add("new type", "{}", &"body#ab".to_owned());
    tally.add("new_type", "{}", &"body#cd".to_owned());
    let lines: Vec<String> = tally
        .rows()
        .map(|row| serde_json::to_string(&DriftLog::new(&row, Timestamp::from_second(1_800_000_000).unwrap())).unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            r#"{"timestamp":"2027-01-15T08:00:00Z","level":"WARN","message":"drift","notification_type":"unknown","unknown_type":"new_type","path":"","finding":"unknown type","event_id":"body#cd","_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["notification_type"]],"Metrics":[{"Name":"Drift","Unit":"Count"}]}]},"Drift":1}"#,
            r#"{"timestamp":"2027-01-15T08:00:00Z","level":"WARN","message":"drift","notification_type":"refund","path":"transaction.risk","finding":"unknown field","json_type":"string(4)","event_id":"transaction#7#refund","_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["notification_type"]],"Metrics":[{"Name":"Drift","Unit":"Count"}]}]},"Drift":2}"#,
            r#"{"timestamp":"2027-01-15T08:00:00Z","level":"WARN","message":"drift","notification_type":"unknown","path":"","finding":"unknown type","event_id":"body#ab","_aws":{"Timestamp":1800000000000,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[["notification_type"]],"Metrics":[{"Name":"Drift","Unit":"Count"}]}]},"Drift":1}"#,
        ]
    );
}

#[test]
fn batch_line_has_metrics() {
    let now: Timestamp = "2026-11-22T08:00:00.5Z".parse().unwrap();
    let trace = TraceHeader::parse("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0");
    let line = |outcome: &BatchOutcome| {
        serde_json::to_string(&BatchLog::new(outcome, now, "request", trace.as_ref())).unwrap()
    };
    let queued = vec!["transaction#7#payment".to_owned(), "order#5#order_paid".to_owned()];
    let oldest = Some("2026-11-21T08:00:00Z".parse().unwrap());
    assert_eq!(
        line(&BatchOutcome { queued: queued.clone(), parked: 1, oldest, ..BatchOutcome::default() }),
        r#"{"timestamp":"2026-11-22T08:00:00.5Z","level":"INFO","message":"relayed","event_ids":["transaction#7#payment","order#5#order_paid"],"request_id":"request","trace_id":"1-5759e988-bd862e3fe1be46a994272793","_aws":{"Timestamp":1795334400500,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Queued","Unit":"Count"},{"Name":"Parked","Unit":"Count"},{"Name":"BatchFailures","Unit":"Count"},{"Name":"RelayAge","Unit":"Milliseconds"}]}]},"Queued":2,"Parked":1,"BatchFailures":0,"RelayAge":86400500.0}"#
    );
    assert_eq!(
        line(&BatchOutcome { retry_from: Some("42".to_owned()), ..BatchOutcome::default() }),
        r#"{"timestamp":"2026-11-22T08:00:00.5Z","level":"WARN","message":"relayed","retry_from":"42","request_id":"request","trace_id":"1-5759e988-bd862e3fe1be46a994272793","_aws":{"Timestamp":1795334400500,"CloudWatchMetrics":[{"Namespace":"XsollaWebhooks","Dimensions":[[]],"Metrics":[{"Name":"Queued","Unit":"Count"},{"Name":"Parked","Unit":"Count"},{"Name":"BatchFailures","Unit":"Count"}]}]},"Queued":0,"Parked":0,"BatchFailures":1}"#
    );
    let ahead = Some("2026-11-22T08:00:01Z".parse().unwrap());
    assert!(line(&BatchOutcome { queued, oldest: ahead, ..BatchOutcome::default() }).contains(r#""RelayAge":0.0"#));
}
