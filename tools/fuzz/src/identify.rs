//! Verifying and identifying: no bytes panic, and none are accepted without a signature.

use std::iter;

use xsolla::{Envelope, Secrets, Signature, sign};

use crate::{SECRET, assert_fits, notification};

/// Takes a body, a header and a secret, with a NUL between them.
///
/// # Panics
///
/// If something is accepted that is not signed, or refused that is; or if a body's key is none that the table takes.
pub fn check(input: &[u8]) {
    let mut parts = input.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (body, header, secret) = (part(), String::from_utf8_lossy(part()), String::from_utf8_lossy(part()));

    // Whatever is taken for secrets: everyone can sign with an empty one.
    if let Ok(secrets) = Secrets::parse(&secret) {
        let signature = Signature::parse(&sign(body, "")).unwrap();
        assert!(secrets.verify(body, &signature).is_err(), "signed with nothing, and accepted");
    }

    let secret = if secret.is_empty() { SECRET } else { &secret };
    let secrets = Secrets::new(vec![format!("not {secret}"), secret.to_owned()]).unwrap();
    let right = sign(body, secret);
    // The right header with some of its bits turned over, since nobody finds it by chance.
    let bits = header.bytes().chain(iter::repeat(0));
    let bent: String = right.bytes().zip(bits).map(|(byte, bits)| char::from(byte ^ bits)).collect();
    for header in [&*header, &bent, &right] {
        let verified = Signature::parse(header).and_then(|signature| secrets.verify(body, &signature));
        assert_eq!(verified.is_ok(), words(header) == words(&right), "{header:?} where {right:?} is right");
    }

    let verified = secrets.verify(body, &Signature::parse(&right).unwrap()).unwrap();
    assert_eq!((verified.body(), verified.secret()), (body, 1));
    let envelope = Envelope::read(&verified).ok();
    let type_name = envelope.as_ref().map(|envelope| envelope.type_name.clone().into_owned());
    assert_eq!(type_name, notification::type_name(body));
    let Some(envelope) = envelope else { return };
    assert_fits(&envelope.event_id, verified.digest());
    for reference in [&envelope.order_id, &envelope.user_id, &envelope.project_id].into_iter().flatten() {
        assert!((1..=2048).contains(&reference.len()), "no key for an index: {reference:?}");
    }
}

/// What counts in a header.
fn words(header: &str) -> Vec<String> {
    header.split([' ', '\t']).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
}
