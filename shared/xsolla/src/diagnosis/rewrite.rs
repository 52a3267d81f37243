//! The same JSON in the forms that common libraries write.

use std::fmt::Write as _;

/// Greater depth is not rewritten, because the code is recursive.
const MAX_DEPTH: usize = 100;

/// How a library writes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    layout: Layout,
    numbers: Numbers,
    /// Writes `/` as `\/`, as PHP does.
    escapes_slashes: bool,
    /// Writes characters outside ASCII as `\u` escapes, as PHP and Python do.
    escapes_unicode: bool,
    sorts_keys: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Compact,
    /// `, ` and `: `, as Python.
    Spaced,
    /// One member per line, indented by this many spaces.
    Indented(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbers {
    AsSent,
    /// `7.00` becomes `7`, and long ids lose digits.
    JavaScript,
    /// `7.00` becomes `7.0`.
    Python,
}

impl Form {
    /// All forms, the simplest first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let layouts = [Layout::Compact, Layout::Spaced, Layout::Indented(2), Layout::Indented(4)];
        let numbers = [Numbers::AsSent, Numbers::JavaScript, Numbers::Python];
        let booleans = [false, true];
        booleans.into_iter().flat_map(move |sorts_keys| {
            numbers.into_iter().flat_map(move |numbers| {
                layouts.into_iter().flat_map(move |layout| {
                    booleans.into_iter().flat_map(move |escapes_slashes| {
                        booleans.into_iter().map(move |escapes_unicode| Self {
                            layout,
                            numbers,
                            escapes_slashes,
                            escapes_unicode,
                            sorts_keys,
                        })
                    })
                })
            })
        })
    }

    /// Describes the form: `compact, with sorted keys`.
    pub(super) fn describe(self) -> String {
        let mut text = match self.layout {
            Layout::Compact => "compact".to_owned(),
            Layout::Spaced => "with a space after each comma and colon".to_owned(),
            Layout::Indented(width) => format!("indented by {width} spaces"),
        };
        for (applies, description) in [
            (self.sorts_keys, "with sorted keys"),
            (self.escapes_slashes, r"with `/` as `\/`"),
            (self.escapes_unicode, r"with other alphabets as `\u` escapes"),
            (self.numbers == Numbers::JavaScript, "with numbers as in JavaScript"),
            (self.numbers == Numbers::Python, "with numbers as in Python"),
        ] {
            if applies {
                let _ = write!(text, ", {description}");
            }
        }
        text
    }
}

/// JSON with its scalars as written.
#[derive(Debug)]
pub(super) enum Json<'a> {
    Scalar(&'a str),
    Array(Vec<Self>),
    Object(Vec<(&'a str, Self)>),
}

impl<'a> Json<'a> {
    /// Reads JSON; `None` if it is invalid or too deep.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        // The reader below relies on valid JSON.
        serde_json::from_str::<&serde_json::value::RawValue>(text).ok()?;
        let mut rest = text;
        Self::read(&mut rest, 0)
    }

    fn read(rest: &mut &'a str, depth: usize) -> Option<Self> {
        if depth > MAX_DEPTH {
            return None;
        }
        *rest = rest.trim_start();
        match rest.as_bytes().first()? {
            b'[' => {
                let mut elements = Vec::new();
                while !next_is_end(rest, ']')? {
                    elements.push(Self::read(rest, depth + 1)?);
                }
                Some(Self::Array(elements))
            }
            b'{' => {
                let mut members = Vec::new();
                while !next_is_end(rest, '}')? {
                    *rest = rest.trim_start();
                    let key = scalar(rest)?;
                    *rest = rest.trim_start().strip_prefix(':')?;
                    members.push((key, Self::read(rest, depth + 1)?));
                }
                Some(Self::Object(members))
            }
            _ => scalar(rest).map(Self::Scalar),
        }
    }

    /// Writes the JSON in a form.
    pub(super) fn write(&self, form: Form) -> String {
        let mut out = String::new();
        self.write_to(&mut out, form, 0);
        out
    }

    fn write_to(&self, out: &mut String, form: Form, depth: usize) {
        match self {
            Self::Scalar(text) if text.starts_with('"') => write_string(out, text, form),
            Self::Scalar(text) => write_number(out, text, form.numbers),
            Self::Array(elements) => {
                let write = |out: &mut String, element: &Self| element.write_to(out, form, depth + 1);
                write_parts(out, form, depth, ["[", "]"], elements.iter(), write);
            }
            Self::Object(members) => {
                let mut members: Vec<&(&str, Self)> = members.iter().collect();
                if form.sorts_keys {
                    members.sort_by_key(|(key, _)| serde_json::from_str::<String>(key).unwrap_or_default());
                }
                let colon = if form.layout == Layout::Compact { ":" } else { ": " };
                let write = |out: &mut String, (key, value): &(&str, Self)| {
                    write_string(out, key, form);
                    out.push_str(colon);
                    value.write_to(out, form, depth + 1);
                };
                write_parts(out, form, depth, ["{", "}"], members.into_iter(), write);
            }
        }
    }
}

/// Skips the bracket or comma before the next part. Returns whether there is no next part, and skips the end.
fn next_is_end(rest: &mut &str, end: char) -> Option<bool> {
    *rest = rest.trim_start();
    let is_end = rest.starts_with(end);
    *rest = rest.get(1..)?.trim_start();
    if !is_end && rest.starts_with(end) {
        *rest = &rest[1..];
        return Some(true);
    }
    Some(is_end)
}

/// Takes a string with its quotes, a number, or a word.
fn scalar<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let end = if rest.starts_with('"') {
        let mut is_escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, char)| {
            let is_end = *char == '"' && !is_escaped;
            is_escaped = *char == '\\' && !is_escaped;
            is_end
        });
        end?.0 + 1
    } else {
        rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len())
    };
    let (scalar, after) = rest.split_at(end);
    *rest = after;
    Some(scalar)
}

