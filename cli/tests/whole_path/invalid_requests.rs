//! Invalid and unusual requests. No request causes a panic, and no signed body is lost.

use hyper::Method;
use intake::accept::MAX_BODY;
use intake::testing::sign;
use xsolla::Answer;

use crate::test_stack::{SECRET, TestStack, body, sample};

const INVALID_SIGNATURE: &str = r#"{"error":{"code":"INVALID_SIGNATURE","message":"Invalid signature"}}"#;

#[tokio::test]
async fn rejects_missing_malformed_or_wrong_signature() {
    let stack = TestStack::start().await;
    let payment = sample("payment").as_bytes();
    let valid = sign(payment, SECRET);
    let wrong = sign(payment, "other");
    let hex = &valid["Signature ".len()..];
    let bearer = format!("Bearer {hex}");
    let short = &valid[..valid.len() - 1];
    for authorization in
        [&[][..], &[""], &[hex], &[&bearer], &[short], &[&wrong], &[&bearer, &wrong], &[&wrong, &wrong]]
    {
        let answer = stack.request(Method::POST, "/webhooks", authorization, payment).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, INVALID_SIGNATURE), "{authorization:?}");
    }
    assert!(stack.stored().await.is_empty());
}

#[tokio::test]
async fn any_verifying_value_of_repeated_or_joined_authorization_headers_is_enough() {
    let stack = TestStack::start().await;
    let payment = sample("payment").as_bytes();
    let valid = sign(payment, SECRET);
    let wrong = sign(payment, "other");
    let (joined, joined_last) = (format!("{valid},{valid}"), format!("Basic dXNlcg==, {wrong}, {valid}"));
    for authorization in
        [&[valid.as_str(), &valid][..], &[&wrong, &valid], &[&valid, &wrong], &[&joined], &[&joined_last]]
    {
        let answer = stack.request(Method::POST, "/webhooks", authorization, payment).await;
        assert_eq!(answer.status, 204, "{authorization:?}");
    }
    assert_eq!(stack.stored().await.len(), 1);
}

#[tokio::test]
async fn encoded_body_is_answered_503_unless_it_verifies() {
    let stack = TestStack::start().await;
    let payment = sample("payment").as_bytes();
    let signature = sign(payment, SECRET);
    // As a compressing proxy sends it: the signature is that of the plain body.
    let compressed = b"\x1f\x8b\x08\x00compressed";
    for (encoding, body, status) in [
        ("gzip", &compressed[..], 503),
        ("identity, br", compressed, 503),
        ("identity", compressed, 400),
        ("", compressed, 400),
        ("gzip", payment, 204),
    ] {
        let headers = [("authorization", signature.as_str()), ("content-encoding", encoding)];
        let answer = stack.request_with(Method::POST, "/webhooks", &headers, body).await;
        assert_eq!(answer.status, status, "{encoding:?}");
    }
    assert_eq!(stack.stored().await.len(), 1);
}

