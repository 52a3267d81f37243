//! One step of a purchase.

use std::time::Duration;

use xsolla::{Goods, NotificationType};

use super::SECOND;

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

impl Step {
    pub(super) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    pub(super) fn set_sale(&mut self, number: u32) {
        if let StepKind::Event { sale, .. } = &mut self.kind {
            *sale = number;
        }
    }

    /// Marks an event whose meaning depends on the order of the events.
    pub(super) fn forget_goods(&mut self) {
        if let StepKind::Event { goods, .. } = &mut self.kind {
            *goods = None;
        }
    }

    /// Marks an event that the game cannot apply until an operator sends it again.
    pub(super) fn set_aside(&mut self) {
        self.forget_goods();
        if let StepKind::Event { is_set_aside, .. } = &mut self.kind {
            *is_set_aside = true;
        }
    }
}

pub(super) fn event(notification_type: NotificationType, goods: Goods, body: String) -> Step {
    let kind = StepKind::Event { sale: 0, goods: Some(goods), is_set_aside: false };
    Step { notification_type, delay: SECOND, body, kind }
}
