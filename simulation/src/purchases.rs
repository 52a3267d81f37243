//! What is bought, and what becomes of it: drawn by the seed, the same each time.

use std::time::Duration;

use fastrand::Rng;
use xsolla::{Goods, NotificationType, samples};

/// Between one purchase and the next, in simulated time.
const BETWEEN_PURCHASES: Duration = Duration::from_secs(20);
const A_MOMENT: Duration = Duration::from_secs(1);
const A_DAY: Duration = Duration::from_hours(24);
const A_MONTH: Duration = Duration::from_hours(30 * 24);

/// One purchase: the webhooks that tell of it, each sent when the one before is answered.
#[derive(Debug)]
pub(super) struct Purchase {
    pub(super) number: u32,
    /// When it begins, in simulated time.
    pub(super) at: Duration,
    pub(super) steps: Vec<Step>,
}

/// One webhook.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) known: NotificationType,
    /// The simulated time since the answer to the one before.
    pub(super) after: Duration,
    /// What it must mean for the goods; `None`: it is a question.
    pub(super) goods: Option<Goods>,
    pub(super) body: String,
}

/// The purchases of a storm. Both modes are in it: payments name their order ("Add order object to webhook"), so that
/// `PAYMENT_WITHOUT_ORDER=grant` is right for all of them.
pub(super) fn plan(orders: u32, seed: u64) -> impl Iterator<Item = Purchase> {
    let mut rng = Rng::with_seed(seed);
    (0..orders).map(move |number| purchase(number, &mut rng))
}

fn purchase(number: u32, rng: &mut Rng) -> Purchase {
    let mut sale = Sale { number: number.into(), steps: Vec::new() };
    match rng.u32(0..100) {
        0..35 => sale.combined(rng),
        35..70 => sale.separate(rng),
        70..85 => sale.token(rng),
        85..92 => sale.free(rng),
        _ => sale.subscription(rng),
    }
    Purchase { number, at: number * BETWEEN_PURCHASES, steps: sale.steps }
}

/// A purchase being written.
struct Sale {
    number: u64,
    steps: Vec<Step>,
}

impl Sale {
    /// An order that `order_paid` alone reports.
    fn combined(&mut self, rng: &mut Rng) {
        let ids = [("2298120944", self.transaction(0)), ("712051377", self.order()), ("isle-6605", self.user())];
        self.validation();
        self.step(NotificationType::ORDER_PAID, A_MOMENT, Goods::Grant, body("order_paid-combined", &ids));
        if self.aftermath(rng) {
            let canceled = body("order_canceled-combined", &ids);
            self.step(NotificationType::ORDER_CANCELED, A_DAY, Goods::Revoke, canceled);
        }
    }

