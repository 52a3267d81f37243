//! Alarms, the dashboard, and the runbook that they link to.

use std::collections::BTreeSet;

use intake::outcome::Outcome;
use rstest::rstest;
use serde_json::{Value, json};

use super::document::{
    Resource, find_key, function_names, global, items, nodes, of_type, parameter, reference, referenced, resource,
    section, text, whole,
};
use super::sources;

/// CloudWatch's limit.
const MAX_DESCRIPTION: usize = 1024;

fn alarms() -> Vec<Resource> {
    of_type("CloudWatch::Alarm")
}

/// The namespace of the functions' metrics, one per stack.
fn own_namespace() -> Value {
    json!({ "Fn::Sub": "XsollaWebhooks/${AWS::StackName}" })
}

/// The description before substitution: meaning, first action, and link.
fn description(alarm: Resource) -> &'static str {
    text(&alarm.property("AlarmDescription")["Fn::Sub"])
}

fn anchor(alarm: Resource) -> &'static str {
    description(alarm).rsplit_once(" See ${RunbookUrl}#").unwrap_or_else(|| panic!("{} has no link", alarm.name)).1
}

/// `WebhookFailures` as `webhook-failures`.
fn kebab_case(name: &str) -> String {
    let separated: String =
        name.chars().flat_map(|c| c.is_uppercase().then_some('-').into_iter().chain(c.to_lowercase())).collect();
    separated.trim_start_matches('-').to_owned()
}

/// The dashboard with the optional alarm. Without it, the dashboard must be valid JSON too.
fn dashboard() -> Value {
    let body = items(&resource("Dashboard").property("DashboardBody")["Fn::Sub"]);
    let condition = items(&body[1]["NoWebhooksAlarm"]["Fn::If"]);
    let [with_alarm, without_alarm] = [text(&condition[1]["Fn::Sub"]), text(&condition[2])];
    let json =
        |optional| serde_json::from_str::<Value>(&text(&body[0]).replace("${NoWebhooksAlarm}", optional)).unwrap();
    json(without_alarm);
    json(with_alarm)
}

/// The metrics of all widgets: lists of namespace, name, dimensions and options.
fn dashboard_metrics() -> Vec<Vec<Value>> {
    let dashboard = dashboard();
    let metrics = find_key(&dashboard, "metrics").into_iter().flat_map(items);
    metrics.map(|metric| items(metric).to_vec()).collect()
}

#[test]
fn each_alarm_says_meaning_and_action_and_links_to_its_section() {
    let longest_url = parameter("RunbookUrl")["MaxLength"].as_u64().and_then(|max| usize::try_from(max).ok()).unwrap();
    for alarm in alarms() {
        assert_eq!(anchor(alarm), kebab_case(alarm.name));
        let sentences = description(alarm).split(". ").count();
        assert_eq!(sentences, 3, "{}: meaning, action, link", alarm.name);
        assert!(description(alarm).len() + longest_url <= MAX_DESCRIPTION, "{}", alarm.name);
    }
}

#[test]
fn each_alarm_notifies_the_topic() {
    for alarm in alarms() {
        let topic = reference("AlarmTopic");
        assert!(items(alarm.property("AlarmActions")).contains(&topic), "{}", alarm.name);
    }
}

#[rstest]
#[case("AlarmEmail", "HasAlarmEmail", "AlarmSubscription")]
#[case("AlarmEmail2", "HasAlarmEmail2", "AlarmSubscription2")]
fn each_address_has_a_subscription(#[case] address: &str, #[case] condition: &str, #[case] subscription: &str) {
    let subscription = resource(subscription);
    assert_eq!(subscription.condition(), Some(condition));
    let is_set = json!({ "Fn::Not": [{ "Fn::Equals": [reference(address), ""] }] });
    assert_eq!(section("Conditions")[condition], is_set);
    assert_eq!(*subscription.property("Endpoint"), reference(address));
    assert_eq!(*subscription.property("TopicArn"), reference("AlarmTopic"));
}

#[test]
fn missing_data_raises_only_the_alarm_for_no_webhooks() {
    for alarm in alarms() {
        let expected = if alarm.name == "NoWebhooks" { "breaching" } else { "notBreaching" };
        assert_eq!(*alarm.property("TreatMissingData"), expected, "{}", alarm.name);
    }
}

#[test]
fn each_alarm_is_on_the_dashboard() {
    let dashboard = dashboard();
    let shown: BTreeSet<&str> = find_key(&dashboard, "alarms").into_iter().flat_map(items).map(text).collect();
    let expected: Vec<String> = alarms().into_iter().map(|alarm| format!("${{{}.Arn}}", alarm.name)).collect();
    assert_eq!(shown, expected.iter().map(String::as_str).collect());
}

