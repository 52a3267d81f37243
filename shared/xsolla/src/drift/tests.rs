//! What counts as drift, in whole notifications, and what does not.

use super::*;
use crate::samples::ALL;

fn shown(type_name: &str, notification: &str) -> Vec<String> {
    findings(type_name, notification).iter().map(ToString::to_string).collect()
}

/// A payment with these fields, and what differs in it.
fn payment(fields: &str) -> Vec<String> {
    shown("payment", &format!(r#"{{"notification_type":"payment","payment_details":{{}},{fields}}}"#))
}

/// As [`payment`], in its transaction.
fn transaction(fields: &str) -> Vec<String> {
    payment(&format!(r#""transaction":{{{fields}}}"#))
}

#[test]
fn the_samples_are_as_their_models() {
    for sample in ALL {
        let stem = sample.name.split('-').next().unwrap();
        assert_eq!(shown(stem, sample.body), [""; 0], "{}", sample.name);
    }
    assert_eq!(shown("payout", crate::samples::named("payout").unwrap().body), [""; 0], "which has no type of its own");
}

#[test]
fn each_difference_is_found_where_it_is() {
    for (fields, expected) in [
        (r#""id":1,"risk":{"score":7}"#, &["transaction.risk: unknown field, object"][..]),
        (r#""id":1,"risk":null"#, &["transaction.risk: unknown field, null"]),
        (
            r#""id":true"#,
            &["unreadable", "transaction.id: true/false instead of string or number or object, true/false"],
        ),
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
            &["unreadable", "transaction.dry_run: array instead of true/false or integer or string, array(0)"],
        ),
        // Of the right kind, and yet not what the model takes.
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
fn the_elements_of_an_array_are_one_place() {
    let item = r#""sku":"a","type":"virtual_good","quantity":1,"amount":"1","promotions":[],"is_pre_order":false"#;
    let paid = format!(
        r#"{{"notification_type":"order_paid","order":[],"user":[],
            "items":[{{{item},"rarity":"rare"}},{{{item},"rarity":"epic"}},{{{item},"type":"lootbox"}},{{"sku":"b"}}]}}"#
    );
    assert_eq!(
        shown("order_paid", &paid),
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
fn what_is_documented_as_always_sent_is_missed() {
    let order = r#"{"notification_type":"order_paid","order":{"id":1,"comment":null},"items":[],"user":{"email":"x"}}"#;
    assert_eq!(
        shown("order_paid", order),
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
        shown("payment", payment),
        ["unreadable", "purchase.total: missing field", "payment_details: missing field", "transaction: missing field",]
    );
    let dispute =
        r#"{"notification_type":"dispute","transaction":{"id":1},"dispute":{"reason":"fraud"},"user":{"email":"x"}}"#;
    assert_eq!(
        shown("dispute", dispute),
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
fn what_the_models_take_is_no_difference() {
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
    let reason = |word: &str| {
        let event = format!(
            r#"{{"notification_type":"dispute","action":"adding","settings":{{}},"transaction":{{}},
            "dispute":{{"incoming_date":"","reason":"{word}","type":"claim","status":"won"}}}}"#
        );
        shown("dispute", &event)
    };
    assert_eq!(reason("other"), [""; 0], "documented, though the model keeps it with the new ones");
    assert_eq!(reason("buyers_remorse"), ["dispute.reason: new value buyers_remorse, string(14)"]);
}

#[test]
fn a_type_is_unknown_or_has_a_model_or_is_withdrawn() {
    assert_eq!(shown("chargeback v9", "{}"), ["unknown type"]);
    assert_eq!(shown("redeem_key", r#"{"notification_type":"redeem_key","anything":1}"#), [""; 0]);
    for no_notification in ["", "{", "[]", "7", "null", r#"{"notification_type":"refund"}"#] {
        assert_eq!(findings("payment", no_notification)[0].drift, Drift::Unreadable, "{no_notification}");
    }
}

#[test]
fn no_value_is_shown_and_no_key_that_may_be_one() {
    for key in ["mira@example.com", "+12025550143", "12025550143", "192.0.2.1", "\u{e9}", "", r#"\""#] {
        let found = transaction(&format!(r#""id":1,"{key}":"secret""#));
        assert_eq!(found, ["transaction.(odd key): unknown field, string(6)"], "{key}");
    }
    assert_eq!(
        transaction(&format!(r#""id":1,"{}":1"#, "k".repeat(65))),
        ["transaction.(odd key): unknown field, integer"]
    );
    let half_a_character = transaction(r#""id":1,"\ud800":"secret""#);
    assert_eq!(half_a_character, ["unreadable", "transaction.(odd key): unknown field, string(6)"]);
    for key in ["_v", "items[0]", "card.bin", "x-risk", "a b"] {
        assert_eq!(
            transaction(&format!(r#""id":1,"{key}":1"#)),
            [format!("transaction.{key}: unknown field, integer")]
        );
    }
    for (value, word) in [
        (r#""gone_fishing""#, "new value gone_fishing, string(12)"),
        ("14", "new value 14, integer"),
        ("-1.5", "new value, decimal"),
        (r#""Mira Sol""#, "new value, string(8)"),
        (r#""""#, "new value, string(0)"),
        (r#""abcdefghijabcdefghijabcdefghijabcdefghija""#, "new value, string(41)"),
    ] {
        let fields = format!(r#""transaction":{{}},"user":[],"settings":[],"refund_details":{{"code":{value}}}"#);
        let refund = format!(r#"{{"notification_type":"refund",{fields}}}"#);
        assert_eq!(shown("refund", &refund), [format!("refund_details.code: {word}")], "{value}");
    }
}

#[test]
fn a_notification_has_so_many_findings_and_no_more() {
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

#[test]
fn differences_are_counted_by_type_and_path() {
    let mut tally = Tally::default();
    let body = |risk: &str| format!(r#"{{"notification_type":"refund","transaction":{{"id":1{risk}}}}}"#);
    for (risk, example) in [("", "b"), (r#","risk":"high""#, "d"), (r#","risk":[1]"#, "c"), (r#","risk":1"#, "e")] {
        tally.add("refund", &body(risk), &example);
    }
    tally.add("a type\n", "{}", &"z");
    assert_eq!(tally.notifications(), 5);
    let rows: Vec<_> = tally.rows().collect();
    let risk = Row {
        type_label: "refund",
        path: "transaction.risk",
        drift: &Drift::UnknownField,
        kind: Some("array(1)"),
        count: 3,
        of: 4,
        example: &"c",
    };
    let unknown =
        Row { type_label: "unknown", path: "", drift: &Drift::UnknownType, kind: None, count: 1, of: 1, example: &"z" };
    assert_eq!(rows, [risk, unknown]);
}
