//! What a notification of each type may look like, after its model: where a walk through a body is at home, and where not.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use schemars::SchemaGenerator;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::model::{self, ALWAYS_SENT, KNOWN_VALUES, PERSONAL};

/// Longest key that is shown.
const MAX_KEY: usize = 64;
/// Shown for a key that may be anything: somebody's address, a text.
pub(crate) const ODD_KEY: &str = "(odd key)";

/// The shape of each type that has a model.
pub(crate) static SHAPES: LazyLock<BTreeMap<&str, Shape>> = LazyLock::new(|| {
    let mut generator = SchemaGenerator::default();
    let schemas = model::schemas(&mut generator);
    let definitions = generator.take_definitions(true);
    let shapes = schemas.iter().map(|(known, schema)| (known.name(), Shape::of(schema.as_value(), &definitions)));
    shapes.collect()
});

/// The same, to which users are unknown.
pub(crate) static SHAPES_WITHOUT_USERS: LazyLock<BTreeMap<&str, Shape>> = LazyLock::new(|| {
    let mut shapes = SHAPES.clone();
    shapes.values_mut().for_each(Shape::forget_users);
    shapes
});

/// What a JSON value can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Integer,
    Decimal,
    Text,
    Array,
    Object,
}

impl Kind {
    pub(crate) fn of(json: &str) -> Self {
        match json.as_bytes().first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::Text,
            Some(b't' | b'f') => Self::Bool,
            Some(b'-' | b'0'..=b'9') if json.contains(['.', 'e', 'E']) => Self::Decimal,
            Some(b'-' | b'0'..=b'9') => Self::Integer,
            _ => Self::Null,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "true/false",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Text => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    /// The kind of this value, with its length.
    pub(crate) fn shown(self, json: &str) -> String {
        let length = match self {
            Self::Text => text(json).chars().count(),
            Self::Array => elements(json).len(),
            _ => return self.name().to_owned(),
        };
        format!("{}({length})", self.name())
    }
}

/// A schema, without the references and alternatives: for each kind of value there is one way to go on.
///
/// No model holds itself, so this ends. And it is what bounds the depth to which a notification is looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    /// It may be anything.
    pub(crate) free: bool,
    /// It is about a person.
    pub(crate) personal: bool,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) fields: BTreeMap<String, Field>,
    /// What an array consists of. Without it, only an empty array is taken, for an empty object.
    pub(crate) element: Option<Box<Shape>>,
    /// The known values of a list.
    pub(crate) values: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Field {
    pub(crate) shape: Shape,
    pub(crate) always_sent: bool,
}

impl Shape {
    /// Forgets all that tells of whom a notification is, down to ids: of its user, and of who gives or gets a gift. Of the
    /// user stays the country, to which a tax belongs.
    fn forget_users(&mut self) {
        self.fields.retain(|name, _| !["game_player_id", "giver_id", "receiver_id"].contains(&name.as_str()));
        if let Some(user) = self.fields.get_mut("user") {
            user.shape.fields.retain(|name, _| ["country", "country_code"].contains(&name.as_str()));
        }
        self.fields.values_mut().for_each(|field| field.shape.forget_users());
        self.element.iter_mut().for_each(|element| element.forget_users());
    }

    fn of(schema: &Value, definitions: &Map<String, Value>) -> Self {
        let mut shape = Self::default();
        shape.add(schema, definitions);
        shape
    }

    /// Takes what this schema takes, too.
    fn add(&mut self, schema: &Value, definitions: &Map<String, Value>) {
        let referred = schema["$ref"].as_str().and_then(|name| definitions.get(name.strip_prefix("#/$defs/")?));
        let alternatives = schema["anyOf"].as_array();
        for schema in referred.into_iter().chain(alternatives.into_iter().flatten()) {
            self.add(schema, definitions);
        }
        let names = match &schema["type"] {
            Value::Array(names) => names.as_slice(),
            Value::Null => &[],
            name => std::slice::from_ref(name),
        };
        self.personal |= schema[PERSONAL] == true;
        let is_constant = schema.get("const").is_some();
        self.free |= referred.is_none() && alternatives.is_none() && names.is_empty() && !is_constant;
        // The only constants are the types' names.
        self.kinds.extend(is_constant.then_some(Kind::Text));
        for name in names {
            match name.as_str() {
                Some("boolean") => self.kinds.push(Kind::Bool),
                Some("integer") => self.kinds.push(Kind::Integer),
                Some("number") => self.kinds.extend([Kind::Integer, Kind::Decimal]),
                Some("string") => self.kinds.push(Kind::Text),
                Some("array") => self.kinds.push(Kind::Array),
                Some("object") => self.kinds.push(Kind::Object),
                _ => {}
            }
        }
        let required = schema["required"].as_array();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let field = self.fields.entry(name.clone()).or_default();
            field.shape.add(property, definitions);
            let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
            field.always_sent |= is_required || property[ALWAYS_SENT] == true;
        }
        if let Some(element) = schema.get("items") {
            self.element.get_or_insert_default().add(element, definitions);
        }
        let values = schema[KNOWN_VALUES].as_array().into_iter().flatten();
        self.values.extend(values.filter_map(Value::as_str).map(str::to_owned));
    }

    pub(crate) fn takes(&self, kind: Kind, json: &str) -> bool {
        match kind {
            Kind::Null => true,
            Kind::Array => self.element.is_some() || (self.kinds.contains(&kind) && elements(json).is_empty()),
            // `3.0` is an integer to JSON Schema, and to the models.
            Kind::Decimal if !self.kinds.contains(&kind) => {
                self.kinds.contains(&Kind::Integer) && json.parse().is_ok_and(|number: f64| number.fract() == 0.0)
            }
            kind => self.kinds.contains(&kind),
        }
    }

    /// The kinds that it takes, for people.
    pub(crate) fn expected(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for kind in &self.kinds {
            let name = match kind {
                Kind::Array if self.element.is_none() => continue,
                Kind::Integer if self.kinds.contains(&Kind::Decimal) => continue,
                Kind::Decimal => "number",
                kind => kind.name(),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" or ")
    }
}

/// Whether a key is a name rather than somebody's data: neither an address, nor a number.
pub(crate) fn is_plain(key: &str) -> bool {
    let mut bytes = key.bytes();
    key.len() <= MAX_KEY
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-[] ".contains(&byte))
}

/// What a string says, as far as it is readable; anything else as it is written.
pub(crate) fn text(json: &str) -> Cow<'_, str> {
    if json.starts_with('"') {
        serde_json::from_str(json).map_or(Cow::Borrowed(json), Cow::Owned)
    } else {
        Cow::Borrowed(json)
    }
}

pub(crate) fn elements(json: &str) -> Vec<&RawValue> {
    serde_json::from_str(json).unwrap_or_default()
}

/// The members of an object, whatever their keys, and however often each comes.
pub(crate) struct Members<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Key(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// A key. As bytes, since it may hold half a character, which no `str` can.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_bytes<E>(self, key: &[u8]) -> Result<Key, E> {
                Ok(Key(String::from_utf8_lossy(key).into_owned()))
            }
        }

        deserializer.deserialize_bytes(Reader)
    }
}
