//! The web console over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use local::console::{Console, Redrive, SCRIPTS, Session};
use local::{Stack, StackOptions};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::{exchange, options};

const SECRET: &str = "secret_of_the_tests";
const PAYMENT: &str = r#"{"notification_type":"payment","transaction":{"id":900719925474099312345},"user":{"id":"mira","name":"Mira Holm","email":"mira@example.com"},"purchase":{"total":{"amount":1.10,"currency":"EUR"}}}"#;

struct Page {
    stack: Stack,
    address: SocketAddr,
    redrives: Arc<AtomicUsize>,
}

impl Page {
    async fn start() -> Self {
        Self::start_with(options()).await
    }

    async fn start_with(options: StackOptions) -> Self {
        let mut stack = Stack::start(options).await.unwrap();
        let redrives = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&redrives);
        let redrive = move || {
            count.fetch_add(1, Ordering::Relaxed);
            async { Ok("Queued 1 dead letter.".to_owned()) }
        };
        let session = Session {
            journal: Arc::clone(&stack.journal),
            webhook_url: stack.webhook_url(),
            secret: SECRET.to_owned(),
            redrive: Redrive::new(redrive),
        };
        let console = Console::with_session(stack.data(), session);
        stack.open_with(&["studio.example".to_owned()], Some(console));
        Self { address: stack.webhook_addr, stack, redrives }
    }

    async fn webhook(&self, body: &str, secret: &str) -> String {
        let signature = xsolla::sign(body.as_bytes(), secret);
        let head = format!("POST /webhooks HTTP/1.1\r\nHost: localhost\r\nAuthorization: {signature}");
        exchange(self.address, &head, body).await
    }

    /// Sends a webhook and waits until its message is in the queue.
    async fn event(&self, body: &str) {
        let mut changes = self.stack.journal.subscribe();
        let response = self.webhook(body, SECRET).await;
        assert!(response.starts_with("HTTP/1.1 20"), "{response}");
        while !matches!(changes.recv().await.unwrap(), local::journal::Change::Message(_)) {}
    }

    async fn get(&self, path: &str) -> Value {
        json_of(&exchange(self.address, &format!("GET {path} HTTP/1.1\r\nHost: localhost"), "").await)
    }

    /// Sends a command as the page does. Returns the whole response.
    async fn post(&self, path: &str, body: &Value) -> String {
        let headers = "Host: localhost\r\nOrigin: http://localhost\r\nContent-Type: application/json";
        exchange(self.address, &format!("POST {path} HTTP/1.1\r\n{headers}"), &body.to_string()).await
    }
}

fn json_of(response: &str) -> Value {
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: application/json"), "{response}");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {response}"))
}

#[rstest]
#[tokio::test]
async fn every_response_has_a_strict_policy(
    #[values("/", "/app.js", "/dom.js", "/style.css", "/api/events", "/api/sale")] path: &str,
    #[values("localhost", "attacker.example")] host: &str,
) {
    let page = Page::start().await;
    let response = exchange(page.address, &format!("GET {path} HTTP/1.1\r\nHost: {host}"), "").await;
    assert!(
        response.contains(
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
        ),
        "{response}"
    );
    assert!(response.contains("x-content-type-options: nosniff"), "{response}");
    assert_eq!(response.starts_with("HTTP/1.1 403"), host != "localhost", "{response}");
}

#[test]
fn script_never_parses_html() {
    for (path, script) in SCRIPTS {
        for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "srcdoc", "javascript:"]
        {
            assert!(!script.contains(sink), "{path}: {sink}");
        }
    }
}

