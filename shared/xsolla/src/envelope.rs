//! What the receiver must know of any notification, read leniently: nothing in a signed body can stop it.

use std::borrow::Cow;

use crate::field::{Field, Fields};
use crate::identity::SubjectKind;
use crate::notification_type::{Apart, EventRow};
use crate::{EventId, NotificationType, Role, Success, Verified};

/// Longest id that takes part in a key, in bytes. Xsolla's have about ten digits.
const MAX_ID: usize = 128;
/// Longest order, user or project id that is kept beside an event, in bytes. DynamoDB takes 2,048 for the key of an index.
const MAX_REFERENCE: usize = 1024;

/// A notification from the outside: what it is about, not what it says.
///
/// Each reference is text, whether it came as a number or as a string, from wherever its type keeps it.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    /// `notification_type` as it came.
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
    /// Xsolla's project id. `order_*` in separate mode have none.
    pub project_id: Option<Cow<'a, str>>,
    /// Whether money moved.
    pub mode: Mode,
}

/// Whether a notification is about money or about a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Real money. Xsolla calls it `default`, and sends no `dry_run`.
    Live,
    /// A test: `order.mode` is `sandbox`, or `dry_run` is set.
    Sandbox,
}

/// A signed body that is not a JSON object, or has no `notification_type` that is a string.
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
        let (event_id, identified) = identify(&fields, &type_name, known, verified);
        let usable = |id: &Cow<'_, str>| (1..=MAX_REFERENCE).contains(&id.len());
        let reference = |places: &[Field]| places.iter().find_map(|field| fields.text(*field).filter(usable));
        Ok(Self {
            known,
            event_id,
            identified,
            order_id: reference(&[Field::OrderId, Field::PurchaseOrderId]),
            user_id: reference(&[
                Field::UserId,
                Field::ExternalUserId,
                Field::UserUserId,
                Field::FlatUserId,
                Field::GamePlayerId,
                Field::PublicUserId,
            ]),
            project_id: reference(&[
                Field::ProjectId,
                Field::BillingProjectId,
                Field::EventProjectId,
                Field::FlatProjectId,
            ]),
            mode: mode(&fields),
            type_name,
        })
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
}

/// A `notification_type` where it is fit for a key, a metric or a message attribute, else `unknown`: a type that Xsolla
/// adds tomorrow may be called anything.
#[must_use]
pub fn type_label(name: &str) -> &str {
    let plain = (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { name } else { "unknown" }
}

/// The key, and whether it comes from the ids of a known type.
fn identify(
    fields: &Fields<'_>,
    type_name: &str,
    known: Option<NotificationType>,
    verified: &Verified<'_>,
) -> (EventId, bool) {
    let digest = || verified.digest().to_string();
    let (kind, subject_id) = subject(fields).unwrap_or_else(|| (SubjectKind::Body, digest().into()));
    let own_part = match known.map(NotificationType::role) {
        Some(Role::Event(row)) if row.about.contains(&kind) => own_part(fields, row, verified),
        _ => None,
    };
    let identified = own_part.is_some();
    // A test with an id that somebody typed in must not stand in the way of the sale that gets that id.
    let sandbox = if identified && mode(fields) == Mode::Sandbox { "#sandbox" } else { "" };
    let subject = format!("{}#{subject_id}", kind.name());
    let own_part = own_part.unwrap_or_else(|| format!("#{}", digest()));
    let rest = format!("{}{own_part}{sandbox}", type_label(type_name));
    (EventId::new(subject, rest), identified)
}

/// What the event is about. A transaction's id stands in one of four places.
fn subject<'a>(fields: &Fields<'a>) -> Option<(SubjectKind, Cow<'a, str>)> {
    [
        (SubjectKind::Transaction, Field::TransactionId),
        (SubjectKind::Transaction, Field::BillingTransactionId),
        (SubjectKind::Transaction, Field::InvoiceId),
        (SubjectKind::Transaction, Field::BlockListTransactionId),
        (SubjectKind::Order, Field::OrderId),
        (SubjectKind::Subscription, Field::SubscriptionId),
        (SubjectKind::PaymentAccount, Field::PaymentAccountId),
        (SubjectKind::Operation, Field::OperationId),
    ]
    .into_iter()
    .find_map(|(kind, field)| Some((kind, id(fields, field)?)))
}

/// What follows the type in a key: nothing for most types, since there is one such event per subject.
fn own_part(fields: &Fields<'_>, row: EventRow, verified: &Verified<'_>) -> Option<String> {
    let joined = |parts: &[Field]| {
        parts.iter().try_fold(String::new(), |joined, field| Some(format!("{joined}#{}", id(fields, *field)?)))
    };
    let digest = || format!("#{}", verified.digest());
    let own_id = joined(row.own_id)?;
    let apart = match row.apart {
        Apart::One => String::new(),
        Apart::By(fields) => joined(fields).unwrap_or_else(digest),
        Apart::Digest => digest(),
    };
    Some(own_id + &apart)
}

