//! The guarantees that are checked in every history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use intake::accept::DEADLINE;
use intake::record::{Kind, StoredEvent};
use intake::testing::StoredItem;
use jiff::Timestamp;
use xsolla::EventId;

use crate::goods;

use crate::simulated_aws::{Call, DEDUPLICATION_WINDOW, START, State};
use crate::webhooks::{Expected, Scenario, Webhook};

/// Time during which Xsolla sends a webhook again.
const RETRY_WINDOW: Duration = Duration::from_hours(48);

/// A failed read of the secrets can fail later deliveries for this long.
const FAILED_READ_WINDOW: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarantee {
    /// Every delivery is answered within the deadline, unless its function is killed.
    AnsweredInTime,
    /// An event that is answered 2xx is stored. So is an unreadable body that is answered 400.
    AcknowledgedIsStored,
    /// Nothing is overwritten, and each occurrence is one event.
    StoredOnce,
    /// Every stored event is queued or parked, unless it is a retry: its object's previous queued event has the same bytes.
    StoredIsQueued,
    /// Retries are not queued.
    RetriesAreNotQueued,
    /// Only events are queued.
    OnlyEventsQueued,
    /// The first messages of a subject's events, and those of a shard's group, are queued in the order in which the events
    /// were stored.
    QueuedInOrder,
    /// An event is queued at most once in five minutes.
    QueuedOnce,
    /// A bad signature causes no calls except reads of the secrets.
    ForgeryHasNoEffect,
    /// 5xx only after a failure or a timeout.
    ServerErrorOnlyAfterFailure,
    /// 4xx only for bad signatures, unreadable bodies and unknown users.
    NoFalseRejection,
    /// Questions are not stored.
    QuestionsAreNotStored,
    /// Without further failures, everything is answered and relayed.
    EventuallyDone,
    /// One event of a sale grants it. An order that is held is not granted again.
    GrantedOnce,
    /// One event of a sale revokes it. An order that is revoked is not revoked again, unless a grant was decided in between.
    RevokedOnce,
    /// No message grants a sale after a message has revoked it.
    NoGrantAfterRevocation,
    /// In the end, a purchase is held if it is paid and the money was not returned.
    HeldIfPaid,
    /// No message starts or changes a subscription after a message has ended it.
    EndedStaysEnded,
    /// All messages of an event have the same goods, unless the sale was revoked or its money returned in the meantime.
    DecidedOnce,
    /// The messages of an order have one group.
    OneGroupPerOrder,
    /// The messages of a test have the mode `sandbox`.
    TestsAreSandbox,
}

impl Guarantee {
    pub const ALL: &[Self] = &[
        Self::AnsweredInTime,
        Self::AcknowledgedIsStored,
        Self::StoredOnce,
        Self::StoredIsQueued,
        Self::RetriesAreNotQueued,
        Self::OnlyEventsQueued,
        Self::QueuedInOrder,
        Self::QueuedOnce,
        Self::ForgeryHasNoEffect,
        Self::ServerErrorOnlyAfterFailure,
        Self::NoFalseRejection,
        Self::QuestionsAreNotStored,
        Self::EventuallyDone,
        Self::GrantedOnce,
        Self::RevokedOnce,
        Self::NoGrantAfterRevocation,
        Self::HeldIfPaid,
        Self::EndedStaysEnded,
        Self::DecidedOnce,
        Self::OneGroupPerOrder,
        Self::TestsAreSandbox,
    ];
}

/// An answer, and how it was made.
pub struct Answer<'a> {
    pub webhook: &'a Webhook,
    pub status: u16,
    pub duration: Duration,
    /// The calls of the delivery.
    pub calls: &'a [Call],
    /// Time of the last failed read of the secrets in the same environment, for an earlier delivery.
    pub failed_read_at: Option<Duration>,
}

