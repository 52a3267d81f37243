//! Payments, refunds and user validation.

use super::*;
use crate::refund_code::RefundCode;

// 1
#[test]
fn a_user_id_may_be_a_number_or_wrapped() {
    is(sample::<UserValidation>("user_validation").user_id(), "isle-4471");
    is(sample::<UserValidation>("user_validation-number").user_id(), "80422617");
    is(with::<UserValidation>(r#""user":{"id":{"value":"isle-1"}}"#).user_id(), "isle-1");
    assert_eq!(with::<UserValidation>(r#""user":{"id":null}"#).user_id(), None);
    assert_eq!(with::<UserValidation>(r#""user":null"#).user_id(), None);
}

// 4, 5, 7, 9
#[test]
fn transaction_ids_may_be_numbers_or_strings_of_any_size() {
    for id in ["1", "2147483648", "4294967296", "18446744073709551616"] {
        for json in [id.to_owned(), format!("\"{id}\"")] {
            let transaction =
                transaction(&format!(r#""id":{json},"external_id":{json},"payment_method":{json},"agreement":{json}"#));
            is(transaction.id, id);
            is(transaction.external_id, id);
            is(transaction.payment_method, id);
            is(transaction.agreement, id);
        }
    }
    is(transaction(r#""external_id":"cart-88014""#).external_id, "cart-88014");
    is(transaction(r#""payment_method":"paypal""#).payment_method, "paypal");
}

// 6
#[test]
fn a_payment_systems_id_keeps_all_digits() {
    let id = |name| sample::<Payment>(name).transaction.payment_method_order_id;
    is(id("payment"), "9007199254740993001");
    is(id("payment-token"), "178800412399017204");
    let beyond_u64 = "340282366920938463463374607431768211456";
    let transaction = transaction(&format!(r#""payment_method_order_id":{beyond_u64}"#));
    is(transaction.payment_method_order_id, beyond_u64);
}

// 8
#[test]
fn a_test_is_told_from_a_real_payment() {
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
fn subscription_ids_may_be_numbers_or_strings() {
    for json in ["31", r#""31""#] {
        let fields = format!(r#""plan_id":{json},"subscription_id":{json},"product_id":{json}"#);
        let purchase = purchase(&format!(r#""subscription":{{{fields}}}"#));
        let subscription = purchase.subscription.unwrap();
        is(subscription.plan_id, "31");
        is(subscription.subscription_id, "31");
        is(subscription.product_id, "31");
    }
}

// 12, 43
#[test]
fn money_is_exact_whatever_its_json_type_and_sign() {
    for (json, amount) in [
        ("50", "50"),
        ("9.99", "9.99"),
        ("0.70", "0.70"),
        (r#""10""#, "10"),
        (r#""1.9900""#, "1.9900"),
        ("0", "0"),
        ("-7.99", "-7.99"),
    ] {
        is(purchase(&format!(r#""total":{{"amount":{json}}}"#)).total, amount);
    }
    let details = sample::<Refund>("refund").payment_details.unwrap();
    is(details.payment, "7.99 EUR");
    is(details.direct_wht.unwrap().amount, "0.30");
    is(details.xsolla_fee, "0.40 EUR");
}

// 15, 16
#[test]
fn rates_and_percents_may_be_integers_floats_or_strings() {
    for (json, number) in [("1", "1"), (r#""1""#, "1"), ("0.0067", "0.0067"), (r#""8.88""#, "8.88")] {
        let fields = format!(r#""payout_currency_rate":{json},"vat":{{"percent":{json}}}"#);
        let details = details(&fields);
        is(details.payout_currency_rate, number);
        is(details.vat.unwrap().percent, number);
    }
}

// 17
#[test]
fn project_ids_may_be_numbers_strings_or_missing() {
    for json in ["52417", r#""52417""#] {
        let fields = format!(r#""project_id":{json},"merchant_id":{json}"#);
        let validation: UserValidation = with(&format!(r#""settings":{{{fields}}}"#));
        let settings = validation.settings.unwrap();
        is(settings.project_id, "52417");
        is(settings.merchant_id, "52417");
    }
    assert_eq!(sample::<UserValidation>("user_validation-number").settings, None);
    let billing = sample::<OrderPaid>("order_paid-combined").billing.unwrap();
    is(billing.settings.unwrap().project_id, "52417");
}

// 18
#[test]
fn a_refund_code_may_be_a_string_and_may_be_new() {
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
fn dates_are_kept_as_they_were_sent() {
    for date in ["2026-05-14T18:22:07+03:00", "2026-05-23 08:14:03", "2026-05-14T18:22:07"] {
        is(transaction(&format!(r#""payment_date":"{date}""#)).payment_date, date);
        let refund: PartialRefund = with(&format!(r#""refund_details":{{"date":"{date}"}}"#));
        is(refund.refund_details.unwrap().date, date);
    }
    let refund = sample::<PartialRefund>("partial_refund");
    is(refund.transaction.date, "2026-05-20T11:05:49+03:00");
    is(refund.refund_details.unwrap().date, "2026-05-23 08:14:03");
}

// 21, 23
#[test]
fn promotions_may_have_ids_of_either_type_and_stray_keys() {
    for json in ["617", r#""617""#] {
        let purchase = purchase(&format!(r#""promotions":[{{"id":{json}}}]"#));
        is(purchase.promotions[0].id.as_ref(), "617");
    }
    assert!(purchase(r#""promotions[0]":{"id":617}"#).promotions.is_empty());
}

// 22
#[test]
fn line_items_may_be_an_object_or_an_array() {
    let line = r#"{"sku":"lantern","quantity":2,"price":{"amount":6.50,"currency":"EUR"}}"#;
    for json in [line.to_owned(), format!("[{line}]")] {
        let order = purchase(&format!(r#""order":{{"lineitems":{json}}}"#)).order;
        let lines = order.unwrap().lineitems;
        assert_eq!(lines.len(), 1, "{json}");
        is(lines[0].sku.as_ref(), "lantern");
        is(lines[0].quantity, "2");
        is(lines[0].price.as_ref(), "6.50 EUR");
    }
}

// 24
#[test]
fn a_giver_may_hide_in_several_ways() {
    for json in ["true", "1", r#""1""#, r#""true""#] {
        let purchase = purchase(&format!(r#""gift":{{"hide_giver_from_receiver":{json}}}"#));
        is(purchase.gift.unwrap().hide_giver_from_receiver, "true");
    }
}
