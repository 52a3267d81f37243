//! Models and goods: reading any notification succeeds or fails, without a panic.

use std::hint::black_box;

use xsolla::drift::findings;
use xsolla::model::{Model, Payment};
use xsolla::{Goods, ItemRole, Mode, NotificationType, PaymentWithoutOrder, Told};

use crate::notification;

/// Reads a notification with every model.
///
/// # Panics
///
/// If an id differs from the text, or a goods rule is violated.
pub fn check(body: &[u8]) {
    let Some(text) = notification::json(body) else { return };
    let known = notification::type_name(body).as_deref().and_then(NotificationType::named);

    if let Ok(payment) = Payment::read(text)
        && let Some(id) = payment.transaction.id
    {
        let id = id.to_string();
        assert!(text.contains(&id) || text.contains('\\'), "{id:?}");
    }

    for known in [known, Some(NotificationType::ORDER_PAID)] {
        if let Some(roles) = ItemRole::of_items(known, text) {
            let lines = text.bytes().filter(|byte| *byte == b',').count() + 1;
            assert!(roles.len() <= lines, "{roles:?}");
        }
    }
    for known in NotificationType::ALL {
        black_box(findings(known.name(), text));
        let told = |received_at| {
            let (known, mode) = (Some(*known), Mode::Live);
            Told { known, identified: true, mode, received_at, notification: text }
        };
        let (earlier, event) = ([told("2026-11-21T00:31:07.042Z")], told("2026-11-22T00:31:07.042Z"));
        black_box(Goods::of(&event, PaymentWithoutOrder::Grant, &earlier));
        let goods = Goods::of(&event, PaymentWithoutOrder::MoneyOnly, &earlier);
        assert!(*known != NotificationType::PAYMENT || goods == Goods::MoneyOnly, "{goods:?}");
    }
}
