//! Which events a replay sends, in which order.

use std::fmt::Write as _;

use intake::ports::PortError;
use intake::record::{Item as _, Kind};
use intake::table::KIND;
use jiff::Timestamp;
use xsolla::EventId;

use crate::format::counted;
use crate::progress::Progress;
use crate::show::Query;
use crate::table::{EventFilter, EventRef, Table, find_events};

/// Largest number of events that is sent without confirmation.
const MAX_UNCONFIRMED: usize = 100;
/// Largest number of events of a plan. An event takes 180 bytes, so these take 90 MB. The whole command was measured at 90 MB with
/// 300,000 events.
pub(super) const MAX_EVENTS: usize = 500_000;

/// The events to replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All events of a subject. Conflicts are excluded: an operator must decide which content is right.
    Subject(String),
    /// One event or conflict.
    Event(EventId),
    /// What [`show`](crate::show) finds, without conflicts: an event, or the events of a sale or a user.
    Query(Query),
    /// All events that match a filter.
    Filter(EventFilter),
    /// All events that were received in one of these spans, first and last time inclusive.
    Spans(Vec<(Timestamp, Timestamp)>),
}

/// A planned replay: events in the order of sending.
#[derive(Debug)]
pub struct Plan {
    pub(super) events: Vec<EventRef>,
    selection: Selection,
    /// Number of table items that were scanned to find the events.
    items_read: Option<usize>,
}

/// Reason why there is no plan.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The table cannot be read.
    #[error(transparent)]
    Table(#[from] PortError),
    /// A plan of all events would need too much memory.
    #[error(
        "found {found} events in the first {items_read} items; at most {max} are sent. Send them in parts: replay --from TIME --to TIME"
    )]
    TooManyEvents {
        /// Number of events that were found.
        found: usize,
        /// Number of items that were read.
        items_read: usize,
        /// Largest number of events of a plan.
        max: usize,
    },
}

impl From<PlanError> for PortError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Table(error) => error,
            PlanError::TooManyEvents { .. } => Self { operation: "replay", cause: error.to_string() },
        }
    }
}

