//! What stands in the queues of what went wrong, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use message::Event;
use xsolla::inspect::redact;

use super::{Letter, Seen, TellsOf, is_of_type};
use crate::columns::columns;

impl Seen {
    /// Whether both queues are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty() && self.notes.is_empty() && self.behind == 0
    }

    /// For people: what went wrong in the same way is one line. SQS keeps no cause of a dead letter: type and meaning
    /// stand for it.
    #[must_use]
    pub fn list(&self) -> String {
        let mut text = String::new();
        if !self.letters.is_empty() {
            let rows = self.letters.iter().map(|letter| {
                let cause = [letter.type_name.clone(), letter.goods.to_owned(), letter.mode.to_owned()];
                (cause, letter.since.clone(), letter.name.clone())
            });
            text.push_str("  Given up by the game:\n\n");
            let head = ["how often", "type", "goods", "mode", "first", "last", "first event"].map(str::to_owned);
            let groups = grouped(rows).into_iter();
            let lines = groups.map(|([type_name, goods, mode], count, first, last, name)| {
                [count.to_string(), type_name, goods, mode, first, last, name]
            });
            text.push_str(&columns(&std::iter::once(head).chain(lines).collect::<Vec<_>>()));
            text.push('\n');
        }
        if self.behind > 0 {
            let _ = write!(
                text,
                "  {} more stand behind these, or are being looked at: SQS shows the first of a subject.\n\n",
                self.behind
            );
        }
        if !self.notes.is_empty() {
            let rows = self
                .notes
                .iter()
                .map(|note| ([note.tells_of.cause().to_owned()], note.since.clone(), note.tells_of.name()));
            text.push_str("  Parked, never queued:\n\n");
            let head = ["how often", "first", "last", "first event", "cause"].map(str::to_owned);
            let groups = grouped(rows).into_iter();
            let lines = groups.map(|([cause], count, first, last, name)| [count.to_string(), first, last, name, cause]);
            text.push_str(&columns(&std::iter::once(head).chain(lines).collect::<Vec<_>>()));
            text.push('\n');
        }
        if self.is_empty() {
            text.push_str("  No dead letters, and nothing parked.\n");
        }
        text
    }

    /// The dead letters and the notes of one event, with the message, masked or as it is; `None` if there are none.
    #[must_use]
    pub fn show(&self, event_id: &str, unmasked: bool) -> Option<String> {
        let mut text = String::new();
        for letter in self.letters.iter().filter(|letter| letter.name == event_id) {
            let Letter { since, type_name, goods, mode, .. } = letter;
            let _ = writeln!(text, "  {type_name}, {goods}, {mode}: given up by the game at {since}");
            let message = letter.message.body().unwrap_or_default();
            let shown = match Event::read(message) {
                _ if unmasked => message.to_owned(),
                Ok(event) => redact(&event.notification_type, event.notification.get()),
                Err(_) => "***".to_owned(),
            };
            let _ = writeln!(text, "{shown}");
        }
        for note in self.notes.iter().filter(|note| note.tells_of.name() == event_id) {
            let _ = writeln!(text, "  parked at {}: {}", note.since, note.tells_of.cause());
        }
        (!text.is_empty()).then_some(text)
    }

    /// For people: what a redrive would do, one line each.
    #[must_use]
    pub fn would_redrive(&self, type_name: Option<&str>) -> String {
        let mut lines = vec![["since", "what would be sent"].map(str::to_owned)];
        for letter in &self.letters {
            if type_name.is_none_or(|type_name| type_name == letter.type_name) {
                lines.push([letter.since.clone(), letter.name.clone()]);
            }
        }
        for note in &self.notes {
            let is_meant = match &note.tells_of {
                TellsOf::Event { event_id, .. } => is_of_type(event_id, type_name),
                TellsOf::Time { .. } => type_name.is_none(),
                TellsOf::Unknown => false,
            };
            if is_meant {
                lines.push([note.since.clone(), format!("{} (parked)", note.tells_of.name())]);
            }
        }
        let mut text = columns(&lines);
        if self.behind > 0 {
            let _ = writeln!(text, "\n  And up to {} that stand behind these.", self.behind);
        }
        text
    }
}

/// Rows of one cause: how many, the first and the last time, the first one's name.
type Group<const N: usize> = ([String; N], usize, String, String, String);

fn grouped<const N: usize>(rows: impl Iterator<Item = ([String; N], String, String)>) -> Vec<Group<N>> {
    let mut groups: BTreeMap<[String; N], (usize, String, String, String)> = BTreeMap::new();
    for (cause, since, name) in rows {
        let group = groups.entry(cause).or_insert_with(|| (0, since.clone(), since.clone(), name.clone()));
        group.0 += 1;
        if since < group.1 {
            (group.1, group.3) = (since.clone(), name);
        }
        if since > group.2 {
            group.2 = since;
        }
    }
    groups.into_iter().map(|(cause, (count, first, last, name))| (cause, count, first, last, name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_in_the_same_way_is_one_group() {
        let row = |cause: &str, since: &str, name: &str| ([cause.to_owned()], since.to_owned(), name.to_owned());
        let rows = [row("a", "2", "second"), row("b", "5", "other"), row("a", "1", "first"), row("a", "3", "third")];
        let groups = grouped(rows.into_iter());
        let group = |cause: &str, count, first: &str, last: &str, name: &str| {
            ([cause.to_owned()], count, first.to_owned(), last.to_owned(), name.to_owned())
        };
        assert_eq!(groups, [group("a", 3, "1", "3", "first"), group("b", 1, "5", "5", "other")]);
    }
}
