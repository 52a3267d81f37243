//! Result of the demonstration.

use std::fmt;

use super::steps::{Expected, Step};

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

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::No => "no",
            Self::Once => "once",
            Self::Conflict => "conflict",
            Self::Several => "several",
        })
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

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:<37}{:<23}{:<24}{:<11}{:<9}goods", "sent", "path", "answer", "stored", "queued")?;
        for row in &self.0 {
            let Row { step: Step { name, path, .. }, answer, stored, queued } = row;
            let (count, goods) = match queued[..] {
                [] => ("no", "-"),
                [goods] => ("once", goods),
                [goods, ..] => ("several", goods),
            };
            write!(f, "  {name:<37}{path:<23}{answer:<24}{stored:<11}{count:<9}{goods}")?;
            if row.is_expected() {
                writeln!(f)?;
            } else {
                writeln!(f, "   <- EXPECTED: {}, {}", row.step.answer, row.step.expected)?;
            }
        }
        let (total, unexpected) = (self.0.len(), self.0.iter().filter(|row| !row.is_expected()).count());
        match unexpected {
            0 => writeln!(f, "\n  All {total} webhooks were handled as expected."),
            _ => writeln!(f, "\n  {unexpected} of {total} webhooks were not handled as expected."),
        }
    }
}
