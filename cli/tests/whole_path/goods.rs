//! The field `goods` of a message: a consumer that follows it grants each sale once.

use local::StackOptions;
use message::{Goods, ItemRole};
use xsolla::PaymentWithoutOrder;

use crate::test_stack::{TestStack, options, sample};

async fn goods(payment_without_order: PaymentWithoutOrder, bodies: &[&str]) -> Vec<Goods> {
    let stack = TestStack::start_with(StackOptions { payment_without_order, ..options() }).await;
    for body in bodies {
        assert!(stack.send(body).await.status < 300, "{body}");
    }
    stack.receive_all().await.into_iter().map(|message| message.goods).collect()
}

#[tokio::test]
async fn sale_with_separate_webhooks_is_granted_once_and_revoked_once() {
    let sale = ["payment", "order_paid-separate", "refund", "order_canceled-separate", "dispute"].map(sample);
    let once = [Goods::MoneyOnly, Goods::Grant, Goods::MoneyOnly, Goods::Revoke, Goods::Risk];
    assert_eq!(goods(PaymentWithoutOrder::MoneyOnly, &sale).await, once);

    let with_order = sale[0].replacen(r#""purchase": {"#, r#""purchase": {"order":{"id":712045518},"#, 1);
    assert_ne!(with_order, sale[0]);
    let sale = [&*with_order, sale[1], sale[2], sale[3], sale[4]];
    assert_eq!(goods(PaymentWithoutOrder::Grant, &sale).await, once, "with \"Add order object to webhook\"");
}

#[tokio::test]
async fn sale_with_combined_webhooks_is_granted_once_and_revoked_once() {
    let sale = ["order_paid-combined", "order_canceled-combined"].map(sample);
    assert_eq!(goods(PaymentWithoutOrder::Grant, &sale).await, [Goods::Grant, Goods::Revoke]);
}

#[tokio::test]
async fn payment_without_order_is_granted_and_its_refund_revoked() {
    let payment = sample("payment-token");
    let refund = payment.replace(r#""notification_type":"payment""#, r#""notification_type":"refund""#);
    assert_eq!(goods(PaymentWithoutOrder::Grant, &[payment, &refund]).await, [Goods::Grant, Goods::Revoke]);
}

#[tokio::test]
async fn subscription_is_started_renewed_changed_and_ended() {
    let update = sample("update_subscription");
    let renewal = update.replace("2026-05-02", "2026-06-02");
    let events = [sample("create_subscription"), update, &renewal, sample("non_renewal_subscription")];
    let goods = goods(PaymentWithoutOrder::Grant, &[&events[..], &[sample("cancel_subscription")]].concat()).await;
    assert_eq!(
        goods,
        [
            Goods::SubscriptionStarted,
            Goods::SubscriptionRenewed,
            Goods::SubscriptionRenewed,
            Goods::SubscriptionChanged,
            Goods::SubscriptionEnded,
        ]
    );
}

#[tokio::test]
async fn item_roles_mark_bundle_content() {
    let stack = TestStack::start().await;
    for name in ["order_paid-v2", "payment"] {
        stack.send(sample(name)).await;
    }
    let messages = stack.receive_all().await;
    let roles = |kind: &str| messages.iter().find(|message| message.r#type == kind).unwrap().item_roles.clone();
    assert_eq!(
        roles("order_paid").unwrap(),
        [ItemRole::Standalone, ItemRole::BundleContent, ItemRole::Standalone, ItemRole::Standalone]
    );
    assert_eq!(roles("payment"), None);
}
