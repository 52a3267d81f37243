//! Random purchases and their webhooks. The same seed gives the same purchases.

mod bodies;
mod orders;
mod sale;
mod step;
mod subscription;

use std::time::Duration;

use fastrand::Rng;
use message::Mode;
use xsolla::NotificationType;

use crate::oracle::Bought;
use bodies::body;

pub(crate) use step::{Step, StepKind};

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

impl PurchaseBuilder {
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use xsolla::Goods;

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
