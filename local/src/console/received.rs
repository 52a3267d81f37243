//! The list of a deployed stack: what was received in the last hours. No key has the time, so a request reads the whole table.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;

use aws_sdk_dynamodb::operation::scan::ScanOutput;
use axum::extract::State;
use axum::http::{StatusCode, request};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use intake::ports::PortError;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, Sender};

use super::list::{MAX_ROWS, Row};
use super::{Console, Failure, Shared, StackData, parameter};

/// Longest span: a week.
const MAX_HOURS: u32 = 7 * 24;
/// Number of server-sent events that wait for the page.
const WAITING_EVENTS: usize = 8;

/// The newest rows of the last `?hours=`, as server-sent events: `progress`, then `rows` or `failure`.
///
/// Ends the scan if the page closes the connection.
pub(super) async fn received(
    State(console): Shared,
    head: request::Parts,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let hours = parameter(&head, "hours").and_then(|hours| hours.parse().ok());
    let hours = hours.filter(|hours| (1..=MAX_HOURS).contains(hours));
    let hours = hours.ok_or_else(|| Failure(StatusCode::BAD_REQUEST, format!("`hours` is not 1 to {MAX_HOURS}")))?;
    let from = Timestamp::now() - SignedDuration::from_hours(hours.into());
    let is_masked = console.is_masked(&head);
    let busy = |_| Failure(StatusCode::CONFLICT, "another request reads the table".to_owned());
    let permit = Arc::clone(&console.scan).try_acquire_owned().map_err(busy)?;
    let (sender, receiver) = mpsc::channel(WAITING_EVENTS);
    tokio::spawn(async move {
        answer(console, from, is_masked, sender).await;
        drop(permit);
    });
    let events = unfold(receiver, async |mut receiver| Some((Ok(receiver.recv().await?), receiver)));
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

async fn answer(console: Arc<Console>, from: Timestamp, is_masked: bool, sender: Sender<Event>) {
    let last = match read(&console.data, from, is_masked, &sender).await {
        Ok(rows) => event("rows", &rows),
        Err(error) => event("failure", &json!({ "error": error.to_string() })),
    };
    // Fails if the page has closed the connection.
    let _ = sender.send(last).await;
}

async fn read(data: &StackData, from: Timestamp, is_masked: bool, sender: &Sender<Event>) -> Result<Value, PortError> {
    let total = data.table.approximate_items().await;
    let (mut rows, mut found, mut items_read) = (Vec::new(), 0, 0);
    let add = |page: ScanOutput| {
        items_read += page.scanned_count();
        found += page.items().len();
        rows.extend(page.items().iter().map(|item| Row::of_item(item, is_masked)));
        if rows.len() > 2 * MAX_ROWS {
            Row::retain_newest(&mut rows);
        }
        // A slow page skips progress events.
        let _ = sender.try_send(event("progress", &json!({ "items_read": items_read, "total": total })));
        if sender.is_closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    data.table.scan(data.rows_since(from), add).await?;
    Row::retain_newest(&mut rows);
    Ok(json!({ "rows": rows, "found": found, "items_read": items_read, "from": format!("{from:.0}") }))
}

fn event(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}