/// Returns the guarantee that an answer violates.
pub fn violated_by_answer(answer: &Answer<'_>, scenario: &Scenario, state: &State) -> Option<Guarantee> {
    let Answer { webhook, status, duration, calls, failed_read_at } = *answer;
    if duration > DEADLINE {
        return Some(Guarantee::AnsweredInTime);
    }
    let is_forged = webhook.expected == Expected::BadSignature;
    if is_forged && calls.iter().any(|call| call.name != "secrets") {
        return Some(Guarantee::ForgeryHasNoEffect);
    }
    if status >= 500 {
        let has_failure = calls.iter().any(|call| call.failed)
            || failed_read_at.is_some_and(|at| state.now.saturating_sub(at) <= FAILED_READ_WINDOW + duration);
        return (!has_failure).then_some(Guarantee::ServerErrorOnlyAfterFailure);
    }
    let (expected_status, stored_as): (_, &[Kind]) = match webhook.expected {
        Expected::Success => (200..300, &[Kind::Event, Kind::Conflict]),
        Expected::Unreadable => (400..401, &[Kind::Unreadable]),
        Expected::Reply(status) => (status..status + 1, &[]),
        Expected::BadSignature => (400..401, &[]),
    };
    if !expected_status.contains(&status) {
        return Some(if is_forged { Guarantee::ForgeryHasNoEffect } else { Guarantee::NoFalseRejection });
    }
    let is_stored = is_stored(webhook, stored_as, scenario, state);
    (!stored_as.is_empty() && !is_stored).then_some(Guarantee::AcknowledgedIsStored)
}

/// Whether a webhook is stored with one of these kinds, and was received after its occurrence was first due.
fn is_stored(webhook: &Webhook, kinds: &[Kind], scenario: &Scenario, state: &State) -> bool {
    let same = scenario.webhooks.iter().filter(|other| other.occurrence == webhook.occurrence);
    let first_due = same.map(|webhook| webhook.due).min();
    state.table.items.iter().any(|item| {
        kinds.contains(&item.kind)
            && item.event.body == webhook.body.as_bytes()
            && first_due.is_some_and(|due| item.received_at >= START + due)
    })
}

/// Returns the guarantee that the final state violates.
pub fn violated_by_final_state(scenario: &Scenario, state: &State) -> Option<Guarantee> {
    let guarantees = [
        (Guarantee::StoredOnce, is_stored_once(scenario, state)),
        (Guarantee::QuestionsAreNotStored, is_only_storable_stored(scenario, state)),
        (Guarantee::OnlyEventsQueued, are_only_events_queued(state)),
        (Guarantee::StoredIsQueued, is_stored_queued(state)),
        (Guarantee::RetriesAreNotQueued, are_retries_not_queued(state)),
        (Guarantee::QueuedInOrder, is_queued_in_order(scenario, state)),
        (Guarantee::QueuedOnce, is_queued_once(scenario, state)),
    ];
    let violated = guarantees.into_iter().find_map(|(guarantee, holds)| (!holds).then_some(guarantee));
    violated.or_else(|| goods::violated(scenario, state))
}

fn is_stored_once(scenario: &Scenario, state: &State) -> bool {
    let items = &state.table.items;
    let keys: BTreeSet<String> = items.iter().map(|item| item.event.event_id.to_string()).collect();
    let occurrences = |bodies: &BTreeSet<&str>| -> BTreeSet<&str> {
        let webhooks = scenario.webhooks.iter().filter(|webhook| bodies.contains(webhook.body));
        webhooks.map(|webhook| webhook.occurrence).collect()
    };
    let is_once = |webhook: &Webhook| {
        let same = scenario.webhooks.iter().filter(|other| other.occurrence == webhook.occurrence);
        let bodies: BTreeSet<&str> = same.map(|other| other.body).collect();
        let has_body = |body: &[u8]| bodies.iter().any(|one| one.as_bytes() == body);
        // The relay decides whether a recurrence is a retry.
        let is_first = |item: &&StoredItem| item.kind == Kind::Event && !item.event.event_id.is_recurrence();
        let events = items.iter().filter(is_first).filter(|item| has_body(&item.event.body)).count();
        events <= occurrences(&bodies).len()
    };
    keys.len() == items.len() && scenario.webhooks.iter().all(is_once)
}

fn is_only_storable_stored(scenario: &Scenario, state: &State) -> bool {
    let is_storable = |webhook: &&Webhook| matches!(webhook.expected, Expected::Success | Expected::Unreadable);
    let bodies: Vec<&[u8]> =
        scenario.webhooks.iter().filter(is_storable).map(|webhook| webhook.body.as_bytes()).collect();
    state.table.items.iter().all(|item| bodies.contains(&item.event.body.as_slice()))
}

