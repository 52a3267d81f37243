//! The idempotency key of an event.

use std::fmt;
use std::str::FromStr;

use crate::body::BodyDigest;

/// Separates a key from the time of a later delivery of the same bytes.
const RECURRENCE: &str = "#again#";

/// The idempotency key of an event: its subject, its type, and the type's own id or discriminator.
///
/// It is made from the body alone. A payment and its refund share a transaction id, so the type is always part of the key.
/// Both parts are printable ASCII and fit DynamoDB's keys (2,048 and 1,024 bytes). Displayed as `subject#rest`.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::EventId;
///
/// let id: EventId = "transaction#2105129134#payment".parse()?;
/// assert_eq!(id.subject(), "transaction#2105129134");
/// assert_eq!(id.rest(), "payment");
/// # Ok::<(), xsolla_webhooks::ParseEventIdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventId {
    subject: String,
    rest: String,
}

impl EventId {
    /// Creates a key from its stored parts.
    #[must_use]
    pub fn new(subject: String, rest: String) -> Self {
        Self { subject, rest }
    }

    /// Creates the key of an unreadable body: its digest.
    #[must_use]
    pub fn of_unreadable(digest: BodyDigest) -> Self {
        Self::new(format!("body#{digest}"), "unreadable".to_owned())
    }

    /// Returns the key under which conflicting content is stored beside this event.
    #[must_use]
    pub fn with_conflict(&self, digest: BodyDigest) -> Self {
        Self::new(self.subject.clone(), format!("{}#conflict#{digest}", self.rest))
    }

    /// Returns the key of a later delivery of the same bytes, such as a state that returns.
    ///
    /// `received_at` distinguishes the deliveries.
    #[must_use]
    pub fn with_recurrence(&self, received_at: &str) -> Self {
        Self::new(self.subject.clone(), format!("{}{RECURRENCE}{received_at}", self.rest))
    }

    /// Returns whether the key was made by [`Self::with_recurrence`].
    #[must_use]
    pub fn is_recurrence(&self) -> bool {
        self.rest.contains(RECURRENCE)
    }

    /// Returns the part after the subject as it was before [`Self::with_recurrence`].
    pub(crate) fn rest_of_first(&self) -> &str {
        self.rest.split(RECURRENCE).next().unwrap_or_default()
    }

    /// Returns whether the key contains a body's digest. If so, identical bytes can be a new event.
    ///
    /// A payment happens once. A payment account can be saved, removed, and saved again.
    #[must_use]
    pub fn contains_digest(&self, digest: BodyDigest) -> bool {
        self.rest.contains(&digest.to_string())
    }

    /// Returns the type's name in the key.
    pub(crate) fn type_label(&self) -> &str {
        self.rest.split('#').next().unwrap_or_default()
    }

    /// Returns the subject. A payment, its order, their refund and their dispute share one.
    ///
    /// `transaction#<id>`, else `order#<id>`, `subscription#<id>`, `payment_account#<id>`, `operation#<id>`,
    /// `payout#<id>`, else `body#<digest>`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the part after the subject: the type, and its own id or discriminator.
    #[must_use]
    pub fn rest(&self) -> &str {
        &self.rest
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.subject, self.rest)
    }
}

/// The error of parsing an [`EventId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an event id: expected a form like transaction#2105129134#payment")]
pub struct ParseEventIdError(());

impl FromStr for EventId {
    type Err = ParseEventIdError;

    fn from_str(text: &str) -> Result<Self, ParseEventIdError> {
        let error = ParseEventIdError(());
        let (second_separator, _) = text.match_indices('#').nth(1).ok_or(error)?;
        let (subject, rest) = text.split_at(second_separator);
        Ok(Self::new(subject.to_owned(), rest[1..].to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_id_parses_from_its_display() {
        for (subject, rest) in
            [("transaction#7", "payment"), ("order#7", "order_paid#7#conflict#ab"), ("body#ab", "x#ab")]
        {
            let id = EventId::new(subject.to_owned(), rest.to_owned());
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn accessors_return_the_parts() {
        let id: EventId = "transaction#7#partial_refund#ab".parse().unwrap();
        assert_eq!(
            (id.subject(), id.rest(), id.type_label()),
            ("transaction#7", "partial_refund#ab", "partial_refund")
        );
    }

    #[test]
    fn contains_digest_of_its_body_only() {
        let (own, other) = (BodyDigest::of(b"{}"), BodyDigest::of(b"[]"));
        let id = EventId::new("payment_account#7".to_owned(), format!("payment_account_add#{own}"));
        assert!(id.contains_digest(own) && !id.contains_digest(other));
    }

    #[test]
    fn recurrence_has_another_key_and_keeps_the_rest_of_the_first() {
        let first: EventId = "transaction#7#dispute#new".parse().unwrap();
        let again = first.with_recurrence("2026-11-22T00:31:07.042518Z");
        assert_eq!(again.to_string(), "transaction#7#dispute#new#again#2026-11-22T00:31:07.042518Z");
        assert!(again.is_recurrence() && !first.is_recurrence());
        assert_eq!((again.rest_of_first(), first.rest_of_first()), ("dispute#new", "dispute#new"));
    }

    #[test]
    fn subject_alone_is_not_an_event_id() {
        for text in ["transaction#7", "7", ""] {
            assert!(text.parse::<EventId>().is_err(), "{text:?}");
        }
    }
}
