//! The faults that a simulation injects.

use std::fmt;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A call to an AWS service fails.
    Call(Service, CallFault),
    /// Xsolla does not receive the answer.
    AnswerLost,
    /// Xsolla disconnects before the answer.
    EarlyDisconnect,
    /// Xsolla sends the same webhook twice at once.
    ConcurrentDuplicate,
    /// Xsolla sends other content under the id of an acknowledged event.
    ChangedContent,
    /// An attacker sends other content under an event's id, signed with a wrong secret.
    WrongSignature,
    /// The relay crashes after a batch, before Lambda receives its response.
    RelayCrash,
    /// The game crashes before it applies an event.
    GameCrashBefore,
    /// The game crashes after it applied an event, before it deletes the message.
    GameCrashAfter,
}

/// An AWS service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    DynamoDb,
    Sqs,
}

/// A failure of a call to AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallFault {
    /// The connection is lost before the service receives the call.
    LostBefore,
    /// The connection is lost after the call took effect.
    LostAfter,
    /// The response arrives after the SDK's timeout. The call took effect.
    Slow,
    Throttled,
    /// The service responds with status 500.
    ServerError,
    /// The service is unreachable for this number of calls.
    Outage(u32),
    /// One message of a batch is rejected.
    PartialBatch,
}

/// All faults, each with its mean interval: the number of opportunities per occurrence.
pub(crate) const FAULTS: [(Fault, u32); 21] = {
    use CallFault::{LostAfter, LostBefore, Outage, PartialBatch, ServerError, Slow, Throttled};
    use Service::{DynamoDb, Sqs};
    [
        (Fault::Call(DynamoDb, LostBefore), 60),
        (Fault::Call(DynamoDb, LostAfter), 60),
        (Fault::Call(DynamoDb, Slow), 300),
        (Fault::Call(DynamoDb, Throttled), 60),
        (Fault::Call(DynamoDb, ServerError), 60),
        // Ends before the last retry of a webhook: `payment` has 13 attempts, and the SDK tries each call three times.
        (Fault::Call(DynamoDb, Outage(20)), 300),
        (Fault::Call(Sqs, LostBefore), 25),
        (Fault::Call(Sqs, LostAfter), 25),
        (Fault::Call(Sqs, Slow), 60),
        (Fault::Call(Sqs, Throttled), 25),
        (Fault::Call(Sqs, ServerError), 25),
        (Fault::Call(Sqs, Outage(10)), 60),
        (Fault::Call(Sqs, PartialBatch), 12),
        (Fault::AnswerLost, 40),
        (Fault::EarlyDisconnect, 60),
        (Fault::ConcurrentDuplicate, 40),
        (Fault::ChangedContent, 50),
        (Fault::WrongSignature, 60),
        (Fault::RelayCrash, 6),
        (Fault::GameCrashBefore, 60),
        (Fault::GameCrashAfter, 40),
    ]
};

impl Fault {
    pub(crate) fn is_in_game(self) -> bool {
        matches!(self, Self::GameCrashBefore | Self::GameCrashAfter)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(service, fault) => write!(f, "{service}: {fault}"),
            Self::AnswerLost => f.write_str("Xsolla: answer lost"),
            Self::EarlyDisconnect => f.write_str("Xsolla: disconnected before the answer"),
            Self::ConcurrentDuplicate => f.write_str("Xsolla: sent the same webhook twice at once"),
            Self::ChangedContent => f.write_str("Xsolla: sent other content under a known id"),
            Self::WrongSignature => f.write_str("attacker: sent a wrong signature"),
            Self::RelayCrash => f.write_str("relay: crashed after a batch"),
            Self::GameCrashBefore => f.write_str("game: crashed before applying an event"),
            Self::GameCrashAfter => f.write_str("game: crashed after applying an event"),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DynamoDb => "DynamoDB",
            Self::Sqs => "SQS",
        })
    }
}

impl fmt::Display for CallFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostBefore => f.write_str("connection lost before the call"),
            Self::LostAfter => f.write_str("connection lost after the call"),
            Self::Slow => f.write_str("response too late"),
            Self::Throttled => f.write_str("throttled"),
            Self::ServerError => f.write_str("status 500"),
            Self::Outage(calls) => write!(f, "unreachable for {calls} calls"),
            Self::PartialBatch => f.write_str("one message of a batch rejected"),
        }
    }
}