#[rstest]
#[case::foreign_host("GET /api/events", "Host: attacker.example")]
#[case::host_of_the_tunnel("GET /api/events", "Host: studio.example")]
#[case::page_through_the_tunnel("GET /", "Host: studio.example")]
#[case::tunnel_that_changes_the_host("GET /api/events", "Host: localhost\r\nX-Forwarded-For: 192.0.2.1")]
#[case::foreign_origin("GET /api/stream", "Host: localhost\r\nOrigin: http://attacker.example")]
#[case::command_of_another_page(
    "POST /api/send",
    "Host: localhost\r\nOrigin: http://attacker.example\r\nContent-Type: application/json"
)]
#[case::command_without_origin("POST /api/redrive", "Host: localhost\r\nContent-Type: application/json")]
#[case::form("POST /api/redrive", "Host: localhost\r\nOrigin: http://localhost\r\nContent-Type: text/plain")]
#[case::preflight("OPTIONS /api/send", "Host: localhost\r\nOrigin: http://attacker.example")]
#[tokio::test]
async fn refuses_other_pages(#[case] request: &str, #[case] headers: &str) {
    let page = Page::start().await;
    let response = exchange(page.address, &format!("{request} HTTP/1.1\r\n{headers}"), "{}").await;
    assert!(response.starts_with("HTTP/1.1 403"), "{response}");
    assert_eq!(page.redrives.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn list_shows_outcome_goods_and_queue_state() {
    let page = Page::start().await;
    page.event(PAYMENT).await;
    page.webhook(PAYMENT, SECRET).await;
    page.webhook(PAYMENT, "another secret").await;
    let rows = page.get("/api/events").await;
    let outcomes: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["invalid_signature", "duplicate", "accepted"]);
    let row = &rows[2];
    assert_eq!(
        [&row["type"], &row["user"], &row["goods"], &row["goods_reason"], &row["queue"], &row["status"]],
        [
            &json!("payment"),
            &json!("mira"),
            &json!("money_only"),
            &json!("order_follows"),
            &json!("queued"),
            &json!(204)
        ]
    );
    assert_eq!(row["event_id"], "transaction#900719925474099312345#payment");
    assert_eq!(rows[0]["user"], Value::Null, "nothing from an unauthenticated body");
}

#[tokio::test]
async fn list_has_the_records_of_an_earlier_session() {
    let directory = std::env::temp_dir().join(format!("xsolla-webhooks-console-{}", std::process::id()));
    let on_disk = || StackOptions { data: Some(directory.clone()), ..options() };
    let event = |id| format!(r#"{{"notification_type":"payment","transaction":{{"id":{id}}}}}"#);
    Page::start_with(on_disk()).await.event(&event(7)).await;
    let page = Page::start_with(on_disk()).await;
    page.event(&event(8)).await;
    let rows = page.get("/api/events").await;
    let ids: Vec<&str> = rows.as_array().unwrap().iter().map(|row| row["event_id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["transaction#8#payment", "transaction#7#payment"]);
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn stream_reports_a_webhook_and_its_message() {
    let page = Page::start().await;
    let mut stream = TcpStream::connect(page.address).await.unwrap();
    stream.write_all(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    while !lines.next_line().await.unwrap().unwrap().is_empty() {}
    page.event(PAYMENT).await;
    let (mut name, mut seen) = (String::new(), Vec::new());
    while seen.len() < 2 {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some(event) = line.strip_prefix("event: ") {
            event.clone_into(&mut name);
        } else if let Some(data) = line.strip_prefix("data: ") {
            let data: Value = serde_json::from_str(data).unwrap();
            seen.push((name.clone(), data["event_id"].clone(), data["queue"].clone()));
        }
    }
    let event_id = json!("transaction#900719925474099312345#payment");
    assert_eq!(seen[0].0, "delivery");
    assert_eq!(seen[1], ("message".to_owned(), event_id, json!("queued")));
}

#[tokio::test]
async fn sale_has_events_meaning_state_and_every_digit() {
    let page = Page::start().await;
    let order = r#"{"notification_type":"order_paid","order":{"id":5},"items":[{"sku":"lamp","quantity":1}],"billing":{"transaction":{"id":7}},"user":{"external_id":"mira"}}"#;
    page.event(PAYMENT).await;
    page.event(order).await;
    let found = page.get("/api/sale?id=5").await;
    let sale = &found["sales"][0];
    assert_eq!((&sale["user"], &sale["states"][0]["is_held"]), (&json!("mira"), &json!(true)));
    assert_eq!(sale["events"][0]["meaning"], "The player gets the goods.");
    let found = page.get("/api/sale?id=900719925474099312345").await;
    let event = &found["sales"][0]["events"][0];
    assert!(event["body"].as_str().unwrap().contains("\"id\": 900719925474099312345"), "{event}");
    assert!(event["body"].as_str().unwrap().contains("\"amount\": 1.10,"), "{event}");
    assert_eq!(event["why"], "The order's own events report the goods.");
    let of_player = page.get("/api/sale?user=mira").await;
    assert_eq!(of_player["sales"].as_array().unwrap().len(), 2);
    assert_eq!(page.get("/api/sale?id=unknown").await["sales"], json!([]));
}

#[tokio::test]
async fn sales_of_a_player_start_with_the_one_that_has_the_newest_event() {
    let page = Page::start().await;
    for (type_name, transaction) in [("payment", 101), ("payment", 202), ("refund", 101)] {
        page.event(&format!(
            r#"{{"notification_type":"{type_name}","transaction":{{"id":{transaction}}},"user":{{"id":"mira"}}}}"#
        ))
        .await;
    }
    let of_player = page.get("/api/sale?user=mira").await;
    let first = |sale: &Value| sale["events"][0]["event_id"].as_str().unwrap().to_owned();
    let sales: Vec<String> = of_player["sales"].as_array().unwrap().iter().map(first).collect();
    assert_eq!(sales, ["transaction#101#payment", "transaction#202#payment"]);
}

#[tokio::test]
async fn refund_of_a_sale_takes_its_goods_back() {
    let page = Page::start().await;
    let order = r#"{"notification_type":"order_paid","order":{"id":5},"items":[{"sku":"lamp","quantity":1}],"billing":{"transaction":{"id":900719925474099312345}},"user":{"external_id":"mira"}}"#;
    page.event(PAYMENT).await;
    page.event(order).await;
    let request = json!({ "event_id": "transaction#900719925474099312345#payment" });
    let answers = json_of(&page.post("/api/refund", &request).await);
    assert_eq!(answers["answers"].as_array().unwrap().len(), 2, "{answers}");
    while page.get("/api/sale?id=5").await["sales"][0]["states"][0]["revoked_by"].is_null() {}
    let sale = &page.get("/api/sale?id=5").await["sales"][0];
    let types: Vec<&str> =
        sale["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["payment", "order_paid", "refund", "order_canceled"]);
    assert_eq!(sale["states"][0]["is_held"], false);
}

#[rstest]
#[case("secret", 204)]
#[case("wrong_secret", 400)]
#[case("nothing", 400)]
#[tokio::test]
async fn form_signs_as_selected(#[case] sign_with: &str, #[case] status: u16) {
    let page = Page::start().await;
    let answer = json_of(&page.post("/api/send", &json!({ "body": PAYMENT, "sign_with": sign_with })).await);
    assert_eq!(answer["status"], status, "{answer}");
}

#[tokio::test]
async fn refused_webhook_has_the_reason_and_the_body_as_text() {
    let page = Page::start().await;
    let attack = "<script>alert(1)</script>";
    let signature = xsolla::sign(attack.as_bytes(), SECRET);
    let head = format!("POST /webhooks HTTP/1.1\r\nHost: localhost\r\nAuthorization: {signature}");
    exchange(page.address, &head, &format!("{attack}\n")).await;
    exchange(page.address, "POST /webhooks HTTP/1.1\r\nHost: localhost", "{}").await;
    let refused = page.get("/api/refused").await;
    assert_eq!(refused[0]["delivery"]["reason"], "no Authorization header");
    assert_eq!(refused[1]["delivery"]["reason"], "the body was signed without the line end (secret index 0)");
    assert_eq!(refused[1]["raw"], format!("{attack}\n"));
}

#[tokio::test]
async fn number_of_remembered_refused_webhooks_is_bounded() {
    let page = Page::start().await;
    for _ in 0..60 {
        page.webhook("{}", "another secret").await;
    }
    assert_eq!(page.get("/api/refused").await.as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn queue_state_follows_the_consumer() {
    let page = Page::start().await;
    page.event(PAYMENT).await;
    let queue_url = &page.stack.queues.events;
    let received = page.stack.sqs.receive_message().queue_url(queue_url).send().await.unwrap();
    assert_eq!(page.get("/api/events").await[0]["queue"], "received");
    assert_eq!(page.get("/api/queues").await["events"], json!({ "waiting": 0, "received": 1 }));
    let handle = received.messages()[0].receipt_handle.clone();
    page.stack.sqs.delete_message().queue_url(queue_url).set_receipt_handle(handle).send().await.unwrap();
    assert_eq!(page.get("/api/events").await[0]["queue"], "processed");
}

#[tokio::test]
async fn dead_letters_and_parked_events_are_listed_and_redriven() {
    let page = Page::start().await;
    page.event(PAYMENT).await;
    let queues = &page.stack.queues;
    let received = page.stack.sqs.receive_message().queue_url(&queues.events).send().await.unwrap();
    let letter = page.stack.sqs.send_message().queue_url(&queues.dead_letters).message_group_id("g");
    let letter = letter.message_deduplication_id("d").set_message_body(received.messages()[0].body.clone());
    letter.send().await.unwrap();
    let note = page.stack.sqs.send_message().queue_url(&queues.parked);
    note.message_body(r#"{"pk":"transaction#1","sk":"payment","cause":"too long"}"#).send().await.unwrap();
    // Twice: reading leaves the entries where they are.
    for _ in 0..2 {
        let found = page.get("/api/queues").await;
        assert_eq!(found["dead_letters"][0]["event_id"], "transaction#900719925474099312345#payment");
        assert_eq!(
            (&found["parked"][0]["event_id"], &found["parked"][0]["cause"]),
            (&json!("transaction#1#payment"), &json!("too long"))
        );
    }
    assert_eq!(json_of(&page.post("/api/redrive", &json!({})).await)["result"], "Queued 1 dead letter.");
    assert_eq!(page.redrives.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn console_of_a_deployed_stack_is_read_only_and_masked() {
    let page = Page::start().await;
    page.event(PAYMENT).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let console = tokio::spawn(Console::read_only(page.stack.data()).serve(listener));
    let deployed = Page { address, ..page };

    let masked = deployed.get("/api/sale?id=900719925474099312345").await;
    assert!(!masked.to_string().contains("Mira Holm") && !masked.to_string().contains("mira@example.com"), "{masked}");
    assert_eq!((&masked["sales"][0]["user"], &masked["is_masked"]), (&json!("***"), &json!(true)));
    let refused = deployed.get("/api/sale?id=900719925474099312345&unmasked=0").await;
    assert_eq!(refused, masked);
    let asked_for = deployed.get("/api/sale?id=900719925474099312345&unmasked=1").await;
    assert!(asked_for.to_string().contains("Mira Holm"), "{asked_for}");
    for (path, body) in [
        ("/api/send", json!({ "body": "{}", "sign_with": "secret" })),
        ("/api/refund", json!({ "event_id": "transaction#1#payment" })),
        ("/api/redrive", json!({})),
    ] {
        let response = deployed.post(path, &body).await;
        assert!(response.starts_with("HTTP/1.1 403") && response.contains("read-only"), "{response}");
    }
    console.abort();
}

/// Runs `console` for the stack of this page, as for a deployed one, and sends it a request.
async fn deployed(page: &Page, path: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let console = tokio::spawn(Console::read_only(page.stack.data()).serve(listener));
    let response = exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: localhost"), "").await;
    console.abort();
    response
}

/// The data of the server-sent events with this name.
fn data_of(response: &str, name: &str) -> Vec<Value> {
    let events = response.split("event: ").filter_map(|event| event.strip_prefix(name)?.split_once("data: "));
    events.map(|(_, data)| serde_json::from_str(data.lines().next().unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn list_of_a_deployed_stack_has_the_records_of_the_span() {
    let page = Page::start().await;
    page.event(PAYMENT).await;
    page.event(&PAYMENT.replace("312345", "312346")).await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = page.stack.dynamodb.put_item().table_name("events").item("pk", text("transaction#1"));
    let put = put.item("sk", text("payment")).item("kind", text("event"));
    put.item("received_at", text("2026-01-01T00:00:00.000000Z")).send().await.unwrap();

    let response = deployed(&page, "/api/received?hours=1").await;
    assert!(!response.contains("mira"), "{response}");
    let [list] = &data_of(&response, "rows")[..] else { panic!("{response}") };
    assert_eq!((&list["found"], &list["items_read"]), (&json!(2), &json!(3)));
    let rows = list["rows"].as_array().unwrap();
    let ids: Vec<&str> = rows.iter().map(|row| row["event_id"].as_str().unwrap()).collect();
    let newest_first = [312_346, 312_345].map(|end| format!("transaction#900719925474099{end}#payment"));
    assert_eq!(ids, newest_first);
    assert_eq!((&rows[0]["user"], &rows[0]["goods"]), (&json!("***"), &json!("money_only")));
    let total = &data_of(&response, "progress")[0]["total"];
    assert_eq!(*total, json!(3));

    let asked_for = deployed(&page, "/api/received?hours=1&unmasked=1").await;
    assert_eq!(data_of(&asked_for, "rows")[0]["rows"][0]["user"], "mira");
}

#[rstest]
#[case("/api/received")]
#[case("/api/received?hours=0")]
#[case("/api/received?hours=169")]
#[tokio::test]
async fn list_of_a_deployed_stack_needs_a_span_of_at_most_a_week(#[case] path: &str) {
    let response = deployed(&Page::start().await, path).await;
    assert!(response.starts_with("HTTP/1.1 400"), "{response}");
}

#[tokio::test]
async fn list_of_a_deployed_stack_reports_a_failure() {
    let page = Page::start().await;
    page.stack.dynamodb.delete_table().table_name("events").send().await.unwrap();
    let response = deployed(&page, "/api/received?hours=1").await;
    let [failure] = &data_of(&response, "failure")[..] else { panic!("{response}") };
    assert!(failure["error"].as_str().unwrap().starts_with("dynamodb:Scan: ResourceNotFound"), "{failure}");
}
