//! What is kept of a delivery.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use xsolla::{BodyDigest, Envelope, EventId, Mode, Verified};

/// How long a record is kept: a little over a year, since disputes may come months after their sale.
const RETENTION: SignedDuration = SignedDuration::from_hours(400 * 24);

/// One delivery, as it is kept.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// What it is to the relay.
    pub kind: Kind,
    /// The key.
    pub event_id: EventId,
    /// `notification_type` as it came; `None` if the body was unreadable.
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
    /// The signed body.
    pub verified: Verified<'a>,
    /// When it arrived.
    pub received_at: Timestamp,
}

/// What a record is to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It goes to the queue.
    Event,
    /// Another content under a key that was taken. It stays in the table, for people to look at.
    Conflict,
    /// Signed, but no notification. It stays in the table, for people to look at.
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
    pub(crate) fn of_event(envelope: &Envelope<'a>, verified: Verified<'a>, received_at: Timestamp) -> Self {
        Self {
            kind: Kind::Event,
            event_id: envelope.event_id.clone(),
            type_name: Some(envelope.type_name.clone()),
            order_id: envelope.order_id.clone(),
            user_id: envelope.user_id.clone(),
            project_id: envelope.project_id.clone(),
            mode: envelope.mode,
            identified: envelope.identified,
            verified,
            received_at,
        }
    }

    pub(crate) fn of_unreadable(verified: Verified<'a>, received_at: Timestamp) -> Self {
        Self {
            kind: Kind::Unreadable,
            event_id: EventId::of_unreadable(verified.digest()),
            type_name: None,
            order_id: None,
            user_id: None,
            project_id: None,
            mode: Mode::Live,
            identified: false,
            verified,
            received_at,
        }
    }

    /// The same delivery under the key for what has happened before, for the `nth` time.
    pub(crate) fn repeated(self, event_id: &EventId, nth: u32) -> Self {
        Self { event_id: event_id.of_repetition(nth), ..self }
    }

    /// The same delivery, to be kept beside the one that has its key.
    pub(crate) fn into_conflict(self) -> Self {
        Self { kind: Kind::Conflict, event_id: self.event_id.of_conflict(self.digest()), ..self }
    }

    /// The digest of the body.
    #[must_use]
    pub const fn digest(&self) -> BodyDigest {
        self.verified.digest()
    }

    /// When the table may forget it, in seconds since 1970.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.received_at.as_second() + RETENTION.as_secs()
    }
}
