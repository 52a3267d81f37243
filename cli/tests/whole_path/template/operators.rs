//! Choices of the person who deploys, and the outputs for operators.

use std::collections::BTreeSet;

use intake::accept::SourcePolicy;
use intake::settings::WebhookSettings;
use rstest::rstest;
use serde_json::json;

use super::document::{global, parameter, reference, section, text};
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
fn cli_environment_has_all_variables_of_the_commands() {
    let output = text(&section("Outputs")["CliEnvironment"]["Value"]["Fn::Sub"]);
    let code = sources::code("cli/src");
    let arguments: BTreeSet<&str> = code.split("env = \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(arguments.contains("TABLE_NAME"), "{arguments:?}");
    for variable in arguments.into_iter().chain(["XSOLLA_SECRET_ID", "PSEUDONYM_KEY_SECRET_ID"]) {
        assert!(output.contains(&format!("{variable}=${{")), "{variable}");
    }
}
