//! What came of it, and whether every promise was kept.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use intake::record::Kind;
use message::Goods;

use crate::Options;
use crate::faults::Fault;
use crate::game::Ledger;
use crate::xsolla::Seen;

/// What there is to judge by, from both ends and from the table.
pub(super) struct Evidence<'e> {
    pub(super) seen: &'e Seen,
    pub(super) ledger: &'e Ledger,
    pub(super) kept: &'e [Item],
}

/// What the table holds.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) event_id: String,
    pub(super) kind: String,
    pub(super) digest: String,
}

/// What must be 0, each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) lost: usize,
    pub(super) doubled: usize,
    out_of_order: usize,
    misjudged: usize,
    unsigned: usize,
    wrong_answers: u64,
    given_up: u64,
}

/// What came of a storm.
#[derive(Debug)]
pub struct Report {
    options: Options,
    took: Duration,
    simulated: Duration,
    told: u64,
    deliveries: u64,
    resent: u64,
    events: usize,
    applied: usize,
    duplicates_at_the_door: u64,
    duplicates_at_the_game: u64,
    conflicts: usize,
    faults: Vec<(Fault, u64)>,
    pub(super) broken: Broken,
    p50: u64,
    p99: u64,
}

impl Report {
    pub(super) fn new(options: Options, evidence: &Evidence<'_>, faults: Vec<(Fault, u64)>, took: Duration) -> Self {
        let Evidence { seen, ledger, kept } = evidence;
        let events = kept.iter().filter(|item| seen.events.contains_key(&item.event_id)).count();
        let conflicts = kept.iter().filter(|item| item.kind == Kind::Conflict.name()).count();
        let mut answers = seen.took.clone();
        answers.sort_unstable();
        let percentile = |percent: usize| answers.get(answers.len() * percent / 100).copied().unwrap_or_default();
        Self {
            options,
            took,
            simulated: seen.clock,
            told: seen.purchases,
            deliveries: seen.deliveries,
            resent: seen.resent,
            events,
            applied: ledger.effects.len(),
            duplicates_at_the_door: seen.acknowledged.saturating_sub(u64::try_from(events).unwrap_or(u64::MAX)),
            duplicates_at_the_game: ledger.duplicates,
            conflicts,
            faults: if options.faults { faults } else { Vec::new() },
            broken: Broken::of(evidence),
            p50: percentile(50),
            p99: percentile(99),
        }
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn as_expected(&self) -> bool {
        self.told == u64::from(self.options.orders) && self.broken == Broken::default()
    }
}

impl Broken {
    fn of(Evidence { seen, ledger, kept }: &Evidence<'_>) -> Self {
        let mut broken = Self { wrong_answers: seen.wrong_answers, given_up: seen.given_up, ..Self::default() };
        let mut applied = HashSet::new();
        // Per purchase, whether it was granted and taken back; per subject, which of its events was applied last.
        let (mut grants, mut order) = (HashSet::new(), HashMap::new());
        for effect in &ledger.effects {
            if !applied.insert(effect.event_id.as_str()) {
                broken.doubled += 1;
                continue;
            }
            let sent = seen.events.get(&effect.event_id);
            broken.misjudged += usize::from(sent.is_none_or(|sent| sent.goods != effect.goods));
            let Some(sent) = sent else { continue };
            let (purchase, step) = sent.place;
            if matches!(effect.goods, Goods::Grant | Goods::Revoke) && !grants.insert((purchase, effect.goods)) {
                broken.doubled += 1;
            }
            if order.insert(sent.subject.as_str(), step).is_some_and(|before| before > step) {
                broken.out_of_order += 1;
            }
        }

        let acknowledged = seen.events.iter().filter(|(_, sent)| sent.acknowledged).map(|(event_id, _)| event_id);
        let is_event = |item: &&Item| item.kind == Kind::Event.name() && seen.events.contains_key(&item.event_id);
        let kept_events = kept.iter().filter(is_event).map(|item| &item.event_id);
        let due: HashSet<&str> = acknowledged.chain(kept_events).map(String::as_str).collect();
        broken.lost += due.difference(&applied).count();

        let conflicts = kept.iter().filter(|item| item.kind == Kind::Conflict.name()).map(|item| item.digest.as_str());
        let conflicts: HashSet<&str> = conflicts.collect();
        broken.lost += seen.changed.iter().filter(|digest| !conflicts.contains(digest.as_str())).count();
        broken.unsigned = kept.iter().filter(|item| !seen.signed.contains(&item.digest)).count();
        broken
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { orders, seed, faults } = self.options;
        let row = |f: &mut fmt::Formatter<'_>, what: &str, count: u64, note: &str| {
            writeln!(f, "{}", format!("  {what:<46}{count:>7}   {note}").trim_end())
        };
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let days = self.simulated.as_secs() / (24 * 3600);
        row(f, "purchases", self.told, &format!("in {:.1} s; for Xsolla, {days} days", self.took.as_secs_f64()))?;
        row(f, "events", count(self.events), "kept once each")?;
        row(f, "delivered", self.deliveries, "requests, with questions and what strangers sent")?;
        row(f, "retried", self.resent, "by Xsolla's schedules")?;
        row(f, "duplicates dropped at the door", self.duplicates_at_the_door, "acknowledged, and not kept again")?;
        row(f, "duplicates dropped by the game", self.duplicates_at_the_game, "by their event id")?;
        row(f, "conflicts", count(self.conflicts), "other content under a used id: kept beside it, not relayed")?;
        row(f, "applied", count(self.applied), "by the game")?;
        writeln!(f)?;
        if faults {
            row(f, "faults survived", self.faults.iter().map(|(_, struck)| struck).sum(), "")?;
            for (fault, struck) in self.faults.iter().filter(|(_, struck)| *struck > 0) {
                row(f, &format!("  {fault}"), *struck, "")?;
            }
            writeln!(f)?;
        }
        let broken = &self.broken;
        for (what, number, note) in [
            ("lost", count(broken.lost), "acknowledged or kept, and not applied"),
            ("doubled", count(broken.doubled), "applied, granted or taken back more than once"),
            ("out of order", count(broken.out_of_order), "applied before an earlier event of its subject"),
            ("misjudged", count(broken.misjudged), "unknown, or of another meaning for the goods"),
            ("unsigned, and kept", count(broken.unsigned), ""),
            ("answered wrongly", broken.wrong_answers, "neither the documented answer nor a 5xx"),
            ("given up by Xsolla", broken.given_up, "its last attempt failed too"),
        ] {
            row(f, what, number, if number == 0 { note } else { "<- MUST BE 0" })?;
        }
        writeln!(f)?;
        let milliseconds = |micros: u64| Duration::from_micros(micros).as_secs_f64() * 1000.0;
        let (p50, p99) = (milliseconds(self.p50), milliseconds(self.p99));
        writeln!(f, "  answers: p50 {p50:.1} ms, p99 {p99:.1} ms, with all of it in this one process")?;
        let faults = if faults { " --faults" } else { "" };
        writeln!(f, "  the same purchases again: cargo run -- storm --orders {orders} --seed {seed}{faults}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::game::Effect;
    use super::super::xsolla::Sent;
    use super::*;

    const DIGEST: &str = "signed";

    fn effect(event_id: &str, goods: Goods) -> Effect {
        Effect { event_id: event_id.to_owned(), goods }
    }

    /// A purchase of three events, all of them acknowledged, and another one that was changed.
    fn seen() -> Seen {
        let events = [("paid", 0, Goods::Grant), ("again", 1, Goods::Grant), ("canceled", 2, Goods::Revoke)];
        let sent = |(event_id, step, goods): (&str, usize, Goods)| {
            let subject = "transaction#7".to_owned();
            (event_id.to_owned(), Sent { place: (0, step), subject, goods, acknowledged: true })
        };
        let signed = [DIGEST, "changed"].map(str::to_owned).into();
        Seen { events: events.map(sent).into(), signed, changed: ["changed".to_owned()].into(), ..Seen::default() }
    }

    fn item(event_id: &str, kind: Kind, digest: &str) -> Item {
        Item { event_id: event_id.to_owned(), kind: kind.name().to_owned(), digest: digest.to_owned() }
    }

    #[test]
    fn each_broken_promise_is_told() {
        let (paid, canceled) = (("paid", Goods::Grant), ("canceled", Goods::Revoke));
        let again = ("again", Goods::Grant);
        let none = Broken::default;
        let mut seen = seen();
        seen.events.remove("again");
        let conflict = || item("paid#conflict", Kind::Conflict, "changed");
        let stranger = item("forged", Kind::Unreadable, "forged");
        let of = |seen: &Seen, effects: &[(&str, Goods)], kept: &[Item]| {
            let mut ledger = Ledger::default();
            ledger.effects.extend(effects.iter().map(|(event_id, goods)| effect(event_id, *goods)));
            Broken::of(&Evidence { seen, ledger: &ledger, kept })
        };
        for (effects, kept, broken) in [
            (vec![paid, canceled], vec![conflict()], none()),
            (vec![paid], vec![conflict()], Broken { lost: 1, ..none() }),
            (vec![paid, canceled], vec![], Broken { lost: 1, ..none() }),
            (vec![paid, canceled, paid], vec![conflict()], Broken { doubled: 1, ..none() }),
            (vec![canceled, paid], vec![conflict()], Broken { out_of_order: 1, ..none() }),
            (vec![paid, canceled, again], vec![conflict()], Broken { misjudged: 1, ..none() }),
            (vec![paid, ("canceled", Goods::Grant)], vec![conflict()], Broken { misjudged: 1, doubled: 1, ..none() }),
            (vec![paid, canceled], vec![conflict(), stranger], Broken { unsigned: 1, ..none() }),
        ] {
            assert_eq!(of(&seen, &effects, &kept), broken, "{effects:?}, {kept:?}");
        }

        let seen = super::tests::seen();
        let twice = of(&seen, &[paid, again, canceled], &[conflict()]);
        assert_eq!(twice, Broken { doubled: 1, ..none() }, "one purchase, granted by two events");

        let seen = Seen { wrong_answers: 1, given_up: 2, ..Seen::default() };
        assert_eq!(of(&seen, &[], &[]), Broken { wrong_answers: 1, given_up: 2, ..none() });
    }

    #[test]
    fn what_was_kept_and_never_acknowledged_must_come_out_too() {
        let mut seen = seen();
        seen.changed.clear();
        seen.events.retain(|event_id, _| event_id == "paid");
        for sent in seen.events.values_mut() {
            sent.acknowledged = false;
        }
        let lost = |kept: &[Item]| Broken::of(&Evidence { seen: &seen, ledger: &Ledger::default(), kept }).lost;
        assert_eq!(lost(&[]), 0);
        assert_eq!(lost(&[item("paid", Kind::Event, DIGEST)]), 1);
    }
}
