//! Limits of notifications that a consumer's JSON parser may not read.

/// Maximum nesting depth of a notification: 1 for an object without objects or arrays in it.
///
/// A queue message adds one level, and 64 levels are the default limit of .NET's `System.Text.Json`. Rust's `serde_json` reads
/// 127, Python 3.11 about 990, Jackson 1000. JavaScript reads any depth, but overflows its stack when it writes 5000.
/// Documented notifications have at most 6.
pub const MAX_DEPTH: usize = 63;

/// Maximum length of a number in characters.
///
/// Python rejects integers of more than 4300 digits, and Jackson numbers of more than 1000 characters. The longest documented
/// number has 19.
pub const MAX_NUMBER_LEN: usize = 100;

/// The error of [`check_complexity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TooComplex {
    /// Objects and arrays are nested more than [`MAX_DEPTH`] levels deep.
    #[error("nested more than {MAX_DEPTH} levels deep, which JSON parsers of consumers may reject")]
    Depth,
    /// A number has more than [`MAX_NUMBER_LEN`] characters.
    #[error("a number has more than {MAX_NUMBER_LEN} characters, which JSON parsers of consumers may reject")]
    NumberLen,
    /// A number is not a finite 64-bit float, such as `1e400`.
    #[error("a number is larger than a 64-bit float, which JSON parsers of consumers may reject")]
    NumberRange,
}

/// Checks that the usual JSON parsers can read a notification. Uses no recursion.
///
/// The text must be JSON; of other texts, the result has no meaning.
///
/// ```
/// use xsolla_webhooks::{TooComplex, check_complexity};
///
/// assert_eq!(check_complexity(r#"{"id":12345678901234567890}"#), Ok(()));
/// assert_eq!(check_complexity(r#"{"id":1e400}"#), Err(TooComplex::NumberRange));
/// ```
///
/// # Errors
///
/// The first limit that the text exceeds.
pub fn check_complexity(json: &str) -> Result<(), TooComplex> {
    let mut depth = 0_usize;
    let mut rest = json;
    while let Some(first) = rest.bytes().next() {
        let len = match first {
            b'"' => string_len(rest),
            b'-' | b'0'..=b'9' => {
                let len = rest.find(|character| !matches!(character, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
                let number = rest.get(..len.unwrap_or(rest.len())).unwrap_or_default();
                check_number(number)?;
                number.len()
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(TooComplex::Depth);
                }
                1
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                1
            }
            _ => 1,
        };
        // Outside of strings, JSON is ASCII.
        rest = rest.get(len..).unwrap_or_default();
    }
    Ok(())
}

/// Returns the length of the string at the start of the text, with its quotation marks.
fn string_len(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(text.len(), |content| content + 2)
}

fn check_number(number: &str) -> Result<(), TooComplex> {
    if number.len() > MAX_NUMBER_LEN {
        return Err(TooComplex::NumberLen);
    }
    match number.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(()),
        _ => Err(TooComplex::NumberRange),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn nested(depth: usize) -> String {
        format!(r#"{{"a":{}{}}}"#, "[".repeat(depth - 1), "]".repeat(depth - 1))
    }

    #[rstest]
    #[case(nested(63), Ok(()))]
    #[case(nested(64), Err(TooComplex::Depth))]
    #[case(nested(120_000), Err(TooComplex::Depth))]
    #[case(format!("[{}0]", "[],{},".repeat(1000)), Ok(()))]
    #[case(format!(r#"{{"a":"{}"}}"#, "[".repeat(1000)), Ok(()))]
    #[case(format!(r#"{{"{}":1}}"#, r#"\"\\["#.repeat(1000)), Ok(()))]
    #[case(format!(r#"["\\",{}]"#, nested(63)), Err(TooComplex::Depth))]
    #[case(format!(r#"["\"",{}]"#, nested(63)), Err(TooComplex::Depth))]
    #[case(format!(r#"["[é🏝",{}]"#, nested(62)), Ok(()))]
    fn depth_is_limited(#[case] json: String, #[case] expected: Result<(), TooComplex>) {
        assert!(serde_json::from_str::<&serde_json::value::RawValue>(&json).is_ok(), "the case is JSON");
        assert_eq!(check_complexity(&json), expected);
    }

    #[rstest]
    #[case("9".repeat(100), Ok(()))]
    #[case("9".repeat(101), Err(TooComplex::NumberLen))]
    #[case(format!("-{}", "9".repeat(100)), Err(TooComplex::NumberLen))]
    #[case(format!("1.{}", "0".repeat(99)), Err(TooComplex::NumberLen))]
    #[case("1e308".to_owned(), Ok(()))]
    #[case("1e309".to_owned(), Err(TooComplex::NumberRange))]
    #[case("-1E+400".to_owned(), Err(TooComplex::NumberRange))]
    #[case("1e99999999999999999999".to_owned(), Err(TooComplex::NumberRange))]
    #[case("1e-400".to_owned(), Ok(()))]
    #[case("-0".to_owned(), Ok(()))]
    #[case("7.9900".to_owned(), Ok(()))]
    fn numbers_are_limited(#[case] number: String, #[case] expected: Result<(), TooComplex>) {
        for json in [number.clone(), format!("[1,{number},2]"), format!(r#"{{ "a" : {number} , "b":"x"}}"#)] {
            assert_eq!(check_complexity(&json), expected, "{json}");
        }
        assert_eq!(check_complexity(&format!(r#"{{"{number}":"{number}"}}"#)), Ok(()), "in a string");
    }

    /// Within the limits, `serde_json` reads a message; the message adds a level.
    #[test]
    fn usual_parser_reads_what_is_within_the_limits() {
        for json in [nested(63), "9".repeat(100), "1e308".to_owned()] {
            let message = format!(r#"{{"notification":{json}}}"#);
            assert!(serde_json::from_str::<serde_json::Value>(&message).is_ok(), "{json}");
        }
        assert!(serde_json::from_str::<serde_json::Value>(&nested(128)).is_err());
    }

    #[test]
    fn samples_are_within_the_limits() {
        for sample in crate::samples::ALL {
            assert_eq!(check_complexity(sample.body), Ok(()), "{}", sample.name);
        }
    }
}
