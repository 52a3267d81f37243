//! Shapes: the models' JSON Schemas, flattened for a walk through a notification.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::SchemaGenerator;
use serde_json::{Map, Value};

use super::json::{JsonType, elements, text};
use super::schema::schemas;
use crate::model::keyword::{ALWAYS_SENT, EXTENSIBLE_ENUM, PII};

/// The maximum length of a key that is shown, in bytes.
const MAX_KEY_LEN: usize = 64;
/// Replaces a key that can be personal data, such as an e-mail address.
pub(crate) const REDACTED_KEY: &str = "(redacted key)";

/// Fields that lead to a person, or whose text a person or the game chooses.
const IDENTIFYING_FIELDS: [&str; 11] = [
    "agreement",
    "campaign_code",
    "coupon_code",
    "external_id",
    "game_player_id",
    "giver_id",
    "payment_method_order_id",
    "reason_detail",
    "receiver_id",
    "reject_reason",
    "tags",
];

/// The shape of each type that has a model, by name.
pub(crate) static SHAPES: LazyLock<BTreeMap<&str, Shape>> = LazyLock::new(|| {
    let mut generator = SchemaGenerator::default();
    let schemas = schemas(&mut generator);
    let definitions = generator.take_definitions(true);
    let shapes = schemas.iter().map(|(known, schema)| (known.name(), Shape::of(schema.as_value(), &definitions)));
    shapes.collect()
});

/// The same shapes without fields that identify a user.
pub(crate) static SHAPES_WITHOUT_USERS: LazyLock<BTreeMap<&str, Shape>> = LazyLock::new(|| {
    let mut shapes = SHAPES.clone();
    shapes.values_mut().for_each(Shape::remove_users);
    shapes
});

/// A JSON Schema with its references and alternatives merged into one.
///
/// No model contains itself, so a shape is finite. Its depth limits the depth of a walk through a notification.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    /// Whether any JSON is allowed.
    pub(crate) is_any: bool,
    /// Whether the value is personal data.
    pub(crate) is_personal: bool,
    pub(crate) types: Vec<JsonType>,
    pub(crate) fields: BTreeMap<String, Field>,
    /// The shape of array elements. Without it, only an empty array is allowed, in place of an empty object.
    pub(crate) element: Option<Box<Shape>>,
    /// The known values of an extensible enum.
    pub(crate) known_values: Vec<String>,
    /// Whether other values of the enum are not allowed: they can be any text.
    pub(crate) has_known_values_only: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Field {
    pub(crate) shape: Shape,
    pub(crate) is_always_sent: bool,
}

impl Shape {
    /// Removes every field that identifies a user, or the giver or receiver of a gift, and every field whose text a person
    /// or the game chooses. The user's country remains, because taxes depend on it.
    fn remove_users(&mut self) {
        self.fields.retain(|name, _| !IDENTIFYING_FIELDS.contains(&name.as_str()));
        for codes in ["coupons", "promocodes"] {
            if let Some(code) = self.fields.get_mut(codes).and_then(|codes| codes.shape.element.as_mut()) {
                code.fields.clear();
            }
        }
        if let Some(refund) = self.fields.get_mut("refund_details") {
            refund.shape.fields.remove("reason");
        }
        self.has_known_values_only = !self.known_values.is_empty();
        if let Some(user) = self.fields.get_mut("user") {
            user.shape.fields.retain(|name, _| ["country", "country_code"].contains(&name.as_str()));
        }
        self.fields.values_mut().for_each(|field| field.shape.remove_users());
        self.element.iter_mut().for_each(|element| element.remove_users());
    }

    fn of(schema: &Value, definitions: &Map<String, Value>) -> Self {
        let mut shape = Self::default();
        shape.merge(schema, definitions);
        shape
    }

