//! What an event is about, and the key under which it is kept once.

use std::borrow::Cow;
use std::fmt;

use sha2::{Digest, Sha256};

use crate::field::{Field, Fields};
use crate::notification_type::{Apart, EventRow};
use crate::{Mode, NotificationType, Role, type_label};

/// Longest id that takes part in a key, in bytes. Xsolla's have about ten digits.
const MAX_ID: usize = 128;

/// SHA-256 of a body as it came; shown as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    /// Hashes a body.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }
}

impl fmt::Display for BodyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// What an event can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubjectKind {
    /// A payment, and all that follows from it.
    Transaction,
    /// An order for which no money was taken.
    Order,
    /// A subscription.
    Subscription,
    /// A payment account that a user saved.
    PaymentAccount,
    /// A change of a balance.
    Operation,
    /// Money on its way to the studio.
    Payout,
    /// Nothing that has an id: the body itself.
    Body,
}

impl SubjectKind {
    /// What a signed notification can be about. Payouts are not signed, and any object may have an `id`.
    const SIGNED: &[Self] =
        &[Self::Transaction, Self::Order, Self::Subscription, Self::PaymentAccount, Self::Operation, Self::Body];

    /// The word in the key.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Order => "order",
            Self::Subscription => "subscription",
            Self::PaymentAccount => "payment_account",
            Self::Operation => "operation",
            Self::Payout => "payout",
            Self::Body => "body",
        }
    }
}

/// The idempotency key of an event: its subject, its type, and what tells it from others of that type.
///
/// It comes from the body alone. Since a payment and its refund share a transaction id, the type is always part of
/// it. Both parts are printable ASCII and fit DynamoDB's keys (2,048 and 1,024 bytes). Shown as `subject#rest`, for
/// example `transaction#2105129134#payment`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventId {
    subject: String,
    rest: String,
}

impl EventId {
    /// Puts a key together from its parts, as read back from where it was kept.
    #[must_use]
    pub fn new(subject: String, rest: String) -> Self {
        Self { subject, rest }
    }

    /// Reads a key as it is shown; `None` if that is no more than a subject.
    #[must_use]
    pub fn parse(shown: &str) -> Option<Self> {
        let mut separators = shown.match_indices('#').map(|(position, _)| position);
        let (subject, rest) = shown.split_at_checked(separators.nth(1)?)?;
        Some(Self::new(subject.to_owned(), rest.strip_prefix('#')?.to_owned()))
    }

    /// The key of a body that is kept though it cannot be read: its digest.
    #[must_use]
    pub fn of_unreadable(digest: BodyDigest) -> Self {
        Self::new(format!("body#{digest}"), "unreadable".to_owned())
    }

    /// The key of another content that came under this key, and is kept beside the first.
    #[must_use]
    pub fn of_conflict(&self, digest: BodyDigest) -> Self {
        Self::new(self.subject.clone(), format!("{}#conflict#{digest}", self.rest))
    }

    /// The key of the event that came under this key for the `nth` time, in the same bytes.
    #[must_use]
    pub fn of_repetition(&self, nth: u32) -> Self {
        Self::new(self.subject.clone(), format!("{}#again#{nth}", self.rest))
    }

    /// What the event is about: a payment, its order, their refund and their dispute share one subject.
    ///
    /// `transaction#<id>`, else `order#<id>`, `subscription#<id>`, `payment_account#<id>`, `operation#<id>`,
    /// `payout#<id>`, else `body#<digest>`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// All but the subject: the type, and its own id or discriminator.
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

/// The key, and whether it comes from the ids of a known type.
pub(crate) fn identify(
    fields: &Fields<'_>,
    type_name: &str,
    known: Option<NotificationType>,
    mode: Mode,
    digest: BodyDigest,
) -> (EventId, bool) {
    let row = match known.map(NotificationType::role) {
        Some(Role::Event(row)) => Some(row),
        Some(Role::Question(_)) | None => None,
    };
    let its_own = row.and_then(|row| subject(fields, row.about));
    // What nobody signed stays out of the history of a sale.
    let others = if known == Some(NotificationType::PAYOUT) { &[] } else { SubjectKind::SIGNED };
    let subject = its_own.or_else(|| subject(fields, others));
    let (kind, subject_id) = subject.unwrap_or_else(|| (SubjectKind::Body, digest.to_string().into()));
    let own_part = row.filter(|row| row.about.contains(&kind)).and_then(|row| own_part(fields, row, digest));
    let identified = own_part.is_some();
    // A test with an id that somebody typed in must not stand in the way of the sale that gets that id.
    let sandbox = if identified && mode == Mode::Sandbox { "#sandbox" } else { "" };
    let subject = format!("{}#{subject_id}", kind.name());
    let own_part = own_part.unwrap_or_else(|| format!("#{digest}"));
    let rest = format!("{}{own_part}{sandbox}", type_label(type_name));
    (EventId::new(subject, rest), identified)
}

/// What the event is about, of these kinds. A transaction's id stands in one of four places.
fn subject<'a>(fields: &Fields<'a>, kinds: &[SubjectKind]) -> Option<(SubjectKind, Cow<'a, str>)> {
    [
        (SubjectKind::Transaction, Field::TransactionId),
        (SubjectKind::Transaction, Field::BillingTransactionId),
        (SubjectKind::Transaction, Field::InvoiceId),
        (SubjectKind::Transaction, Field::BlockListTransactionId),
        (SubjectKind::Order, Field::OrderId),
        (SubjectKind::Subscription, Field::SubscriptionId),
        (SubjectKind::PaymentAccount, Field::PaymentAccountId),
        (SubjectKind::Operation, Field::OperationId),
        (SubjectKind::Payout, Field::PayoutId),
    ]
    .into_iter()
    .filter(|(kind, _)| kinds.contains(kind))
    .find_map(|(kind, field)| Some((kind, id(fields, field)?)))
}

