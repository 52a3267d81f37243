//! What `template.yaml` says agrees with the code.

use std::time::Duration;

use intake::accept::SourcePolicy;
use intake::lambda::unsigned::ROUTES;
use intake::settings::WebhookSettings;
use intake::unsigned::MIN_KEY;
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
    let own = |own: &NotificationType| (own.name().replace('_', "-"), vec![format!("/webhooks/{}", own.name())]);
    let unsigned = ("unsigned".to_owned(), ROUTES.map(|(route, _)| route.to_owned()).to_vec());
    let relay = ("relay".to_owned(), vec![]);
    let mut expected: Vec<_> = OWN_FUNCTION.iter().map(own).chain([front_door, unsigned, relay]).collect();
    let mut deployed = deployed();
    deployed.sort();
    expected.sort();
    assert_eq!(deployed, expected);
}

#[test]
fn every_binary_that_is_deployed_is_there() {
    for (binary, _) in deployed() {
        assert!(functions::all().contains(&binary), "{binary}");
    }
}

#[test]
fn what_xsolla_does_not_sign_is_taken_nowhere_unless_it_is_asked_for() {
    let parameter = TEMPLATE.split("  UnsignedRoutes:\n").nth(1).unwrap();
    assert!(parameter.starts_with("    Type: String\n    AllowedValues: ['off', 'on']\n    Default: 'off'\n"));
    assert!(TEMPLATE.contains("  HasUnsignedRoutes: !Equals [!Ref UnsignedRoutes, 'on']\n"));
    for (resource, kind) in [("Unsigned", "Serverless::Function"), ("UnsignedPathKey", "SecretsManager::Secret")] {
        let conditional = format!("\n  {resource}:\n    Type: AWS::{kind}\n    Condition: HasUnsignedRoutes\n");
        assert!(TEMPLATE.contains(&conditional), "{resource}");
    }
    let function = TEMPLATE.split("\n  Unsigned:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    for not_its_business in ["XsollaSecret", "KeepEvents"] {
        assert!(!function.contains(not_its_business), "{not_its_business}");
    }
    let key = TEMPLATE.split("\n  UnsignedPathKey:\n").nth(1).unwrap();
    let length = key.split("PasswordLength: ").nth(1).unwrap().split(',').next().unwrap();
    assert!(length.parse::<usize>().unwrap() >= MIN_KEY);
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
fn the_commands_are_given_all_that_they_ask_the_environment_for() {
    let output = TEMPLATE.split("  OperateEnvironment:\n").nth(1).unwrap();
    for line in include_str!("../../src/main.rs").lines().filter(|line| line.contains("env = \"")) {
        let variable = line.split("env = \"").nth(1).unwrap().split('"').next().unwrap();
        assert!(output.contains(&format!("{variable}=${{")), "{variable}");
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
