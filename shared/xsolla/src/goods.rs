//! What an event means for the goods, so that one sale is granted once and taken back once.
//!
//! Xsolla may report one sale by several events: `payment` and `order_paid`, `refund` and `order_canceled`, a charge and
//! `update_subscription`. One of them carries the goods, and which one depends on how the project is set up. That is
//! decided here, from the event itself, one setting, and, where neither tells, the earlier events of its subject.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::field::{Field, Fields};
use crate::model::{Item, ItemType};
use crate::{Mode, NotificationType, Role};

/// What an event means for the goods. Whoever acts on this alone grants a sale once, and takes it back once.
///
/// An event is `info` if its type is unknown or withdrawn, or if its ids are missing (`identified` is `false`): nothing is
/// granted on what cannot be recognised when it comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Goods {
    /// Hand over what was bought: `order_paid`; `move_to_game`; and a `payment` without an order, if the setting
    /// `PAYMENT_WITHOUT_ORDER` is `grant`.
    Grant,
    /// Take back all of what was bought: `order_canceled`; and the `refund` of a payment without an order.
    Revoke,
    /// A part of the money went back, and no other event tells of it: take back what that part paid for. `partial_refund`.
    PartialRevoke,
    /// A subscription or its trial has begun: `create_subscription`.
    SubscriptionStarted,
    /// A subscription goes on: an `update_subscription` with the plan of the event before it and a later next charge.
    SubscriptionRenewed,
    /// A subscription's plan or dates are others now, or it will not be renewed: any other `update_subscription`, and
    /// `non_renewal_subscription`. The notification tells the new state.
    SubscriptionChanged,
    /// A subscription ends at its `date_end`: `cancel_subscription`.
    SubscriptionEnded,
    /// Money came or went, and another event carries the goods: a `payment` or `refund` of an order or a subscription.
    MoneyOnly,
    /// The sale or its buyer is in doubt: `dispute`, `afs_reject`, `afs_black_list`.
    Risk,
    /// Nothing happens to goods.
    Info,
}

/// What a `payment` means that names neither an order nor a subscription. No body tells: it depends on the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentWithoutOrder {
    /// It carries goods: those of a token without an order. Right for combined webhooks, which report an order by
    /// `order_paid` alone, and for separate ones with "Add order object to webhook", in which each payment names its order.
    Grant,
    /// Its `order_paid` follows. Right for separate webhooks that do not name the order.
    MoneyOnly,
}

/// Neither of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be grant or money_only")]
pub struct InvalidChoice;

impl FromStr for PaymentWithoutOrder {
    type Err = InvalidChoice;

    fn from_str(choice: &str) -> Result<Self, InvalidChoice> {
        match choice {
            "grant" => Ok(Self::Grant),
            "money_only" => Ok(Self::MoneyOnly),
            _ => Err(InvalidChoice),
        }
    }
}

/// How the meaning of a type's events is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It is always the same.
    Always(Goods),
    /// That of money coming in.
    Payment,
    /// That of all the money going back.
    Refund,
    /// That of some of the money going back.
    PartialRefund,
    /// That of a subscription in a new state.
    SubscriptionUpdate,
}

/// An event, as far as its meaning depends on it.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Its type, if it is known.
    pub known: Option<NotificationType>,
    /// Whether its key comes from its ids: see [`crate::Envelope::identified`].
    pub identified: bool,
    /// Live or sandbox.
    pub mode: Mode,
    /// When it was received: ISO 8601 in UTC, so that texts sort as times do.
    pub received_at: &'a str,
    /// Its JSON text.
    pub notification: &'a str,
}

impl Goods {
    /// The word in the message.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Revoke => "revoke",
            Self::PartialRevoke => "partial_revoke",
            Self::SubscriptionStarted => "subscription_started",
            Self::SubscriptionRenewed => "subscription_renewed",
            Self::SubscriptionChanged => "subscription_changed",
            Self::SubscriptionEnded => "subscription_ended",
            Self::MoneyOnly => "money_only",
            Self::Risk => "risk",
            Self::Info => "info",
        }
    }

    /// Whether [`Goods::of`] has to know the earlier events of the subject.
    #[must_use]
    pub fn depends_on_earlier(event: &Told<'_>, payment_without_order: PaymentWithoutOrder) -> bool {
        match event.meaning() {
            Meaning::Refund => payment_without_order == PaymentWithoutOrder::Grant && !event.is_of_subscription(),
            Meaning::SubscriptionUpdate => true,
            Meaning::Always(_) | Meaning::Payment | Meaning::PartialRefund => false,
        }
    }

    /// What an event means, given the other events of its subject, in any order.
    #[must_use]
    pub fn of(event: &Told<'_>, payment_without_order: PaymentWithoutOrder, others: &[Told<'_>]) -> Self {
        match event.meaning() {
            Meaning::Always(goods) => goods,
            Meaning::Payment | Meaning::Refund | Meaning::PartialRefund if event.is_of_subscription() => {
                Self::MoneyOnly
            }
            Meaning::PartialRefund => Self::PartialRevoke,
            Meaning::Payment | Meaning::Refund if payment_without_order == PaymentWithoutOrder::MoneyOnly => {
                Self::MoneyOnly
            }
            Meaning::Payment if event.names_order() => Self::MoneyOnly,
            Meaning::Payment => Self::Grant,
            // A refund seldom names its order. But the payment may have, and an order's goods were granted by an event of
            // this subject.
            Meaning::Refund if event.names_order() || others.iter().any(|other| other.tells_of_order(event.mode)) => {
                Self::MoneyOnly
            }
            Meaning::Refund => Self::Revoke,
            Meaning::SubscriptionUpdate if event.renews(others) => Self::SubscriptionRenewed,
            Meaning::SubscriptionUpdate => Self::SubscriptionChanged,
        }
    }
}

