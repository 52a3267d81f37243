//! Choices of the person who deploys, and the outputs for operators.

use std::collections::BTreeSet;
use std::process::Command;

use intake::accept::SourcePolicy;
use intake::settings::WebhookSettings;
use rstest::rstest;
use serde_json::json;

use super::document::{functions, global, nodes, parameter, reference, resource, resources, section, text};
use super::sources;

#[test]
fn source_addresses_are_reported_by_default() {
    let parameter = parameter("SourceAddresses");
    assert_eq!(parameter["AllowedValues"], json!(["report", "enforce"]));
    assert_eq!(parameter["Default"], "report");
}

#[rstest]
#[case("report", false)]
#[case("enforce", true)]
fn functions_accept_each_choice_of_source_addresses(#[case] choice: &str, #[case] enforced: bool) {
    let variable = |name: &str| match name {
        "TABLE_NAME" | "XSOLLA_SECRET_ID" => Some("any".to_owned()),
        "SOURCE_ADDRESSES" => Some(choice.to_owned()),
        "SOURCE_RANGES" => Some(String::new()),
        _ => None,
    };
    let sources = WebhookSettings::read(&variable, false).unwrap().sources;
    assert_eq!(sources, SourcePolicy { enforced, ..SourcePolicy::default() });
}

#[rstest]
#[case("SOURCE_ADDRESSES", "SourceAddresses")]
#[case("SOURCE_RANGES", "SourceRanges")]
fn functions_receive_source_settings(#[case] variable: &str, #[case] parameter: &str) {
    assert_eq!(global("Environment")["Variables"][variable], reference(parameter));
}

#[test]
fn url_of_the_endpoint_is_only_in_its_secret() {
    assert_eq!(parameter("EndpointUrl")["NoEcho"], true);
    let url = reference("EndpointUrl");
    let names = |value| nodes(value).into_iter().any(|node| *node == url || node.as_str().is_some_and(names_url));
    let users: Vec<&str> = resources().filter(|resource| names(resource.body)).map(|resource| resource.name).collect();
    assert_eq!(users, ["EndpointAddress"]);
    assert_eq!(*resource("EndpointAddress").property("SecretString"), url);
    for section_name in ["Conditions", "Globals", "Outputs"] {
        assert!(!names(section(section_name)), "{section_name}");
    }
}

/// Whether a text to substitute contains the URL.
fn names_url(text: &str) -> bool {
    text.contains("${EndpointUrl}")
}

#[test]
fn directory_endpoint_requires_a_url() {
    let rule = &section("Rules")["EndpointRequiresUrl"];
    let has_url =
        json!({ "Fn::Not": [{ "Fn::Equals": [reference("EndpointUrl"), parameter("EndpointUrl")["Default"]] }] });
    assert_eq!(rule["RuleCondition"], section("Conditions")["HasEndpoint"]);
    assert_eq!(rule["Assertions"][0]["Assert"], has_url);
}

#[test]
fn functions_that_answer_questions_read_the_url_of_the_endpoint() {
    for function in functions() {
        let variables = &function.property("Environment")["Variables"];
        let expected = json!({ "Fn::If": ["HasEndpoint", reference("EndpointAddress"), reference("AWS::NoValue")] });
        let is_read = variables.get("ENDPOINT_URL_SECRET_ID").is_some_and(|secret| *secret == expected);
        assert_eq!(is_read, variables.get("USER_DIRECTORY").is_some(), "{}", function.name);
    }
}

#[rstest]
#[case("", "")]
#[case("short-secret", "")]
#[case("                ", "")]
#[case("hV4qTz81LmKcW9xR", r#"{"secrets":["hV4qTz81LmKcW9xR"]}"#)]
fn set_secret_command_stores_no_short_secret(#[case] secret: &str, #[case] stored: &str) {
    let command = text(&section("Outputs")["SetSecretCommand"]["Value"]["Fn::Sub"]);
    let command = command.replace("${AWS::Region}", "eu-central-1").replace("${XsollaSecret}", "arn");
    // In place of the AWS CLI: prints the last argument.
    let script = format!("aws() {{ shift $(($# - 1)); printf %s \"$1\"; }}; {command}");
    let output = Command::new("sh").args(["-c", &script]).env("SECRET", secret).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), stored);
    assert_eq!(output.status.success(), !stored.is_empty());
}

#[test]
fn cli_environment_has_all_variables_of_the_commands() {
    let output = text(&section("Outputs")["CliEnvironment"]["Value"]["Fn::Sub"]);
    let code = sources::code("cli/src");
    let arguments: BTreeSet<&str> = code.split("env = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(arguments.contains("TABLE_NAME"), "{arguments:?}");
    for variable in arguments.into_iter().chain(["XSOLLA_SECRET_ID", "PSEUDONYM_KEY_SECRET_ID"]) {
        assert!(output.contains(&format!("{variable}=${{")), "{variable}");
    }
}
