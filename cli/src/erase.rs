//! What `xsolla-webhooks erase` does: takes a user out of what is kept, and leaves what accounting must keep.
//!
//! The key, the digest, the ids of transaction and order, the dates and the amounts stay. So a retry of Xsolla's is still a
//! duplicate, and does not bring back what was erased.

use std::fmt::Write as _;

use intake::ports::PortError;
use intake::record::Item as _;
use intake::table::{BODY, ERASED_AT, KIND, TYPE, USER_ID};
use jiff::Timestamp;
use xsolla::inspect::anonymize;
use xsolla::{EventId, json_text};

use crate::columns::columns;
use crate::table::{Index, Item, Place, Table};

/// What is erased of a user.
#[derive(Debug)]
pub struct Erasure {
    table: Table,
    records: Vec<Record>,
    /// How many were erased before.
    before: usize,
    /// What of the same sales names another user.
    left: Vec<EventId>,
}

/// An event, a conflict, or whatever else is kept, as it will be.
#[derive(Debug)]
struct Record {
    place: Place,
    kind: String,
    type_name: String,
    names: Whom,
    body: String,
}

/// Whom a record names. In this order the records of a subject are erased: one that names nobody is found by those that
/// name the user, so whoever is interrupted finds it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whom {
    Nobody,
    User,
}

impl Erasure {
    /// Finds what names the user, and what names nobody and is about the same sale. Nothing is erased.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn plan(table: Table, user: &str) -> Result<Self, PortError> {
        let subjects = table.subjects_by(Index::User, user).await?;
        let mut erasure = Self { table, records: Vec::new(), before: 0, left: Vec::new() };
        for subject in subjects {
            let mut records = Vec::new();
            for item in erasure.table.of_subject(&subject).await? {
                match item.string(USER_ID) {
                    _ if item.contains_key(ERASED_AT) => erasure.before += 1,
                    None => records.push(Record::of(&item, Whom::Nobody)),
                    Some(named) if named == user => records.push(Record::of(&item, Whom::User)),
                    Some(_) => erasure.left.push(Place::of(&item).event_id()),
                }
            }
            records.sort_by(|one, other| (one.names, &one.place).cmp(&(other.names, &other.place)));
            erasure.records.extend(records);
        }
        Ok(erasure)
    }

    /// Whether nothing is kept that names the user.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What of the same sales names another user, and stays as it is. One line each.
    #[must_use]
    pub fn left(&self) -> String {
        let mut lines = String::new();
        for left in &self.left {
            let _ = writeln!(lines, "  left: {left} names another user");
        }
        lines
    }

    /// One line per record: when it was received, what it is, its type, whom it names, its event id. Then what is left.
    #[must_use]
    pub fn preview(&self) -> String {
        let mut lines = vec![["received", "kind", "type", "names", "event id"].map(str::to_owned)];
        lines.extend(self.records.iter().map(|record| {
            let names = match record.names {
                Whom::Nobody => "nobody",
                Whom::User => "the user",
            };
            let Record { place, kind, type_name, .. } = record;
            [place.received_at.clone(), kind.clone(), type_name.clone(), names.to_owned(), place.event_id().to_string()]
        }));
        columns(&lines) + &self.left()
    }

    /// For people: how many, and what of them.
    #[must_use]
    pub fn summary(&self) -> String {
        let (all, nobody) =
            (self.records.len(), self.records.iter().filter(|record| record.names == Whom::Nobody).count());
        let mut summary = format!("{all} {}", if all == 1 { "record" } else { "records" });
        if nobody > 0 {
            let _ = write!(summary, ", {nobody} of which of the same sales, naming nobody");
        }
        if self.before > 0 {
            let _ = write!(summary, " ({} erased before)", self.before);
        }
        summary
    }

    /// Erases, up to the first failure. How many were erased: fewer than planned, if somebody else did the same.
    ///
    /// # Errors
    ///
    /// When the table cannot be written. Run it again: what was erased stays so, and the rest is found.
    pub async fn erase(&self, now: Timestamp) -> Result<usize, PortError> {
        let mut erased = 0;
        for Record { place, body, .. } in &self.records {
            erased += usize::from(self.table.erase(&place.event_id(), body.clone(), now).await?);
        }
        Ok(erased)
    }
}

impl Record {
    fn of(item: &Item, names: Whom) -> Self {
        let text = |name| item.string(name).unwrap_or_default().to_owned();
        let type_name = text(TYPE);
        // What is not even text is masked as a whole.
        let notification = item.binary(BODY).and_then(|body| json_text(body).ok()).unwrap_or_default();
        let body = anonymize(&type_name, notification);
        Self { place: Place::of(item), kind: text(KIND), type_name, names, body }
    }
}
