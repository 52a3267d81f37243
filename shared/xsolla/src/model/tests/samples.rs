//! The samples, read as a whole.

use crate::NotificationType;
use crate::samples::{ALL, MALFORMED};

use super::*;
use crate::model::schema::MODELS;

/// Reads the body as each of the types; returns those that it is.
fn types_of(body: &str) -> Vec<&'static str> {
    let read = MODELS.iter().filter_map(|model| match (model.read)(body) {
        Ok(()) => Some(model.name),
        Err(error) => {
            assert!(error.is_other_type(), "{error}");
            None
        }
    });
    read.collect()
}

/// The names of the fields that are `None`.
fn missing(notification: &impl Debug) -> Vec<String> {
    let shown = format!("{notification:?}");
    let before_none = shown.split(": None").map(|before| before.rsplit([' ', '{']).next());
    let mut names: Vec<_> = before_none.flatten().map(str::to_owned).collect();
    names.pop();
    names
}

#[test]
fn each_sample_is_of_its_own_type_and_of_no_other() {
    for sample in ALL {
        let stem = sample.name.split('-').next().unwrap();
        let is_deprecated = NotificationType::named(stem).unwrap().is_deprecated();
        let expected: &[_] = if is_deprecated { &[] } else { &[stem] };
        assert_eq!(types_of(sample.body), expected, "{}", sample.name);
    }
}

#[test]
fn the_documented_faults_are_syntax_errors() {
    for sample in MALFORMED {
        assert!(Payment::read(sample.body).unwrap_err().is_syntax(), "{}", sample.name);
    }
}

#[test]
fn every_documented_field_is_read() {
    let payment = sample::<Payment>("payment-full");
    assert_eq!(missing(&payment), ["date", "date_end", "trial", "trial_days", "is_gift"]);
    assert_eq!(payment.purchase.unwrap().subscription.unwrap().tags, ["monthly", "founder"]);

    // Of `payment` alone, of newer documentation, or of `ps_declined`; and an SKU that refunds never had.
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
fn legacy_purchases_are_read() {
    let purchase = sample::<Refund>("refund-legacy").purchase.unwrap();
    is(purchase.total, "1500 JPY");
    is(purchase.virtual_currency.unwrap().quantity, "250");
    let items = purchase.virtual_items.unwrap();
    is(items.amount, "250");
    is(items.items[0].amount, "2");
    let upgrade = purchase.pin_codes[0].upgrade.as_ref().unwrap();
    is(upgrade.amount, "900");
    let edition = upgrade.digital_content_to.as_ref().unwrap();
    is(edition.digital_content.as_ref(), "isles_deluxe");
    is(edition.drm.as_ref(), "Steam");
}

#[test]
fn one_sale_has_one_transaction() {
    let payment = sample::<Payment>("payment").transaction.id;
    assert_eq!(sample::<OrderPaid>("order_paid-separate").order.invoice_id, payment);
    assert_eq!(sample::<Refund>("refund").transaction.id, payment);
    assert_eq!(sample::<OrderCanceled>("order_canceled-separate").order.invoice_id, payment);
    is(payment, "2298114507");
}

#[test]
fn a_free_order_has_no_transaction() {
    let paid = sample::<OrderPaid>("order_paid-free");
    assert_eq!(paid.order.invoice_id, None);
    assert_eq!(paid.order.currency_type, Some(CurrencyType::Unknown));
    assert_eq!(paid.billing, None);
    is(paid.order.amount, "0");
}

#[test]
fn a_combined_cancellation_says_why() {
    let billing = sample::<OrderCanceled>("order_canceled-combined").billing.unwrap();
    is(billing.notification_type, "refund");
    is(billing.refund_details.unwrap().code, "5");
}

#[test]
fn a_token_payment_has_its_goods_in_the_custom_parameters() {
    let parameters = sample::<Payment>("payment-token").custom_parameters.unwrap();
    assert_eq!(parameters.saved_payment_method(), Some(SavedPaymentMethod::Saved));
    assert_eq!(parameters.payment_type(), Some(PaymentType::OneTime));
    let cart: String = parameters.parameter("cart").unwrap();
    assert_eq!(cart, r#"[{"sku":"tide-compass","quantity":2}]"#);
}
