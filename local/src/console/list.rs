//! The list of webhooks: a snapshot, and changes as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use intake::record::{Item as _, Kind};
use intake::table::{GOODS, GOODS_REASON, KIND, MODE, ORDER_ID, PK, RECEIVED_AT, SK, TYPE, USER_ID};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use xsolla::EventId;

use super::data::Item;
use super::pretty::pretty;
use super::{Console, Failure, JsonResult, MASK, Shared};
use crate::journal::{Change, Delivery, Journal, MessageState, QueueState};

/// Rows that the page shows at most.
pub(super) const MAX_ROWS: usize = 1000;

/// A row of the list.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    key: String,
    at: String,
    r#type: Option<String>,
    user: Option<String>,
    order: Option<String>,
    event_id: Option<String>,
    mode: Option<String>,
    /// Name of the outcome, as in the log.
    outcome: String,
    status: Option<u16>,
    /// Why the webhook was refused.
    reason: Option<String>,
    goods: Option<String>,
    goods_reason: Option<String>,
    queue: Option<QueueState>,
    receives: u32,
}

/// All rows, newest first.
pub(super) async fn events(State(console): Shared) -> JsonResult {
    let Some(session) = &console.session else { return Ok(Json(json!([]))) };
    let mut rows: Vec<Row> =
        session.journal.deliveries().iter().map(|delivery| Row::of_delivery(delivery, &session.journal)).collect();
    let earlier = console.data.items().await.map_err(Failure::unavailable)?;
    let is_earlier = |item: &&Item| {
        let received_at = item.string(RECEIVED_AT).and_then(|at| at.parse::<Timestamp>().ok());
        received_at.is_some_and(|at| at < session.journal.started_at())
    };
    rows.extend(earlier.iter().filter(is_earlier).map(|item| Row::of_item(item, false).with_message(&session.journal)));
    Row::retain_newest(&mut rows);
    Ok(Json(json!(rows)))
}

/// The last refused webhooks, newest first, with their bodies.
pub(super) async fn refused(State(console): Shared) -> JsonResult {
    let Some(session) = &console.session else { return Ok(Json(json!([]))) };
    let refused = session.journal.refused();
    let rows = refused.iter().rev().map(|refused| {
        let body = String::from_utf8_lossy(&refused.body);
        json!({ "delivery": *refused.delivery, "path": refused.path, "body": pretty(&body), "raw": body })
    });
    Ok(Json(rows.collect::<Value>()))
}

/// Changes of the list.
pub(super) async fn stream(
    State(console): Shared,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let journal = Arc::clone(&console.session()?.journal);
    let changes = journal.subscribe();
    let events = unfold((changes, journal), |(mut changes, journal)| async move {
        let event = next(&mut changes, &journal).await?;
        Some((Ok(event), (changes, journal)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

async fn next(changes: &mut broadcast::Receiver<Change>, journal: &Journal) -> Option<Event> {
    let (name, data) = match changes.recv().await {
        Ok(Change::Delivery(delivery)) => ("delivery", json!(Row::of_delivery(&delivery, journal))),
        Ok(Change::Message(message)) => ("message", json!(*message)),
        // The page reads all rows again.
        Err(RecvError::Lagged(_)) => ("reload", Value::Null),
        Err(RecvError::Closed) => return None,
    };
    Some(Event::default().event(name).data(data.to_string()))
}

impl Row {
    fn of_delivery(delivery: &Delivery, journal: &Journal) -> Self {
        let Delivery { number, at, status, outcome, r#type, event_id, user, order, mode, reason } = delivery.clone();
        let row = Self {
            key: format!("webhook-{number}"),
            at: format!("{at:.6}"),
            r#type,
            user,
            order,
            mode,
            status: Some(status),
            reason,
            goods: None,
            goods_reason: None,
            queue: None,
            receives: 0,
            event_id,
            outcome,
        };
        row.with_message(journal)
    }

    /// The row of a stored record. The user is personal data.
    pub(super) fn of_item(item: &Item, is_masked: bool) -> Self {
        let text = |name| item.string(name).map(str::to_owned);
        let is_event = item.string(KIND) == Some(Kind::Event.name());
        let event_id = EventId::new(text(PK).unwrap_or_default(), text(SK).unwrap_or_default()).to_string();
        Self {
            key: event_id.clone(),
            at: text(RECEIVED_AT).unwrap_or_default(),
            r#type: text(TYPE),
            user: text(USER_ID).map(|user| if is_masked { MASK.to_owned() } else { user }),
            order: text(ORDER_ID),
            event_id: Some(event_id),
            mode: text(MODE),
            outcome: if is_event { "accepted".to_owned() } else { text(KIND).unwrap_or_default() },
            status: None,
            reason: None,
            goods: text(GOODS),
            goods_reason: text(GOODS_REASON),
            queue: None,
            receives: 0,
        }
    }

    /// Sorts rows by time, the newest first, and removes those that the page does not show.
    pub(super) fn retain_newest(rows: &mut Vec<Self>) {
        rows.sort_by(|one, other| other.at.cmp(&one.at));
        rows.truncate(MAX_ROWS);
    }

    /// Adds the state of the event's message. Duplicates and conflicts have none of their own.
    fn with_message(self, journal: &Journal) -> Self {
        let message = self.event_id.as_deref().and_then(|event_id| journal.message(event_id));
        let Some(MessageState { queue, goods, goods_reason, receives, .. }) =
            message.filter(|_| self.outcome == "accepted")
        else {
            return self;
        };
        Self {
            queue: Some(queue),
            goods: goods.map(str::to_owned).or(self.goods),
            goods_reason: goods_reason.map(str::to_owned).or(self.goods_reason),
            receives,
            ..self
        }
    }
}

impl Console {
    /// State of an event's message in this session.
    pub(super) fn message(&self, event_id: &str) -> Option<MessageState> {
        self.session.as_ref()?.journal.message(event_id)
    }
}
