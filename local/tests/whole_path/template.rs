//! What `template.yaml` says agrees with the code.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use local::gateway::OWN_FUNCTION;
use xsolla::{Answer, NotificationType};

const TEMPLATE: &str = include_str!("../../../template.yaml");

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The functions, by their binaries' names.
fn functions() -> Vec<String> {
    let binaries = fs::read_dir(root().join("functions/src/bin")).unwrap();
    let name = |entry: fs::DirEntry| entry.path().file_stem().unwrap().to_str().unwrap().to_owned();
    binaries.map(|entry| name(entry.unwrap())).collect()
}

#[test]
fn every_function_is_deployed_and_has_an_event_to_try() {
    for function in functions() {
        assert!(TEMPLATE.contains(&format!("{{Binary: {function}}}")), "{function} is not in the template");
        assert!(root().join(format!("events/{function}.json")).exists(), "{function} has no event");
    }
    assert_eq!(TEMPLATE.matches("Binary: ").count(), functions().len(), "and nothing else is deployed");
}

#[test]
fn every_type_with_a_function_of_its_own_has_its_path() {
    for own in OWN_FUNCTION {
        assert!(functions().contains(&own.name().replace('_', "-")), "{}", own.name());
        let path = format!("Path: /webhooks/{}}}", own.name());
        assert!(TEMPLATE.contains(&path), "{path}");
    }
    assert_eq!(TEMPLATE.matches("Path: /webhooks").count(), OWN_FUNCTION.len() + 1);
    assert!(OWN_FUNCTION.contains(&NotificationType::PAYMENT));
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
fn the_stream_lets_events_through_and_nothing_else() {
    let event = intake::record::Kind::Event.name();
    let filter = format!(
        r#"{{"eventName":["INSERT"],"dynamodb":{{"NewImage":{{"{}":{{"S":["{event}"]}}}}}}}}"#,
        intake::table::KIND
    );
    assert!(TEMPLATE.contains(&filter));
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
