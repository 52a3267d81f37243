//! Checks of the guarantees: what was sent, stored and applied must agree.

use std::collections::{HashMap, HashSet};

use intake::record::Kind;
use message::Goods;

use crate::delivery_log::DeliveryLog;
use crate::game::Ledger;
use crate::holdings::Holdings;

/// Separates an event id from the time of a later delivery of the same bytes, such as a state that returned.
const RECURRENCE: &str = "#again#";

/// Data to check: sent webhooks, applied events and stored items.
pub(crate) struct Observations<'o> {
    pub(crate) log: &'o DeliveryLog,
    pub(crate) ledger: &'o Ledger,
    pub(crate) stored: &'o [StoredItem],
    /// What the players should hold, according to the oracle.
    pub(crate) expected: &'o Holdings,
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
    /// Purchases granted after their revocation.
    pub(crate) granted_after_revocation: usize,
    /// Accounts that hold something else than what was bought and not refunded.
    pub(crate) wrong_holdings: usize,
    /// Applied before an earlier event of the same message group.
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

    pub(crate) fn is_event(&self) -> bool {
        self.kind == Kind::Event.name()
    }
}

impl Violations {
    pub(crate) fn find(observations: &Observations<'_>) -> Self {
        let Observations { log, ledger, stored, expected } = observations;
        let mut violations =
            Self { wrong_answers: log.wrong_answers, given_up: log.given_up, ..Self::check_effects(log, ledger) };
        violations.wrong_holdings = ledger.holdings().differences(expected).len();

        let mut applied: HashMap<&str, HashSet<&str>> = HashMap::new();
        for effect in &ledger.effects {
            applied.entry(without_recurrence(&effect.event_id)).or_default().insert(&effect.event_id);
        }
        let stored_events: HashSet<&str> =
            stored.iter().filter(|item| item.is_event()).map(|item| item.event_id.as_str()).collect();
        for (event_id, occurrences) in &log.events {
            let acknowledged = occurrences.iter().filter(|sent| sent.is_acknowledged).count();
            let due = acknowledged.max(usize::from(stored_events.contains(event_id.as_str())));
            violations.lost += due.saturating_sub(applied.get(event_id.as_str()).map_or(0, HashSet::len));
        }

        let conflicts: HashSet<&str> =
            stored.iter().filter(|item| item.is_conflict()).map(|item| item.digest.as_str()).collect();
        violations.lost += log.conflict_digests.iter().filter(|digest| !conflicts.contains(digest.as_str())).count();
        violations.unsigned_stored = stored.iter().filter(|item| !log.signed_digests.contains(&item.digest)).count();
        violations
    }

    fn check_effects(log: &DeliveryLog, ledger: &Ledger) -> Self {
        let mut violations = Self::default();
        let mut applied = HashSet::new();
        // Deliveries per event id without recurrence, grants and revocations per sale, and the last step per group.
        let (mut deliveries, mut goods_changes, mut last_steps) = (HashMap::new(), HashSet::new(), HashMap::new());
        for effect in &ledger.effects {
            if !applied.insert(effect.event_id.as_str()) {
                violations.duplicated += 1;
                continue;
            }
            let event_id = without_recurrence(&effect.event_id);
            let delivery = deliveries.entry(event_id).or_insert(0_usize);
            let occurrences = log.events.get(event_id);
            let sent = occurrences.and_then(|occurrences| occurrences.get(*delivery));
            *delivery += 1;
            let Some(sent) = sent else {
                // A retry that was applied as a new event, or an event that was never sent.
                let is_retry = occurrences.is_some();
                violations.duplicated += usize::from(is_retry);
                violations.wrong_goods += usize::from(!is_retry);
                continue;
            };
            violations.wrong_goods += usize::from(sent.goods.is_some_and(|goods| goods != effect.goods));
            // A test and a real sale are separate sales.
            let sale = (sent.purchase, sent.sale, effect.mode);
            if matches!(effect.goods, Goods::Grant | Goods::Revoke) {
                violations.duplicated += usize::from(!goods_changes.insert((sale, effect.goods)));
                let is_revoked = effect.goods == Goods::Grant && goods_changes.contains(&(sale, Goods::Revoke));
                violations.granted_after_revocation += usize::from(is_revoked);
            }
            // A replay is behind later events.
            if !effect.is_replay
                && last_steps.insert(effect.subject.as_str(), sent.step).is_some_and(|last| last > sent.step)
            {
                violations.out_of_order += 1;
            }
        }
        violations
    }
}

