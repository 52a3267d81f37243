//! The API: the only public endpoint, its access log, and its own answers.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use xsolla::{Answer, SourceRanges};

use super::document::{
    find_key, global, items, nodes, number, of_type, parameter, reference, resource, resources, section, text, whole,
};

#[test]
fn only_the_api_is_public() {
    let kinds: BTreeSet<&str> = resources().map(|resource| resource.kind().strip_prefix("AWS::").unwrap()).collect();
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
        "Logs::MetricFilter",
        "SNS::Subscription",
        "SNS::Topic",
        "SQS::Queue",
        "SecretsManager::Secret",
        "Serverless::Api",
        "Serverless::Function",
    ]);
    assert_eq!(kinds, expected, "new resource type: check whether it is public");
    assert_eq!(of_type("Serverless::Api").len(), 1);
    assert!(find_key(whole(), "FunctionUrlConfig").is_empty());
    let public = find_key(whole(), "Principal").into_iter().filter(|principal| nodes(principal).contains(&&json!("*")));
    assert_eq!(public.count(), find_key(resource("WebhookApi").body, "Principal").len(), "something else is public");
}

/// The addresses that the API's policy allows.
fn allowed_addresses() -> &'static Value {
    let statements = items(&resource("WebhookApi").property("Auth")["ResourcePolicy"]["CustomStatements"]);
    let [statement] = statements else { panic!("{} statements", statements.len()) };
    assert_eq!((&statement["Effect"], &statement["Action"]), (&json!("Allow"), &json!("execute-api:Invoke")));
    &statement["Condition"]["IpAddress"]["aws:SourceIp"]
}

#[test]
fn policy_allows_all_addresses_unless_enforced() {
    let branches = items(&allowed_addresses()["Fn::If"]);
    assert_eq!(branches[0], "EnforcesSources");
    assert_eq!(
        section("Conditions")["EnforcesSources"],
        json!({ "Fn::Equals": [reference("SourceAddresses"), "enforce"] })
    );
    assert_eq!(branches[2], json!(["0.0.0.0/0", "::/0"]));
}

#[test]
fn policy_enforces_the_ranges_of_the_functions() {
    let enforced = items(&items(&allowed_addresses()["Fn::If"])[1]["Fn::If"]);
    assert_eq!(enforced[0], "HasSourceRanges");
    assert_eq!(enforced[1], json!({ "Fn::Split": [",", reference("SourceRanges")] }));

    let listed: Vec<&str> = items(&enforced[2]).iter().map(text).collect();
    let ranges: SourceRanges = listed.join(",").parse().unwrap();
    assert_eq!(ranges, SourceRanges::published());
}

#[test]
fn each_path_is_throttled() {
    let rate = reference("ThrottleRate");
    let settings = json!([{
        "ResourcePath": "/*",
        "HttpMethod": "*",
        "ThrottlingRateLimit": rate,
        "ThrottlingBurstLimit": rate,
    }]);
    assert_eq!(*resource("WebhookApi").property("MethodSettings"), settings);
}

/// A hanging function occupies an execution until its timeout.
#[test]
fn flood_of_one_path_leaves_most_of_the_concurrency() {
    let executions = number(&parameter("ThrottleRate")["Default"]) * number(global("Timeout"));
    assert!(executions <= 1_000 / 5, "{executions} of Lambda's default quota");
}

#[test]
fn source_ranges_have_no_spaces() {
    // API Gateway's policy would be invalid, and the deployment would fail.
    assert_eq!(parameter("SourceRanges")["AllowedPattern"], "([0-9A-Fa-f.:/]+(,[0-9A-Fa-f.:/]+)*)?");
}

#[test]
fn access_log_has_no_body_address_or_key() {
    let format = text(&resource("WebhookApi").property("AccessLogSetting")["Format"]);
    let expected = json!({
        "requestId": "$context.requestId",
        "time": "$context.requestTime",
        "method": "$context.httpMethod",
        "resourcePath": "$context.resourcePath",
        "status": "$context.status",
        "responseLatency": "$context.responseLatency",
        "responseType": "$context.error.responseType",
        "lambdaStatus": "$context.integration.status",
        "integrationError": "$context.integration.error",
    });
    assert_eq!(serde_json::from_str::<Value>(format).unwrap(), expected);
}

#[test]
fn metric_filters_read_fields_of_the_access_log() {
    let format = text(&resource("WebhookApi").property("AccessLogSetting")["Format"]);
    let fields: Value = serde_json::from_str(format).unwrap();
    for filter in of_type("Logs::MetricFilter") {
        assert_eq!(*filter.property("LogGroupName"), reference("ApiLogs"), "{}", filter.name);
        let pattern = text(filter.property("FilterPattern"));
        let read: Vec<&str> = pattern.split("$.").skip(1).map(|rest| rest.split(' ').next().unwrap()).collect();
        assert!(!read.is_empty() && read.iter().all(|field| fields[field].is_string()), "{}: {read:?}", filter.name);
    }
}

#[test]
fn execution_log_is_off() {
    for setting in ["DataTraceEnabled", "LoggingLevel"] {
        assert!(find_key(whole(), setting).is_empty(), "{setting} logs whole requests");
    }
}

#[test]
fn gateway_answers_its_own_4xx_as_the_functions_answer_503() {
    let answer = Answer::ServiceUnavailable;
    let response = json!({
        "StatusCode": answer.status(),
        "ResponseTemplates": { "application/json": answer.body().unwrap() },
    });
    assert_eq!(*resource("WebhookApi").property("GatewayResponses"), json!({ "DEFAULT_4XX": response }));
}
