//! Rules that decide which event of a sale carries the goods.
//!
//! The result depends on the event, on one setting, and for two types on the other events of the subject.

use std::borrow::Cow;

use crate::field::{Field, Fields};
use crate::goods::{Goods, PaymentWithoutOrder};
use crate::mode::Mode;
use crate::notification_type::{GoodsRule, NotificationType};

/// The facts about an event that determine its effect on goods.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::{EventFacts, Goods, Mode, NotificationType, PaymentWithoutOrder};
///
/// let refund = EventFacts {
///     notification_type: Some(NotificationType::REFUND),
///     identified: true,
///     mode: Mode::Live,
///     received_at: "2026-11-22T10:00:00Z",
///     notification: r#"{"notification_type":"refund","transaction":{"id":7}}"#,
/// };
/// let order_paid = EventFacts {
///     notification_type: Some(NotificationType::ORDER_PAID),
///     notification: r#"{"notification_type":"order_paid","order":{"id":5,"invoice_id":"7"}}"#,
///     ..refund
/// };
///
/// // The refund of an order: `order_canceled` will carry the goods.
/// assert!(refund.goods_depend_on_history(PaymentWithoutOrder::Grant));
/// assert_eq!(refund.goods(PaymentWithoutOrder::Grant, &[order_paid]), Goods::MoneyOnly);
/// // The refund of a payment without an order.
/// assert_eq!(refund.goods(PaymentWithoutOrder::Grant, &[]), Goods::Revoke);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct EventFacts<'a> {
    /// The type, if it is known.
    pub notification_type: Option<NotificationType>,
    /// Whether the event id contains the type's ids: see [`Envelope::is_identified`](crate::Envelope::is_identified).
    pub identified: bool,
    /// Live or sandbox.
    pub mode: Mode,
    /// The time of receipt: ISO 8601 in UTC, so that text order is time order.
    pub received_at: &'a str,
    /// The notification's JSON text.
    pub notification: &'a str,
}

