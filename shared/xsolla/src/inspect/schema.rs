//! JSON Schemas of the models, for consumers in other languages and for drift.
//!
//! Adding a model means adding a line to `MODELS`.

use std::collections::BTreeSet;

use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use crate::model::{self, Model, ModelError, Payout};
use crate::notification_type::NotificationType;

/// All models of signed types.
pub(crate) const MODELS: &[AnyModel] = &[
    AnyModel::of::<model::AfsBlackList>(),
    AnyModel::of::<model::AfsReject>(),
    AnyModel::of::<model::CancelSubscription>(),
    AnyModel::of::<model::CreateSubscription>(),
    AnyModel::of::<model::Dispute>(),
    AnyModel::of::<model::MoveToGame>(),
    AnyModel::of::<model::NonRenewalSubscription>(),
    AnyModel::of::<model::OrderCanceled>(),
    AnyModel::of::<model::OrderPaid>(),
    AnyModel::of::<model::PartialRefund>(),
    AnyModel::of::<model::PartnerSideCatalog>(),
    AnyModel::of::<model::Payment>(),
    AnyModel::of::<model::PaymentAccountAdd>(),
    AnyModel::of::<model::PaymentAccountRemove>(),
    AnyModel::of::<model::PaymentDuplicateReject>(),
    AnyModel::of::<model::PsDeclined>(),
    AnyModel::of::<model::Refund>(),
    AnyModel::of::<model::UpdateSubscription>(),
    AnyModel::of::<model::UserSearch>(),
    AnyModel::of::<model::UserValidation>(),
];

/// The functions of one model.
pub(crate) struct AnyModel {
    pub(crate) name: &'static str,
    schema: fn(&mut SchemaGenerator) -> Schema,
    pub(crate) parse: fn(&str) -> Result<(), ModelError>,
}

impl AnyModel {
    const fn of<M: Model + JsonSchema>() -> Self {
        Self {
            name: M::TYPE,
            schema: SchemaGenerator::subschema_for::<M>,
            parse: |notification| M::from_json(notification).map(drop),
        }
    }
}

/// Returns whether the type has a model that can parse the notification.
pub(crate) fn can_parse(type_name: &str, notification: &str) -> bool {
    if type_name == NotificationType::PAYOUT.name() {
        return Payout::from_json(notification).is_ok();
    }
    MODELS.iter().any(|model| model.name == type_name && (model.parse)(notification).is_ok())
}

/// Generates the schema of each type that has a model, in alphabetical order, and of payouts. Shared definitions are added to
/// the generator.
///
/// A schema accepts what its model accepts: few properties are `required`, additional ones are allowed, and a value that can
/// be a string or a number allows both. Three keywords are extensions: `x-always-sent` marks a property that Xsolla documents
/// as always sent, `x-extensible-enum` lists the known values of an open enum, and `x-pii` marks personal data.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::inspect::schemas;
///
/// let mut generator = schemars::SchemaGenerator::default();
/// let schemas = schemas(&mut generator);
/// let definitions = generator.take_definitions(true);
///
/// let (_, payment) = schemas.iter().find(|(known, _)| known.name() == "payment").unwrap();
/// assert_eq!(payment.get("$ref").unwrap(), "#/$defs/Payment");
/// assert!(definitions["Payment"]["properties"]["transaction"].is_object());
/// ```
pub fn schemas(generator: &mut SchemaGenerator) -> Vec<(NotificationType, Schema)> {
    let foreign: BTreeSet<String> = generator.definitions().keys().cloned().collect();
    let schemas = MODELS.iter().filter_map(|model| {
        let mut schema = (model.schema)(generator);
        let type_constant = json_schema!({
            "type": "object",
            "properties": { "notification_type": { "const": model.name } },
            "required": ["notification_type"],
        });
        schema.ensure_object().append(&mut type_constant.to_value().as_object()?.clone());
        Some((model.name.parse().ok()?, schema))
    });
    let mut schemas: Vec<_> = schemas.collect();
    // A payout has no `notification_type`, so its schema requires none.
    schemas.push((NotificationType::PAYOUT, generator.subschema_for::<Payout>()));
    for (name, definition) in generator.definitions_mut() {
        if foreign.contains(name) {
            continue;
        }
        if let Ok(definition) = <&mut Schema>::try_from(definition) {
            allow_empty_array(definition);
            plain_descriptions(definition);
        }
    }
    schemas
}

/// Allows `[]` in place of an object: PHP writes an empty object as `[]`, and the models accept it.
fn allow_empty_array(schema: &mut Schema) {
    if schema.get("type").is_some_and(|kind| kind == "object") {
        schema.insert("type".to_owned(), json!(["object", "array"]));
        schema.insert("maxItems".to_owned(), json!(0));
    }
}

/// Removes Rust-specific content from a generated schema: links to Rust items and line breaks in descriptions, and default
/// values. A missing field is not the same as a field with the default of a Rust type.
pub fn plain_descriptions(schema: &mut Schema) {
    RecursiveTransform(plain_description).transform(schema);
}

fn plain_description(schema: &mut Schema) {
    schema.remove("default");
    if let Some(description) = schema.get("description").and_then(|text| text.as_str()) {
        let paragraph = |lines: &str| without_links(&lines.split_whitespace().collect::<Vec<_>>().join(" "));
        let description = description.split("\n\n").map(paragraph).collect::<Vec<_>>().join("\n\n");
        schema.insert("description".to_owned(), json!(description));
    }
}

