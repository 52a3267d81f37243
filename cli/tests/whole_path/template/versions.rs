//! Version descriptions. SAM does not detect a parameter's new value, and Lambda does not publish an unchanged version.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{functions, global, items, nodes, parameter, section, text};

/// Lambda's limit.
const MAX_DESCRIPTION: usize = 256;

#[test]
fn version_description_has_all_parameters_of_its_function() {
    for function in functions() {
        let mut used = parameters_in(global("Environment"));
        let mut described = BTreeSet::new();
        for (property, value) in function.properties() {
            match property {
                "VersionDescription" => described = parameters_in(value),
                // A setting of the function, not of a version.
                "ReservedConcurrentExecutions" => {}
                _ => used.extend(parameters_in(value)),
            }
        }
        assert_eq!(described, used, "{}", function.name);
    }
}

#[test]
fn version_description_fits_its_limit() {
    for function in functions() {
        let described = parameters_in(function.property("VersionDescription"));
        let length: usize = described.iter().map(|parameter| max_length(parameter) + 1).sum();
        assert!(length <= MAX_DESCRIPTION, "{}: {length}", function.name);
    }
}

/// The parameters that a value depends on, directly or through a condition.
fn parameters_in(value: &Value) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for node in nodes(value) {
        if let Some(name) = node.get("Ref") {
            found.insert(text(name));
        }
        if let Some(substitution) = node.get("Fn::Sub") {
            let template = substitution.as_str().unwrap_or_else(|| text(&items(substitution)[0]));
            let variables = template.split("${").skip(1).filter_map(|rest| rest.split(['}', '.']).next());
            found.extend(variables);
        }
        if let Some(branches) = node.get("Fn::If") {
            found.extend(parameters_in(&section("Conditions")[text(&items(branches)[0])]));
        }
    }
    found.retain(|name| section("Parameters").get(name).is_some());
    found
}

/// The length of the parameter's longest value.
fn max_length(name: &str) -> usize {
    let parameter = parameter(name);
    let printed = |value: &Value| value.as_str().map_or_else(|| value.to_string().len(), str::len);
    if let Some(length) = parameter["MaxLength"].as_u64() {
        return usize::try_from(length).unwrap();
    }
    let allowed = parameter["AllowedValues"].as_array().and_then(|values| values.iter().map(printed).max());
    allowed.or_else(|| parameter.get("MaxValue").map(printed)).unwrap_or_else(|| panic!("{name} requires a MaxLength"))
}
