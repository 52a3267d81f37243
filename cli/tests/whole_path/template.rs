//! What `template.yaml` says agrees with the code.

use std::collections::BTreeSet;
use std::time::Duration;

use intake::accept::SourcePolicy;
use intake::lambda::unsigned::ROUTES;
use intake::record::RETENTION;
use intake::settings::{RETENTION_DAYS, WebhookSettings};
use intake::unsigned::MIN_KEY_LEN;
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

/// A part of the template, from its name to the next one's.
fn section(name: &str) -> &'static str {
    let text = TEMPLATE.split(&format!("\n{name}:\n")).nth(1).unwrap_or_else(|| panic!("{name}"));
    let end = text.match_indices('\n').find(|(at, _)| text[at + 1..].starts_with(|c: char| c.is_ascii_uppercase()));
    end.map_or(text, |(end, _)| &text[..=end])
}

/// Each resource: its name, its type, and its text.
fn resources() -> Vec<(&'static str, &'static str, &'static str)> {
    let resources = section("Resources");
    let starts: Vec<usize> =
        resources.match_indices("\n    Type: AWS::").map(|(at, _)| resources[..at].rfind('\n').unwrap() + 1).collect();
    let ends = starts.iter().skip(1).copied().chain([resources.len()]);
    let text = |(&start, end): (&usize, usize)| {
        let text = &resources[start..end];
        let name = text.lines().next().unwrap().trim().strip_suffix(':').unwrap();
        (name, text.lines().nth(1).unwrap().trim().strip_prefix("Type: AWS::").unwrap(), text)
    };
    starts.iter().zip(ends).map(text).collect()
}

fn of_type(kind: &str) -> Vec<(&'static str, &'static str)> {
    let found: Vec<_> =
        resources().into_iter().filter(|(_, of, _)| *of == kind).map(|(name, _, text)| (name, text)).collect();
    assert!(!found.is_empty(), "{kind}");
    found
}

/// The text of the only resource of that name.
fn resource(name: &str) -> &'static str {
    resources().into_iter().find(|(of, ..)| *of == name).unwrap_or_else(|| panic!("{name}")).2
}

/// What stands behind each `key` up to the end of its line.
fn values<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix(key)).map(str::trim).collect()
}

#[test]
fn every_function_has_a_log_group_of_its_own_that_forgets() {
    for (function, text) in of_type("Serverless::Function") {
        let group = format!("{function}Logs");
        let lines = "LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: !Ref LogLevel, LogGroup: !Ref";
        assert!(text.contains(&format!("{lines} {group}}}\n")), "{function}");
        assert_eq!(values(resource(&group), "Condition:"), values(text, "Condition:"), "{function}");
    }
    for (group, text) in of_type("Logs::LogGroup") {
        assert!(text.contains("RetentionInDays: !Ref LogRetentionDays}"), "{group}");
    }
}

#[test]
fn every_function_is_traced_and_bounded() {
    let globals = section("Globals");
    for setting in ["Tracing: Active", "PermissionsBoundary: !Ref Boundary"] {
        assert!(globals.contains(&format!("    {setting}\n")), "{setting}");
    }
    for (function, text) in of_type("Serverless::Function") {
        for override_ in ["Tracing:", "PermissionsBoundary:", "Role:"] {
            assert!(!text.contains(override_), "{function}: {override_}");
        }
    }
}

#[test]
fn every_function_is_rolled_out_by_a_canary_that_alarms_take_back() {
    let globals = section("Globals");
    for setting in [
        "    AutoPublishAlias: live\n",
        "    AutoPublishAliasAllProperties: true\n",
        "    VersionDeletionPolicy: Delete\n",
        "      Enabled: !Ref Canary\n",
        "      Type: Canary10Percent10Minutes\n",
    ] {
        assert!(globals.contains(setting), "{setting}");
    }
    for (function, text) in of_type("Serverless::Function") {
        for override_ in ["AutoPublish", "DeploymentPreference", "VersionDeletionPolicy"] {
            assert!(!text.contains(override_), "{function}: {override_}");
        }
    }
    assert_eq!(values(resource("RelayStream"), "FunctionName:"), ["!Ref Relay.Alias"]);

    let alarms = values(globals.split("Alarms:\n").nth(1).unwrap().split('#').next().unwrap(), "!Ref");
    for needed in ["WebhooksFail", "FunctionErrors", "RelayErrors"] {
        assert!(alarms.contains(&needed), "{needed}");
    }
    for alarm in alarms {
        let text = resource(alarm);
        assert!(text.contains("Type: AWS::CloudWatch::Alarm\n") && !text.contains("Condition:"), "{alarm}");
        let number = |key| values(text, key)[0].parse::<u64>().unwrap();
        // An alarm of one period rises as soon as its sum is too high.
        let (period, periods) = (number("Period:"), number("EvaluationPeriods:"));
        assert!(periods == 1 || period * periods < 10 * 60, "{alarm}: not before the canary is over");
    }
}

