//! The envelope: the identity of a notification, parsed without its model.

use std::borrow::Cow;

use crate::answer::Success;
use crate::body::{BodyDigest, json_text};
use crate::event_id::EventId;
use crate::field::{Field, Fields};
use crate::identity::{id, identify, normalize_id};
use crate::mode::Mode;
use crate::notification_type::{NotificationType, Role, UnsignedType};
use crate::signature::Verified;
use crate::user_id::find_user_id;

/// The identity of a notification: its type, event id, mode, and the ids it refers to.
///
/// Parsing is lenient: a verified JSON object with a type always has an envelope, even if its type is unknown or its fields
/// are not as documented. Ids are text, even if they were sent as numbers.
///
/// An envelope has no public fields and no constructor besides [`parse`](Self::parse) and
/// [`parse_unsigned`](Self::parse_unsigned), so a stored event always comes from a received body.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::{Envelope, Mode, NotificationType, Secrets, sign};
///
/// let body = br#"{
///     "order": {"id": 712045518, "invoice_id": "2298114507", "mode": "sandbox"},
///     "user": {"external_id": "isle-4471"},
///     "notification_type": "order_paid"
/// }"#;
/// let verified = Secrets::new(["magic"])?.verify(body, &sign(body, "magic").parse()?)?;
/// let envelope = Envelope::parse(&verified)?;
///
/// assert_eq!(envelope.notification_type(), Some(NotificationType::ORDER_PAID));
/// assert_eq!(envelope.event_id().to_string(), "transaction#2298114507#order_paid#712045518#sandbox");
/// assert_eq!(envelope.user_id(), Some("isle-4471"));
/// assert_eq!(envelope.mode(), Mode::Sandbox);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    type_name: Cow<'a, str>,
    notification_type: Option<NotificationType>,
    event_id: EventId,
    is_identified: bool,
    order_id: Option<Cow<'a, str>>,
    user_id: Option<Cow<'a, str>>,
    public_user_id: Option<Cow<'a, str>>,
    project_id: Option<Cow<'a, str>>,
    subscription_id: Option<Cow<'a, str>>,
    mode: Mode,
}

/// The error of parsing an [`Envelope`]: the body is not a JSON object, or a signed one without a `notification_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON object with a notification_type")]
pub struct ParseEnvelopeError(());

impl<'a> Envelope<'a> {
    /// Parses a verified body.
    ///
    /// # Errors
    ///
    /// If the body is not a notification. An unknown type and missing ids are not errors.
    pub fn parse(verified: &Verified<'a>) -> Result<Self, ParseEnvelopeError> {
        let fields = fields(verified.body())?;
        let type_name = fields.string(Field::NotificationType).ok_or(ParseEnvelopeError(()))?;
        let notification_type = type_name.parse().ok();
        let mode = Mode::of(&fields);
        let (event_id, is_identified) = identify(&fields, &type_name, notification_type, mode, verified.digest());
        let reference = |paths: &[Field]| reference(&fields, paths);
        Ok(Self {
            notification_type,
            event_id,
            is_identified,
            order_id: reference(&[Field::OrderId, Field::PurchaseOrderId]),
            user_id: find_user_id(&fields, notification_type),
            public_user_id: match notification_type {
                Some(NotificationType::USER_SEARCH) => fields.text(Field::PublicUserId).filter(|id| !id.is_empty()),
                _ => None,
            },
            project_id: reference(&[
                Field::ProjectId,
                Field::BillingProjectId,
                Field::EventProjectId,
                Field::FlatProjectId,
            ]),
            subscription_id: match notification_type {
                Some(NotificationType::PAYMENT | NotificationType::REFUND | NotificationType::PARTIAL_REFUND) => {
                    id(&fields, Field::PurchaseSubscriptionId)
                }
                // A combined webhook contains the payment.
                Some(NotificationType::ORDER_PAID) => id(&fields, Field::BillingSubscriptionId),
                _ => None,
            },
            mode,
            type_name,
        })
    }

    /// Parses an unsigned body as the type of its URL. The result never has a signed type.
    ///
    /// # Errors
    ///
    /// If the body is not a JSON object. Missing ids are not an error.
    pub fn parse_unsigned(body: &'a [u8], unsigned_type: UnsignedType) -> Result<Self, ParseEnvelopeError> {
        let fields = fields(body)?;
        let notification_type = unsigned_type.notification_type();
        let type_name = notification_type.name();
        let mode = Mode::Live;
        let (event_id, is_identified) =
            identify(&fields, type_name, Some(notification_type), mode, BodyDigest::of(body));
        // A payout has no user or project. A search for a sale must not find ids of an unsigned body.
        let (user_id, project_id) = match unsigned_type {
            UnsignedType::WebShopUserValidation => {
                let user_id = fields.text(Field::UserId).filter(|id| !id.is_empty());
                (user_id, reference(&fields, &[Field::ProjectId]))
            }
            UnsignedType::Payout => (None, None),
        };
        Ok(Self {
            type_name: type_name.into(),
            notification_type: Some(notification_type),
            event_id,
            is_identified,
            order_id: None,
            user_id,
            public_user_id: None,
            project_id,
            subscription_id: None,
            mode,
        })
    }

