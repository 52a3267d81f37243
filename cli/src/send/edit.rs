//! Changes in JSON text. All other values remain as written, with every digit.

use std::fmt;

use indexmap::IndexMap;
use serde_json::value::RawValue;

/// Greater depth is rejected, because the code is recursive.
const MAX_DEPTH: usize = 100;

/// JSON with its scalars as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Object(IndexMap<String, Node>),
    Array(Vec<Node>),
    Scalar(String),
}

/// A change that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The path is not like `items[0].sku`.
    #[error("invalid path `{0}`: expected names and indexes, such as `items[0].sku`")]
    Path(String),
    /// A value on the path is of another kind.
    #[error("cannot set `{path}`: {reason}")]
    NotPossible {
        /// The path.
        path: String,
        /// The reason.
        reason: &'static str,
    },
    /// The text is not JSON, or too deep.
    #[error("the body is not JSON, or nested too deeply")]
    NotJson,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

impl Node {
    pub(crate) fn parse(json: &str) -> Result<Self, EditError> {
        let raw = serde_json::from_str::<&RawValue>(json).map_err(|_| EditError::NotJson)?;
        Self::read(raw, 0)
    }

    /// Reads a value of the command line: JSON, or else text.
    pub(super) fn value(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|_| Self::text(text))
    }

    pub(super) fn text(text: &str) -> Self {
        Self::Scalar(serde_json::Value::from(text).to_string())
    }

    fn read(raw: &RawValue, depth: usize) -> Result<Self, EditError> {
        let json = raw.get();
        let not_json = |_| EditError::NotJson;
        if depth > MAX_DEPTH {
            return Err(EditError::NotJson);
        }
        match json.as_bytes().first() {
            Some(b'{') => {
                let members: IndexMap<String, &RawValue> = serde_json::from_str(json).map_err(not_json)?;
                let members = members.into_iter().map(|(name, value)| Ok((name, Self::read(value, depth + 1)?)));
                members.collect::<Result<_, _>>().map(Self::Object)
            }
            Some(b'[') => {
                let elements: Vec<&RawValue> = serde_json::from_str(json).map_err(not_json)?;
                let elements = elements.into_iter().map(|element| Self::read(element, depth + 1));
                elements.collect::<Result<_, _>>().map(Self::Array)
            }
            _ => Ok(Self::Scalar(json.to_owned())),
        }
    }

    /// Returns the value at a path.
    pub(super) fn get(&self, path: &str) -> Option<&Self> {
        steps(path).ok()?.iter().try_fold(self, |node, step| match (node, step) {
            (Self::Object(members), Step::Name(name)) => members.get(name),
            (Self::Array(elements), Step::Index(index)) => elements.get(*index),
            _ => None,
        })
    }

    /// Replaces the value at a path. Adds what is missing.
    pub(super) fn set(&mut self, path: &str, value: Self) -> Result<(), EditError> {
        let error = |reason| EditError::NotPossible { path: path.to_owned(), reason };
        let mut node = self;
        for step in steps(path)? {
            if matches!(node, Self::Scalar(json) if json == "null") {
                *node = match step {
                    Step::Name(_) => Self::Object(IndexMap::new()),
                    Step::Index(_) => Self::Array(Vec::new()),
                };
            }
            node = match (node, step) {
                (Self::Object(members), Step::Name(name)) => {
                    members.entry(name).or_insert_with(|| Self::Scalar("null".to_owned()))
                }
                (Self::Array(elements), Step::Index(index)) => {
                    if index == elements.len() {
                        elements.push(Self::Scalar("null".to_owned()));
                    }
                    elements.get_mut(index).ok_or_else(|| error("the index is behind the end of the list"))?
                }
                (Self::Array(_), Step::Name(_)) => return Err(error("a list needs an index, such as `items[0]`")),
                (Self::Object(_), Step::Index(_)) => return Err(error("an object needs a name, not an index")),
                (Self::Scalar(_), _) => return Err(error("a value on the path is neither an object nor a list")),
            };
        }
        *node = value;
        Ok(())
    }

    /// Replaces an id, and keeps the JSON type that it had: number or text. Returns `false` if there is no id.
    pub(super) fn replace_id(&mut self, path: &str, id: &str) -> Result<bool, EditError> {
        let Some(Self::Scalar(json)) = self.get(path) else { return Ok(false) };
        if json == "null" {
            return Ok(false);
        }
        let value = if json.starts_with('"') { Self::text(id) } else { Self::value(id) };
        self.set(path, value).map(|()| true)
    }

    /// Removes a member of an object.
    pub(super) fn remove(&mut self, object: &str, name: &str) {
        let Ok(steps) = steps(object) else { return };
        let node = steps.iter().try_fold(self, |node, step| match (node, step) {
            (Self::Object(members), Step::Name(name)) => members.get_mut(name),
            _ => None,
        });
        if let Some(Self::Object(members)) = node {
            members.shift_remove(name);
        }
    }
}

