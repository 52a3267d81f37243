//! Bad input, and what it gets. Nothing panics, nothing that is signed is lost.

use hyper::Method;
use intake::accept::MAX_BODY;
use xsolla::sign;

use crate::world::{SECRET, World, body, sample};

const INVALID_SIGNATURE: &str = r#"{"error":{"code":"INVALID_SIGNATURE","message":"Invalid signature"}}"#;

#[tokio::test]
async fn a_signature_that_is_missing_malformed_wrong_or_repeated() {
    let world = World::start().await;
    let payment = sample("payment").as_bytes();
    let right = sign(payment, SECRET);
    let wrong = sign(payment, "other");
    let hex = &right["Signature ".len()..];
    let bearer = format!("Bearer {hex}");
    let short = &right[..right.len() - 1];
    for authorization in [&[][..], &[""], &[hex], &[&bearer], &[short], &[&wrong], &[&right, &right], &[&wrong, &right]]
    {
        let answer = world.request(Method::POST, "/webhooks", authorization, payment).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, INVALID_SIGNATURE), "{authorization:?}");
    }
    assert!(world.kept().await.is_empty());
}

#[tokio::test]
async fn a_signed_body_that_is_no_notification_is_400_and_kept_as_it_came() {
    let world = World::start().await;
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
        let answer = world.send(sent).await;
        assert_eq!(answer.status, 400, "{:?}", String::from_utf8_lossy(sent));
        assert!(answer.body.contains("INVALID_PARAMETER"), "{}", answer.body);
    }
    for malformed in xsolla::samples::MALFORMED.iter().chain(xsolla::samples::WITHOUT_TYPE) {
        assert_eq!(world.send(malformed.body).await.status, 400, "{}", malformed.name);
    }
    let kept = world.kept().await;
    assert!(bodies.iter().all(|sent| kept.iter().any(|item| body(item) == *sent)));
    assert!(world.kept_kinds().await.iter().all(|kind| kind == "unreadable"));
    assert!(world.queued().await.is_empty(), "there is nothing to hand to the game");
}

#[tokio::test]
async fn odd_but_readable_bodies_are_events_like_any_other() {
    let world = World::start().await;
    let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let long_number = "9".repeat(400);
    let bodies = [
        format!(r#"{{"notification_type":"payment","transaction":{{"id":1}},"custom_parameters":{deep}}}"#),
        format!(r#"{{"notification_type":"payment","transaction":{{"id":2}},"x":{long_number}}}"#),
        r#"{"notification_type":"payment","transaction":{"id":3},"x":1,"x":2}"#.to_owned(),
        r#"{"notification_type":"refund","notification_type":"payment","transaction":{"id":4}}"#.to_owned(),
        "{\"notification_type\":\"payment\",\"transaction\":{\"id\":5},\"x\":\"\u{ffff}\u{fffe}\"}".to_owned(),
        r#"{"notification_type":"payment","transaction":{"id":6},"x":"\ud800"}"#.to_owned(),
        r#"{"notification_type":"payment","transaction":{"id":7},"x":"\u0000"}"#.to_owned(),
        format!(r#"{{"notification_type":"payment","transaction":{{"id":{long_number}}}}}"#),
        r#"{"notification_type":""}"#.to_owned(),
        "{\"notification_type\":\"\u{ffff}\"}".to_owned(),
    ];
    for sent in &bodies {
        assert_eq!(world.send(sent).await.status, 204, "{sent:.100}");
    }
    let queued = world.queued().await;
    assert_eq!(queued.len(), bodies.len());
    for sent in &bodies {
        let escaped = sent.replace('\u{fffe}', r"\ufffe").replace('\u{ffff}', r"\uffff");
        assert!(queued.iter().any(|message| message.notification.get() == escaped), "{sent:.100}");
    }
    assert_eq!(queued.iter().filter(|message| !message.identified).count(), 3);
}

#[tokio::test]
async fn a_character_that_sqs_refuses_arrives_equal() {
    let world = World::start().await;
    let comment = "a\u{ffff}b\u{fffe}c";
    world.send(format!(r#"{{"notification_type":"payment","transaction":{{"id":1}},"x":"{comment}"}}"#)).await;
    let queued = world.queued().await;
    let notification: serde_json::Value = serde_json::from_str(queued[0].notification.get()).unwrap();
    assert_eq!(notification["x"], comment);
}

#[tokio::test]
async fn a_byte_order_mark_is_kept_and_not_relayed() {
    let world = World::start().await;
    let payment = sample("payment").trim_end();
    let marked = format!("\u{feff}{payment}");
    assert_eq!(world.send(&marked).await.status, 204);
    assert_eq!(body(&world.kept().await[0]), marked.as_bytes());
    assert_eq!(world.queued().await[0].notification.get(), payment);
}

#[tokio::test]
async fn the_largest_body_is_relayed_and_a_larger_one_is_left_to_another_try() {
    let world = World::start().await;
    let frame = r#"{"notification_type":"payment","transaction":{"id":1},"x":""}"#;
    let largest = frame.replace(r#""x":"""#, &format!(r#""x":"{}""#, "x".repeat(MAX_BODY - frame.len())));
    assert_eq!(largest.len(), MAX_BODY);
    assert_eq!(world.send(&largest).await.status, 204);
    assert_eq!(world.queued().await[0].notification.get(), largest);

    for too_large in [format!("{largest} "), " ".repeat(5_000_000), " ".repeat(11_000_000)] {
        assert_eq!(world.send(&too_large).await.status, 503, "{} bytes", too_large.len());
    }
}

#[tokio::test]
async fn whatever_the_gateway_would_turn_away_is_503() {
    let world = World::start().await;
    let payment = sample("payment").as_bytes();
    let signature = sign(payment, SECRET);
    for (method, path) in [
        (Method::GET, "/webhooks"),
        (Method::PUT, "/webhooks"),
        (Method::DELETE, "/webhooks/payment"),
        (Method::POST, "/"),
        (Method::POST, "/webhooks/"),
        (Method::POST, "/webhooks/payment/nothing"),
        (Method::POST, "/WEBHOOKS"),
    ] {
        let answer = world.request(method.clone(), path, &[&signature], payment).await;
        assert_eq!(answer.status, 503, "{method} {path}");
        assert!(answer.body.contains("SERVER_ERROR"), "{}", answer.body);
    }
    assert!(world.kept().await.is_empty());
}
