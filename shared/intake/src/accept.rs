//! The front accepted_types: verify → identify → keep → answer.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio::time::error::Elapsed;
use xsolla::model::Json;
use xsolla::{Envelope, NotificationType, Question, Reply, Role, Secrets, Signature, SourceRanges, Verified};

use crate::outcome::{Outcome, Unavailable};
use crate::ports::{EventStore, PortError, SecretStore, UserDirectory};
use crate::secrets::SecretCache;
use crate::store_event::{keep, store_unreadable};
use crate::trace::TraceHeader;

#[cfg(test)]
mod tests;

/// Largest body that is looked at, in bytes. Xsolla's have 0.3 to 3 KB; with its message around it and its worst
/// escapes, one of this size still fits a queue message and a DynamoDB item (400 KB).
pub const MAX_BODY: usize = 128 * 1024;

/// Time for the whole of it. Xsolla wants its answer within 3 seconds, the gateway and the way take their part, and
/// Lambda stops the function after 2 (`template.yaml`).
pub const DEADLINE: Duration = Duration::from_millis(1800);

/// Which notifications a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptedTypes {
    /// All of them: the one URL that Xsolla calls.
    All,
    /// One type, for those who split their traffic by path.
    Only(NotificationType),
}

/// From where webhooks are expected, and what becomes of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePolicy {
    /// Xsolla's addresses.
    pub ranges: SourceRanges,
    /// Whether a signed webhook from elsewhere is left to another try. Otherwise it is taken, and the log says so.
    pub enforced: bool,
}

/// A signed webhook, or one with the right key in its path, came from this address, which is not on the list; `None`: the
/// gateway did not say from which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownSource(pub Option<IpAddr>);

/// One HTTP request, as far as it matters.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The `Authorization` header, if there is exactly one.
    pub authorization: Option<&'a str>,
    /// Who called, as the gateway saw it. Never from a header, which any caller can write.
    pub source: Option<IpAddr>,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// When it arrived.
    pub received_at: Timestamp,
    /// The trace that its arrival is part of.
    pub trace: Option<&'a TraceHeader>,
    /// By when an answer must leave, at most [`DEADLINE`].
    pub time_left: Duration,
}

/// What happened to a delivery: the outcome decides the answer, whose body may be the content. All else is for the log.
#[derive(Debug)]
pub struct DeliveryReport<'a> {
    /// What happened.
    pub outcome: Outcome,
    /// What a question asked for, if it was [`Outcome::Answered`].
    pub content: Option<Json>,
    /// What the notification is about, if it was let in and could be read.
    pub envelope: Option<Envelope<'a>>,
    /// Which secret matched: 0 is the current one.
    pub secret: Option<u32>,
    /// Those of which one matched: they know what [stands for the user](Secrets::pseudonyms) in the log.
    pub secrets: Option<Arc<Secrets>>,
    /// If its signature or key was right, but it came from elsewhere than from Xsolla's addresses.
    pub unknown_source: Option<UnknownSource>,
    /// The failure of ours that decided the outcome.
    pub failure: Option<PortError>,
    /// How long its steps took.
    pub took: StepTimings,
}

/// How long each step took; `None`: it was not reached. What was cut off by the deadline is in it up to then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepTimings {
    /// The signature, or the key in the path; and reading the secrets, if they had to be.
    pub verify: Option<Duration>,
    /// The calls to the table.
    pub keep: Option<Duration>,
    /// Whoever answers questions.
    pub ask: Option<Duration>,
}

impl From<Outcome> for DeliveryReport<'_> {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            content: None,
            envelope: None,
            secret: None,
            secrets: None,
            unknown_source: None,
            failure: None,
            took: StepTimings::default(),
        }
    }
}

impl DeliveryReport<'_> {
    /// With the end of the flow in it, unless time ran out before.
    pub(crate) fn concluded(mut self, in_time: Result<Result<Outcome, Stop>, Elapsed>) -> Self {
        match in_time {
            Ok(Ok(outcome)) => self.outcome = outcome,
            Ok(Err(Stop { outcome, failure })) => {
                self.outcome = outcome;
                self.failure = failure;
            }
            Err(_elapsed) => {}
        }
        self
    }
}

/// Accepts webhooks.
#[derive(Debug)]
pub struct Intake<E, D, S> {
    /// Which notifications it takes.
    pub accepted_types: AcceptedTypes,
    /// Where events are kept.
    pub events: E,
    /// Who answers questions; `None` where none is asked.
    pub directory: Option<D>,
    /// Who may have signed.
    pub secrets: SecretCache<S>,
    /// From where it is expected to be called.
    pub sources: SourcePolicy,
}

