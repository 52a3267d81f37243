//! The field `goods` of a message: a consumer that follows it grants each sale once.

use local::StackOptions;
use message::{Goods, ItemRole};
use rstest::rstest;
use xsolla::{GoodsReason, PaymentWithoutOrder};

use crate::test_stack::{Message, TestStack, event_id, options, sample};

async fn goods(payment_without_order: PaymentWithoutOrder, bodies: &[&str]) -> Vec<Goods> {
    let stack = TestStack::start_with(StackOptions { payment_without_order, ..options() }).await;
    relay(&stack, bodies).await.into_iter().map(|message| message.goods).collect()
}

/// Sends webhooks. Returns the messages that the game receives.
async fn relay(stack: &TestStack, bodies: &[impl AsRef<str>]) -> Vec<Message> {
    for body in bodies.iter().map(AsRef::as_ref) {
        assert!(stack.send(body).await.status < 300, "{body}");
    }
    stack.receive_all().await
}

fn effects(messages: &[Message]) -> Vec<(Goods, Option<GoodsReason>)> {
    messages.iter().map(|message| (message.goods, message.goods_reason)).collect()
}

/// An event of order 5.
fn order(type_name: &str, invoice: &str) -> String {
    format!(r#"{{"notification_type":"{type_name}","order":{{"id":5,"invoice_id":{invoice}}}}}"#)
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

#[rstest]
#[case::refund_first(PaymentWithoutOrder::MoneyOnly, ["refund", "order_canceled-separate"])]
#[case::refund_first_and_payments_grant(PaymentWithoutOrder::Grant, ["refund", "order_canceled-separate"])]
#[case::cancellation_first(PaymentWithoutOrder::MoneyOnly, ["order_canceled-separate", "refund"])]
#[case::cancellation_first_and_payments_grant(PaymentWithoutOrder::Grant, ["order_canceled-separate", "refund"])]
#[tokio::test]
async fn reversal_of_an_expired_sale_revokes_once(#[case] setting: PaymentWithoutOrder, #[case] reversal: [&str; 2]) {
    let stack = TestStack::start_with(StackOptions { payment_without_order: setting, ..options() }).await;
    relay(&stack, &["payment", "order_paid-separate"].map(sample)).await;
    for item in stack.stored().await {
        stack.expire(&event_id(&item)).await;
    }
    let messages = relay(&stack, &reversal.map(sample)).await;
    let revokes = messages.iter().filter(|message| message.goods == Goods::Revoke).count();
    assert_eq!((revokes, messages.len()), (1, 2), "{:?}", effects(&messages));
}

#[tokio::test]
async fn late_order_of_a_canceled_sale_is_not_granted() {
    let stack = TestStack::start().await;
    let messages = relay(&stack, &["order_canceled-separate", "order_paid-separate"].map(sample)).await;
    assert_eq!(effects(&messages), [(Goods::Revoke, None), (Goods::Info, Some(GoodsReason::AlreadyRevoked))]);
}

#[tokio::test]
async fn order_paid_by_two_transactions_is_granted_once_and_revoked_with_the_last() {
    let stack = TestStack::start().await;
    let events = [("order_paid", "7"), ("order_paid", "8"), ("order_canceled", "7"), ("order_canceled", "8")];
    let messages = relay(&stack, &events.map(|(type_name, invoice)| order(type_name, invoice))).await;
    assert_eq!(
        effects(&messages),
        [
            (Goods::Grant, None),
            (Goods::Info, Some(GoodsReason::OrderAlreadyGranted)),
            (Goods::Info, Some(GoodsReason::AnotherPaymentRemains)),
            (Goods::Revoke, None),
        ]
    );
}

#[tokio::test]
async fn order_with_and_without_its_transaction_is_one_sale_and_one_group() {
    let stack = TestStack::start().await;
    let events = [("order_paid", "null"), ("order_paid", "7"), ("order_canceled", "null")];
    let messages = relay(&stack, &events.map(|(type_name, invoice)| order(type_name, invoice))).await;
    let effects = effects(&messages);
    assert_eq!(
        effects,
        [(Goods::Grant, None), (Goods::Info, Some(GoodsReason::AlreadyGranted)), (Goods::Revoke, None)]
    );
    for message in &messages {
        assert_eq!((message.group_id.as_str(), message.subject.as_str()), ("order#5", "order#5"));
    }
}

#[tokio::test]
async fn subscription_of_a_sandbox_payment_is_a_test() {
    let stack = TestStack::start().await;
    let payment = r#"{"notification_type":"payment","transaction":{"id":7,"dry_run":1},"purchase":{"subscription":{"subscription_id":"31"}}}"#;
    let messages = relay(&stack, &[payment, sample("create_subscription"), sample("update_subscription")]).await;
    for message in messages {
        assert_eq!((message.mode.as_str(), message.attributes["mode"].as_str()), ("sandbox", "sandbox"));
    }
}

#[tokio::test]
async fn gift_goes_to_its_receiver() {
    let stack = TestStack::start().await;
    let body = r#"{"notification_type":"payment","transaction":{"id":7},"user":{"id":"giver"},"purchase":{"gift":{"giver_id":"giver","receiver_id":"receiver"}}}"#;
    let messages = relay(&stack, &[body]).await;
    assert_eq!(messages[0].user_id.as_deref(), Some("giver"));
    assert_eq!(messages[0].recipient_user_id.as_deref(), Some("receiver"));
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
