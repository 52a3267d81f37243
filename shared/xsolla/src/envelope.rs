//! What the receiver must know of any notification, read leniently: nothing in a signed body can stop it.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::field::{Field, Fields};
use crate::identity::identify;
use crate::{BodyDigest, EventId, NotificationType, Role, Success, Unsigned, Verified};

/// Longest order, user or project id that is kept beside an event, in bytes. DynamoDB takes 2,048 for the key of an index.
const MAX_REFERENCE: usize = 1024;

/// A notification from the outside: what it is about, not what it says.
///
/// Each reference is text, whether it came as a number or as a string, from wherever its type keeps it.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    /// `notification_type` as it came; our own name for what has none (see [`Unsigned`]).
    pub type_name: Cow<'a, str>,
    /// The type, if it is known here.
    pub known: Option<NotificationType>,
    /// The key under which an event is kept once.
    pub event_id: EventId,
    /// Whether the key comes from the type's ids. If not, the type is unknown or its ids are missing or unreadable, and
    /// the key comes from the body's digest.
    pub identified: bool,
    /// Xsolla's order id.
    pub order_id: Option<Cow<'a, str>>,
    /// The game's id of the user.
    pub user_id: Option<Cow<'a, str>>,
    /// What the user is known by to everybody: who a `user_search` looks for.
    pub public_user_id: Option<Cow<'a, str>>,
    /// Xsolla's project id. `order_*` in separate mode have none.
    pub project_id: Option<Cow<'a, str>>,
    /// Whether money moved.
    pub mode: Mode,
}

/// Whether a notification is about money or about a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Real money. Xsolla calls it `default`, and sends no `dry_run`.
    Live,
    /// A test: `order.mode` is `sandbox`, or `dry_run` is set.
    Sandbox,
}

/// A body that is not a JSON object, or, if it is signed, has no `notification_type` that is a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object with a notification_type")]
pub struct Unreadable;

/// The JSON text of a body: UTF-8, without the byte order mark that some writers put before it.
///
/// # Errors
///
/// When the body is not UTF-8.
pub fn json_text(body: &[u8]) -> Result<&str, Unreadable> {
    let text = str::from_utf8(body).map_err(|_| Unreadable)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

impl<'a> Envelope<'a> {
    /// Reads a verified body.
    ///
    /// # Errors
    ///
    /// When it is no notification at all. A notification of an unknown type, or without ids, is none of these errors.
    pub fn read(verified: &Verified<'a>) -> Result<Self, Unreadable> {
        let fields = Fields::read(json_text(verified.body())?).map_err(|_| Unreadable)?;
        let type_name = fields.string(Field::NotificationType).ok_or(Unreadable)?;
        let known = NotificationType::named(&type_name);
        let mode = mode(&fields);
        let (event_id, identified) = identify(&fields, &type_name, known, mode, verified.digest());
        let reference = |places: &[Field]| reference(&fields, places);
        Ok(Self {
            known,
            event_id,
            identified,
            order_id: reference(&[Field::OrderId, Field::PurchaseOrderId]),
            user_id: reference(&[
                Field::UserId,
                Field::ExternalUserId,
                Field::UserUserId,
                Field::PayloadUserId,
                Field::FlatUserId,
                Field::GamePlayerId,
                Field::PublicUserId,
            ]),
            public_user_id: reference(&[Field::PublicUserId]),
            project_id: reference(&[
                Field::ProjectId,
                Field::BillingProjectId,
                Field::EventProjectId,
                Field::FlatProjectId,
            ]),
            mode,
            type_name,
        })
    }

    /// Reads a body that nobody signed as what its path says that it is. It can be none of what Xsolla signs.
    ///
    /// # Errors
    ///
    /// When it is not a JSON object. An object without ids is none of these errors.
    pub fn read_unsigned(body: &'a [u8], what: Unsigned) -> Result<Self, Unreadable> {
        let fields = Fields::read(json_text(body)?).map_err(|_| Unreadable)?;
        let known = what.notification_type();
        let mode = Mode::Live;
        let (event_id, identified) = identify(&fields, known.name(), Some(known), mode, BodyDigest::of(body));
        // A payout names neither: whatever stands there would lead whoever looks for a sale astray.
        let reference = |field| match what {
            Unsigned::WebShopUserValidation => reference(&fields, &[field]),
            Unsigned::Payout => None,
        };
        Ok(Self {
            type_name: known.name().into(),
            known: Some(known),
            event_id,
            identified,
            order_id: None,
            user_id: reference(Field::UserId),
            public_user_id: None,
            project_id: reference(Field::ProjectId),
            mode,
        })
    }

    /// Whether it asks rather than tells.
    #[must_use]
    pub fn is_question(&self) -> bool {
        matches!(self.known.map(NotificationType::role), Some(Role::Question(_)))
    }

    /// Whether the same bytes can tell of another event, once Xsolla has stopped resending them.
    #[must_use]
    pub fn may_repeat(&self) -> bool {
        match self.known.map(NotificationType::role) {
            Some(Role::Event(row)) => row.may_repeat() || !self.identified,
            Some(Role::Question(_)) | None => true,
        }
    }

    /// The answer that the type's documentation asks for once the event is safe.
    #[must_use]
    pub fn success(&self) -> Success {
        match self.known.map(NotificationType::role) {
            Some(Role::Event(row)) => row.success(),
            Some(Role::Question(_)) | None => Success::NoContent,
        }
    }
}

impl Mode {
    /// `live` or `sandbox`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Sandbox => "sandbox",
        }
    }

    /// The mode of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Live, Self::Sandbox].into_iter().find(|mode| mode.name() == name)
    }
}

