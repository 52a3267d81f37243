//! Random purchases and their webhooks. The same seed gives the same purchases.

use std::time::Duration;

use fastrand::Rng;
use xsolla::{Goods, NotificationType, samples};

/// Simulated time between two purchases.
const PURCHASE_INTERVAL: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);
const MONTH: Duration = Duration::from_hours(30 * 24);

/// A purchase and its webhooks. Each webhook is sent after the previous one was answered.
#[derive(Debug)]
pub(crate) struct Purchase {
    pub(crate) number: u32,
    /// Simulated time of the first webhook.
    pub(crate) at: Duration,
    pub(crate) steps: Vec<Step>,
}

/// A webhook of a purchase.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) notification_type: NotificationType,
    /// Simulated time since the previous webhook was answered.
    pub(crate) delay: Duration,
    /// Expected meaning for the goods; `None` for a question.
    pub(crate) goods: Option<Goods>,
    pub(crate) body: String,
}

/// Generates the purchases of a seed, in both of Xsolla's webhook modes.
///
/// In separate mode, a payment names its order ("Add order object to webhook"). `PAYMENT_WITHOUT_ORDER=grant` is
/// therefore correct for all purchases.
pub(crate) fn purchases(orders: u32, seed: u64) -> impl Iterator<Item = Purchase> {
    let mut rng = Rng::with_seed(seed);
    (0..orders).map(move |number| purchase(number, &mut rng))
}

fn purchase(number: u32, rng: &mut Rng) -> Purchase {
    let mut builder = PurchaseBuilder { number: number.into(), steps: Vec::new() };
    match rng.u32(0..100) {
        0..35 => builder.combined_order(rng),
        35..70 => builder.separate_order(rng),
        70..85 => builder.token(rng),
        85..92 => builder.free_order(rng),
        _ => builder.subscription(rng),
    }
    Purchase { number, at: number * PURCHASE_INTERVAL, steps: builder.steps }
}

/// Builder of a purchase's webhooks.
struct PurchaseBuilder {
    number: u64,
    steps: Vec<Step>,
}

impl PurchaseBuilder {
    /// Combined webhooks: only `order_paid` reports the order.
    fn combined_order(&mut self, rng: &mut Rng) {
        let ids = [("2298120944", self.transaction(0)), ("712051377", self.order()), ("isle-6605", self.user())];
        self.user_validation();
        self.step(NotificationType::ORDER_PAID, SECOND, Goods::Grant, body("order_paid-combined", &ids));
        if self.adjustments(rng) {
            let canceled = body("order_canceled-combined", &ids);
            self.step(NotificationType::ORDER_CANCELED, DAY, Goods::Revoke, canceled);
        }
    }

