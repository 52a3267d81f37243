//! What the flows need of the outside: one trait each, implemented in [`crate::aws`], in
//! [`crate::directory`] and by the tests' fakes.

use std::future::Future;

use xsolla::{Envelope, Question, Reply};

use crate::record::{Record, StoredEvent};
use crate::sqs_message::Message;

/// An outside service could not do its work. The message is for the log: it never leaves for the caller, and holds
/// nothing of a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {cause}")]
pub struct PortError {
    /// What was asked, as the service calls it, for example `dynamodb:PutItem`.
    pub operation: &'static str,
    /// What the service or the way to it said.
    pub cause: String,
}

/// Where events are kept.
pub trait EventStore: Send + Sync {
    /// Keeps a record for good, unless its key is taken.
    ///
    /// After an error the record may or may not have been kept.
    fn put_if_absent(&self, record: &Record<'_>) -> impl Future<Output = Result<PutOutcome, PortError>> + Send;
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// The key was free. Also when an earlier attempt of this very call had taken it.
    Inserted,
    /// The key was taken by an earlier delivery, whose body had this digest.
    AlreadyExists {
        /// [`xsolla::BodyDigest`] as text.
        digest: String,
        /// When it was received, if that can be read.
        received_at: Option<jiff::Timestamp>,
    },
}

/// What has been kept before.
pub trait History: Send + Sync {
    /// The events of a subject, in any order, those of this moment among them.
    fn events_of(&self, subject: &str) -> impl Future<Output = Result<Vec<StoredEvent>, PortError>> + Send;
}

/// Who the game's users are, and what they may have: whoever answers Xsolla's questions for the studio.
pub trait UserDirectory: Send + Sync {
    /// The reply to a question, of which the body is what Xsolla sent; `None` if nobody was appointed to answer this one.
    fn reply(
        &self,
        question: Question,
        envelope: &Envelope<'_>,
        body: &[u8],
    ) -> impl Future<Output = Result<Option<Reply>, PortError>> + Send;
}

/// Where the webhook secrets are.
pub trait SecretStore: Send + Sync {
    /// Reads them afresh.
    fn read(&self) -> impl Future<Output = Result<xsolla::Secrets, PortError>> + Send;
}

/// The queue from which the game takes its events.
pub trait Queue: Send + Sync {
    /// Sends up to [`crate::relay::MAX_BATCH`] messages in one call; one result each, in their order.
    fn send(&self, batch: &[&Message]) -> impl Future<Output = Vec<SendResult>> + Send;
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendResult {
    /// It is in the queue.
    Sent,
    /// Not now. Sending it again may work.
    Retryable(PortError),
    /// Never: the queue refuses this message for what it is.
    Rejected(PortError),
}

/// Where the relay leaves word of an event that can never be sent, so that those behind it can go on.
pub trait Parking: Send + Sync {
    /// Leaves word of the event, which itself stays in the table.
    fn park(&self, parked: &Parked) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// An event that can never be sent: where it is kept, and why. Nothing of its body.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Parked {
    /// Its partition key in the table: the subject.
    pub pk: String,
    /// Its sort key in the table.
    pub sk: String,
    /// Why it can never be sent.
    pub cause: String,
}
