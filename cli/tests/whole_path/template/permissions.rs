//! IAM policies and the permissions boundary.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::document::{
    Resource, entries, find_key, functions, items, nodes, of_type, one_or_more, reference, resource, resources, text,
};

const BOUNDARY: &str = "PermissionsBoundary";

/// All resources except the key, in whose policy * means the key itself.
fn all_but_key() -> impl Iterator<Item = Resource> {
    resources().filter(|resource| resource.name != "AlarmKey")
}

/// The statements of all policies in a resource. A conditional statement counts.
fn statements(resource: Resource) -> Vec<&'static Value> {
    find_key(resource.body, "Statement").into_iter().flat_map(items).map(if_true).collect()
}

/// The value that applies if its condition is true.
fn if_true(value: &Value) -> &Value {
    value.get("Fn::If").map_or(value, |branches| &items(branches)[1])
}

fn actions(statement: &Value) -> BTreeSet<&str> {
    one_or_more(&statement["Action"]).iter().map(text).collect()
}

/// The resources of a statement. A conditional resource counts.
fn targets(statement: &Value) -> Vec<&Value> {
    one_or_more(&statement["Resource"]).iter().map(if_true).collect()
}

#[test]
fn no_action_has_a_wildcard() {
    for resource in all_but_key() {
        for action in find_key(resource.body, "Action").into_iter().flat_map(one_or_more) {
            assert!(!text(action).contains('*'), "{}: {action}", resource.name);
        }
        for negation in ["NotAction", "NotResource"] {
            assert!(find_key(resource.body, negation).is_empty(), "{}: {negation}", resource.name);
        }
    }
}

#[test]
fn only_actions_without_resource_level_permissions_apply_to_all_resources() {
    let mut found = Vec::new();
    for resource in all_but_key() {
        for statement in statements(resource) {
            if nodes(&statement["Resource"]).into_iter().any(|node| node == "*") {
                found.push(resource.name);
                for action in actions(statement) {
                    assert!(
                        action == "dynamodb:ListStreams" || action.starts_with("xray:"),
                        "{}: {action}",
                        resource.name
                    );
                }
            }
        }
    }
    assert_eq!(found, [BOUNDARY, "Relay"]);
    assert_eq!(find_key(resource("Relay").body, "Resource").iter().filter(|target| **target == "*").count(), 1);
}

/// The policies of a function: its own statements, and those of its managed policies.
fn granted(function: Resource) -> Vec<&'static Value> {
    let policies = items(function.property("Policies")).iter().map(if_true);
    let managed = policies.filter_map(|policy| policy.get("Ref").map(text)).flat_map(|name| statements(resource(name)));
    statements(function).into_iter().chain(managed).collect()
}

#[test]
fn each_function_may_read_exactly_the_secrets_of_its_variables() {
    for function in functions() {
        let variables = entries(&function.property("Environment")["Variables"]);
        let secrets = variables.filter(|(name, _)| name.ends_with("_SECRET_ID"));
        let named: BTreeSet<String> = secrets.map(|(_, secret)| if_true(secret).to_string()).collect();
        let readable: BTreeSet<String> = granted(function)
            .into_iter()
            .filter(|statement| actions(statement).contains("secretsmanager:GetSecretValue"))
            .flat_map(targets)
            .map(Value::to_string)
            .collect();
        assert_eq!(readable, named, "{}", function.name);
    }
}

#[test]
fn users_are_hashed_with_a_key_of_its_own() {
    for function in functions().into_iter().filter(|function| function.name != "Relay") {
        let variables = &function.property("Environment")["Variables"];
        assert_eq!(variables["PSEUDONYM_KEY_SECRET_ID"], reference("PseudonymKey"), "{}", function.name);
    }
    let generated = json!({ "PasswordLength": 43, "ExcludePunctuation": true });
    assert_eq!(*resource("PseudonymKey").property("GenerateSecretString"), generated);
}

#[test]
fn boundary_allows_everything_that_is_granted() {
    let boundary = statements(resource(BOUNDARY));
    let policies = of_type("IAM::ManagedPolicy").into_iter().filter(|policy| policy.name != BOUNDARY);
    let mut granted = BTreeSet::new();
    for resource in functions().into_iter().chain(policies) {
        for statement in statements(resource) {
            for action in actions(statement) {
                granted.insert(action);
                for target in targets(statement) {
                    let is_allowed = boundary.iter().any(|limit| {
                        actions(limit).contains(action)
                            && targets(limit).into_iter().any(|allowed| allowed == target || allowed == "*")
                    });
                    assert!(is_allowed, "{}: {action} on {target}", resource.name);
                }
            }
        }
    }
    assert!(granted.contains("dynamodb:PutItem") && granted.contains("sqs:SendMessage"), "{granted:?}");

    // SAM adds the policies for logs and traces. Key policies grant what encryption requires.
    let allowed: BTreeSet<&str> = boundary.into_iter().flat_map(actions).collect();
    let not_granted: BTreeSet<&str> = allowed.difference(&granted).copied().collect();
    let services: BTreeSet<&str> = not_granted.iter().map(|action| action.split(':').next().unwrap()).collect();
    assert_eq!(services, BTreeSet::from(["kms", "logs", "xray"]), "{not_granted:?}");
}
