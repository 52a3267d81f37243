//! Whole samples.

use super::*;
use crate::samples::MALFORMED;

/// Returns the names of the fields that are `None`.
fn missing(notification: &impl Debug) -> Vec<String> {
    let shown = format!("{notification:?}");
    let before_none = shown.split(": None").map(|before| before.rsplit([' ', '{']).next());
    let mut names: Vec<_> = before_none.flatten().map(str::to_owned).collect();
    names.pop();
    names
}

#[test]
fn documented_faults_are_syntax_errors() {
    for sample in MALFORMED {
        assert!(Payment::from_json(sample.body).unwrap_err().is_syntax(), "{}", sample.name);
    }
}

#[test]
fn every_documented_field_has_a_value() {
    let payment = sample::<Payment>("payment-full");
    assert_eq!(missing(&payment), ["date", "date_end", "trial", "trial_days", "is_gift"]);
    assert_eq!(payment.purchase.unwrap().subscription.unwrap().tags, ["monthly", "founder"]);

    // Fields of `payment` alone, of newer documentation, or of `ps_declined`; and the SKU, which refunds never have.
    assert_eq!(
        missing(&sample::<Refund>("refund-legacy")),
        [
            "payment_date",
            "payment_method",
            "payment_method_name",
            "payment_method_order_id",
            "subscription",
            "gift",
            "coupon",
            "order",
            "sku",
            "country_wht",
            "user_acquisition_fee",
            "reason_detail",
        ]
    );

    let paid = sample::<OrderPaid>("order_paid-combined");
    assert_eq!(missing(&paid.order), [""; 0]);
    assert_eq!(missing(&paid.user), [""; 0]);
    let version_2 = ["is_free", "is_bonus", "is_bundle_content"];
    assert_eq!(missing(&paid.items[0]), version_2);

    let validation = sample::<UserValidation>("user_validation");
    assert_eq!(missing(&validation), ["zip", "custom_parameters"]);
}

#[test]
fn legacy_purchase_has_its_fields() {
    let purchase = sample::<Refund>("refund-legacy").purchase.unwrap();
    assert_text(purchase.total, "1500 JPY");
    assert_text(purchase.virtual_currency.unwrap().quantity, "250");
    let items = purchase.virtual_items.unwrap();
    assert_text(items.amount, "250");
    assert_text(items.items[0].amount, "2");
    let upgrade = purchase.pin_codes[0].upgrade.as_ref().unwrap();
    assert_text(upgrade.amount, "900");
    let edition = upgrade.digital_content_to.as_ref().unwrap();
    assert_text(edition.digital_content.as_ref(), "isles_deluxe");
    assert_text(edition.drm.as_ref(), "Steam");
}

#[test]
fn notifications_of_one_sale_share_a_transaction() {
    let payment = sample::<Payment>("payment").transaction.id;
    assert_eq!(sample::<OrderPaid>("order_paid-separate").order.invoice_id, payment);
    assert_eq!(sample::<Refund>("refund").transaction.id, payment);
    assert_eq!(sample::<OrderCanceled>("order_canceled-separate").order.invoice_id, payment);
    assert_text(payment, "2298114507");
}

#[test]
fn free_order_has_no_transaction() {
    let paid = sample::<OrderPaid>("order_paid-free");
    assert_eq!(paid.order.invoice_id, None);
    assert_eq!(paid.order.currency_type, Some(CurrencyType::Unknown));
    assert_eq!(paid.billing, None);
    assert_text(paid.order.amount, "0");
}

#[test]
fn combined_cancellation_has_a_refund_code() {
    let billing = sample::<OrderCanceled>("order_canceled-combined").billing.unwrap();
    assert_text(billing.notification_type, "refund");
    assert_text(billing.refund_details.unwrap().code, "5");
}

#[test]
fn token_payment_has_goods_in_custom_parameters() {
    let parameters = sample::<Payment>("payment-token").custom_parameters.unwrap();
    assert_eq!(parameters.saved_payment_method(), Some(SavedPaymentMethod::Saved));
    assert_eq!(parameters.payment_type(), Some(PaymentType::OneTime));
    let cart: String = parameters.parameter("cart").unwrap();
    assert_eq!(cart, r#"[{"sku":"tide-compass","quantity":2}]"#);
}
