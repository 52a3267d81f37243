//! The rules as a specification: one test per situation, then properties of all orders of events.

use std::collections::HashSet;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::envelope::tests::with_envelope;
use crate::samples;
use GoodsReason as Reason;
use PaymentWithoutOrder::{Grant as SettingGrant, MoneyOnly as SettingMoneyOnly};

type Effect = (Goods, Option<Reason>);

fn parse(body: &str, received_at: &str) -> SaleEvent {
    with_envelope(body, |envelope| {
        let envelope = envelope.unwrap();
        SaleEvent::new(&EventFacts {
            event_id: envelope.event_id().clone(),
            notification_type: envelope.notification_type(),
            identified: envelope.is_identified(),
            mode: envelope.mode(),
            received_at,
            notification: body,
        })
    })
}

fn event(body: &str) -> SaleEvent {
    parse(body, "2026-11-22T10:00:00Z")
}

/// Returns the second delivery of the same bytes, received after this many hours.
fn again(body: &str, hours: i64) -> SaleEvent {
    let received_at = "2026-11-22T10:00:00Z".parse::<jiff::Timestamp>().unwrap() + SignedDuration::from_hours(hours);
    let mut event = parse(body, &received_at.to_string());
    event.event_id = event.event_id.with_recurrence("2026-11-22T10:00:00.000001Z");
    event
}

fn decisions(setting: PaymentWithoutOrder, events: &[impl AsRef<str>]) -> Vec<Decision> {
    let mut sale = Sale::new(setting);
    events.iter().map(|body| sale.apply(event(body.as_ref()))).collect()
}

fn effects(setting: PaymentWithoutOrder, events: &[impl AsRef<str>]) -> Vec<Effect> {
    decisions(setting, events).into_iter().map(|decision| (decision.goods, decision.reason)).collect()
}

fn sample(name: &str) -> &'static str {
    samples::get(name).unwrap().body
}

fn payment(transaction: u32, purchase: &str) -> String {
    format!(r#"{{"notification_type":"payment","transaction":{{"id":{transaction}}},"purchase":{purchase}}}"#)
}

fn refund(transaction: u32) -> String {
    format!(r#"{{"notification_type":"refund","transaction":{{"id":{transaction}}}}}"#)
}

/// `order_paid` or `order_canceled` of order 5.
fn order(name: &str, invoice: &str) -> String {
    format!(r#"{{"notification_type":"{name}","order":{{"id":5,"invoice_id":{invoice}}}}}"#)
}

fn paid(invoice: &str) -> String {
    order("order_paid", invoice)
}

fn canceled(invoice: &str) -> String {
    order("order_canceled", invoice)
}

/// An event of subscription 9.
fn subscription(name: &str, plan: &str, next_charge: &str) -> String {
    format!(
        r#"{{"notification_type":"{name}_subscription","subscription":{{"subscription_id":9,"plan_id":{plan},"date_next_charge":"{next_charge}"}}}}"#
    )
}

const fn info(reason: Reason) -> Effect {
    (Goods::Info, Some(reason))
}

const GRANT: Effect = (Goods::Grant, None);
const REVOKE: Effect = (Goods::Revoke, None);
const ORDER_FOLLOWS: Effect = (Goods::MoneyOnly, Some(Reason::OrderFollows));
const SUBSCRIPTION_FOLLOWS: Effect = (Goods::MoneyOnly, Some(Reason::SubscriptionFollows));

#[test]
fn every_documented_type_has_its_effect() {
    for (name, expected) in [
        ("afs_black_list", (Goods::Risk, None)),
        ("afs_reject", (Goods::Risk, None)),
        ("cancel_subscription", (Goods::SubscriptionEnded, None)),
        ("create_subscription", (Goods::SubscriptionStarted, None)),
        ("dispute", (Goods::Risk, None)),
        ("inventory_pull", (Goods::Info, None)),
        ("inventory_push", (Goods::Info, None)),
        ("move_to_game", GRANT),
        ("non_renewal_subscription", (Goods::SubscriptionChanged, None)),
        ("order_canceled-combined", REVOKE),
        ("order_canceled-separate", REVOKE),
        ("order_paid-combined", GRANT),
        ("order_paid-free", GRANT),
        ("order_paid-separate", GRANT),
        ("order_paid-v2", GRANT),
        ("partial_refund", (Goods::PartialRevoke, None)),
        ("payment", GRANT),
        ("payment-full", SUBSCRIPTION_FOLLOWS),
        ("payment-token", GRANT),
        ("payment_account_add", (Goods::Info, None)),
        ("payment_account_remove", (Goods::Info, None)),
        ("payment_duplicate_reject", (Goods::Info, None)),
        ("ps_declined", (Goods::Info, None)),
        ("redeem_key", (Goods::Info, None)),
        ("refund", REVOKE),
        ("refund-legacy", REVOKE),
        ("refund-subscription", SUBSCRIPTION_FOLLOWS),
        ("update_subscription", (Goods::SubscriptionChanged, None)),
        ("upgrade_refund", (Goods::Info, None)),
        ("user_balance_operation", (Goods::Info, None)),
    ] {
        assert_eq!(effects(SettingGrant, &[sample(name)]), [expected], "{name}");
    }
}

#[test]
fn setting_money_only_changes_payments_and_refunds_without_order() {
    for sample in samples::ALL {
        let without_order = ["payment", "payment-token", "refund"].contains(&sample.name);
        let expected = if without_order { vec![ORDER_FOLLOWS] } else { effects(SettingGrant, &[sample.body]) };
        assert_eq!(effects(SettingMoneyOnly, &[sample.body]), expected, "{}", sample.name);
    }
}

#[rstest]
#[case::combined(SettingGrant, vec![paid("7"), canceled("7")], vec![GRANT, REVOKE])]
#[case::token_without_order(SettingGrant, vec![payment(7, "{}"), refund(7)], vec![GRANT, REVOKE])]
#[case::free_order(SettingGrant, vec![paid("null"), canceled("null")], vec![GRANT, REVOKE])]
#[case::separate(
    SettingMoneyOnly,
    vec![payment(7, "{}"), paid("7"), refund(7), canceled("7")],
    vec![ORDER_FOLLOWS, GRANT, ORDER_FOLLOWS, REVOKE]
)]
#[case::separate_with_named_order(
    SettingGrant,
    vec![payment(7, r#"{"order":{"id":5}}"#), paid("7"), refund(7), canceled("7")],
    vec![ORDER_FOLLOWS, GRANT, ORDER_FOLLOWS, REVOKE]
)]
fn sale_is_granted_and_revoked_once(
    #[case] setting: PaymentWithoutOrder,
    #[case] events: Vec<String>,
    #[case] expected: Vec<Effect>,
) {
    assert_eq!(effects(setting, &events), expected);
}

#[rstest]
#[case::order(SettingGrant, vec![canceled("7"), paid("7")], vec![REVOKE, info(Reason::AlreadyRevoked)])]
#[case::order_after_refund(
    SettingMoneyOnly,
    vec![refund(7), paid("7"), canceled("7")],
    vec![ORDER_FOLLOWS, info(Reason::AlreadyRevoked), REVOKE]
)]
#[case::payment(SettingGrant, vec![refund(7), payment(7, "{}")], vec![REVOKE, info(Reason::AlreadyRevoked)])]
#[case::order_without_transaction(
    SettingGrant,
    vec![canceled("null"), paid("null")],
    vec![REVOKE, info(Reason::AlreadyRevoked)]
)]
fn late_sale_is_not_granted_after_its_revocation(
    #[case] setting: PaymentWithoutOrder,
    #[case] events: Vec<String>,
    #[case] expected: Vec<Effect>,
) {
    assert_eq!(effects(setting, &events), expected);
}