#[tokio::test]
async fn user_validation_without_user_id_is_answered_invalid_user() {
    let stack = TestStack::start().await;
    for user in ["", r#","user":{}"#, r#","user":{"id":null}"#, r#","user":{"id":""}"#] {
        for path in ["/webhooks", "/webhooks/user_validation"] {
            let answer = stack.send_to(path, format!(r#"{{"notification_type":"user_validation"{user}}}"#)).await;
            assert_eq!(answer.status, 400, "{path} {user}");
            assert!(answer.body.contains("INVALID_USER"), "{}", answer.body);
        }
    }
    assert_eq!(stack.send(sample("user_validation")).await.status, 204, "all users exist");
}

#[tokio::test]
async fn stores_signed_body_that_is_not_a_notification_and_answers_400() {
    let stack = TestStack::start().await;
    let deep = "[".repeat(10_000);
    let bodies: [&[u8]; 13] = [
        b"",
        b" ",
        b"null",
        b"[]",
        b"\"payment\"",
        b"{",
        b"{}",
        br#"{"notification_type":null}"#,
        br#"{"notification_type":1}"#,
        br#"{"event_type":"registration"}"#,
        b"{\"notification_type\":\"payment\",\"x\":\"\xff\"}",
        b"notification_type=payment",
        deep.as_bytes(),
    ];
    for sent in bodies {
        let answer = stack.send(sent).await;
        assert_eq!(answer.status, 400, "{:?}", String::from_utf8_lossy(sent));
        assert!(answer.body.contains("INVALID_PARAMETER"), "{}", answer.body);
    }
    for malformed in xsolla::samples::MALFORMED.iter().chain(xsolla::samples::WITHOUT_TYPE) {
        assert_eq!(stack.send(malformed.body).await.status, 400, "{}", malformed.name);
    }
    let stored = stack.stored().await;
    assert!(bodies.iter().all(|sent| stored.iter().any(|item| body(item) == *sent)));
    assert!(stack.stored_kinds().await.iter().all(|kind| kind == "unreadable"));
    assert!(stack.receive_all().await.is_empty(), "unreadable bodies are not relayed");
}

#[tokio::test]
async fn accepts_unusual_but_readable_bodies() {
    let stack = TestStack::start().await;
    let deep = format!("{}1{}", r#"{"a":"#.repeat(62), "}".repeat(62));
    let long_number = "9".repeat(100);
    let bodies = [
        format!(r#"{{"notification_type":"payment","transaction":{{"id":1}},"custom_parameters":{deep}}}"#),
        format!(r#"{{"notification_type":"payment","transaction":{{"id":2}},"x":{long_number}}}"#),
        r#"{"notification_type":"payment","transaction":{"id":3},"x":1,"x":2}"#.to_owned(),
        r#"{"notification_type":"refund","notification_type":"payment","transaction":{"id":4}}"#.to_owned(),
        "{\"notification_type\":\"payment\",\"transaction\":{\"id\":5},\"x\":\"\u{ffff}\u{fffe}\"}".to_owned(),
        r#"{"notification_type":"payment","transaction":{"id":6},"x":"\ud800"}"#.to_owned(),
        r#"{"notification_type":"payment","transaction":{"id":7},"x":"\u0000"}"#.to_owned(),
        format!(r#"{{"notification_type":"payment","transaction":{{"id":"{long_number}{long_number}"}}}}"#),
        r#"{"notification_type":""}"#.to_owned(),
        "{\"notification_type\":\"\u{ffff}\"}".to_owned(),
    ];
    for sent in &bodies {
        assert_eq!(stack.send(sent).await.status, 204, "{sent:.100}");
    }
    let messages = stack.receive_all().await;
    assert_eq!(messages.len(), bodies.len());
    for sent in &bodies {
        let escaped = sent.replace('\u{fffe}', r"\ufffe").replace('\u{ffff}', r"\uffff");
        assert!(messages.iter().any(|message| message.notification.get() == escaped), "{sent:.100}");
    }
    assert_eq!(messages.iter().filter(|message| !message.identified).count(), 3);
}

/// JSON parsers of consumers reject such messages, and would fail at every delivery.
#[tokio::test]
async fn parks_notification_that_consumers_may_not_parse_and_shows_the_cause() {
    let stack = TestStack::start().await;
    let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let deepest = format!("{}1{}", "[".repeat(120_000), "]".repeat(120_000));
    let long_number = "9".repeat(5000);
    for (id, value) in (1..).zip([deep.as_str(), &deepest, &long_number, "1e400"]) {
        let sent = format!(r#"{{"notification_type":"payment","transaction":{{"id":{id}}},"x":{value}}}"#);
        assert_eq!(stack.send(&sent).await.status, 204, "{sent:.100}");
        assert!(stack.stored().await.iter().any(|item| body(item) == sent.as_bytes()), "{sent:.100}");
    }
    stack.send(sample("payment")).await;
    assert_eq!(stack.receive_all().await.len(), 1, "later events are sent");
    let (succeeded, printed) = stack.run(&["dlq", "list"]).await;
    assert!(succeeded, "{printed}");
    for cause in ["nested more than 63 levels deep", "a number has more than 100", "a number is larger than a 64-bit"] {
        assert!(printed.contains(cause), "{cause}: {printed}");
    }
}

#[tokio::test]
async fn ids_too_long_for_an_index_do_not_stop_an_event() {
    let stack = TestStack::start().await;
    for (id, length) in [(1, 2000), (2, 2048), (3, 2049), (4, 50_000)] {
        let long = "7".repeat(length);
        let sent = format!(
            r#"{{"notification_type":"payment","transaction":{{"id":{id}}},"user":{{"id":"{long}"}},"purchase":{{"order":{{"id":"{long}"}}}}}}"#
        );
        assert_eq!(stack.send(sent).await.status, 204, "{length}");
        let message = stack.receive_all().await.remove(0);
        assert_eq!(message.user_id.unwrap(), long, "the message has the user id of any length");
        assert_eq!(message.order_id.is_some(), length <= 2048, "{length}");
    }
    let long_type = format!(r#"{{"notification_type":"{}"}}"#, "t".repeat(200_000));
    assert_eq!(stack.send(long_type).await.status, 204);
    assert_eq!(stack.receive_all().await[0].r#type, "unknown");
}

#[tokio::test]
async fn times_of_receipt_have_microseconds_and_the_order_of_the_webhooks() {
    let stack = TestStack::start().await;
    for id in 0..5 {
        stack.send(format!(r#"{{"notification_type":"ps_declined","transaction":{{"id":1}},"x":{id}}}"#)).await;
    }
    let messages = stack.receive_all().await;
    let times: Vec<&str> = messages.iter().map(|message| message.received_at.as_str()).collect();
    assert!(times.iter().all(|time| time.len() == "2026-11-22T00:31:07.042518Z".len()), "{times:?}");
    assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    assert_eq!(times.len(), 5);
}

#[tokio::test]
async fn character_rejected_by_sqs_reaches_the_game_escaped() {
    let stack = TestStack::start().await;
    let comment = "a\u{ffff}b\u{fffe}c";
    stack.send(format!(r#"{{"notification_type":"payment","transaction":{{"id":1}},"x":"{comment}"}}"#)).await;
    let messages = stack.receive_all().await;
    let notification: serde_json::Value = serde_json::from_str(messages[0].notification.get()).unwrap();
    assert_eq!(notification["x"], comment);
}

#[tokio::test]
async fn byte_order_mark_is_stored_and_not_relayed() {
    let stack = TestStack::start().await;
    let payment = sample("payment").trim_end();
    let marked = format!("\u{feff}{payment}");
    assert_eq!(stack.send(&marked).await.status, 204);
    assert_eq!(body(&stack.stored().await[0]), marked.as_bytes());
    assert_eq!(stack.receive_all().await[0].notification.get(), payment);
}

#[tokio::test]
async fn stores_body_of_the_maximum_size_and_answers_503_to_a_larger_one() {
    let stack = TestStack::start().await;
    let with_size = |id: u32, size: usize| {
        let frame = format!(r#"{{"notification_type":"payment","transaction":{{"id":{id}}},"x":""}}"#);
        frame.replace(r#""x":"""#, &format!(r#""x":"{}""#, "x".repeat(size - frame.len())))
    };
    assert_eq!(MAX_BODY, 256 * 1024);
    let (largest, relayed) = (with_size(1, MAX_BODY), with_size(2, MAX_BODY - 1024));
    assert_eq!(largest.len(), MAX_BODY);
    for sent in [&largest, &relayed] {
        assert_eq!(stack.send(sent).await.status, 204);
    }
    assert!(stack.stored().await.iter().any(|item| body(item) == largest.as_bytes()));
    // The message around the largest body exceeds the 256 KiB of the embedded SQS, but not the 1 MiB of the real one.
    let messages = stack.receive_all().await;
    let notifications: Vec<&str> = messages.iter().map(|message| message.notification.get()).collect();
    assert_eq!(notifications, [relayed.as_str()]);

    for too_large in [format!("{largest} "), " ".repeat(5_000_000), " ".repeat(11_000_000)] {
        assert_eq!(stack.send(&too_large).await.status, 503, "{} bytes", too_large.len());
    }
}

#[tokio::test]
async fn answers_503_to_unknown_method_or_path() {
    let stack = TestStack::start().await;
    let payment = sample("payment").as_bytes();
    let signature = sign(payment, SECRET);
    for (method, path) in [
        (Method::GET, "/webhooks"),
        (Method::HEAD, "/webhooks"),
        (Method::PATCH, "/webhooks"),
        (Method::PUT, "/webhooks"),
        (Method::DELETE, "/webhooks/payment"),
        (Method::GET, "/nothing"),
        (Method::POST, "/"),
        (Method::POST, "/nothing"),
        (Method::POST, "//webhooks"),
        (Method::POST, "/webhooks/"),
        (Method::POST, "/webhooks//"),
        (Method::POST, "/webhooks/payment/"),
        (Method::POST, "/webhooks/payment/nothing"),
        (Method::POST, "/webhooks/../webhooks"),
        (Method::POST, "/WEBHOOKS"),
        (Method::POST, "/%77ebhooks"),
    ] {
        let response = stack.exchange(method.clone(), path, &[("authorization", &signature)], payment).await;
        assert_eq!(response.status(), 503, "{method} {path}");
        assert_eq!(response.headers()["content-type"], "application/json", "{method} {path}");
        assert!(!response.headers().contains_key("allow"), "{method} {path}");
        let expected = if method == Method::HEAD { "" } else { Answer::ServiceUnavailable.body().unwrap() };
        assert_eq!(response.body(), expected, "{method} {path}");
    }
    assert!(stack.stored().await.is_empty());
}

#[tokio::test]
async fn accepts_any_path_segment_as_type() {
    let stack = TestStack::start().await;
    for segment in ["pay%6dent", "%FF", "%2F", "{type}", "payment?x=1"] {
        assert_eq!(stack.send_to(&format!("/webhooks/{segment}"), sample("payment")).await.status, 204, "{segment}");
    }
}
