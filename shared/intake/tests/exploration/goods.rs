//! The guarantees about goods, checked on the messages in the queue.
//!
//! What a purchase should come to is computed from the scenario's webhooks. It does not use the product's rules.

use std::collections::{BTreeMap, BTreeSet};

use xsolla::{Goods, Mode};

use crate::guarantees::Guarantee;
use crate::simulated_aws::{Queued, State};
use crate::webhooks::{Expected, Report, ReportKind, Scenario};

/// A message, and what its event reports about a purchase.
struct Sent<'a> {
    queued: &'a Queued,
    report: Option<Report>,
    /// Whether it is the first message of its event. A consumer applies only this one.
    is_first: bool,
}

/// Returns the guarantee about goods that the messages violate.
pub fn violated(scenario: &Scenario, state: &State) -> Option<Guarantee> {
    let messages = messages(scenario, state);
    violated_by_sale(&messages, state)
        .or_else(|| violated_by_purchase(scenario, &messages, state))
        .or_else(|| (!ended_stays_ended(&messages, state)).then_some(Guarantee::EndedStaysEnded))
        .or_else(|| (!is_decided_once(scenario, &messages, state)).then_some(Guarantee::DecidedOnce))
        .or_else(|| (!has_one_group_per_order(scenario, &messages, state)).then_some(Guarantee::OneGroupPerOrder))
        .or_else(|| (!is_mode_known(scenario, &messages, state)).then_some(Guarantee::TestsAreSandbox))
}

fn messages<'a>(scenario: &Scenario, state: &'a State) -> Vec<Sent<'a>> {
    let mut seen = BTreeSet::new();
    let sent = |queued: &'a Queued| Sent {
        queued,
        report: scenario.webhook(&queued.notification).and_then(|webhook| webhook.report),
        is_first: seen.insert(queued.event_id.to_string()),
    };
    state.queue.iter().map(sent).collect()
}