/// The event id of the first delivery of the same bytes.
pub(crate) fn without_recurrence(event_id: &str) -> &str {
    event_id.split(RECURRENCE).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use message::Mode;
    use rstest::rstest;

    use super::*;
    use crate::delivery_log::SentEvent;
    use crate::game::Effect;

    const PAID: (&str, Goods) = ("paid", Goods::Grant);
    const PAID_AGAIN: (&str, Goods) = ("paid-again", Goods::Grant);
    const CANCELED: (&str, Goods) = ("canceled", Goods::Revoke);

    /// One purchase of these events, all acknowledged, and one acknowledged conflict.
    fn log(events: &[(&str, Goods)]) -> DeliveryLog {
        let mut log = DeliveryLog {
            signed_digests: ["signed", "changed"].map(str::to_owned).into(),
            conflict_digests: ["changed".to_owned()].into(),
            ..DeliveryLog::default()
        };
        for (step, (event_id, goods)) in events.iter().enumerate() {
            let sent = SentEvent { purchase: 0, sale: 0, step, goods: Some(*goods), is_acknowledged: true };
            log.events.entry((*event_id).to_owned()).or_default().push(sent);
        }
        log
    }

    fn item(event_id: &str, kind: Kind, digest: &str) -> StoredItem {
        StoredItem { event_id: event_id.to_owned(), kind: kind.name().to_owned(), digest: digest.to_owned() }
    }

    fn conflict() -> StoredItem {
        item("paid#conflict", Kind::Conflict, "changed")
    }

    fn effect((event_id, goods): (&str, Goods)) -> Effect {
        Effect {
            event_id: event_id.to_owned(),
            notification_type: String::new(),
            goods,
            goods_reason: None,
            subject: "transaction#7".to_owned(),
            mode: Mode::Live,
            account: None,
            user_id: None,
            is_replay: false,
            items: Vec::new(),
            subscription: None,
        }
    }

    fn find_effects(log: &DeliveryLog, effects: Vec<Effect>, stored: &[StoredItem]) -> Violations {
        let mut ledger = Ledger::default();
        ledger.effects.extend(effects);
        Violations::find(&Observations { log, ledger: &ledger, stored, expected: &Holdings::default() })
    }

    fn find(log: &DeliveryLog, effects: &[(&str, Goods)], stored: &[StoredItem]) -> Violations {
        find_effects(log, effects.iter().copied().map(effect).collect(), stored)
    }

    #[rstest]
    #[case::none(&[PAID, CANCELED], &[conflict()], Violations::default())]
    #[case::lost_event(&[PAID], &[conflict()], Violations { lost: 1, ..Violations::default() })]
    #[case::lost_conflict(&[PAID, CANCELED], &[], Violations { lost: 1, ..Violations::default() })]
    #[case::applied_twice(
        &[PAID, CANCELED, PAID], &[conflict()], Violations { duplicated: 1, ..Violations::default() }
    )]
    #[case::out_of_order(
        &[CANCELED, PAID],
        &[conflict()],
        Violations { out_of_order: 1, granted_after_revocation: 1, ..Violations::default() }
    )]
    #[case::never_sent(
        &[PAID, CANCELED, PAID_AGAIN], &[conflict()], Violations { wrong_goods: 1, ..Violations::default() }
    )]
    #[case::retry_applied_as_new_event(
        &[PAID, CANCELED, ("paid#again#2026", Goods::Info)],
        &[conflict()],
        Violations { duplicated: 1, ..Violations::default() }
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
    fn test_and_real_sale_are_separate() {
        let sandbox = Effect { mode: Mode::Sandbox, ..effect(CANCELED) };
        let violations = find_effects(&log(&[CANCELED, PAID]), vec![sandbox, effect(PAID)], &[conflict()]);
        assert_eq!(violations, Violations::default());
    }

    #[test]
    fn replay_is_not_out_of_order() {
        let replay = Effect { is_replay: true, goods: Goods::Info, ..effect(PAID) };
        let mut log = log(&[PAID, CANCELED]);
        log.events.values_mut().flatten().for_each(|sent| sent.goods = None);
        let violations = find_effects(&log, vec![effect(CANCELED), replay], &[conflict()]);
        assert_eq!(violations, Violations::default());
    }

    #[test]
    fn returned_state_is_lost_unless_applied() {
        const STATE: (&str, Goods) = ("state", Goods::SubscriptionChanged);
        let mut log = log(&[STATE, ("other", Goods::SubscriptionChanged), STATE]);
        log.conflict_digests.clear();
        let returned = ("state#again#2026", Goods::SubscriptionChanged);
        let other = ("other", Goods::SubscriptionChanged);
        assert_eq!(find(&log, &[STATE, other], &[]), Violations { lost: 1, ..Violations::default() });
        assert_eq!(find(&log, &[STATE, other, returned], &[]), Violations::default());
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
        log.events.values_mut().flatten().for_each(|sent| sent.is_acknowledged = false);
        assert_eq!(find(&log, &[], &[]).lost, 0);
        assert_eq!(find(&log, &[], &[item("paid", Kind::Event, "signed")]).lost, 1);
    }
}
