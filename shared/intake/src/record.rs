//! What is kept of a delivery, and read back.

use std::borrow::Cow;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use xsolla::{BodyDigest, Envelope, EventId, Mode, Verified};

use crate::table::{BODY, IDENTIFIED, MODE, ORDER_ID, PK, PROJECT_ID, RECEIVED_AT, SK, TRACE, TYPE, USER_ID};
use crate::trace::TraceHeader;

/// How long a record is kept unless it is said otherwise: a little over a year, since disputes may come months after
/// their sale, and a yearly subscription is renewed after one.
pub const RETENTION: SignedDuration = SignedDuration::from_hours(400 * 24);

/// One delivery, as it is kept.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// What it is to the relay.
    pub kind: Kind,
    /// The key.
    pub event_id: EventId,
    /// `notification_type` as it came, or `payout`; `None` if the body was unreadable.
    pub type_name: Option<Cow<'a, str>>,
    /// Xsolla's order id.
    pub order_id: Option<Cow<'a, str>>,
    /// The game's user id.
    pub user_id: Option<Cow<'a, str>>,
    /// Xsolla's project id.
    pub project_id: Option<Cow<'a, str>>,
    /// Whether money moved.
    pub mode: Mode,
    /// Whether the key comes from the type's ids (see [`Envelope::identified`]).
    pub identified: bool,
    /// The body.
    pub body: Body<'a>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// The trace of its arrival.
    pub trace: Option<&'a TraceHeader>,
}

/// A body, byte for byte, and who speaks for it. `Debug` shows its length only.
#[derive(Clone, Copy)]
pub struct Body<'a> {
    bytes: &'a [u8],
    digest: BodyDigest,
    secret: Option<u32>,
}

impl<'a> Body<'a> {
    /// A body that nobody signed.
    pub(crate) fn unsigned(bytes: &'a [u8]) -> Self {
        Self { bytes, digest: BodyDigest::of(bytes), secret: None }
    }

    /// The bytes as they came.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The digest by which a retry is told from another content under the same key.
    #[must_use]
    pub const fn digest(&self) -> BodyDigest {
        self.digest
    }

    /// Which secret signed it: 0 is the current one. `None`: nobody did.
    #[must_use]
    pub const fn secret(&self) -> Option<u32> {
        self.secret
    }
}

impl<'a> From<Verified<'a>> for Body<'a> {
    fn from(verified: Verified<'a>) -> Self {
        Self { bytes: verified.body(), digest: verified.digest(), secret: Some(verified.secret_index()) }
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.bytes.len())
    }
}

/// What a record is to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It goes to the queue.
    Event,
    /// Another content under a key that was taken. It stays in the table, for people to look at.
    Conflict,
    /// Signed, or told by its path to be a payout, but no notification. It stays in the table, for people to look at.
    Unreadable,
}

impl Kind {
    /// The word in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Conflict => "conflict",
            Self::Unreadable => "unreadable",
        }
    }
}

impl<'a> Record<'a> {
    pub(crate) fn of_event(
        envelope: &'a Envelope<'_>,
        body: Body<'a>,
        received_at: Timestamp,
        trace: Option<&'a TraceHeader>,
    ) -> Self {
        Self {
            kind: Kind::Event,
            event_id: envelope.event_id().clone(),
            type_name: Some(envelope.type_name().into()),
            order_id: envelope.order_id().map(Into::into),
            user_id: envelope.user_id().map(Into::into),
            project_id: envelope.project_id().map(Into::into),
            mode: envelope.mode(),
            identified: envelope.is_identified(),
            body,
            received_at,
            trace,
        }
    }

    pub(crate) fn of_unreadable(body: Body<'a>, received_at: Timestamp, trace: Option<&'a TraceHeader>) -> Self {
        Self {
            kind: Kind::Unreadable,
            event_id: EventId::of_unreadable(body.digest()),
            type_name: None,
            order_id: None,
            user_id: None,
            project_id: None,
            mode: Mode::Live,
            identified: false,
            body,
            received_at,
            trace,
        }
    }

    /// The same delivery under the key for what has happened before, for the `nth` time.
    pub(crate) fn repeated(self, event_id: &EventId, nth: u32) -> Self {
        Self { event_id: event_id.with_recurrence(nth), ..self }
    }

    /// The same delivery, to be kept beside the one that has its key.
    pub(crate) fn into_conflict(self) -> Self {
        Self { kind: Kind::Conflict, event_id: self.event_id.with_conflict(self.body.digest()), ..self }
    }
}

/// An event, as it is read back from the table.
#[derive(Clone)]
pub struct StoredEvent {
    /// The key.
    pub event_id: EventId,
    /// `notification_type` as it came.
    pub type_name: String,
    /// Xsolla's order id.
    pub order_id: Option<String>,
    /// The game's user id.
    pub user_id: Option<String>,
    /// Xsolla's project id.
    pub project_id: Option<String>,
    /// Whether money moved.
    pub mode: Mode,
    /// Whether the key comes from the type's ids.
    pub identified: bool,
    /// When it arrived, as the table has it: UTC, to the millisecond.
    pub received_at: String,
    /// The trace of its arrival.
    pub trace: Option<TraceHeader>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// The table's item is not one that the front door writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the item has no usable attribute `{0}`")]
pub struct MissingAttribute(pub &'static str);

/// An item of the table, whichever crate's type it is.
pub trait Item {
    /// A string attribute.
    fn string(&self, name: &str) -> Option<&str>;
    /// A boolean attribute.
    fn boolean(&self, name: &str) -> Option<bool>;
    /// A binary attribute.
    fn binary(&self, name: &str) -> Option<&[u8]>;
}

impl StoredEvent {
    /// Reads an item.
    ///
    /// # Errors
    ///
    /// When an attribute is missing that every event has.
    pub fn read(item: &impl Item) -> Result<Self, MissingAttribute> {
        let required = |name| item.string(name).ok_or(MissingAttribute(name)).map(str::to_owned);
        let optional = |name| item.string(name).map(str::to_owned);
        Ok(Self {
            event_id: EventId::new(required(PK)?, required(SK)?),
            type_name: required(TYPE)?,
            order_id: optional(ORDER_ID),
            user_id: optional(USER_ID),
            project_id: optional(PROJECT_ID),
            mode: item.string(MODE).and_then(|mode| mode.parse().ok()).ok_or(MissingAttribute(MODE))?,
            identified: item.boolean(IDENTIFIED).ok_or(MissingAttribute(IDENTIFIED))?,
            received_at: required(RECEIVED_AT)?,
            trace: item.string(TRACE).and_then(TraceHeader::parse),
            body: item.binary(BODY).ok_or(MissingAttribute(BODY))?.to_vec(),
        })
    }
}

/// It holds personal data: only the key is shown.
impl fmt::Debug for StoredEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredEvent").field("event_id", &self.event_id).finish_non_exhaustive()
    }
}
