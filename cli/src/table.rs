//! The events table, as the commands read it.

use std::ops::ControlFlow;

use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
pub use intake::aws::{Attributes as Item, EventsTable as Table, Index};
use intake::ports::PortError;
use intake::record::{Item as _, Kind};
use intake::table::{KIND, PK, RECEIVED_AT, SK, TYPE};
use jiff::Timestamp;
use xsolla::EventId;

use crate::progress::Progress;

/// Key of a stored record, and when it was received. Sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventRef {
    /// Time of receipt as stored: ISO 8601, so that text order is time order.
    pub received_at: String,
    /// Partition key: the subject.
    pub pk: String,
    /// Sort key: the rest of the event id.
    pub sk: String,
}

/// Selects events by time of receipt and type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Earliest time of receipt, inclusive.
    pub from: Option<Timestamp>,
    /// Latest time of receipt, inclusive.
    pub to: Option<Timestamp>,
    /// The only `notification_type`.
    pub type_name: Option<String>,
}

impl EventRef {
    /// The event id.
    #[must_use]
    pub fn event_id(&self) -> EventId {
        EventId::new(self.pk.clone(), self.sk.clone())
    }

    pub(crate) fn of(item: &Item) -> Self {
        let text = |name| item.string(name).unwrap_or_default().to_owned();
        Self { received_at: text(RECEIVED_AT), pk: text(PK), sk: text(SK) }
    }
}

/// Finds the events that match a filter and a predicate, oldest first.
///
/// Reads the whole table, because no key contains the time, but stops if more than `max` events match. Returns those that it
/// found until then.
///
/// # Errors
///
/// If the table cannot be read.
pub async fn find_events(
    table: &Table,
    filter: &EventFilter,
    is_selected: impl Fn(&EventRef) -> bool,
    max: usize,
    progress: &Progress,
) -> Result<Vec<EventRef>, PortError> {
    let mut request = table.client.scan().consistent_read(true);
    let mut conditions = vec!["#kind = :kind"];
    request = request.expression_attribute_values(":kind", string(Kind::Event.name()));
    for (value, name, condition) in [
        (filter.from.map(|from| format!("{from:.6}")), ":from", "#received_at >= :from"),
        (filter.to.map(|to| format!("{to:.6}")), ":to", "#received_at <= :to"),
        (filter.type_name.clone(), ":type", "#type = :type"),
    ] {
        if let Some(value) = value {
            conditions.push(condition);
            request = request.expression_attribute_values(name, AttributeValue::S(value));
        }
    }
    // Placeholders, because some names are reserved words of DynamoDB.
    for name in [KIND, RECEIVED_AT, PK, SK] {
        request = request.expression_attribute_names(format!("#{name}"), name);
    }
    if filter.type_name.is_some() {
        request = request.expression_attribute_names("#type", TYPE);
    }
    request = request.filter_expression(conditions.join(" AND ")).projection_expression("#received_at, #pk, #sk");
    let mut events = Vec::new();
    let add = |page: ScanOutput| {
        events.extend(page.items().iter().map(EventRef::of).filter(&is_selected));
        if events.len() > max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    scan_with_progress(table, request, progress, add).await?;
    events.sort_unstable();
    Ok(events)
}

/// Reads all pages of a table, in no order, until `on_page` breaks. Counts the items that DynamoDB reads.
pub(crate) async fn scan_with_progress(
    table: &Table,
    request: ScanFluentBuilder,
    progress: &Progress,
    mut on_page: impl FnMut(ScanOutput) -> ControlFlow<()>,
) -> Result<(), PortError> {
    progress.start(table.approximate_items().await);
    let count_and_process = |page: ScanOutput| {
        progress.add(usize::try_from(page.scanned_count()).unwrap_or_default());
        on_page(page)
    };
    table.scan(request, count_and_process).await
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