#[rstest]
#[case::refund_first(SettingGrant, vec![refund(7), canceled("7")], vec![REVOKE, info(Reason::AlreadyRevoked)])]
#[case::cancellation_first(SettingGrant, vec![canceled("7"), refund(7)], vec![REVOKE, ORDER_FOLLOWS])]
#[case::refund_first_money_only(SettingMoneyOnly, vec![refund(7), canceled("7")], vec![ORDER_FOLLOWS, REVOKE])]
#[case::cancellation_first_money_only(SettingMoneyOnly, vec![canceled("7"), refund(7)], vec![REVOKE, ORDER_FOLLOWS])]
fn refund_and_cancellation_without_a_known_sale_revoke_once(
    #[case] setting: PaymentWithoutOrder,
    #[case] events: Vec<String>,
    #[case] expected: Vec<Effect>,
) {
    assert_eq!(effects(setting, &events), expected);
}

#[test]
fn order_without_transaction_is_not_granted_after_the_refund_of_its_payment() {
    let events = [refund(7), payment(7, r#"{"order":{"id":5}}"#), paid("null"), canceled("7")];
    assert_eq!(effects(SettingGrant, &events)[2..], [info(Reason::AlreadyRevoked), info(Reason::AlreadyRevoked)]);
}

#[test]
fn order_paid_by_two_transactions_is_granted_once() {
    let events = [paid("7"), paid("8")];
    assert_eq!(effects(SettingGrant, &events), [GRANT, info(Reason::OrderAlreadyGranted)]);
}

#[rstest]
#[case::second_payment_is_cancelled(
    vec![paid("7"), paid("8"), canceled("8")],
    vec![GRANT, info(Reason::OrderAlreadyGranted), info(Reason::AnotherPaymentRemains)]
)]
#[case::both_are_cancelled(
    vec![paid("7"), paid("8"), canceled("7"), canceled("8")],
    vec![GRANT, info(Reason::OrderAlreadyGranted), info(Reason::AnotherPaymentRemains), REVOKE]
)]
#[case::second_payment_is_refunded_and_cancelled(
    vec![paid("7"), paid("8"), refund(8), canceled("8")],
    vec![GRANT, info(Reason::OrderAlreadyGranted), ORDER_FOLLOWS, info(Reason::AnotherPaymentRemains)]
)]
#[case::cancellation_names_no_transaction(
    vec![paid("7"), paid("8"), refund(8), canceled("null")],
    vec![GRANT, info(Reason::OrderAlreadyGranted), ORDER_FOLLOWS, info(Reason::AnotherPaymentRemains)]
)]
#[case::second_payment_follows_the_cancellation(
    vec![paid("7"), canceled("7"), paid("8")],
    vec![GRANT, REVOKE, GRANT]
)]
#[case::second_payment_is_reported_after_its_cancellation(
    vec![paid("7"), canceled("7"), canceled("8"), paid("8")],
    vec![GRANT, REVOKE, info(Reason::AlreadyRevoked), info(Reason::AlreadyRevoked)]
)]
fn order_is_revoked_when_no_payment_remains(#[case] events: Vec<String>, #[case] expected: Vec<Effect>) {
    assert_eq!(effects(SettingGrant, &events), expected);
}

