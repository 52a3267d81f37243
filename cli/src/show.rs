//! All records of a sale or a user, oldest first, and the state of each sale (`xsolla-webhooks show`).

mod difference;
mod place;
mod state;
mod summary;

use std::collections::HashSet;
use std::fmt::Write as _;

use aws_sdk_dynamodb::types::AttributeValue;
use intake::ports::PortError;
use intake::record::{Item as _, Kind, StoredEvent};
use intake::sales::{decided_sale, is_skipped, sale_event};
use intake::table::{
    BODY, ERASED_AT, IDENTIFIED, KIND, MODE, ORDER_ID, PK, RECEIVED_AT, SECRET_INDEX, SK, TRACE, TYPE, USER_ID,
};
use intake::trace::TraceHeader;
use xsolla::inspect::redact;
use xsolla::{EventId, NotificationType, Sale, json_text};

use crate::format::{aligned, counted, goods_and_reason, indented, one_line};
use crate::table::{Index, Item, Table};

use place::Place;
pub use place::Queues;
use state::Holding;

/// Selects the records to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// A transaction or order id, a subject (`subscription#31`), or an event id.
    Id(String),
    /// The game's id of a user.
    User(String),
}

impl Query {
    /// The event id, if the query is one. A subject has one `#`, an event id more.
    #[must_use]
    pub fn event_id(&self) -> Option<EventId> {
        match self {
            Self::Id(id) => id.parse().ok(),
            Self::User(_) => None,
        }
    }

    /// Finds the subjects that match.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub(crate) async fn subjects(&self, table: &Table) -> Result<Vec<String>, PortError> {
        Ok(match self {
            Self::User(user) => table.subjects_by(Index::User, user).await?.into_iter().rev().collect(),
            Self::Id(id) if id.contains('#') => {
                vec![self.event_id().as_ref().map_or(id.as_str(), EventId::subject).to_owned()]
            }
            Self::Id(id) => {
                let transaction = format!("transaction#{id}");
                let mut subjects = table.subjects_by(Index::Order, id).await?;
                subjects.retain(|subject| *subject != transaction);
                subjects.insert(0, transaction);
                subjects
            }
        })
    }
}

/// How to print bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// Not at all.
    Hidden,
    /// Without personal data: see [`redact`].
    Redacted,
    /// As received, with personal data.
    Unredacted,
}

/// The records that match a [`Query`], oldest first, and the state of their sales.
#[derive(Debug)]
pub struct Timeline {
    entries: Vec<Entry>,
    /// The state of each sale, as text.
    states: Vec<String>,
    /// The user of the query, and what his sales say that he should hold.
    user: Option<(String, Vec<Holding>)>,
}

#[derive(Debug)]
struct Entry {
    event_id: EventId,
    received_at: String,
    kind: String,
    type_name: Option<String>,
    /// What an event means for the goods, or why it was not relayed.
    outcome: String,
    /// Mode, user, order, secret index and the [summary](summary::summary) of the body.
    details: Vec<String>,
    /// Where the event is. `None`: it was never to be queued.
    place: Option<Place>,
    body: Vec<u8>,
}

/// Finds the records that match a query.
///
/// Reads all subjects of an order together, because its transactions share the goods.
///
/// # Errors
///
/// If the table cannot be read.
pub async fn find(table: &Table, query: &Query) -> Result<Timeline, PortError> {
    let event_id = query.event_id();
    let subjects = query.subjects(table).await?;
    let user = match query {
        Query::User(user) => Some((user.clone(), Vec::new())),
        Query::Id(_) => None,
    };
    let mut timeline = Timeline { entries: Vec::new(), states: Vec::new(), user };
    let mut seen = HashSet::new();
    for subject in subjects {
        if seen.contains(&subject) {
            continue;
        }
        let items = table.items_of_sale(subject, &mut seen).await?;
        let events: Vec<StoredEvent> = items.iter().filter_map(stored_event).collect();
        let sale = decided_sale(&events);
        timeline.entries.extend(items.iter().map(|item| Entry::new(item, &items, &sale)));
        timeline.states.extend(state::states(&events, &sale));
        if let Some((_, holdings)) = &mut timeline.user {
            holdings.extend(state::holding(&events, &sale));
        }
    }
    timeline.entries.retain(|entry| event_id.as_ref().is_none_or(|event_id| entry.event_id == *event_id));
    timeline.entries.sort_by(|one, other| one.received_at.cmp(&other.received_at));
    Ok(timeline)
}

/// Reads an event, or a conflict that an operator sent; `None` for other records, and for a damaged item.
fn stored_event(item: &Item) -> Option<StoredEvent> {
    StoredEvent::read(item).ok().filter(|event| is_event(item) || event.decision.is_some())
}

fn is_event(item: &Item) -> bool {
    item.string(KIND) == Some(Kind::Event.name())
}

impl Timeline {
    /// Whether no record matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds to each event in which queue it is.
    pub fn locate(&mut self, queues: &Queues) {
        for entry in &mut self.entries {
            if let Some(place) = &mut entry.place {
                place.locate(&entry.event_id, &entry.received_at, queues);
            }
        }
    }