impl Told<'_> {
    fn meaning(&self) -> Meaning {
        match self.known.map(NotificationType::role) {
            Some(Role::Event(row)) if self.identified => row.goods,
            Some(_) | None => Meaning::Always(Goods::Info),
        }
    }

    fn is(&self, mode: Mode, notification_type: NotificationType) -> bool {
        self.mode == mode && self.known == Some(notification_type)
    }

    fn text(&self, field: Field) -> Option<String> {
        self.first_text(&[field])
    }

    /// From the first of these places where there is one.
    fn first_text(&self, places: &[Field]) -> Option<String> {
        let fields = Fields::read(self.notification).ok()?;
        let text = |field: &Field| fields.text(*field).filter(|text| !text.is_empty());
        places.iter().find_map(text).map(std::borrow::Cow::into_owned)
    }

    fn is_of_subscription(&self) -> bool {
        self.first_text(&[Field::PurchaseSubscriptionId, Field::PurchasePlanId]).is_some()
    }

    fn names_order(&self) -> bool {
        self.text(Field::PurchaseOrderId).is_some()
    }

    fn tells_of_order(&self, mode: Mode) -> bool {
        self.is(mode, NotificationType::ORDER_PAID) || (self.is(mode, NotificationType::PAYMENT) && self.names_order())
    }

    /// Whether it moves the next charge on, and leaves the plan as the event before it told it.
    fn renews(&self, others: &[Told<'_>]) -> bool {
        let tells_state = |other: &&Told<'_>| {
            other.is(self.mode, NotificationType::CREATE_SUBSCRIPTION)
                || other.is(self.mode, NotificationType::UPDATE_SUBSCRIPTION)
        };
        let earlier = others.iter().filter(tells_state).filter(|other| other.received_at < self.received_at);
        let Some(before) = earlier.max_by_key(|other| other.received_at) else { return false };
        let (next, before_next) = (self.text(Field::NextCharge), before.text(Field::NextCharge));
        self.text(Field::PlanId) == before.text(Field::PlanId) && before_next.is_some() && next > before_next
    }
}

/// What a line of an order's `items` is. A bundle, or a package of virtual currency, comes as one line for itself and one
/// for each of its contents: whoever grants all of them grants twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemRole {
    /// Bought, or given, in its own right.
    Own,
    /// Part of the bundle in a line before it.
    BundleContent,
    /// One of the two, and the notification does not tell. Xsolla's version 1 of the webhooks never tells for lines behind a
    /// bundle; version 2 does, by `is_bundle_content`.
    Unclear,
}

