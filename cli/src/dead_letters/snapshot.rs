//! Contents of the dead-letter queue and the parked queue, for display.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use intake::aws::QueueUrls;
use intake::ports::PortError;
use jiff::Timestamp;
use message::Event;
use xsolla::EventId;
use xsolla::inspect::redact;

use super::entry::{DeadLetter, ParkedNote, ParkedReason, is_of_type};
use super::queues::DeadLetters;
use crate::format::{columns, counted, indented, one_line};
use crate::replay::{Effect, NotSent, Replay, not_sent};

/// Number of subjects that are listed as hiding others.
const MAX_SUBJECTS: usize = 10;

/// Contents of the dead-letter queue and the parked queue at one time.
#[derive(Debug)]
pub struct DlqSnapshot {
    letters: Vec<DeadLetter>,
    /// Number of dead letters that SQS did not return.
    unavailable: usize,
    notes: Vec<ParkedNote>,
}

impl DeadLetters {
    /// Reads both queues and leaves them unchanged.
    ///
    /// # Errors
    ///
    /// If SQS is unavailable.
    pub async fn snapshot(&self) -> Result<DlqSnapshot, PortError> {
        let QueueUrls { dead_letters, parked, .. } = &self.queues;
        let letters = self.peek(dead_letters).await?;
        let notes = self.peek(parked).await?;
        let unavailable = self.count(dead_letters).await?.saturating_sub(letters.len());
        let letters = letters.into_iter().map(DeadLetter::new).collect();
        Ok(DlqSnapshot { letters, unavailable, notes: ParkedNote::sorted(notes) })
    }
}

impl DlqSnapshot {
    /// Lists the entries in groups: dead letters by type, goods and mode, parked notes by cause. Then lists each dead letter
    /// with its age. SQS does not store why a message became a dead letter, only how often it was delivered.
    #[must_use]
    pub fn list(&self, now: Timestamp) -> String {
        let mut text = String::new();
        if !self.letters.is_empty() {
            let rows = self.letters.iter().map(|letter| {
                let key = [letter.type_name.clone(), letter.goods.clone(), letter.mode.to_owned()];
                (key, letter.since.clone(), letter.id.clone())
            });
            let header = ["count", "type", "goods", "mode", "first", "last", "first event"].map(str::to_owned);
            let lines =
                groups(rows).into_iter().map(|Group { key: [type_name, goods, mode], count, first, last, id }| {
                    [count.to_string(), type_name, goods, mode, first, last, id]
                });
            text.push_str("  Dead letters (the game failed to process them):\n\n");
            text.push_str(&columns(&std::iter::once(header).chain(lines).collect::<Vec<_>>()));
            text.push_str("\n  Each dead letter:\n\n");
            let header = ["age", "deliveries", "user", "subject", "event"].map(str::to_owned);
            let letters = self.letters.iter().map(|letter| {
                let DeadLetter { since, deliveries, user, subject, id, .. } = letter;
                [age(since, now), deliveries.clone(), user.clone(), subject.clone(), id.clone()]
            });
            text.push_str(&columns(&std::iter::once(header).chain(letters).collect::<Vec<_>>()));
            text.push('\n');
        }
        if self.unavailable > 0 {
            let _ = write!(text, "  {}\n{}\n", self.unavailable_note(), self.subjects());
        }
        if !self.notes.is_empty() {
            let notes = self.notes.iter();
            let rows = notes.map(|note| ([note.reason.cause().to_owned()], note.since.clone(), note.reason.id()));
            let header = ["count", "first", "last", "first event", "cause"].map(str::to_owned);
            let lines = groups(rows)
                .into_iter()
                .map(|Group { key: [cause], count, first, last, id }| [count.to_string(), first, last, id, cause]);
            text.push_str("  Parked events (they never reached the game's queue):\n\n");
            text.push_str(&columns(&std::iter::once(header).chain(lines).collect::<Vec<_>>()));
            text.push('\n');
        }
        if self.is_empty() {
            text.push_str("  No dead letters and no parked events.\n");
        }
        text
    }

