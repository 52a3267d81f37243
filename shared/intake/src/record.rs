//! Records of the events table: written by the accept flows, read by the relay.

use std::borrow::Cow;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use xsolla::{
    BodyDigest, Decision, Envelope, EventId, Mode, NotificationType, Verified, json_text, type_label, user_id,
};

use crate::table::{
    BODY, DECIDED_AT, GOODS, GOODS_MODE, GOODS_REASON, IDENTIFIED, MAX_INDEX_KEY_LEN, MODE, ORDER_ID, PK, PROJECT_ID,
    RECEIVED_AT, SK, TRACE, TYPE, USER_ID,
};
use crate::trace::TraceHeader;

/// Default retention of a record: 400 days, since a yearly subscription is renewed after one year.
pub const RETENTION: SignedDuration = SignedDuration::from_hours(400 * 24);

/// A delivery to be stored.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// Kind of the record.
    pub kind: Kind,
    /// The key.
    pub event_id: EventId,
    /// `notification_type` as received, or `payout`; `None` if the body is unreadable. `unknown` if it is longer than an id
    /// can be: together with the body, it could exceed the size of an item.
    pub type_name: Option<Cow<'a, str>>,
    /// Xsolla's order id, if it [fits the key of an index](MAX_INDEX_KEY_LEN).
    pub order_id: Option<Cow<'a, str>>,
    /// The game's user id, if it fits the key of an index.
    pub user_id: Option<Cow<'a, str>>,
    /// Xsolla's project id, if it fits the key of an index.
    pub project_id: Option<Cow<'a, str>>,
    /// Id of the charged or refunded subscription (see [`Envelope::subscription_id`]).
    pub subscription_id: Option<Cow<'a, str>>,
    /// Live or sandbox.
    pub mode: Mode,
    /// Whether the key comes from the type's ids (see [`Envelope::is_identified`]).
    pub identified: bool,
    /// The body.
    pub body: Body<'a>,
    /// Time of receipt.
    pub received_at: Timestamp,
    /// X-Ray trace of the request.
    pub trace: Option<&'a TraceHeader>,
}

/// A body, byte for byte, and the secret that verified it. `Debug` shows only its length.
#[derive(Clone, Copy)]
pub struct Body<'a> {
    bytes: &'a [u8],
    digest: BodyDigest,
    secret_index: Option<u32>,
}

impl<'a> Body<'a> {
    pub(crate) fn unsigned(bytes: &'a [u8]) -> Self {
        Self { bytes, digest: BodyDigest::of(bytes), secret_index: None }
    }

    /// Returns the bytes as received.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the digest, which distinguishes a retry from a conflict.
    #[must_use]
    pub const fn digest(&self) -> BodyDigest {
        self.digest
    }

    /// Returns the position of the secret that verified the body; 0 is the current one. `None`: the body is not signed.
    #[must_use]
    pub const fn secret_index(&self) -> Option<u32> {
        self.secret_index
    }
}

impl<'a> From<Verified<'a>> for Body<'a> {
    fn from(verified: Verified<'a>) -> Self {
        Self { bytes: verified.body(), digest: verified.digest(), secret_index: Some(verified.secret_index()) }
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.bytes.len())
    }
}

/// Kind of a record. Only events are relayed; an operator inspects the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// An event.
    Event,
    /// Other content for an existing key.
    Conflict,
    /// An authenticated body that is not a notification.
    Unreadable,
}

