//! The API: the only public endpoint, its access log, and its own answers.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use xsolla::Answer;

use super::document::{find_key, nodes, of_type, reference, resource, resources, text, whole};

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
    for principal in find_key(whole(), "Principal") {
        assert!(nodes(principal).into_iter().all(|node| node != "*"), "{principal}");
    }
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
