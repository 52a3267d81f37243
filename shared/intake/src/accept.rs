//! Accepts signed webhooks: verify, identify, store or answer.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use xsolla::{Envelope, NotificationType, Question, Role, Secrets, Signature, Verified};

use crate::outcome::{Outcome, Unavailable};
use crate::ports::{EventStore, SecretStore, UserDirectory};
use crate::question;
pub use crate::report::{DeliveryReport, StepTimings};
use crate::report::{EarlyExit, timed, unavailable, unknown_match};
use crate::secrets::SecretCache;
pub use crate::sources::{SourcePolicy, UnknownSource};
use crate::store_event::{store_event, store_unreadable};
use crate::trace::TraceHeader;

#[cfg(test)]
mod tests;

/// Largest accepted body, in bytes. Xsolla sends 0.3 to 3 KB.
///
/// A body of this size fits a DynamoDB item (400 KB). Its message fits the queue (1 MiB): it has about the same size, twice as
/// many bytes if all characters are escaped for SQS, and three times as many if the body is one user id. Only a user id of
/// more than 170 KB of such characters exceeds that; an event that SQS rejects is parked.
pub const MAX_BODY: usize = 256 * 1024;

/// Time limit of one delivery. Xsolla expects an answer within 3 seconds, and Lambda stops the function after 2
/// (`template.yaml`).
pub const DEADLINE: Duration = Duration::from_millis(1800);

/// Notification types that a function accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptedTypes {
    /// All types. Xsolla calls one URL for all of them.
    All,
    /// One type. For traffic that is split by path.
    Only(NotificationType),
}

/// One HTTP request.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The values of the `Authorization` headers. Any of them can verify the body.
    pub authorization: &'a [String],
    /// Whether the header `Content-Encoding` says that the body is compressed.
    pub is_encoded: bool,
    /// The caller's address as API Gateway saw it. Never from a header, which any caller can set.
    pub source: Option<IpAddr>,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// Time of receipt.
    pub received_at: Timestamp,
    /// X-Ray trace of the request.
    pub trace: Option<&'a TraceHeader>,
    /// Time until the answer must be sent, at most [`DEADLINE`].
    pub time_left: Duration,
}

/// Accepts webhooks.
#[derive(Debug)]
pub struct Intake<E, D, S: SecretStore> {
    /// Accepted notification types.
    pub accepted_types: AcceptedTypes,
    /// Stores events.
    pub events: E,
    /// Answers questions; `None` if the function accepts no questions.
    pub directory: Option<D>,
    /// The webhook secrets.
    pub secrets: SecretCache<S>,
    /// Expected source addresses.
    pub sources: SourcePolicy,
}

impl<E: EventStore, D: UserDirectory, S: SecretStore<Value = Secrets>> Intake<E, D, S> {
    /// Processes a delivery. Always returns within the delivery's time limit.
    pub async fn accept<'a>(&self, delivery: &Delivery<'a>) -> DeliveryReport<'a> {
        let mut report = DeliveryReport::start();
        let result = tokio::time::timeout(delivery.time_left, self.process(delivery, &mut report)).await;
        report.conclude(result)
    }

    async fn process<'a>(
        &self,
        delivery: &Delivery<'a>,
        report: &mut DeliveryReport<'a>,
    ) -> Result<Outcome, EarlyExit> {
        if delivery.body.len() > MAX_BODY {
            return Ok(Outcome::Unavailable(Unavailable::BodyTooLarge));
        }
        let unknown_source = UnknownSource::check(&self.sources.ranges, delivery.source);
        report.is_from_xsolla = unknown_source.is_none();
        let verify = self.verify(delivery, report.is_from_xsolla);
        let verified = timed(&mut report.timings.verify, verify).await?;
        report.secret_index = Some(verified.secret_index());
        // Only now, so that addresses of callers without the secret are not logged.
        report.unknown_source = unknown_source;
        if report.unknown_source.is_some() && self.sources.enforced {
            return Ok(Outcome::Unavailable(Unavailable::UnknownSource));
        }

        let Ok(envelope) = Envelope::parse(&verified) else {
            let stored = store_unreadable(&self.events, verified.into(), delivery.received_at, delivery.trace);
            return timed(&mut report.timings.store, stored).await.map_err(unavailable(Unavailable::Store));
        };
        let envelope = report.envelope.insert(envelope);
        if !self.accepted_types.contains(envelope) {
            return Ok(Outcome::Unavailable(Unavailable::UnexpectedType));
        }
        match envelope.notification_type().map(NotificationType::role) {
            Some(Role::Question(Question::UserValidation)) if envelope.user_id().is_none() => Ok(Outcome::UserNotFound),
            Some(Role::Question(question)) => {
                let directory = self.directory.as_ref().ok_or_else(question::no_directory)?;
                let answer = question::answer(directory, question, envelope, verified.body(), delivery.received_at);
                let (outcome, content) = timed(&mut report.timings.directory, answer).await?;
                report.content = content;
                Ok(outcome)
            }
            Some(Role::Event(_)) | None => {
                let stored = store_event(&self.events, envelope, verified.into(), delivery.received_at, delivery.trace);
                timed(&mut report.timings.store, stored).await.map_err(unavailable(Unavailable::Store))
            }
        }
    }

    async fn verify<'a>(&self, delivery: &Delivery<'a>, is_from_xsolla: bool) -> Result<Verified<'a>, EarlyExit> {
        let invalid = || {
            // Xsolla signs the body before a proxy compresses it. A 4xx would be final, although the webhook may be genuine.
            let encoded = Outcome::Unavailable(Unavailable::EncodedBody);
            EarlyExit::from(if delivery.is_encoded { encoded } else { Outcome::InvalidSignature })
        };
        let signatures = Signature::parse_all(delivery.authorization.iter().map(String::as_str));
        if signatures.is_empty() {
            return Err(invalid());
        }
        let verify = |secrets: &Secrets| Ok(secrets.verify_any(delivery.body, &signatures).ok());
        let verified = self.secrets.verify_with(delivery.received_at, verify).await;
        verified.map_err(unknown_match(is_from_xsolla))?.ok_or_else(invalid)
    }
}

impl AcceptedTypes {
    fn contains(self, envelope: &Envelope<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => envelope.notification_type() == Some(only),
        }
    }

    /// Whether a question is among these types.
    pub(crate) fn has_questions(self) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => matches!(only.role(), Role::Question(_)),
        }
    }
}