    /// Returns `notification_type` as sent, or the name of the [`UnsignedType`]. It can be any text.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// Returns the type if it is known.
    #[must_use]
    pub const fn notification_type(&self) -> Option<NotificationType> {
        self.notification_type
    }

    /// Returns the idempotency key.
    #[must_use]
    pub const fn event_id(&self) -> &EventId {
        &self.event_id
    }

    /// Returns whether the event id contains the type's ids.
    ///
    /// If not, the type is unknown or its ids are missing or invalid, and the event id contains the body's digest.
    #[must_use]
    pub const fn is_identified(&self) -> bool {
        self.is_identified
    }

    /// Returns Xsolla's order id, without surrounding whitespace, and `7` for `7.0`. It can have any length.
    #[must_use]
    pub fn order_id(&self) -> Option<&str> {
        self.order_id.as_deref()
    }

    /// Returns the game's id of the user as sent. It can have any length.
    ///
    /// In an order, `user.external_id` is used before `user.id`. If the first id in the body is neither a text nor a number,
    /// the user is unknown, and no other id is used instead.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }

    /// Returns the public id, such as a nickname, that a `user_search` asks for.
    #[must_use]
    pub fn public_user_id(&self) -> Option<&str> {
        self.public_user_id.as_deref()
    }

    /// Returns Xsolla's project id. `order_*` have none with separate webhooks.
    #[must_use]
    pub fn project_id(&self) -> Option<&str> {
        self.project_id.as_deref()
    }

    /// Returns the id of the subscription that a payment charged or a refund returned, if it is valid in a key. `order_paid`
    /// has one if its webhook is combined with the payment.
    #[must_use]
    pub fn subscription_id(&self) -> Option<&str> {
        self.subscription_id.as_deref()
    }

    /// Returns whether it is about real money or a test.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns whether it is a known question.
    #[must_use]
    pub const fn is_question(&self) -> bool {
        matches!(self.notification_type, Some(known) if matches!(known.role(), Role::Question(_)))
    }

    /// Returns the documented answer to the event, once it is stored.
    #[must_use]
    pub fn success(&self) -> Success {
        let spec = self.notification_type.and_then(NotificationType::event_spec);
        spec.map_or(Success::NoContent, |spec| spec.success())
    }
}

fn fields(body: &[u8]) -> Result<Fields<'_>, ParseEnvelopeError> {
    let text = json_text(body).map_err(|_| ParseEnvelopeError(()))?;
    Fields::parse(text).map_err(|_| ParseEnvelopeError(()))
}

/// Returns the first of Xsolla's ids at these paths, normalized.
fn reference<'a>(fields: &Fields<'a>, paths: &[Field]) -> Option<Cow<'a, str>> {
    paths.iter().find_map(|field| fields.text(*field).map(normalize_id).filter(|id| !id.is_empty()))
}

