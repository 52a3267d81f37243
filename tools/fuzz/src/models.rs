//! Models and goods: reading any notification succeeds or fails, without a panic.

use std::hint::black_box;

use xsolla::inspect::find_drift;
use xsolla::model::{Model, Payment};
use xsolla::{EventFacts, Goods, ItemRole, Mode, NotificationType, PaymentWithoutOrder};

use crate::notification;

/// Reads a notification with every model.
///
/// # Panics
///
/// If an id differs from the text, or a goods rule is violated.
pub fn check(body: &[u8]) {
    let Some(text) = notification::json(body) else { return };
    let known = notification::type_name(body).as_deref().and_then(|name| name.parse::<NotificationType>().ok());

    if let Ok(payment) = Payment::from_json(text)
        && let Some(id) = payment.transaction.id
    {
        let id = id.to_string();
        assert!(text.contains(&id) || text.contains('\\'), "{id:?}");
    }

    for known in known.into_iter().chain([NotificationType::ORDER_PAID]) {
        if let Some(roles) = ItemRole::of_items(known, text) {
            let lines = text.bytes().filter(|byte| *byte == b',').count() + 1;
            assert!(roles.len() <= lines, "{roles:?}");
        }
    }
    for known in NotificationType::ALL {
        black_box(find_drift(known.name(), text));
        let facts = |received_at| {
            let (notification_type, mode) = (Some(*known), Mode::Live);
            EventFacts { notification_type, identified: true, mode, received_at, notification: text }
        };
        let (history, event) = ([facts("2026-11-21T00:31:07.042Z")], facts("2026-11-22T00:31:07.042Z"));
        black_box(event.goods(PaymentWithoutOrder::Grant, &history));
        let goods = event.goods(PaymentWithoutOrder::MoneyOnly, &history);
        assert!(*known != NotificationType::PAYMENT || goods == Goods::MoneyOnly, "{goods:?}");
    }
}