#[test]
fn partial_refund_of_second_payment_revokes_nothing() {
    let partial = r#"{"notification_type":"partial_refund","transaction":{"id":8}}"#.to_owned();
    let effects = effects(SettingGrant, &[paid("7"), paid("8"), partial]);
    assert_eq!(effects[2], info(Reason::AnotherPaymentRemains));
}

#[rstest]
#[case(vec![paid("null"), paid("7"), canceled("null")])]
#[case(vec![paid("7"), paid("null"), canceled("null")])]
#[case(vec![paid("null"), paid("7"), canceled("7")])]
fn order_without_and_with_its_transaction_is_one_sale(#[case] events: Vec<String>) {
    assert_eq!(effects(SettingGrant, &events), [GRANT, info(Reason::AlreadyGranted), REVOKE]);
}

#[test]
fn events_of_one_order_share_the_group_of_the_first() {
    let mut sale = Sale::new(SettingGrant);
    let (first, second) = (event(&paid("null")), event(&paid("7")));
    assert_eq!(sale.group(&first), "order#5");
    sale.apply(first);
    assert_eq!(sale.group(&second), "order#5");
    assert_eq!(sale.group(&event(&payment(8, "{}"))), "transaction#8");
}

#[test]
fn refund_of_an_order_without_transaction_has_the_group_of_its_grant() {
    let mut sale = Sale::new(SettingGrant);
    sale.apply(event(&paid("null")));
    sale.apply(event(&paid("7")));
    let partial = event(r#"{"notification_type":"partial_refund","transaction":{"id":7}}"#);
    assert_eq!(sale.group(&partial), "order#5");
}

#[test]
fn refund_before_its_order_does_not_change_the_group_of_the_order() {
    let mut sale = Sale::new(SettingGrant);
    for body in [refund(7), paid("8"), payment(7, r#"{"order":{"id":5}}"#)] {
        sale.apply(event(&body));
    }
    for body in [canceled("8"), canceled("7")] {
        assert_eq!(sale.group(&event(&body)), "transaction#8");
    }
}

#[rstest]
#[case::order_is_cancelled(vec![paid("7"), canceled("7")], info(Reason::AlreadyRevoked))]
#[case::payment_of_a_cancelled_order(
    vec![payment(7, "{}"), paid("7"), canceled("7")],
    info(Reason::AlreadyRevoked)
)]
#[case::other_payment_remains(vec![paid("7"), paid("8"), canceled("7")], GRANT)]
#[case::no_payment_remains(vec![paid("7"), paid("8"), canceled("7"), canceled("8")], info(Reason::AlreadyRevoked))]
fn grant_is_sent_again_only_while_a_payment_remains(#[case] events: Vec<String>, #[case] expected: Effect) {
    let all: Vec<SaleEvent> = events.iter().map(|body| event(body)).collect();
    let decisions = decisions(SettingGrant, &events);
    let mut others = Sale::new(SettingGrant);
    for (event, decision) in all.iter().zip(&decisions).skip(1) {
        others.record(event.clone(), *decision);
    }
    let again = others.decide_again(&all[0], &decisions[0]);
    assert_eq!(decisions[0].goods, Goods::Grant);
    assert_eq!((again.goods, again.reason), expected);
}

#[test]
fn every_event_of_a_subscription_depends_on_its_payments() {
    for name in ["create", "update", "non_renewal", "cancel"] {
        assert!(event(&subscription(name, "1", "2026-03-01")).depends_on_history(), "{name}");
    }
}