    /// An order that `payment` and `order_paid` report.
    fn separate(&mut self, rng: &mut Rng) {
        let ids = [("2298114507", self.transaction(0)), ("712045518", self.order()), ("isle-4471", self.user())];
        let payment = with_purchase("payment", &format!(r#""order":{{"id":{}}}"#, self.order()));
        self.validation();
        self.step(NotificationType::PAYMENT, A_MOMENT, Goods::MoneyOnly, replaced(payment, &ids));
        self.step(NotificationType::ORDER_PAID, A_MOMENT, Goods::Grant, body("order_paid-separate", &ids));
        if self.aftermath(rng) {
            self.step(NotificationType::REFUND, A_DAY, Goods::MoneyOnly, body("refund", &ids));
            let canceled = body("order_canceled-separate", &ids);
            self.step(NotificationType::ORDER_CANCELED, A_MOMENT, Goods::Revoke, canceled);
        }
    }

    /// A token without an order: its payment carries the goods.
    fn token(&mut self, rng: &mut Rng) {
        let ids = [("2297600318", self.transaction(0)), ("isle-2036", self.user())];
        let payment = body("payment-token", &ids);
        let refund = payment.replace(r#""notification_type":"payment""#, r#""notification_type":"refund""#);
        self.validation();
        self.step(NotificationType::PAYMENT, A_MOMENT, Goods::Grant, payment);
        if self.aftermath(rng) {
            self.step(NotificationType::REFUND, A_DAY, Goods::Revoke, refund);
        }
    }

    /// An order without money: no question, no transaction.
    fn free(&mut self, rng: &mut Rng) {
        let paid = body("order_paid-free", &[("712060002", self.order()), ("isle-7018", self.user())]);
        let canceled = paid.replace(r#""order_paid""#, r#""order_canceled""#);
        self.step(NotificationType::ORDER_PAID, A_MOMENT, Goods::Grant, paid);
        if rng.u32(0..10) == 0 {
            self.step(NotificationType::ORDER_CANCELED, A_DAY, Goods::Revoke, canceled);
        }
    }

    /// A subscription, charged each month, and ended after a refund by some.
    fn subscription(&mut self, rng: &mut Rng) {
        let id = format!(r#""subscription_id": "{}""#, self.number);
        let ids = [(r#""subscription_id": "31""#, id.clone()), ("isle-3312", self.user())];
        let payment = with_purchase("payment", &format!(r#""subscription":{{"plan_id":"c0f2a7e1",{id}}}"#));
        let charge = |sale: &mut Self, month: u64, after| {
            let ids = [("2298114507", sale.transaction(month)), ("isle-4471", sale.user())];
            sale.step(NotificationType::PAYMENT, after, Goods::MoneyOnly, replaced(payment.clone(), &ids));
        };
        self.validation();
        charge(self, 0, A_MOMENT);
        let created = body("create_subscription", &ids);
        self.step(NotificationType::CREATE_SUBSCRIPTION, A_MOMENT, Goods::SubscriptionStarted, created);
        let months = rng.u64(0..5);
        for month in 1..=months {
            charge(self, month, A_MONTH);
            let next_charge = ("2026-05-02", format!("2026-{:02}-02", month + 4));
            let updated = replaced(body("update_subscription", &ids), &[next_charge]);
            self.step(NotificationType::UPDATE_SUBSCRIPTION, A_MOMENT, Goods::SubscriptionRenewed, updated);
        }
        if rng.u32(0..4) == 0 {
            let refund = replaced(body("refund-subscription", &ids), &[("2298090033", self.transaction(months))]);
            self.step(NotificationType::REFUND, A_DAY, Goods::MoneyOnly, refund);
            let ended = body("cancel_subscription", &ids);
            self.step(NotificationType::CANCEL_SUBSCRIPTION, A_MOMENT, Goods::SubscriptionEnded, ended);
        }
    }

    /// What may happen to a payment: parts of it go back, or it is disputed. True if all of it goes back at the end.
    fn aftermath(&mut self, rng: &mut Rng) -> bool {
        let transaction = self.transaction(0);
        match rng.u32(0..100) {
            0..70 => false,
            70..82 => true,
            82..90 => {
                for nth in 0..rng.u32(1..4) {
                    // The same amount each time: only the date tells them apart.
                    let date = ("2026-05-23 08:14:03", format!("2026-05-23 08:14:{:02}", nth + 10));
                    let part = body("partial_refund", &[("2298130071", transaction.clone()), date]);
                    self.step(NotificationType::PARTIAL_REFUND, A_DAY, Goods::PartialRevoke, part);
                }
                false
            }
            rolled => {
                let disputed = body("dispute", &[("2298114507", transaction)]);
                let (updated, lost) = (("adding", "updating".to_owned()), (r#""new""#, r#""lost""#.to_owned()));
                let decided = replaced(disputed.clone(), &[updated, lost]);
                self.step(NotificationType::DISPUTE, A_DAY, Goods::Risk, disputed);
                self.step(NotificationType::DISPUTE, A_MONTH, Goods::Risk, decided);
                rolled >= 96
            }
        }
    }

    fn validation(&mut self) {
        let body = body("user_validation", &[("isle-4471", self.user())]);
        let known = NotificationType::USER_VALIDATION;
        self.steps.push(Step { known, after: Duration::ZERO, goods: None, body });
    }

    fn step(&mut self, known: NotificationType, after: Duration, goods: Goods, body: String) {
        self.steps.push(Step { known, after, goods: Some(goods), body });
    }

    /// The id of the `nth` transaction: a subscription has several.
    fn transaction(&self, nth: u64) -> String {
        (3_000_000_000 + 10 * self.number + nth).to_string()
    }

    fn order(&self) -> String {
        (800_000_000 + self.number).to_string()
    }

    fn user(&self) -> String {
        format!("storm-{}", self.number % 1000)
    }
}

fn body(sample: &str, ids: &[(&str, String)]) -> String {
    replaced(samples::get(sample).map_or("", |sample| sample.body.trim_end()).to_owned(), ids)
}

fn replaced(body: String, ids: &[(&str, String)]) -> String {
    ids.iter().fold(body, |body, (old, new)| body.replace(old, new))
}

/// A sample whose `purchase` has one more field.
fn with_purchase(sample: &str, field: &str) -> String {
    let purchase = r#""purchase": {"#;
    body(sample, &[(purchase, format!("{purchase}{field},"))])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::xsolla::identify;

    #[test]
    fn a_seed_draws_the_same_purchases_again() {
        let bodies = |seed| -> Vec<String> {
            plan(100, seed).flat_map(|purchase| purchase.steps).map(|step| step.body).collect()
        };
        assert_eq!(bodies(7), bodies(7));
        assert_ne!(bodies(7), bodies(8));
    }

    #[test]
    fn each_event_is_of_its_type_and_has_a_key_of_its_own() {
        let mut keys = HashSet::new();
        for step in plan(1000, 7).flat_map(|purchase| purchase.steps) {
            let event_id = identify(&step.body).unwrap().event_id;
            if step.goods.is_some() {
                assert!(event_id.rest().starts_with(step.known.name()), "{event_id}");
                assert!(keys.insert(event_id.to_string()), "twice: {event_id}");
            }
        }
    }

    #[test]
    fn a_purchase_is_granted_once_and_taken_back_at_most_once() {
        for purchase in plan(1000, 7) {
            let count = |goods| purchase.steps.iter().filter(|step| step.goods == Some(goods)).count();
            assert_eq!(count(Goods::Grant) + count(Goods::SubscriptionStarted), 1, "{purchase:?}");
            assert!(count(Goods::Revoke) + count(Goods::SubscriptionEnded) <= 1, "{purchase:?}");
        }
    }
}