/// What follows the type in a key: nothing for most types, since there is one such event per subject.
fn own_part(fields: &Fields<'_>, row: EventRow, digest: BodyDigest) -> Option<String> {
    let joined = |parts: &[Field]| {
        parts.iter().try_fold(String::new(), |joined, field| Some(format!("{joined}#{}", id(fields, *field)?)))
    };
    let digest = || format!("#{digest}");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::tests::with_envelope;
    use crate::{Envelope, Unsigned};

    fn event_id(body: &str) -> String {
        with_envelope(body, |envelope| envelope.unwrap().event_id.to_string())
    }

    fn digest(body: &str) -> BodyDigest {
        BodyDigest::of(body.as_bytes())
    }

    #[test]
    fn a_key_is_read_as_it_is_shown() {
        for (subject, rest) in
            [("transaction#7", "payment"), ("order#7", "order_paid#7#conflict#ab"), ("body#ab", "x#ab")]
        {
            let id = EventId::new(subject.to_owned(), rest.to_owned());
            assert_eq!(EventId::parse(&id.to_string()), Some(id));
        }
        assert_eq!(EventId::parse("transaction#7"), None);
        assert_eq!(EventId::parse("7"), None);
    }

    #[test]
    fn every_documented_type_has_its_key() {
        let keys = [
            ("afs_black_list", "transaction#2298133402#afs_black_list#DIGEST"),
            ("afs_reject", "transaction#2298133402#afs_reject#DIGEST#sandbox"),
            ("cancel_subscription", "subscription#31#cancel_subscription#DIGEST"),
            ("create_subscription", "subscription#31#create_subscription"),
            ("dispute", "transaction#2298114507#dispute#DIGEST"),
            ("inventory_pull", "body#DIGEST#inventory_pull#DIGEST"),
            ("inventory_push", "body#DIGEST#inventory_push#DIGEST"),
            ("move_to_game", "body#DIGEST#move_to_game#DIGEST"),
            ("non_renewal_subscription", "subscription#31#non_renewal_subscription#DIGEST"),
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
            ("ps_declined", "transaction#2298133380#ps_declined#DIGEST#sandbox"),
            ("redeem_key", "body#DIGEST#redeem_key#DIGEST"),
            ("refund", "transaction#2298114507#refund"),
            ("refund-legacy", "transaction#611720054#refund"),
            ("refund-subscription", "transaction#2298090033#refund#sandbox"),
            ("update_subscription", "subscription#31#update_subscription#DIGEST"),
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
    fn a_type_is_about_its_own_kind_of_subject_whatever_else_the_body_names() {
        let body = r#"{"notification_type":"create_subscription","transaction":{"id":5},"subscription":{"subscription_id":9}}"#;
        assert_eq!(event_id(body), "subscription#9#create_subscription");
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
    fn a_payout_is_known_by_its_id_and_status_and_joins_no_sale() {
        let key = |body: &str| {
            let envelope = Envelope::read_unsigned(body.as_bytes(), Unsigned::Payout).unwrap();
            (envelope.event_id.to_string(), envelope.identified)
        };
        for (body, id) in [
            (crate::samples::named("payout").unwrap().body, "payout#8841#payout#in_progress"),
            (r#"{"status":"success","id":"8841"}"#, "payout#8841#payout#success"),
            (r#"{"id":8841,"status":"success","transaction":{"id":7,"dry_run":1}}"#, "payout#8841#payout#success"),
        ] {
            assert_eq!(key(body), (id.to_owned(), true));
        }
        for (body, subject) in [
            (r#"{"id":8841}"#, "payout#8841"),
            (r#"{"id":8841,"status":"a#b"}"#, "payout#8841"),
            (r#"{"status":"success"}"#, "body#DIGEST"),
            (r#"{"id":null,"status":"success","transaction":{"id":7},"order":{"id":5}}"#, "body#DIGEST"),
            ("{}", "body#DIGEST"),
        ] {
            let id = format!("{subject}#payout#DIGEST").replace("DIGEST", &digest(body).to_string());
            assert_eq!(key(body), (id, false));
        }
        let signed = r#"{"notification_type":"payout","id":8841,"status":"success"}"#;
        assert_eq!(event_id(signed), format!("body#{0}#payout#{0}", digest(signed)), "what is signed is no payout");
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
}
