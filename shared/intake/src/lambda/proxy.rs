//! The proxy event of a REST API, limited to the fields in use.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::http::header;
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
    headers: Authorization,
    #[serde(default)]
    multi_value_headers: Authorization,
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

    /// Returns the `Authorization` header, if there is exactly one.
    pub(crate) fn authorization(&self) -> Option<&str> {
        // API Gateway sends both maps, and only the second has all values. Events written by hand may have only the first.
        let values = if self.multi_value_headers.0.is_empty() { &self.headers.0 } else { &self.multi_value_headers.0 };
        match &values[..] {
            [value] => Some(value),
            _ => None,
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

/// Values of the `Authorization` header, from a map of all headers.
#[derive(Default)]
struct Authorization(Vec<String>);

impl<'de> Deserialize<'de> for Authorization {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Headers;

        impl<'de> Visitor<'de> for Headers {
            type Value = Authorization;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("headers")
            }

            fn visit_unit<E>(self) -> Result<Authorization, E> {
                Ok(Authorization::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut headers: A) -> Result<Authorization, A::Error> {
                let mut values = Vec::new();
                while let Some(Name(name)) = headers.next_key()? {
                    if name.eq_ignore_ascii_case(header::AUTHORIZATION.as_str()) {
                        match headers.next_value()? {
                            OneOrMany::One(value) => values.push(value),
                            OneOrMany::Many(more) => values.extend(more),
                            OneOrMany::Invalid(IgnoredAny) => {}
                        }
                    } else {
                        headers.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Authorization(values))
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

        deserializer.deserialize_any(Headers)
    }
}
