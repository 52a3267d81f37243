//! Protection of the ports against web pages that run in a browser on the same machine.
//!
//! A port on 127.0.0.1 is reachable from every page that the browser shows: directly, and through a name of the page
//! that resolves to 127.0.0.1 (DNS rebinding). Browsers mark such requests with `Origin`, `Sec-Fetch-Site` or a foreign
//! `Host`. AWS SDKs and Xsolla send neither of the first two.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use crate::log_line;

/// Header by which browsers say how the page that sends a request relates to its target.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request was refused. The text is the body of the 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `OPTIONS` is the question of a browser whether a page may call this port.
    #[error("refused: OPTIONS is not supported; web pages may not use this port")]
    Options,
    /// `Host` is missing, repeated, or no name of this machine.
    #[error(
        "refused: the Host header must be 127.0.0.1, localhost or [::1]; for webhooks through a tunnel, pass its host name as --allow-host"
    )]
    Host,
    /// A browser sent the request: it has `Origin` or `Sec-Fetch-Site`.
    #[error("refused: the request has an Origin or Sec-Fetch-Site header; web pages may not use this port")]
    Browser,
}

/// Rules for the requests of one port.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed_hosts: Arc<[String]>,
}

impl Guard {
    /// A guard that also accepts these host names, in lower case and without a port: those of a tunnel.
    #[must_use]
    pub fn with_hosts(allowed_hosts: &[String]) -> Self {
        Self { allowed_hosts: allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect() }
    }

    /// Checks a request to an API port: webhooks, DynamoDB, SQS.
    ///
    /// # Errors
    ///
    /// If a web page may have sent the request.
    pub fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        if method == Method::OPTIONS {
            return Err(Refusal::Options);
        }
        if !self.has_allowed_host(uri, headers) {
            return Err(Refusal::Host);
        }
        if headers.contains_key(header::ORIGIN) || headers.contains_key(SEC_FETCH_SITE) {
            return Err(Refusal::Browser);
        }
        Ok(())
    }

    /// Checks all requests to a router, also those that match no route.
    pub(crate) fn protect(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, refuse_or_continue))
    }

    /// Whether `Host`, and a host in the request line, are names of this machine.
    pub(crate) fn has_allowed_host(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        // A request line with a whole URL names the host a second time.
        let target_is_allowed = uri.authority().is_none_or(|target| self.allows(target.as_str()));
        target_is_allowed && host.to_str().is_ok_and(|host| self.allows(host))
    }

    /// Whether a host, with or without a port, is this machine or an allowed name. The port is not compared: it differs
    /// behind a forwarded port, and a page cannot gain anything from it.
    fn allows(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let name = name.to_ascii_lowercase();
        ["127.0.0.1", "localhost", "[::1]"].contains(&name.as_str()) || self.allowed_hosts.contains(&name)
    }
}

async fn refuse_or_continue(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.check(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            tracing::warn!("403 {} {} {refusal}", request.method(), log_line::path(request.uri()));
            (StatusCode::FORBIDDEN, format!("{refusal}\n")).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn check(guard: &Guard, method: &Method, uri: &str, headers: &[(HeaderName, &str)]) -> Result<(), Refusal> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).fold(
            HeaderMap::new(),
            |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            },
        );
        guard.check(method, &uri.parse().unwrap(), &headers)
    }

    #[rstest]
    #[case::address("127.0.0.1")]
    #[case::address_and_port("127.0.0.1:8000")]
    #[case::name("localhost")]
    #[case::name_in_capitals("LocalHost:7700")]
    #[case::ipv6("[::1]")]
    #[case::ipv6_and_port("[::1]:7700")]
    fn accepts_names_of_this_machine(#[case] host: &str) {
        assert_eq!(check(&Guard::default(), &Method::POST, "/", &[(header::HOST, host)]), Ok(()));
    }

    #[rstest]
    #[case::foreign("attacker.example")]
    #[case::prefix("127.0.0.1.attacker.example")]
    #[case::suffix("attacker-localhost")]
    #[case::subdomain("a.localhost")]
    #[case::trailing_dot("localhost.")]
    #[case::user("localhost@attacker.example")]
    #[case::name_as_port("localhost:attacker.example")]
    #[case::port_alone(":7700")]
    #[case::other_address("192.168.0.2:7700")]
    #[case::empty("")]
    fn refuses_other_hosts(#[case] host: &str) {
        assert_eq!(check(&Guard::default(), &Method::POST, "/", &[(header::HOST, host)]), Err(Refusal::Host));
    }

    #[test]
    fn refuses_missing_and_repeated_host() {
        assert_eq!(check(&Guard::default(), &Method::GET, "/", &[]), Err(Refusal::Host));
        let twice = [(header::HOST, "localhost"), (header::HOST, "localhost")];
        assert_eq!(check(&Guard::default(), &Method::GET, "/", &twice), Err(Refusal::Host));
    }

    #[rstest]
    #[case::foreign_target("http://attacker.example/", "localhost")]
    #[case::foreign_host("http://localhost/", "attacker.example")]
    fn refuses_a_foreign_host_in_either_place(#[case] uri: &str, #[case] host: &str) {
        assert_eq!(check(&Guard::default(), &Method::GET, uri, &[(header::HOST, host)]), Err(Refusal::Host));
    }

    #[rstest]
    #[case(header::ORIGIN, "http://attacker.example")]
    #[case(header::ORIGIN, "null")]
    #[case(header::ORIGIN, "http://127.0.0.1:7700")]
    #[case(SEC_FETCH_SITE, "cross-site")]
    #[case(SEC_FETCH_SITE, "same-site")]
    fn refuses_requests_of_browsers(#[case] name: HeaderName, #[case] value: &str) {
        let headers = [(header::HOST, "127.0.0.1:7700"), (name, value)];
        assert_eq!(check(&Guard::default(), &Method::POST, "/", &headers), Err(Refusal::Browser));
    }

    #[test]
    fn refuses_options_from_this_machine() {
        let result = check(&Guard::default(), &Method::OPTIONS, "/", &[(header::HOST, "localhost")]);
        assert_eq!(result, Err(Refusal::Options));
    }

    #[test]
    fn accepts_the_name_of_a_tunnel_if_it_is_allowed() {
        let guard = Guard::with_hosts(&["Studio.example".to_owned()]);
        assert_eq!(check(&guard, &Method::POST, "/", &[(header::HOST, "studio.example")]), Ok(()));
        assert_eq!(check(&guard, &Method::POST, "/", &[(header::HOST, "other.example")]), Err(Refusal::Host));
    }
}
