//! Signature Version 4, for calls as `DynamoDB` takes them: a POST to `/`, with JSON and the same few headers.
//!
//! `aws-sigv4` signs any request, and so sorts, encodes and copies what is known here. That was an eighth of the CPU of an
//! accepted event; a test holds this to it.

use aws_credential_types::Credentials;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::digest::InvalidLength;
use sha2::{Digest as _, Sha256};

/// What the JSON of `DynamoDB`'s API is called.
pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// A call to be signed, of which these headers are signed: `content-type`, `host`, `x-amz-target`, and those of the
/// [`Signature`].
pub(super) struct Call<'a> {
    /// With its port, if that is not the usual one.
    pub(super) host: &'a str,
    pub(super) region: &'a str,
    /// The API's version, and the operation.
    pub(super) target: &'a str,
    pub(super) body: &'a [u8],
}

/// The headers that make a call a signed one; with `x-amz-security-token`, if the credentials have a token.
pub(super) struct Signature {
    /// `x-amz-date`.
    pub(super) date: String,
    pub(super) authorization: String,
}

impl Call<'_> {
    pub(super) fn sign(&self, credentials: &Credentials, now: Timestamp) -> Result<Signature, InvalidLength> {
        let Self { host, region, target, body } = self;
        let mut date = format!("{now:.0}");
        date.retain(|character| character.is_ascii_alphanumeric());
        let day = &date[..8];

        let (token, signed_headers) = match credentials.session_token() {
            Some(token) => (
                format!("x-amz-security-token:{token}\n"),
                "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
            ),
            None => (String::new(), "content-type;host;x-amz-date;x-amz-target"),
        };
        let request = format!(
            "POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{host}\nx-amz-date:{date}\n{token}x-amz-target:{target}\n\n\
             {signed_headers}\n{}",
            hex::encode(Sha256::digest(body))
        );
        let scope = format!("{day}/{region}/dynamodb/aws4_request");
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex::encode(Sha256::digest(request)));

        let mut signature = format!("AWS4{}", credentials.secret_access_key()).into_bytes();
        for part in [day, region, "dynamodb", "aws4_request", &text] {
            signature = Hmac::<Sha256>::new_from_slice(&signature)?.chain_update(part).finalize().into_bytes().to_vec();
        }
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed_headers}, Signature={}",
            credentials.access_key_id(),
            hex::encode(signature)
        );
        Ok(Signature { date, authorization })
    }
}

#[cfg(test)]
mod tests {
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_signature_of_the_sdk(
            host in "[a-z0-9.-]{1,40}(:[1-9][0-9]{3})?",
            region in "[a-z]{2}(-[a-z]{2,5}){1,2}-[0-9]",
            key in "[A-Z0-9]{16,20}",
            secret in "[A-Za-z0-9/+]{40}",
            token in proptest::option::of("[A-Za-z0-9/+=]{1,900}"),
            target in "[A-Za-z0-9_.]{1,40}",
            body in proptest::collection::vec(any::<u8>(), 0..600),
            millisecond in 0_i64..32_503_680_000_000,
        ) {
            let credentials = Credentials::new(key, secret, token.clone(), None, "test");
            let now = Timestamp::from_millisecond(millisecond).unwrap();
            let call = Call { host: &host, region: &region, target: &target, body: &body };
            let ours = call.sign(&credentials, now).unwrap();
            let mut ours = vec![("authorization", ours.authorization), ("x-amz-date", ours.date)];
            ours.extend(token.map(|token| ("x-amz-security-token", token)));

            let identity = credentials.into();
            let params = SigningParams::builder()
                .identity(&identity)
                .region(&region)
                .name("dynamodb")
                .time(now.into())
                .settings(SigningSettings::default());
            let headers = [("content-type", CONTENT_TYPE), ("x-amz-target", &target)];
            let request = SignableRequest::new(
                "POST",
                format!("https://{host}/"),
                headers.into_iter(),
                SignableBody::Bytes(&body),
            );
            let signed = sign(request.unwrap(), &params.build().unwrap().into()).unwrap().into_parts().0;
            let mut theirs: Vec<_> = signed.headers().map(|(name, value)| (name, value.to_owned())).collect();
            theirs.sort_unstable();
            prop_assert_eq!(ours, theirs);
        }
    }
}
