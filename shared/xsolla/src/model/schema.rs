//! What the models accept, as JSON Schema: for who reads the queue in another language, and to find what changes.
//!
//! The models are listed here: a new one needs a line in `MODELS`.

use std::collections::BTreeSet;

use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::{Model, ModelError, Payout};
use crate::NotificationType;

/// Every model.
pub(super) const MODELS: &[AnyModel] = &[
    AnyModel::of::<super::AfsBlackList>(),
    AnyModel::of::<super::AfsReject>(),
    AnyModel::of::<super::CancelSubscription>(),
    AnyModel::of::<super::CreateSubscription>(),
    AnyModel::of::<super::Dispute>(),
    AnyModel::of::<super::MoveToGame>(),
    AnyModel::of::<super::NonRenewalSubscription>(),
    AnyModel::of::<super::OrderCanceled>(),
    AnyModel::of::<super::OrderPaid>(),
    AnyModel::of::<super::PartialRefund>(),
    AnyModel::of::<super::PartnerSideCatalog>(),
    AnyModel::of::<super::Payment>(),
    AnyModel::of::<super::PaymentAccountAdd>(),
    AnyModel::of::<super::PaymentAccountRemove>(),
    AnyModel::of::<super::PsDeclined>(),
    AnyModel::of::<super::Refund>(),
    AnyModel::of::<super::UpdateSubscription>(),
    AnyModel::of::<super::UserSearch>(),
    AnyModel::of::<super::UserValidation>(),
];

/// Keyword: the values that are known today of a list that may grow, hence no `enum`.
pub(crate) const KNOWN_VALUES: &str = "x-values";

/// Keyword of a value: it is about a person, or written by one.
pub(crate) const PERSONAL: &str = "x-personal";
/// Keyword of a property: Xsolla documents it as always sent. `required` has only what the model cannot do without.
pub(crate) const ALWAYS_SENT: &str = "x-always";

/// A model, whichever it is.
pub(super) struct AnyModel {
    pub(super) name: &'static str,
    schema: fn(&mut SchemaGenerator) -> Schema,
    pub(super) read: fn(&str) -> Result<(), ModelError>,
}

impl AnyModel {
    const fn of<M: Model>() -> Self {
        Self {
            name: M::TYPE,
            schema: SchemaGenerator::subschema_for::<M>,
            read: |notification| M::read(notification).map(drop),
        }
    }
}

/// Whether the type has a model that reads the notification.
pub(crate) fn can_read(type_name: &str, notification: &str) -> bool {
    if type_name == NotificationType::PAYOUT.name() {
        return Payout::read(notification).is_ok();
    }
    MODELS.iter().any(|model| model.name == type_name && (model.read)(notification).is_ok())
}

/// The schema of each type that has a model, in alphabetical order, and of payouts, which have no type. What they share
/// goes into the generator's definitions.
///
/// The schemas take what the models take. So almost nothing is `required`, nothing is forbidden that is not listed, and a
/// value that may be a string or a number is both. Two keywords are our own: `x-always` marks a property that Xsolla
/// documents as always sent, and `x-values` has the known values of a list that may grow.
///
/// ```
/// let mut generator = schemars::SchemaGenerator::default();
/// let schemas = xsolla::model::schemas(&mut generator);
/// let definitions = generator.take_definitions(true);
///
/// let (_, payment) = schemas.iter().find(|(known, _)| known.name() == "payment").unwrap();
/// assert_eq!(payment.get("$ref").unwrap(), "#/$defs/Payment");
/// assert!(definitions["Payment"]["properties"]["transaction"].is_object());
/// ```
pub fn schemas(generator: &mut SchemaGenerator) -> Vec<(NotificationType, Schema)> {
    let others: BTreeSet<String> = generator.definitions().keys().cloned().collect();
    let schemas = MODELS.iter().filter_map(|model| {
        let mut schema = (model.schema)(generator);
        let of_the_type = json_schema!({
            "type": "object",
            "properties": { "notification_type": { "const": model.name } },
            "required": ["notification_type"],
        });
        schema.ensure_object().append(&mut of_the_type.to_value().as_object()?.clone());
        Some((NotificationType::named(model.name)?, schema))
    });
    let mut schemas: Vec<_> = schemas.collect();
    // Nothing in it says what it is, so nothing is required of it.
    schemas.push((NotificationType::PAYOUT, generator.subschema_for::<Payout>()));
    for (name, definition) in generator.definitions_mut() {
        if !others.contains(name)
            && let Ok(definition) = <&mut Schema>::try_from(definition)
        {
            take_an_empty_array(definition);
            without_rust(definition);
        }
    }
    schemas
}

