//! Orders.

use super::*;

// 13
#[test]
fn an_item_without_a_price_has_none() {
    for json in ["null", r#""[null]""#, r#""""#] {
        assert_eq!(item(&format!(r#""amount":{json}"#)).amount, None, "{json}");
    }
    is(item(r#""amount":"1.9900""#).amount, "1.9900");
    let canceled = sample::<OrderCanceled>("order_canceled-separate");
    is(canceled.items[1].amount, "5.0000");
    assert_eq!(canceled.items[2].amount, None);
}

// 14
#[test]
fn an_order_in_virtual_currency_has_its_money_in_billing() {
    let paid = sample::<OrderPaid>("order_paid-combined");
    assert_eq!(paid.order.currency_type, Some(CurrencyType::Virtual));
    is(paid.order.amount, "900");
    let billing = paid.billing.unwrap();
    is(billing.purchase.unwrap().total, "8.75 USD");
    assert_eq!(billing.transaction.unwrap().id, paid.order.invoice_id);
}

// 27
#[test]
fn a_canceled_order_may_say_paid() {
    let canceled = sample::<OrderCanceled>("order_canceled-separate");
    is(canceled.order.status, "paid");
}

// 28
#[test]
fn the_mode_named_default_is_live() {
    assert_eq!(order(r#""mode":"default""#).mode, Some(OrderMode::Live));
    assert_eq!(order(r#""mode":"sandbox""#).mode, Some(OrderMode::Sandbox));
    is(order(r#""mode":"rehearsal""#).mode, "rehearsal");
}

// 34
#[test]
fn a_new_value_of_a_list_is_kept() {
    let loyalty = order(r#""currency_type":"loyalty_point""#);
    assert_eq!(loyalty.currency_type, Some(CurrencyType::LoyaltyPoint));
    is(order(r#""currency_type":"shells""#).currency_type, "shells");
    is(order(r#""platform":"fridge""#).platform, "fridge");
    let postcard = item(r#""type":"postcard""#).item_type;
    assert_eq!(postcard, Some(ItemType::Other("postcard".to_owned())));
    is(item(r#""type":7"#).item_type, "7");
}

// 42
#[test]
fn a_bundle_is_told_from_its_contents_in_version_2() {
    let marks = |item: &Item| [item.is_bundle_content, item.is_free, item.is_bonus];
    let paid = sample::<OrderPaid>("order_paid-v2");
    let expected = [[false, false, false], [true, false, false], [false, true, true], [false, false, false]];
    assert_eq!(paid.items.len(), expected.len());
    for (item, expected) in paid.items.iter().zip(expected) {
        assert_eq!(marks(item), expected.map(Some), "{:?}", item.sku);
    }
    is(paid.items[1].quantity, "1500");

    let version_1 = sample::<OrderPaid>("order_paid-separate");
    assert!(version_1.items.iter().all(|item| marks(item) == [None; 3]));
}