impl Kind {
    /// Value of the attribute [`crate::table::KIND`].
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl<'a> Record<'a> {
    pub(crate) fn event(
        envelope: &'a Envelope<'_>,
        body: Body<'a>,
        received_at: Timestamp,
        trace: Option<&'a TraceHeader>,
    ) -> Self {
        let type_name = envelope.type_name();
        let type_name = if fits_index_key(type_name) { type_name } else { type_label(type_name) };
        let indexed = |id: Option<&'a str>| id.filter(|id| fits_index_key(id)).map(Cow::Borrowed);
        Self {
            kind: Kind::Event,
            event_id: envelope.event_id().clone(),
            type_name: Some(type_name.into()),
            order_id: indexed(envelope.order_id()),
            user_id: indexed(envelope.user_id()),
            project_id: indexed(envelope.project_id()),
            subscription_id: envelope.subscription_id().map(Into::into),
            mode: envelope.mode(),
            identified: envelope.is_identified(),
            body,
            received_at,
            trace,
        }
    }

    pub(crate) fn unreadable(body: Body<'a>, received_at: Timestamp, trace: Option<&'a TraceHeader>) -> Self {
        Self {
            kind: Kind::Unreadable,
            event_id: EventId::of_unreadable(body.digest()),
            type_name: None,
            order_id: None,
            user_id: None,
            project_id: None,
            subscription_id: None,
            mode: Mode::Live,
            identified: false,
            body,
            received_at,
            trace,
        }
    }

    /// Replaces the key with that of a later delivery of the same bytes.
    pub(crate) fn into_recurrence(self) -> Self {
        let received_at = format!("{:.6}", self.received_at);
        Self { event_id: self.event_id.with_recurrence(&received_at), ..self }
    }

    /// Turns the record into a conflict with a key of its own.
    pub(crate) fn into_conflict(self) -> Self {
        Self { kind: Kind::Conflict, event_id: self.event_id.with_conflict(self.body.digest()), ..self }
    }
}

/// Returns whether DynamoDB accepts the text as the partition key of an index.
fn fits_index_key(text: &str) -> bool {
    text.len() <= MAX_INDEX_KEY_LEN
}

/// Returns the user id of a body if it is too long for the attribute.
///
/// It is read from the body, so that the item has one copy of it.
pub(crate) fn long_user_id(type_name: &str, body: &[u8]) -> Option<String> {
    if body.len() <= MAX_INDEX_KEY_LEN || type_name == NotificationType::PAYOUT.name() {
        return None;
    }
    user_id(type_name.parse().ok(), json_text(body).ok()?).filter(|id| !fits_index_key(id))
}

/// An event read from the table.
#[derive(Clone)]
pub struct StoredEvent {
    /// The key.
    pub event_id: EventId,
    /// `notification_type` as received, or `payout`.
    pub type_name: String,
    /// Xsolla's order id.
    pub order_id: Option<String>,
    /// The game's user id, also if it is too long for the attribute.
    pub user_id: Option<String>,
    /// Xsolla's project id.
    pub project_id: Option<String>,
    /// Live or sandbox.
    pub mode: Mode,
    /// Whether the key comes from the type's ids.
    pub identified: bool,
    /// Time of receipt as stored: UTC, with microseconds.
    pub received_at: String,
    /// X-Ray trace of the request.
    pub trace: Option<TraceHeader>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// What the relay decided when it sent the event.
    pub decision: Option<StoredDecision>,
}

/// What an event means for the goods, and when that was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredDecision {
    /// The decision.
    pub decision: Decision,
    /// Its time. Later decisions about a sale have later times.
    pub decided_at: Timestamp,
}

impl StoredDecision {
    /// Reads the decision of an item. `None`: it has none.
    pub fn read(item: &impl Item) -> Option<Self> {
        let goods = item.string(GOODS)?.parse().ok()?;
        let reason = item.string(GOODS_REASON).and_then(|reason| reason.parse().ok());
        let mode = item.string(GOODS_MODE)?.parse().ok()?;
        let decided_at = item.string(DECIDED_AT)?.parse().ok()?;
        Some(Self { decision: Decision { goods, reason, mode }, decided_at })
    }
}

