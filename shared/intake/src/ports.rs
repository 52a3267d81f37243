//! Outside services that the flows use, as traits.
//!
//! [`crate::aws`] and [`crate::directory`] implement them, and `crate::testing` has fakes.

use std::future::Future;

use jiff::Timestamp;
use xsolla::{Envelope, EventId, Mode, Question, Reply};

use crate::record::{Record, StoredDecision, StoredEvent};
use crate::sqs_message::Message;

/// A failed call to an outside service. For the log only: it contains no part of a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {cause}")]
pub struct PortError {
    /// Name of the operation, such as `dynamodb:PutItem`.
    pub operation: &'static str,
    /// The error of the service or the connection.
    pub cause: String,
}

/// Stores events.
pub trait EventStore: Send + Sync {
    /// Inserts a record unless its key exists.
    ///
    /// After an error the record may or may not be stored.
    fn put_if_absent(&self, record: &Record<'_>) -> impl Future<Output = Result<PutOutcome, PortError>> + Send;
}

/// Result of a conditional insert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// This call inserted the record, possibly in an earlier attempt whose response was lost.
    Inserted,
    /// An earlier delivery has the key.
    AlreadyExists {
        /// [`xsolla::BodyDigest`] of the stored body, as text.
        digest: String,
    },
    /// An earlier delivery has the key, and an operator has erased its user. The table has no digest of its content.
    Erased {
        /// Time of receipt of the earlier delivery. `None`: the item has no valid time.
        received_at: Option<Timestamp>,
    },
}

/// Reads the stored events that decide what another event means.
pub trait History: Send + Sync {
    /// Returns all events of a subject in any order, including those stored a moment ago.
    fn events_of(&self, subject: &str) -> impl Future<Output = Result<Vec<StoredEvent>, PortError>> + Send;

    /// Returns the subjects of the events that name an order. Events stored a moment ago can be missing.
    fn subjects_of_order(&self, order_id: &str) -> impl Future<Output = Result<Vec<String>, PortError>> + Send;

    /// Returns the modes of the payments that name a subscription. Payments stored a moment ago can be missing.
    fn modes_of_subscription(&self, subscription_id: &str)
    -> impl Future<Output = Result<Vec<Mode>, PortError>> + Send;
}

/// Stores what events mean for the goods.
pub trait DecisionStore: Send + Sync {
    /// Stores the decision about an event that has none. An event that has expired in the meantime is skipped.
    ///
    /// After an error the decision may or may not be stored.
    fn store_decision(
        &self,
        event_id: &EventId,
        decision: &StoredDecision,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Answers Xsolla's questions about the game's users.
pub trait UserDirectory: Send + Sync {
    /// Returns the reply to a question, or `None` if the directory does not answer this kind of question.
    fn reply(
        &self,
        question: Question,
        envelope: &Envelope<'_>,
        body: &[u8],
        received_at: Timestamp,
    ) -> impl Future<Output = Result<Option<Reply>, PortError>> + Send;
}

/// Reads the webhook secrets, or another secret value.
pub trait SecretStore: Send + Sync {
    /// The value.
    type Value: std::fmt::Debug + Send + Sync;

    /// Reads the current value, without a cache.
    fn read(&self) -> impl Future<Output = Result<Self::Value, PortError>> + Send;
}

/// The queue that delivers events to the game.
pub trait Queue: Send + Sync {
    /// Sends up to [`crate::relay::MAX_BATCH`] messages in one call. Returns one result per message, in order.
    fn send(&self, batch: &[&Message]) -> impl Future<Output = Vec<SendResult>> + Send;
}

/// Result of sending one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendResult {
    /// The message is in the queue.
    Sent,
    /// The message was not sent. A retry may succeed.
    Retryable(PortError),
    /// The queue can never accept this message.
    Rejected(PortError),
}

/// Queue for notes about events that the game's queue can never accept, so that later events are not blocked.
pub trait Parking: Send + Sync {
    /// Sends a note. The event itself stays in the table.
    fn park(&self, parked: &Parked) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// A note about an event that can never be queued. It contains no part of the body.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Parked {
    /// Partition key in the table: the subject.
    pub pk: String,
    /// Sort key in the table.
    pub sk: String,
    /// Reason why the event can never be queued.
    pub cause: String,
}
