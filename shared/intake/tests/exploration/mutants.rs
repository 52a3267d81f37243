//! Mutants of the product: faulty adapters and glue code that the exploration must detect.

use crate::guarantees::Guarantee;
use crate::webhooks::{
    APRIL, CANCELED_18, FORGED, KNOWN_USER, MARCH, MARCH_AGAIN, ORDER_CANCELED, ORDER_PAID, OTHER_PAYMENT, PAID_BY_17,
    PAID_BY_18, PAID_WITH_INVOICE, PAID_WITHOUT_INVOICE, PAYMENT, PAYMENT_8, REFUND, SUBSCRIPTION_CANCELED,
    SUBSCRIPTION_CREATED, TEST_CHARGE, TEST_SUBSCRIPTION, Webhook,
};

/// A fault in the code around the flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// The put has no condition.
    UnconditionalPut,
    /// Events are stored after the answer.
    StoresAfterAnswer,
    /// A failed put is treated as successful.
    IgnoresFailedPut,
    /// An existing key is reported as a failure.
    FailsOnExistingKey,
    /// The key contains the number of the delivery.
    KeyPerDelivery,
    /// Every request is stored before its signature and type are checked.
    StoresBeforeVerifying,
    /// Failures are answered with 400.
    AnswersFailureWith400,
    /// The time limit is an hour.
    NoDeadline,
    /// The relay continues after the failed record.
    SkipsFailedRecord,
    /// A partly failed batch is treated as successful.
    IgnoresFailedEntries,
    /// The relay sends later records after a failure.
    ContinuesAfterFailure,
    /// Each message has a new deduplication id.
    RandomDeduplicationId,
    /// The stream's filter passes conflicts.
    StreamsConflicts,
    /// A batch whose function was killed is not retried.
    DropsBatchOfKilledFunction,
    /// Each batch is reported as failed.
    AlwaysReportsFailure,
    /// `ParallelizationFactor` is 2. Then AWS preserves only the order of an item, and each event is an item.
    TwoConcurrentBatches,
    /// Decisions are not stored.
    StoresNoDecisions,
    /// The decisions to skip retries are not stored.
    StoresNoSkips,
    /// Decisions in the history are ignored.
    IgnoresDecisions,
    /// The index by order is not read.
    IgnoresOrders,
    /// The index by subscription is not read.
    IgnoresSubscriptionPayments,
    /// All later deliveries of the same bytes are skipped.
    SkipsAllRecurrences,
    /// Retries are relayed as new events.
    SkipsNoRetries,
    /// The message group is the event's own subject.
    GroupIsOwnSubject,
    /// An event that is sent again has its first goods, even if they were taken back since.
    SendsFirstDecisionAgain,
    /// An event that is sent again has no effect on goods.
    RepeatsWithoutGoods,
}

impl Mutant {
    /// All mutants, each with the guarantee that it violates and webhooks that show it.
    pub const ALL: &[(Self, Guarantee, &[Webhook])] = &[
        (Self::UnconditionalPut, Guarantee::StoredOnce, &[PAYMENT, PAYMENT]),
        (Self::StoresAfterAnswer, Guarantee::AcknowledgedIsStored, &[PAYMENT]),
        (Self::IgnoresFailedPut, Guarantee::AcknowledgedIsStored, &[PAYMENT]),
        (Self::FailsOnExistingKey, Guarantee::ServerErrorOnlyAfterFailure, &[PAYMENT, PAYMENT]),
        (Self::KeyPerDelivery, Guarantee::StoredOnce, &[PAYMENT]),
        (Self::StoresBeforeVerifying, Guarantee::ForgeryHasNoEffect, &[FORGED]),
        (Self::StoresBeforeVerifying, Guarantee::QuestionsAreNotStored, &[KNOWN_USER]),
        (Self::AnswersFailureWith400, Guarantee::NoFalseRejection, &[PAYMENT]),
        (Self::NoDeadline, Guarantee::AnsweredInTime, &[PAYMENT]),
        (Self::SkipsFailedRecord, Guarantee::StoredIsQueued, &[PAYMENT]),
        (Self::IgnoresFailedEntries, Guarantee::StoredIsQueued, &[PAYMENT, PAYMENT_8]),
        (Self::ContinuesAfterFailure, Guarantee::QueuedInOrder, &[PAYMENT, ORDER_PAID]),
        (Self::RandomDeduplicationId, Guarantee::QueuedOnce, &[PAYMENT]),
        (Self::StreamsConflicts, Guarantee::OnlyEventsQueued, &[PAYMENT, OTHER_PAYMENT]),
        (Self::DropsBatchOfKilledFunction, Guarantee::StoredIsQueued, &[PAYMENT]),
        (Self::AlwaysReportsFailure, Guarantee::EventuallyDone, &[PAYMENT]),
        (Self::TwoConcurrentBatches, Guarantee::QueuedInOrder, &[PAYMENT, ORDER_PAID]),
        (Self::StoresNoDecisions, Guarantee::NoGrantAfterRevocation, &[ORDER_CANCELED, ORDER_PAID]),
        (Self::StoresNoDecisions, Guarantee::RevokedOnce, &[REFUND, ORDER_CANCELED]),
        (Self::StoresNoSkips, Guarantee::RetriesAreNotQueued, &[MARCH, APRIL, MARCH_AGAIN]),
        (Self::IgnoresDecisions, Guarantee::NoGrantAfterRevocation, &[ORDER_CANCELED, ORDER_PAID]),
        (Self::IgnoresOrders, Guarantee::GrantedOnce, &[PAID_BY_17, PAID_BY_18]),
        (Self::IgnoresOrders, Guarantee::HeldIfPaid, &[PAID_BY_17, CANCELED_18]),
        (Self::IgnoresSubscriptionPayments, Guarantee::TestsAreSandbox, &[TEST_CHARGE, TEST_SUBSCRIPTION]),
        (Self::SkipsAllRecurrences, Guarantee::StoredIsQueued, &[MARCH, APRIL, MARCH_AGAIN]),
        (Self::SkipsNoRetries, Guarantee::RetriesAreNotQueued, &[MARCH, MARCH]),
        (Self::GroupIsOwnSubject, Guarantee::OneGroupPerOrder, &[PAID_WITHOUT_INVOICE, PAID_WITH_INVOICE]),
        (Self::SendsFirstDecisionAgain, Guarantee::NoGrantAfterRevocation, &[ORDER_PAID, ORDER_CANCELED]),
        (Self::SendsFirstDecisionAgain, Guarantee::EndedStaysEnded, &[SUBSCRIPTION_CREATED, SUBSCRIPTION_CANCELED]),
        (Self::RepeatsWithoutGoods, Guarantee::DecidedOnce, &[PAYMENT]),
    ];
}
