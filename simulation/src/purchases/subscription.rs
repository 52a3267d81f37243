//! Subscriptions with monthly charges, whose states change and return.

use fastrand::Rng;
use xsolla::{Goods, NotificationType};

use super::bodies::{body, next_charge, with_purchase_field};
use super::step::{Step, StepKind, event};
use super::{DAY, MONTH, PurchaseBuilder, SECOND};
use crate::holdings::{Account, Subscription};
use crate::oracle::Bought;

impl PurchaseBuilder {
    /// A subscription with monthly charges. Its state changes, and earlier states return.
    pub(super) fn subscription(&mut self, rng: &mut Rng) -> Bought {
        let id = format!("8{:08}", self.number);
        let account = Account::new(self.user(), self.mode);
        let (mut plan, mut month, mut renews) = ("c0f2a7e1", 4, true);
        let charged = |builder: &Self, nth: u32| {
            let subscription = format!(r#""subscription":{{"plan_id":"c0f2a7e1","subscription_id":"{id}"}}"#);
            let payment = with_purchase_field(&builder.payment(nth), &subscription);
            event(NotificationType::PAYMENT, Goods::MoneyOnly, payment).after(MONTH)
        };
        let state = |builder: &Self, sample: &str, plan: &str, month: u32| {
            let ids = [
                (r#""subscription_id": "31""#, format!(r#""subscription_id": "{id}""#)),
                ("isle-3312", builder.user()),
                ("c0f2a7e1", plan.to_owned()),
                // The dates of the next charge in the samples.
                ("2026-04-02", next_charge(month)),
                ("2026-05-02", next_charge(month)),
                ("2026-06-02", next_charge(month)),
            ];
            body(sample, &ids)
        };
        self.user_validation();
        self.steps.push(charged(self, 0).after(SECOND));
        let created = event(
            NotificationType::CREATE_SUBSCRIPTION,
            Goods::SubscriptionStarted,
            state(self, "create_subscription", plan, month),
        );
        let mut events = Vec::new();
        let mut payments = 1;
        for _ in 0..rng.u32(0..8) {
            let (notification_type, goods) = match rng.u32(0..6) {
                0..2 => {
                    events.push(charged(self, payments));
                    (payments, month) = (payments + 1, month + 1);
                    (NotificationType::UPDATE_SUBSCRIPTION, Goods::SubscriptionRenewed)
                }
                2 if month > 3 => {
                    month -= 1;
                    (NotificationType::UPDATE_SUBSCRIPTION, Goods::SubscriptionChanged)
                }
                3 => {
                    plan = if plan == "c0f2a7e1" { "b7d10f55" } else { "c0f2a7e1" };
                    (NotificationType::UPDATE_SUBSCRIPTION, Goods::SubscriptionChanged)
                }
                _ if renews => (NotificationType::NON_RENEWAL_SUBSCRIPTION, Goods::SubscriptionChanged),
                _ => (NotificationType::UPDATE_SUBSCRIPTION, Goods::SubscriptionChanged),
            };
            renews = notification_type != NotificationType::NON_RENEWAL_SUBSCRIPTION;
            let update = state(self, notification_type.name(), plan, month);
            events.push(event(notification_type, goods, update).after(DAY));
        }
        let is_ended = rng.u32(0..3) == 0;
        let mut last = Subscription::Active {
            plan: plan.to_owned(),
            next_charge: format!("{}T10:00:00+03:00", next_charge(month)),
            renews,
        };
        if is_ended {
            last = Subscription::Ended;
            let refund = if rng.bool() {
                let ids = [
                    (r#""subscription_id": "31""#, format!(r#""subscription_id": "{id}""#)),
                    ("2298090033", self.transaction(payments - 1)),
                ];
                self.in_mode(body("refund-subscription", &ids))
            } else {
                // Only the payment names the subscription.
                self.separate("refund", payments - 1)
            };
            events.push(event(NotificationType::REFUND, Goods::MoneyOnly, refund).after(DAY));
            let ended = state(self, "cancel_subscription", plan, month);
            events.push(event(NotificationType::CANCEL_SUBSCRIPTION, Goods::SubscriptionEnded, ended));
            if rng.bool() {
                // Late: a state after the end.
                let update = state(self, "update_subscription", plan, month + 1);
                events.push(event(NotificationType::UPDATE_SUBSCRIPTION, Goods::Info, update));
            }
        }
        if !events.is_empty() && rng.u32(0..6) == 0 {
            // Late: the start follows other events.
            for step in &mut events {
                step.forget_goods();
            }
            let mut created = created;
            created.forget_goods();
            let is_end = |step: &Step| step.notification_type == NotificationType::CANCEL_SUBSCRIPTION;
            // A start after other states has no effect, but a start before them is the state.
            let first_state = events.iter().position(|step| step.notification_type != NotificationType::PAYMENT);
            let at = if events.iter().any(is_end) { events.len() } else { first_state.map_or(0, |first| first + 1) };
            events.insert(at, created);
        } else {
            events.insert(0, created);
            // An operator sends the start of an ended subscription again, which the game could not apply before.
            if is_ended
                && rng.bool()
                && let Some(created) = events.first_mut()
            {
                created.set_aside();
                let replay = Step { kind: StepKind::Replay, ..created.clone() };
                events.push(replay);
            }
        }
        self.steps.append(&mut events);
        Bought::Subscription { account, id, state: last }
    }
}
