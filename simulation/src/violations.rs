//! Checks of the guarantees: what was sent, stored and applied must agree.

use std::collections::{HashMap, HashSet};

use intake::record::Kind;
use message::Goods;

use crate::delivery_log::DeliveryLog;
use crate::game::Ledger;

/// Data to check: sent webhooks, applied events and stored items.
pub(crate) struct Observations<'o> {
    pub(crate) log: &'o DeliveryLog,
    pub(crate) ledger: &'o Ledger,
    pub(crate) stored: &'o [StoredItem],
}

/// An item of the events table.
#[derive(Debug)]
pub(crate) struct StoredItem {
    pub(crate) event_id: String,
    pub(crate) kind: String,
    pub(crate) digest: String,
}

/// Violations of each guarantee. All must be 0.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Violations {
    /// Acknowledged or stored, but not applied; or a conflict acknowledged, but not stored.
    pub(crate) lost: usize,
    /// Events applied twice, and purchases granted or revoked twice.
    pub(crate) duplicated: usize,
    /// Applied before an earlier event of the same subject.
    pub(crate) out_of_order: usize,
    /// Applied with other goods than expected, or never sent.
    pub(crate) wrong_goods: usize,
    /// Stored without a correct signature.
    pub(crate) unsigned_stored: usize,
    /// See [`DeliveryLog::wrong_answers`].
    pub(crate) wrong_answers: u64,
    /// See [`DeliveryLog::given_up`].
    pub(crate) given_up: u64,
}

impl StoredItem {
    pub(crate) fn is_conflict(&self) -> bool {
        self.kind == Kind::Conflict.name()
    }

    fn is_event(&self) -> bool {
        self.kind == Kind::Event.name()
    }
}

impl Violations {
    pub(crate) fn find(observations: &Observations<'_>) -> Self {
        let Observations { log, ledger, stored } = observations;
        let mut violations =
            Self { wrong_answers: log.wrong_answers, given_up: log.given_up, ..Self::check_effects(log, ledger) };

        let applied: HashSet<&str> = ledger.effects.iter().map(|effect| effect.event_id.as_str()).collect();
        let acknowledged = log.events.iter().filter(|(_, sent)| sent.is_acknowledged).map(|(event_id, _)| event_id);
        let stored_events = stored.iter().filter(|item| item.is_event()).map(|item| &item.event_id);
        let stored_events = stored_events.filter(|event_id| log.events.contains_key(*event_id));
        let due: HashSet<&str> = acknowledged.chain(stored_events).map(String::as_str).collect();
        violations.lost += due.difference(&applied).count();

        let conflicts: HashSet<&str> =
            stored.iter().filter(|item| item.is_conflict()).map(|item| item.digest.as_str()).collect();
        violations.lost += log.conflict_digests.iter().filter(|digest| !conflicts.contains(digest.as_str())).count();
        violations.unsigned_stored = stored.iter().filter(|item| !log.signed_digests.contains(&item.digest)).count();
        violations
    }