impl<E: EventStore, D: UserDirectory, S: SecretStore> Intake<E, D, S> {
    /// Takes a delivery. There is always an outcome, and always in time.
    pub async fn accept<'a>(&self, delivery: &Delivery<'a>) -> DeliveryReport<'a> {
        let mut receipt = DeliveryReport::from(Outcome::Unavailable(Unavailable::Deadline));
        let in_time = tokio::time::timeout(delivery.time_left, self.decide(delivery, &mut receipt)).await;
        receipt.concluded(in_time)
    }

    async fn decide<'a>(&self, delivery: &Delivery<'a>, receipt: &mut DeliveryReport<'a>) -> Result<Outcome, Stop> {
        if delivery.body.len() > MAX_BODY {
            return Ok(Outcome::Unavailable(Unavailable::BodyTooLarge));
        }
        let (verified, secrets) = timed(&mut receipt.took.verify, self.verify(delivery)).await?;
        receipt.secret = Some(verified.secret_index());
        receipt.secrets = Some(secrets);
        receipt.unknown_source = self.sources.unknown(delivery.source);
        if receipt.unknown_source.is_some() && self.sources.enforced {
            return Ok(Outcome::Unavailable(Unavailable::UnknownSource));
        }

        let Ok(envelope) = Envelope::parse(&verified) else {
            let kept = store_unreadable(&self.events, verified.into(), delivery.received_at, delivery.trace);
            return timed(&mut receipt.took.keep, kept).await.map_err(failed(Unavailable::Store));
        };
        let envelope = receipt.envelope.insert(envelope);
        if !self.accepted_types.takes(envelope) {
            return Ok(Outcome::Unavailable(Unavailable::UnexpectedType));
        }
        match envelope.notification_type().map(NotificationType::role) {
            Some(Role::Question(question)) => {
                let directory = self.directory.as_ref().ok_or_else(nobody)?;
                let answer = ask(directory, question, envelope, verified.body());
                let (outcome, content) = timed(&mut receipt.took.ask, answer).await?;
                receipt.content = content;
                Ok(outcome)
            }
            Some(Role::Event(_)) | None => {
                let kept = keep(&self.events, envelope, verified.into(), delivery.received_at, delivery.trace);
                timed(&mut receipt.took.keep, kept).await.map_err(failed(Unavailable::Store))
            }
        }
    }

    /// Against the secrets held, then, if none matches, against those of this moment.
    async fn verify<'a>(&self, delivery: &Delivery<'a>) -> Result<(Verified<'a>, Arc<Secrets>), Stop> {
        let wrong = || Stop::from(Outcome::InvalidSignature);
        let signature = delivery.authorization.and_then(|value| value.parse::<Signature>().ok()).ok_or_else(wrong)?;
        let unreadable = failed(Unavailable::Secrets);

        let held = self.secrets.current(delivery.received_at).await.map_err(unreadable)?;
        if let Ok(verified) = held.verify(delivery.body, &signature) {
            return Ok((verified, held));
        }
        let again = self.secrets.refresh(delivery.received_at, &held).await.map_err(unreadable)?.ok_or_else(wrong)?;
        let verified = again.verify(delivery.body, &signature).map_err(|_| wrong())?;
        Ok((verified, again))
    }
}

impl AcceptedTypes {
    fn takes(self, envelope: &Envelope<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Only(only) => envelope.notification_type() == Some(only),
        }
    }
}

impl SourcePolicy {
    fn unknown(&self, source: Option<IpAddr>) -> Option<UnknownSource> {
        UnknownSource::to(&self.ranges, source)
    }
}

/// The published addresses, reported only.
impl Default for SourcePolicy {
    fn default() -> Self {
        Self { ranges: SourceRanges::published(), enforced: false }
    }
}

impl UnknownSource {
    /// If an address is none of these.
    pub(crate) fn to(ranges: &SourceRanges, source: Option<IpAddr>) -> Option<Self> {
        let is_known = source.is_some_and(|address| ranges.contains(address));
        (!is_known).then_some(Self(source))
    }
}

impl fmt::Display for UnknownSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("missing"),
        }
    }
}

/// Whoever was appointed, for the reply to a question: what has happened with it, and the content that it has.
pub(crate) async fn ask(
    directory: &impl UserDirectory,
    question: Question,
    envelope: &Envelope<'_>,
    body: &[u8],
) -> Result<(Outcome, Option<Json>), Stop> {
    // Boxed, or the future of each event would carry that of a question, which is larger.
    let reply = Box::pin(directory.reply(question, envelope, body)).await.map_err(failed(Unavailable::Directory))?;
    let reply = reply.ok_or_else(nobody)?;
    let outcome = Outcome::from(&reply);
    Ok(match reply {
        Reply::Content(content) => (outcome, Some(content)),
        Reply::UserFound | Reply::UserNotFound | Reply::NotFound => (outcome, None),
    })
}

/// Does a step, and notes how long it took, even if it is cut off.
pub(crate) async fn timed<T>(took: &mut Option<Duration>, step: impl Future<Output = T>) -> T {
    let _stopwatch = Stopwatch { started: Instant::now(), took };
    step.await
}

struct Stopwatch<'t> {
    started: Instant,
    took: &'t mut Option<Duration>,
}

impl Drop for Stopwatch<'_> {
    fn drop(&mut self) {
        *self.took = Some(self.started.elapsed());
    }
}

/// Nobody was appointed.
fn nobody() -> Stop {
    Outcome::Unavailable(Unavailable::NoDirectory).into()
}

/// Why the flow ended early.
pub(crate) struct Stop {
    outcome: Outcome,
    failure: Option<PortError>,
}

impl From<Outcome> for Stop {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, failure: None }
    }
}

pub(crate) fn failed(why: Unavailable) -> impl Fn(PortError) -> Stop + Copy {
    move |failure| Stop { outcome: Outcome::Unavailable(why), failure: Some(failure) }
}
