//! `template.yaml` as JSON. CloudFormation's short forms become long ones: `!Ref X` is `{"Ref": "X"}`.

use std::collections::BTreeSet;
use std::iter;
use std::sync::LazyLock;

use saphyr::{LoadableYamlNode, Scalar, Tag, Yaml};
use serde_json::{Value, json};

use super::sources;

static TEMPLATE: LazyLock<Value> =
    LazyLock::new(|| match Yaml::load_from_str(&sources::file("template.yaml")).unwrap().as_slice() {
        [document] => to_json(document),
        documents => panic!("{} documents", documents.len()),
    });

/// One entry of the section `Resources`.
#[derive(Clone, Copy)]
pub struct Resource {
    pub name: &'static str,
    pub body: &'static Value,
}

impl Resource {
    pub fn kind(self) -> &'static str {
        text(&self.body["Type"])
    }

    pub fn condition(self) -> Option<&'static str> {
        self.body["Condition"].as_str()
    }

    /// The value of a property. `Null` if it is missing.
    pub fn property(self, name: &str) -> &'static Value {
        &self.body["Properties"][name]
    }

    pub fn properties(self) -> impl Iterator<Item = (&'static str, &'static Value)> {
        entries(&self.body["Properties"])
    }
}

pub fn whole() -> &'static Value {
    &TEMPLATE
}

/// A top-level section, such as `Parameters`.
pub fn section(name: &str) -> &'static Value {
    TEMPLATE.get(name).unwrap_or_else(|| panic!("section {name} is missing"))
}

/// A setting in `Globals` that applies to all functions.
pub fn global(name: &str) -> &'static Value {
    &section("Globals")["Function"][name]
}

pub fn parameter(name: &str) -> &'static Value {
    section("Parameters").get(name).unwrap_or_else(|| panic!("parameter {name} is missing"))
}

pub fn resources() -> impl Iterator<Item = Resource> {
    entries(section("Resources")).map(|(name, body)| Resource { name, body })
}

pub fn resource(name: &str) -> Resource {
    resources().find(|resource| resource.name == name).unwrap_or_else(|| panic!("resource {name} is missing"))
}

/// All resources of a type, such as `SQS::Queue`. Panics if there are none.
pub fn of_type(kind: &str) -> Vec<Resource> {
    let found: Vec<_> = resources().filter(|resource| resource.kind().strip_prefix("AWS::") == Some(kind)).collect();
    assert!(!found.is_empty(), "no resources of type {kind}");
    found
}

pub fn functions() -> Vec<Resource> {
    of_type("Serverless::Function")
}

pub fn function_names() -> BTreeSet<&'static str> {
    functions().into_iter().map(|function| function.name).collect()
}

/// `!Ref name`
pub fn reference(name: &str) -> Value {
    json!({ "Ref": name })
}

/// The name in a `!Ref`.
pub fn referenced(value: &Value) -> &str {
    text(&value["Ref"])
}

/// The entries of a mapping.
pub fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let mapping = value.as_object().unwrap_or_else(|| panic!("not a mapping: {value}"));
    mapping.iter().map(|(key, value)| (key.as_str(), value))
}

/// The items of a list.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}"))
}

/// The items of a list, or the single value in place of a list.
pub fn one_or_more(value: &Value) -> &[Value] {
    value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice)
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("not a number: {value}"))
}

/// All values with this key, at any depth.
pub fn find_key<'v>(value: &'v Value, key: &str) -> Vec<&'v Value> {
    nodes(value).into_iter().filter_map(|node| node.as_object()?.get(key)).collect()
}

/// The value and all values in it.
pub fn nodes(value: &Value) -> Vec<&Value> {
    let inner: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(entries) => entries.values().collect(),
        _ => Vec::new(),
    };
    iter::once(value).chain(inner.into_iter().flat_map(nodes)).collect()
}

fn to_json(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(scalar) => scalar_to_json(scalar),
        Yaml::Sequence(items) => items.iter().map(to_json).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), to_json(value)));
            Value::Object(entries.collect())
        }
        Yaml::Tagged(tag, value) => long_form(tag, &to_json(value)),
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => panic!("unsupported: {yaml:?}"),
    }
}

fn scalar_to_json(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(boolean) => json!(boolean),
        Scalar::Integer(integer) => json!(integer),
        Scalar::FloatingPoint(float) => json!(float.into_inner()),
        Scalar::String(string) => json!(string),
    }
}

fn long_form(tag: &Tag, value: &Value) -> Value {
    assert_eq!(tag.handle, "!", "unknown tag {tag}");
    match tag.suffix.as_str() {
        "Ref" => json!({ "Ref": value }),
        "GetAtt" => {
            let (resource, attribute) = text(value).split_once('.').unwrap();
            json!({ "Fn::GetAtt": [resource, attribute] })
        }
        function @ ("Equals" | "If" | "Not" | "Select" | "Split" | "Sub") => {
            json!({ format!("Fn::{function}"): value })
        }
        unknown => panic!("unknown function !{unknown}"),
    }
}

#[test]
fn short_forms_become_long_forms() {
    let yaml = "[!Ref A, !GetAtt A.B.C, !Sub '${A}', !If [A, !Ref B, 1]]";
    let json = to_json(&Yaml::load_from_str(yaml).unwrap()[0]);
    let expected = json!([
        { "Ref": "A" },
        { "Fn::GetAtt": ["A", "B.C"] },
        { "Fn::Sub": "${A}" },
        { "Fn::If": ["A", { "Ref": "B" }, 1] },
    ]);
    assert_eq!(json, expected);
}
