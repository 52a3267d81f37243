//! How notifications differ from their models: a field that nobody documented, a value of another kind, a word that a list
//! does not have yet.
//!
//! Nothing of this stops a notification. It is looked for once events are safe, so that somebody hears of a change before
//! a consumer stumbles over it.
//!
//! ```
//! use xsolla::drift::findings;
//!
//! let notification = r#"{
//!     "notification_type": "refund",
//!     "transaction": {"id": 2298114507, "risk": "low"},
//!     "user": {"id": "isle-4471", "country": ["DE"]}
//! }"#;
//! let found: Vec<String> = findings("refund", notification).iter().map(ToString::to_string).collect();
//! assert_eq!(found, [
//!     "unreadable",
//!     "transaction.risk: unknown field, string(3)",
//!     "user.country: array instead of string, array(1)",
//! ]);
//! ```
//!
//! A finding never holds a value, only its kind. The exception is a new word of a documented list, if it looks like one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use schemars::SchemaGenerator;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::NotificationType;
use crate::model::{self, ALWAYS_SENT, KNOWN_VALUES};

/// Most findings in one notification. What is beyond is not looked for.
pub const MAX_FINDINGS: usize = 100;
/// Longest key that is shown.
const MAX_KEY: usize = 64;
/// Longest word of a list that is shown.
const MAX_WORD: usize = 40;
/// Shown for a key that may be anything: somebody's address, a text.
const ODD_KEY: &str = "(odd key)";

/// One difference between a notification and its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where: `items[].is_free`, whichever item it is. Empty for the notification as a whole.
    pub path: String,
    /// What differs.
    pub drift: Drift,
    /// What stands there: `object`, `array(3)`, `string(12)`, `integer`, `decimal`, `true/false`. None if nothing does.
    pub kind: Option<String>,
}

/// What can differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// The type is not known here.
    UnknownType,
    /// The model cannot read the notification: neither can a consumer that uses it.
    Unreadable,
    /// A field that the model does not have.
    UnknownField,
    /// A value of a kind that the model does not take.
    OtherKind {
        /// The kinds that it takes.
        expected: String,
        /// The kind that stands there.
        found: &'static str,
    },
    /// A value that a documented list does not have.
    NewValue {
        /// The value, if it is a plain word.
        word: Option<String>,
    },
    /// A field that is documented as always sent, and is missing.
    MissingField,
}

/// For people.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownType => f.pad("unknown type"),
            Self::Unreadable => f.pad("unreadable"),
            Self::UnknownField => f.pad("unknown field"),
            Self::OtherKind { expected, found } => f.pad(&format!("{found} instead of {expected}")),
            Self::NewValue { word: Some(word) } => f.pad(&format!("new value {word}")),
            Self::NewValue { word: None } => f.pad("new value"),
            Self::MissingField => f.pad("missing field"),
        }
    }
}

/// For people: `user.tier: unknown field, string(4)`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.drift)?;
        self.kind.as_ref().map_or(Ok(()), |kind| write!(f, ", {kind}"))
    }
}

/// What differs between a notification and the model of its type, each difference once.
///
/// `null` is as good as missing, `[]` as an empty object. Nothing is found in a type that Xsolla has withdrawn, since it has
/// no model, nor in what is the game's own, such as `custom_parameters`.
#[must_use]
pub fn findings(type_name: &str, notification: &str) -> Vec<Finding> {
    let whole = |drift| Finding { path: String::new(), drift, kind: None };
    let Some(shape) = SHAPES.get(type_name) else {
        let is_known = NotificationType::named(type_name).is_some();
        return if is_known { Vec::new() } else { vec![whole(Drift::UnknownType)] };
    };
    let mut comparison = Comparison::default();
    if !model::can_read(type_name, notification) {
        comparison.findings.push(whole(Drift::Unreadable));
    }
    if let Ok(notification) = serde_json::from_str(notification) {
        comparison.value(shape, notification);
    }
    comparison.findings
}

/// What was found in several notifications, counted by type, path and difference.
#[derive(Debug, Clone)]
pub struct Tally<E> {
    notifications: BTreeMap<String, usize>,
    /// By label, path and difference.
    rows: BTreeMap<(String, String, Drift), Met<E>>,
}

#[derive(Debug, Clone)]
struct Met<E> {
    count: usize,
    kind: Option<String>,
    example: E,
}

/// One difference, and how often it was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'t, E> {
    /// The [label](crate::type_label) of the type.
    pub type_label: &'t str,
    /// See [`Finding::path`].
    pub path: &'t str,
    /// What differs.
    pub drift: &'t Drift,
    /// See [`Finding::kind`]; that of the example.
    pub kind: Option<&'t str>,
    /// In how many notifications.
    pub count: usize,
    /// Of how many of the type.
    pub of: usize,
    /// Where it was met first.
    pub example: &'t E,
}

impl<E> Default for Tally<E> {
    fn default() -> Self {
        Self { notifications: BTreeMap::new(), rows: BTreeMap::new() }
    }
}

impl<E: Ord + Clone> Tally<E> {
    /// Looks at one more notification. The least `example` stands for its row in the end.
    pub fn add(&mut self, type_name: &str, notification: &str, example: &E) {
        let label = crate::type_label(type_name);
        *self.notifications.entry(label.to_owned()).or_default() += 1;
        for Finding { path, drift, kind } in findings(type_name, notification) {
            let row = self.rows.entry((label.to_owned(), path, drift));
            let met = row.or_insert_with(|| Met { count: 0, kind: kind.clone(), example: example.clone() });
            met.count += 1;
            if *example < met.example {
                met.kind = kind;
                met.example = example.clone();
            }
        }
    }