/// PHP writes an empty object as `[]`, and the models read it.
fn take_an_empty_array(schema: &mut Schema) {
    if schema.get("type").is_some_and(|kind| kind == "object") {
        schema.insert("type".to_owned(), json!(["object", "array"]));
        schema.insert("maxItems".to_owned(), json!(0));
    }
}

/// Makes documentation written for Rust readable outside of it.
pub fn without_rust(schema: &mut Schema) {
    RecursiveTransform(say_it_without_rust).transform(schema);
}

/// Descriptions are the models' documentation: its line breaks and its links to Rust items go. So do defaults, since a
/// missing field is not the same as one that holds the model's default.
fn say_it_without_rust(schema: &mut Schema) {
    schema.remove("default");
    if let Some(description) = schema.get("description").and_then(|text| text.as_str()) {
        let paragraph = |lines: &str| without_links(&lines.split_whitespace().collect::<Vec<_>>().join(" "));
        let description = description.split("\n\n").map(paragraph).collect::<Vec<_>>().join("\n\n");
        schema.insert("description".to_owned(), json!(description));
    }
}

/// Leaves of `[text](target)` the text, unless the target is an address on the web; and of `[text]`.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[')
        && let Some((label, after)) = link.split_once(']')
    {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde_json::Value;

    use super::*;

    fn definitions() -> BTreeMap<String, Value> {
        let mut generator = SchemaGenerator::default();
        schemas(&mut generator);
        generator.take_definitions(true).into_iter().collect()
    }

    #[test]
    fn every_type_that_xsolla_has_not_withdrawn_has_one() {
        let modelled: Vec<&str> =
            schemas(&mut SchemaGenerator::default()).iter().map(|(known, _)| known.name()).collect();
        let mut current: Vec<&str> =
            NotificationType::ALL.iter().filter(|known| !known.is_deprecated()).map(|known| known.name()).collect();
        current.sort_unstable();
        current.push(NotificationType::PAYOUT.name());
        assert_eq!(modelled, current);
    }

    #[test]
    fn the_type_tells_one_schema_from_another() {
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
    fn a_schema_takes_what_its_model_takes() {
        let definitions = definitions();
        let paid = &definitions["OrderPaid"];
        assert_eq!(paid["required"], json!(["order", "items", "user"]));
        assert_eq!(definitions["Order"].get("required"), None);
        for (definition, property, keyword, expected) in [
            ("Order", "id", "anyOf", json!([{ "$ref": "#/$defs/Id" }, { "type": "null" }])),
            ("Order", "id", "x-always", json!(true)),
            ("Order", "coupons", "x-always", Value::Null),
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
        assert_eq!(definitions["OrderMode"]["x-values"], json!(["default", "sandbox"]));
        assert_eq!(definitions["RefundCode"]["x-values"][12], "13");
    }

    #[test]
    fn only_the_definitions_of_the_models_are_changed() {
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "looked at, not made")]
        struct Message {
            /// See [`Id`](super::Id).
            id: String,
        }
        let mut generator = SchemaGenerator::default();
        generator.subschema_for::<Message>();
        let before = generator.definitions()["Message"].clone();
        schemas(&mut generator);
        assert_eq!(generator.definitions()["Message"], before);
    }

    #[test]
    fn descriptions_are_for_readers_of_any_language() {
        for (name, definition) in definitions() {
            assert!(definition["description"].is_string(), "{name}");
            for property in definition["properties"].as_object().into_iter().flatten() {
                assert!(property.1["description"].is_string() || name == "Id", "{name}.{}", property.0);
            }
            let text = definition.to_string();
            for foreign in ["::", "`None`", "`Other`", "[`", "](s", "](S", "](c", "default\":"] {
                assert!(!text.contains(foreign), "{foreign} in {text}");
            }
        }
        for (written, read) in [
            ("the [`event`](Self::event) has it", "the `event` has it"),
            ("Orders have [another](super::OrderUser).", "Orders have another."),
            ("[as `x`](https://example.com/x) and [`y`]", "[as `x`](https://example.com/x) and `y`"),
            ("of `items[].type` (any) [", "of `items[].type` (any) ["),
        ] {
            assert_eq!(without_links(written), read);
        }
    }
}
