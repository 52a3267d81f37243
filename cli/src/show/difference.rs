//! Fields that differ between a conflict and the first event. Values are not shown.

use intake::record::{Item as _, Kind};
use intake::table::{BODY, ERASED_AT, KIND, PK, SK};
use xsolla::json_text;

use crate::send::Node;
use crate::table::Item;

/// Separates the key of a conflict from the digest of its body.
const CONFLICT: &str = "#conflict#";
/// Number of fields that are listed.
const MAX_FIELDS: usize = 10;

/// Describes how a conflict differs from the first event: `differs in purchase.total.amount`. `None`: not a conflict, or one of
/// them is erased or missing.
pub(super) fn of_conflict(item: &Item, items: &[Item]) -> Option<String> {
    if item.string(KIND) != Some(Kind::Conflict.name()) || item.contains_key(ERASED_AT) {
        return None;
    }
    let (first, _) = item.string(SK)?.split_once(CONFLICT)?;
    let first = items.iter().find(|other| other.string(PK) == item.string(PK) && other.string(SK) == Some(first))?;
    let node = |item: &Item| Node::parse(json_text(item.binary(BODY)?).ok()?).ok();
    let (one, other) = (node(first).filter(|_| !first.contains_key(ERASED_AT))?, node(item)?);
    let mut fields = Vec::new();
    collect(&one, &other, "", &mut fields);
    let more = fields.len().saturating_sub(MAX_FIELDS);
    fields.truncate(MAX_FIELDS);
    Some(match (fields.is_empty(), more) {
        (true, _) => "differs in spaces, the order of fields or repeated fields only".to_owned(),
        (false, 0) => format!("differs in {}", fields.join(", ")),
        (false, more) => format!("differs in {} and {more} more", fields.join(", ")),
    })
}

/// Adds the paths of values that differ.
fn collect(one: &Node, other: &Node, path: &str, fields: &mut Vec<String>) {
    match (one, other) {
        (Node::Object(one), Node::Object(other)) => {
            let added = other.keys().filter(|name| !one.contains_key(*name));
            for name in one.keys().chain(added) {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{}", safe_name(name));
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => collect(one, other, &path, fields),
                    _ => fields.push(path),
                }
            }
        }
        (Node::Array(one), Node::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                collect(one, other, &format!("{path}[{index}]"), fields);
            }
        }
        (one, other) if one == other => {}
        _ => fields.push(path.to_owned()),
    }
}

/// The name of a field, unless it can be personal data, such as an address.
fn safe_name(name: &str) -> &str {
    let is_name = name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name && !name.starts_with(|char: char| char.is_ascii_digit()) { name } else { "(redacted key)" }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::value(r#"{"a":{"b":1.0}}"#, r#"{"a":{"b":1.00}}"#, &["a.b"])]
    #[case::added_and_removed(r#"{"a":1,"b":2}"#, r#"{"b":2,"c":3}"#, &["a", "c"])]
    #[case::in_a_list(r#"{"a":[{"b":1},{"b":2}]}"#, r#"{"a":[{"b":1},{"b":3}]}"#, &["a[1].b"])]
    #[case::other_length(r#"{"a":[1]}"#, r#"{"a":[1,2]}"#, &["a"])]
    #[case::other_kind(r#"{"a":[1]}"#, r#"{"a":{}}"#, &["a"])]
    #[case::order_and_spaces(r#"{"a":1,"b":2}"#, r#"{ "b": 2, "a": 1 }"#, &[])]
    #[case::repeated_field(r#"{"a":1,"a":2}"#, r#"{"a":2}"#, &[])]
    #[case::personal_name(r#"{"mira@example.com":1}"#, "{}", &["(redacted key)"])]
    fn differing_fields_are_named_without_their_values(
        #[case] one: &str,
        #[case] other: &str,
        #[case] expected: &[&str],
    ) {
        let mut fields = Vec::new();
        collect(&Node::parse(one).unwrap(), &Node::parse(other).unwrap(), "", &mut fields);
        assert_eq!(fields, expected);
    }
}
