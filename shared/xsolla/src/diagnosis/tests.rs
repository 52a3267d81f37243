//! Every mistake is recognized.

use rstest::rstest;

use super::*;
use crate::sign;

const SECRET: &str = "correct horse battery staple";
const BODY: &str = r#"{"url":"https://example.com/é","id":9007199254740993001,"amount":7.90,"a":[1,2]}"#;

fn secrets(secret: &str) -> Secrets {
    Secrets::new(["another-secret", secret]).unwrap()
}

fn explained(body: impl AsRef<[u8]>, header: &str) -> String {
    diagnose(body.as_ref(), [header], &secrets(SECRET)).to_string()
}

#[test]
fn valid_signature_names_its_secret() {
    assert_eq!(explained(BODY, &sign(BODY.as_bytes(), SECRET)), "valid (secret index 1)");
    let upper = sign(BODY.as_bytes(), SECRET).to_uppercase();
    assert_eq!(explained(BODY, &upper), "valid (secret index 1)", "letter case is ignored");
}

#[rstest]
#[case::line_end(format!("{BODY}\n"), "without the line end")]
#[case::crlf_at_the_end(format!("{BODY}\r\n"), "without the line end")]
#[case::blanks(format!("  {BODY} "), "without the blanks around it")]
#[case::byte_order_mark(format!("\u{feff}{BODY}"), "without the byte order mark")]
#[case::base64(STANDARD.encode(BODY), "decoded from Base64")]
#[case::json_string(serde_json::to_string(BODY).unwrap(), "decoded from a JSON string")]
#[case::indented(BODY.replace(',', ",\n "), "as JSON written again (compact)")]
#[case::escaped_slashes(BODY.replace('/', r"\/"), "as JSON written again (compact)")]
fn changed_body_is_recognized(#[case] received: String, #[case] expected: &str) {
    let header = sign(BODY.as_bytes(), SECRET);
    assert_eq!(explained(received, &header), format!("not valid: the body was signed {expected} (secret index 1)"));
}

#[rstest]
#[case::php(BODY.replace('/', r"\/").replace('é', r"\u00e9"), r"compact, with `/` as `\/`, with other alphabets as `\u` escapes")]
#[case::javascript(
    r#"{"url":"https://example.com/é","id":9007199254740993000,"amount":7.9,"a":[1,2]}"#,
    "compact, with numbers as in JavaScript"
)]
#[case::python(
    r#"{"url": "https://example.com/\u00e9", "id": 9007199254740993001, "amount": 7.9, "a": [1, 2]}"#,
    r"with a space after each comma and colon, with other alphabets as `\u` escapes, with numbers as in Python"
)]
#[case::sorted(
    r#"{"a":[1,2],"amount":7.90,"id":9007199254740993001,"url":"https://example.com/é"}"#,
    "compact, with sorted keys"
)]
fn library_that_signed_the_json_is_recognized(#[case] signed: impl AsRef<str>, #[case] form: &str) {
    let header = sign(signed.as_ref().as_bytes(), SECRET);
    let expected = format!("not valid: the body was signed as JSON written again ({form}) (secret index 1)");
    assert_eq!(explained(BODY, &header), expected);
}

#[rstest]
#[case::line_end(format!("{BODY}\n"), "with a line end after it")]
#[case::crlf(format!("{BODY}\r\n"), "with a line end (CRLF) after it")]
#[case::byte_order_mark(format!("\u{feff}{BODY}"), "with a byte order mark before it")]
#[case::base64(STANDARD.encode(BODY), "in Base64")]
#[case::empty(String::new(), "as an empty text")]
fn signature_of_other_bytes_is_recognized(#[case] signed: String, #[case] expected: &str) {
    let header = sign(signed.as_bytes(), SECRET);
    assert_eq!(explained(BODY, &header), format!("not valid: the body was signed {expected} (secret index 1)"));
}

#[rstest]
#[case::to_crlf("{\"a\":1,\n\"b\":\"x\\ny\"}", "{\"a\":1,\r\n\"b\":\"x\\ny\"}", "with CRLF line ends")]
#[case::to_lf("{\"a\":1,\r\n\"b\":2}", "{\"a\":1,\n\"b\":2}", "with LF line ends")]
fn changed_line_ends_are_recognized(#[case] received: &str, #[case] signed: &str, #[case] expected: &str) {
    let header = sign(signed.as_bytes(), SECRET);
    assert_eq!(explained(received, &header), format!("not valid: the body was signed {expected} (secret index 1)"));
}

