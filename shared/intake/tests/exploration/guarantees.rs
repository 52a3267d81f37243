//! The guarantees that are checked in every history.

use std::collections::BTreeSet;
use std::time::Duration;

use intake::accept::DEADLINE;
use intake::record::Kind;

use crate::simulated_aws::{Call, DEDUPLICATION_WINDOW, START, State};
use crate::webhooks::{Expected, Scenario, Webhook};

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
    /// Every stored event is queued or parked.
    StoredIsQueued,
    /// Only events are queued.
    OnlyEventsQueued,
    /// The first messages of a subject's events are queued in the order in which the events were stored.
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
}

impl Guarantee {
    pub const ALL: [Self; 12] = [
        Self::AnsweredInTime,
        Self::AcknowledgedIsStored,
        Self::StoredOnce,
        Self::StoredIsQueued,
        Self::OnlyEventsQueued,
        Self::QueuedInOrder,
        Self::QueuedOnce,
        Self::ForgeryHasNoEffect,
        Self::ServerErrorOnlyAfterFailure,
        Self::NoFalseRejection,
        Self::QuestionsAreNotStored,
        Self::EventuallyDone,
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
        (Guarantee::QueuedInOrder, is_queued_in_order(state)),
        (Guarantee::QueuedOnce, is_queued_once(state)),
    ];
    guarantees.into_iter().find_map(|(guarantee, holds)| (!holds).then_some(guarantee))
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
        let events = items.iter().filter(|item| item.kind == Kind::Event && has_body(&item.event.body)).count();
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
                && item.event.event_id.to_string() == queued.event_id
        })
    })
}

fn is_stored_queued(state: &State) -> bool {
    let queued: BTreeSet<&String> = state.queue.iter().map(|queued| &queued.event_id).collect();
    state.table.items.iter().filter(|item| item.kind == Kind::Event).all(|item| {
        let id = item.event.event_id.to_string();
        queued.contains(&id) || state.parked.contains(&id)
    })
}

fn is_queued_in_order(state: &State) -> bool {
    let subjects: BTreeSet<&str> = state.table.items.iter().map(|item| item.event.event_id.subject()).collect();
    subjects.into_iter().all(|subject| {
        let mut seen = BTreeSet::new();
        let of_subject = state.queue.iter().filter(|queued| queued.group == subject).map(|queued| &queued.event_id);
        let first_queued: Vec<&String> = of_subject.filter(|id| seen.insert(*id)).collect();
        let stored = state.stream.iter().filter(|event| event.event_id.subject() == subject);
        let stored: Vec<String> =
            stored.map(|event| event.event_id.to_string()).filter(|id| seen.contains(id)).collect();
        first_queued.into_iter().eq(&stored)
    })
}

fn is_queued_once(state: &State) -> bool {
    state.queue.iter().enumerate().all(|(n, queued)| {
        state.queue[..n]
            .iter()
            .all(|earlier| earlier.event_id != queued.event_id || queued.at >= earlier.at + DEDUPLICATION_WINDOW)
    })
}
