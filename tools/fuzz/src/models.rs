//! Models and goods: reading any notification succeeds or fails, without a panic.

use std::hint::black_box;

use xsolla::inspect::find_drift;
use xsolla::model::{Model, Payment};
use xsolla::{EventFacts, EventId, Goods, ItemRole, Mode, NotificationType, PaymentWithoutOrder, Sale, SaleEvent};

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
        let event = SaleEvent::new(&EventFacts {
            event_id: EventId::new("transaction#7".to_owned(), known.name().to_owned()),
            notification_type: Some(*known),
            identified: true,
            mode: Mode::Live,
            received_at: "2026-11-22T00:31:07.042518Z",
            notification: text,
        });
        // A body has no influence on how often a sale is granted.
        for setting in [PaymentWithoutOrder::Grant, PaymentWithoutOrder::MoneyOnly] {
            let mut sale = Sale::new(setting);
            let goods = [sale.apply(event.clone()).goods, sale.apply(event.clone()).goods];
            assert!(*known == NotificationType::MOVE_TO_GAME || goods != [Goods::Grant; 2], "{known}");
            black_box(sale.recipient(&event, None));
        }
    }
}