    /// Adds what the schema allows.
    fn merge(&mut self, schema: &Value, definitions: &Map<String, Value>) {
        let referenced = schema["$ref"].as_str().and_then(|name| definitions.get(name.strip_prefix("#/$defs/")?));
        let alternatives = schema["anyOf"].as_array();
        for schema in referenced.into_iter().chain(alternatives.into_iter().flatten()) {
            self.merge(schema, definitions);
        }
        let type_names = match &schema["type"] {
            Value::Array(names) => names.as_slice(),
            Value::Null => &[],
            name => std::slice::from_ref(name),
        };
        self.is_personal |= schema[PII] == true;
        let is_constant = schema.get("const").is_some();
        self.is_any |= referenced.is_none() && alternatives.is_none() && type_names.is_empty() && !is_constant;
        // The only constants are the values of `notification_type`.
        self.types.extend(is_constant.then_some(JsonType::String));
        for name in type_names {
            match name.as_str() {
                Some("boolean") => self.types.push(JsonType::Boolean),
                Some("integer") => self.types.push(JsonType::Integer),
                Some("number") => self.types.extend([JsonType::Integer, JsonType::Decimal]),
                Some("string") => self.types.push(JsonType::String),
                Some("array") => self.types.push(JsonType::Array),
                Some("object") => self.types.push(JsonType::Object),
                _ => {}
            }
        }
        let required = schema["required"].as_array();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let field = self.fields.entry(name.clone()).or_default();
            field.shape.merge(property, definitions);
            let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
            field.is_always_sent |= is_required || property[ALWAYS_SENT] == true;
        }
        if let Some(element) = schema.get("items") {
            self.element.get_or_insert_default().merge(element, definitions);
        }
        let known_values = schema[EXTENSIBLE_ENUM].as_array().into_iter().flatten();
        self.known_values.extend(known_values.filter_map(Value::as_str).map(str::to_owned));
    }

    /// Returns whether the JSON has an allowed type.
    pub(crate) fn allows(&self, json_type: JsonType, json: &str) -> bool {
        match json_type {
            JsonType::Null => true,
            JsonType::Array => self.element.is_some() || (self.types.contains(&json_type) && elements(json).is_empty()),
            JsonType::String if self.has_known_values_only => {
                let value = text(json);
                self.known_values.iter().any(|known| *known == value)
            }
            // `3.0` is an integer in JSON Schema and in the models.
            JsonType::Decimal if !self.types.contains(&json_type) => {
                self.types.contains(&JsonType::Integer) && json.parse().is_ok_and(|number: f64| number.fract() == 0.0)
            }
            json_type => self.types.contains(&json_type),
        }
    }

    /// Describes the allowed types: `string or number`.
    pub(crate) fn expected(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for json_type in &self.types {
            let name = match json_type {
                JsonType::Array if self.element.is_none() => continue,
                JsonType::Integer if self.types.contains(&JsonType::Decimal) => continue,
                JsonType::Decimal => "number",
                json_type => json_type.name(),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" or ")
    }
}

/// Returns the key if it is a name, else [`REDACTED_KEY`]: an address or a number can be personal data.
pub(crate) fn safe_key(key: &str) -> &str {
    let mut bytes = key.bytes();
    let is_name = key.len() <= MAX_KEY_LEN
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-[] ".contains(&byte));
    if is_name { key } else { REDACTED_KEY }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Adds the name of each field that can hold any text and is not personal.
    fn collect_text<'a>(shape: &'a Shape, name: &'a str, found: &mut BTreeSet<&'a str>) {
        if shape.is_personal || shape.is_any {
            return;
        }
        if shape.types.contains(&JsonType::String) && !shape.has_known_values_only {
            found.insert(name);
        }
        shape.fields.iter().for_each(|(name, field)| collect_text(&field.shape, name, found));
        shape.element.iter().for_each(|element| collect_text(element, name, found));
    }

    #[test]
    fn text_that_remains_after_erasure_is_listed_here() {
        let mut found = BTreeSet::new();
        SHAPES_WITHOUT_USERS.values().for_each(|shape| collect_text(shape, "", &mut found));
        let listed = "\
            DRM amount amount_with_discount amount_without_discount country country_code currency date date_create \
            date_end date_next_charge date_of_last_action digital_content dry_run fee_merchant fee_total \
            fee_transaction group_name hide_giver_from_receiver id incoming_date invoice_id is_bonus \
            is_bundle_content is_free is_gift is_pre_order item_id merchant_id name notification_type payment_date \
            payment_method payment_method_name payout_currency_rate percent plan_id product_id project_id quantity \
            sequence service_name sku status subscription_id technical_name transaction_id trial_days type value";
        assert_eq!(found.into_iter().collect::<Vec<_>>().join(" "), listed);
    }
}