impl ItemRole {
    /// The role of each line of `items`, in their order; `None` for a notification that is no order's.
    #[must_use]
    pub fn of_items(known: Option<NotificationType>, notification: &str) -> Option<Vec<Self>> {
        if ![Some(NotificationType::ORDER_PAID), Some(NotificationType::ORDER_CANCELED)].contains(&known) {
            return None;
        }
        let fields = Fields::read(notification).ok()?;
        let lines: Vec<&RawValue> = serde_json::from_str(fields.json(Field::Items)?).ok()?;
        let lines: Vec<Option<Item>> = lines.iter().map(|line| serde_json::from_str(line.get()).ok()).collect();

        let told = |line: &Option<Item>| line.as_ref().and_then(|line| line.is_bundle_content);
        let is_version_2 = lines.iter().any(|line| told(line).is_some());
        let mut behind_a_bundle = false;
        let role = |line| {
            let role = match told(line) {
                Some(true) => Self::BundleContent,
                None if is_version_2 || behind_a_bundle => Self::Unclear,
                Some(false) | None => Self::Own,
            };
            let kind = line.as_ref().and_then(|line| line.item_type.as_ref());
            let has_no_contents =
                matches!(kind, Some(ItemType::VirtualGood | ItemType::VirtualCurrency | ItemType::GameKey));
            behind_a_bundle |= !has_no_contents;
            role
        };
        Some(lines.iter().map(role).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::tests::with_envelope;
    use PaymentWithoutOrder as Payment;

    /// The event of a body, received at a time of its own.
    fn told<'a>(body: &'a str, received_at: &'a str) -> Told<'a> {
        with_envelope(body, |envelope| {
            let envelope = envelope.unwrap();
            let (known, identified, mode) = (envelope.known, envelope.identified, envelope.mode);
            Told { known, identified, mode, received_at, notification: body }
        })
    }

    fn alone(body: &str, payments: Payment) -> Goods {
        Goods::of(&told(body, "2026-11-22"), payments, &[])
    }

    fn sample(name: &str) -> &'static str {
        crate::samples::named(name).unwrap().body
    }

    /// What becomes of the goods of a sale by those who act on this alone.
    fn balance(sale: &[&str], payments: Payment) -> (usize, usize) {
        let events: Vec<Told<'_>> = sale.iter().map(|body| told(body, "2026-11-22")).collect();
        let goods: Vec<Goods> = (0..events.len())
            .map(|n| {
                let others = if Goods::depends_on_earlier(&events[n], payments) { &events[..n] } else { &[] };
                Goods::of(&events[n], payments, others)
            })
            .collect();
        let count = |what| goods.iter().filter(|goods| **goods == what).count();
        (count(Goods::Grant), count(Goods::Revoke))
    }

    #[test]
    fn every_documented_type_has_its_meaning() {
        for (name, goods) in [
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
            ("ps_declined", Goods::Info),
            ("redeem_key", Goods::Info),
            ("refund", Goods::Revoke),
            ("refund-legacy", Goods::Revoke),
            ("refund-subscription", Goods::MoneyOnly),
            ("update_subscription", Goods::SubscriptionChanged),
            ("upgrade_refund", Goods::Info),
            ("user_balance_operation", Goods::Info),
        ] {
            assert_eq!(alone(sample(name), Payment::Grant), goods, "{name}");
        }
        for sample in crate::samples::ALL {
            let goods = alone(sample.body, Payment::MoneyOnly);
            let without_order = ["payment", "payment-token", "refund", "refund-legacy"].contains(&sample.name);
            let expected = if without_order { Goods::MoneyOnly } else { alone(sample.body, Payment::Grant) };
            assert_eq!(goods, expected, "{}", sample.name);
        }
    }

    #[test]
    fn the_words_are_those_of_the_json() {
        for goods in [Goods::Grant, Goods::PartialRevoke, Goods::SubscriptionRenewed, Goods::MoneyOnly, Goods::Info] {
            assert_eq!(serde_json::to_value(goods).unwrap(), goods.name());
        }
    }

    const PAYMENT: &str = r#"{"notification_type":"payment","transaction":{"id":7}}"#;
    const PAYMENT_OF_ORDER: &str =
        r#"{"notification_type":"payment","transaction":{"id":7},"purchase":{"order":{"id":5}}}"#;
    const ORDER_PAID: &str = r#"{"notification_type":"order_paid","order":{"id":5,"invoice_id":"7"}}"#;
    const REFUND: &str = r#"{"notification_type":"refund","transaction":{"id":7}}"#;
    const ORDER_CANCELED: &str = r#"{"notification_type":"order_canceled","order":{"id":5,"invoice_id":"7"}}"#;

    #[test]
    fn one_sale_is_granted_once_and_taken_back_once() {
        for (what, sale, payments) in [
            ("combined", &[ORDER_PAID, ORDER_CANCELED][..], Payment::Grant),
            ("combined, a token without an order", &[PAYMENT, REFUND], Payment::Grant),
            ("separate", &[PAYMENT, ORDER_PAID, REFUND, ORDER_CANCELED], Payment::MoneyOnly),
            ("separate, orders named", &[PAYMENT_OF_ORDER, ORDER_PAID, REFUND, ORDER_CANCELED], Payment::Grant),
            ("separate, orders named, a token without one", &[PAYMENT, REFUND], Payment::Grant),
            (
                "separate, orders named, refunded before it was granted",
                &[PAYMENT_OF_ORDER, REFUND, ORDER_PAID, ORDER_CANCELED],
                Payment::Grant,
            ),
            (
                "a free order",
                &[r#"{"notification_type":"order_paid","order":{"id":5}}"#, ORDER_CANCELED],
                Payment::Grant,
            ),
        ] {
            assert_eq!(balance(sale, payments), (1, 1), "{what}");
        }
    }

    #[test]
    fn a_charge_of_a_subscription_is_money_whatever_the_setting() {
        for notification_type in ["payment", "refund", "partial_refund"] {
            for subscription in
                [r#"{"subscription_id":"10"}"#, r#"{"subscription_id":10}"#, r#"{"plan_id":"b5dac9c8"}"#]
            {
                let body = format!(
                    r#"{{"notification_type":"{notification_type}","transaction":{{"id":7}},"purchase":{{"subscription":{subscription}}}}}"#
                );
                assert_eq!(alone(&body, Payment::Grant), Goods::MoneyOnly, "{body}");
            }
        }
        for none in ["null", "{}", "[]", r#"{"subscription_id":null}"#, r#"{"subscription_id":""}"#] {
            let body = format!(
                r#"{{"notification_type":"payment","transaction":{{"id":7}},"purchase":{{"subscription":{none}}}}}"#
            );
            assert_eq!(alone(&body, Payment::Grant), Goods::Grant, "{none}");
        }
    }

    #[test]
    fn a_test_order_says_nothing_of_a_real_refund() {
        let test = ORDER_PAID.replace(r#""id":5"#, r#""mode":"sandbox","id":5"#);
        assert_eq!(balance(&[&test, PAYMENT, REFUND], Payment::Grant).1, 1);
    }

    #[test]
    fn a_subscription_is_renewed_if_its_plan_stays_and_its_next_charge_moves_on() {
        let state = |kind: &str, plan: &str, next: &str| {
            format!(
                r#"{{"notification_type":"{kind}_subscription","subscription":{{"subscription_id":9,"plan_id":{plan},"date_next_charge":{next}}}}}"#
            )
        };
        let created = state("create", "1", r#""2026-01-01""#);
        let renewed = state("update", "1", r#""2026-02-01""#);
        for (update, earlier, renews) in [
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
            let earlier: Vec<Told<'_>> = earlier.iter().zip(times).map(|(body, time)| told(body, time)).collect();
            let later = told(&created, "2026-01-09");
            let event = told(&update, "2026-01-05");
            assert!(Goods::depends_on_earlier(&event, Payment::MoneyOnly));
            let goods = Goods::of(&event, Payment::MoneyOnly, &[earlier, vec![event, later]].concat());
            assert_eq!(goods == Goods::SubscriptionRenewed, renews, "{update}");
            assert!(renews || goods == Goods::SubscriptionChanged, "{update}");
        }
    }

    #[test]
    fn nothing_is_granted_on_what_cannot_be_recognised_when_it_comes_again() {
        for body in [
            r#"{"notification_type":"payment"}"#,
            r#"{"notification_type":"order_paid","order":{}}"#,
            r#"{"notification_type":"order_paid_v9","order":{"id":5}}"#,
            r#"{"notification_type":"user_validation"}"#,
        ] {
            assert_eq!(alone(body, Payment::Grant), Goods::Info, "{body}");
        }
    }

    #[test]
    fn in_version_2_each_line_tells_whether_it_is_content_of_a_bundle() {
        let roles = ItemRole::of_items(Some(NotificationType::ORDER_PAID), sample("order_paid-v2"));
        assert_eq!(roles.unwrap(), [ItemRole::Own, ItemRole::BundleContent, ItemRole::Own, ItemRole::Own]);
    }

    #[test]
    fn in_version_1_the_lines_behind_a_bundle_are_unclear() {
        use ItemRole::{BundleContent, Own, Unclear};
        for (items, roles) in [
            (r#"[{"type":"virtual_good"},{"type":"game_key"}]"#, vec![Own, Own]),
            (r#"[{"type":"virtual_good"},{"type":"bundle"},{"type":"virtual_currency"}]"#, vec![Own, Own, Unclear]),
            (r#"[{"type":"a new kind of box"},{"type":"virtual_good"}]"#, vec![Own, Unclear]),
            (r#"[{},{"type":"virtual_good"}]"#, vec![Own, Unclear]),
            (r#"[7,{"type":"virtual_good"}]"#, vec![Own, Unclear]),
            (r#"[{"is_bundle_content":false},{"is_bundle_content":"1"},{}]"#, vec![Own, BundleContent, Unclear]),
            ("[]", vec![]),
        ] {
            let body = format!(r#"{{"notification_type":"order_paid","items":{items}}}"#);
            assert_eq!(ItemRole::of_items(Some(NotificationType::ORDER_PAID), &body).unwrap(), roles, "{items}");
        }
    }

    #[test]
    fn only_orders_have_lines() {
        assert_eq!(ItemRole::of_items(Some(NotificationType::MOVE_TO_GAME), r#"{"items":[{}]}"#), None);
        assert_eq!(ItemRole::of_items(Some(NotificationType::ORDER_PAID), r#"{"items":{}}"#), None);
        assert_eq!(ItemRole::of_items(None, r#"{"items":[{}]}"#), None);
    }
}
