//! The calls to AWS, the faults that are injected into them, and the expected results.

use intake::aws::CallLimits;

use crate::fault_harness::{ANSWERING, STALLING};
use crate::fault_proxy::CallFault;

/// A call to AWS, and the step that makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    PutItem,
    GetItem,
    UsersQuery,
    GetSecretValue,
    SendMessageBatch,
    SendMessage,
    HistoryQuery,
    UpdateItem,
}

pub const CALLS: [Call; 8] = [
    Call::PutItem,
    Call::GetItem,
    Call::UsersQuery,
    Call::GetSecretValue,
    Call::SendMessageBatch,
    Call::SendMessage,
    Call::HistoryQuery,
    Call::UpdateItem,
];

/// The expected results of a call.
pub struct Expectation {
    /// The name of the operation in AWS.
    pub operation: &'static str,
    pub purpose: &'static str,
    /// The result if an attempt succeeds.
    pub success: &'static str,
    /// The result if all attempts fail.
    pub failure: &'static str,
    /// How the event recovers after a failure.
    pub recovery: &'static str,
}

impl Call {
    pub fn expectation(self) -> Expectation {
        let expect = |operation, purpose, success, failure, recovery| Expectation {
            operation,
            purpose,
            success,
            failure,
            recovery,
        };
        match self {
            Self::PutItem => expect(
                "PutItem",
                "store an event",
                "204 accepted",
                "500 store_unavailable",
                "Xsolla retries: accepted, or a duplicate if the call had an effect; stored once, queued once",
            ),
            Self::GetItem => expect(
                "GetItem",
                "look up a user",
                "204 user_found",
                "500 directory_unavailable",
                "no event; only the table can report a user as unknown",
            ),
            Self::UsersQuery => expect(
                "Query",
                "search a user",
                "200 answered",
                "500 directory_unavailable",
                "no event; only the table can report a user as unknown",
            ),
            Self::GetSecretValue => expect(
                "GetSecretValue",
                "read the secrets, with none cached",
                "204 accepted",
                "500 secrets_unavailable",
                "Xsolla retries; no signature is rejected",
            ),
            Self::SendMessageBatch => expect(
                "SendMessageBatch",
                "send events to the queue",
                "sent",
                "retried by the stream",
                "the batch is retried from the failed event; SQS drops repetitions for five minutes",
            ),
            Self::SendMessage => expect(
                "SendMessage",
                "park an event",
                "parked",
                "retried by the stream",
                "the event is retried; if the call had an effect, its note is parked twice",
            ),
            Self::HistoryQuery => expect(
                "Query",
                "read the history of a sale",
                "sent",
                "retried by the stream",
                "the batch is retried from the failed event",
            ),
            Self::UpdateItem => expect(
                "UpdateItem",
                "store a decision",
                "sent",
                "retried by the stream",
                "the batch is retried from the failed event; a stored decision never changes",
            ),
        }
    }

    /// Whether the call processes an event. The others process a question.
    pub fn is_event(self) -> bool {
        !matches!(self, Self::GetItem | Self::UsersQuery)
    }
}

/// How the SDK reacts to a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retries {
    /// Makes up to three attempts.
    Retried,
    /// Makes one attempt.
    NotRetried,
    /// Corrects its clock, and succeeds with the second attempt.
    ClockCorrected,
    /// Makes attempts that never reach the proxy.
    Invisible,
}

/// All faults, by their name in the documentation.
pub const FAULTS: [(&str, CallFault, Retries); 17] = [
    ("connection refused", CallFault::Refused, Retries::Invisible),
    ("connection reset, call had no effect", CallFault::ResetBefore, Retries::Retried),
    ("connection reset, call had an effect", CallFault::ResetAfter, Retries::Retried),
    ("truncated answer", CallFault::Truncated, Retries::Retried),
    ("no answer, call had no effect", CallFault::StallBefore, Retries::Retried),
    ("no answer, call had an effect", CallFault::StallAfter, Retries::Retried),
    ("500 `InternalServerError`", CallFault::ErrorBefore(500, "InternalServerError"), Retries::Retried),
    (
        "500 `InternalServerError`, call had an effect",
        CallFault::ErrorAfter(500, "InternalServerError"),
        Retries::Retried,
    ),
    ("502, not from AWS", CallFault::ErrorBefore(502, "x"), Retries::Retried),
    ("503 `ServiceUnavailable`", CallFault::ErrorBefore(503, "ServiceUnavailable"), Retries::Retried),
    ("400 `ThrottlingException`", CallFault::ErrorBefore(400, "ThrottlingException"), Retries::Retried),
    (
        "400 `ProvisionedThroughputExceededException`",
        CallFault::ErrorBefore(400, "ProvisionedThroughputExceededException"),
        Retries::Retried,
    ),
    (
        "400 `TransactionConflictException`",
        CallFault::ErrorBefore(400, "TransactionConflictException"),
        Retries::NotRetried,
    ),
    ("400 `ExpiredTokenException`", CallFault::ErrorBefore(400, "ExpiredTokenException"), Retries::NotRetried),
    ("400 `AccessDeniedException`", CallFault::ErrorBefore(400, "AccessDeniedException"), Retries::NotRetried),
    ("400 `ResourceNotFoundException`", CallFault::ErrorBefore(400, "ResourceNotFoundException"), Retries::NotRetried),
    ("clock one hour behind AWS", CallFault::ClockSkew, Retries::ClockCorrected),
];

impl Retries {
    /// The number of attempts that reach the proxy, and whether one succeeds.
    pub fn attempts(self, all_fail: bool) -> (usize, bool) {
        match (self, all_fail) {
            (Self::Retried, false) | (Self::ClockCorrected, _) => (2, true),
            (Self::Retried, true) => (3, false),
            (Self::NotRetried, _) => (1, false),
            (Self::Invisible, _) => (0, false),
        }
    }
}

impl CallFault {
    /// Whether the service processes the call.
    pub fn has_effect(self) -> bool {
        matches!(self, Self::ResetAfter | Self::Truncated | Self::StallAfter | Self::ErrorAfter(..) | Self::EmptyResult)
    }

    pub fn limits(self) -> CallLimits {
        if matches!(self, Self::StallBefore | Self::StallAfter) { STALLING } else { ANSWERING }
    }
}
