//! Indentation of JSON text. Every character of names, strings and numbers remains.

/// Indents JSON. Other text is returned unchanged.
pub(super) fn pretty(json: &str) -> String {
    if serde_json::from_str::<&serde_json::value::RawValue>(json).is_err() {
        return json.to_owned();
    }
    let mut out = String::with_capacity(2 * json.len());
    let mut depth = 0;
    let mut in_string = false;
    let mut is_escaped = false;
    let mut chars = json.chars().filter(|char| !char.is_ascii_control()).peekable();
    while let Some(char) = chars.next() {
        if in_string {
            out.push(char);
            in_string = is_escaped || char != '"';
            is_escaped = !is_escaped && char == '\\';
            continue;
        }
        match char {
            ' ' => {}
            '{' | '[' => {
                out.push(char);
                while chars.next_if_eq(&' ').is_some() {}
                if let Some(close) = chars.next_if(|next| matches!(next, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                new_line(&mut out, depth);
                out.push(char);
            }
            ',' => {
                out.push(char);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            '"' => {
                in_string = true;
                out.push(char);
            }
            _ => out.push(char),
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    // A hostile body is deep, and must not become many times as long.
    out.extend(std::iter::repeat_n("  ", depth.min(40)));
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::digits(
        r#"{"id":9007199254740993001,"amount":1.10e0}"#,
        "{\n  \"id\": 9007199254740993001,\n  \"amount\": 1.10e0\n}"
    )]
    #[case::empty(r#"{"a": [ ], "b":{}}"#, "{\n  \"a\": [],\n  \"b\": {}\n}")]
    #[case::quotes(r#"{"a\"{,":"\\"}"#, "{\n  \"a\\\"{,\": \"\\\\\"\n}")]
    #[case::duplicate_names(r#"{"a":1,"a":2}"#, "{\n  \"a\": 1,\n  \"a\": 2\n}")]
    #[case::not_json("{,", "{,")]
    fn indents(#[case] json: &str, #[case] expected: &str) {
        assert_eq!(pretty(json), expected);
    }
}