impl Plan {
    /// Finds the selected events, at most `max`.
    pub(super) async fn find(
        table: &Table,
        selection: Selection,
        max: usize,
        progress: &Progress,
    ) -> Result<Self, PlanError> {
        let events = match &selection {
            Selection::Subject(subject) => events_of(table, std::slice::from_ref(subject), progress).await?,
            Selection::Event(event_id) => event(table, event_id).await?,
            Selection::Query(query) => match query.event_id() {
                Some(event_id) => event(table, &event_id).await?,
                None => events_of(table, &query.subjects(table).await?, progress).await?,
            },
            Selection::Filter(filter) => find_events(table, filter, |_| true, max, progress).await?,
            Selection::Spans(spans) => {
                let from = spans.iter().map(|(from, _)| *from).min();
                let to = spans.iter().map(|(_, to)| *to).max();
                let is_within = |at: Timestamp| spans.iter().any(|(from, to)| (*from..=*to).contains(&at));
                let is_selected = |event: &EventRef| event.received_at.parse().is_ok_and(is_within);
                // One scan for all spans, because each scan reads the whole table.
                let filter = EventFilter { from, to, type_name: None };
                find_events(table, &filter, is_selected, max, progress).await?
            }
        };
        let is_scan = matches!(selection, Selection::Filter(_) | Selection::Spans(_));
        let items_read = is_scan.then(|| progress.done());
        if let Some(items_read) = items_read.filter(|_| events.len() > max) {
            return Err(PlanError::TooManyEvents { found: events.len(), items_read, max });
        }
        Ok(Self { events, selection, items_read })
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are no events.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether sending requires confirmation: the selection is a filter or a user, or has more than 100 events.
    #[must_use]
    pub fn needs_confirmation(&self) -> bool {
        self.events.len() > MAX_UNCONFIRMED
            || matches!(self.selection, Selection::Filter(_) | Selection::Spans(_) | Selection::Query(Query::User(_)))
    }

    /// Number of events in words, with their time span and the number of scanned items.
    #[must_use]
    pub fn summary(&self) -> String {
        let span = match (self.events.first(), self.events.last()) {
            (Some(first), Some(last)) if first != last => {
                format!(", received from {} to {}", first.received_at, last.received_at)
            }
            _ => String::new(),
        };
        let scanned = self.items_read.map(|items| format!(" (scanned {})", counted(items, "item", "items")));
        format!("{}{span}{}", counted(self.events.len(), "event", "events"), scanned.unwrap_or_default())
    }

    /// Explains how to continue after this number of events.
    #[must_use]
    pub fn next_step(&self, done: usize) -> String {
        // The last one may not have been sent.
        let event = self.events.get(done.saturating_sub(1));
        event.map_or_else(|| "Nothing was sent.".to_owned(), |event| self.next_step_after_failure(event))
    }

    /// Explains how to continue after `event` could not be sent.
    pub(super) fn next_step_after_failure(&self, event: &EventRef) -> String {
        let Selection::Filter(filter) = &self.selection else {
            return "To continue, run the same command again. Consumers skip event ids that they have applied."
                .to_owned();
        };
        let mut options = format!("--from {}", event.received_at);
        // Events received after the plan was made are not part of it.
        let to = filter.to.map(|to| format!("{to:.6}"));
        let to = to.or_else(|| self.events.last().map(|last| last.received_at.clone()));
        for (option, value) in [("--to", to.as_ref()), ("--type", filter.type_name.as_ref())] {
            if let Some(value) = value {
                let _ = write!(options, " {option} {value}");
            }
        }
        format!("To continue, run: xsolla-webhooks replay {options}")
    }
}

async fn event(table: &Table, event_id: &EventId) -> Result<Vec<EventRef>, PortError> {
    Ok(table.item(event_id).await?.iter().map(EventRef::of).collect())
}

/// The events of these subjects, oldest first.
async fn events_of(table: &Table, subjects: &[String], progress: &Progress) -> Result<Vec<EventRef>, PortError> {
    let mut events = Vec::new();
    progress.start(Some(subjects.len()));
    for subject in subjects {
        let items = table.items_of_subject(subject).await?;
        let items = items.iter().filter(|item| item.string(KIND) == Some(Kind::Event.name()));
        events.extend(items.map(EventRef::of));
        progress.add(1);
    }
    events.sort_unstable();
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(selection: Selection, events: usize) -> Plan {
        let event = |number| EventRef {
            received_at: format!("2026-11-22T00:00:00.{number:06}Z"),
            pk: format!("transaction#{number}"),
            sk: "payment".to_owned(),
        };
        Plan { events: (0..events).map(event).collect(), selection, items_read: None }
    }

    #[test]
    fn requires_confirmation_for_filters_and_for_many_events() {
        for (selection, events, needs_confirmation) in [
            (Selection::Subject("transaction#1".to_owned()), MAX_UNCONFIRMED, false),
            (Selection::Subject("transaction#1".to_owned()), MAX_UNCONFIRMED + 1, true),
            (Selection::Filter(EventFilter::default()), 1, true),
        ] {
            assert_eq!(plan(selection.clone(), events).needs_confirmation(), needs_confirmation, "{selection:?}");
        }
    }

    #[test]
    fn explains_how_to_continue_after_failure() {
        let filtered = |to: Option<&str>, type_name: Option<&str>| {
            let to = to.map(|to| to.parse().unwrap());
            plan(Selection::Filter(EventFilter { from: None, to, type_name: type_name.map(str::to_owned) }), 3)
        };
        let command = "To continue, run: xsolla-webhooks replay";
        for (plan, expected) in [
            (
                filtered(None, None),
                format!("{command} --from 2026-11-22T00:00:00.000001Z --to 2026-11-22T00:00:00.000002Z"),
            ),
            (
                filtered(Some("2026-11-23T00:00:00Z"), Some("refund")),
                format!("{command} --from 2026-11-22T00:00:00.000001Z --to 2026-11-23T00:00:00.000000Z --type refund"),
            ),
            (
                plan(Selection::Subject("transaction#1".to_owned()), 3),
                "To continue, run the same command again. Consumers skip event ids that they have applied.".to_owned(),
            ),
        ] {
            assert_eq!(plan.next_step_after_failure(&plan.events[1]), expected);
        }
    }
}