#[rstest]
#[case(r#"{"order":{"lineitems":[{"sku":"a"}]}}"#, ORDER_FOLLOWS)]
#[case(r#"{"order":{"id":5}}"#, ORDER_FOLLOWS)]
#[case(r#"{"subscription":{"external_id":"x"}}"#, SUBSCRIPTION_FOLLOWS)]
#[case(r#"{"subscription":{"product_id":"x"}}"#, SUBSCRIPTION_FOLLOWS)]
#[case(r#"{"subscription":{"plan_id":"x"}}"#, SUBSCRIPTION_FOLLOWS)]
#[case(r#"{"subscription":{"subscription_id":10}}"#, SUBSCRIPTION_FOLLOWS)]
#[case(r#"{"order":{},"subscription":{"subscription_id":null}}"#, GRANT)]
#[case(r#"{"order":[],"subscription":null}"#, GRANT)]
#[case("null", GRANT)]
fn payment_that_names_an_order_or_subscription_is_money_only(#[case] purchase: &str, #[case] expected: Effect) {
    assert_eq!(effects(SettingGrant, &[payment(7, purchase)]), [expected]);
}

#[test]
fn order_of_a_granted_payment_is_not_granted_again() {
    let (payment, paid) = (event(&payment(7, "{}")), event(&paid("7")));
    let mut sale = Sale::new(SettingGrant);
    assert_eq!(sale.apply(payment).goods, Goods::Grant);
    let decision = sale.decide(&paid);
    assert_eq!((decision.goods, decision.reason), info(Reason::AlreadyGranted));
    assert_eq!(sale.notice(&paid, &decision), Some(Notice::PaymentAlsoGranted));
}

#[test]
fn refund_revokes_what_its_payment_granted_although_an_order_followed() {
    let events = [payment(7, "{}"), paid("7"), refund(7), canceled("7")];
    let expected = [GRANT, info(Reason::AlreadyGranted), REVOKE, info(Reason::AlreadyRevoked)];
    assert_eq!(effects(SettingGrant, &events), expected);
}

#[test]
fn double_payment_needs_a_person_and_a_repeated_order_does_not() {
    for (first, second, expected) in [("7", "8", Some(Notice::DoublePayment)), ("null", "7", None)] {
        let mut sale = Sale::new(SettingGrant);
        sale.apply(event(&paid(first)));
        let second = event(&paid(second));
        assert_eq!(sale.notice(&second, &sale.decide(&second)), expected);
    }
}

#[rstest]
#[case("refund")]
#[case("partial_refund")]
fn refund_of_a_subscription_charge_is_money_only_even_if_only_the_charge_names_it(#[case] name: &str) {
    let charge = payment(7, r#"{"subscription":{"subscription_id":10}}"#);
    let refund = format!(r#"{{"notification_type":"{name}","transaction":{{"id":7}}}}"#);
    assert_eq!(effects(SettingGrant, &[charge, refund]), [SUBSCRIPTION_FOLLOWS, SUBSCRIPTION_FOLLOWS]);
}

#[rstest]
#[case("update")]
#[case("create")]
#[case("non_renewal")]
fn ended_subscription_stays_ended(#[case] name: &str) {
    let events = [subscription("cancel", "1", ""), subscription(name, "1", "2026-04-01")];
    assert_eq!(effects(SettingGrant, &events), [(Goods::SubscriptionEnded, None), info(Reason::SubscriptionEnded)]);
}

#[test]
fn late_start_of_an_updated_subscription_has_no_effect() {
    let events = [subscription("update", "1", "2026-04-01"), subscription("create", "1", "2026-03-01")];
    assert_eq!(effects(SettingGrant, &events), [(Goods::SubscriptionChanged, None), info(Reason::AlreadyStarted)]);
}

#[rstest]
#[case::later("1", "2026-02-01", "1", "2026-03-01", Goods::SubscriptionRenewed)]
#[case::plan_as_text("1", "2026-02-01", r#""1""#, "2026-03-01", Goods::SubscriptionRenewed)]
#[case::earlier("1", "2026-02-01", "1", "2026-01-15", Goods::SubscriptionChanged)]
#[case::other_plan("1", "2026-02-01", "2", "2026-03-01", Goods::SubscriptionChanged)]
#[case::no_date("1", "2026-02-01", "1", "", Goods::SubscriptionChanged)]
#[case::same_instant_in_other_offset(
    "1",
    "2026-02-28T20:00:00Z",
    "1",
    "2026-03-01T00:00:00+04:00",
    Goods::SubscriptionChanged
)]
#[case::later_instant_with_earlier_text(
    "1",
    "2026-03-01T00:00:00+04:00",
    "1",
    "2026-02-28T23:00:00Z",
    Goods::SubscriptionRenewed
)]
fn update_is_renewal_if_plan_is_the_same_and_next_charge_is_later(
    #[case] plan: &str,
    #[case] next_charge: &str,
    #[case] new_plan: &str,
    #[case] new_next_charge: &str,
    #[case] expected: Goods,
) {
    let events = [subscription("create", plan, next_charge), subscription("update", new_plan, new_next_charge)];
    assert_eq!(effects(SettingGrant, &events)[1], (expected, None));
}

