//! Drift: differences between a notification and its model.

use std::fmt;

use serde_json::value::RawValue;

use super::json::{JsonType, Members, elements, text};
use super::schema::can_parse;
use super::shape::{SHAPES, Shape, safe_key};
use crate::notification_type::NotificationType;

/// The maximum number of findings per notification.
pub const MAX_FINDINGS: usize = 100;
/// The maximum length of a new enum value that is shown, in bytes.
const MAX_VALUE_LEN: usize = 40;

/// One difference between a notification and its model. It contains no value except that of [`Drift::NewValue`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The path of the field, such as `items[].is_free`. Empty for the notification as a whole.
    pub path: String,
    /// The kind of difference.
    pub drift: Drift,
    /// The JSON type of the value: `object`, `array(3)`, `string(12)`, `integer`, `decimal`, `boolean`. `None` if there is no
    /// value.
    pub json_type: Option<String>,
}

/// A kind of difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Drift {
    /// The type is not known.
    UnknownType,
    /// The model cannot parse the notification. A consumer that uses the model fails.
    Unreadable,
    /// The model does not have this field.
    UnknownField,
    /// The value has a JSON type that the model does not accept.
    UnexpectedType {
        /// The accepted JSON types.
        expected: String,
        /// The JSON type of the value.
        found: &'static str,
    },
    /// The value is not in the documented list.
    NewValue {
        /// The value, if it has at most 40 lowercase letters, digits and underscores. Other text can be personal data.
        value: Option<String>,
    },
    /// The field is documented as always sent, but missing.
    MissingField,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownType => f.pad("unknown type"),
            Self::Unreadable => f.pad("unreadable"),
            Self::UnknownField => f.pad("unknown field"),
            Self::UnexpectedType { expected, found } => f.pad(&format!("{found} instead of {expected}")),
            Self::NewValue { value: Some(value) } => f.pad(&format!("new value {value}")),
            Self::NewValue { value: None } => f.pad("new value"),
            Self::MissingField => f.pad("missing field"),
        }
    }
}

/// Displays `user.tier: unknown field, string(4)`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.drift)?;
        self.json_type.as_ref().map_or(Ok(()), |json_type| write!(f, ", {json_type}"))
    }
}

/// Returns the differences between a notification and the model of its type, each once.
///
/// `null` counts as missing, and `[]` as an empty object. A deprecated type has no model and thus no findings. The game's own
/// data, such as `custom_parameters`, is not inspected.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::inspect::find_drift;
///
/// let notification = r#"{
///     "notification_type": "refund",
///     "transaction": {"id": 2298114507, "risk": "low"},
///     "user": {"id": "isle-4471", "country": ["DE"]}
/// }"#;
/// let findings: Vec<String> = find_drift("refund", notification).iter().map(ToString::to_string).collect();
/// assert_eq!(findings, [
///     "unreadable",
///     "transaction.risk: unknown field, string(3)",
///     "user.country: array instead of string, array(1)",
/// ]);
/// ```
#[must_use]
pub fn find_drift(type_name: &str, notification: &str) -> Vec<Finding> {
    let whole = |drift| Finding { path: String::new(), drift, json_type: None };
    let Some(shape) = SHAPES.get(type_name) else {
        let is_known = type_name.parse::<NotificationType>().is_ok();
        return if is_known { Vec::new() } else { vec![whole(Drift::UnknownType)] };
    };
    let mut comparison = Comparison::default();
    if !can_parse(type_name, notification) {
        comparison.findings.push(whole(Drift::Unreadable));
    }
    if let Ok(notification) = serde_json::from_str(notification) {
        comparison.compare_value(shape, notification);
    }
    comparison.findings
}

/// A walk through a notification along the shape of its type.
#[derive(Default)]
struct Comparison {
    findings: Vec<Finding>,
    path: String,
}

impl Comparison {
    fn compare_value(&mut self, shape: &Shape, value: &RawValue) {
        let json = value.get();
        let json_type = JsonType::of(json);
        if shape.is_any {
            return;
        }
        if !shape.allows(json_type, json) {
            let drift = Drift::UnexpectedType { expected: shape.expected(), found: json_type.name() };
            self.report(drift, Some(json));
            return;
        }
        match json_type {
            JsonType::Object => self.compare_object(shape, json),
            JsonType::Array => {
                for element in elements(json) {
                    if let Some(shape) = &shape.element {
                        self.descend("[]", |comparison| comparison.compare_value(shape, element));
                    }
                }
            }
            JsonType::String | JsonType::Integer | JsonType::Decimal if !shape.known_values.is_empty() => {
                let text = text(json);
                if !shape.known_values.iter().any(|known| *known == text) {
                    let value = is_enum_value(&text).then(|| text.into_owned());
                    self.report(Drift::NewValue { value }, Some(json));
                }
            }
            _ => {}
        }
    }

    fn compare_object(&mut self, shape: &Shape, json: &str) {
        let Ok(Members(members)) = serde_json::from_str(json) else { return };
        for (name, value) in &members {
            self.descend(safe_key(name), |comparison| match shape.fields.get(name) {
                Some(field) => comparison.compare_value(&field.shape, value),
                None => comparison.report(Drift::UnknownField, Some(value.get())),
            });
        }
        // `{}` means the same as PHP's `[]`: an object without data.
        if members.is_empty() {
            return;
        }
        for (name, field) in &shape.fields {
            if field.is_always_sent && !members.iter().any(|(member, _)| member == name) {
                self.descend(name, |comparison| comparison.report(Drift::MissingField, None));
            }
        }
    }

    /// Runs a comparison with one more segment in the path.
    fn descend(&mut self, segment: &str, compare: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 && segment != "[]" {
            self.path.push('.');
        }
        self.path.push_str(segment);
        compare(self);
        self.path.truncate(length);
    }

    fn report(&mut self, drift: Drift, json: Option<&str>) {
        let is_reported = |finding: &Finding| finding.path == self.path && finding.drift == drift;
        if self.findings.len() < MAX_FINDINGS && !self.findings.iter().any(is_reported) {
            let json_type = json.map(|json| JsonType::of(json).describe(json));
            self.findings.push(Finding { path: self.path.clone(), drift, json_type });
        }
    }
}

/// Returns whether a value has the form of an enum value, not of free text.
fn is_enum_value(value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=MAX_VALUE_LEN).contains(&value.len()) && value.bytes().all(is_plain)
}

#[cfg(test)]
mod tests;