    /// Separate webhooks: `payment` and `order_paid` report the order.
    fn separate_order(&mut self, rng: &mut Rng) {
        let ids = [("2298114507", self.transaction(0)), ("712045518", self.order()), ("isle-4471", self.user())];
        let payment = with_purchase_field("payment", &format!(r#""order":{{"id":{}}}"#, self.order()));
        self.user_validation();
        self.step(NotificationType::PAYMENT, SECOND, Goods::MoneyOnly, replaced(payment, &ids));
        self.step(NotificationType::ORDER_PAID, SECOND, Goods::Grant, body("order_paid-separate", &ids));
        if self.adjustments(rng) {
            self.step(NotificationType::REFUND, DAY, Goods::MoneyOnly, body("refund", &ids));
            let canceled = body("order_canceled-separate", &ids);
            self.step(NotificationType::ORDER_CANCELED, SECOND, Goods::Revoke, canceled);
        }
    }

    /// A payment by token, without an order: the payment grants the goods.
    fn token(&mut self, rng: &mut Rng) {
        let ids = [("2297600318", self.transaction(0)), ("isle-2036", self.user())];
        let payment = body("payment-token", &ids);
        let refund = payment.replace(r#""notification_type":"payment""#, r#""notification_type":"refund""#);
        self.user_validation();
        self.step(NotificationType::PAYMENT, SECOND, Goods::Grant, payment);
        if self.adjustments(rng) {
            self.step(NotificationType::REFUND, DAY, Goods::Revoke, refund);
        }
    }

    /// A free order: no question and no transaction.
    fn free_order(&mut self, rng: &mut Rng) {
        let paid = body("order_paid-free", &[("712060002", self.order()), ("isle-7018", self.user())]);
        let canceled = paid.replace(r#""order_paid""#, r#""order_canceled""#);
        self.step(NotificationType::ORDER_PAID, SECOND, Goods::Grant, paid);
        if rng.u32(0..10) == 0 {
            self.step(NotificationType::ORDER_CANCELED, DAY, Goods::Revoke, canceled);
        }
    }

    /// A subscription with monthly charges, sometimes refunded and canceled.
    fn subscription(&mut self, rng: &mut Rng) {
        let id = format!(r#""subscription_id": "{}""#, self.number);
        let ids = [(r#""subscription_id": "31""#, id.clone()), ("isle-3312", self.user())];
        let payment = with_purchase_field("payment", &format!(r#""subscription":{{"plan_id":"c0f2a7e1",{id}}}"#));
        let charge = |builder: &mut Self, month: u64, delay| {
            let ids = [("2298114507", builder.transaction(month)), ("isle-4471", builder.user())];
            builder.step(NotificationType::PAYMENT, delay, Goods::MoneyOnly, replaced(payment.clone(), &ids));
        };
        self.user_validation();
        charge(self, 0, SECOND);
        let created = body("create_subscription", &ids);
        self.step(NotificationType::CREATE_SUBSCRIPTION, SECOND, Goods::SubscriptionStarted, created);
        let months = rng.u64(0..5);
        for month in 1..=months {
            charge(self, month, MONTH);
            let next_charge = ("2026-05-02", format!("2026-{:02}-02", month + 4));
            let updated = replaced(body("update_subscription", &ids), &[next_charge]);
            self.step(NotificationType::UPDATE_SUBSCRIPTION, SECOND, Goods::SubscriptionRenewed, updated);
        }
        if rng.u32(0..4) == 0 {
            let refund = replaced(body("refund-subscription", &ids), &[("2298090033", self.transaction(months))]);
            self.step(NotificationType::REFUND, DAY, Goods::MoneyOnly, refund);
            let ended = body("cancel_subscription", &ids);
            self.step(NotificationType::CANCEL_SUBSCRIPTION, SECOND, Goods::SubscriptionEnded, ended);
        }
    }

    /// Adds partial refunds or a dispute at random. Returns whether a full refund follows.
    fn adjustments(&mut self, rng: &mut Rng) -> bool {
        let transaction = self.transaction(0);
        match rng.u32(0..100) {
            0..70 => false,
            70..82 => true,
            82..90 => {
                for nth in 0..rng.u32(1..4) {
                    // With equal amounts, only the date distinguishes partial refunds.
                    let date = ("2026-05-23 08:14:03", format!("2026-05-23 08:14:{:02}", nth + 10));
                    let part = body("partial_refund", &[("2298130071", transaction.clone()), date]);
                    self.step(NotificationType::PARTIAL_REFUND, DAY, Goods::PartialRevoke, part);
                }
                false
            }
            draw => {
                let disputed = body("dispute", &[("2298114507", transaction)]);
                let (action, status) = (("adding", "updating".to_owned()), (r#""new""#, r#""lost""#.to_owned()));
                let decided = replaced(disputed.clone(), &[action, status]);
                self.step(NotificationType::DISPUTE, DAY, Goods::Risk, disputed);
                self.step(NotificationType::DISPUTE, MONTH, Goods::Risk, decided);
                draw >= 96
            }
        }
    }

    fn user_validation(&mut self) {
        let body = body("user_validation", &[("isle-4471", self.user())]);
        let notification_type = NotificationType::USER_VALIDATION;
        self.steps.push(Step { notification_type, delay: Duration::ZERO, goods: None, body });
    }

    fn step(&mut self, notification_type: NotificationType, delay: Duration, goods: Goods, body: String) {
        self.steps.push(Step { notification_type, delay, goods: Some(goods), body });
    }

    /// Id of the `nth` transaction. A subscription has several.
    fn transaction(&self, nth: u64) -> String {
        (3_000_000_000 + 10 * self.number + nth).to_string()
    }

    fn order(&self) -> String {
        (800_000_000 + self.number).to_string()
    }

    fn user(&self) -> String {
        format!("user-{}", self.number % 1000)
    }
}

fn body(sample: &str, ids: &[(&str, String)]) -> String {
    replaced(samples::get(sample).map_or("", |sample| sample.body.trim_end()).to_owned(), ids)
}

fn replaced(body: String, ids: &[(&str, String)]) -> String {
    ids.iter().fold(body, |body, (old, new)| body.replace(old, new))
}

/// A sample with an additional field in `purchase`.
fn with_purchase_field(sample: &str, field: &str) -> String {
    let purchase = r#""purchase": {"#;
    body(sample, &[(purchase, format!("{purchase}{field},"))])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::notification::Notification;

    #[test]
    fn same_seed_gives_same_purchases() {
        let bodies = |seed| -> Vec<String> {
            purchases(100, seed).flat_map(|purchase| purchase.steps).map(|step| step.body).collect()
        };
        assert_eq!(bodies(7), bodies(7));
        assert_ne!(bodies(7), bodies(8));
    }

    #[test]
    fn each_event_has_its_type_and_a_unique_id() {
        let mut event_ids = HashSet::new();
        for step in purchases(1000, 7).flat_map(|purchase| purchase.steps) {
            let event_id = Notification::read(&step.body).unwrap().event_id;
            if step.goods.is_some() {
                assert!(event_id.rest().starts_with(step.notification_type.name()), "{event_id}");
                assert!(event_ids.insert(event_id.to_string()), "repeated: {event_id}");
            }
        }
    }

    #[test]
    fn each_purchase_is_granted_once_and_revoked_at_most_once() {
        for purchase in purchases(1000, 7) {
            let count = |goods| purchase.steps.iter().filter(|step| step.goods == Some(goods)).count();
            assert_eq!(count(Goods::Grant) + count(Goods::SubscriptionStarted), 1, "{purchase:?}");
            assert!(count(Goods::Revoke) + count(Goods::SubscriptionEnded) <= 1, "{purchase:?}");
        }
    }
}
