//! Accepts notifications that Xsolla does not sign: check key and source address, identify, store or answer.
//!
//! A secret key in the path and the source address authenticate the sender. This is weaker than a signature: anyone who
//! knows the URL and sends from one of Xsolla's addresses can forge a notification. So these notifications have their own
//! routes, which accept no other type.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use xsolla::{Envelope, Role, Secrets, SourceRanges, UnsignedType};

use crate::accept::MAX_BODY;
use crate::outcome::{Outcome, Unavailable};
use crate::ports::{EventStore, PortError, SecretStore, UserDirectory};
use crate::question;
use crate::record::Body;
use crate::report::{DeliveryReport, EarlyExit, timed, unavailable, unknown_match};
use crate::secrets::SecretCache;
use crate::sources::UnknownSource;
use crate::store_event::{store_event, store_unreadable};
use crate::trace::TraceHeader;

#[cfg(test)]
mod tests;

/// Minimum length of a key, in bytes. 32 random letters and digits have 190 bits.
pub const MIN_KEY_LEN: usize = 32;

/// One HTTP request to an unsigned route.
#[derive(Clone, Copy)]
pub struct UnsignedDelivery<'a> {
    /// The notification of the route; `None` for an unknown route.
    pub notification: Option<UnsignedType>,
    /// The key in the path.
    pub key: Option<&'a str>,
    /// The caller's address as API Gateway saw it. Never from a header, which any caller can set.
    pub source: Option<IpAddr>,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// Time of receipt.
    pub received_at: Timestamp,
    /// X-Ray trace of the request.
    pub trace: Option<&'a TraceHeader>,
    /// Time until the answer must be sent, at most [`crate::accept::DEADLINE`].
    pub time_left: Duration,
}

/// Accepts unsigned notifications.
#[derive(Debug)]
pub struct UnsignedIntake<E, D, S: SecretStore> {
    /// Stores payouts.
    pub events: E,
    /// Answers questions of a Web Shop.
    pub directory: D,
    /// Valid keys, each of at least [`MIN_KEY_LEN`] bytes.
    pub keys: SecretCache<S>,
    /// Xsolla's addresses. Requests from other addresses are always rejected.
    pub sources: SourceRanges,
}

impl<E: EventStore, D: UserDirectory, S: SecretStore<Value = Secrets>> UnsignedIntake<E, D, S> {
    /// Processes a delivery. Always returns within the delivery's time limit.
    pub async fn accept<'a>(&self, delivery: &UnsignedDelivery<'a>) -> DeliveryReport<'a> {
        let mut report = DeliveryReport::start();
        let result = tokio::time::timeout(delivery.time_left, self.process(delivery, &mut report)).await;
        report.conclude(result)
    }

    async fn process<'a>(
        &self,
        delivery: &UnsignedDelivery<'a>,
        report: &mut DeliveryReport<'a>,
    ) -> Result<Outcome, EarlyExit> {
        let UnsignedDelivery { body, received_at, trace, .. } = *delivery;
        if body.len() > MAX_BODY {
            return Ok(Outcome::Unavailable(Unavailable::BodyTooLarge));
        }
        let unknown_source = UnknownSource::check(&self.sources, delivery.source);
        report.is_from_xsolla = unknown_source.is_none();
        let has_valid_key = self.has_valid_key(delivery, report.is_from_xsolla);
        if !timed(&mut report.timings.verify, has_valid_key).await? {
            return Ok(Outcome::Unavailable(Unavailable::WrongKey));
        }
        // Only now, so that addresses of callers without a key are not logged.
        report.unknown_source = unknown_source;
        if report.unknown_source.is_some() {
            return Ok(Outcome::Unavailable(Unavailable::UnknownSource));
        }
        let Some(notification) = delivery.notification else {
            return Ok(Outcome::Unavailable(Unavailable::UnexpectedType));
        };

        let envelope = Envelope::parse_unsigned(body, notification).ok();
        match notification.notification_type().role() {
            Role::Question(question) => {
                let Some(envelope) = envelope else { return Ok(Outcome::Unreadable) };
                let envelope = report.envelope.insert(envelope);
                let answer = question::answer(&self.directory, question, envelope, body, received_at);
                let (outcome, content) = timed(&mut report.timings.directory, answer).await?;
                report.content = content;
                Ok(outcome)
            }
            Role::Event(_) => {
                let stored = async {
                    match envelope {
                        Some(envelope) => {
                            let envelope = report.envelope.insert(envelope);
                            store_event(&self.events, envelope, Body::unsigned(body), received_at, trace).await
                        }
                        None => store_unreadable(&self.events, Body::unsigned(body), received_at, trace).await,
                    }
                };
                timed(&mut report.timings.store, stored).await.map_err(unavailable(Unavailable::Store))
            }
        }
    }

    async fn has_valid_key(&self, delivery: &UnsignedDelivery<'_>, is_from_xsolla: bool) -> Result<bool, EarlyExit> {
        let Some(key) = delivery.key else { return Ok(false) };
        let verified = self.keys.verify_with(delivery.received_at, |keys| find_key(keys, key)).await;
        Ok(verified.map_err(unknown_match(is_from_xsolla))?.is_some())
    }
}

fn find_key(keys: &Secrets, key: &str) -> Result<Option<()>, PortError> {
    if keys.min_len() < MIN_KEY_LEN {
        let cause = format!("a key has less than {MIN_KEY_LEN} characters; requests are rejected until it is replaced");
        return Err(PortError { operation: "reading the keys of the unsigned routes", cause });
    }
    Ok(keys.contains(key).then_some(()))
}