/// Checks the messages of each transaction, and those of each subject. Repeated messages count, too.
///
/// If a decision may have missed an event of the order, only the events of one subject are known to be one sale.
fn violated_by_sale(messages: &[Sent<'_>], state: &State) -> Option<Guarantee> {
    let mut sales: BTreeMap<String, Vec<&Queued>> = BTreeMap::new();
    for Sent { queued, report, .. } in messages {
        sales.entry(queued.event_id.subject().to_owned()).or_default().push(queued);
        if let Some(report) = report.filter(|report| !state.missed.contains(report.purchase)) {
            sales.entry(format!("sale {}", report.transaction)).or_default().push(queued);
        }
    }
    sales.values().find_map(|messages| {
        let events = |goods: Goods| -> BTreeSet<String> {
            let with_goods = messages.iter().filter(|queued| queued.goods == goods);
            with_goods.map(|queued| queued.event_id.to_string()).collect()
        };
        let last_grant = messages.iter().rposition(|queued| queued.goods == Goods::Grant);
        let first_revocation = messages.iter().position(|queued| queued.goods == Goods::Revoke);
        if events(Goods::Grant).len() > 1 {
            Some(Guarantee::GrantedOnce)
        } else if events(Goods::Revoke).len() > 1 {
            Some(Guarantee::RevokedOnce)
        } else if first_revocation.is_some_and(|revocation| last_grant > Some(revocation)) {
            Some(Guarantee::NoGrantAfterRevocation)
        } else {
            None
        }
    })
}

/// What a consumer knows about a purchase.
#[derive(Default)]
struct Holding {
    /// The transaction that granted the goods.
    granted_by: Option<u32>,
    /// Whether the order was revoked, and no grant was decided since.
    is_revoked: bool,
}

/// Applies the first message of each event, as a consumer does, and compares the result with what was paid.
///
/// An order that was paid again after its cancellation is granted again.
fn violated_by_purchase(scenario: &Scenario, messages: &[Sent<'_>], state: &State) -> Option<Guarantee> {
    let mut holdings: BTreeMap<&str, Holding> = BTreeMap::new();
    for Sent { queued, report, is_first } in messages {
        let Some(report) = report.filter(|report| *is_first && !state.missed.contains(report.purchase)) else {
            continue;
        };
        let holding = holdings.entry(report.purchase).or_default();
        match queued.goods {
            Goods::Grant if holding.granted_by.is_some() => return Some(Guarantee::GrantedOnce),
            Goods::Grant => *holding = Holding { granted_by: Some(report.transaction), is_revoked: false },
            // A refund names no order. It revokes what its own transaction has granted.
            Goods::Revoke if report.kind == ReportKind::Refund => {
                holding.granted_by = holding.granted_by.filter(|transaction| *transaction != report.transaction);
            }
            Goods::Revoke if holding.is_revoked => return Some(Guarantee::RevokedOnce),
            Goods::Revoke => *holding = Holding { granted_by: None, is_revoked: true },
            // It was taken back before it was sent. An earlier batch may have sent it, so a cancellation must revoke it.
            Goods::Info if was_decided_as_grant(queued, state) => holding.is_revoked = false,
            _ => {}
        }
    }
    let as_paid = holdings
        .iter()
        .all(|(purchase, held)| is_paid(scenario, purchase).is_none_or(|paid| paid == held.granted_by.is_some()));
    (!as_paid).then_some(Guarantee::HeldIfPaid)
}

fn was_decided_as_grant(queued: &Queued, state: &State) -> bool {
    let item = state.table.items.iter().find(|item| item.event.event_id == queued.event_id);
    item.and_then(|item| item.event.decision).is_some_and(|stored| stored.decision.goods == Goods::Grant)
}

/// Returns whether a purchase is paid by a transaction whose money was not returned, after all webhooks.
///
/// `None` if the webhooks are incomplete: Xsolla reports the return of an order as a refund and as a cancellation.
fn is_paid(scenario: &Scenario, purchase: &str) -> Option<bool> {
    let webhooks = scenario.webhooks.iter().filter(|webhook| webhook.expected == Expected::Success);
    let reports: Vec<Report> =
        webhooks.filter_map(|webhook| webhook.report).filter(|report| report.purchase == purchase).collect();
    let transactions: BTreeSet<u32> = reports.iter().map(|report| report.transaction).collect();
    let mut is_paid = false;
    for transaction in transactions {
        let has = |kind| reports.iter().any(|report| report.transaction == transaction && report.kind == kind);
        let is_order = has(ReportKind::OrderPaid);
        if has(ReportKind::Refund) && is_order && !has(ReportKind::OrderCanceled) {
            return None;
        }
        let is_returned = has(ReportKind::OrderCanceled) || has(ReportKind::Refund);
        is_paid |= (is_order || has(ReportKind::Payment)) && !is_returned;
    }
    Some(is_paid)
}

/// Whether no message starts or changes a subscription after a message has ended it, in either mode.
fn ended_stays_ended(messages: &[Sent<'_>], state: &State) -> bool {
    let mut ended: Vec<(&str, Mode)> = Vec::new();
    for Sent { queued, .. } in messages {
        let subject = queued.event_id.subject();
        if state.missed.contains(&subject.replace('#', " ")) {
            continue;
        }
        match queued.goods {
            Goods::SubscriptionEnded => ended.push((subject, queued.mode)),
            Goods::SubscriptionStarted | Goods::SubscriptionRenewed | Goods::SubscriptionChanged
                if ended.contains(&(subject, queued.mode)) =>
            {
                return false;
            }
            _ => {}
        }
    }
    true
}

/// Whether all messages of an event have the same goods. If they were taken back, later messages are `info`.
fn is_decided_once(scenario: &Scenario, messages: &[Sent<'_>], state: &State) -> bool {
    messages.iter().enumerate().all(|(n, later)| {
        let mut earlier = messages[..n].iter().filter(|earlier| earlier.queued.event_id == later.queued.event_id);
        earlier.all(|earlier| {
            earlier.queued.goods == later.queued.goods
                || (later.queued.goods == Goods::Info && is_taken_back_before(later, scenario, state))
        })
    })
}

/// Whether it was decided before a message was sent that its sale was revoked, or that its money was returned.
fn is_taken_back_before(message: &Sent<'_>, scenario: &Scenario, state: &State) -> bool {
    let subject = message.queued.event_id.subject();
    let decided = &state.decided[..message.queued.decisions];
    let items = state.table.items.iter().filter(|item| decided.contains(&item.event.event_id));
    items.filter_map(|item| Some((item, item.event.decision?))).any(|(item, stored)| {
        let is_revocation = matches!(stored.decision.goods, Goods::Revoke | Goods::SubscriptionEnded);
        let body = str::from_utf8(&item.event.body).unwrap_or_default();
        let reports = message.report.zip(scenario.webhook(body).and_then(|webhook| webhook.report));
        (is_revocation && item.event.event_id.subject() == subject)
            || reports.is_some_and(|(own, other)| {
                let is_return = matches!(other.kind, ReportKind::Refund | ReportKind::OrderCanceled);
                own.purchase == other.purchase && (is_revocation || (is_return && own.transaction == other.transaction))
            })
    })
}

/// Whether the messages of an order have one group. An event that does not name its order has its transaction's.
fn has_one_group_per_order(scenario: &Scenario, messages: &[Sent<'_>], state: &State) -> bool {
    let mut groups: BTreeMap<&str, &str> = BTreeMap::new();
    let names_no_order = |purchase: &str| {
        let mut reports = scenario.webhooks.iter().filter_map(|webhook| webhook.report);
        reports.any(|report| {
            report.purchase == purchase && matches!(report.kind, ReportKind::Payment | ReportKind::Refund)
        })
    };
    messages.iter().all(|Sent { queued, report, .. }| {
        let Some(Report { purchase, .. }) = report else { return true };
        state.missed.contains(*purchase)
            || names_no_order(purchase)
            || *groups.entry(purchase).or_insert(&queued.group) == queued.group
    })
}

/// Whether the message of a test has the mode `sandbox`, if an event that says so was stored before.
fn is_mode_known(scenario: &Scenario, messages: &[Sent<'_>], state: &State) -> bool {
    messages.iter().all(|Sent { queued, .. }| {
        let subject = queued.event_id.subject();
        let expected = scenario.webhook(&queued.notification).map_or(Mode::Live, |webhook| webhook.mode);
        let is_preceded = || {
            let position =
                |is: &dyn Fn(&str) -> bool| state.stream.iter().position(|event| is(&event.event_id.to_string()));
            let charge = position(&|id| id.ends_with("#payment#sandbox"));
            let own = position(&|id| id == queued.event_id.to_string());
            charge.is_some() && charge < own
        };
        queued.mode == expected
            || (expected == Mode::Sandbox && (!is_preceded() || state.missed.contains(&subject.replace('#', " "))))
    })
}
