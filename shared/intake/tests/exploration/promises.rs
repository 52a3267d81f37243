//! What must hold in every story, whatever fails.

use std::collections::BTreeSet;
use std::time::Duration;

use intake::accept::DEADLINE;
use intake::record::Kind;

use crate::messages::{Deserves, Message, Scenario};
use crate::world::{Call, DEDUPLICATION_WINDOW, State};

/// How long a failed reading of the secrets speaks for the next wrong signature.
const REMEMBERED: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Every delivery whose function lives is answered, within the deadline.
    AnsweredInTime,
    /// 2xx to an event: it is in the table. So is what was answered 400 because it cannot be read.
    AcknowledgedIsKept,
    /// Nothing is overwritten, and what happened once is one event.
    KeptOnce,
    /// Every event in the table reaches the queue, or word of it the parking.
    KeptIsQueued,
    /// Nothing but events reaches the queue.
    OnlyEventsQueued,
    /// The first messages of a subject's events are in the order in which those were kept.
    QueuedInOrder,
    /// Within five minutes an event is queued once.
    QueuedOnce,
    /// A bad signature causes no call, but for the reading of the secrets.
    ForgeriesReachNothing,
    /// No 5xx, unless something of ours failed, or time ran out.
    FailsOnlyIfSomethingFailed,
    /// No 4xx but to what deserves it.
    NobodyTurnedAway,
    /// Questions are kept nowhere.
    QuestionsAreNotKept,
    /// Once nothing fails any more, all is answered and relayed.
    ComesToRest,
}

impl Promise {
    pub const ALL: [Self; 12] = [
        Self::AnsweredInTime,
        Self::AcknowledgedIsKept,
        Self::KeptOnce,
        Self::KeptIsQueued,
        Self::OnlyEventsQueued,
        Self::QueuedInOrder,
        Self::QueuedOnce,
        Self::ForgeriesReachNothing,
        Self::FailsOnlyIfSomethingFailed,
        Self::NobodyTurnedAway,
        Self::QuestionsAreNotKept,
        Self::ComesToRest,
    ];
}

/// An answer as Xsolla sees it, and what we know of how it came about.
pub struct Answered<'a> {
    pub message: &'a Message,
    pub status: u16,
    pub took: Duration,
    /// The calls that were made for it.
    pub calls: &'a [Call],
    /// When the secrets could not be read for an earlier delivery to the same environment.
    pub failed_reading: Option<Duration>,
}

/// What an answer breaks.
pub fn broken_by_answer(answered: &Answered<'_>, scenario: &Scenario, state: &State) -> Option<Promise> {
    let Answered { message, status, took, calls, failed_reading } = *answered;
    let something_failed = calls.iter().any(|call| call.failed)
        || failed_reading.is_some_and(|at| state.now.saturating_sub(at) <= REMEMBERED + took);
    let is_kept = |kinds: &[Kind]| {
        let first_due =
            scenario.messages.iter().filter(|other| other.tells_of == message.tells_of).map(|m| m.due).min();
        state.table.iter().any(|item| {
            kinds.contains(&item.kind)
                && item.kept.body == message.body.as_bytes()
                && Some(item.written_at) >= first_due
        })
    };
    if took > DEADLINE {
        return Some(Promise::AnsweredInTime);
    }
    let makes_other_calls = calls.iter().any(|call| call.what != "secrets");
    if message.deserves == Deserves::Distrust && makes_other_calls {
        return Some(Promise::ForgeriesReachNothing);
    }
    if status >= 500 {
        return (!something_failed).then_some(Promise::FailsOnlyIfSomethingFailed);
    }
    let (deserved, must_be_kept_as): (_, &[Kind]) = match message.deserves {
        Deserves::Success => (200..300, &[Kind::Event, Kind::Conflict]),
        Deserves::Unreadable => (400..401, &[Kind::Unreadable]),
        Deserves::Reply(reply) => (reply..reply + 1, &[]),
        Deserves::Distrust => (400..401, &[]),
    };
    if !deserved.contains(&status) {
        let trusts = message.deserves == Deserves::Distrust;
        return Some(if trusts { Promise::ForgeriesReachNothing } else { Promise::NobodyTurnedAway });
    }
    (!must_be_kept_as.is_empty() && !is_kept(must_be_kept_as)).then_some(Promise::AcknowledgedIsKept)
}

