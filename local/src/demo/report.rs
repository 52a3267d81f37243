//! Result of the demonstration.

use std::fmt;

use anstyle::{AnsiColor, Style};

use super::steps::{Expected, Step};
use crate::envelope::with_envelope;

/// Handling of one webhook.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) step: Step,
    /// Status, and error code if any.
    pub(super) answer: String,
    pub(super) stored: Stored,
    /// Goods of each message in the queue.
    pub(super) queued: Vec<&'static str>,
}

/// Items with the webhook's body in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    No,
    Once,
    Conflict,
    Several,
}

impl Row {
    fn is_expected(&self) -> bool {
        let expected = match self.step.expected {
            Expected::NotStored => (Stored::No, 0),
            Expected::Queued => (Stored::Once, 1),
            Expected::Conflict => (Stored::Conflict, 0),
        };
        self.answer == self.step.answer && (self.stored, self.queued.len()) == expected
    }
}

/// Handling of all webhooks, in the order in which they were sent.
#[derive(Debug)]
pub struct Report(pub(super) Vec<Row>);

impl Report {
    /// Whether every webhook was handled as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.0.iter().all(Row::is_expected)
    }
}

impl Row {
    /// What happened, in one or two words.
    fn result(&self) -> &'static str {
        match (self.stored, self.queued.len()) {
            (Stored::No, 0) if self.answer.starts_with('2') => "answered",
            (Stored::No, 0) => "not stored",
            (Stored::Once, 1) if self.step.is_retry => "duplicate",
            (Stored::Once, 1) => "queued",
            (Stored::Once, 0) => "not queued",
            (Stored::Conflict, 0) => "conflict",
            _ => "repeated",
        }
    }

    /// The transaction or order id, as `show` takes it.
    fn id(&self) -> String {
        let id = with_envelope(self.step.body.as_bytes(), |envelope| {
            let subject = envelope.event_id().subject();
            subject.split_once('#').map_or(subject, |(_, id)| id).to_owned()
        });
        id.filter(|_| self.stored != Stored::No).unwrap_or_else(|| "-".to_owned())
    }
}

/// A table of 80 columns with terminal styles. Print it through a stream that removes them where they are not supported.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BOLD: Style = Style::new().bold();
        const GOOD: Style = AnsiColor::Green.on_default();
        const BAD: Style = AnsiColor::Red.on_default().bold();
        const FAINT: Style = Style::new().dimmed();
        writeln!(f, "    {BOLD}{:<27}{:<7}{:<12}{:<16}id{BOLD:#}", "sent", "answer", "result", "goods")?;
        for row in &self.0 {
            let (mark, style) = if row.is_expected() { ("✓", GOOD) } else { ("✗", BAD) };
            let status = row.answer.split(' ').next().unwrap_or_default();
            let goods = row.queued.first().filter(|_| !row.step.is_retry).unwrap_or(&"-");
            writeln!(
                f,
                "  {style}{mark}{style:#} {:<27}{status:<7}{:<12}{goods:<16}{FAINT}{}{FAINT:#}",
                row.step.name,
                row.result(),
                row.id()
            )?;
            if !row.is_expected() {
                let got = if row.answer == row.step.answer { "" } else { row.answer.as_str() };
                writeln!(f, "      {BAD}expected: {}, {}{BAD:#} {got}", row.step.answer, row.step.expected)?;
            }
        }
        let (total, passed) = (self.0.len(), self.0.iter().filter(|row| row.is_expected()).count());
        let style = if passed == total { GOOD } else { BAD };
        writeln!(f, "\n  {style}{passed} of {total} as expected{style:#}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::steps;
    use super::*;

    fn report() -> Report {
        let row = |step: Step| {
            let (stored, queued) = match step.expected {
                Expected::NotStored => (Stored::No, vec![]),
                Expected::Queued => (Stored::Once, vec!["partial_revoke"]),
                Expected::Conflict => (Stored::Conflict, vec![]),
            };
            Row { answer: step.answer.to_owned(), step, stored, queued }
        };
        Report(steps().into_iter().map(row).collect())
    }

    #[test]
    fn table_fits_80_columns_and_ends_with_the_result() {
        let text = anstream::adapter::strip_str(&report().to_string()).to_string();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert_eq!(text.lines().last(), Some("  12 of 12 as expected"));
    }

    #[test]
    fn result_of_a_question_is_that_it_was_answered() {
        let report = report();
        let results = report.0.iter().filter(|row| row.stored == Stored::No).map(Row::result);
        assert_eq!(results.collect::<Vec<_>>(), ["answered", "not stored", "not stored"]);
    }

    #[test]
    fn unexpected_row_says_what_was_expected() {
        let mut report = report();
        report.0[1].stored = Stored::No;
        report.0[1].answer = "500 SERVER_ERROR".to_owned();
        let text = anstream::adapter::strip_str(&report.to_string()).to_string();
        assert!(text.contains("expected: 204, stored once, queued once 500 SERVER_ERROR"), "{text}");
        assert_eq!(text.lines().last(), Some("  11 of 12 as expected"));
    }
}