#[cfg(test)]
pub(crate) mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{Secrets, sign};

    /// Signs and verifies a body, and calls `inspect` with its envelope.
    pub(crate) fn with_envelope<T>(
        body: impl AsRef<[u8]>,
        inspect: impl FnOnce(Result<Envelope<'_>, ParseEnvelopeError>) -> T,
    ) -> T {
        let body = body.as_ref();
        let signature = sign(body, "secret").parse().unwrap();
        inspect(Envelope::parse(&Secrets::new(["secret"]).unwrap().verify(body, &signature).unwrap()))
    }

    #[test]
    fn references_are_found_at_all_paths() {
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
            (r#"{"project_id":18,"user":{"public_id":"7"},"order":{"id":"3"}"#, "3", "", "18"),
            (r#"{"project_id":" 18 ","user":{"id":"7.0"},"order":{"id":3.0}"#, "3", "7.0", "18"),
            (r#"{"project_id":18,"user":{"id":{"value":7}},"order":{"id":"3"}"#, "3", "7", "18"),
            (r#"{"user":{"id":"","external_id":7}"#, "", "7", ""),
            (r#"{"user":{"user_id":null}"#, "", "", ""),
            (r#"{"user":{"id":""},"order":null"#, "", "", ""),
        ] {
            with_envelope(format!(r#"{body},"notification_type":"any"}}"#), |envelope| {
                let envelope = envelope.unwrap();
                assert_eq!(envelope.order_id().unwrap_or_default(), order, "{body}");
                assert_eq!(envelope.user_id().unwrap_or_default(), user, "{body}");
                assert_eq!(envelope.project_id().unwrap_or_default(), project, "{body}");
            });
        }
    }

    #[test]
    fn game_user_id_wins_over_public_user_id() {
        let body = r#"{"notification_type":"user_search","user":{"id":7,"public_id":"mira"}}"#;
        with_envelope(body, |envelope| {
            let envelope = envelope.unwrap();
            assert_eq!(envelope.user_id(), Some("7"));
            assert_eq!(envelope.public_user_id(), Some("mira"));
        });
        let body = r#"{"notification_type":"user_search","user":{"id":7}}"#;
        with_envelope(body, |envelope| assert_eq!(envelope.unwrap().public_user_id(), None));
    }

    #[test]
    fn ids_of_any_length_are_references() {
        let (user, order) = ("u".repeat(100_000), "9".repeat(3000));
        let body = format!(
            r#"{{"notification_type":"payment","user":{{"id":"{user}"}},"purchase":{{"order":{{"id":{order}}}}}}}"#
        );
        with_envelope(body, |envelope| {
            let envelope = envelope.unwrap();
            assert_eq!((envelope.user_id(), envelope.order_id()), (Some(&*user), Some(&*order)));
        });
    }

    #[rstest]
    #[case("payment", "7", Some("7"))]
    #[case("refund", r#"" 7.0 ""#, Some("7"))]
    #[case("partial_refund", r#""7""#, Some("7"))]
    #[case("payment", r#""""#, None)]
    #[case("payment", "null", None)]
    #[case("payment", r#""1#2""#, None)]
    #[case("order_paid", "7", None)]
    #[case("update_subscription", "7", None)]
    #[case("payment_v9", "7", None)]
    fn payments_and_refunds_have_a_subscription_id(
        #[case] notification_type: &str,
        #[case] id: &str,
        #[case] expected: Option<&str>,
    ) {
        let body = format!(
            r#"{{"notification_type":"{notification_type}","purchase":{{"subscription":{{"subscription_id":{id}}}}}}}"#
        );
        with_envelope(body, |envelope| assert_eq!(envelope.unwrap().subscription_id(), expected));
    }

    #[test]
    fn combined_order_has_the_subscription_of_its_payment() {
        let body =
            r#"{"notification_type":"order_paid","billing":{"purchase":{"subscription":{"subscription_id":7}}}}"#;
        with_envelope(body, |envelope| assert_eq!(envelope.unwrap().subscription_id(), Some("7")));
    }

    #[test]
    fn dry_run_is_sandbox() {
        let body = r#"{"notification_type":"payment","transaction":{"dry_run":1}}"#;
        assert_eq!(with_envelope(body, |envelope| envelope.unwrap().mode()), Mode::Sandbox);
        let body = r#"{"notification_type":"payment","transaction":{}}"#;
        assert_eq!(with_envelope(body, |envelope| envelope.unwrap().mode()), Mode::Live);
    }

    #[test]
    fn rejects_body_that_is_not_a_notification() {
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
    fn unsigned_body_has_only_ids_of_its_type() {
        let body = br#"{"notification_type":"payment","id":1,"status":"x","settings":{"project_id":18},"user":{"id":7,
            "external_id":8},"order":{"id":3,"mode":"sandbox"},"transaction":{"id":5,"dry_run":1}}"#;
        let web_shop = Envelope::parse_unsigned(body, UnsignedType::WebShopUserValidation).unwrap();
        assert_eq!((web_shop.type_name(), web_shop.is_question()), ("web_shop_user_validation", true));
        assert_eq!((web_shop.user_id(), web_shop.project_id()), (Some("7"), Some("18")));
        let payout = Envelope::parse_unsigned(body, UnsignedType::Payout).unwrap();
        assert_eq!((payout.type_name(), payout.is_question(), payout.success()), ("payout", false, Success::Ok));
        assert_eq!(payout.mode(), Mode::Live);
        for reference in [payout.order_id(), payout.user_id(), payout.public_user_id(), payout.project_id()] {
            assert_eq!(reference, None);
        }
        for body in ["", "null", "[]", "{", "7"] {
            assert!(Envelope::parse_unsigned(body.as_bytes(), UnsignedType::Payout).is_err(), "{body}");
        }
    }

    #[test]
    fn ignores_byte_order_mark() {
        let body = "\u{feff}{\"notification_type\":\"payment\",\"transaction\":{\"id\":1}}";
        assert_eq!(with_envelope(body, |envelope| envelope.unwrap().event_id().to_string()), "transaction#1#payment");
    }
}
