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
    let mut bytes = json.as_bytes().iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(TooComplex::Depth);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let start = json.len() - bytes.len() - 1;
                while bytes.as_slice().first().is_some_and(|byte| is_in_number(*byte)) {
                    bytes.next();
                }
                check_number(json.get(start..json.len() - bytes.len()).unwrap_or_default())?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Skips the rest of a string, with its closing quotation mark.
fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

const fn is_in_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

fn check_number(number: &str) -> Result<(), TooComplex> {
    if number.len() > MAX_NUMBER_LEN {
        return Err(TooComplex::NumberLen);
    }
    // Without an exponent, a number of this length is below 1e100.
    let is_finite = !number.contains(['e', 'E']) || number.parse().is_ok_and(f64::is_finite);
    if is_finite { Ok(()) } else { Err(TooComplex::NumberRange) }
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
