//! Drift in whole notifications.

use super::*;
use crate::samples;

fn drift(type_name: &str, notification: &str) -> Vec<String> {
    find_drift(type_name, notification).iter().map(ToString::to_string).collect()
}

/// Returns the drift of a payment with these fields.
fn payment(fields: &str) -> Vec<String> {
    drift("payment", &format!(r#"{{"notification_type":"payment","payment_details":{{}},{fields}}}"#))
}

/// Returns the drift of a payment whose transaction has these fields.
fn transaction(fields: &str) -> Vec<String> {
    payment(&format!(r#""transaction":{{{fields}}}"#))
}

#[test]
fn samples_match_their_models() {
    for sample in samples::ALL {
        let stem = sample.name.split('-').next().unwrap();
        assert_eq!(drift(stem, sample.body), [""; 0], "{}", sample.name);
    }
    assert_eq!(drift("payout", samples::get("payout").unwrap().body), [""; 0], "an unsigned type");
}

#[test]
fn each_difference_is_reported_with_its_path() {
    for (fields, expected) in [
        (r#""id":1,"risk":{"score":7}"#, &["transaction.risk: unknown field, object"][..]),
        (r#""id":1,"risk":null"#, &["transaction.risk: unknown field, null"]),
        (r#""id":true"#, &["unreadable", "transaction.id: boolean instead of string or number or object, boolean"]),
        (
            r#""id":{"value":[1,2]}"#,
            &["unreadable", "transaction.id.value: array instead of string or number, array(2)"],
        ),
        (
            r#""payment_date":1780000000"#,
            &["unreadable", "transaction.payment_date: integer instead of string, integer"],
        ),
        (r#""payment_date":1.5e9"#, &["unreadable", "transaction.payment_date: decimal instead of string, decimal"]),
        (
            r#""dry_run":[]"#,
            &["unreadable", "transaction.dry_run: array instead of boolean or integer or string, array(0)"],
        ),
        // Accepted JSON types, but not accepted by the model.
        (r#""dry_run":"maybe""#, &["unreadable"]),
        (r#""id":1,"id":2"#, &["unreadable"]),
    ] {
        assert_eq!(transaction(fields), expected, "{fields}");
    }
    assert_eq!(payment(r#""transaction":"none""#), ["unreadable", "transaction: string instead of object, string(4)"]);
    assert_eq!(payment(r#""transaction":[1]"#), ["transaction: array instead of object, array(1)"]);
    assert_eq!(payment(r#""transaction":{"id":1},"user":{"ip":"x"}"#), ["user.id: missing field"]);
}

#[test]
fn array_elements_share_one_path() {
    let item = r#""sku":"a","type":"virtual_good","quantity":1,"amount":"1","promotions":[],"is_pre_order":false"#;
    let paid = format!(
        r#"{{"notification_type":"order_paid","order":[],"user":[],
            "items":[{{{item},"rarity":"rare"}},{{{item},"rarity":"epic"}},{{{item},"type":"lootbox"}},{{"sku":"b"}}]}}"#
    );
    assert_eq!(
        drift("order_paid", &paid),
        [
            "unreadable",
            "items[].rarity: unknown field, string(4)",
            "items[].type: new value lootbox, string(7)",
            "items[].amount: missing field",
            "items[].is_pre_order: missing field",
            "items[].promotions: missing field",
            "items[].quantity: missing field",
            "items[].type: missing field",
        ]
    );
    let line = |lines: &str| {
        payment(&format!(r#""transaction":{{"id":1}},"purchase":{{"total":{{}},"order":{{"lineitems":{lines}}}}}"#))
    };
    assert_eq!(line(r#"[{"sku":1},{"sku":2,"tax":1}]"#), ["purchase.order.lineitems[].tax: unknown field, integer"]);
    assert_eq!(line(r#"{"sku":2,"tax":1}"#), ["purchase.order.lineitems.tax: unknown field, integer"]);
    assert_eq!(line("7"), ["unreadable", "purchase.order.lineitems: integer instead of array or object, integer"]);
}

#[test]
fn reports_missing_fields_that_are_always_sent() {
    let order = r#"{"notification_type":"order_paid","order":{"id":1,"comment":null},"items":[],"user":{"email":"x"}}"#;
    assert_eq!(
        drift("order_paid", order),
        [
            "order.amount: missing field",
            "order.currency: missing field",
            "order.currency_type: missing field",
            "order.invoice_id: missing field",
            "order.mode: missing field",
            "order.platform: missing field",
            "order.promotions: missing field",
            "order.status: missing field",
            "user.external_id: missing field",
        ]
    );
    let payment = r#"{"notification_type":"payment","purchase":{"checkout":{}}}"#;
    assert_eq!(
        drift("payment", payment),
        ["unreadable", "purchase.total: missing field", "payment_details: missing field", "transaction: missing field",]
    );
    let dispute =
        r#"{"notification_type":"dispute","transaction":{"id":1},"dispute":{"reason":"fraud"},"user":{"email":"x"}}"#;
    assert_eq!(
        drift("dispute", dispute),
        [
            "transaction.date_create: missing field",
            "transaction.payment_method: missing field",
            "transaction.total: missing field",
            "dispute.incoming_date: missing field",
            "dispute.status: missing field",
            "dispute.type: missing field",
            "user.id: missing field",
            "action: missing field",
            "settings: missing field",
        ]
    );
}

#[test]
fn values_that_the_models_accept_are_not_drift() {
    for fields in [
        r#""id":"7""#,
        r#""id":340282366920938463463374607431768211456"#,
        r#""id":{"value":7}"#,
        r#""id":null,"payment_date":null,"dry_run":null"#,
        r#""dry_run":"1""#,
    ] {
        assert_eq!(transaction(fields), [""; 0], "{fields}");
    }
    for fields in [
        r#""transaction":[],"settings":[],"purchase":[],"user":[],"custom_parameters":[]"#,
        r#""transaction":{},"settings":null,"purchase":null,"user":null,"custom_parameters":null"#,
        r#""transaction":{},"custom_parameters":{"x":{"y":[1,"a"]}},"payment_account":{"any":"thing"}"#,
        r#""transaction":{},"purchase":{"total":[],"promotions":null,"pin_codes":[]}"#,
        r#""transaction":{},"purchase":{"total":{"amount":"[null]"},"virtual_items":{"items":[{"amount":3.0}]}}"#,
    ] {
        assert_eq!(payment(fields), [""; 0], "{fields}");
    }
    let reason = |reason: &str| {
        let event = format!(
            r#"{{"notification_type":"dispute","action":"adding","settings":{{}},"transaction":{{}},
            "dispute":{{"incoming_date":"","reason":"{reason}","type":"claim","status":"won"}}}}"#
        );
        drift("dispute", &event)
    };
    assert_eq!(reason("other"), [""; 0], "documented without a meaning");
    assert_eq!(reason("buyers_remorse"), ["dispute.reason: new value buyers_remorse, string(14)"]);
}

#[test]
fn unknown_type_is_drift_and_deprecated_type_is_not() {
    assert_eq!(drift("chargeback v9", "{}"), ["unknown type"]);
    assert_eq!(drift("redeem_key", r#"{"notification_type":"redeem_key","anything":1}"#), [""; 0]);
    for not_a_payment in ["", "{", "[]", "7", "null", r#"{"notification_type":"refund"}"#] {
        assert_eq!(find_drift("payment", not_a_payment)[0].drift, Drift::Unreadable, "{not_a_payment}");
    }
}

#[test]
fn shows_neither_values_nor_keys_that_can_be_personal() {
    for key in ["mira@example.com", "+12025550143", "12025550143", "192.0.2.1", "\u{e9}", "", r#"\""#] {
        let found = transaction(&format!(r#""id":1,"{key}":"secret""#));
        assert_eq!(found, ["transaction.(redacted key): unknown field, string(6)"], "{key}");
    }
    assert_eq!(
        transaction(&format!(r#""id":1,"{}":1"#, "k".repeat(65))),
        ["transaction.(redacted key): unknown field, integer"]
    );
    let lone_surrogate = transaction(r#""id":1,"\ud800":"secret""#);
    assert_eq!(lone_surrogate, ["unreadable", "transaction.(redacted key): unknown field, string(6)"]);
    for key in ["_v", "items[0]", "card.bin", "x-risk", "a b"] {
        assert_eq!(
            transaction(&format!(r#""id":1,"{key}":1"#)),
            [format!("transaction.{key}: unknown field, integer")]
        );
    }
    for (value, finding) in [
        (r#""gone_fishing""#, "new value gone_fishing, string(12)"),
        ("14", "new value 14, integer"),
        ("-1.5", "new value, decimal"),
        (r#""Mira Sol""#, "new value, string(8)"),
        (r#""""#, "new value, string(0)"),
        (r#""abcdefghijabcdefghijabcdefghijabcdefghija""#, "new value, string(41)"),
    ] {
        let fields = format!(r#""transaction":{{}},"user":[],"settings":[],"refund_details":{{"code":{value}}}"#);
        let refund = format!(r#"{{"notification_type":"refund",{fields}}}"#);
        assert_eq!(drift("refund", &refund), [format!("refund_details.code: {finding}")], "{value}");
    }
}

#[test]
fn number_of_findings_is_limited() {
    let many: Vec<String> = (0..10_000).map(|n| format!(r#""k{n}":[]"#)).collect();
    let found = transaction(&many.join(","));
    assert_eq!(found.len(), MAX_FINDINGS);

    let same = vec![r#"{"new":1}"#; 10_000].join(",");
    let found = payment(&format!(r#""transaction":[],"purchase":{{"total":[],"promotions":[{same}]}}"#));
    assert_eq!(found, ["purchase.promotions[].new: unknown field, integer"]);

    for (open, close) in [("[", "]"), (r#"{"value":"#, "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        assert!(!transaction(&format!(r#""id":{deep}"#)).is_empty());
        assert!(!transaction(&format!(r#""new":{deep}"#)).is_empty());
        assert_eq!(payment(&format!(r#""transaction":[],"custom_parameters":{deep}"#)), [""; 0]);
    }
}
