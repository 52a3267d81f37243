//! Erasure of a user's personal data from the table (`xsolla-webhooks erase`).
//!
//! Keys, transaction and order ids, dates and amounts are preserved. A retry of an erased event is therefore still a
//! duplicate and does not restore the personal data. The digest of the original body is removed: with it, a guess of the
//! erased data could be confirmed. It remains in the keys of events whose type has no ids.

mod update;

use std::fmt::Write as _;

use intake::ports::PortError;
use intake::record::{Item as _, Kind};
use intake::table::{BODY, ERASED_AT, KIND, TYPE, USER_ID};
use jiff::Timestamp;
use xsolla::inspect::anonymize;
use xsolla::{EventId, json_text};

use crate::format::{columns, counted, one_line};
use crate::progress::Progress;
use crate::table::{EventRef, Index, Item, Table};

/// Separates the key of a conflict from the digest of its body: see [`EventId::with_conflict`].
const CONFLICT: &str = "#conflict#";

/// A planned erasure of one user.
#[derive(Debug)]
pub struct Erasure {
    table: Table,
    records: Vec<Record>,
    /// Number of records that were erased earlier.
    already_erased: usize,
    /// Records of the same sales that name another user.
    excluded: Vec<EventId>,
    progress: Progress,
}

/// A record to erase, of any kind, with its anonymized body.
#[derive(Debug)]
struct Record {
    event: EventRef,
    kind: String,
    type_name: String,
    owner: RecordOwner,
    body: String,
    /// The item and its new key, if its key contains the digest of its body and is not needed to recognize a retry.
    moved: Option<(Item, EventId)>,
}

/// Whether a record has a user id.
///
/// The order is the order of erasure within a subject. Records without a user id are found through those that have
/// one, so they come first: after an interruption, a second run still finds the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum RecordOwner {
    None,
    User,
}

impl Erasure {
    /// Finds the records of a user, and the records of the same sales that have no user id. Erases nothing.
    ///
    /// `progress` counts the sales that are read, and later the records that are erased.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn plan(table: Table, user: &str, progress: &Progress) -> Result<Self, PortError> {
        let subjects = table.subjects_by(Index::User, user).await?;
        progress.start(Some(subjects.len()));
        let mut erasure =
            Self { table, records: Vec::new(), already_erased: 0, excluded: Vec::new(), progress: progress.clone() };
        for subject in subjects {
            let mut records = Vec::new();
            let items = erasure.table.items_of_subject(&subject).await?;
            for item in &items {
                match item.string(USER_ID) {
                    _ if item.contains_key(ERASED_AT) => erasure.already_erased += 1,
                    None => records.push(Record::of(item, RecordOwner::None)),
                    Some(id) if id == user => records.push(Record::of(item, RecordOwner::User)),
                    Some(_) => erasure.excluded.push(EventRef::of(item).event_id()),
                }
            }
            for record in &mut records {
                // Otherwise a retry of the conflict would be stored again.
                let is_first_erased = !erasure.excluded.iter().any(|excluded| record.is_conflict_with(excluded));
                if let Some(to) = record.key_without_digest().filter(|_| is_first_erased) {
                    let item = items.iter().find(|item| EventRef::of(item) == record.event);
                    record.moved = item.map(|item| (item.clone(), to));
                }
            }
            records.sort_by(|one, other| (one.owner, &one.event).cmp(&(other.owner, &other.event)));
            erasure.records.extend(records);
            progress.add(1);
        }
        Ok(erasure)
    }

    /// Whether there is nothing to erase.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Lists the records of the same sales that name another user and are not erased, one per line.
    #[must_use]
    pub fn exclusions(&self) -> String {
        let mut lines = String::new();
        for event_id in &self.excluded {
            let _ = writeln!(lines, "  not erased: {} belongs to another user", one_line(event_id));
        }
        lines
    }

    /// Lists the records to erase, one per line, then the [exclusions](Self::exclusions).
    #[must_use]
    pub fn preview(&self) -> String {
        let mut lines = vec![["received", "kind", "type", "user id", "event id"].map(str::to_owned)];
        lines.extend(self.records.iter().map(|Record { event, kind, type_name, owner, .. }| {
            let owner = match owner {
                RecordOwner::None => "none",
                RecordOwner::User => "this user",
            };
            [event.received_at.clone(), kind.clone(), type_name.clone(), owner.to_owned(), event.event_id().to_string()]
        }));
        columns(&lines) + &self.exclusions()
    }

    /// Number of records in words: `6 records, including 1 of the same sales without a user id`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut summary = counted(self.records.len(), "record", "records");
        let without_user = self.records.iter().filter(|record| record.owner == RecordOwner::None).count();
        if without_user > 0 {
            let _ = write!(summary, ", including {without_user} of the same sales without a user id");
        }
        if self.already_erased > 0 {
            let _ = write!(summary, " ({} already erased)", self.already_erased);
        }
        summary
    }

    /// Erases the planned records, stopping at the first failure.
    ///
    /// Returns the number of erased records. It is lower than planned if another run erased some in the meantime.
    ///
    /// # Errors
    ///
    /// If the table cannot be written. Erased records stay erased; a new plan finds the rest.
    pub async fn erase(&self, now: Timestamp) -> Result<usize, PortError> {
        let mut erased = 0;
        self.progress.start(Some(self.records.len()));
        for Record { event, body, moved, .. } in &self.records {
            erased += usize::from(match moved {
                Some((item, to)) => update::erase_with_key(&self.table, item.clone(), to, body.clone(), now).await?,
                None => update::erase(&self.table, &event.event_id(), body.clone(), now).await?,
            });
            self.progress.add(1);
        }
        Ok(erased)
    }
}

impl Record {
    fn of(item: &Item, owner: RecordOwner) -> Self {
        let text = |name| item.string(name).unwrap_or_default().to_owned();
        let type_name = text(TYPE);
        // A body that is not text is replaced as a whole.
        let notification = item.binary(BODY).and_then(|body| json_text(body).ok()).unwrap_or_default();
        let body = anonymize(&type_name, notification);
        Self { event: EventRef::of(item), kind: text(KIND), type_name, owner, body, moved: None }
    }

    /// The key of an erased conflict, with its time of receipt in place of the digest. `None`: not a conflict.
    fn key_without_digest(&self) -> Option<EventId> {
        let (first, _) = self.event.sk.split_once(CONFLICT).filter(|_| self.kind == Kind::Conflict.name())?;
        let rest = format!("{first}{CONFLICT}erased-{}", self.event.received_at);
        Some(EventId::new(self.event.pk.clone(), rest))
    }

    fn is_conflict_with(&self, first: &EventId) -> bool {
        let own = self.event.sk.split_once(CONFLICT);
        self.event.pk == first.subject() && own.is_some_and(|(own, _)| own == first.rest())
    }
}
