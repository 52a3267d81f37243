//! Amounts, items and dates of a notification, as short phrases.

use message::ItemRole;
use message::model::{
    Billing, CancelSubscription, CreateSubscription, Dispute, Item, ItemType, Model, NonRenewalSubscription, Order,
    OrderCanceled, OrderPaid, PartialRefund, Payment, Purchase, Refund, RefundDetails, Subscription,
    UpdateSubscription,
};
use xsolla::NotificationType;

const BUNDLE: &str = " (bundle)";
const BUNDLE_CONTENT: &str = " (bundle content)";
const POSSIBLY_BUNDLE_CONTENT: &str = " (possibly bundle content)";

/// Whether an item of [`items`] is a bundle or a part of one.
pub(super) fn is_of_bundle(item: &str) -> bool {
    [BUNDLE, BUNDLE_CONTENT, POSSIBLY_BUNDLE_CONTENT].iter().any(|note| item.ends_with(note))
}

/// Summarizes a notification. Empty if its model cannot read it, or the type has no amounts or items.
pub(super) fn summary(type_name: &str, notification: &str) -> Vec<String> {
    match type_name {
        Payment::TYPE => read::<Payment>(notification, |payment| purchase(payment.purchase.as_ref())),
        Refund::TYPE => {
            read::<Refund>(notification, |event| refund(event.purchase.as_ref(), event.refund_details.as_ref()))
        }
        PartialRefund::TYPE => {
            read::<PartialRefund>(notification, |event| refund(event.purchase.as_ref(), event.refund_details.as_ref()))
        }
        OrderPaid::TYPE => read::<OrderPaid>(notification, |event| {
            order(&event.order, &event.items, event.billing.as_ref(), notification)
        }),
        OrderCanceled::TYPE => read::<OrderCanceled>(notification, |event| {
            order(&event.order, &event.items, event.billing.as_ref(), notification)
        }),
        CreateSubscription::TYPE => read::<CreateSubscription>(notification, |event| subscription(&event.subscription)),
        UpdateSubscription::TYPE => read::<UpdateSubscription>(notification, |event| subscription(&event.subscription)),
        CancelSubscription::TYPE => read::<CancelSubscription>(notification, |event| subscription(&event.subscription)),
        NonRenewalSubscription::TYPE => {
            read::<NonRenewalSubscription>(notification, |event| subscription(&event.subscription))
        }
        Dispute::TYPE => read::<Dispute>(notification, |event| dispute(&event)),
        _ => Vec::new(),
    }
}

/// The items of a sale: `3 × lantern-brass`. Empty if the event has none, or its model cannot read it.
pub(super) fn items(type_name: &str, notification: &str) -> Vec<String> {
    match type_name {
        OrderPaid::TYPE => read::<OrderPaid>(notification, |event| order_items(&event.items, notification)),
        Payment::TYPE => read::<Payment>(notification, |event| {
            let lines = event.purchase.iter().flat_map(|purchase| &purchase.order).flat_map(|order| &order.lineitems);
            lines.map(|line| quantity_of(line.quantity, line.sku.as_ref().map_or("?", AsRef::as_ref))).collect()
        }),
        _ => Vec::new(),
    }
}

/// The reason of a refund: `reason 1 (…)`.
pub(super) fn reason(type_name: &str, notification: &str) -> Option<String> {
    let reasons = match type_name {
        Refund::TYPE => read::<Refund>(notification, |event| refund(None, event.refund_details.as_ref())),
        _ => Vec::new(),
    };
    reasons.into_iter().next()
}

fn read<M: Model>(notification: &str, summarize: impl FnOnce(M) -> Vec<String>) -> Vec<String> {
    M::from_json(notification).map(summarize).unwrap_or_default()
}

fn purchase(purchase: Option<&Purchase>) -> Vec<String> {
    let Some(purchase) = purchase else { return Vec::new() };
    let mut summary: Vec<String> = purchase.total.iter().map(ToString::to_string).collect();
    for line in purchase.order.iter().flat_map(|order| &order.lineitems) {
        summary.push(quantity_of(line.quantity, line.sku.as_ref().map_or("?", AsRef::as_ref)));
    }
    summary.extend(purchase.subscription.iter().flat_map(subscription));
    summary
}

fn refund(refunded: Option<&Purchase>, details: Option<&RefundDetails>) -> Vec<String> {
    let mut summary = purchase(refunded);
    summary.extend(details.and_then(|details| details.code.as_ref()).map(|code| {
        code.reason().map_or_else(|| format!("reason {code}"), |reason| format!("reason {code} ({reason})"))
    }));
    summary
}

fn order(order: &Order, items: &[Item], billing: Option<&Billing>, notification: &str) -> Vec<String> {
    let amount = order.amount.iter().map(ToString::to_string).chain(order.currency.clone());
    let mut summary = vec![amount.collect::<Vec<_>>().join(" ")];
    // The order's own amount may be in virtual currency.
    let paid = billing.and_then(|billing| billing.purchase.as_ref()?.total.as_ref());
    summary.extend(paid.map(|paid| format!("paid {paid}")));
    summary.extend(order_items(items, notification));
    summary
}

fn order_items(items: &[Item], notification: &str) -> Vec<String> {
    // `order_canceled` has the same item fields, so the type does not matter for the roles.
    let roles = ItemRole::of_items(NotificationType::ORDER_PAID, notification).unwrap_or_default();
    let item = |(item, role): (&Item, ItemRole)| {
        let note = match role {
            _ if item.item_type == Some(ItemType::Bundle) => BUNDLE,
            ItemRole::Standalone => "",
            ItemRole::BundleContent => BUNDLE_CONTENT,
            ItemRole::Unclear => POSSIBLY_BUNDLE_CONTENT,
        };
        quantity_of(item.quantity, item.sku.as_ref().map_or("?", AsRef::as_ref)) + note
    };
    items.iter().zip(roles).map(item).collect()
}

fn subscription(subscription: &Subscription) -> Vec<String> {
    let mut summary: Vec<String> = subscription.plan_id.iter().map(|plan| format!("plan {plan}")).collect();
    summary.extend(subscription.date_next_charge.iter().map(|date| format!("next charge {date}")));
    summary.extend(subscription.date_end.iter().map(|date| format!("ends {date}")));
    summary
}

fn dispute(event: &Dispute) -> Vec<String> {
    let details = &event.dispute;
    let mut summary: Vec<String> = event.transaction.total.iter().map(ToString::to_string).collect();
    summary.extend(event.action.iter().map(ToString::to_string));
    summary.extend(details.dispute_type.iter().map(ToString::to_string));
    summary.extend(details.status.iter().map(|status| format!("status {status}")));
    summary.extend(details.reason.iter().map(|reason| format!("reason {reason}")));
    summary
}

fn quantity_of(quantity: Option<u64>, sku: &str) -> String {
    quantity.map_or_else(|| sku.to_owned(), |quantity| format!("{quantity} × {sku}"))
}
