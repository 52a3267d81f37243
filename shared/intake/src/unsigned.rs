//! What Xsolla does not sign: key and address → identify → keep or answer.
//!
//! An unguessable part of the path, and the address that called, are all that speaks for the sender. That is less than a
//! signature: whoever learns the URL and calls from one of Xsolla's addresses can say anything. So these notifications
//! have routes of their own, and can be nothing else there.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use xsolla::{Envelope, Role, Secrets, SourceRanges, UnsignedType};

use crate::accept::{DeliveryReport, MAX_BODY, Stop, UnknownSource, ask, failed, timed};
use crate::outcome::{Outcome, Unavailable};
use crate::ports::{EventStore, PortError, SecretStore, UserDirectory};
use crate::record::Body;
use crate::secrets::SecretCache;
use crate::store_event::{keep, store_unreadable};
use crate::trace::TraceHeader;

#[cfg(test)]
mod tests;

/// The least length of a key, in bytes: as many letters and digits are 190 bits, if they are drawn by lot.
pub const MIN_KEY: usize = 32;

/// One HTTP request to the unsigned routes, as far as it matters.
#[derive(Clone, Copy)]
pub struct UnsignedDelivery<'a> {
    /// What its path says that it is; `None` if that says nothing known.
    pub what: Option<UnsignedType>,
    /// The key in its path.
    pub key: Option<&'a str>,
    /// Who called, as the gateway saw it. Never from a header, which any caller can write.
    pub source: Option<IpAddr>,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// When it arrived.
    pub received_at: Timestamp,
    /// The trace that its arrival is part of.
    pub trace: Option<&'a TraceHeader>,
    /// By when an answer must leave, at most [`crate::accept::DEADLINE`].
    pub time_left: Duration,
}

/// Accepts what Xsolla does not sign.
#[derive(Debug)]
pub struct UnsignedIntake<E, D, S> {
    /// Where payouts are kept.
    pub events: E,
    /// Who knows the users of a Web Shop.
    pub directory: D,
    /// The keys that a path may have, each of at least [`MIN_KEY`] bytes.
    pub keys: SecretCache<S>,
    /// From where Xsolla calls. Any other address is turned away, whatever the signed webhooks do.
    pub sources: SourceRanges,
}

impl<E: EventStore, D: UserDirectory, S: SecretStore> UnsignedIntake<E, D, S> {
    /// Takes a delivery. There is always an outcome, and always in time.
    pub async fn accept<'a>(&self, delivery: &UnsignedDelivery<'a>) -> DeliveryReport<'a> {
        let mut receipt = DeliveryReport::from(Outcome::Unavailable(Unavailable::Deadline));
        let in_time = tokio::time::timeout(delivery.time_left, self.decide(delivery, &mut receipt)).await;
        receipt.concluded(in_time)
    }

    async fn decide<'a>(
        &self,
        delivery: &UnsignedDelivery<'a>,
        receipt: &mut DeliveryReport<'a>,
    ) -> Result<Outcome, Stop> {
        let UnsignedDelivery { body, received_at, trace, .. } = *delivery;
        if body.len() > MAX_BODY {
            return Ok(Outcome::Unavailable(Unavailable::BodyTooLarge));
        }
        // The key first: the address of whoever has none is nobody's business, and goes into no log.
        if !timed(&mut receipt.took.verify, self.has_key(delivery)).await? {
            return Ok(Outcome::Unavailable(Unavailable::WrongKey));
        }
        receipt.unknown_source = UnknownSource::to(&self.sources, delivery.source);
        if receipt.unknown_source.is_some() {
            return Ok(Outcome::Unavailable(Unavailable::UnknownSource));
        }
        let Some(what) = delivery.what else { return Ok(Outcome::Unavailable(Unavailable::UnexpectedType)) };

        let envelope = Envelope::parse_unsigned(body, what).ok();
        match what.notification_type().role() {
            Role::Question(question) => {
                let Some(envelope) = envelope else { return Ok(Outcome::Unreadable) };
                let envelope = receipt.envelope.insert(envelope);
                let answer = ask(&self.directory, question, envelope, body);
                let (outcome, content) = timed(&mut receipt.took.ask, answer).await?;
                receipt.content = content;
                Ok(outcome)
            }
            Role::Event(_) => {
                let kept = async {
                    match envelope {
                        Some(envelope) => {
                            let envelope = receipt.envelope.insert(envelope);
                            keep(&self.events, envelope, Body::unsigned(body), received_at, trace).await
                        }
                        None => store_unreadable(&self.events, Body::unsigned(body), received_at, trace).await,
                    }
                };
                timed(&mut receipt.took.keep, kept).await.map_err(failed(Unavailable::Store))
            }
        }
    }

    /// Against the keys held, then, if none matches, against those of this moment.
    async fn has_key(&self, delivery: &UnsignedDelivery<'_>) -> Result<bool, Stop> {
        let Some(key) = delivery.key else { return Ok(false) };
        let unusable = failed(Unavailable::Secrets);
        let held = self.keys.current(delivery.received_at).await.map_err(unusable)?;
        if is_one_of(&held, key).map_err(unusable)? {
            return Ok(true);
        }
        let again = self.keys.refresh(delivery.received_at, &held).await.map_err(unusable)?;
        again.map_or(Ok(false), |keys| is_one_of(&keys, key)).map_err(unusable)
    }
}

fn is_one_of(keys: &Secrets, key: &str) -> Result<bool, PortError> {
    if keys.min_len() < MIN_KEY {
        let cause = format!("one of them has less than {MIN_KEY} characters, and could be guessed");
        return Err(PortError { operation: "reading the keys of the unsigned routes", cause });
    }
    Ok(keys.contains(key))
}
