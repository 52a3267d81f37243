//! Ways to break the product from outside: what the exploration must find.

use crate::messages::{FORGED, KNOWN_USER, Message, ORDER_PAID, OTHER_PAYMENT, PAYMENT, PAYMENT_8};
use crate::promises::Promise;

/// A wrong adapter or wrong glue around the real flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The put lacks its condition.
    UnconditionalPut,
    /// Events are kept after the answer, by the next call.
    KeepsAfterAnswering,
    /// A write that failed is taken for one that succeeded.
    TrustsFailedWrites,
    /// A key that is taken is reported as a failure.
    TakesRetriesForFailures,
    /// The key has the delivery's own number in it.
    KeyOfItsOwn,
    /// What comes in is kept before its signature and its type are looked at.
    KeepsACopyOfAll,
    /// What fails is answered with a 400.
    BlamesTheCaller,
    /// The time limit is an hour.
    NoTimeLimit,
    /// The relay goes on behind the record that failed.
    SkipsFailedRecord,
    /// A batch that was taken in part is taken for one that was taken.
    TrustsHalfABatch,
    /// The relay sends those behind a failure first.
    OvertakesFailures,
    /// Each sending has a deduplication id of its own.
    NewDeduplicationIds,
    /// The stream's filter lets conflicts through.
    StreamsConflicts,
    /// A batch whose function was killed is not repeated.
    NeverRepeatsABatch,
    /// A batch is reported as failed, whatever became of it.
    RepeatsForEver,
    /// `ParallelizationFactor` is 2: AWS keeps the order of an item, and each event is one.
    TwoBatchesAtATime,
}

impl Flaw {
    /// All of them, each with the promise that it breaks, and messages with which that shows.
    pub const ALL: &[(Self, Promise, &[Message])] = &[
        (Self::UnconditionalPut, Promise::KeptOnce, &[PAYMENT, PAYMENT]),
        (Self::KeepsAfterAnswering, Promise::AcknowledgedIsKept, &[PAYMENT]),
        (Self::TrustsFailedWrites, Promise::AcknowledgedIsKept, &[PAYMENT]),
        (Self::TakesRetriesForFailures, Promise::FailsOnlyIfSomethingFailed, &[PAYMENT, PAYMENT]),
        (Self::KeyOfItsOwn, Promise::KeptOnce, &[PAYMENT]),
        (Self::KeepsACopyOfAll, Promise::ForgeriesReachNothing, &[FORGED]),
        (Self::KeepsACopyOfAll, Promise::QuestionsAreNotKept, &[KNOWN_USER]),
        (Self::BlamesTheCaller, Promise::NobodyTurnedAway, &[PAYMENT]),
        (Self::NoTimeLimit, Promise::AnsweredInTime, &[PAYMENT]),
        (Self::SkipsFailedRecord, Promise::KeptIsQueued, &[PAYMENT]),
        (Self::TrustsHalfABatch, Promise::KeptIsQueued, &[PAYMENT, PAYMENT_8]),
        (Self::OvertakesFailures, Promise::QueuedInOrder, &[PAYMENT, ORDER_PAID]),
        (Self::NewDeduplicationIds, Promise::QueuedOnce, &[PAYMENT]),
        (Self::StreamsConflicts, Promise::OnlyEventsQueued, &[PAYMENT, OTHER_PAYMENT]),
        (Self::NeverRepeatsABatch, Promise::KeptIsQueued, &[PAYMENT]),
        (Self::RepeatsForEver, Promise::ComesToRest, &[PAYMENT]),
        (Self::TwoBatchesAtATime, Promise::QueuedInOrder, &[PAYMENT, ORDER_PAID]),
    ];
}