impl EventFacts<'_> {
    /// Returns whether [`Self::goods`] requires the other events of the subject.
    #[must_use]
    pub fn goods_depend_on_history(&self, payment_without_order: PaymentWithoutOrder) -> bool {
        match self.rule() {
            GoodsRule::Refund => payment_without_order == PaymentWithoutOrder::Grant && !self.is_subscription_charge(),
            GoodsRule::SubscriptionUpdate => true,
            GoodsRule::Always(_) | GoodsRule::Payment | GoodsRule::PartialRefund => false,
        }
    }

    /// Decides the effect on goods. `history` has the other events of the subject, in any order.
    #[must_use]
    pub fn goods(&self, payment_without_order: PaymentWithoutOrder, history: &[EventFacts<'_>]) -> Goods {
        match self.rule() {
            GoodsRule::Always(goods) => goods,
            GoodsRule::Payment | GoodsRule::Refund | GoodsRule::PartialRefund if self.is_subscription_charge() => {
                Goods::MoneyOnly
            }
            GoodsRule::PartialRefund => Goods::PartialRevoke,
            GoodsRule::Payment | GoodsRule::Refund if payment_without_order == PaymentWithoutOrder::MoneyOnly => {
                Goods::MoneyOnly
            }
            GoodsRule::Payment if self.has_order() => Goods::MoneyOnly,
            GoodsRule::Payment => Goods::Grant,
            // A refund seldom names its order, but the payment or the `order_paid` of the same subject does.
            GoodsRule::Refund if self.has_order() || history.iter().any(|other| other.reports_order(self.mode)) => {
                Goods::MoneyOnly
            }
            GoodsRule::Refund => Goods::Revoke,
            GoodsRule::SubscriptionUpdate if self.is_renewal(history) => Goods::SubscriptionRenewed,
            GoodsRule::SubscriptionUpdate => Goods::SubscriptionChanged,
        }
    }

    fn rule(&self) -> GoodsRule {
        let spec = self.notification_type.and_then(NotificationType::event_spec);
        spec.filter(|_| self.identified).map_or(GoodsRule::Always(Goods::Info), |spec| spec.goods)
    }

    fn has(&self, mode: Mode, notification_type: NotificationType) -> bool {
        self.mode == mode && self.notification_type == Some(notification_type)
    }

    fn text(&self, field: Field) -> Option<String> {
        self.first_text(&[field])
    }

    /// Returns the first text that is not empty.
    fn first_text(&self, paths: &[Field]) -> Option<String> {
        let fields = Fields::parse(self.notification).ok()?;
        let text = |field: &Field| fields.text(*field).filter(|text| !text.is_empty());
        paths.iter().find_map(text).map(Cow::into_owned)
    }

    fn is_subscription_charge(&self) -> bool {
        self.first_text(&[Field::PurchaseSubscriptionId, Field::PurchasePlanId]).is_some()
    }

    fn has_order(&self) -> bool {
        self.text(Field::PurchaseOrderId).is_some()
    }

    fn reports_order(&self, mode: Mode) -> bool {
        self.has(mode, NotificationType::ORDER_PAID) || (self.has(mode, NotificationType::PAYMENT) && self.has_order())
    }

    /// Returns whether the next charge is later than in the previous event of the subscription, with the same plan.
    fn is_renewal(&self, history: &[EventFacts<'_>]) -> bool {
        let has_state = |other: &&EventFacts<'_>| {
            other.has(self.mode, NotificationType::CREATE_SUBSCRIPTION)
                || other.has(self.mode, NotificationType::UPDATE_SUBSCRIPTION)
        };
        let earlier = history.iter().filter(has_state).filter(|other| other.received_at < self.received_at);
        let Some(previous) = earlier.max_by_key(|other| other.received_at) else { return false };
        let (next, previous_next) = (self.text(Field::NextCharge), previous.text(Field::NextCharge));
        self.text(Field::PlanId) == previous.text(Field::PlanId) && previous_next.is_some() && next > previous_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::tests::with_envelope;
    use crate::samples;
    use PaymentWithoutOrder as Setting;

    fn facts<'a>(body: &'a str, received_at: &'a str) -> EventFacts<'a> {
        with_envelope(body, |envelope| {
            let envelope = envelope.unwrap();
            EventFacts {
                notification_type: envelope.notification_type(),
                identified: envelope.is_identified(),
                mode: envelope.mode(),
                received_at,
                notification: body,
            }
        })
    }

    /// Returns the effect of an event without a history.
    fn goods(body: &str, setting: Setting) -> Goods {
        facts(body, "2026-11-22").goods(setting, &[])
    }

    fn sample(name: &str) -> &'static str {
        samples::get(name).unwrap().body
    }

    /// Counts how often a consumer grants and revokes a sale.
    fn grants_and_revokes(sale: &[&str], setting: Setting) -> (usize, usize) {
        let events: Vec<EventFacts<'_>> = sale.iter().map(|body| facts(body, "2026-11-22")).collect();
        let effects: Vec<Goods> = (0..events.len())
            .map(|n| {
                let history = if events[n].goods_depend_on_history(setting) { &events[..n] } else { &[] };
                events[n].goods(setting, history)
            })
            .collect();
        let count = |effect| effects.iter().filter(|goods| **goods == effect).count();
        (count(Goods::Grant), count(Goods::Revoke))
    }

    #[test]
    fn every_documented_type_has_its_effect() {
        for (name, expected) in [
            ("afs_black_list", Goods::Risk),
            ("afs_reject", Goods::Risk),
            ("cancel_subscription", Goods::SubscriptionEnded),
            ("create_subscription", Goods::SubscriptionStarted),
            ("dispute", Goods::Risk),
            ("inventory_pull", Goods::Info),
            ("inventory_push", Goods::Info),
            ("move_to_game", Goods::Grant),
            ("non_renewal_subscription", Goods::SubscriptionChanged),
            ("order_canceled-combined", Goods::Revoke),
            ("order_canceled-separate", Goods::Revoke),
            ("order_paid-combined", Goods::Grant),
            ("order_paid-free", Goods::Grant),
            ("order_paid-separate", Goods::Grant),
            ("order_paid-v2", Goods::Grant),
            ("partial_refund", Goods::PartialRevoke),
            ("payment", Goods::Grant),
            ("payment-full", Goods::MoneyOnly),
            ("payment-token", Goods::Grant),
            ("payment_account_add", Goods::Info),
            ("payment_account_remove", Goods::Info),
            ("payment_duplicate_reject", Goods::Info),
            ("ps_declined", Goods::Info),
            ("redeem_key", Goods::Info),
            ("refund", Goods::Revoke),
            ("refund-legacy", Goods::Revoke),
            ("refund-subscription", Goods::MoneyOnly),
            ("update_subscription", Goods::SubscriptionChanged),
            ("upgrade_refund", Goods::Info),
            ("user_balance_operation", Goods::Info),
        ] {
            assert_eq!(goods(sample(name), Setting::Grant), expected, "{name}");
        }
    }

    #[test]
    fn setting_money_only_changes_payments_and_refunds_without_order() {
        for sample in samples::ALL {
            let without_order = ["payment", "payment-token", "refund", "refund-legacy"].contains(&sample.name);
            let expected = if without_order { Goods::MoneyOnly } else { goods(sample.body, Setting::Grant) };
            assert_eq!(goods(sample.body, Setting::MoneyOnly), expected, "{}", sample.name);
        }
    }

    const PAYMENT: &str = r#"{"notification_type":"payment","transaction":{"id":7}}"#;
    const PAYMENT_OF_ORDER: &str =
        r#"{"notification_type":"payment","transaction":{"id":7},"purchase":{"order":{"id":5}}}"#;
    const ORDER_PAID: &str = r#"{"notification_type":"order_paid","order":{"id":5,"invoice_id":"7"}}"#;
    const REFUND: &str = r#"{"notification_type":"refund","transaction":{"id":7}}"#;
    const ORDER_CANCELED: &str = r#"{"notification_type":"order_canceled","order":{"id":5,"invoice_id":"7"}}"#;

    #[test]
    fn every_sale_is_granted_once_and_revoked_once() {
        for (description, sale, setting) in [
            ("combined", &[ORDER_PAID, ORDER_CANCELED][..], Setting::Grant),
            ("combined, token without order", &[PAYMENT, REFUND], Setting::Grant),
            ("separate", &[PAYMENT, ORDER_PAID, REFUND, ORDER_CANCELED], Setting::MoneyOnly),
            ("separate, payment with order", &[PAYMENT_OF_ORDER, ORDER_PAID, REFUND, ORDER_CANCELED], Setting::Grant),
            ("separate, token without order", &[PAYMENT, REFUND], Setting::Grant),
            (
                "separate, payment with order, refund before order_paid",
                &[PAYMENT_OF_ORDER, REFUND, ORDER_PAID, ORDER_CANCELED],
                Setting::Grant,
            ),
            ("free order", &[r#"{"notification_type":"order_paid","order":{"id":5}}"#, ORDER_CANCELED], Setting::Grant),
        ] {
            assert_eq!(grants_and_revokes(sale, setting), (1, 1), "{description}");
        }
    }

    #[test]
    fn subscription_charge_is_money_only_with_either_setting() {
        for notification_type in ["payment", "refund", "partial_refund"] {
            for subscription in
                [r#"{"subscription_id":"10"}"#, r#"{"subscription_id":10}"#, r#"{"plan_id":"b5dac9c8"}"#]
            {
                let body = format!(
                    r#"{{"notification_type":"{notification_type}","transaction":{{"id":7}},"purchase":{{"subscription":{subscription}}}}}"#
                );
                for setting in [Setting::Grant, Setting::MoneyOnly] {
                    assert_eq!(goods(&body, setting), Goods::MoneyOnly, "{body}");
                }
            }
        }
        for none in ["null", "{}", "[]", r#"{"subscription_id":null}"#, r#"{"subscription_id":""}"#] {
            let body = format!(
                r#"{{"notification_type":"payment","transaction":{{"id":7}},"purchase":{{"subscription":{none}}}}}"#
            );
            assert_eq!(goods(&body, Setting::Grant), Goods::Grant, "{none}");
        }
    }

    #[test]
    fn sandbox_order_does_not_affect_live_refund() {
        let sandbox = ORDER_PAID.replace(r#""id":5"#, r#""mode":"sandbox","id":5"#);
        assert_eq!(grants_and_revokes(&[&sandbox, PAYMENT, REFUND], Setting::Grant).1, 1);
    }

    #[test]
    fn update_is_renewal_if_plan_is_the_same_and_next_charge_is_later() {
        let state = |kind: &str, plan: &str, next: &str| {
            format!(
                r#"{{"notification_type":"{kind}_subscription","subscription":{{"subscription_id":9,"plan_id":{plan},"date_next_charge":{next}}}}}"#
            )
        };
        let created = state("create", "1", r#""2026-01-01""#);
        let renewed = state("update", "1", r#""2026-02-01""#);
        for (update, earlier, is_renewal) in [
            (state("update", "1", r#""2026-02-01""#), vec![&created], true),
            (state("update", r#""1""#, r#""2026-02-01""#), vec![&created], true),
            (state("update", "1", r#""2026-03-01""#), vec![&renewed, &created], true),
            (state("update", "1", r#""2026-02-01""#), vec![&renewed, &created], false),
            (state("update", "1", r#""2026-01-15""#), vec![&renewed, &created], false),
            (state("update", "2", r#""2026-03-01""#), vec![&renewed, &created], false),
            (state("update", "1", "null"), vec![&created], false),
            (state("update", "1", r#""2026-02-01""#), vec![], false),
        ] {
            let times = ["2026-01-03", "2026-01-02"];
            let earlier: Vec<EventFacts<'_>> =
                earlier.iter().zip(times).map(|(body, received_at)| facts(body, received_at)).collect();
            let later = facts(&created, "2026-01-09");
            let event = facts(&update, "2026-01-05");
            assert!(event.goods_depend_on_history(Setting::MoneyOnly));
            let goods = event.goods(Setting::MoneyOnly, &[earlier, vec![event, later]].concat());
            let expected = if is_renewal { Goods::SubscriptionRenewed } else { Goods::SubscriptionChanged };
            assert_eq!(goods, expected, "{update}");
        }
    }

    #[test]
    fn unidentified_event_has_no_effect() {
        for body in [
            r#"{"notification_type":"payment"}"#,
            r#"{"notification_type":"order_paid","order":{}}"#,
            r#"{"notification_type":"order_paid_v9","order":{"id":5}}"#,
            r#"{"notification_type":"user_validation"}"#,
        ] {
            assert_eq!(goods(body, Setting::Grant), Goods::Info, "{body}");
        }
    }
}
