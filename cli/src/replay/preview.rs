//! Text of a dry run.

use xsolla::EventId;

use super::effect::{Effect, NotSent, not_sent};
use super::plan::Plan;
use crate::format::{columns, counted};

/// Number of events that are listed. The others are counted.
const MAX_LISTED: usize = 1000;

/// What a replay would do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Preview {
    lines: Vec<[String; 5]>,
    /// Number of events that would be sent.
    sendable: usize,
    /// Number of Xsolla's retries, which are not sent.
    retries: usize,
    /// Number of events that can never be sent.
    rejected: usize,
}

impl Preview {
    /// Adds an event.
    pub(super) fn add(&mut self, received_at: &str, event_id: &EventId, effect: Result<Effect, NotSent>) {
        *match &effect {
            Ok(_) => &mut self.sendable,
            Err(NotSent::Retry) => &mut self.retries,
            Err(NotSent::NotStored | NotSent::Erased(_) | NotSent::Invalid(_)) => &mut self.rejected,
        } += 1;
        if self.lines.len() == MAX_LISTED {
            return;
        }
        let [type_name, mode, goods] = match effect {
            Ok(Effect { type_name, mode, goods }) => [type_name, mode.to_owned(), goods],
            Err(cause) => [not_sent(&cause), String::new(), String::new()],
        };
        self.lines.push([received_at.to_owned(), type_name, mode, goods, event_id.to_string()]);
    }

    /// One line per event, with a heading. Only the first events of a long plan are listed.
    #[must_use]
    pub fn text(&self) -> String {
        let heading = ["received", "type", "mode", "goods", "event id"].map(str::to_owned);
        let lines: Vec<_> = std::iter::once(heading).chain(self.lines.iter().cloned()).collect();
        let listed = columns(&lines);
        match self.sendable + self.retries + self.rejected - self.lines.len() {
            0 => listed,
            more => format!("{listed}  … and {}\n", counted(more, "more event", "more events")),
        }
    }

    /// Number of events of a plan that would be sent, in words.
    #[must_use]
    pub fn summary(&self, plan: &Plan) -> String {
        let excluded: Vec<String> = [
            (self.retries, "retry of Xsolla", "retries of Xsolla"),
            (self.rejected, "event that can never be sent", "events that can never be sent"),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, singular, plural)| counted(count, singular, plural))
        .collect();
        if excluded.is_empty() {
            return plan.summary();
        }
        format!("{} of {}; not sent: {}", self.sendable, plan.summary(), excluded.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_preview_lists_the_first_events_and_counts_all() {
        let mut preview = Preview::default();
        for number in 0..=MAX_LISTED {
            let effect = Effect { type_name: "payment".to_owned(), mode: "live", goods: format!("goods {number}") };
            preview.add(
                "2026-11-22T00:00:00Z",
                &EventId::new("transaction#1".to_owned(), number.to_string()),
                Ok(effect),
            );
        }
        preview.add("2026-11-22T00:00:00Z", &EventId::new("a#1".to_owned(), "b".to_owned()), Err(NotSent::Retry));
        let text = preview.text();
        assert_eq!(text.lines().count(), 1 + MAX_LISTED + 1);
        assert!(text.contains("goods 999 ") && !text.contains("goods 1000 "), "{text}");
        assert!(text.ends_with("  … and 2 more events\n"), "{text}");
        assert_eq!((preview.sendable, preview.retries), (MAX_LISTED + 1, 1));
    }
}
