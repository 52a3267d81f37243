//! SHA-1 twins: two bodies with the same SHA-1, and so with the same signature under every secret.
//!
//! A signature alone therefore does not prove that Xsolla signed these bytes and not their twin. What stops a twin is that a
//! notification must be UTF-8: a collision consists of blocks of bytes that cannot be chosen freely, and no collision of UTF-8
//! texts is known.
//!
//! The published collisions are from the test data of the crate `sha1-checked` 0.10.0 (MIT or Apache 2.0):
//!
//! - `shattered-*.bin`: the first 320 bytes of the files of <https://shattered.io>, an identical-prefix collision. The rest of
//!   the files is equal.
//! - `sha-mbles-*.bin`: the two messages of <https://sha-mbles.github.io>, a chosen-prefix collision.
#![allow(clippy::unwrap_used, missing_docs)]

use rstest::rstest;
use xsolla_webhooks::{BodyDigest, Envelope, Secrets, Signature, json_text, sign};

const SECRET: &str = "eG7pX2mWq9LsVt4K";

#[rstest]
#[case::shattered(
    include_bytes!("sha1_twins/shattered-1.bin"),
    include_bytes!("sha1_twins/shattered-2.bin"),
    192..320
)]
#[case::sha_mbles(include_bytes!("sha1_twins/sha-mbles-1.bin"), include_bytes!("sha1_twins/sha-mbles-2.bin"), 64..640)]
fn twins_have_one_signature_and_are_no_notifications(
    #[case] one: &[u8],
    #[case] other: &[u8],
    #[case] blocks: std::ops::Range<usize>,
) {
    // Text after the blocks does not separate the twins.
    for suffix in ["", r#"","notification_type":"payment","transaction":{"id":7}}"#] {
        let twins = [one, other].map(|twin| [twin, suffix.as_bytes()].concat());
        assert_ne!(twins[0], twins[1]);
        let signature = sign(&twins[0], SECRET);
        assert_eq!(signature, sign(&twins[1], SECRET));
        let secrets = Secrets::new([SECRET]).unwrap();
        for twin in &twins {
            let verified = secrets.verify(twin, &signature.parse::<Signature>().unwrap()).unwrap();
            assert!(Envelope::parse(&verified).is_err());
            assert!(json_text(twin).is_err());
            assert!(std::str::from_utf8(&twin[blocks.clone()]).is_err(), "the blocks alone are not UTF-8");
        }
        assert_ne!(BodyDigest::of(&twins[0]), BodyDigest::of(&twins[1]), "the digest of a duplicate is SHA-256");
    }
}