fn write_parts<T>(
    out: &mut String,
    form: Form,
    depth: usize,
    [open, close]: [&str; 2],
    parts: impl ExactSizeIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    let new_line = |out: &mut String, depth: usize| {
        if let Layout::Indented(width) = form.layout {
            out.push('\n');
            out.push_str(&" ".repeat(width * depth));
        }
    };
    let is_empty = parts.len() == 0;
    out.push_str(open);
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.push_str(if form.layout == Layout::Spaced { ", " } else { "," });
        }
        new_line(out, depth + 1);
        write(out, part);
    }
    if !is_empty {
        new_line(out, depth);
    }
    out.push_str(close);
}

/// Writes a string. One that a `String` cannot hold, such as half an emoji, remains as written.
fn write_string(out: &mut String, json: &str, form: Form) {
    let Ok(text) = serde_json::from_str::<String>(json) else { return out.push_str(json) };
    for char in serde_json::Value::String(text).to_string().chars() {
        match char {
            '/' if form.escapes_slashes => out.push_str(r"\/"),
            char if form.escapes_unicode && !char.is_ascii() => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            char => out.push(char),
        }
    }
}

fn write_number(out: &mut String, text: &str, numbers: Numbers) {
    let is_decimal = text.contains(['.', 'e', 'E']);
    match (numbers, text.parse::<f64>()) {
        (Numbers::JavaScript, Ok(number)) => {
            let _ = write!(out, "{number}");
        }
        (Numbers::Python, Ok(number)) if is_decimal => {
            let _ = write!(out, "{number:?}");
        }
        _ => out.push_str(text),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const JSON: &str = " {\"b\" : [1.00, -2e0,\"a\\/b\\\"c\", { } ],\n\t\"a\":{\"é🎮\":null,\"x\\\\\":[]}} ";

    fn written(layout: Layout, change: impl FnOnce(&mut Form)) -> String {
        let mut form = Form {
            layout,
            numbers: Numbers::AsSent,
            escapes_slashes: false,
            escapes_unicode: false,
            sorts_keys: false,
        };
        change(&mut form);
        Json::parse(JSON).unwrap().write(form)
    }

    #[test]
    fn each_library_has_its_form() {
        let compact = r#"{"b":[1.00,-2e0,"a/b\"c",{}],"a":{"é🎮":null,"x\\":[]}}"#;
        assert_eq!(written(Layout::Compact, |_| ()), compact);
        let javascript = compact.replace("1.00,-2e0", "1,-2");
        assert_eq!(written(Layout::Compact, |form| form.numbers = Numbers::JavaScript), javascript);
        let php = compact.replace("a/b", r"a\/b").replace("é🎮", r"\u00e9\ud83c\udfae");
        let change = |form: &mut Form| (form.escapes_slashes, form.escapes_unicode) = (true, true);
        assert_eq!(written(Layout::Compact, change), php);
        let python = r#"{"a": {"x\\": [], "é🎮": null}, "b": [1.0, -2.0, "a/b\"c", {}]}"#;
        let change = |form: &mut Form| (form.numbers, form.sorts_keys) = (Numbers::Python, true);
        assert_eq!(written(Layout::Spaced, change), python);
        let indented = "{\n  \"b\": [\n    1.00,\n    -2e0,\n    \"a/b\\\"c\",\n    {}\n  ],\n  \"a\": {\n    \"é🎮\": null,\n    \"x\\\\\": []\n  }\n}";
        assert_eq!(written(Layout::Indented(2), |_| ()), indented);
    }

    #[rstest]
    #[case::empty("")]
    #[case::not_json("{'a':1}")]
    #[case::two_values("1 2")]
    #[case::too_deep(&"[".repeat(5000))]
    #[case::deep_and_valid(&("[".repeat(5000) + &"]".repeat(5000)))]
    fn other_text_is_not_rewritten(#[case] text: &str) {
        assert!(Json::parse(text).is_none());
    }

    #[test]
    fn compact_form_of_every_sample_is_the_same_json() {
        for sample in crate::samples::ALL {
            let value: serde_json::Value = serde_json::from_str(sample.body).unwrap();
            for form in Form::all().filter(|form| form.numbers == Numbers::AsSent) {
                let written = Json::parse(sample.body).unwrap().write(form);
                assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), value, "{}", sample.name);
            }
        }
    }
}
