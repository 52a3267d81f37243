//! Which requests the console accepts: those of its own page, and of tools on this machine.

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::guard::Guard;

/// Headers that a tunnel or proxy adds. The console must not be reachable through one.
const PROXY_HEADERS: [&str; 6] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

pub(super) async fn refuse_or_continue(request: Request, next: Next) -> Response {
    match check(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(reason) => (StatusCode::FORBIDDEN, format!("refused: {reason}\n")).into_response(),
    }
}

fn check(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), &'static str> {
    if !Guard::default().has_allowed_host(uri, headers) {
        return Err("the Host header must be 127.0.0.1, localhost or [::1]");
    }
    if PROXY_HEADERS.iter().any(|name| headers.contains_key(*name)) {
        return Err("the console is not served through a proxy or tunnel");
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let own_origin = format!("http://{}", text(HOST.as_str()).unwrap_or_default());
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin_is_own = origins.next().map(|origin| origin.as_bytes() == own_origin.as_bytes());
    if origin_is_own == Some(false) || origins.next().is_some() {
        return Err("the Origin header is that of another page");
    }
    // A link on another page may open the console, whose page has no data of its own.
    let is_link = uri.path() == "/" && text("sec-fetch-mode") == Some("navigate");
    if !is_link && !matches!(text("sec-fetch-site"), None | Some("same-origin" | "none")) {
        return Err("another page sent the request");
    }
    match *method {
        Method::POST if origin_is_own != Some(true) => Err("a command needs the Origin header of the console"),
        Method::POST if text(CONTENT_TYPE.as_str()) != Some("application/json") => {
            Err("a command needs the Content-Type application/json")
        }
        Method::GET | Method::HEAD | Method::POST => Ok(()),
        _ => Err("the method is not supported"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn is_accepted(method: &Method, path: &str, headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        check(method, &path.parse().unwrap(), &map).is_ok()
    }

    #[rstest]
    #[case::tool("/api/events", &[])]
    #[case::own_page("/api/events", &[("origin", "http://localhost:7700"), ("sec-fetch-site", "same-origin")])]
    #[case::typed_address("/", &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")])]
    #[case::link("/", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")])]
    fn accepts_reads_of_this_machine(#[case] path: &str, #[case] headers: &[(&'static str, &str)]) {
        assert!(is_accepted(&Method::GET, path, &[&[("host", "localhost:7700")], headers].concat()));
    }

    #[rstest]
    #[case::foreign_host(&[("host", "attacker.example")])]
    #[case::no_host(&[])]
    #[case::foreign_origin(&[("host", "localhost:7700"), ("origin", "http://attacker.example")])]
    #[case::origin_null(&[("host", "localhost:7700"), ("origin", "null")])]
    #[case::other_port(&[("host", "localhost:7700"), ("origin", "http://localhost:3000")])]
    #[case::other_name(&[("host", "localhost:7700"), ("origin", "http://127.0.0.1:7700")])]
    #[case::second_origin(&[("host", "localhost:7700"), ("origin", "http://localhost:7700"), ("origin", "null")])]
    #[case::other_page(&[("host", "localhost:7700"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")])]
    #[case::same_site(&[("host", "localhost:7700"), ("sec-fetch-site", "same-site")])]
    #[case::tunnel(&[("host", "localhost:7700"), ("x-forwarded-for", "192.0.2.1")])]
    #[case::proxy(&[("host", "localhost:7700"), ("forwarded", "for=192.0.2.1")])]
    fn refuses_reads_of_other_pages(#[case] headers: &[(&'static str, &str)]) {
        assert!(!is_accepted(&Method::GET, "/api/events", headers));
    }

    #[rstest]
    #[case::complete(&[("origin", "http://localhost:7700"), ("content-type", "application/json")], true)]
    #[case::no_origin(&[("content-type", "application/json")], false)]
    #[case::foreign_origin(&[("origin", "http://attacker.example"), ("content-type", "application/json")], false)]
    #[case::form(&[("origin", "http://localhost:7700"), ("content-type", "text/plain")], false)]
    #[case::no_type(&[("origin", "http://localhost:7700")], false)]
    fn command_needs_own_origin_and_json(#[case] headers: &[(&'static str, &str)], #[case] expected: bool) {
        let headers = [&[("host", "localhost:7700")], headers].concat();
        assert_eq!(is_accepted(&Method::POST, "/api/send", &headers), expected);
    }

    #[rstest]
    fn refuses_other_methods(#[values(Method::OPTIONS, Method::PUT, Method::DELETE)] method: Method) {
        let headers = [("host", "localhost"), ("origin", "http://localhost"), ("content-type", "application/json")];
        assert!(!is_accepted(&method, "/api/send", &headers));
    }
}