#[test]
fn non_renewal_does_not_hide_the_next_charge_of_the_update_before_it() {
    let events = [
        subscription("create", "1", "2026-02-01"),
        subscription("non_renewal", "1", "2026-02-01"),
        subscription("update", "1", "2026-03-01"),
    ];
    assert_eq!(effects(SettingGrant, &events)[2], (Goods::SubscriptionRenewed, None));
}

#[test]
fn same_bytes_are_a_retry_only_while_no_later_state_is_known() {
    let (march, april) = (subscription("update", "1", "2026-03-01"), subscription("update", "1", "2026-04-01"));
    let mut sale = Sale::new(SettingGrant);
    sale.apply(event(&march));
    assert!(sale.is_retry(&again(&march, 1)));
    sale.apply(event(&april));
    assert!(!sale.is_retry(&again(&march, 1)));
    assert_eq!(sale.apply(again(&march, 1)).goods, Goods::SubscriptionChanged);
    assert!(sale.is_retry(&again(&march, 1)), "the state that returned is the latest");
    assert!(!sale.is_retry(&again(&april, 1)));
}

#[test]
fn later_state_does_not_make_an_earlier_retry_a_new_event() {
    let march = subscription("update", "1", "2026-03-01");
    let april = parse(&subscription("update", "1", "2026-04-01"), "2026-11-22T12:00:00Z");
    let mut sale = Sale::new(SettingGrant);
    sale.apply(event(&march));
    sale.apply(april);
    assert!(sale.is_retry(&again(&march, 1)));
    assert!(!sale.is_retry(&again(&march, 3)));
}

#[rstest]
#[case::within_retry_window(48, true)]
#[case::after_retry_window(49, false)]
fn same_bytes_are_a_retry_for_48_hours(#[case] hours: i64, #[case] expected: bool) {
    let update = subscription("update", "1", "2026-03-01");
    let mut sale = Sale::new(SettingGrant);
    sale.apply(event(&update));
    assert_eq!(sale.is_retry(&again(&update, hours)), expected);
}

#[test]
fn other_event_of_a_transaction_does_not_make_a_retry_a_new_event() {
    let dispute = r#"{"notification_type":"dispute","transaction":{"id":7}}"#;
    let mut sale = Sale::new(SettingGrant);
    sale.apply(event(dispute));
    sale.apply(event(&refund(7)));
    assert!(sale.is_retry(&again(dispute, 1)));
}