/// What the end breaks, when all is at rest.
pub fn broken_in_the_end(scenario: &Scenario, state: &State) -> Option<Promise> {
    let broken = [
        (Promise::KeptOnce, !kept_once(scenario, state)),
        (Promise::QuestionsAreNotKept, !only_what_may_be_is_kept(scenario, state)),
        (Promise::OnlyEventsQueued, !only_events_queued(state)),
        (Promise::KeptIsQueued, !kept_is_queued(state)),
        (Promise::QueuedInOrder, !queued_in_order(state)),
        (Promise::QueuedOnce, !queued_once(state)),
    ];
    broken.into_iter().find_map(|(promise, is_broken)| is_broken.then_some(promise))
}

fn kept_once(scenario: &Scenario, state: &State) -> bool {
    let keys: BTreeSet<String> = state.table.iter().map(|item| item.kept.event_id.to_string()).collect();
    let happened = |bodies: &BTreeSet<&str>| -> BTreeSet<&str> {
        let messages = scenario.messages.iter().filter(|message| bodies.contains(message.body));
        messages.map(|message| message.tells_of).collect()
    };
    let is_once = |message: &Message| {
        let same = scenario.messages.iter().filter(|other| other.tells_of == message.tells_of);
        let bodies: BTreeSet<&str> = same.map(|other| other.body).collect();
        let is_of = |body: &[u8]| bodies.iter().any(|one| one.as_bytes() == body);
        let events = state.table.iter().filter(|item| item.kind == Kind::Event && is_of(&item.kept.body)).count();
        events <= happened(&bodies).len()
    };
    keys.len() == state.table.len() && scenario.messages.iter().all(is_once)
}

fn only_what_may_be_is_kept(scenario: &Scenario, state: &State) -> bool {
    let may_be = |message: &&Message| matches!(message.deserves, Deserves::Success | Deserves::Unreadable);
    let bodies: Vec<&[u8]> = scenario.messages.iter().filter(may_be).map(|message| message.body.as_bytes()).collect();
    state.table.iter().all(|item| bodies.contains(&item.kept.body.as_slice()))
}

fn only_events_queued(state: &State) -> bool {
    state.queue.iter().all(|queued| {
        state.table.iter().any(|item| {
            item.kind == Kind::Event
                && item.kept.body == queued.notification.as_bytes()
                && item.kept.event_id.to_string() == queued.event_id
        })
    })
}

fn kept_is_queued(state: &State) -> bool {
    let queued: BTreeSet<&String> = state.queue.iter().map(|queued| &queued.event_id).collect();
    state.table.iter().filter(|item| item.kind == Kind::Event).all(|item| {
        let id = item.kept.event_id.to_string();
        queued.contains(&id) || state.parked.contains(&id)
    })
}

fn queued_in_order(state: &State) -> bool {
    let subjects: BTreeSet<&str> = state.table.iter().map(|item| item.kept.event_id.subject()).collect();
    subjects.into_iter().all(|subject| {
        let mut seen = BTreeSet::new();
        let of_subject = state.queue.iter().filter(|queued| queued.group == subject).map(|queued| &queued.event_id);
        let first_seen: Vec<&String> = of_subject.filter(|id| seen.insert(*id)).collect();
        let kept = state.stream.iter().filter(|kept| kept.event_id.subject() == subject);
        let kept: Vec<String> = kept.map(|kept| kept.event_id.to_string()).filter(|id| seen.contains(id)).collect();
        first_seen.into_iter().eq(&kept)
    })
}

fn queued_once(state: &State) -> bool {
    state.queue.iter().enumerate().all(|(n, queued)| {
        state.queue[..n]
            .iter()
            .all(|earlier| earlier.event_id != queued.event_id || queued.at >= earlier.at + DEDUPLICATION_WINDOW)
    })
}
