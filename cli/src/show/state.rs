//! The state of a sale, as text.

use std::fmt::Write as _;

use intake::record::StoredEvent;
use xsolla::{EventId, Mode, Sale, SaleState};

use crate::format::one_line;

/// Formats the state of a sale in each mode. Events that have no effect on goods have no state.
pub(super) fn states(events: &[StoredEvent], sale: &Sale) -> Vec<String> {
    let first = events.iter().min_by(|one, other| one.received_at.cmp(&other.received_at));
    let subject = first.map_or("", |first| first.event_id.subject());
    let state = |mode: Mode| Some((mode, sale.state(mode)?));
    [Mode::Live, Mode::Sandbox]
        .into_iter()
        .filter_map(state)
        .filter_map(|(mode, state)| {
            let lines = lines(&state);
            (!lines.is_empty()).then(|| format!("  State of {} ({}):\n{lines}", one_line(subject), mode.name()))
        })
        .collect()
}

fn lines(state: &SaleState<'_>) -> String {
    let SaleState { is_held, granted_by, revoked_by, payments, subscription, .. } = state;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "    {name}: {}", one_line(value));
    };
    if granted_by.is_some() || revoked_by.is_some() || !payments.is_empty() {
        line("goods", if *is_held { "held" } else { "not held" });
    }
    for (name, event_id) in [("granted by", granted_by), ("revoked by", revoked_by)] {
        if let Some(event_id) = event_id.map(EventId::to_string) {
            line(name, &event_id);
        }
    }
    for (transaction, is_refunded) in payments {
        line("payment", &format!("transaction {transaction}{}", if *is_refunded { ", refunded" } else { "" }));
    }
    if let Some(subscription) = subscription {
        line("subscription", subscription.name());
    }
    text
}
