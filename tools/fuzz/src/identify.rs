//! Verify and identify: no input panics, and none is accepted without a valid signature.

use std::iter;

use xsolla::{Envelope, Secrets, Signature, sign};

use crate::{SECRET, assert_fits, notification};

/// Input: a body, a header and a secret, separated by NUL.
///
/// # Panics
///
/// If an unsigned body is accepted, a signed one is rejected, or an event id does not fit the table.
pub fn check(input: &[u8]) {
    let mut parts = input.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (body, header, secret) = (part(), String::from_utf8_lossy(part()), String::from_utf8_lossy(part()));

    // Anyone can sign with an empty secret, so none may be accepted.
    if let Ok(secrets) = secret.parse::<Secrets>() {
        let signature = sign(body, "").parse::<Signature>().unwrap();
        assert!(secrets.verify(body, &signature).is_err(), "accepted a signature made with an empty secret");
    }

    let secret = if secret.is_empty() { SECRET } else { &secret };
    let secrets = Secrets::new(vec![format!("not {secret}"), secret.to_owned()]).unwrap();
    let valid = sign(body, secret);
    // The valid header with flipped bits: the fuzzer cannot find a nearly valid one by chance.
    let bits = header.bytes().chain(iter::repeat(0));
    let flipped: String = valid.bytes().zip(bits).map(|(byte, bits)| char::from(byte ^ bits)).collect();
    for header in [&*header, &flipped, &valid] {
        let verified = header.parse().ok().and_then(|signature: Signature| secrets.verify(body, &signature).ok());
        assert_eq!(verified.is_some(), words(header) == words(&valid), "{header:?}, valid: {valid:?}");
    }

    let verified = secrets.verify(body, &valid.parse::<Signature>().unwrap()).unwrap();
    assert_eq!((verified.body(), verified.secret_index()), (body, 1));
    let envelope = Envelope::parse(&verified).ok();
    let type_name = envelope.as_ref().map(|envelope| envelope.type_name().to_owned());
    assert_eq!(type_name, notification::type_name(body));
    let Some(envelope) = envelope else { return };
    assert_fits(envelope.event_id(), verified.digest());
    for reference in [envelope.order_id(), envelope.user_id(), envelope.project_id()].into_iter().flatten() {
        assert!((1..=2048).contains(&reference.len()), "does not fit an index key: {reference:?}");
    }
}

/// The words of a header in lower case, as `Signature` compares them.
fn words(header: &str) -> Vec<String> {
    header.split([' ', '\t']).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
}