    /// Formats each record as some lines and its body, then the state of each sale, and the number of records of each kind.
    #[must_use]
    pub fn render(&self, bodies: Bodies) -> String {
        let headings: Vec<[String; 3]> = self.entries.iter().map(Entry::heading).collect();
        let mut text = String::new();
        for (entry, heading) in self.entries.iter().zip(aligned(&headings)) {
            let _ = writeln!(text, "{heading}\n{}", entry.render(bodies));
        }
        for state in &self.states {
            let _ = writeln!(text, "{state}");
        }
        if let Some((user, holdings)) = &self.user {
            let _ = writeln!(text, "{}", state::held_by(user, holdings));
        }
        let mut counts = Vec::new();
        for (kind, singular, plural) in [
            (Kind::Event, "event", "events"),
            (Kind::Conflict, "conflict", "conflicts"),
            (Kind::Unreadable, "unreadable body", "unreadable bodies"),
        ] {
            match self.entries.iter().filter(|entry| entry.kind == kind.name()).count() {
                0 => {}
                count => counts.push(counted(count, singular, plural)),
            }
        }
        let _ = writeln!(text, "  {}.", counts.join(", "));
        text
    }
}

impl Entry {
    fn new(item: &Item, items: &[Item], sale: &Sale) -> Self {
        let text = |name| item.string(name).unwrap_or_default().to_owned();
        let body = item.binary(BODY).unwrap_or_default().to_vec();
        let type_name = item.string(TYPE).map(str::to_owned);
        let event = stored_event(item);
        // An event without a sandbox marker can belong to a sandbox sale.
        let decision = event.as_ref().and_then(|event| event.decision);
        let mode = decision.map_or_else(|| text(MODE), |stored| stored.decision.mode.name().to_owned());

        let secret = item.get(SECRET_INDEX).and_then(|secret: &AttributeValue| secret.as_n().ok());
        let trace = item.string(TRACE).and_then(TraceHeader::parse);
        let mut details = vec![mode];
        details.extend(item.string(USER_ID).map(|user| format!("user {user}")));
        details.extend(item.string(ORDER_ID).map(|order| format!("order {order}")));
        details.extend(item.string(ERASED_AT).map(|at| format!("personal data erased at {at}")));
        details.extend(secret.map(|index| format!("secret index {index}")));
        details.extend(trace.map(|trace| format!("trace {}", trace.trace_id())));
        if let Some(type_name) = &type_name {
            let is_known =
                type_name.parse::<NotificationType>().is_ok() || type_name == NotificationType::PAYOUT.name();
            details.extend((!is_known).then(|| "unknown type".to_owned()));
        }
        details.extend((item.boolean(IDENTIFIED) == Some(false)).then(|| "no usable id".to_owned()));
        if let (Some(type_name), Ok(notification)) = (&type_name, json_text(&body)) {
            details.extend(summary::summary(type_name, notification));
        }
        details.extend(difference::of_conflict(item, items));
        Self {
            event_id: EventId::new(text(PK), text(SK)),
            received_at: text(RECEIVED_AT),
            kind: text(KIND),
            place: event.as_ref().and_then(|event| Place::of(event, sale)),
            outcome: match &event {
                Some(event) if is_event(item) => outcome(event, sale),
                Some(event) => format!("{}, replayed, {}", text(KIND), outcome(event, sale)),
                None => format!("{}, not relayed", text(KIND)),
            },
            type_name,
            details,
            body,
        }
    }

    /// Time of receipt, type and outcome.
    fn heading(&self) -> [String; 3] {
        let type_name = self.type_name.as_deref().unwrap_or("(no type)");
        [self.received_at.clone(), type_name.to_owned(), self.outcome.clone()]
    }

    fn render(&self, bodies: Bodies) -> String {
        let mut text = format!("    {}\n    {}\n", one_line(&self.event_id), one_line(self.details.join(", ")));
        if let Some(place) = &self.place {
            let _ = writeln!(text, "    {}", one_line(place));
        }
        match bodies {
            Bodies::Hidden => {}
            Bodies::Redacted => {
                let notification = json_text(&self.body).unwrap_or_default();
                text.push_str(&indented(&redact(self.type_name.as_deref().unwrap_or_default(), notification)));
            }
            Bodies::Unredacted => {
                let _ = writeln!(text, "{}", String::from_utf8_lossy(&self.body).trim_end());
            }
        }
        text
    }
}

/// What the relay decided about an event, or why it did not.
fn outcome(event: &StoredEvent, sale: &Sale) -> String {
    if let Some(stored) = event.decision.filter(|_| !is_skipped(event)) {
        return format!("goods: {}", goods_and_reason(stored.decision.goods, stored.decision.reason));
    }
    let is_retry = is_skipped(event) || sale_event(event).is_ok_and(|event| sale.is_retry(&event));
    (if is_retry { "retry, not relayed" } else { "not relayed yet" }).to_owned()
}