/// A required attribute of an item is missing or invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the item has no valid attribute `{0}`")]
pub struct MissingAttribute(pub &'static str);

/// Attributes of an item of the table, independent of the crate that represents it.
pub trait Item {
    /// Returns a string attribute.
    fn string(&self, name: &str) -> Option<&str>;
    /// Returns a boolean attribute.
    fn boolean(&self, name: &str) -> Option<bool>;
    /// Returns a binary attribute.
    fn binary(&self, name: &str) -> Option<&[u8]>;
}

impl StoredEvent {
    /// Reads an item.
    ///
    /// # Errors
    ///
    /// If a required attribute is missing or invalid.
    pub fn read(item: &impl Item) -> Result<Self, MissingAttribute> {
        let required = |name| item.string(name).ok_or(MissingAttribute(name)).map(str::to_owned);
        let optional = |name| item.string(name).map(str::to_owned);
        let type_name = required(TYPE)?;
        let body = item.binary(BODY).ok_or(MissingAttribute(BODY))?.to_vec();
        Ok(Self {
            event_id: EventId::new(required(PK)?, required(SK)?),
            order_id: optional(ORDER_ID),
            user_id: optional(USER_ID).or_else(|| long_user_id(&type_name, &body)),
            type_name,
            project_id: optional(PROJECT_ID),
            mode: item.string(MODE).and_then(|mode| mode.parse().ok()).ok_or(MissingAttribute(MODE))?,
            identified: item.boolean(IDENTIFIED).ok_or(MissingAttribute(IDENTIFIED))?,
            received_at: required(RECEIVED_AT)?,
            trace: item.string(TRACE).and_then(TraceHeader::parse),
            body,
            decision: StoredDecision::read(item),
        })
    }
}

/// Shows only the key: the other fields contain personal data.
impl fmt::Debug for StoredEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredEvent").field("event_id", &self.event_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use xsolla::{Goods, GoodsReason};

    use super::*;
    use crate::testing::{self, StoredItem};

    fn record_of<T>(body: &str, inspect: impl FnOnce(&Record<'_>) -> T) -> T {
        let envelope = testing::envelope(body.as_bytes());
        let verified = testing::verified(body.as_bytes());
        inspect(&Record::event(&envelope, verified.into(), Timestamp::UNIX_EPOCH, None))
    }

    #[rstest]
    #[case::largest(MAX_INDEX_KEY_LEN, true)]
    #[case::too_long(MAX_INDEX_KEY_LEN + 1, false)]
    #[case::as_long_as_a_body(200_000, false)]
    fn ids_are_attributes_if_they_fit_the_key_of_an_index(#[case] len: usize, #[case] is_attribute: bool) {
        let id = "7".repeat(len);
        let body = format!(
            r#"{{"notification_type":"payment","user":{{"id":"{id}"}},"purchase":{{"order":{{"id":{id}}}}},"project_id":"{id}"}}"#
        );
        record_of(&body, |record| {
            for attribute in [&record.user_id, &record.order_id, &record.project_id] {
                assert_eq!(attribute.as_deref(), Some(&*id).filter(|_| is_attribute));
            }
            let stored = StoredItem::from(record).event;
            assert_eq!(stored.user_id.as_deref(), Some(&*id), "the message has the user id");
        });
    }

    #[test]
    fn payout_has_no_user_id_of_the_game() {
        let long = "7".repeat(MAX_INDEX_KEY_LEN + 1);
        let body = format!(r#"{{"user":{{"id":"{long}"}}}}"#);
        assert_eq!(long_user_id("payment", body.as_bytes()), Some(long));
        assert_eq!(long_user_id("payout", body.as_bytes()), None);
    }

    struct Attributes(Vec<(&'static str, &'static str)>);

    impl Item for Attributes {
        fn string(&self, name: &str) -> Option<&str> {
            self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
        }

        fn boolean(&self, _name: &str) -> Option<bool> {
            None
        }

        fn binary(&self, _name: &str) -> Option<&[u8]> {
            None
        }
    }

    #[test]
    fn decision_is_read_if_goods_mode_and_time_are_valid() {
        let attributes = vec![
            (GOODS, "info"),
            (GOODS_REASON, "already_granted"),
            (GOODS_MODE, "live"),
            (DECIDED_AT, "2026-11-22T00:31:08Z"),
        ];
        let decision = Decision { goods: Goods::Info, reason: Some(GoodsReason::AlreadyGranted), mode: Mode::Live };
        let expected = StoredDecision { decision, decided_at: "2026-11-22T00:31:08Z".parse().unwrap() };
        assert_eq!(StoredDecision::read(&Attributes(attributes.clone())), Some(expected));
        for required in [GOODS, GOODS_MODE, DECIDED_AT] {
            let others = attributes.iter().copied().filter(|(name, _)| *name != required);
            assert_eq!(StoredDecision::read(&Attributes(others.collect())), None, "{required}");
        }
    }

    #[test]
    fn type_name_that_is_longer_than_an_id_is_unknown() {
        let body = format!(r#"{{"notification_type":"{}"}}"#, "t".repeat(MAX_INDEX_KEY_LEN + 1));
        record_of(&body, |record| assert_eq!(record.type_name.as_deref(), Some("unknown")));
    }

    #[rstest]
    #[case("payment", Some("31"))]
    #[case("order_paid", None)]
    fn charge_of_a_subscription_has_its_id(#[case] type_name: &str, #[case] expected: Option<&str>) {
        let body = format!(
            r#"{{"notification_type":"{type_name}","purchase":{{"subscription":{{"subscription_id":"31"}}}}}}"#
        );
        record_of(&body, |record| assert_eq!(record.subscription_id.as_deref(), expected));
    }
}