/// Each parameter: its name, and its text.
fn parameters() -> Vec<(&'static str, String)> {
    let mut parameters: Vec<(&str, String)> = Vec::new();
    for line in section("Parameters").split_inclusive('\n') {
        match line.strip_prefix("  ").and_then(|line| line.strip_suffix(":\n")) {
            Some(name) if name.starts_with(char::is_alphabetic) => parameters.push((name, String::new())),
            _ => parameters.last_mut().into_iter().for_each(|(_, text)| text.push_str(line)),
        }
    }
    parameters
}

/// The parameters that a text depends on, by itself or by a condition.
fn parameters_in(text: &str) -> BTreeSet<&'static str> {
    let names = |start: &str, name: &str| {
        text.split(&format!("{start}{name}")).skip(1).any(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    let by_itself = parameters().into_iter().map(|(name, _)| name);
    let mut found: BTreeSet<&str> = by_itself.filter(|name| names("!Ref ", name) || names("${", name)).collect();
    for (condition, of) in section("Conditions").lines().filter_map(|line| line.trim().split_once(": ")) {
        if names("[", condition) || names("- ", condition) {
            found.extend(parameters_in(of));
        }
    }
    found
}

/// How long its value can be.
fn longest_value(parameter: &str) -> usize {
    let text = parameters().into_iter().find(|(name, _)| *name == parameter).unwrap().1;
    let value = |key| values(&text, key).first().map(|value| (*value).to_owned());
    value("MaxLength:")
        .map(|length| length.parse().unwrap())
        .or_else(|| value("AllowedValues:")?.trim_matches(['[', ']']).split(", ").map(str::len).max())
        .or_else(|| value("MaxValue:").map(|most| most.len()))
        .unwrap_or_else(|| panic!("{parameter} wants a MaxLength"))
}

/// SAM does not see a parameter's new value, and Lambda refuses a version in which nothing is new.
#[test]
fn a_version_is_described_by_the_parameters_that_its_function_is_given() {
    let of_all = section("Globals").split("    Environment:\n").nth(1).unwrap();
    for (function, text) in of_type("Serverless::Function") {
        let (mut given, mut described) = (of_all.to_owned(), String::new());
        let mut property = "";
        for line in text.split("    Properties:\n").nth(1).unwrap().split_inclusive('\n') {
            if !line.starts_with("       ") {
                property = line.trim().split(':').next().unwrap();
            }
            match property {
                "VersionDescription" => described.push_str(line),
                // The function's, whatever its version.
                "ReservedConcurrentExecutions" => {}
                _ => given.push_str(line),
            }
        }
        let described = parameters_in(&described);
        assert_eq!(described, parameters_in(&given), "{function}");
        let length: usize = described.iter().map(|parameter| longest_value(parameter) + 1).sum();
        assert!(length <= 256, "{function}: {length}, and Lambda takes 256");
    }
}

#[test]
fn a_type_has_a_function_of_its_own_only_where_it_is_asked_for() {
    for (function, text) in of_type("Serverless::Function") {
        let own = OWN_FUNCTION.iter().any(|own| text.contains(&format!("Path: /webhooks/{}}}", own.name())));
        assert_eq!(values(text, "Condition:") == ["HasSeparateFunctions"], own, "{function}");
    }
}

#[test]
fn events_are_kept_as_long_as_the_code_allows_and_as_it_does_by_itself() {
    let (_, text) = parameters().into_iter().find(|(name, _)| *name == "RetentionDays").unwrap();
    let days = |key| values(&text, key)[0].parse::<u16>().unwrap();
    assert_eq!(days("MinValue:")..=days("MaxValue:"), RETENTION_DAYS);
    assert_eq!(i64::from(days("Default:")) * 24, RETENTION.as_hours());
    assert!(section("Globals").contains("        RETENTION_DAYS: !Ref RetentionDays\n"));
}

#[test]
fn every_function_has_an_alarm_for_its_errors_and_its_throttles() {
    let watched = |alarms: &[&str], metric: &str| -> BTreeSet<&str> {
        let text = |alarm: &&str| resource(alarm);
        assert!(alarms.iter().all(|alarm| text(alarm).contains(&format!("MetricName: {metric}\n"))), "{metric}");
        let functions = alarms.iter().flat_map(|alarm| text(alarm).split("Name: FunctionName, Value: !Ref ").skip(1));
        functions.map(|rest| rest.split('}').next().unwrap()).collect()
    };
    let functions: BTreeSet<&str> = of_type("Serverless::Function").into_iter().map(|(name, _)| name).collect();
    assert_eq!(watched(&["FunctionErrors", "RelayErrors"], "Errors"), functions);
    assert_eq!(watched(&["Throttles"], "Throttles"), functions);
}

#[test]
fn every_alarm_tells_somebody_and_names_its_section_of_the_runbook() {
    let runbook = include_str!("../../../docs/runbook.md");
    let anchor = |heading: &str| heading.to_lowercase().replace(' ', "-");
    let sections: BTreeSet<String> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).map(anchor).collect();
    // Of the alarms, and of the parameter `Canary`.
    let links = TEMPLATE.split("See ${RunbookUrl}#").skip(1).chain(TEMPLATE.split("See docs/runbook.md#").skip(1));
    let named: BTreeSet<String> = links.map(|link| link.lines().next().unwrap().to_owned()).collect();
    for (alarm, text) in of_type("CloudWatch::Alarm") {
        assert!(text.contains("      AlarmDescription: !Sub >-\n"), "{alarm}: its link would not be one");
        assert!(text.contains("See ${RunbookUrl}#"), "{alarm}: no link");
        assert!(text.contains("AlarmActions: [!Ref AlarmTopic]"), "{alarm}");
        let missing = if alarm == "NoWebhooks" { "breaching" } else { "notBreaching" };
        assert_eq!(values(text, "TreatMissingData:"), [missing], "{alarm}");
        assert!(resource("Dashboard").contains(&format!("${{{alarm}.Arn}}")), "{alarm}");
    }
    assert_eq!(named, sections);
    for section in runbook.split("\n## ").skip(1) {
        for part in ["**For money.**", "**Look.**", "**Do.**"] {
            assert!(section.contains(part), "{}: {part}", section.lines().next().unwrap());
        }
    }
    for link in runbook.split("](#").skip(1) {
        let link = link.split(')').next().unwrap();
        assert!(sections.contains(link), "{link}");
    }
}

