//! Functions: paths, binaries, logs, limits and rollout.

use std::collections::BTreeMap;
use std::time::Duration;

use intake::lambda::unsigned::ROUTES;
use local::gateway::SEPARATE_FUNCTIONS;
use rstest::rstest;
use serde_json::{Value, json};

use super::document::{
    Resource, entries, functions, global, items, number, of_type, reference, referenced, resource, text,
};
use super::sources;
use crate::functions;

fn binary(function: Resource) -> &'static str {
    text(&function.body["Metadata"]["BuildProperties"]["Binary"])
}

fn paths(function: Resource) -> Vec<&'static str> {
    let events = function.body["Properties"].get("Events").map(entries);
    events.into_iter().flatten().map(|(_, event)| text(&event["Properties"]["Path"])).collect()
}

/// The paths of each binary.
fn deployed() -> BTreeMap<String, Vec<String>> {
    let paths = |function| {
        let mut paths: Vec<_> = paths(function).into_iter().map(str::to_owned).collect();
        paths.sort();
        paths
    };
    functions().into_iter().map(|function| (binary(function).to_owned(), paths(function))).collect()
}

#[test]
fn each_binary_serves_its_paths() {
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::from([
        ("webhook".to_owned(), vec!["/webhooks".to_owned(), "/webhooks/{type}".to_owned()]),
        ("relay".to_owned(), vec![]),
    ]);
    let mut unsigned = ROUTES.map(|(route, _)| route.to_owned()).to_vec();
    unsigned.sort();
    expected.insert("unsigned".to_owned(), unsigned);
    for own in SEPARATE_FUNCTIONS {
        expected.insert(own.name().replace('_', "-"), vec![format!("/webhooks/{}", own.name())]);
    }
    assert_eq!(deployed(), expected);
    assert_eq!(functions().len(), expected.len(), "a binary is deployed twice");
}

/// The tools are those that CI builds with. A newer Zig or cargo-lambda may fail.
#[test]
fn documents_pin_the_build_tools() {
    let (build, tools) = (sources::file(".ci/build"), ["aws-sam-cli", "cargo-lambda", "ziglang"]);
    let versions = tools.map(|tool| {
        let (_, rest) = build.split_once(&format!("{tool}==")).unwrap_or_else(|| panic!("{tool} has no version"));
        format!("{tool}=={}", rest.split([' ', ';']).next().unwrap())
    });
    for page in ["README.md", "docs/deploy.md"] {
        let install = format!("pip install {}", versions.join(" "));
        assert!(sources::file(page).contains(&install), "{page}: {install}");
    }
    assert!(sources::file("docs/configuration.md").contains(&versions[1]), "{}", versions[1]);
}

/// By default, `watch` listens on all addresses, and allows any web page to call it.
#[test]
fn documents_run_single_functions_for_this_machine_only() {
    let page = sources::file("docs/configuration.md");
    let commands: Vec<&str> = page.lines().filter(|line| line.starts_with("cargo lambda ")).collect();
    assert!(commands.iter().any(|command| command.contains(" watch ")), "{commands:?}");
    for command in commands {
        assert!(command.contains(" --invoke-address 127.0.0.1 "), "{command}");
        assert!(!command.contains(" watch ") || command.contains(" --disable-cors "), "{command}");
    }
}

#[test]
fn each_path_accepts_post_at_the_api() {
    for function in functions() {
        for (_, event) in function.property("Events").as_object().into_iter().flatten() {
            assert_eq!(event["Type"], "Api", "{}", function.name);
            assert_eq!(event["Properties"]["Method"], "post", "{}", function.name);
            assert_eq!(event["Properties"]["RestApiId"], reference("WebhookApi"), "{}", function.name);
        }
    }
}

#[test]
fn each_deployed_binary_exists() {
    for binary in deployed().keys() {
        assert!(functions::all().contains(binary), "{binary}");
    }
}

#[test]
fn function_of_one_type_exists_only_with_separate_functions() {
    for function in functions() {
        let has_own_type = SEPARATE_FUNCTIONS
            .iter()
            .any(|own| paths(function).contains(&format!("/webhooks/{}", own.name()).as_str()));
        assert_eq!(function.condition() == Some("HasSeparateFunctions"), has_own_type, "{}", function.name);
    }
}

#[test]
fn each_function_logs_to_its_own_group() {
    for function in functions() {
        let group = resource(&format!("{}Logs", function.name));
        let config = json!({ "LogFormat": "JSON", "ApplicationLogLevel": reference("LogLevel"), "LogGroup": reference(group.name) });
        assert_eq!(*function.property("LoggingConfig"), config, "{}", function.name);
        assert_eq!(group.kind(), "AWS::Logs::LogGroup", "{}", function.name);
        assert_eq!(group.condition(), function.condition(), "{}", function.name);
    }
}

#[test]
fn each_log_group_expires() {
    for group in of_type("Logs::LogGroup") {
        assert_eq!(*group.property("RetentionInDays"), reference("LogRetentionDays"), "{}", group.name);
    }
}

#[rstest]
#[case("Tracing", json!("Active"))]
#[case("PermissionsBoundary", reference("PermissionsBoundary"))]
#[case("AutoPublishAlias", json!("live"))]
#[case("AutoPublishAliasAllProperties", json!(true))]
#[case("VersionDeletionPolicy", json!("Delete"))]
fn setting_applies_to_all_functions(#[case] setting: &str, #[case] value: Value) {
    assert_eq!(*global(setting), value);
}

#[test]
fn no_function_overrides_global_settings() {
    for function in functions() {
        for (property, _) in function.properties() {
            let is_fixed = ["Tracing", "PermissionsBoundary", "Role", "DeploymentPreference", "VersionDeletionPolicy"]
                .contains(&property);
            assert!(!is_fixed && !property.starts_with("AutoPublish"), "{}: {property}", function.name);
        }
    }
}

#[test]
fn functions_time_out_before_lambda_stops_them() {
    let overriding: Vec<_> =
        functions().into_iter().filter(|function| !function.property("Timeout").is_null()).collect();
    let [relay] = overriding[..] else { panic!("{} functions have their own timeout", overriding.len()) };
    assert_eq!(relay.name, "Relay");
    let batch_limit = intake::lambda::relay::BATCH_TIME + intake::relay::SEND_LIMIT;
    assert!(Duration::from_secs(number(relay.property("Timeout"))) > batch_limit);

    let timeout = number(global("Timeout"));
    assert!(Duration::from_secs(timeout) > intake::accept::DEADLINE);
    assert!(timeout < 3, "Xsolla waits 3 seconds");
}

#[test]
fn canary_is_rolled_back_by_alarms() {
    let preference = global("DeploymentPreference");
    assert_eq!(preference["Enabled"], reference("Canary"));
    assert_eq!(preference["Type"], "Canary10Percent10Minutes");
    let alarms: Vec<&str> = items(&preference["Alarms"]).iter().map(referenced).collect();
    for required in ["WebhookFailures", "ServerErrors", "FunctionErrors", "RelayErrors", "BadSignatures"] {
        assert!(alarms.contains(&required), "{required}");
    }
    for name in alarms {
        let alarm = resource(name);
        assert_eq!((alarm.kind(), alarm.condition()), ("AWS::CloudWatch::Alarm", None), "{name}");
        // A metric with one evaluation period raises its alarm as soon as the sum exceeds the threshold.
        let periods = number(alarm.property("EvaluationPeriods"));
        let lasts = || periods * number(alarm.property("Period"));
        assert!(periods == 1 || lasts() < 10 * 60, "{name} is raised only after the canary");
    }
}
