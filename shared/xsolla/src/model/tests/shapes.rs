//! Rules that all models follow.

use super::*;

// 25, 26, 30
#[test]
fn null_and_missing_are_none_or_empty() {
    let order = order(r#""platform":null,"comment":null,"invoice_id":null,"promotions":null"#);
    assert_eq!(order, Order::default());
    assert!(order.coupons.is_empty() && order.promocodes.is_empty());
    assert_eq!(item(r#""custom_attributes":null,"promotions":null"#), Item::default());
    assert!(with::<OrderPaid>(r#""items":null"#).items.is_empty());

    let nulls = r#""settings":null,"purchase":null,"user":null,"payment_details":null,"custom_parameters":null"#;
    assert_eq!(with::<Payment>(nulls), with::<Payment>(r#""transaction":{}"#));
}

// 29, 35, 36
#[test]
fn currencies_and_countries_can_have_any_code() {
    assert_text(order(r#""currency":"isle-pearls""#).currency, "isle-pearls");
    assert_text(purchase(r#""total":{"currency":"ZUB","amount":500}"#).total, "500 ZUB");
    let user = with::<Payment>(r#""user":{"country":"ZZ"}"#).user.unwrap();
    assert_text(user.country, "ZZ");
}

// 31
#[test]
fn custom_parameters_can_be_any_json_and_are_unchanged() {
    for json in ["{}", "[]", r#"{"n": 1.50, "cart":"[{\"sku\":\"a\"}]"}"#, r#""text""#, "7"] {
        let payment: Payment = with(&format!(r#""custom_parameters":{json}"#));
        assert_eq!(payment.custom_parameters.unwrap().get(), json);
    }
}

// 32
#[test]
fn type_can_be_the_last_key() {
    for name in ["order_paid-separate", "order_paid-combined", "order_paid-free", "order_paid-v2"] {
        let body = samples::get(name).unwrap().body;
        assert!(body.find(r#""items""#) < body.rfind(r#""notification_type": "order_paid""#));
        sample::<OrderPaid>(name);
    }
}

// 33
#[test]
fn unknown_fields_are_ignored() {
    let purchase = purchase(r#""card_bin":"400000","total":{"amount":1,"new":[{}]}"#);
    assert_text(purchase.total, "1");
}

#[test]
fn empty_object_can_be_an_array() {
    let payment: Payment =
        with(r#""transaction":[],"settings":[],"purchase":[],"user":[],"payment_details":[],"custom_parameters":[]"#);
    assert_eq!(payment.transaction, Transaction::default());
    assert_eq!(payment.settings, Some(Settings::default()));
    assert_eq!(payment.purchase, Some(Purchase::default()));
    assert_eq!(payment.user, Some(User::default()));
    assert_eq!(payment.payment_details, Some(PaymentDetails::default()));
    assert_eq!(details(r#""vat":[]"#).vat, Some(Tax::default()));

    let purchase = purchase(
        r#""total":[],"subscription":[],"gift":[],"coupon":[],"order":[],"virtual_currency":[],"virtual_items":[],"pin_codes":[]"#,
    );
    assert_eq!(purchase.total, Some(Money::default()));
    assert_eq!(purchase.subscription, Some(Subscription::default()));
    assert_eq!(purchase.gift, Some(Gift::default()));
    assert_eq!(purchase.coupon, Some(Coupon::default()));
    assert_eq!(purchase.order, Some(PurchaseOrder::default()));
    assert_eq!(purchase.virtual_currency, Some(VirtualCurrency::default()));
    assert_eq!(purchase.virtual_items, Some(VirtualItems::default()));
    assert!(purchase.pin_codes.is_empty());

    let refund: Refund = with(r#""refund_details":[]"#);
    assert_eq!(refund.refund_details, Some(RefundDetails::default()));

    let paid: OrderPaid = with(r#""order":[],"user":[],"billing":[],"items":[[]]"#);
    assert_eq!(paid.order, Order::default());
    assert_eq!(paid.user, OrderUser::default());
    assert_eq!(paid.billing, Some(Billing::default()));
    assert_eq!(paid.items, [Item::default()]);
}

#[test]
fn repeated_key_is_an_error() {
    let twice = r#"{"notification_type":"payment","transaction":{"id":1,"id":2}}"#;
    assert!(Payment::from_json(twice).is_err_and(|error| error.is_shape()));
}

#[test]
fn debug_shows_ids_and_hides_personal_data() {
    let shown = [
        format!("{:?}", sample::<Payment>("payment-full")),
        format!("{:?}", sample::<Refund>("refund-legacy")),
        format!("{:?}", sample::<OrderPaid>("order_paid-v2")),
        format!("{:?}", sample::<UserValidation>("user_validation")),
    ];
    for id in ["isle-3312", "isle-0907", "isle-7044", "isle-4471"] {
        assert!(shown.iter().any(|shown| shown.contains(id)), "{id}");
    }
    for hidden in [
        "example.com",
        "192.0.2.",
        "198.51.100.",
        "12025550143",
        "81300000000",
        "June",
        "Sora",
        "Mira",
        "20001",
        "100-0001",
        "Fair winds",
        "Jürgen",
        "paypal",
        "difficulty",
    ] {
        assert!(!shown.iter().any(|shown| shown.contains(hidden)), "{hidden}");
    }
}
