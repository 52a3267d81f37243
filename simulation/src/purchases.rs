//! Random purchases and their webhooks. The same seed gives the same purchases.

mod bodies;
mod subscription;

use std::time::Duration;

use fastrand::Rng;
use message::Mode;
use xsolla::{Goods, NotificationType};

use crate::holdings::{Account, Item};
use crate::oracle::Bought;
use bodies::{body, combined_items, replaced, separate_items, with_gift};

/// Simulated time between two purchases.
const PURCHASE_INTERVAL: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);
const MONTH: Duration = Duration::from_hours(30 * 24);
/// Number of players. Each makes several purchases.
const PLAYERS: u64 = 100;

/// A purchase and its webhooks. Each webhook is sent after the previous one was answered.
#[derive(Debug)]
pub(crate) struct Purchase {
    pub(crate) number: u32,
    /// Simulated time of the first webhook.
    pub(crate) at: Duration,
    pub(crate) steps: Vec<Step>,
    /// What the oracle knows.
    pub(crate) bought: Bought,
}

/// A webhook of a purchase, or an operator's action.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) notification_type: NotificationType,
    /// Simulated time since the previous webhook was answered.
    pub(crate) delay: Duration,
    pub(crate) body: String,
    pub(crate) kind: StepKind,
}

/// Kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepKind {
    /// Xsolla asks a question.
    Question,
    /// Xsolla reports an event.
    Event {
        /// Number of the transaction within the purchase. An order can be paid by two.
        sale: u32,
        /// Expected meaning for the goods; `None` if it depends on the order of the events. Then only the oracle judges.
        goods: Option<Goods>,
        /// Whether the game cannot apply the event until an operator sends it again.
        is_set_aside: bool,
    },
    /// An operator sends the event with this body again.
    Replay,
}

/// Generates the purchases of a seed, in both of Xsolla's webhook modes.
///
/// In separate mode, a payment names its order ("Add order object to webhook"). `PAYMENT_WITHOUT_ORDER=grant` is
/// therefore correct, except for a few purchases whose payments do not name their order.
pub(crate) fn purchases(orders: u32, seed: u64) -> impl Iterator<Item = Purchase> {
    let mut rng = Rng::with_seed(seed);
    (0..orders).map(move |number| purchase(number, &mut rng))
}

fn purchase(number: u32, rng: &mut Rng) -> Purchase {
    let mode = if rng.u32(0..5) == 0 { Mode::Sandbox } else { Mode::Live };
    let mut builder = PurchaseBuilder { number: number.into(), mode, steps: Vec::new() };
    let bought = match rng.u32(0..100) {
        0..22 => builder.combined_order(rng),
        22..44 => builder.separate_order(rng),
        44..54 => builder.token(rng),
        54..60 => builder.free_order(rng),
        60..72 => builder.order_paid_twice(rng),
        72..80 => builder.order_first_without_transaction(rng),
        80..84 => builder.payment_without_its_order(rng),
        _ => builder.subscription(rng),
    };
    Purchase { number, at: number * PURCHASE_INTERVAL, steps: builder.steps, bought }
}

/// Builder of a purchase's webhooks.
struct PurchaseBuilder {
    number: u64,
    mode: Mode,
    steps: Vec<Step>,
}

/// How much of a sale was refunded.
#[derive(Clone, Copy, Default)]
struct Refunded {
    in_full: bool,
    parts: u64,
}

impl PurchaseBuilder {
    /// Combined webhooks: only `order_paid` reports the order.
    fn combined_order(&mut self, rng: &mut Rng) -> Bought {
        let (gift, recipient) = self.gift(rng);
        let paid = with_gift(self.combined("order_paid-combined", 0), gift.as_deref());
        let paid = vec![event(NotificationType::ORDER_PAID, Goods::Grant, paid)];
        let canceled = self.combined("order_canceled-combined", 0);
        let canceled = vec![event(NotificationType::ORDER_CANCELED, Goods::Revoke, canceled)];
        self.user_validation();
        let refunded = self.sale(paid, canceled, true, rng);
        self.items(recipient, &[Item::new("lantern-brass", 3), Item::new("isle-pearls", 900)], refunded)
    }

    /// Separate webhooks: `payment` and `order_paid` report the order.
    fn separate_order(&mut self, rng: &mut Rng) -> Bought {
        let (gift, recipient) = self.gift(rng);
        let paid = vec![
            event(NotificationType::PAYMENT, Goods::MoneyOnly, with_gift(self.payment_of_order(0), gift.as_deref())),
            event(NotificationType::ORDER_PAID, Goods::Grant, self.separate("order_paid-separate", 0)),
        ];
        let reversed = vec![
            event(NotificationType::REFUND, Goods::MoneyOnly, self.separate("refund", 0)),
            event(NotificationType::ORDER_CANCELED, Goods::Revoke, self.separate("order_canceled-separate", 0)),
        ];
        self.user_validation();
        // Only the payment names the receiver of a gift, so the order must not precede it.
        let refunded = self.sale(paid, reversed, gift.is_none(), rng);
        self.items(recipient, &separate_items(), refunded)
    }