    fn check_effects(log: &DeliveryLog, ledger: &Ledger) -> Self {
        let mut violations = Self::default();
        let mut applied = HashSet::new();
        // Grants and revocations seen per purchase, and the last applied step per subject.
        let (mut goods_changes, mut last_steps) = (HashSet::new(), HashMap::new());
        for effect in &ledger.effects {
            if !applied.insert(effect.event_id.as_str()) {
                violations.duplicated += 1;
                continue;
            }
            let sent = log.events.get(&effect.event_id);
            violations.wrong_goods += usize::from(sent.is_none_or(|sent| sent.goods != effect.goods));
            let Some(sent) = sent else { continue };
            if matches!(effect.goods, Goods::Grant | Goods::Revoke)
                && !goods_changes.insert((sent.purchase, effect.goods))
            {
                violations.duplicated += 1;
            }
            if last_steps.insert(sent.subject.as_str(), sent.step).is_some_and(|last| last > sent.step) {
                violations.out_of_order += 1;
            }
        }
        violations
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::delivery_log::SentEvent;
    use crate::game::Effect;

    const PAID: (&str, Goods) = ("paid", Goods::Grant);
    const PAID_AGAIN: (&str, Goods) = ("paid-again", Goods::Grant);
    const CANCELED: (&str, Goods) = ("canceled", Goods::Revoke);

    /// One purchase of these events, all acknowledged, and one acknowledged conflict.
    fn log(events: &[(&str, Goods)]) -> DeliveryLog {
        let sent = |(step, (event_id, goods)): (usize, &(&str, Goods))| {
            let subject = "transaction#7".to_owned();
            let sent = SentEvent { purchase: 0, step, subject, goods: *goods, is_acknowledged: true };
            ((*event_id).to_owned(), sent)
        };
        DeliveryLog {
            events: events.iter().enumerate().map(sent).collect(),
            signed_digests: ["signed", "changed"].map(str::to_owned).into(),
            conflict_digests: ["changed".to_owned()].into(),
            ..DeliveryLog::default()
        }
    }

    fn item(event_id: &str, kind: Kind, digest: &str) -> StoredItem {
        StoredItem { event_id: event_id.to_owned(), kind: kind.name().to_owned(), digest: digest.to_owned() }
    }

    fn conflict() -> StoredItem {
        item("paid#conflict", Kind::Conflict, "changed")
    }

    fn find(log: &DeliveryLog, effects: &[(&str, Goods)], stored: &[StoredItem]) -> Violations {
        let mut ledger = Ledger::default();
        let effect = |(event_id, goods): &(&str, Goods)| Effect { event_id: (*event_id).to_owned(), goods: *goods };
        ledger.effects.extend(effects.iter().map(effect));
        Violations::find(&Observations { log, ledger: &ledger, stored })
    }

    #[rstest]
    #[case::none(&[PAID, CANCELED], &[conflict()], Violations::default())]
    #[case::lost_event(&[PAID], &[conflict()], Violations { lost: 1, ..Violations::default() })]
    #[case::lost_conflict(&[PAID, CANCELED], &[], Violations { lost: 1, ..Violations::default() })]
    #[case::applied_twice(
        &[PAID, CANCELED, PAID], &[conflict()], Violations { duplicated: 1, ..Violations::default() }
    )]
    #[case::out_of_order(&[CANCELED, PAID], &[conflict()], Violations { out_of_order: 1, ..Violations::default() })]
    #[case::never_sent(
        &[PAID, CANCELED, PAID_AGAIN], &[conflict()], Violations { wrong_goods: 1, ..Violations::default() }
    )]
    #[case::wrong_goods(
        &[PAID, ("canceled", Goods::Grant)],
        &[conflict()],
        Violations { wrong_goods: 1, duplicated: 1, ..Violations::default() }
    )]
    #[case::unsigned(
        &[PAID, CANCELED],
        &[conflict(), item("forged", Kind::Unreadable, "forged")],
        Violations { unsigned_stored: 1, ..Violations::default() }
    )]
    fn finds_each_violation(
        #[case] effects: &[(&str, Goods)],
        #[case] stored: &[StoredItem],
        #[case] expected: Violations,
    ) {
        assert_eq!(find(&log(&[PAID, CANCELED]), effects, stored), expected);
    }

    #[test]
    fn finds_purchase_granted_by_two_events() {
        let violations = find(&log(&[PAID, PAID_AGAIN, CANCELED]), &[PAID, PAID_AGAIN, CANCELED], &[conflict()]);
        assert_eq!(violations, Violations { duplicated: 1, ..Violations::default() });
    }

    #[test]
    fn includes_wrong_answers_and_failed_last_retries() {
        let log = DeliveryLog { wrong_answers: 1, given_up: 2, ..DeliveryLog::default() };
        assert_eq!(find(&log, &[], &[]), Violations { wrong_answers: 1, given_up: 2, ..Violations::default() });
    }

    #[test]
    fn stored_event_is_lost_unless_applied_even_if_not_acknowledged() {
        let mut log = log(&[PAID]);
        log.conflict_digests.clear();
        for sent in log.events.values_mut() {
            sent.is_acknowledged = false;
        }
        assert_eq!(find(&log, &[], &[]).lost, 0);
        assert_eq!(find(&log, &[], &[item("paid", Kind::Event, "signed")]).lost, 1);
    }
}