    /// How many notifications were looked at.
    #[must_use]
    pub fn notifications(&self) -> usize {
        self.notifications.values().sum()
    }

    /// All rows, by type and path.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_, E>> {
        self.rows.iter().map(|((type_label, path, drift), met)| Row {
            type_label,
            path,
            drift,
            kind: met.kind.as_deref(),
            count: met.count,
            of: self.notifications.get(type_label).copied().unwrap_or_default(),
            example: &met.example,
        })
    }
}

/// The shape of each type that has a model.
static SHAPES: LazyLock<BTreeMap<&str, Shape>> = LazyLock::new(|| {
    let mut generator = SchemaGenerator::default();
    let schemas = model::schemas(&mut generator);
    let definitions = generator.take_definitions(true);
    let shapes = schemas.iter().map(|(known, schema)| (known.name(), Shape::of(schema.as_value(), &definitions)));
    shapes.collect()
});

/// What a JSON value can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Bool,
    Integer,
    Decimal,
    Text,
    Array,
    Object,
}

impl Kind {
    fn of(json: &str) -> Self {
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

    const fn name(self) -> &'static str {
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
    fn shown(self, json: &str) -> String {
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
#[derive(Debug, Default)]
struct Shape {
    /// It may be anything.
    free: bool,
    kinds: Vec<Kind>,
    fields: BTreeMap<String, Field>,
    /// What an array consists of. Without it, only an empty array is taken, for an empty object.
    element: Option<Box<Shape>>,
    /// The known values of a list.
    values: Vec<String>,
}

#[derive(Debug, Default)]
struct Field {
    shape: Shape,
    always_sent: bool,
}

impl Shape {
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
        self.free |= referred.is_none() && alternatives.is_none() && names.is_empty();
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

    fn takes(&self, kind: Kind, json: &str) -> bool {
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
    fn expected(&self) -> String {
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

/// One notification, beside the shape of its type.
#[derive(Default)]
struct Comparison {
    findings: Vec<Finding>,
    path: String,
}

impl Comparison {
    fn value(&mut self, shape: &Shape, value: &RawValue) {
        let json = value.get();
        let kind = Kind::of(json);
        if shape.free {
            return;
        }
        if !shape.takes(kind, json) {
            self.found(Drift::OtherKind { expected: shape.expected(), found: kind.name() }, Some(json));
            return;
        }
        match kind {
            Kind::Object => self.object(shape, json),
            Kind::Array => {
                for element in elements(json) {
                    if let Some(shape) = &shape.element {
                        self.below("[]", |comparison| comparison.value(shape, element));
                    }
                }
            }
            Kind::Text | Kind::Integer | Kind::Decimal if !shape.values.is_empty() => {
                let text = text(json);
                if !shape.values.iter().any(|known| *known == text) {
                    self.found(Drift::NewValue { word: is_word(&text).then(|| text.into_owned()) }, Some(json));
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, shape: &Shape, json: &str) {
        let Ok(Members(members)) = serde_json::from_str(json) else { return };
        for (name, value) in &members {
            let shown = if is_plain(name) { name } else { ODD_KEY };
            self.below(shown, |comparison| match shape.fields.get(name) {
                Some(field) => comparison.value(&field.shape, value),
                None => comparison.found(Drift::UnknownField, Some(value.get())),
            });
        }
        // `{}` is what PHP may write as `[]`: an object of which nothing is known.
        if members.is_empty() {
            return;
        }
        for (name, field) in &shape.fields {
            if field.always_sent && !members.iter().any(|(member, _)| member == name) {
                self.below(name, |comparison| comparison.found(Drift::MissingField, None));
            }
        }
    }

    /// Does it with the path one step deeper.
    fn below(&mut self, step: &str, compare: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 && step != "[]" {
            self.path.push('.');
        }
        self.path.push_str(step);
        compare(self);
        self.path.truncate(length);
    }

    fn found(&mut self, drift: Drift, json: Option<&str>) {
        let known = |finding: &Finding| finding.path == self.path && finding.drift == drift;
        if self.findings.len() < MAX_FINDINGS && !self.findings.iter().any(known) {
            let kind = json.map(|json| Kind::of(json).shown(json));
            self.findings.push(Finding { path: self.path.clone(), drift, kind });
        }
    }
}

/// Whether a key is a name rather than somebody's data: neither an address, nor a number.
fn is_plain(key: &str) -> bool {
    let mut bytes = key.bytes();
    key.len() <= MAX_KEY
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-[] ".contains(&byte))
}

/// Whether a value is a word of a list rather than a text.
fn is_word(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=MAX_WORD).contains(&value.len()) && value.bytes().all(plain)
}

/// What a string says, as far as it is readable; anything else as it is written.
fn text(json: &str) -> Cow<'_, str> {
    if json.starts_with('"') {
        serde_json::from_str(json).map_or(Cow::Borrowed(json), Cow::Owned)
    } else {
        Cow::Borrowed(json)
    }
}

fn elements(json: &str) -> Vec<&RawValue> {
    serde_json::from_str(json).unwrap_or_default()
}

/// The members of an object, whatever their keys, and however often each comes.
struct Members<'a>(Vec<(String, &'a RawValue)>);

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

#[cfg(test)]
mod tests;
