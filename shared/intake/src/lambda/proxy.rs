//! The proxy event of a REST API, limited to the fields in use.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::http::header::{AUTHORIZATION, CONTENT_ENCODING};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::accept::MAX_BODY;
use crate::outcome::Unavailable;

/// One HTTP request from API Gateway.
///
/// `lambda_http` is not used: it rejects an event that lacks any field, and panics on invalid base64. Neither may happen
/// to a payment.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyRequest {
    #[serde(default)]
    http_method: String,
    resource: Option<String>,
    path_parameters: Option<PathParameters>,
    #[serde(default)]
    headers: Headers,
    #[serde(default)]
    multi_value_headers: Headers,
    request_context: Option<RequestContext>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

impl ProxyRequest {
    /// Returns the body as Xsolla sent it.
    pub(crate) fn body(&self) -> Result<Cow<'_, [u8]>, Unavailable> {
        if !self.http_method.eq_ignore_ascii_case("POST") {
            return Err(Unavailable::MethodNotAllowed);
        }
        let body = self.body.as_deref().unwrap_or_default();
        if !self.is_base64_encoded {
            return Ok(Cow::Borrowed(body.as_bytes()));
        }
        if base64::decoded_len_estimate(body.len()) > MAX_BODY + 3 {
            return Err(Unavailable::BodyTooLarge);
        }
        STANDARD.decode(body).map(Cow::Owned).map_err(|_| Unavailable::UndecodableBody)
    }

    /// Returns the values of the `Authorization` headers.
    pub(crate) fn authorization(&self) -> &[String] {
        self.values(|headers| &headers.authorization)
    }

    /// Returns whether a `Content-Encoding` header says that the body is compressed.
    pub(crate) fn is_encoded(&self) -> bool {
        let is_encoding = |coding: &str| !coding.trim().is_empty() && !coding.trim().eq_ignore_ascii_case("identity");
        self.values(|headers| &headers.content_encoding).iter().any(|value| value.split(',').any(is_encoding))
    }

    /// Returns all values of a header.
    fn values(&self, header: impl Fn(&Headers) -> &Vec<String>) -> &[String] {
        // API Gateway sends both maps, and only the second has all values. Events written by hand may have only the first.
        match header(&self.multi_value_headers) {
            empty if empty.is_empty() => header(&self.headers),
            values => values,
        }
    }

    /// Returns the route, with placeholders for its variable parts.
    pub(crate) fn route(&self) -> Option<&str> {
        self.resource.as_deref()
    }

    /// Returns the path parameter `key`.
    pub(crate) fn path_key(&self) -> Option<&str> {
        self.path_parameters.as_ref()?.key.as_deref()
    }

    /// Returns the caller's address as API Gateway saw it. Headers are not trusted.
    pub(crate) fn source(&self) -> Option<IpAddr> {
        self.request_context.as_ref()?.identity.as_ref()?.source_ip.as_ref()?.parse().ok()
    }
}

#[derive(Deserialize)]
struct PathParameters {
    key: Option<String>,
}

#[derive(Deserialize)]
struct RequestContext {
    identity: Option<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    source_ip: Option<String>,
}

/// Shows no content: it may include personal data, a signature or a key.
impl fmt::Debug for ProxyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyRequest(…)")
    }
}

/// Values of the headers in use, from a map of all headers.
#[derive(Default)]
struct Headers {
    authorization: Vec<String>,
    content_encoding: Vec<String>,
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AllHeaders;

        impl<'de> Visitor<'de> for AllHeaders {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers")
            }

            fn visit_unit<E>(self) -> Result<Headers, E> {
                Ok(Headers::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = Headers::default();
                while let Some(Name(name)) = map.next_key()? {
                    let values = if name.eq_ignore_ascii_case(AUTHORIZATION.as_str()) {
                        &mut headers.authorization
                    } else if name.eq_ignore_ascii_case(CONTENT_ENCODING.as_str()) {
                        &mut headers.content_encoding
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    match map.next_value()? {
                        OneOrMany::One(value) => values.push(value),
                        OneOrMany::Many(more) => values.extend(more),
                        OneOrMany::Invalid(IgnoredAny) => {}
                    }
                }
                Ok(headers)
            }
        }

        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        #[derive(Deserialize)]
        #[serde(untagged)]
        enum OneOrMany {
            One(String),
            Many(Vec<String>),
            Invalid(IgnoredAny),
        }

        deserializer.deserialize_any(AllHeaders)
    }
}
