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

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

use crate::shape::{Kind, Members, ODD_KEY, SHAPES, Shape, elements, is_plain, text};
use crate::{NotificationType, model};

/// Most findings in one notification. What is beyond is not looked for.
pub const MAX_FINDINGS: usize = 100;
/// Longest word of a list that is shown.
const MAX_WORD: usize = 40;

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

/// Whether a value is a word of a list rather than a text.
fn is_word(value: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=MAX_WORD).contains(&value.len()) && value.bytes().all(plain)
}

#[cfg(test)]
mod tests;