fn are_only_events_queued(state: &State) -> bool {
    state.queue.iter().all(|queued| {
        state.table.items.iter().any(|item| {
            item.kind == Kind::Event
                && item.event.body == queued.notification.as_bytes()
                && item.event.event_id == queued.event_id
        })
    })
}

fn is_stored_queued(state: &State) -> bool {
    let queued: BTreeSet<String> = state.queue.iter().map(|queued| queued.event_id.to_string()).collect();
    let is_queued = |event: &StoredEvent| {
        let id = event.event_id.to_string();
        queued.contains(&id) || state.parked.contains(&id)
    };
    let mut events = state.table.items.iter().filter(|item| item.kind == Kind::Event).map(|item| &item.event);
    events.all(|event| is_queued(event) || (event.event_id.is_recurrence() && is_retry(event, is_queued, state)))
}

/// Whether the same bytes are queued, less than 48 hours old, and no queued state in between was received before.
///
/// A retry that was skipped is no state.
fn is_retry(event: &StoredEvent, is_queued: impl Fn(&StoredEvent) -> bool, state: &State) -> bool {
    let earlier = state.stream.iter().take_while(|other| other.event_id != event.event_id);
    let is_known = |other: &&StoredEvent| {
        is_queued(other)
            && object(&other.event_id) == object(&event.event_id)
            && (other.body == event.body || other.received_at <= event.received_at)
    };
    let known: Vec<&StoredEvent> = earlier.filter(is_known).collect();
    let mut same = known.into_iter().rev().take_while(|other| other.body == event.body);
    same.any(|other| is_within_retry_window(other, event))
}

fn is_within_retry_window(earlier: &StoredEvent, later: &StoredEvent) -> bool {
    let time = |event: &StoredEvent| event.received_at.parse::<Timestamp>().unwrap();
    time(later) <= time(earlier) + RETRY_WINDOW
}

/// Returns what an event reports a state of: its subscription or payment account. Others have states per type.
fn object(id: &EventId) -> (&str, Option<&str>) {
    let is_object = ["subscription#", "payment_account#"].into_iter().any(|kind| id.subject().starts_with(kind));
    (id.subject(), id.rest().split('#').next().filter(|_| !is_object))
}

/// Whether no two successive events of an object have the same bytes, unless the second is 48 hours younger.
fn are_retries_not_queued(state: &State) -> bool {
    let mut seen = BTreeSet::new();
    let firsts = state.queue.iter().filter(|queued| seen.insert(queued.event_id.to_string()));
    let mut previous: BTreeMap<(&str, Option<&str>), &StoredEvent> = BTreeMap::new();
    firsts.filter_map(|queued| state.stream.iter().find(|event| event.event_id == queued.event_id)).all(|event| {
        let previous = previous.insert(object(&event.event_id), event);
        previous.is_none_or(|previous| previous.body != event.body || !is_within_retry_window(previous, event))
    })
}

fn is_queued_in_order(scenario: &Scenario, state: &State) -> bool {
    let mut seen = BTreeSet::new();
    let mut last: BTreeMap<(usize, &str), usize> = BTreeMap::new();
    let mut firsts = state.queue.iter().filter(|queued| seen.insert(queued.event_id.to_string()));
    firsts.all(|queued| {
        let subject = queued.event_id.subject();
        let Some(stored) = state.stream.iter().position(|event| event.event_id == queued.event_id) else {
            return true;
        };
        let shard = scenario.shard(subject);
        [subject, queued.group.as_str()]
            .into_iter()
            .all(|key| last.insert((shard, key), stored).is_none_or(|last| last <= stored))
    })
}

/// A retry can have another group if the index missed an event. SQS does not recognize it as a duplicate.
fn is_queued_once(scenario: &Scenario, state: &State) -> bool {
    state.queue.iter().enumerate().all(|(n, queued)| {
        let report = scenario.webhook(&queued.notification).and_then(|webhook| webhook.report);
        let is_group_known = report.is_none_or(|report| !state.missed.contains(report.purchase));
        state.queue[..n].iter().all(|earlier| {
            earlier.event_id != queued.event_id
                || queued.at >= earlier.at + DEDUPLICATION_WINDOW
                || (!is_group_known && earlier.group != queued.group)
        })
    })
}
