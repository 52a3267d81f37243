//! Unsigned routes: off by default, and separate from signed webhooks.

use intake::unsigned::MIN_KEY_LEN;
use rstest::rstest;
use serde_json::json;

use super::document::{nodes, number, parameter, reference, resource, section};

const CONDITION: &str = "HasUnsignedRoutes";

#[test]
fn unsigned_routes_are_off_by_default() {
    let parameter = parameter("UnsignedRoutes");
    assert_eq!(parameter["Default"], "off");
    assert_eq!(parameter["AllowedValues"], json!(["off", "on"]));
    assert_eq!(section("Conditions")[CONDITION], json!({ "Fn::Equals": [reference("UnsignedRoutes"), "on"] }));
}

#[rstest]
#[case("Unsigned", "AWS::Serverless::Function")]
#[case("UnsignedPathKey", "AWS::SecretsManager::Secret")]
fn resource_exists_only_with_unsigned_routes(#[case] name: &str, #[case] kind: &str) {
    let resource = resource(name);
    assert_eq!((resource.kind(), resource.condition()), (kind, Some(CONDITION)));
}

#[rstest]
#[case("XsollaSecret")]
#[case("StoreEvents")]
fn unsigned_function_does_not_use(#[case] name: &str) {
    let function = resource("Unsigned").body;
    assert!(nodes(function).into_iter().filter_map(|node| node.as_str()).all(|text| !text.contains(name)));
}

#[test]
fn path_key_is_long_enough() {
    let length = number(&resource("UnsignedPathKey").property("GenerateSecretString")["PasswordLength"]);
    assert!(usize::try_from(length).unwrap() >= MIN_KEY_LEN);
}