/// Compact, as Xsolla sends it.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(json) => f.write_str(json),
            Self::Array(elements) => {
                f.write_str("[")?;
                for (index, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", if index > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (name, value)) in members.iter().enumerate() {
                    let name = serde_json::Value::from(name.as_str());
                    write!(f, "{}{name}:{value}", if index > 0 { "," } else { "" })?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Splits `items[0].sku` into its steps. The empty path is the whole body.
fn steps(path: &str) -> Result<Vec<Step>, EditError> {
    let error = || EditError::Path(path.to_owned());
    let mut steps = Vec::new();
    for part in path.split('.').filter(|_| !path.is_empty()) {
        let (name, indexes) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() {
            return Err(error());
        }
        steps.push(Step::Name(name.to_owned()));
        let mut rest = indexes;
        while !rest.is_empty() {
            let (index, after) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(error)?;
            steps.push(Step::Index(index.parse().map_err(|_| error())?));
            rest = after;
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const BODY: &str = r#"{ "id": 9007199254740993001, "a": {"b": 7.9900, "c": null}, "items": [{"sku": "x"}] }"#;

    #[rstest]
    #[case::replaced("a.b", "1.50", r#"{"id":9007199254740993001,"a":{"b":1.50,"c":null},"items":[{"sku":"x"}]}"#)]
    #[case::text(
        "items[0].sku",
        "lamp",
        r#"{"id":9007199254740993001,"a":{"b":7.9900,"c":null},"items":[{"sku":"lamp"}]}"#
    )]
    #[case::json_text("a", r#""7""#, r#"{"id":9007199254740993001,"a":"7","items":[{"sku":"x"}]}"#)]
    #[case::not_json("a", "007", r#"{"id":9007199254740993001,"a":"007","items":[{"sku":"x"}]}"#)]
    #[case::added(
        "a.d.e",
        "true",
        r#"{"id":9007199254740993001,"a":{"b":7.9900,"c":null,"d":{"e":true}},"items":[{"sku":"x"}]}"#
    )]
    #[case::in_null(
        "a.c[0].d",
        "1",
        r#"{"id":9007199254740993001,"a":{"b":7.9900,"c":[{"d":1}]},"items":[{"sku":"x"}]}"#
    )]
    #[case::appended(
        "items[1]",
        "{}",
        r#"{"id":9007199254740993001,"a":{"b":7.9900,"c":null},"items":[{"sku":"x"},{}]}"#
    )]
    #[case::digits(
        "id",
        "123456789012345678901234567890.10",
        r#"{"id":123456789012345678901234567890.10,"a":{"b":7.9900,"c":null},"items":[{"sku":"x"}]}"#
    )]
    fn value_is_set_and_all_other_digits_remain(#[case] path: &str, #[case] value: &str, #[case] expected: &str) {
        let mut node = Node::parse(BODY).unwrap();
        node.set(path, Node::value(value)).unwrap();
        assert_eq!(node.to_string(), expected);
    }

    #[rstest]
    #[case::index_behind_the_end("items[2]", "cannot set `items[2]`: the index is behind the end of the list")]
    #[case::name_in_a_list("items.sku", "cannot set `items.sku`: a list needs an index, such as `items[0]`")]
    #[case::index_in_an_object("a[0]", "cannot set `a[0]`: an object needs a name, not an index")]
    #[case::in_a_number("id.x", "cannot set `id.x`: a value on the path is neither an object nor a list")]
    #[case::no_index("items[]", "invalid path `items[]`: expected names and indexes, such as `items[0].sku`")]
    #[case::no_name("a..b", "invalid path `a..b`: expected names and indexes, such as `items[0].sku`")]
    fn impossible_path_is_an_error(#[case] path: &str, #[case] expected: &str) {
        let error = Node::parse(BODY).unwrap().set(path, Node::value("1")).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn replaced_id_keeps_its_type() {
        let mut node = Node::parse(r#"{"a":1,"b":"2","c":null}"#).unwrap();
        assert_eq!(["a", "b", "c", "d"].map(|path| node.replace_id(path, "77").unwrap()), [true, true, false, false]);
        assert_eq!(node.to_string(), r#"{"a":77,"b":"77","c":null}"#);
    }

    #[test]
    fn deep_json_is_rejected() {
        assert_eq!(Node::parse(&("[".repeat(5000) + &"]".repeat(5000))), Err(EditError::NotJson));
    }
}