#[test]
fn each_function_has_alarms_for_errors_and_throttles() {
    for (metric, names) in [("Errors", &["FunctionErrors", "RelayErrors"][..]), ("Throttles", &["Throttles"])] {
        let watched: BTreeSet<&str> = names.iter().flat_map(|name| functions_watched(name, metric)).collect();
        assert_eq!(watched, function_names(), "{metric}");
    }
}

/// The functions whose metric the alarm watches.
fn functions_watched(alarm: &str, metric: &str) -> Vec<&'static str> {
    let alarm = resource(alarm).body;
    let metrics =
        nodes(alarm).into_iter().filter(|node| node["Namespace"] == "AWS/Lambda" && node["MetricName"] == metric);
    let dimensions = metrics.flat_map(|metric| items(&metric["Dimensions"]));
    dimensions.filter(|dimension| dimension["Name"] == "FunctionName").map(|name| referenced(&name["Value"])).collect()
}

/// The metrics of the functions that alarms and dashboard use.
fn metrics_used() -> BTreeSet<String> {
    let mut used: BTreeSet<String> = nodes(whole())
        .into_iter()
        .filter(|node| node["Namespace"] == own_namespace())
        .filter_map(|metric| metric["MetricName"].as_str().map(str::to_owned))
        .collect();
    for metric in dashboard_metrics() {
        if metric[0] == "${Namespace}" {
            used.insert(text(&metric[1]).to_owned());
        }
    }
    let dashboard = dashboard();
    let expressions = find_key(whole(), "Expression").into_iter().chain(find_key(&dashboard, "expression"));
    for expression in expressions.map(|expression| text(expression.get("Fn::Sub").unwrap_or(expression))) {
        if let Some((_, query)) = expression.split_once("SELECT SUM(") {
            used.insert(query.split(')').next().unwrap().to_owned());
        }
        if let Some((_, query)) = expression.split_once("MetricName=\"") {
            used.insert(query.split('"').next().unwrap().to_owned());
        }
    }
    used
}

/// The metrics that metric filters derive from the access log.
fn filtered_metrics() -> BTreeSet<&'static str> {
    let transformations = find_key(whole(), "MetricTransformations").into_iter().flat_map(items);
    transformations.map(|metric| text(&metric["MetricName"])).collect()
}

