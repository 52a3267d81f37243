//! The command `listen`: forwards events to an HTTP server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::net::TcpListener;

use crate::test_stack::{TestStack, sample};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Headers and body.
type Request = (BTreeMap<String, String>, String);

/// A server that records requests, and fails those whose id is in `failing`.
#[derive(Clone, Default)]
struct Server {
    requests: Arc<Mutex<Vec<Request>>>,
    failing: Arc<Mutex<Vec<&'static str>>>,
}

impl Server {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let app = Router::new().route("/hooks", post(answer)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        url
    }

    /// The ids of all requests since the last call.
    fn take_ids(&self) -> Vec<String> {
        self.requests.lock().unwrap().drain(..).map(|(mut headers, _)| headers.remove("webhook-id").unwrap()).collect()
    }
}

async fn answer(State(server): State<Server>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let headers: BTreeMap<String, String> =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let is_failing = server.failing.lock().unwrap().iter().any(|failing| headers["webhook-id"] == *failing);
    server.requests.lock().unwrap().push((headers, String::from_utf8(body.to_vec()).unwrap()));
    if is_failing { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::NO_CONTENT }
}

async fn listen(stack: &TestStack, url: &str) -> (bool, String) {
    let options = ["--signing-key", KEY, "--retry-after", "0", "--once", "--yes"];
    stack.run(&[&["listen", "--forward-to", url], &options[..]].concat()).await
}

/// A stack whose queue has the events of two sales.
async fn stack() -> TestStack {
    let stack = TestStack::start().await;
    for name in ["payment", "order_paid-separate", "partial_refund"] {
        assert!(stack.send(sample(name)).await.status < 300);
    }
    stack.receive_all().await;
    // A replay queues the events before the command returns.
    let (succeeded, printed) = stack.run(&["replay", "--from", "2020-01-01", "--yes"]).await;
    assert!(succeeded, "{printed}");
    stack
}

const PAYMENT: &str = "transaction#2298114507#payment";
const ORDER: &str = "transaction#2298114507#order_paid#712045518";
const REFUND: &str = "transaction#2298130071#partial_refund#2026-05-23 08:14:03#12.5#5";

fn of_sale(ids: Vec<String>) -> Vec<String> {
    ids.into_iter().filter(|id| id.starts_with("transaction#2298")).collect()
}

#[tokio::test]
async fn event_has_the_headers_of_standard_webhooks_and_is_deleted_after_a_2xx() {
    let (stack, server) = (stack().await, Server::default());
    let (succeeded, printed) = listen(&stack, &server.start().await).await;
    assert!(succeeded, "{printed}");
    assert!(printed.contains(&format!("  204  {ORDER}  grant\n")), "{printed}");
    assert!(!printed.contains("Signing key"), "{printed}");
    let requests = server.requests.lock().unwrap().clone();
    for (headers, body) in &requests {
        let (id, timestamp) = (&headers["webhook-id"], &headers["webhook-timestamp"]);
        assert!(body.contains(&format!(r#""event_id":"{id}""#)), "{body}");
        let key = STANDARD.decode(KEY.strip_prefix("whsec_").unwrap()).unwrap();
        let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(format!("{id}.{timestamp}.{body}"));
        assert_eq!(headers["webhook-signature"], format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
    }
    let mut ids = of_sale(server.take_ids());
    ids.sort();
    assert_eq!(ids, [ORDER, PAYMENT, REFUND]);
    let (_, printed) = listen(&stack, &server.start().await).await;
    assert!(printed.ends_with("  Forwarded 0 events.\n"), "{printed}");
}

#[tokio::test]
async fn failed_event_is_forwarded_again_before_later_events_of_its_subject() {
    let (stack, server) = (stack().await, Server::default());
    let url = server.start().await;
    server.failing.lock().unwrap().push(PAYMENT);
    let (succeeded, printed) = listen(&stack, &url).await;
    assert!(
        !succeeded
            && printed.contains(&format!("  500  {PAYMENT}  money_only (order_follows)  <- delivery 1 of 10 failed"))
    );
    let ids = server.take_ids();
    assert!(ids.iter().any(|id| id == PAYMENT) && !ids.iter().any(|id| id == ORDER), "{ids:?}");

    server.failing.lock().unwrap().clear();
    while listen(&stack, &url).await.1.lines().count() > 2 {}
    let ids = of_sale(server.take_ids());
    let position = |wanted: &str| ids.iter().position(|id| id == wanted);
    assert!(position(PAYMENT).unwrap() < position(ORDER).unwrap(), "{ids:?}");
}

#[tokio::test]
async fn server_that_does_not_answer_is_a_failed_delivery() {
    let stack = stack().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Closes each connection.
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let (succeeded, printed) = listen(&stack, &format!("http://{address}/")).await;
    assert!(!succeeded && printed.contains(&format!("  no answer from http://{address}: ")), "{printed}");
    assert!(printed.contains("<- delivery 1 of 10 failed, again after 0 s\n"), "{printed}");
}

#[tokio::test]
async fn server_that_is_not_running_costs_no_delivery() {
    let (stack, server) = (stack().await, Server::default());
    let (succeeded, printed) = listen(&stack, "http://127.0.0.1:1/").await;
    let expected =
        "error: no answer from http://127.0.0.1:1: Connection refused (os error 111); nothing was received\n";
    assert_eq!((succeeded, printed.as_str()), (false, expected));
    server.failing.lock().unwrap().push(PAYMENT);
    let (_, printed) = listen(&stack, &server.start().await).await;
    assert!(printed.contains("<- delivery 1 of 10 failed"), "{printed}");
}

#[tokio::test]
async fn local_accepts_variables_of_a_stack() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_xsolla-webhooks"));
    // Stops before it calls the emulator.
    command.args(["listen", "--local", "--forward-to", "http://127.0.0.1:1/"]).env("QUEUE_URL", "http://127.0.0.1:1/q");
    let (_, printed) = crate::test_stack::output(command).await;
    assert!(printed.ends_with("nothing was received\n"), "{printed}");
}

#[tokio::test]
async fn last_delivery_says_that_the_event_becomes_a_dead_letter() {
    let (stack, server) = (stack().await, Server::default());
    let url = server.start().await;
    server.failing.lock().unwrap().push(PAYMENT);
    let mut printed = String::new();
    for _ in 0..10 {
        printed = listen(&stack, &url).await.1;
    }
    assert!(printed.contains("<- delivery 10 of 10 failed, becomes a dead letter\n"), "{printed}");
    listen(&stack, &url).await;
    let (_, letters) = stack.run(&["dlq", "list"]).await;
    assert!(letters.contains(PAYMENT), "{letters}");
}

#[tokio::test]
async fn queue_of_a_stack_requires_confirmation() {
    let stack = TestStack::start().await;
    let (succeeded, printed) = stack.run(&["listen", "--forward-to", "http://127.0.0.1:1/", "--once"]).await;
    assert!(!succeeded && printed.ends_with("pass --yes\n"), "{printed}");
}