    /// Lists the subjects whose dead letters can hide others, those with most letters first.
    fn subjects(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for letter in &self.letters {
            *counts.entry(&letter.subject).or_default() += 1;
        }
        let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let more = counts.len().saturating_sub(MAX_SUBJECTS);
        let mut text = String::new();
        for (subject, count) in counts.iter().take(MAX_SUBJECTS) {
            let _ = writeln!(text, "    behind {}: {} listed", one_line(subject), counted(*count, "letter", "letters"));
        }
        if more > 0 {
            let _ = writeln!(text, "    or behind {}", counted(more, "other subject", "other subjects"));
        }
        text
    }

    /// Explains why an event is not found, if it can be hidden behind another dead letter.
    #[must_use]
    pub fn hidden_behind(&self, event_id: &str) -> Option<String> {
        let subject = event_id.parse::<EventId>().ok()?.subject().to_owned();
        let is_hiding = self.unavailable > 0 && self.letters.iter().any(|letter| letter.subject == subject);
        is_hiding.then(|| format!("it can be hidden behind another dead letter of {}", one_line(subject)))
    }

    /// Number of entries of a type that a redrive would send, in words.
    #[must_use]
    pub fn summary(&self, type_name: Option<&str>) -> String {
        let letters =
            self.letters.iter().filter(|letter| type_name.is_none_or(|name| name == letter.type_name)).count();
        let letters = counted(letters, "dead letter", "dead letters");
        let hidden = if self.unavailable > 0 { format!(" (and {} hidden)", self.unavailable) } else { String::new() };
        let of_type = type_name.map(|name| format!(" of type {}", one_line(name))).unwrap_or_default();
        format!("{letters}{hidden} and {}{of_type}", counted(self.notes.len(), "parked note", "parked notes"))
    }

    /// Shows the entries of one event, or `None` if there are none. Personal data is redacted unless `unredacted` is set.
    #[must_use]
    pub fn show(&self, event_id: &str, unredacted: bool) -> Option<String> {
        let mut text = String::new();
        for letter in self.letters.iter().filter(|letter| letter.id == event_id) {
            let DeadLetter { since, type_name, goods, mode, .. } = letter;
            let _ = writeln!(text, "  {}, goods: {goods}, {mode}, dead letter since {since}", one_line(type_name));
            let message = letter.message.body().unwrap_or_default();
            let body = match Event::read(message) {
                _ if unredacted => message.to_owned(),
                Ok(event) => indented(&redact(&event.notification_type, event.notification.get())),
                Err(_) => indented("***"),
            };
            let _ = writeln!(text, "{}", body.trim_end());
        }
        for note in self.notes.iter().filter(|note| note.reason.id() == event_id) {
            let _ = writeln!(text, "  parked since {}: {}", note.since, one_line(note.reason.cause()));
        }
        (!text.is_empty()).then_some(text)
    }

    /// Lists the entries that a redrive would send, one per line, with what they mean for the goods. If that has changed
    /// since: `grant -> info (already_revoked)`.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn redrive_preview(&self, replay: &Replay, type_name: Option<&str>) -> Result<String, PortError> {
        let mut lines = vec![["since", "source", "goods", "event"].map(str::to_owned)];
        for letter in self.letters.iter().filter(|letter| type_name.is_none_or(|name| name == letter.type_name)) {
            let goods = goods_of_letter(replay, letter).await?;
            lines.push([letter.since.clone(), "dead letter".to_owned(), goods, letter.id.clone()]);
        }
        for note in &self.notes {
            let goods = match &note.reason {
                ParkedReason::Event { event_id, .. } if is_of_type(event_id, type_name) => {
                    let effect = replay.effect(event_id).await?;
                    effect.map_or_else(|cause| not_sent(&cause), |effect| effect.goods)
                }
                ParkedReason::Batch { .. } if type_name.is_none() => "-".to_owned(),
                ParkedReason::Event { .. } | ParkedReason::Batch { .. } | ParkedReason::Unknown => continue,
            };
            lines.push([note.since.clone(), "parked".to_owned(), goods, note.reason.id()]);
        }
        let mut text = if lines.len() == 1 { "  Nothing to redrive.\n".to_owned() } else { columns(&lines) };
        if self.unavailable > 0 {
            let _ = writeln!(text, "\n  {}", self.unavailable_note());
        }
        Ok(text)
    }

    /// Since when an event is a dead letter.
    pub(crate) fn dead_letter_since(&self, event_id: &EventId) -> Option<&str> {
        let letter = self.letters.iter().find(|letter| letter.event_id.as_ref() == Some(event_id))?;
        Some(&letter.since)
    }

    /// Since when an event is parked, alone or in a batch, and why.
    pub(crate) fn parked_since(&self, event_id: &EventId, received_at: &str) -> Option<(&str, &str)> {
        let received_at: Option<Timestamp> = received_at.parse().ok();
        let is_about = |note: &&ParkedNote| match &note.reason {
            ParkedReason::Event { event_id: parked, .. } => parked == event_id,
            ParkedReason::Batch { from, to, .. } => received_at.is_some_and(|at| (*from..=*to).contains(&at)),
            ParkedReason::Unknown => false,
        };
        self.notes.iter().find(is_about).map(|note| (note.since.as_str(), note.reason.cause()))
    }

    /// Number of dead letters that SQS did not return.
    pub(crate) fn hidden(&self) -> usize {
        self.unavailable
    }

    /// Whether both queues are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty() && self.notes.is_empty() && self.unavailable == 0
    }

    fn unavailable_note(&self) -> String {
        let letters = counted(self.unavailable, "more dead letter", "more dead letters");
        format!(
            "{letters} not listed: SQS returns only the first messages of each subject, and hides those that another reader has received."
        )
    }
}