/// An id that is fit for a key: printable ASCII without the separator, and not absurdly long.
fn id<'a>(fields: &Fields<'a>, field: Field) -> Option<Cow<'a, str>> {
    let fit = |byte| matches!(byte, b' '..=b'~') && byte != b'#';
    fields.text(field).filter(|text| (1..=MAX_ID).contains(&text.len()) && text.bytes().all(fit))
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
mod tests {
    use super::*;
    use crate::{Secrets, Signature, sign};

    fn with_envelope<T>(body: impl AsRef<[u8]>, look: impl FnOnce(Result<Envelope<'_>, Unreadable>) -> T) -> T {
        let secrets = Secrets::parse("secret").unwrap();
        let signature = Signature::parse(&sign(body.as_ref(), "secret")).unwrap();
        look(Envelope::read(&secrets.verify(body.as_ref(), &signature).unwrap()))
    }

    fn event_id(body: &str) -> String {
        with_envelope(body, |envelope| envelope.unwrap().event_id.to_string())
    }

    fn digest(body: &str) -> crate::BodyDigest {
        crate::BodyDigest::of(body.as_bytes())
    }

    #[test]
    fn every_documented_type_has_its_key() {
        let keys = [
            ("afs_black_list", "transaction#2298133402#afs_black_list#DIGEST"),
            ("afs_reject", "transaction#2298133402#afs_reject#sandbox"),
            ("cancel_subscription", "subscription#31#cancel_subscription#2026-06-02T10:00:00+03:00"),
            ("create_subscription", "subscription#31#create_subscription"),
            ("dispute", "transaction#2298114507#dispute#adding#retrieval#new#2026-06-02T09:00:00+03:00"),
            ("inventory_pull", "body#DIGEST#inventory_pull#DIGEST"),
            ("inventory_push", "body#DIGEST#inventory_push#DIGEST"),
            ("move_to_game", "body#DIGEST#move_to_game#DIGEST"),
            ("non_renewal_subscription", "subscription#31#non_renewal_subscription#2026-06-02T10:00:00+03:00"),
            ("order_canceled-combined", "transaction#2298120944#order_canceled#712051377#sandbox"),
            ("order_canceled-separate", "transaction#2298114507#order_canceled#712045518"),
            ("order_paid-combined", "transaction#2298120944#order_paid#712051377#sandbox"),
            ("order_paid-free", "order#712060002#order_paid#712060002"),
            ("order_paid-separate", "transaction#2298114507#order_paid#712045518"),
            ("order_paid-v2", "transaction#2298155610#order_paid#712071840"),
            ("partial_refund", "transaction#2298130071#partial_refund#2026-05-23 08:14:03#12.5#5"),
            ("payment", "transaction#2298114507#payment"),
            ("payment-full", "transaction#2298090033#payment#sandbox"),
            ("payment-token", "transaction#2297600318#payment#sandbox"),
            ("payment_account_add", "payment_account#55120983#payment_account_add#DIGEST"),
            ("payment_account_remove", "payment_account#55120983#payment_account_remove#DIGEST"),
            ("ps_declined", "transaction#2298133380#ps_declined#sandbox"),
            ("redeem_key", "body#DIGEST#redeem_key#DIGEST"),
            ("refund", "transaction#2298114507#refund"),
            ("refund-legacy", "transaction#611720054#refund"),
            ("refund-subscription", "transaction#2298090033#refund#sandbox"),
            ("update_subscription", "subscription#31#update_subscription#2026-05-02T10:00:00+03:00#c0f2a7e1"),
            ("upgrade_refund", "body#DIGEST#upgrade_refund#DIGEST"),
            ("user_balance_operation", "transaction#611720054#user_balance_operation#40117"),
        ];
        for (name, key) in keys {
            let body = crate::samples::named(name).unwrap().body;
            assert_eq!(event_id(body), key.replace("DIGEST", &digest(body).to_string()));
            assert!(with_envelope(body, |envelope| envelope.unwrap().identified), "{name}");
        }
        for sample in crate::samples::ALL {
            let known = with_envelope(sample.body, |envelope| envelope.unwrap().known).unwrap();
            let is_event = matches!(known.role(), Role::Event(_));
            assert_eq!(is_event, keys.iter().any(|(name, _)| *name == sample.name), "{}", sample.name);
        }
    }

    #[test]
    fn a_sale_and_its_reversal_share_a_subject_in_both_modes() {
        for (body, id) in [
            (r#"{"notification_type":"payment","transaction":{"id":77}}"#, "transaction#77#payment"),
            (r#"{"notification_type":"refund","transaction":{"id":"77"}}"#, "transaction#77#refund"),
            (r#"{"order":{"id":5,"invoice_id":"77"},"notification_type":"order_paid"}"#, "transaction#77#order_paid#5"),
            (
                r#"{"order":{"id":5,"invoice_id":null},"billing":{"transaction":{"id":77}},"notification_type":"order_paid"}"#,
                "transaction#77#order_paid#5",
            ),
            (
                r#"{"notification_type":"order_canceled","order":{"id":5,"invoice_id":77}}"#,
                "transaction#77#order_canceled#5",
            ),
        ] {
            assert_eq!(event_id(body), id);
            assert!(with_envelope(body, |envelope| envelope.unwrap().identified));
        }
    }

    #[test]
    fn a_free_order_is_its_own_subject() {
        let body = r#"{"notification_type":"order_paid","order":{"id":5,"invoice_id":null}}"#;
        assert_eq!(event_id(body), "order#5#order_paid#5");
    }

    #[test]
    fn partial_refunds_of_one_payment_are_told_apart() {
        let dated = |date: &str, amount: &str| {
            event_id(&format!(
                r#"{{"notification_type":"partial_refund","transaction":{{"id":7}},"refund_details":{{"date":"{date}"}},
                "purchase":{{"total":{{"amount":20}}}},"payment_details":{{"payment":{{"amount":{amount}}}}}}}"#
            ))
        };
        assert_eq!(dated("2026-08-23 01:02:03", "5.00"), "transaction#7#partial_refund#2026-08-23 01:02:03#20#5.00");
        assert_ne!(dated("2026-08-23", "5"), dated("2026-08-24", "5"));
        assert_ne!(dated("2026-08-23", "5"), dated("2026-08-23", "6"));

        let undated =
            r#"{"notification_type":"partial_refund","transaction":{"id":7},"purchase":{"total":{"amount":5}}}"#;
        assert_eq!(event_id(undated), format!("transaction#7#partial_refund#{}", digest(undated)));
        assert!(with_envelope(undated, |envelope| envelope.unwrap().identified), "nothing unusual about it");
    }

    #[test]
    fn an_unknown_type_is_known_by_its_digest_and_stays_with_its_subject() {
        let body = r#"{"notification_type":"chargeback_v9","transaction":{"id":7}}"#;
        assert_eq!(event_id(body), format!("transaction#7#chargeback_v9#{}", digest(body)));
        let body = r#"{"notification_type":"news"}"#;
        assert_eq!(event_id(body), format!("body#{0}#news#{0}", digest(body)));
        assert!(!with_envelope(body, |envelope| envelope.unwrap().identified));
    }

    #[test]
    fn ids_that_cannot_be_a_key_give_way_to_the_digest() {
        for id in [
            "null".to_owned(),
            "{}".to_owned(),
            r#""""#.to_owned(),
            r#""1#2""#.to_owned(),
            r#""1\n2""#.to_owned(),
            "\"é\"".to_owned(),
            "9".repeat(400),
        ] {
            let body = format!(r#"{{"notification_type":"payment","transaction":{{"id":{id}}}}}"#);
            assert_eq!(event_id(&body), format!("body#{0}#payment#{0}", digest(&body)));
            assert!(!with_envelope(&body, |envelope| envelope.unwrap().identified), "{id}");
        }
    }

    #[test]
    fn a_type_that_is_always_about_a_transaction_takes_nothing_else_for_it() {
        for other in [r#""order":{"id":5}"#, r#""subscription":{"subscription_id":5}"#] {
            let body = format!(r#"{{"notification_type":"payment",{other}}}"#);
            assert!(event_id(&body).ends_with(&format!("#5#payment#{}", digest(&body))), "{other}");
            assert!(!with_envelope(&body, |envelope| envelope.unwrap().identified), "{other}");
        }
    }

    #[test]
    fn a_test_does_not_stand_in_the_way_of_the_sale_with_the_same_id() {
        for (marker, id) in [
            (r#""transaction":{"id":7}"#, "transaction#7#payment"),
            (r#""transaction":{"id":7,"dry_run":1}"#, "transaction#7#payment#sandbox"),
        ] {
            assert_eq!(event_id(&format!(r#"{{"notification_type":"payment",{marker}}}"#)), id);
        }
    }

    #[test]
    fn an_order_without_its_id_is_flagged() {
        let body = r#"{"notification_type":"order_paid","order":{"invoice_id":"7"}}"#;
        assert_eq!(event_id(body), format!("transaction#7#order_paid#{}", digest(body)));
        assert!(!with_envelope(body, |envelope| envelope.unwrap().identified));
    }

    #[test]
    fn keys_fit_whatever_the_type_is_called() {
        for name in ["", "\\ud800", "a b", "é", &"x".repeat(65), "a#b", "\u{ffff}"] {
            let body = format!(r#"{{"notification_type":"{name}"}}"#);
            assert_eq!(event_id(&body), format!("body#{0}#unknown#{0}", digest(&body)));
            assert_eq!(with_envelope(&body, |envelope| envelope.unwrap().type_name.into_owned()), name, "as it came");
        }
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
    fn a_byte_order_mark_is_passed_over() {
        let body = "\u{feff}{\"notification_type\":\"payment\",\"transaction\":{\"id\":1}}";
        assert_eq!(event_id(body), "transaction#1#payment");
    }
}