#[rstest]
#[case::blanks(" spaced ", "spaced", "without the blanks around it")]
#[case::line_end("plain", "plain\n", "with a line end after it")]
#[case::quotes("plain", "\"plain\"", "in quotes")]
#[case::without_quotes("'plain'", "plain", "without the quotes around it")]
#[case::case("Plain", "plain", "in lower case")]
#[case::base64("cGxhaW4=", "plain", "decoded from Base64")]
fn other_form_of_the_secret_is_recognized(#[case] given: &str, #[case] used: &str, #[case] expected: &str) {
    let header = sign(BODY.as_bytes(), used);
    let diagnosis = diagnose(BODY.as_bytes(), [header.as_str()], &secrets(given));
    assert_eq!(
        diagnosis.to_string(),
        format!("not valid: the body was signed with the secret {expected} (secret index 1)")
    );
}

/// Hashes computed with Python's `hashlib` and `hmac`.
#[rstest]
#[case::hmac_sha1("7bedd70897597b8c07c4cab82563898596396002", "HMAC-SHA1 (secret index 1)")]
#[case::hmac_sha256("d817bb4159311b361dc62e023a3aeb7b733c56c304b955b6d6c07e5523810aeb", "HMAC-SHA256 (secret index 1)")]
#[case::secret_first("e6fc4aaae1b8cdf0d6b464003ddb373f28b8ffdf", "SHA-1 of secret and body (secret index 1)")]
#[case::sha256(
    "fdf99fc1485d2137894ed14ea7e228728ff258bb4f0e8790c837d34e24047fed",
    "SHA-256 of body and secret (secret index 1)"
)]
#[case::sha256_secret_first(
    "6b382949734fdd16602f5bf84002d23b6a873de8ada5c2f6d835a04391525cd8",
    "SHA-256 of secret and body (secret index 1)"
)]
#[case::no_secret("da5816aa5a63e3aa7307657bf8f31862e6b45e83", "SHA-1 of the body, without a secret")]
#[case::sha256_no_secret(
    "a5d16f65193a7ffc3b598f1c1a2a0fcb474c9de186981fdb80370e5b62d29ac0",
    "SHA-256 of the body, without a secret"
)]
fn other_formula_is_recognized(#[case] digits: &str, #[case] used: &str) {
    let expected = format!("not valid: computed as {used}; {FORMULA}");
    assert_eq!(explained(BODY, &format!("Signature {digits}")), expected);
}

#[test]
fn unknown_hash_hints_at_the_api_key() {
    let header = sign(BODY.as_bytes(), "the API key");
    let found = explained(BODY, &header);
    assert!(found.starts_with("not valid: none of 2 secrets matches") && found.contains("API key"), "{found}");
    let one = Secrets::new([SECRET]).unwrap();
    assert!(diagnose(BODY.as_bytes(), [header.as_str()], &one).to_string().contains("the secret does not match"));
}

#[rstest]
#[case::no_word("HEX", "the word `Signature` before the digits is missing")]
#[case::no_space("SignatureHEX", "one space between `Signature` and the digits is required")]
#[case::colon("Signature: HEX", "only one space is allowed between `Signature` and the digits")]
#[case::scheme("Bearer HEX", "the word before the digits is not `Signature`")]
#[case::sha1("sha1=HEX", "the word before the digits is not `Signature`")]
#[case::quotes("Signature \"HEX\"", "the digits are in quotes")]
#[case::base64("Signature BASE64", "the hash is in Base64, not in hexadecimal digits")]
fn wrong_form_of_the_header_is_recognized(#[case] form: &str, #[case] problem: &str) {
    let hash = concatenated(BODY.as_bytes(), SECRET);
    let header = form.replace("HEX", &hex::encode(&hash)).replace("BASE64", &STANDARD.encode(&hash));
    let expected = format!("not valid: the hash is right, but {problem} (secret index 1)");
    assert_eq!(explained(BODY, &header), expected);
}

#[test]
fn header_without_a_hash_is_recognized() {
    assert_eq!(diagnose(b"{}", [], &secrets(SECRET)), Diagnosis::NoHeader);
    for header in ["", "Basic dXNlcjpwYXNz", "Signature 12ab", "Signature é", ",,"] {
        assert_eq!(diagnose(b"{}", [header], &secrets(SECRET)), Diagnosis::NoSignature, "{header}");
    }
}

#[test]
fn diagnosis_of_the_largest_body_is_bounded() {
    let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(256 * 1024));
    assert!(explained(body, &sign(b"other", SECRET)).contains("API key"));
}
