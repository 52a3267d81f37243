//! Differences between bodies and their documentation, by their numbers in `docs/design/hazards.md`.
//!
//! No difference may stop an event: it is answered with success, and reaches the game unchanged. The tests of the models
//! cover how the models parse the same bodies.

use std::collections::BTreeSet;

use crate::test_stack::{TestStack, sample};

/// Numbers, and a body that shows them. Each body has an id of its own.
const BODIES: &[(&[u8], &str)] = &[
    (&[2], r#"{"notification_type":"payment","transaction":{"id":102},"user":{"user_id":"u"}}"#),
    (&[2], r#"{"notification_type":"order_paid","order":{"id":139},"user":{"id":"u","external_id":"g"}}"#),
    (&[2], r#"{"notification_type":"payment","transaction":{"id":140},"user":{"id":[7],"external_id":"g"}}"#),
    (&[2], r#"{"notification_type":"payment","transaction":{"id":103},"user_id":"u","game_player_id":"g"}"#),
    (&[4, 5], r#"{"notification_type":"payment","transaction":{"id":"4105000000000","external_id":1}}"#),
    (&[6], r#"{"notification_type":"payment","transaction":{"id":106,"payment_method_order_id":1234567890123456789}}"#),
    (
        &[6],
        r#"{"notification_type":"payment","transaction":{"id":107,"payment_method_order_id":98765432109876543210987}}"#,
    ),
    (&[7], r#"{"notification_type":"payment","transaction":{"id":108,"payment_method":"credit_debit_card"}}"#),
    (&[8], r#"{"notification_type":"payment","transaction":{"id":109,"dry_run":"1"}}"#),
    (&[8], r#"{"notification_type":"payment","transaction":{"id":110,"dry_run":false}}"#),
    (&[9], r#"{"notification_type":"payment","transaction":{"id":111,"agreement":99999999999}}"#),
    (
        &[10, 11],
        r#"{"notification_type":"payment","transaction":{"id":112},"purchase":{"subscription":{"plan_id":1,"subscription_id":"10"}}}"#,
    ),
    (
        &[12],
        r#"{"notification_type":"payment","transaction":{"id":113},"purchase":{"total":{"amount":"9.9900"},"checkout":{"amount":9.99}}}"#,
    ),
    (
        &[12],
        r#"{"notification_type":"payment","transaction":{"id":114},"purchase":{"total":{"amount":1.9900},"checkout":{"amount":1e2}}}"#,
    ),
    (
        &[13],
        r#"{"notification_type":"order_paid","order":{"id":115},"items":[{"amount":"[null]"},{"amount":null},{"amount":"1.9900"}]}"#,
    ),
    (
        &[14],
        r#"{"notification_type":"order_paid","order":{"id":116,"amount":"2000","currency":"gold"},"billing":{"purchase":{"total":{"amount":200}}}}"#,
    ),
    (
        &[15, 16],
        r#"{"notification_type":"refund","transaction":{"id":117},"payment_details":{"payout_currency_rate":1,"vat":{"percent":8.88}}}"#,
    ),
    (
        &[17],
        r#"{"notification_type":"refund","transaction":{"id":118},"settings":{"project_id":"18404","merchant_id":"2340"}}"#,
    ),
    (
        &[17],
        r#"{"notification_type":"refund","transaction":{"id":119},"settings":{"project_id":"00000000-0000-4000-8000-000000000000"}}"#,
    ),
    (&[18], r#"{"notification_type":"refund","transaction":{"id":120},"refund_details":{"code":"8"}}"#),
    (
        &[19],
        r#"{"notification_type":"partial_refund","transaction":{"id":121},"refund_details":{"date":"2026-08-23 01:02:03"}}"#,
    ),
    (&[20], r#"{"notification_type":"payment","transaction":{"id":122,"payment_date":"2026-08-23T01:02:03"}}"#),
    (
        &[21, 22],
        r#"{"notification_type":"payment","transaction":{"id":123},"purchase":{"promotions":[{"id":"853"}],"order":{"id":1,"lineitems":[]}}}"#,
    ),
    (&[22], r#"{"notification_type":"payment","transaction":{"id":124},"purchase":{"order":{"id":1,"lineitems":{}}}}"#),
    (
        &[23, 24],
        r#"{"notification_type":"payment","transaction":{"id":125},"purchase":{"promotions[0]":{},"gift":{"hide_giver_from_receiver":true}}}"#,
    ),
    (
        &[25, 26],
        r#"{"notification_type":"order_paid","order":{"id":126,"platform":null,"comment":null,"invoice_id":null}}"#,
    ),
    (&[27, 28], r#"{"notification_type":"order_canceled","order":{"id":127,"status":"paid","mode":"default"}}"#),
    (
        &[29, 30],
        r#"{"notification_type":"order_paid","order":{"id":128,"currency":"sku_of_gold"},"items":[{"custom_attributes":null}]}"#,
    ),
    (&[31], r#"{"notification_type":"payment","transaction":{"id":129},"custom_parameters":[]}"#),
    (
        &[31],
        r#"{"notification_type":"payment","transaction":{"id":130},"custom_parameters":{"items":"[{\"sku\":\"a\"}]","n":1.0}}"#,
    ),
    (&[32], r#"{"order":{"id":131},"items":[],"notification_type":"order_paid"}"#),
    (
        &[33],
        r#"{"notification_type":"payment","transaction":{"id":132},"payment_account":{"id":1},"brand_new":{"deep":[1,{"x":2}]}}"#,
    ),
    (
        &[34],
        r#"{"notification_type":"order_paid","order":{"id":133,"currency_type":"something_new","platform":"fridge"}}"#,
    ),
    (
        &[35, 36],
        r#"{"notification_type":"payment","transaction":{"id":134},"user":{"country":"ZZ"},"purchase":{"total":{"currency":"ZUB","amount":1}}}"#,
    ),
    (
        &[41, 42],
        r#"{"notification_type":"order_paid","order":{"id":135},"items":[{"type":"bundle","quantity":1},{"type":"virtual_currency","quantity":1500}]}"#,
    ),
    (&[43], r#"{"notification_type":"partial_refund","transaction":{"id":136},"purchase":{"total":{"amount":-1}}}"#),
    (&[43], r#"{"notification_type":"partial_refund","transaction":{"id":137},"purchase":{"total":{"amount":0}}}"#),
    (&[44], r#"{"notification_type":"order_paid","order":{"id":138,"comment":"\u00e9\u0000\ud83d\ude00 é😀 \"\\\/"}}"#),
];

/// Numbers, and a sample that shows them.
const SAMPLES: &[(&[u8], &str)] = &[
    (&[4, 7, 17, 18], "ps_declined"),
    (&[7], "dispute"),
    (&[38], "afs_black_list"),
    (&[10, 41], "create_subscription"),
];

/// A number, a body that is not an event, and its status.
const OTHER_BODIES: &[(u8, &str, u16)] = &[
    (1, r#"{"notification_type":"user_validation","user":{"id":1234567}}"#, 204),
    (3, r#"{"notification_type":"partner_side_catalog","user":{"user_id":null}}"#, 503),
    (37, r#"{"notification_type":"payment","transaction":{"id":1} "user":{}}"#, 400),
    (37, r#"{"notification_type":"refund","transaction":{"id":1}}}"#, 400),
    (39, r#"{"id":123,"amount":93.33,"status":"in_progress"}"#, 400),
    (40, r#"{"user":{"user_id":"1"}}"#, 400),
    (40, r#"{"notification_type":"partner_side_catalog","user":{"id":"1"}}"#, 503),
    (45, "", 400),
    (45, "null", 400),
    (45, "[]", 400),
];

#[tokio::test]
async fn hazards_do_not_stop_or_change_an_event() {
    let stack = TestStack::start().await;
    let samples = SAMPLES.iter().map(|(numbers, name)| (*numbers, sample(name).trim_end()));
    let bodies: Vec<_> = BODIES.iter().copied().chain(samples).collect();
    for (numbers, body) in &bodies {
        let status = stack.send(body).await.status;
        assert!(matches!(status, 200 | 204), "hazard {numbers:?}: {status}");
    }
    let messages = stack.receive_all().await;
    for (numbers, body) in &bodies {
        let arrived = messages.iter().filter(|message| message.notification.get() == *body).count();
        assert_eq!(arrived, 1, "hazard {numbers:?}");
    }
    assert_eq!(messages.len(), bodies.len());
}

#[tokio::test]
async fn finds_a_user_under_each_field() {
    // Hazards 1 to 3.
    let stack = TestStack::start().await;
    for user in [
        r#""user":{"id":1234567}"#,
        r#""user":{"id":{"value":1234567}}"#,
        r#""user":{"external_id":"1234567"}"#,
        r#""user":{"user_id":"1234567"}"#,
        r#""user_id":1234567"#,
        r#""game_player_id":"1234567""#,
    ] {
        let body = format!(r#"{{"notification_type":"user_validation",{user}}}"#);
        assert_eq!(stack.send(body).await.status, 204, "{user}");
    }
}

#[tokio::test]
async fn recognizes_each_marker_of_the_sandbox() {
    // Hazards 8 and 28.
    let stack = TestStack::start().await;
    for (id, rest, mode) in [
        (1, r#""order":{"mode":"sandbox"}"#, "sandbox"),
        (2, r#""billing":{"transaction":{"dry_run":"1"}}"#, "sandbox"),
        (3, r#""order":{"mode":"default"}"#, "live"),
        (4, r#""billing":{"transaction":{"dry_run":0}}"#, "live"),
    ] {
        stack.send(format!(r#"{{"notification_type":"payment","transaction":{{"id":{id}}},{rest}}}"#)).await;
        let messages = stack.receive_all().await;
        assert_eq!(messages[0].mode, mode, "{rest}");
    }
}

#[tokio::test]
async fn answers_questions_and_unreadable_bodies() {
    let stack = TestStack::start().await;
    for (number, body, status) in OTHER_BODIES {
        assert_eq!(stack.send(body).await.status, *status, "hazard {number}: {body}");
    }
    assert!(stack.receive_all().await.is_empty());
}

#[test]
fn documented_hazards_are_the_tested_ones() {
    let page = include_str!("../../../docs/design/hazards.md");
    let number = |line: &str| line.strip_prefix("| ")?.split(' ').next()?.parse::<u8>().ok();
    let documented: BTreeSet<u8> = page.lines().filter_map(number).collect();
    let mut tested: BTreeSet<u8> = OTHER_BODIES.iter().map(|(number, ..)| *number).collect();
    tested.extend(BODIES.iter().chain(SAMPLES).flat_map(|(numbers, _)| *numbers));
    assert_eq!(documented, tested);
}