#[test]
fn each_metric_used_is_emitted() {
    let (code, filtered) = (sources::code("shared/intake/src/telemetry"), filtered_metrics());
    let used = metrics_used();
    assert!(used.contains("Webhooks") && used.contains("Drift"), "{used:?}");
    let is_emitted = |metric: &str| filtered.contains(metric) || code.contains(&format!("\"{metric}\""));
    let missing: Vec<_> = used.iter().filter(|metric| !is_emitted(metric)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_stack_has_its_own_namespace() {
    assert_eq!(global("Environment")["Variables"]["METRICS_NAMESPACE"], own_namespace());
    assert_eq!(items(&resource("Dashboard").property("DashboardBody")["Fn::Sub"])[1]["Namespace"], own_namespace());
    for namespace in find_key(whole(), "Namespace").into_iter().chain(find_key(whole(), "MetricNamespace")) {
        let is_of_aws = namespace.as_str().is_some_and(|namespace| namespace.starts_with("AWS/"));
        assert!(is_of_aws || *namespace == own_namespace(), "{namespace}");
    }
    let dashboard = dashboard();
    for expression in find_key(whole(), "Expression").into_iter().chain(find_key(&dashboard, "expression")) {
        let text = text(expression.get("Fn::Sub").unwrap_or(expression));
        let is_query = text.contains("SELECT") || text.contains("SEARCH");
        let has_namespace = text.contains("\"XsollaWebhooks/${AWS::StackName}\"") || text.contains("\"${Namespace}\"");
        assert_eq!(is_query, has_namespace, "{text}");
    }
}

#[test]
fn each_outcome_used_is_emitted() {
    let dimensions = nodes(whole()).into_iter().filter(|node| node["Name"] == "outcome");
    let mut used: BTreeSet<String> = dimensions.map(|dimension| text(&dimension["Value"]).to_owned()).collect();
    for metric in dashboard_metrics() {
        let values = metric.windows(2).filter(|pair| pair[0] == "outcome").map(|pair| text(&pair[1]).to_owned());
        used.extend(values);
    }
    assert!(used.contains("accepted") && used.contains("unknown_source"), "{used:?}");
    let emitted: BTreeSet<String> = Outcome::names().map(str::to_owned).collect();
    assert!(used.is_subset(&emitted), "{used:?}");
}

/// Outcomes of requests that need neither a secret nor a key.
const CAUSED_BY_ANYONE: [&str; 7] = [
    "invalid_signature",
    "unverified_unknown_source",
    "wrong_key",
    "body_too_large",
    "undecodable_body",
    "method_not_allowed",
    "encoded_body",
];

/// Alarms about capacity, which a flood of requests can raise. The flood then delays genuine webhooks, too.
const RAISED_BY_FLOODS: [&str; 2] = ["ApiThrottles", "Throttles"];

#[test]
fn no_alarm_counts_what_anyone_can_cause() {
    for alarm in alarms() {
        for node in nodes(alarm.body) {
            let is_outcome = node["Name"] == "outcome";
            assert!(!is_outcome || !CAUSED_BY_ANYONE.contains(&text(&node["Value"])), "{}: {node}", alarm.name);
            // Scanners' requests are answered 503.
            assert!(node["Namespace"] != "AWS/ApiGateway", "{}: {node}", alarm.name);
        }
    }
    assert_eq!(*resource("BadSignatures").property("MetricName"), "BadSignatureFromXsolla");
}

#[test]
fn integration_errors_exclude_what_anyone_can_cause() {
    let pattern = text(resource("IntegrationErrorCount").property("FilterPattern"));
    // An oversized body gets Lambda's 413. Lambda's 429 has an alarm of its own.
    for part in [r#"$.integrationError != "-""#, r#"$.lambdaStatus != "413""#, r#"$.lambdaStatus != "429""#] {
        assert!(pattern.split(" && ").any(|test| test.trim_matches(['{', '}', ' ']) == part), "{pattern}: {part}");
    }
}

#[test]
fn no_flood_rolls_a_deployment_back() {
    let canary = items(&global("DeploymentPreference")["Alarms"]).iter().map(referenced);
    for name in canary {
        assert!(!RAISED_BY_FLOODS.contains(&name), "{name}");
    }
    for name in RAISED_BY_FLOODS {
        assert_eq!(resource(name).kind(), "AWS::CloudWatch::Alarm");
    }
}

/// The metrics of a queue that an alarm reads.
fn queue_metrics(alarm: &str, queue: &str) -> BTreeSet<&'static str> {
    let name = json!([{ "Name": "QueueName", "Value": { "Fn::GetAtt": [queue, "QueueName"] } }]);
    let metrics = nodes(resource(alarm).body).into_iter().filter(|node| node["Dimensions"] == name);
    metrics.map(|metric| text(&metric["MetricName"])).collect()
}

/// A queue that is not empty keeps its alarm raised. Another alarm reports later messages.
#[test]
fn later_dead_letters_and_parked_events_raise_alarms_of_their_own() {
    let (visible, received) = ("ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible");
    assert_eq!(queue_metrics("DeadLetters", "DeadLetterQueue"), BTreeSet::from([visible]));
    // SQS counts no messages as sent that it moves by a redrive policy.
    assert_eq!(queue_metrics("NewDeadLetters", "DeadLetterQueue"), BTreeSet::from([visible, received]));
    let metrics = items(resource("NewDeadLetters").property("Metrics"));
    assert_eq!(metrics[0]["Expression"], "DIFF(FILL(visible, REPEAT) + FILL(received, REPEAT))");

    assert_eq!(queue_metrics("ParkedEvents", "ParkedQueue"), BTreeSet::from([visible]));
    assert_eq!(queue_metrics("NewParkedEvents", "ParkedQueue"), BTreeSet::from(["NumberOfMessagesSent"]));
    assert_eq!(*resource("NewParkedEvents").property("Statistic"), "Sum");
}

fn runbook() -> String {
    sources::file("docs/operations/runbook.md")
}

/// The anchors and texts of the runbook's sections.
fn runbook_sections(runbook: &str) -> Vec<(String, &str)> {
    let sections = runbook.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap());
    // The question of a player, not an alarm.
    let sections = sections.filter(|(heading, _)| *heading != "A player paid and got nothing");
    sections.map(|(heading, text)| (heading.to_lowercase().replace(' ', "-"), text)).collect()
}

#[test]
fn runbook_has_one_section_per_alarm_and_one_for_rollbacks() {
    let mut linked: Vec<&str> = alarms().into_iter().map(anchor).collect();
    let canary = text(&parameter("Canary")["Description"]);
    let (_, link) = canary.split_once("see docs/operations/runbook.md#").unwrap();
    linked.extend(link.split_whitespace().next());
    linked.sort_unstable();

    let runbook = runbook();
    let mut sections: Vec<String> = runbook_sections(&runbook).into_iter().map(|(anchor, _)| anchor).collect();
    sections.sort_unstable();
    assert_eq!(linked, sections);
}

#[test]
fn each_runbook_section_has_meaning_impact_and_first_steps() {
    for (section, text) in runbook_sections(&runbook()) {
        for part in ["**Meaning.**", "**Impact.**", "**First steps.**"] {
            assert!(text.contains(part), "{section}: {part}");
        }
    }
}
