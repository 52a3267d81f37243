//! The events of one sale: paid, then sometimes refunded, disputed, late or sent again.

use fastrand::Rng;
use xsolla::{Goods, NotificationType};

use super::bodies::{body, replaced};
use super::step::{Step, StepKind, event};
use super::{DAY, MONTH, PurchaseBuilder};
use crate::holdings::{Account, Item};
use crate::oracle::Bought;

/// How much of a sale was refunded.
#[derive(Clone, Copy, Default)]
pub(super) struct Refunded {
    pub(super) in_full: bool,
    pub(super) parts: u64,
}

impl PurchaseBuilder {
    /// Adds the events of one sale: paid, then sometimes partial refunds, a dispute, a reversal, or a replay.
    ///
    /// Sometimes the events are late: in any order, if `can_be_late`.
    pub(super) fn sale(
        &mut self,
        mut paid: Vec<Step>,
        mut reversed: Vec<Step>,
        can_be_late: bool,
        rng: &mut Rng,
    ) -> Refunded {
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

    pub(super) fn items(&self, recipient: String, items: &[Item], refunded: Refunded) -> Bought {
        let account = Account::new(recipient, self.mode);
        let refunds = u32::from(refunded.in_full);
        Bought::Items { account, items: items.to_vec(), payments: 1, refunds, partial_refunds: refunded.parts }
    }
}

/// Sometimes adds an operator's replay of an event that can grant the goods, often after the other events. In half of
/// the cases the game could not apply the event before.
pub(super) fn add_replay(events: &mut Vec<Step>, rng: &mut Rng) {
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
pub(super) fn shuffle(events: &mut [Step], rng: &mut Rng) {
    rng.shuffle(events);
    events.iter_mut().for_each(Step::forget_goods);
}