    /// A payment by token, without an order: the payment grants the goods.
    fn token(&mut self, rng: &mut Rng) -> Bought {
        let (gift, recipient) = self.gift(rng);
        let ids = [
            ("2297600318", self.transaction(0)),
            ("isle-2036", self.user()),
            (r#"quantity\":2"#, r#"quantity\":3"#.into()),
        ];
        let payment = with_gift(self.in_mode(body("payment-token", &ids)), gift.as_deref());
        let refund = payment.replace(r#""notification_type":"payment""#, r#""notification_type":"refund""#);
        self.user_validation();
        let paid = vec![event(NotificationType::PAYMENT, Goods::Grant, payment)];
        let refunded = self.sale(paid, vec![event(NotificationType::REFUND, Goods::Revoke, refund)], true, rng);
        self.items(recipient, &[Item::new("tide-compass", 3)], refunded)
    }

    /// A free order: no question and no transaction.
    fn free_order(&mut self, rng: &mut Rng) -> Bought {
        let invoice = if rng.bool() { "null" } else { r#""0""# };
        let ids = [
            ("712060002", self.order()),
            ("isle-7018", self.user()),
            (r#""invoice_id": null"#, format!(r#""invoice_id": {invoice}"#)),
        ];
        let paid = self.in_mode(body("order_paid-free", &ids));
        let canceled = event(
            NotificationType::ORDER_CANCELED,
            Goods::Revoke,
            paid.replace(r#""order_paid""#, r#""order_canceled""#),
        );
        let paid = event(NotificationType::ORDER_PAID, Goods::Grant, paid);
        let is_canceled = rng.u32(0..5) == 0;
        let mut events = vec![paid];
        events.extend(is_canceled.then_some(canceled));
        if is_canceled && rng.bool() {
            shuffle(&mut events, rng);
        }
        self.steps.append(&mut events);
        self.items(self.user(), &[Item::new("welcome-scarf", 1)], Refunded { in_full: is_canceled, parts: 0 })
    }

    /// An order that the user paid in two browser tabs. Any of the two payments can be refunded.
    fn order_paid_twice(&mut self, rng: &mut Rng) -> Bought {
        let is_combined = rng.bool();
        let refunded: Vec<u32> = [0, 1].into_iter().filter(|_| rng.bool()).collect();
        let mut events = Vec::new();
        for sale in [0, 1] {
            let goods = if sale == 0 { Goods::Grant } else { Goods::Info };
            let mut paid = if is_combined {
                vec![event(NotificationType::ORDER_PAID, goods, self.combined("order_paid-combined", sale))]
            } else {
                vec![
                    event(NotificationType::PAYMENT, Goods::MoneyOnly, self.payment_of_order(sale)),
                    event(NotificationType::ORDER_PAID, goods, self.separate("order_paid-separate", sale)),
                ]
            };
            for step in &mut paid {
                step.set_sale(sale);
            }
            events.append(&mut paid);
        }
        for sale in &refunded {
            let is_last = refunded.len() == 2 && *sale == 1;
            let goods = if is_last { Goods::Revoke } else { Goods::Info };
            let mut reversed = if is_combined {
                vec![event(NotificationType::ORDER_CANCELED, goods, self.combined("order_canceled-combined", *sale))]
            } else {
                vec![
                    event(NotificationType::REFUND, Goods::MoneyOnly, self.separate("refund", *sale)),
                    event(NotificationType::ORDER_CANCELED, goods, self.separate("order_canceled-separate", *sale)),
                ]
            };
            for step in &mut reversed {
                step.set_sale(*sale);
            }
            events.append(&mut reversed);
        }
        if rng.bool() {
            shuffle(&mut events, rng);
        }
        self.user_validation();
        add_replay(&mut events, rng);
        self.steps.append(&mut events);
        let items = if is_combined { combined_items() } else { separate_items() };
        let refunds = refunded.iter().map(|_| 1).sum();
        let account = Account::new(self.user(), self.mode);
        Bought::Items { account, items: items.to_vec(), payments: 2, refunds, partial_refunds: 0 }
    }

    /// Separate webhooks: `order_paid` is sent without its transaction, then with it.
    fn order_first_without_transaction(&mut self, rng: &mut Rng) -> Bought {
        let invoice = format!(r#""invoice_id": "{}""#, self.transaction(0));
        let without_transaction = |body: String| body.replace(&invoice, r#""invoice_id": null"#);
        let paid = self.separate("order_paid-separate", 0);
        let events = vec![
            event(NotificationType::ORDER_PAID, Goods::Grant, without_transaction(paid.clone())),
            event(NotificationType::ORDER_PAID, Goods::Info, paid),
        ];
        self.user_validation();
        // The payment precedes all late events: only it connects a refund, which names no order, with an order without its
        // transaction.
        let has_payment = rng.bool();
        if has_payment {
            self.steps.push(event(NotificationType::PAYMENT, Goods::MoneyOnly, self.payment_of_order(0)));
        }
        let canceled = self.separate("order_canceled-separate", 0);
        let canceled = if rng.bool() { canceled } else { without_transaction(canceled) };
        let mut reversed = vec![event(NotificationType::ORDER_CANCELED, Goods::Revoke, canceled)];
        if has_payment {
            reversed.insert(0, event(NotificationType::REFUND, Goods::MoneyOnly, self.separate("refund", 0)));
        }
        let refunded = self.sale(events, reversed, true, rng);
        self.items(self.user(), &separate_items(), refunded)
    }

    /// Separate webhooks, and a payment that does not name its order: `PAYMENT_WITHOUT_ORDER=grant` is wrong for it.
    fn payment_without_its_order(&mut self, rng: &mut Rng) -> Bought {
        let cart: Vec<String> = separate_items()
            .iter()
            .map(|Item { sku, quantity }| format!(r#"{{\"sku\":\"{sku}\",\"quantity\":{quantity}}}"#))
            .collect();
        let parameters = format!(r#""custom_parameters": {{"cart":"[{}]"}}"#, cart.join(","));
        let payment = replaced(self.payment(0), &[(r#""custom_parameters": {}"#, parameters)]);
        let paid = vec![
            event(NotificationType::PAYMENT, Goods::Grant, payment),
            event(NotificationType::ORDER_PAID, Goods::Info, self.separate("order_paid-separate", 0)),
        ];
        let reversed = vec![
            event(NotificationType::REFUND, Goods::Revoke, self.separate("refund", 0)),
            event(NotificationType::ORDER_CANCELED, Goods::Info, self.separate("order_canceled-separate", 0)),
        ];
        self.user_validation();
        let refunded = self.sale(paid, reversed, true, rng);
        self.items(self.user(), &separate_items(), refunded)
    }

    /// Adds the events of one sale: paid, then sometimes partial refunds, a dispute, a reversal, or a replay.
    ///
    /// Sometimes the events are late: in any order, if `can_be_late`.
    fn sale(&mut self, mut paid: Vec<Step>, mut reversed: Vec<Step>, can_be_late: bool, rng: &mut Rng) -> Refunded {
        for step in &mut reversed {
            step.delay = DAY;
        }
        let mut refunded = Refunded::default();
        match rng.u32(0..100) {
            0..50 => {}
            50..60 => {
                refunded.parts = rng.u64(1..4);
                refunded.in_full = rng.u32(0..3) == 0;
                for nth in 0..refunded.parts {
                    // With equal amounts, only the date distinguishes partial refunds.
                    let date = ("2026-05-23 08:14:03", format!("2026-05-23 08:14:{:02}", nth + 10));
                    let part = body("partial_refund", &[("2298130071", self.transaction(0)), date]);
                    paid.push(event(NotificationType::PARTIAL_REFUND, Goods::PartialRevoke, part).after(DAY));
                }
            }
            60..70 => {
                refunded.in_full = rng.u32(0..3) == 0;
                let disputed = body("dispute", &[("2298114507", self.transaction(0))]);
                let (action, status) = (("adding", "updating".to_owned()), (r#""new""#, r#""lost""#.to_owned()));
                let decided = replaced(disputed.clone(), &[action, status]);
                paid.push(event(NotificationType::DISPUTE, Goods::Risk, disputed).after(DAY));
                paid.push(event(NotificationType::DISPUTE, Goods::Risk, decided).after(MONTH));
            }
            70..85 => refunded.in_full = true,
            _ => {
                refunded.in_full = true;
                if can_be_late {
                    paid.append(&mut reversed);
                    shuffle(&mut paid, rng);
                }
            }
        }
        if refunded.in_full {
            paid.append(&mut reversed);
        }
        if refunded.parts == 0 {
            add_replay(&mut paid, rng);
        }
        self.steps.append(&mut paid);
        refunded
    }

    fn items(&self, recipient: String, items: &[Item], refunded: Refunded) -> Bought {
        let account = Account::new(recipient, self.mode);
        let refunds = u32::from(refunded.in_full);
        Bought::Items { account, items: items.to_vec(), payments: 1, refunds, partial_refunds: refunded.parts }
    }

    fn user_validation(&mut self) {
        let body = body("user_validation", &[("isle-4471", self.user())]);
        let (notification_type, delay) = (NotificationType::USER_VALIDATION, Duration::ZERO);
        self.steps.push(Step { notification_type, delay, body, kind: StepKind::Question });
    }

    /// Id of the `nth` transaction.
    fn transaction(&self, nth: u32) -> String {
        (3_000_000_000 + 10 * self.number + u64::from(nth)).to_string()
    }

    fn order(&self) -> String {
        (800_000_000 + self.number).to_string()
    }

    fn user(&self) -> String {
        format!("user-{}", self.number % PLAYERS)
    }
}

impl Step {
    fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    fn set_sale(&mut self, number: u32) {
        if let StepKind::Event { sale, .. } = &mut self.kind {
            *sale = number;
        }
    }

    /// Marks an event whose meaning depends on the order of the events.
    fn forget_goods(&mut self) {
        if let StepKind::Event { goods, .. } = &mut self.kind {
            *goods = None;
        }
    }

    /// Marks an event that the game cannot apply until an operator sends it again.
    fn set_aside(&mut self) {
        self.forget_goods();
        if let StepKind::Event { is_set_aside, .. } = &mut self.kind {
            *is_set_aside = true;
        }
    }
}

fn event(notification_type: NotificationType, goods: Goods, body: String) -> Step {
    let kind = StepKind::Event { sale: 0, goods: Some(goods), is_set_aside: false };
    Step { notification_type, delay: SECOND, body, kind }
}

/// Sometimes adds an operator's replay of an event that can grant the goods, often after the other events. In half of
/// the cases the game could not apply the event before.
fn add_replay(events: &mut Vec<Step>, rng: &mut Rng) {
    if rng.u32(0..8) != 0 {
        return;
    }
    let can_grant =
        |step: &Step| matches!(step.notification_type, NotificationType::PAYMENT | NotificationType::ORDER_PAID);
    let granting: Vec<usize> = (0..events.len()).filter(|step| events.get(*step).is_some_and(can_grant)).collect();
    let Some(replayed) = rng.choice(granting) else { return };
    let at = if rng.bool() { events.len() } else { rng.usize(replayed + 1..=events.len()) };
    if let Some(step) = events.get_mut(replayed) {
        if rng.bool() {
            step.set_aside();
        }
        let replay = Step { kind: StepKind::Replay, ..step.clone() };
        events.insert(at, replay);
    }
}

/// Puts late events in a random order.
fn shuffle(events: &mut [Step], rng: &mut Rng) {
    rng.shuffle(events);
    events.iter_mut().for_each(Step::forget_goods);
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

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
    fn each_event_has_its_type_and_only_states_of_subscriptions_return() {
        let mut event_ids = HashMap::new();
        let mut returned = 0;
        for purchase in purchases(1000, 7) {
            for step in purchase.steps.iter().filter(|step| matches!(step.kind, StepKind::Event { .. })) {
                let event_id = Notification::read(&step.body).unwrap().event_id;
                assert!(event_id.rest().starts_with(step.notification_type.name()), "{event_id}");
                if let Some(other) = event_ids.insert(event_id.to_string(), purchase.number) {
                    assert!(event_id.subject().starts_with("subscription#"), "repeated: {event_id}");
                    assert_eq!(other, purchase.number, "{event_id}");
                    returned += 1;
                }
            }
        }
        assert!(returned > 0);
    }

    #[test]
    fn each_purchase_is_granted_once_and_revoked_at_most_once() {
        for purchase in purchases(1000, 7) {
            let goods = |step: &Step| match step.kind {
                StepKind::Event { goods, .. } => goods,
                StepKind::Question | StepKind::Replay => None,
            };
            let count = |expected| purchase.steps.iter().filter(|step| goods(step) == Some(expected)).count();
            assert!(count(Goods::Grant) + count(Goods::SubscriptionStarted) <= 1, "{purchase:?}");
            assert!(count(Goods::Revoke) + count(Goods::SubscriptionEnded) <= 1, "{purchase:?}");
        }
    }

    #[test]
    fn bodies_are_json_and_live_purchases_have_no_sandbox_marker() {
        for purchase in purchases(1000, 7) {
            let (Bought::Items { account, .. } | Bought::Subscription { account, .. }) = &purchase.bought;
            for step in &purchase.steps {
                let notification: serde_json::Value = serde_json::from_str(&step.body).unwrap();
                let text = notification.to_string().to_lowercase();
                let is_marked = text.contains("dry_run") || text.contains(r#""mode":"sandbox""#);
                assert!(account.is_sandbox || !is_marked, "{text}");
            }
        }
    }
}
