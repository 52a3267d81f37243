//! All records of a sale or a user, oldest first (`xsolla-webhooks show`).

mod summary;

use std::fmt::Write as _;

use aws_sdk_dynamodb::types::AttributeValue;
use intake::ports::PortError;
use intake::record::{Item as _, Kind, StoredEvent};
use intake::relay;
use intake::table::{BODY, ERASED_AT, KIND, MODE, ORDER_ID, PK, RECEIVED_AT, SECRET_INDEX, SK, TRACE, TYPE, USER_ID};
use intake::trace::TraceHeader;
use message::Goods;
use xsolla::inspect::redact;
use xsolla::{EventId, PaymentWithoutOrder, json_text};

use crate::format::{aligned, counted, indented};
use crate::table::{Index, Item, Table};

/// Selects the records to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// A transaction or order id, a subject (`subscription#31`), or an event id.
    Id(String),
    /// The game's id of a user.
    User(String),
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

/// The records that match a [`Query`], oldest first.
#[derive(Debug)]
pub struct Timeline(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    event_id: EventId,
    received_at: String,
    kind: String,
    type_name: Option<String>,
    /// What an event means for the goods; `None` for conflicts and unreadable bodies.
    goods: Option<String>,
    /// Mode, user, order, secret index and the [summary](summary::summary) of the body.
    details: Vec<String>,
    body: Vec<u8>,
}

/// Finds the records that match a query.
///
/// The meaning of some events depends on the setting `PAYMENT_WITHOUT_ORDER`. If it is `None`, both meanings are shown.
///
/// # Errors
///
/// If the table cannot be read.
pub async fn find(
    table: &Table,
    query: &Query,
    payment_without_order: Option<PaymentWithoutOrder>,
) -> Result<Timeline, PortError> {
    let mut event_id = None;
    let subjects = match query {
        Query::User(user) => table.subjects_by(Index::User, user).await?,
        Query::Id(id) if id.contains('#') => {
            event_id = id.parse::<EventId>().ok();
            vec![event_id.as_ref().map_or(id.as_str(), EventId::subject).to_owned()]
        }
        Query::Id(id) => {
            let transaction = format!("transaction#{id}");
            let mut subjects = table.subjects_by(Index::Order, id).await?;
            subjects.retain(|subject| *subject != transaction);
            subjects.insert(0, transaction);
            subjects
        }
    };
    let mut entries = Vec::new();
    for subject in subjects {
        let items = table.items_of_subject(&subject).await?;
        let is_event = |item: &&Item| item.string(KIND) == Some(Kind::Event.name());
        let events: Vec<StoredEvent> =
            items.iter().filter(is_event).filter_map(|item| StoredEvent::read(item).ok()).collect();
        entries.extend(items.iter().map(|item| Entry::new(item, &events, payment_without_order)));
    }
    entries.retain(|entry| event_id.as_ref().is_none_or(|event_id| entry.event_id == *event_id));
    entries.sort_by(|one, other| one.received_at.cmp(&other.received_at));
    Ok(Timeline(entries))
}

impl Timeline {
    /// Whether no record matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Formats each record as three lines and its body, and the number of records of each kind.
    #[must_use]
    pub fn render(&self, bodies: Bodies) -> String {
        let headings: Vec<[String; 3]> = self.0.iter().map(Entry::heading).collect();
        let mut text = String::new();
        for (entry, heading) in self.0.iter().zip(aligned(&headings)) {
            let _ = writeln!(text, "{heading}\n{}", entry.render(bodies));
        }
        let mut counts = Vec::new();
        for (kind, singular, plural) in [
            (Kind::Event, "event", "events"),
            (Kind::Conflict, "conflict", "conflicts"),
            (Kind::Unreadable, "unreadable body", "unreadable bodies"),
        ] {
            match self.0.iter().filter(|entry| entry.kind == kind.name()).count() {
                0 => {}
                count => counts.push(counted(count, singular, plural)),
            }
        }
        let _ = writeln!(text, "  {}.", counts.join(", "));
        text
    }
}

impl Entry {
    fn new(item: &Item, events: &[StoredEvent], payment_without_order: Option<PaymentWithoutOrder>) -> Self {
        let text = |name| item.string(name).unwrap_or_default().to_owned();
        let body = item.binary(BODY).unwrap_or_default().to_vec();
        let type_name = item.string(TYPE).map(str::to_owned);
        let is_event = item.string(KIND) == Some(Kind::Event.name());
        let event = StoredEvent::read(item).ok().filter(|_| is_event);

        let secret = item.get(SECRET_INDEX).and_then(|secret: &AttributeValue| secret.as_n().ok());
        let trace = item.string(TRACE).and_then(TraceHeader::parse);
        let mut details = vec![text(MODE)];
        details.extend(item.string(USER_ID).map(|user| format!("user {user}")));
        details.extend(item.string(ORDER_ID).map(|order| format!("order {order}")));
        details.extend(item.string(ERASED_AT).map(|at| format!("personal data erased at {at}")));
        details.extend(secret.map(|index| format!("secret index {index}")));
        details.extend(trace.map(|trace| format!("trace {}", trace.trace_id())));
        if let (Some(type_name), Ok(notification)) = (&type_name, json_text(&body)) {
            details.extend(summary::summary(type_name, notification));
        }
        Self {
            event_id: EventId::new(text(PK), text(SK)),
            received_at: text(RECEIVED_AT),
            kind: text(KIND),
            goods: event.and_then(|event| goods(&event, events, payment_without_order)),
            type_name,
            details,
            body,
        }
    }

    /// Time of receipt, type, and goods or kind.
    fn heading(&self) -> [String; 3] {
        let type_name = self.type_name.as_deref().unwrap_or("(no type)");
        let outcome = match &self.goods {
            Some(goods) => format!("goods: {goods}"),
            None => format!("{}, not relayed", self.kind),
        };
        [self.received_at.clone(), type_name.to_owned(), outcome]
    }

    fn render(&self, bodies: Bodies) -> String {
        let mut text = format!("    {}\n    {}\n", self.event_id, self.details.join(", "));
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

/// What an event means for the goods. Both meanings, if they depend on a setting that is not known.
fn goods(
    event: &StoredEvent,
    events: &[StoredEvent],
    payment_without_order: Option<PaymentWithoutOrder>,
) -> Option<String> {
    let goods = |setting| relay::goods(event, setting, events).ok().map(Goods::name);
    if let Some(setting) = payment_without_order {
        return goods(setting).map(str::to_owned);
    }
    let (grant, money) = (goods(PaymentWithoutOrder::Grant)?, goods(PaymentWithoutOrder::MoneyOnly)?);
    Some(if grant == money { grant.to_owned() } else { format!("{grant} or {money} (depends on PaymentWithoutOrder)") })
}