/// Replaces `[text](target)` and `[text]` by the text, except for links to https addresses.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, label, after)) = next_link(rest) {
        plain.push_str(before);
        rest = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((address, after)) if address.starts_with("https://") => {
                plain.extend(["[", label, "](", address, ")"]);
                after
            }
            Some((_, after)) => {
                plain.push_str(label);
                after
            }
            None => {
                plain.push_str(if label.is_empty() { "[]" } else { label });
                after
            }
        };
    }
    plain.push_str(rest);
    plain
}

/// Splits the text at the next `[label]`.
fn next_link(text: &str) -> Option<(&str, &str, &str)> {
    let (before, link) = text.split_once('[')?;
    let (label, after) = link.split_once(']')?;
    Some((before, label, after))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde_json::Value;

    use super::*;
    use crate::samples;

    fn definitions() -> BTreeMap<String, Value> {
        let mut generator = SchemaGenerator::default();
        schemas(&mut generator);
        generator.take_definitions(true).into_iter().collect()
    }

    /// Returns the types as which the models can parse a body.
    fn types_of(body: &str) -> Vec<&'static str> {
        let types = MODELS.iter().filter_map(|model| match (model.parse)(body) {
            Ok(()) => Some(model.name),
            Err(error) => {
                assert!(error.is_other_type(), "{error}");
                None
            }
        });
        types.collect()
    }

    #[test]
    fn only_the_model_of_its_type_parses_a_sample() {
        for sample in samples::ALL {
            let stem = sample.name.split('-').next().unwrap();
            let is_deprecated = stem.parse::<NotificationType>().unwrap().is_deprecated();
            let expected: &[_] = if is_deprecated { &[] } else { &[stem] };
            assert_eq!(types_of(sample.body), expected, "{}", sample.name);
        }
    }

    #[test]
    fn every_current_type_has_a_schema() {
        let modelled: Vec<&str> =
            schemas(&mut SchemaGenerator::default()).iter().map(|(known, _)| known.name()).collect();
        let mut current: Vec<&str> =
            NotificationType::ALL.iter().filter(|known| !known.is_deprecated()).map(|known| known.name()).collect();
        current.sort_unstable();
        current.push(NotificationType::PAYOUT.name());
        assert_eq!(modelled, current);
    }

    #[test]
    fn schema_requires_its_notification_type() {
        let schemas = schemas(&mut SchemaGenerator::default());
        let (_, refund) = schemas.iter().find(|(known, _)| known.name() == "refund").unwrap();
        let expected = json!({
            "$ref": "#/$defs/Refund",
            "type": "object",
            "properties": { "notification_type": { "const": "refund" } },
            "required": ["notification_type"],
        });
        assert_eq!(refund.as_value(), &expected);
    }

    #[test]
    fn schema_accepts_what_its_model_accepts() {
        let definitions = definitions();
        let paid = &definitions["OrderPaid"];
        assert_eq!(paid["required"], json!(["order", "items", "user"]));
        assert_eq!(definitions["Order"].get("required"), None);
        for (definition, property, keyword, expected) in [
            ("Order", "id", "anyOf", json!([{ "$ref": "#/$defs/Id" }, { "type": "null" }])),
            ("Order", "id", "x-always-sent", json!(true)),
            ("Order", "coupons", "x-always-sent", Value::Null),
            ("Order", "coupons", "type", json!(["array", "null"])),
            ("Order", "amount", "type", json!(["number", "string", "null"])),
            ("Item", "quantity", "type", json!(["integer", "string", "null"])),
            ("User", "country", "type", json!(["string", "null"])),
            ("Transaction", "dry_run", "enum", json!([true, false, 1, 0, "1", "0", "true", "false", "", null])),
        ] {
            assert_eq!(definitions[definition]["properties"][property][keyword], expected, "{definition}.{property}");
        }
        assert_eq!(
            (&definitions["User"]["type"], &definitions["User"]["maxItems"]),
            (&json!(["object", "array"]), &json!(0))
        );
        assert_eq!(definitions["OrderMode"]["x-extensible-enum"], json!(["default", "sandbox"]));
        assert_eq!(definitions["RefundCode"]["x-extensible-enum"][12], "13");
    }

    #[test]
    fn foreign_definitions_are_not_changed() {
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only its schema is used")]
        struct Message {
            /// See [`Id`](crate::model::Id).
            id: String,
        }
        let mut generator = SchemaGenerator::default();
        generator.subschema_for::<Message>();
        let before = generator.definitions()["Message"].clone();
        schemas(&mut generator);
        assert_eq!(generator.definitions()["Message"], before);
    }

    #[test]
    fn descriptions_have_no_rust_in_them() {
        for (name, definition) in definitions() {
            assert!(definition["description"].is_string(), "{name}");
            for property in definition["properties"].as_object().into_iter().flatten() {
                assert!(property.1["description"].is_string() || name == "Id", "{name}.{}", property.0);
            }
            let text = definition.to_string();
            for rust in ["::", "`None`", "`Other`", "[`", "](s", "](S", "](c", "default\":"] {
                assert!(!text.contains(rust), "{rust} in {text}");
            }
        }
        for (text, plain) in [
            ("the [`event`](Self::event) has it", "the `event` has it"),
            ("Orders have [another](super::OrderUser).", "Orders have another."),
            ("[as `x`](https://example.com/x) and [`y`]", "[as `x`](https://example.com/x) and `y`"),
            ("of `items[].type` (any) [", "of `items[].type` (any) ["),
        ] {
            assert_eq!(without_links(text), plain);
        }
    }
}
