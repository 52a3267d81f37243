//! Payments, refunds and user validation.

use super::*;

// 1
#[test]
fn user_id_can_be_a_number_or_wrapped() {
    assert_text(sample::<UserValidation>("user_validation").user_id(), "isle-4471");
    assert_text(sample::<UserValidation>("user_validation-number").user_id(), "80422617");
    assert_text(with::<UserValidation>(r#""user":{"id":{"value":"isle-1"}}"#).user_id(), "isle-1");
    assert_eq!(with::<UserValidation>(r#""user":{"id":null}"#).user_id(), None);
    assert_eq!(with::<UserValidation>(r#""user":null"#).user_id(), None);
}

// 4, 5, 7, 9
#[test]
fn transaction_ids_can_be_numbers_or_strings_of_any_size() {
    for id in ["1", "2147483648", "4294967296", "18446744073709551616"] {
        for json in [id.to_owned(), format!("\"{id}\"")] {
            let transaction =
                transaction(&format!(r#""id":{json},"external_id":{json},"payment_method":{json},"agreement":{json}"#));
            assert_text(transaction.id, id);
            assert_text(transaction.external_id, id);
            assert_text(transaction.payment_method, id);
            assert_text(transaction.agreement, id);
        }
    }
    assert_text(transaction(r#""external_id":"cart-88014""#).external_id, "cart-88014");
    assert_text(transaction(r#""payment_method":"paypal""#).payment_method, "paypal");
}

// 6
#[test]
fn payment_system_id_has_every_digit() {
    let id = |name| sample::<Payment>(name).transaction.payment_method_order_id;
    assert_text(id("payment"), "9007199254740993001");
    assert_text(id("payment-token"), "178800412399017204");
    let beyond_u64 = "340282366920938463463374607431768211456";
    let transaction = transaction(&format!(r#""payment_method_order_id":{beyond_u64}"#));
    assert_text(transaction.payment_method_order_id, beyond_u64);
}

// 8
#[test]
fn dry_run_has_several_forms() {
    for (json, dry_run) in [
        ("1", Some(true)),
        (r#""1""#, Some(true)),
        ("true", Some(true)),
        ("0", Some(false)),
        (r#""0""#, Some(false)),
        ("false", Some(false)),
        ("null", None),
    ] {
        let transaction = transaction(&format!(r#""dry_run":{json}"#));
        assert_eq!(transaction.dry_run, dry_run, "{json}");
    }
    assert_eq!(sample::<Payment>("payment").transaction.dry_run, None);
    assert_eq!(sample::<Payment>("payment-token").transaction.dry_run, Some(true));
}

// 10, 11
#[test]
fn subscription_ids_can_be_numbers_or_strings() {
    for json in ["31", r#""31""#] {
        let fields = format!(r#""plan_id":{json},"subscription_id":{json},"product_id":{json}"#);
        let purchase = purchase(&format!(r#""subscription":{{{fields}}}"#));
        let subscription = purchase.subscription.unwrap();
        assert_text(subscription.plan_id, "31");
        assert_text(subscription.subscription_id, "31");
        assert_text(subscription.product_id, "31");
    }
}

// 12, 43
#[test]
fn money_is_exact_in_every_form() {
    for (json, amount) in [
        ("50", "50"),
        ("9.99", "9.99"),
        ("0.70", "0.70"),
        (r#""10""#, "10"),
        (r#""1.9900""#, "1.9900"),
        ("0", "0"),
        ("-7.99", "-7.99"),
    ] {
        assert_text(purchase(&format!(r#""total":{{"amount":{json}}}"#)).total, amount);
    }
    let details = sample::<Refund>("refund").payment_details.unwrap();
    assert_text(details.payment, "7.99 EUR");
    assert_text(details.direct_wht.unwrap().amount, "0.30");
    assert_text(details.xsolla_fee, "0.40 EUR");
}

// 15, 16
#[test]
fn rates_and_percents_can_be_integers_floats_or_strings() {
    for (json, number) in [("1", "1"), (r#""1""#, "1"), ("0.0067", "0.0067"), (r#""8.88""#, "8.88")] {
        let fields = format!(r#""payout_currency_rate":{json},"vat":{{"percent":{json}}}"#);
        let details = details(&fields);
        assert_text(details.payout_currency_rate, number);
        assert_text(details.vat.unwrap().percent, number);
    }
}

// 17
#[test]
fn project_ids_can_be_numbers_strings_or_missing() {
    for json in ["52417", r#""52417""#] {
        let fields = format!(r#""project_id":{json},"merchant_id":{json}"#);
        let validation: UserValidation = with(&format!(r#""settings":{{{fields}}}"#));
        let settings = validation.settings.unwrap();
        assert_text(settings.project_id, "52417");
        assert_text(settings.merchant_id, "52417");
    }
    assert_eq!(sample::<UserValidation>("user_validation-number").settings, None);
    let billing = sample::<OrderPaid>("order_paid-combined").billing.unwrap();
    assert_text(billing.settings.unwrap().project_id, "52417");
}

// 18
#[test]
fn refund_code_can_be_a_string_and_new() {
    for (json, code) in [
        ("8", RefundCode::PaymentSystemRequest),
        (r#""8""#, RefundCode::PaymentSystemRequest),
        ("99", RefundCode::Other("99".to_owned())),
    ] {
        let refund: Refund = with(&format!(r#""refund_details":{{"code":{json}}}"#));
        assert_eq!(refund.refund_details.unwrap().code, Some(code), "{json}");
    }
}

// 19, 20
#[test]
fn dates_are_unchanged() {
    for date in ["2026-05-14T18:22:07+03:00", "2026-05-23 08:14:03", "2026-05-14T18:22:07"] {
        assert_text(transaction(&format!(r#""payment_date":"{date}""#)).payment_date, date);
        let refund: PartialRefund = with(&format!(r#""refund_details":{{"date":"{date}"}}"#));
        assert_text(refund.refund_details.unwrap().date, date);
    }
    let refund = sample::<PartialRefund>("partial_refund");
    assert_text(refund.transaction.date, "2026-05-20T11:05:49+03:00");
    assert_text(refund.refund_details.unwrap().date, "2026-05-23 08:14:03");
}

// 21, 23
#[test]
fn promotions_can_have_ids_of_either_type_and_stray_keys() {
    for json in ["617", r#""617""#] {
        let purchase = purchase(&format!(r#""promotions":[{{"id":{json}}}]"#));
        assert_text(purchase.promotions[0].id.as_ref(), "617");
    }
    assert!(purchase(r#""promotions[0]":{"id":617}"#).promotions.is_empty());
}

// 22
#[test]
fn line_items_can_be_an_object_or_an_array() {
    let line = r#"{"sku":"lantern","quantity":2,"price":{"amount":6.50,"currency":"EUR"}}"#;
    for json in [line.to_owned(), format!("[{line}]")] {
        let order = purchase(&format!(r#""order":{{"lineitems":{json}}}"#)).order;
        let lines = order.unwrap().lineitems;
        assert_eq!(lines.len(), 1, "{json}");
        assert_text(lines[0].sku.as_ref(), "lantern");
        assert_text(lines[0].quantity, "2");
        assert_text(lines[0].price.as_ref(), "6.50 EUR");
    }
}

// 24
#[test]
fn hide_giver_has_several_forms() {
    for json in ["true", "1", r#""1""#, r#""true""#] {
        let purchase = purchase(&format!(r#""gift":{{"hide_giver_from_receiver":{json}}}"#));
        assert_text(purchase.gift.unwrap().hide_giver_from_receiver, "true");
    }
}