/// Time since an entry arrived: `3 h 12 min`.
fn age(since: &str, now: Timestamp) -> String {
    let Ok(since) = since.parse::<Timestamp>() else { return "-".to_owned() };
    let minutes = now.duration_since(since).as_mins().max(0);
    match (minutes / (24 * 60), minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// The goods in a dead letter, and in the message that a redrive would send instead, if they differ.
async fn goods_of_letter(replay: &Replay, letter: &DeadLetter) -> Result<String, PortError> {
    let Some(event_id) = &letter.event_id else { return Ok(letter.goods.clone()) };
    Ok(match replay.effect(event_id).await? {
        Ok(Effect { goods, .. }) if goods == letter.goods => goods,
        Ok(Effect { goods, .. }) => format!("{} -> {goods}", letter.goods),
        Err(NotSent::NotStored) => format!("{} (unchanged: not in the table)", letter.goods),
        Err(cause) => not_sent(&cause),
    })
}

/// Entries with the same key.
#[derive(Debug, PartialEq, Eq)]
struct Group<const N: usize> {
    key: [String; N],
    count: usize,
    first: String,
    last: String,
    /// Id of the first entry.
    id: String,
}

/// Groups rows of key, time and id by their key.
fn groups<const N: usize>(rows: impl Iterator<Item = ([String; N], String, String)>) -> Vec<Group<N>> {
    let mut groups: BTreeMap<[String; N], Group<N>> = BTreeMap::new();
    for (key, since, id) in rows {
        let group = groups.entry(key).or_insert_with_key(|key| Group {
            key: key.clone(),
            count: 0,
            first: since.clone(),
            last: since.clone(),
            id: id.clone(),
        });
        group.count += 1;
        if since < group.first {
            (group.first, group.id) = (since.clone(), id);
        }
        if since > group.last {
            group.last = since;
        }
    }
    groups.into_values().collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-11-22T09:00:30Z", "0 min")]
    #[case("2026-11-22T08:00:00Z", "1 h 1 min")]
    #[case("2026-11-20T08:00:00Z", "2 d 1 h")]
    #[case("2026-11-22T10:00:00Z", "0 min")]
    #[case("unknown", "-")]
    fn age_has_two_units(#[case] since: &str, #[case] expected: &str) {
        assert_eq!(age(since, "2026-11-22T09:01:00Z".parse().unwrap()), expected);
    }

    #[test]
    fn groups_entries_by_key() {
        let row = |key: &str, since: &str, id: &str| ([key.to_owned()], since.to_owned(), id.to_owned());
        let rows = [row("a", "2", "second"), row("b", "5", "other"), row("a", "1", "first"), row("a", "3", "third")];
        let group = |key: &str, count, first: &str, last: &str, id: &str| Group {
            key: [key.to_owned()],
            count,
            first: first.to_owned(),
            last: last.to_owned(),
            id: id.to_owned(),
        };
        let expected = [group("a", 3, "1", "3", "first"), group("b", 1, "5", "5", "other")];
        assert_eq!(groups(rows.into_iter()), expected);
    }
}
