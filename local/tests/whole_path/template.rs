//! What `template.yaml` says agrees with the code.

use std::time::Duration;

use intake::accept::SourcePolicy;
use intake::settings::WebhookSettings;
use local::gateway::OWN_FUNCTION;
use xsolla::{Answer, NotificationType};

use crate::functions;

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// What is deployed: each binary, and the paths that lead to it.
fn deployed() -> Vec<(String, Vec<String>)> {
    let rest_of_line = |text: &str, end| {
        let rest = text.lines().next().unwrap().strip_suffix(end).unwrap();
        rest.trim_matches('\'').to_owned()
    };
    let paths = |function: &str| function.split("Path: ").skip(1).map(|path| rest_of_line(path, "}")).collect();
    TEMPLATE.split("Binary: ").skip(1).map(|function| (rest_of_line(function, "}}"), paths(function))).collect()
}

#[test]
fn the_front_door_has_all_paths_but_those_of_the_types_that_are_deployed_apart() {
    let front_door = ("webhook".to_owned(), vec!["/webhooks".to_owned(), "/webhooks/{type}".to_owned()]);
    let own = |own: NotificationType| (own.name().replace('_', "-"), vec![format!("/webhooks/{}", own.name())]);
    let relay = ("relay".to_owned(), vec![]);
    assert_eq!(deployed(), [&[front_door][..], &OWN_FUNCTION.map(own), &[relay]].concat());
}

#[test]
fn every_binary_that_is_deployed_is_there() {
    for (binary, _) in deployed() {
        assert!(functions::all().contains(&binary), "{binary}");
    }
}

#[test]
fn what_the_gateway_turns_away_is_answered_as_the_functions_would() {
    let answer = Answer::ServiceUnavailable;
    assert!(TEMPLATE.contains(answer.body().unwrap()), "the gateway's body");
    let responses = TEMPLATE.split("GatewayResponses:").nth(1).unwrap().split("\n\n").next().unwrap();
    assert!(responses.contains("DEFAULT_4XX:"));
    assert!(responses.contains(&format!("StatusCode: {}", answer.status())));
    assert_eq!(responses.matches("StatusCode").count(), 1, "one for all: a response of its own would need a body too");
}

#[test]
fn functions_stop_by_themselves_before_lambda_stops_them() {
    let timeouts: Vec<u64> =
        TEMPLATE.lines().filter_map(|line| line.trim().strip_prefix("Timeout: ")?.parse().ok()).collect();
    let [front_door, relay] = timeouts[..] else { panic!("{timeouts:?}") };
    assert!(Duration::from_secs(front_door) > intake::accept::DEADLINE);
    assert!(front_door < 3, "Xsolla's limit");
    assert!(Duration::from_secs(relay) > intake::lambda::relay::BATCH_TIME + intake::relay::SEND_LIMIT);
}

#[test]
fn the_functions_know_what_can_be_chosen_for_source_addresses() {
    let parameter = TEMPLATE.split("  SourceAddresses:\n").nth(1).unwrap();
    assert!(parameter.starts_with("    Type: String\n    AllowedValues: [report, enforce]\n    Default: report\n"));
    for (choice, enforced) in [("report", false), ("enforce", true)] {
        let variable = |name: &str| match name {
            "TABLE_NAME" | "XSOLLA_SECRET_ID" => Some("any".to_owned()),
            "SOURCE_ADDRESSES" => Some(choice.to_owned()),
            "SOURCE_RANGES" => Some(String::new()),
            _ => None,
        };
        let sources = WebhookSettings::read(&variable, false).unwrap().sources;
        assert_eq!(sources, SourcePolicy { enforced, ..SourcePolicy::default() });
    }
    for (variable, parameter) in [("SOURCE_ADDRESSES", "SourceAddresses"), ("SOURCE_RANGES", "SourceRanges")] {
        assert!(TEMPLATE.contains(&format!("{variable}: !Ref {parameter}\n")), "{variable}");
    }
}

#[test]
fn the_stream_lets_events_through_and_nothing_else() {
    let event = intake::record::Kind::Event.name();
    let filter = format!(
        r#"{{"eventName":["INSERT"],"dynamodb":{{"NewImage":{{"{}":{{"S":["{event}"]}}}}}}}}"#,
        intake::table::KIND
    );
    assert!(TEMPLATE.contains(&filter));
}

#[test]
fn one_batch_of_a_shard_at_a_time() {
    assert!(TEMPLATE.contains("ParallelizationFactor: 1\n"), "more would upset the order within a subject");
}

#[test]
fn the_tables_keys_are_those_of_the_code() {
    use intake::table::{EXPIRES_AT, ORDER_ID, PK, RECEIVED_AT, SK, USER_ID, users};
    for name in [PK, SK, ORDER_ID, USER_ID, RECEIVED_AT] {
        assert!(TEMPLATE.contains(&format!("{{AttributeName: {name}, AttributeType: S}}")), "{name}");
    }
    let index = format!(
        "IndexName: {}\n          KeySchema:\n            - {{AttributeName: {}, ",
        users::BY_PUBLIC_ID,
        users::PUBLIC_ID
    );
    assert!(TEMPLATE.contains(&index), "{index}");
    assert!(TEMPLATE.contains(&format!("NonKeyAttributes: [{}]", users::NAME)));
    assert!(TEMPLATE.contains(&format!("- {{AttributeName: {}, KeyType: HASH}}", users::USER_ID)));
    assert!(TEMPLATE.contains(&format!("TimeToLiveSpecification: {{AttributeName: {EXPIRES_AT}, Enabled: true}}")));
}