#[test]
fn what_is_counted_is_what_the_template_asks_for() {
    let telemetry = include_str!("../../../shared/intake/src/telemetry.rs");
    let mut metrics: BTreeSet<&str> = BTreeSet::new();
    for (_, text) in of_type("CloudWatch::Alarm") {
        metrics.extend(
            text.split("Namespace: XsollaWebhooks\n")
                .skip(1)
                .map(|rest| rest.trim_start().strip_prefix("MetricName: ").unwrap().lines().next().unwrap()),
        );
    }
    for metric in resource("Dashboard").split("[\"XsollaWebhooks\", \"").skip(1) {
        metrics.insert(metric.split('"').next().unwrap());
    }
    for query in TEMPLATE.split("SELECT SUM(").skip(1) {
        metrics.insert(query.split(')').next().unwrap());
    }
    let missing: Vec<_> = metrics.iter().filter(|metric| !telemetry.contains(&format!("\"{metric}\""))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn an_outcome_that_is_watched_is_one_of_the_codes() {
    let answer = include_str!("../../../shared/xsolla/src/answer.rs");
    let in_alarms = TEMPLATE.split("Name: outcome, Value: ").skip(1).map(|rest| rest.split('}').next().unwrap());
    let in_widgets = TEMPLATE.split("\"outcome\", \"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let outcomes: BTreeSet<&str> = in_alarms.chain(in_widgets).collect();
    assert!(outcomes.contains("accepted"));
    for outcome in outcomes {
        assert!(answer.contains(&format!("=> \"{outcome}\"")), "{outcome}");
    }
}

#[test]
fn nothing_is_public_but_the_api() {
    let kinds: BTreeSet<&str> = resources().into_iter().map(|(_, kind, _)| kind).collect();
    let expected = BTreeSet::from([
        "ApiGateway::Account",
        "CloudWatch::Alarm",
        "CloudWatch::Dashboard",
        "DynamoDB::Table",
        "IAM::ManagedPolicy",
        "IAM::Role",
        "KMS::Key",
        "Lambda::EventSourceMapping",
        "Logs::LogGroup",
        "SNS::Subscription",
        "SNS::Topic",
        "SQS::Queue",
        "SecretsManager::Secret",
        "Serverless::Api",
        "Serverless::Function",
    ]);
    assert_eq!(kinds, expected, "a new kind: can strangers reach it?");
    assert_eq!(of_type("Serverless::Api").len(), 1);
    for opened in ["FunctionUrlConfig", "Principal: '*'", "Principal: \"*\"", "AWS: '*'"] {
        assert!(!TEMPLATE.contains(opened), "{opened}");
    }
}

#[test]
fn what_holds_the_history_of_money_outlives_slips() {
    for (table, text) in of_type("DynamoDB::Table") {
        for kept in [
            "    DeletionPolicy: Retain\n",
            "    UpdateReplacePolicy: Retain\n",
            "DeletionProtectionEnabled: true\n",
            "PointInTimeRecoveryEnabled: true}\n",
            "SSESpecification: {SSEEnabled: true}\n",
        ] {
            assert!(text.contains(kept), "{table}: {kept}");
        }
    }
    for (queue, text) in of_type("SQS::Queue") {
        assert!(text.contains("SqsManagedSseEnabled: true\n"), "{queue}");
    }
    assert!(resource("AlarmTopic").contains("KmsMasterKeyId: !Ref AlarmKey\n"));
}

#[test]
fn rights_name_what_they_are_for() {
    // In a key's policy * is the key.
    let policies = || resources().into_iter().filter(|(name, ..)| *name != "AlarmKey");
    for (name, _, text) in policies() {
        for action in values(text, "Action:") {
            assert!(!action.contains('*'), "{name}: {action}");
        }
        assert!(!text.contains("NotAction"), "{name}");
    }
    let everything: Vec<_> =
        policies().filter(|(.., text)| text.contains("Resource: '*'")).map(|(name, ..)| name).collect();
    assert_eq!(everything, ["Boundary", "Relay"], "for dynamodb:ListStreams and traces, which take no single thing");
    assert_eq!(resource("Boundary").matches("Resource: '*'").count(), 1);
    assert!(resource("Relay").contains("Action: dynamodb:ListStreams\n              Resource: '*'"));
    assert_eq!(resource("Relay").matches("Resource: '*'").count(), 1);
}

/// The actions that a text allows: each a word such as `sqs:SendMessage`.
fn actions(text: &str) -> BTreeSet<&str> {
    let services = ["dynamodb:", "kms:", "logs:", "secretsmanager:", "sqs:", "xray:"];
    let code = text.lines().map(|line| line.split("# ").next().unwrap()).filter(|line| !line.contains("arn:"));
    let words = code.flat_map(|line| line.split([' ', '[', ']', ',']));
    words
        .filter(|word| services.iter().any(|service| word.strip_prefix(service).is_some_and(|rest| !rest.is_empty())))
        .collect()
}

#[test]
fn the_boundary_lets_through_what_is_granted() {
    let granted: BTreeSet<&str> = of_type("Serverless::Function")
        .into_iter()
        .chain(of_type("IAM::ManagedPolicy").into_iter().filter(|(name, _)| *name != "Boundary"))
        .flat_map(|(_, text)| actions(text))
        .collect();
    assert!(granted.contains("dynamodb:PutItem") && granted.contains("sqs:SendMessage"), "{granted:?}");
    let boundary = resource("Boundary");
    let refused: Vec<_> = granted.difference(&actions(boundary)).copied().collect();
    assert!(refused.is_empty(), "{refused:?}");
    // SAM's own policies grant logs and traces; what encryption needs, the keys' policies do.
    let more: BTreeSet<&str> = actions(boundary).difference(&granted).copied().collect();
    let services: BTreeSet<&str> = more.iter().map(|action| action.split(':').next().unwrap()).collect();
    assert_eq!(services, BTreeSet::from(["kms", "logs", "xray"]), "{more:?}");
    // And on each thing that they are granted on.
    for (kind, text) in of_type("Serverless::Function").into_iter().chain(of_type("IAM::ManagedPolicy")) {
        for thing in [
            "EventsTable",
            "UsersTable",
            "EventsQueue",
            "ParkedQueue",
            "XsollaSecret",
            "EndpointKey",
            "UnsignedPathKey",
        ] {
            let is_granted = text.split("Policies:").nth(1).unwrap_or(text).contains(thing);
            assert!(!is_granted || boundary.contains(thing), "{kind}: {thing}");
        }
    }
}

#[test]
fn the_access_log_has_no_body_no_address_and_no_key() {
    let api = resource("WebhookApi");
    let format = api.split("Format: >-\n").nth(1).unwrap().split("\n      #").next().unwrap();
    let variables: Vec<&str> = format.split("$context.").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(
        variables,
        ["requestId", "requestTime", "httpMethod", "resourcePath", "status", "responseLatency", "integration.error"]
    );
    for whole_requests in ["DataTraceEnabled", "LoggingLevel"] {
        assert!(!TEMPLATE.contains(whole_requests), "{whole_requests}");
    }
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
    assert!(length.parse::<usize>().unwrap() >= MIN_KEY_LEN);
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
    let arguments = include_str!("../../src/arguments.rs").split("env = \"").skip(1);
    let arguments: BTreeSet<&str> = arguments.filter_map(|rest| rest.split('"').next()).collect();
    assert!(arguments.contains("TABLE_NAME"), "{arguments:?}");
    for variable in arguments.into_iter().chain(["XSOLLA_SECRET_ID"]) {
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