/// A `notification_type` where it is fit for a key, a metric or a message attribute, else `unknown`: a type that Xsolla
/// adds tomorrow may be called anything.
#[must_use]
pub fn type_label(name: &str) -> &str {
    let plain = (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { name } else { "unknown" }
}

/// The first usable id of these places.
fn reference<'a>(fields: &Fields<'a>, places: &[Field]) -> Option<Cow<'a, str>> {
    let usable = |id: &Cow<'_, str>| (1..=MAX_REFERENCE).contains(&id.len());
    places.iter().find_map(|field| fields.text(*field).filter(usable))
}

fn mode(fields: &Fields<'_>) -> Mode {
    let sandbox_order = fields.text(Field::OrderMode).is_some_and(|mode| mode == "sandbox");
    if sandbox_order || fields.is_set(Field::DryRun) || fields.is_set(Field::BillingDryRun) {
        Mode::Sandbox
    } else {
        Mode::Live
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Secrets, Signature, sign};

    /// Looks at the envelope of a body, signed.
    pub(crate) fn with_envelope<T>(
        body: impl AsRef<[u8]>,
        look: impl FnOnce(Result<Envelope<'_>, Unreadable>) -> T,
    ) -> T {
        let secrets = Secrets::parse("secret").unwrap();
        let signature = Signature::parse(&sign(body.as_ref(), "secret")).unwrap();
        look(Envelope::read(&secrets.verify(body.as_ref(), &signature).unwrap()))
    }

    #[test]
    fn references_are_found_wherever_they_stand() {
        for (body, order, user, project) in [
            (r#"{"settings":{"project_id":"18"},"user":{"id":7},"purchase":{"order":{"id":3}}"#, "3", "7", "18"),
            (
                r#"{"billing":{"settings":{"project_id":18}},"user":{"external_id":"7"},"order":{"id":3}"#,
                "3",
                "7",
                "18",
            ),
            (r#"{"event":{"project_id":"18"},"user":{"user_id":"7"},"order":{"id":3}"#, "3", "7", "18"),
            (r#"{"project_id":18,"game_player_id":"7","order":{"id":3}"#, "3", "7", "18"),
            (r#"{"project_id":18,"user_id":"7","order":{"id":3}"#, "3", "7", "18"),
            (r#"{"project_id":18,"payload":{"user":{"id":"7"}},"order":{"id":3}"#, "3", "7", "18"),
            (r#"{"project_id":18,"user":{"public_id":"7"},"order":{"id":"3"}"#, "3", "7", "18"),
            (r#"{"project_id":18,"user":{"id":{"value":7}},"order":{"id":"3"}"#, "3", "7", "18"),
            (r#"{"user":{"id":"","external_id":7}"#, "", "7", ""),
            (r#"{"user":{"user_id":null}"#, "", "", ""),
            (r#"{"user":{"id":""},"order":null"#, "", "", ""),
        ] {
            with_envelope(format!(r#"{body},"notification_type":"any"}}"#), |envelope| {
                let envelope = envelope.unwrap();
                assert_eq!(envelope.order_id.as_deref().unwrap_or_default(), order, "{body}");
                assert_eq!(envelope.user_id.as_deref().unwrap_or_default(), user, "{body}");
                assert_eq!(envelope.project_id.as_deref().unwrap_or_default(), project, "{body}");
            });
        }
    }

    #[test]
    fn the_public_id_of_a_user_is_not_taken_for_the_games_own() {
        let body = r#"{"notification_type":"user_search","user":{"id":7,"public_id":"mira"}}"#;
        with_envelope(body, |envelope| {
            let envelope = envelope.unwrap();
            assert_eq!(envelope.user_id.as_deref(), Some("7"));
            assert_eq!(envelope.public_user_id.as_deref(), Some("mira"));
        });
        let body = r#"{"notification_type":"user_search","user":{"id":7}}"#;
        with_envelope(body, |envelope| assert_eq!(envelope.unwrap().public_user_id, None));
    }

    #[test]
    fn sandbox_is_what_any_marker_says() {
        for (rest, mode) in [
            ("", Mode::Live),
            (r#","order":{"mode":"default"}"#, Mode::Live),
            (r#","order":{"mode":"something new"}"#, Mode::Live),
            (r#","order":{"mode":"sandbox"}"#, Mode::Sandbox),
            (r#","transaction":{"dry_run":1}"#, Mode::Sandbox),
            (r#","transaction":{"dry_run":"1"}"#, Mode::Sandbox),
            (r#","transaction":{"dry_run":true}"#, Mode::Sandbox),
            (r#","transaction":{"dry_run":"true"}"#, Mode::Sandbox),
            (r#","transaction":{"dry_run":0}"#, Mode::Live),
            (r#","transaction":{"dry_run":0.0}"#, Mode::Live),
            (r#","transaction":{"dry_run":"False"}"#, Mode::Live),
            (r#","transaction":{"dry_run":{"x":1}}"#, Mode::Live),
            (r#","transaction":{"dry_run":"0"}"#, Mode::Live),
            (r#","transaction":{"dry_run":false}"#, Mode::Live),
            (r#","transaction":{"dry_run":"false"}"#, Mode::Live),
            (r#","transaction":{"dry_run":""}"#, Mode::Live),
            (r#","transaction":{"dry_run":null}"#, Mode::Live),
            (r#","order":{"mode":"default"},"billing":{"transaction":{"dry_run":1}}"#, Mode::Sandbox),
        ] {
            let body = format!(r#"{{"notification_type":"payment"{rest}}}"#);
            assert_eq!(with_envelope(body, |envelope| envelope.unwrap().mode), mode, "{rest}");
        }
    }

    #[test]
    fn a_body_that_is_no_notification_is_unreadable() {
        let deep = "[".repeat(10_000);
        for body in [
            "",
            "null",
            "[]",
            "1",
            "payment",
            "{",
            "{}",
            r#"{"notification_type":null}"#,
            r#"{"notification_type":1}"#,
            r#"{"notification_type":["payment"]}"#,
            r#"{"notification_type":{"value":"payment"}}"#,
            r#"{"notification_type":"payment"} trailing"#,
            r#"{"event_type":"registration"}"#,
            &deep,
        ] {
            assert!(with_envelope(body, |envelope| envelope.is_err()), "{body:.40}");
        }
        assert!(with_envelope(b"{\"notification_type\":\"payment\",\"x\":\"\xff\"}", |envelope| envelope.is_err()));
    }

    #[test]
    fn what_nobody_signed_is_what_its_path_says_and_no_more() {
        let body = br#"{"notification_type":"payment","id":1,"status":"x","settings":{"project_id":18},"user":{"id":7,
            "external_id":8},"order":{"id":3,"mode":"sandbox"},"transaction":{"id":5,"dry_run":1}}"#;
        let web_shop = Envelope::read_unsigned(body, Unsigned::WebShopUserValidation).unwrap();
        assert_eq!((&*web_shop.type_name, web_shop.is_question()), ("web_shop_user_validation", true));
        assert_eq!((web_shop.user_id.as_deref(), web_shop.project_id.as_deref()), (Some("7"), Some("18")));
        let payout = Envelope::read_unsigned(body, Unsigned::Payout).unwrap();
        assert_eq!((&*payout.type_name, payout.is_question(), payout.success()), ("payout", false, Success::Ok));
        assert_eq!((payout.may_repeat(), payout.mode), (false, Mode::Live));
        for reference in [&payout.order_id, &payout.user_id, &payout.public_user_id, &payout.project_id] {
            assert_eq!(*reference, None);
        }
        for body in ["", "null", "[]", "{", "7"] {
            assert!(Envelope::read_unsigned(body.as_bytes(), Unsigned::Payout).is_err(), "{body}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        let body = "\u{feff}{\"notification_type\":\"payment\",\"transaction\":{\"id\":1}}";
        assert_eq!(with_envelope(body, |envelope| envelope.unwrap().event_id.to_string()), "transaction#1#payment");
    }
}
