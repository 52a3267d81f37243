//! Orders.

use super::*;

// 13
#[test]
fn item_without_price_has_no_amount() {
    for json in ["null", r#""[null]""#, r#""""#] {
        assert_eq!(item(&format!(r#""amount":{json}"#)).amount, None, "{json}");
    }
    assert_text(item(r#""amount":"1.9900""#).amount, "1.9900");
    let canceled = sample::<OrderCanceled>("order_canceled-separate");
    assert_text(canceled.items[1].amount, "5.0000");
    assert_eq!(canceled.items[2].amount, None);
}

// 14
#[test]
fn order_in_virtual_currency_has_real_money_in_billing() {
    let paid = sample::<OrderPaid>("order_paid-combined");
    assert_eq!(paid.order.currency_type, Some(CurrencyType::Virtual));
    assert_text(paid.order.amount, "900");
    let billing = paid.billing.unwrap();
    assert_text(billing.purchase.unwrap().total, "8.75 USD");
    assert_eq!(billing.transaction.unwrap().id, paid.order.invoice_id);
}

// 27
#[test]
fn canceled_order_can_have_status_paid() {
    let canceled = sample::<OrderCanceled>("order_canceled-separate");
    assert_text(canceled.order.status, "paid");
}

// 28
#[test]
fn mode_default_is_live() {
    assert_eq!(order(r#""mode":"default""#).mode, Some(OrderMode::Live));
    assert_eq!(order(r#""mode":"sandbox""#).mode, Some(OrderMode::Sandbox));
    assert_text(order(r#""mode":"staging""#).mode, "staging");
}

// 34
#[test]
fn new_enum_value_is_other() {
    let loyalty = order(r#""currency_type":"loyalty_point""#);
    assert_eq!(loyalty.currency_type, Some(CurrencyType::LoyaltyPoint));
    assert_text(order(r#""currency_type":"shells""#).currency_type, "shells");
    assert_text(order(r#""platform":"fridge""#).platform, "fridge");
    let postcard = item(r#""type":"postcard""#).item_type;
    assert_eq!(postcard, Some(ItemType::Other("postcard".to_owned())));
    assert_text(item(r#""type":7"#).item_type, "7");
}

// 42
#[test]
fn version_2_marks_bundle_contents() {
    let flags = |item: &Item| [item.is_bundle_content, item.is_free, item.is_bonus];
    let paid = sample::<OrderPaid>("order_paid-v2");
    let expected = [[false, false, false], [true, false, false], [false, true, true], [false, false, false]];
    assert_eq!(paid.items.len(), expected.len());
    for (item, expected) in paid.items.iter().zip(expected) {
        assert_eq!(flags(item), expected.map(Some), "{:?}", item.sku);
    }
    assert_text(paid.items[1].quantity, "1500");

    let version_1 = sample::<OrderPaid>("order_paid-separate");
    assert!(version_1.items.iter().all(|item| flags(item) == [None; 3]));
}
