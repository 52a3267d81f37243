//! The state of a sale, as text.

use std::fmt::Write as _;

use intake::record::StoredEvent;
use xsolla::{EventId, Goods, Mode, NotificationType, Sale, SaleState, json_text};

use super::summary::{is_of_bundle, items, reason};
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
            let lines = lines(&state, events, mode);
            (!lines.is_empty()).then(|| format!("  State of {} ({}):\n{lines}", one_line(subject), mode.name()))
        })
        .collect()
}

/// What a sale says that a player should hold.
#[derive(Debug)]
pub(super) struct Holding {
    items: Vec<String>,
    granted_by: EventId,
    is_partly_refunded: bool,
    is_sandbox: bool,
}

/// The goods of a sale that are held.
pub(super) fn holding(events: &[StoredEvent], sale: &Sale) -> Vec<Holding> {
    let held = |mode: Mode| {
        let state = sale.state(mode).filter(|state| state.is_held)?;
        let granted_by = state.granted_by?.clone();
        let items = event(events, &granted_by).map(summary_of_items).unwrap_or_default();
        let is_partly_refunded = partial_refunds(events, mode).next().is_some();
        Some(Holding { items, granted_by, is_partly_refunded, is_sandbox: mode == Mode::Sandbox })
    };
    [Mode::Live, Mode::Sandbox].into_iter().filter_map(held).collect()
}

/// Lists what a user should hold according to his sales.
pub(super) fn held_by(user: &str, holdings: &[Holding]) -> String {
    let mut text = format!("  User {} should hold, from these sales:\n", one_line(user));
    for Holding { items, granted_by, is_partly_refunded, is_sandbox } in holdings {
        let items = if items.is_empty() { "goods that the event does not list".to_owned() } else { items.join(", ") };
        let sandbox = if *is_sandbox { " (sandbox)" } else { "" };
        let partly = if *is_partly_refunded { ", less what was partly refunded" } else { "" };
        let _ = writeln!(text, "    {}{sandbox}{partly}, by {}", one_line(items), one_line(granted_by));
    }
    if holdings.is_empty() {
        text.push_str("    nothing\n");
    }
    if holdings.iter().flat_map(|holding| &holding.items).any(|item| is_of_bundle(item)) {
        text.push_str(
            "    The game grants a bundle or its contents, not both: see Bundles in docs/consuming-events.md\n",
        );
    }
    text
}

fn event<'e>(events: &'e [StoredEvent], event_id: &EventId) -> Option<&'e StoredEvent> {
    events.iter().find(|event| event.event_id == *event_id)
}

/// The partial refunds for which a part of the goods is to be taken back.
fn partial_refunds(events: &[StoredEvent], mode: Mode) -> impl Iterator<Item = &StoredEvent> {
    events.iter().filter(move |event| {
        let decision = event.decision.map(|stored| stored.decision);
        decision.is_some_and(|decision| decision.goods == Goods::PartialRevoke && decision.mode == mode)
    })
}

fn summary_of_items(event: &StoredEvent) -> Vec<String> {
    json_text(&event.body).map(|notification| items(&event.type_name, notification)).unwrap_or_default()
}

fn lines(state: &SaleState<'_>, events: &[StoredEvent], mode: Mode) -> String {
    let SaleState { is_held, granted_by, revoked_by, payments, subscription, .. } = state;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "    {name}: {}", one_line(value));
    };
    if granted_by.is_some() || revoked_by.is_some() || !payments.is_empty() {
        line("goods", if *is_held { "should be held" } else { "should not be held" });
    }
    if let Some(event_id) = granted_by {
        let items = event(events, event_id).map(summary_of_items).unwrap_or_default();
        if !items.is_empty() {
            line("items", &items.join(", "));
        }
        line("granted by", &event_id.to_string());
    }
    for refund in partial_refunds(events, mode) {
        line("partly refunded by", &refund.event_id.to_string());
    }
    if let Some(event_id) = revoked_by {
        // With separate webhooks, the refund has the reason.
        let own = event(events, event_id);
        let refunds = events.iter().filter(|event| event.type_name == NotificationType::REFUND.name());
        let reason = own.into_iter().chain(refunds).find_map(|event| {
            let notification = json_text(&event.body).ok()?;
            reason(&event.type_name, notification)
        });
        let reason = reason.map(|reason| format!(", {reason}")).unwrap_or_default();
        line("revoked by", &format!("{event_id}{reason}"));
    }
    for (transaction, is_refunded) in payments {
        line(
            "payment",
            &format!("transaction {transaction}{}", if *is_refunded { ", refunded or cancelled" } else { "" }),
        );
    }
    if payments.iter().filter(|(_, is_refunded)| !is_refunded).count() > 1 {
        line("paid several times", "refund all but one of the payments");
    }
    if let Some(subscription) = subscription {
        line("subscription", subscription.name());
    }
    text
}