#[test]
fn saved_removed_and_saved_payment_account_is_three_events() {
    let account =
        |name: &str| format!(r#"{{"notification_type":"payment_account_{name}","payment_account":{{"id":3}}}}"#);
    let mut sale = Sale::new(SettingGrant);
    sale.apply(event(&account("add")));
    sale.apply(event(&account("remove")));
    assert!(!sale.is_retry(&again(&account("add"), 1)));
}

#[test]
fn identical_partial_refund_without_date_is_reported() {
    let partial = r#"{"notification_type":"partial_refund","transaction":{"id":7},"purchase":{"total":{"amount":5}}}"#;
    let mut sale = Sale::new(SettingGrant);
    assert_eq!(sale.apply(event(partial)).goods, Goods::PartialRevoke);
    let second = again(partial, 1);
    assert!(!sale.is_retry(&second));
    let decision = sale.decide(&second);
    assert_eq!((decision.goods, decision.reason), info(Reason::PossibleRetry));
    assert_eq!(sale.notice(&second, &decision), Some(Notice::AmbiguousRefund));
}

#[test]
fn partial_refund_of_a_revoked_sale_has_no_effect() {
    let partial = r#"{"notification_type":"partial_refund","transaction":{"id":7}}"#.to_owned();
    assert_eq!(effects(SettingGrant, &[canceled("7"), partial])[1], info(Reason::AlreadyRevoked));
}

#[test]
fn what_was_taken_back_partly_stays_so_when_sent_again() {
    let partial = r#"{"notification_type":"partial_refund","transaction":{"id":7},"refund_details":{"date":"1"}}"#;
    let all = [paid("7"), partial.to_owned(), canceled("7")];
    let decided = decisions(SettingGrant, &all);
    let mut others = Sale::new(SettingGrant);
    others.record(event(&all[0]), decided[0]);
    others.record(event(&all[2]), decided[2]);
    assert_eq!(decided[1].goods, Goods::PartialRevoke);
    assert_eq!(others.decide_again(&event(partial), &decided[1]), decided[1]);
}

#[rstest]
#[case::same_subscription(subscription("update", "\"a\"", "2026-12-01"), true)]
#[case::other_subscription(subscription("update", "\"a\"", "2026-12-01").replace(":9,", ":10,"), false)]
#[case::payment(payment(7, "{}"), false)]
fn state_is_known_if_an_event_of_the_subscription_is(#[case] next: String, #[case] expected: bool) {
    let mut sale = Sale::new(SettingGrant);
    sale.apply(event(&subscription("create", "\"a\"", "2026-11-01")));
    assert_eq!(sale.has_state_of_subscription(&event(&next)), expected);
    let mut sale = Sale::new(SettingGrant);
    sale.apply(event(&payment(7, "{}")));
    assert!(!sale.has_state_of_subscription(&event(&payment(7, "{}"))), "a payment is no state");
}

#[test]
fn repeated_payment_needs_no_review() {
    let mut sale = Sale::new(SettingGrant);
    let payment = event(&payment(7, "{}"));
    sale.apply(payment.clone());
    let repeated = sale.decide(&payment);
    assert_eq!((repeated.goods, repeated.reason), info(Reason::AlreadyGranted));
    assert_eq!(sale.notice(&payment, &repeated), None);
}

#[rstest]
#[case::grant_without_order(payment(7, "{}"), canceled("7"), None)]
#[case::grant_with_order(paid("7"), canceled("7"), Some("5"))]
fn revocation_has_the_order_of_the_grant(
    #[case] grant: String,
    #[case] revocation: String,
    #[case] expected: Option<&str>,
) {
    let mut sale = Sale::new(SettingGrant);
    let granted = sale.apply(event(&grant));
    assert_eq!(sale.order_of_goods(&event(&grant), &granted, Some("own")), Some("own"));
    let revocation = event(&revocation);
    let revoked = sale.decide(&revocation);
    assert_eq!(revoked.goods, Goods::Revoke);
    assert_eq!(sale.order_of_goods(&revocation, &revoked, Some("own")), expected);
}

#[test]
fn event_without_marker_does_not_have_the_mode_of_another_sale() {
    let mut sale = Sale::new(SettingGrant);
    let test = r#"{"notification_type":"payment","transaction":{"id":8,"dry_run":1},"purchase":{}}"#;
    assert_eq!(sale.apply(event(test)).mode, Mode::Sandbox);
    assert_eq!(sale.decide(&event(&refund(7))).mode, Mode::Live);
}

#[test]
fn only_events_with_a_fixed_effect_do_not_depend_on_history() {
    let dispute = sample("dispute");
    assert!(!event(dispute).depends_on_history());
    assert!(again(dispute, 1).depends_on_history(), "it may be a retry");
    assert!(event(&paid("7")).depends_on_history());
    assert!(
        event(&subscription("non_renewal", "1", "2026-12-01")).depends_on_history(),
        "it has the mode of its payments"
    );
}

#[rstest]
#[case("order_paid-v2", true)]
#[case("order_canceled-combined", true)]
#[case("partial_refund", true)]
#[case("refund", false)]
#[case("dispute", false)]
fn only_orders_and_partial_refunds_depend_on_other_transactions(#[case] name: &str, #[case] expected: bool) {
    assert_eq!(event(sample(name)).depends_on_order(), expected);
}

#[test]
fn goods_are_not_held_after_the_refund_of_a_payment_that_granted_them() {
    let mut sale = Sale::new(SettingGrant);
    for (body, is_held) in [(payment(7, "{}"), true), (refund(8), true), (refund(7), false)] {
        sale.apply(event(&body));
        assert_eq!(sale.state(Mode::Live).unwrap().is_held, is_held, "{body}");
    }
}

#[test]
fn event_without_marker_has_the_mode_of_its_payments() {
    let modes = |events: &[String]| -> Vec<Mode> {
        decisions(SettingGrant, events).into_iter().map(|decision| decision.mode).collect()
    };
    let sandbox = payment(7, "{}").replace(r#""id":7"#, r#""id":7,"dry_run":1"#);
    assert_eq!(modes(&[sandbox.clone(), refund(7)]), [Mode::Sandbox, Mode::Sandbox]);
    assert_eq!(modes(&[sandbox.clone(), paid("7")]), [Mode::Sandbox, Mode::Live], "an order has its own marker");
    // A test had the id of a later real payment.
    assert_eq!(modes(&[sandbox, payment(7, "{}"), refund(7)]), [Mode::Sandbox, Mode::Live, Mode::Live]);
}

#[test]
fn subscription_has_the_mode_of_the_payments_that_name_it() {
    let created = event(&subscription("create", "1", "2026-03-01"));
    for (payments, expected) in
        [(vec![], Mode::Live), (vec![Mode::Sandbox], Mode::Sandbox), (vec![Mode::Sandbox, Mode::Live], Mode::Live)]
    {
        let sale = Sale::new(SettingGrant).with_subscription_payments(payments);
        assert_eq!(sale.decide(&created).mode, expected);
    }
}

#[test]
fn sandbox_sale_does_not_affect_live_sale() {
    let sandbox = paid("7").replace(r#""id":5"#, r#""mode":"sandbox","id":5"#);
    assert_eq!(effects(SettingGrant, &[canceled("7"), sandbox]), [REVOKE, GRANT]);
}

#[test]
fn gift_goes_to_its_receiver() {
    let gift = |gift: &str| payment(7, &format!(r#"{{"gift":{gift}}}"#));
    for (body, expected) in [
        (gift(r#"{"giver_id":"giver","receiver_id":"receiver"}"#), Some("receiver")),
        (gift(r#"{"giver_id":"giver","receiver_email":"mira@example.com"}"#), None),
        (gift("{}"), Some("user")),
        (gift("null"), Some("user")),
        (
            r#"{"notification_type":"order_paid","order":{"id":5},"billing":{"purchase":{"gift":{"receiver_id":3}}}}"#
                .to_owned(),
            Some("3"),
        ),
    ] {
        let event = event(&body);
        assert_eq!(Sale::new(SettingGrant).recipient(&event, Some("user")), expected, "{body}");
    }
}

#[test]
fn order_of_a_gift_goes_to_the_receiver_that_its_payment_names() {
    let mut sale = Sale::new(SettingMoneyOnly);
    sale.apply(event(&payment(7, r#"{"gift":{"receiver_id":"receiver"}}"#)));
    assert_eq!(sale.recipient(&event(&paid("7")), Some("giver")), Some("receiver"));
    assert_eq!(sale.recipient(&event(&paid("8")), Some("user")), Some("user"));
}

#[test]
fn payment_of_the_withdrawn_store_is_granted_with_either_setting() {
    for goods in [r#"{"virtual_items":{"items":[{"sku":"a"}]}}"#, r#"{"virtual_currency":{"quantity":10}}"#] {
        let events = [payment(7, goods), refund(7)];
        assert_eq!(effects(SettingMoneyOnly, &events), [GRANT, REVOKE], "{goods}");
        // If an order follows after all, it grants nothing.
        let events = [payment(7, goods), paid("7")];
        assert_eq!(effects(SettingMoneyOnly, &events), [GRANT, info(Reason::AlreadyGranted)], "{goods}");
    }
}

#[rstest]
#[case(r#"{"notification_type":"payment"}"#, info(Reason::NotIdentified))]
#[case(r#"{"notification_type":"order_paid","order":{}}"#, info(Reason::NotIdentified))]
#[case(r#"{"notification_type":"order_paid_v9","order":{"id":5}}"#, (Goods::Info, None))]
#[case(r#"{"notification_type":"user_validation"}"#, (Goods::Info, None))]
fn event_without_ids_has_no_effect(#[case] body: &str, #[case] expected: Effect) {
    assert_eq!(effects(SettingGrant, &[body]), [expected]);
}

#[test]
fn state_names_the_events_that_granted_and_revoked() {
    let mut sale = Sale::new(SettingGrant);
    assert_eq!(sale.state(Mode::Live), None);
    sale.apply(event(&paid("7")));
    let granted = event(&paid("7")).event_id;
    assert!(sale.state(Mode::Live).unwrap().is_held);
    sale.apply(event(&canceled("7")));
    let state = sale.state(Mode::Live).unwrap();
    assert_eq!(state.granted_by, Some(&granted));
    assert_eq!(state.revoked_by, Some(&event(&canceled("7")).event_id));
    assert_eq!((state.is_held, state.payments), (false, vec![("7", true)]));
    assert_eq!(sale.state(Mode::Sandbox), None);
}

#[test]
fn debug_shows_no_personal_data() {
    let shown = format!("{:?}", event(&payment(7, r#"{"gift":{"receiver_id":"mira"}}"#)));
    assert!(!shown.contains("mira"), "{shown}");
}

#[test]
fn repeated_payment_of_a_cancelled_order_grants_nothing() {
    let (payment, canceled) = (event(&payment(7, "{}")), event(&canceled("7")));
    let mut sale = Sale::new(SettingGrant);
    let granted = sale.decide(&payment);
    assert_eq!(granted.goods, Goods::Grant);
    assert_eq!(sale.decide_again(&payment, &granted), granted);
    // The cancellation names the order, which the payment does not.
    sale.apply(canceled);
    let again = sale.decide_again(&payment, &granted);
    assert_eq!((again.goods, again.reason), info(Reason::AlreadyRevoked));
}

#[test]
fn every_subscription_event_depends_on_the_payments_that_name_it() {
    for name in ["create", "update", "non_renewal", "cancel"] {
        assert!(event(&subscription(name, "1", "2026-03-01")).depends_on_history(), "{name}");
    }
}

/// The events of one purchase, as Xsolla can report it.
#[derive(Debug, Clone)]
struct Purchase {
    events: Vec<String>,
    /// Whether the player should hold the goods after all events.
    is_held: bool,
}

/// Returns purchases of one order and its transactions. `n` makes their ids unique.
fn purchase(n: u32, kind: u32, first_is_refunded: bool, second_is_refunded: bool) -> Purchase {
    let (order_id, one, two) = (500 + n, 700 + 2 * n, 701 + 2 * n);
    let order = |name: &str, invoice: String| {
        format!(r#"{{"notification_type":"{name}","order":{{"id":{order_id},"invoice_id":{invoice}}}}}"#)
    };
    let paid = |invoice: u32| order("order_paid", invoice.to_string());
    let canceled = |invoice: u32| order("order_canceled", invoice.to_string());
    let with_order = format!(r#"{{"order":{{"id":{order_id}}}}}"#);
    let (mut events, reversal) = match kind {
        0 => (vec![paid(one)], vec![canceled(one)]),
        1 => (vec![order("order_paid", "null".to_owned()), paid(one)], vec![canceled(one)]),
        2 => {
            (vec![order("order_paid", "null".to_owned()), paid(one)], vec![order("order_canceled", "null".to_owned())])
        }
        3 => (vec![payment(one, "{}")], vec![refund(one)]),
        4 => (vec![payment(one, &with_order), paid(one)], vec![refund(one), canceled(one)]),
        // The setting is wrong: the payment does not name its order.
        5 => (vec![payment(one, "{}"), paid(one)], vec![refund(one), canceled(one)]),
        // Two transactions paid the order.
        6 => (vec![paid(one), paid(two)], vec![canceled(one)]),
        _ => (
            vec![payment(one, &with_order), paid(one), payment(two, &with_order), paid(two)],
            vec![refund(one), canceled(one)],
        ),
    };
    if first_is_refunded {
        events.extend(reversal);
    }
    let has_two = kind >= 6;
    if has_two && second_is_refunded {
        events.extend([refund(two), canceled(two)]);
    }
    Purchase { events, is_held: !first_is_refunded || (has_two && !second_is_refunded) }
}

fn purchases() -> impl Strategy<Value = (Vec<Purchase>, Vec<(usize, String)>)> {
    let purchases = prop::collection::vec((0..8_u32, any::<bool>(), any::<bool>()), 1..=3).prop_map(|drawn| {
        let numbered = (0..).zip(drawn);
        numbered.map(|(n, (kind, first, second))| purchase(n, kind, first, second)).collect::<Vec<_>>()
    });
    purchases.prop_flat_map(|purchases| {
        let all = purchases.iter().enumerate();
        let events: Vec<(usize, String)> =
            all.flat_map(|(n, purchase)| purchase.events.iter().map(move |event| (n, event.clone()))).collect();
        let repeated: Vec<(usize, String)> = events.iter().chain(&events).cloned().collect();
        (Just(purchases), Just(repeated).prop_shuffle())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_order_of_events_leaves_each_player_with_what_was_paid((purchases, deliveries) in purchases()) {
        let mut sale = Sale::new(SettingGrant);
        let mut stored = HashSet::new();
        let mut held = vec![false; purchases.len()];
        let mut effects: Vec<(Goods, SaleEvent)> = Vec::new();
        for (n, body) in deliveries {
            let event = event(&body);
            // The same event id again is a retry.
            if !stored.insert(event.event_id.to_string()) {
                continue;
            }
            let goods = sale.apply(event.clone()).goods;
            match goods {
                Goods::Grant => held[n] = true,
                // A refund without a known order revokes its own transaction only.
                Goods::Revoke if event.is(NotificationType::ORDER_CANCELED)
                    || effects.iter().any(|(goods, other)| *goods == Goods::Grant && other.is_same_sale(&event)) => held[n] = false,
                _ => {}
            }
            effects.push((goods, event));
        }
        for (n, (_, event)) in effects.iter().enumerate() {
            let of_sale: Vec<Goods> = effects.iter().filter(|(_, other)| other.is_same_sale(event)).map(|(goods, _)| *goods).collect();
            let count = |effect| of_sale.iter().filter(|goods| **goods == effect).count();
            // An event without a transaction belongs to all transactions of its order.
            if event.transaction().is_some() {
                prop_assert!(count(Goods::Grant) <= 1 && count(Goods::Revoke) <= 1, "event {n}: {of_sale:?}");
                let revoked = of_sale.iter().position(|goods| *goods == Goods::Revoke);
                let granted = of_sale.iter().position(|goods| *goods == Goods::Grant);
                prop_assert!(granted.is_none() || revoked.is_none() || granted < revoked, "event {n}: {of_sale:?}");
            }
        }
        let expected: Vec<bool> = purchases.iter().map(|purchase| purchase.is_held).collect();
        prop_assert_eq!(held, expected);
    }
}
