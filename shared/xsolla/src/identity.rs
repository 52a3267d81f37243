//! Construction of event ids from notifications.

use std::borrow::Cow;

use rust_decimal::Decimal;

use crate::body::BodyDigest;
use crate::event_id::EventId;
use crate::field::{Field, Fields};
use crate::mode::Mode;
use crate::notification_type::{Discriminator, EventSpec, NotificationType, SubjectKind, type_label};

/// The maximum length of an id in a key, in bytes. Xsolla's ids have about ten digits.
const MAX_ID_LEN: usize = 128;

/// Returns the event id, and whether it contains the ids of a known type.
pub(crate) fn identify(
    fields: &Fields<'_>,
    type_name: &str,
    notification_type: Option<NotificationType>,
    mode: Mode,
    digest: BodyDigest,
) -> (EventId, bool) {
    let spec = notification_type.and_then(NotificationType::event_spec);
    let expected_subject = spec.and_then(|spec| subject(fields, spec.subject_kinds));
    // An unsigned payout must not join the history of a sale.
    let other_kinds = if notification_type == Some(NotificationType::PAYOUT) { &[] } else { SubjectKind::SIGNED };
    let subject = expected_subject.or_else(|| subject(fields, other_kinds));
    let (kind, subject_id) = subject.unwrap_or_else(|| (SubjectKind::Body, digest.to_string().into()));
    let suffix = spec.filter(|spec| spec.subject_kinds.contains(&kind)).and_then(|spec| suffix(fields, spec, digest));
    let is_identified = suffix.is_some();
    // A test with a made-up id must not block the real sale that gets that id later.
    let sandbox = if is_identified && mode == Mode::Sandbox { "#sandbox" } else { "" };
    let subject = format!("{}#{subject_id}", kind.name());
    let suffix = suffix.unwrap_or_else(|| format!("#{digest}"));
    let rest = format!("{}{suffix}{sandbox}", type_label(type_name));
    (EventId::new(subject, rest), is_identified)
}

/// Returns the first subject of these kinds. A transaction id can be in one of four places.
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
    .find_map(|(kind, field)| Some((kind, id(fields, field).filter(|id| is_subject_id(kind, id))?)))
}

/// Returns whether the id names an object. Free orders have the transaction id 0.
fn is_subject_id(kind: SubjectKind, id: &str) -> bool {
    kind != SubjectKind::Transaction || id != "0"
}

/// Returns the transaction that a notification is about.
pub(crate) fn transaction_id<'a>(fields: &Fields<'a>) -> Option<Cow<'a, str>> {
    subject(fields, &[SubjectKind::Transaction]).map(|(_, id)| id)
}

/// Returns the part of the key after the type; `None` if an id is missing. Empty for most types, because a subject has only
/// one such event.
fn suffix(fields: &Fields<'_>, spec: EventSpec, digest: BodyDigest) -> Option<String> {
    let join = |parts: &[Field], part: PartOfKey| {
        parts.iter().try_fold(String::new(), |joined, field| Some(format!("{joined}#{}", part(fields, *field)?)))
    };
    let digest = || format!("#{digest}");
    let key_fields = join(spec.key_fields, id)?;
    let discriminator = match spec.discriminator {
        Discriminator::None => String::new(),
        Discriminator::IdIfPresent(field) => join(&[field], id).unwrap_or_default(),
        Discriminator::Fields(fields) => join(fields, discriminator).unwrap_or_else(digest),
        Discriminator::Digest => digest(),
    };
    Some(key_fields + &discriminator)
}

/// Returns a part of a key; `None` if the value is missing or invalid.
type PartOfKey = for<'a> fn(&Fields<'a>, Field) -> Option<Cow<'a, str>>;

/// Returns a normalized id that is valid in a key.
pub(crate) fn id<'a>(fields: &Fields<'a>, field: Field) -> Option<Cow<'a, str>> {
    fields.text(field).map(normalize_id).filter(|id| is_valid_in_key(id))
}

/// Returns a normalized discriminator that is valid in a key.
fn discriminator<'a>(fields: &Fields<'a>, field: Field) -> Option<Cow<'a, str>> {
    let text = trim(fields.text(field)?);
    let is_amount = matches!(field, Field::TotalAmount | Field::PaymentAmount);
    let text = if is_amount { normalize_amount(text) } else { text };
    Some(text).filter(|text| is_valid_in_key(text))
}

/// Returns whether a text is printable ASCII without the separator, and has at most [`MAX_ID_LEN`] bytes.
fn is_valid_in_key(text: &str) -> bool {
    let is_valid = |byte| matches!(byte, b' '..=b'~') && byte != b'#';
    (1..=MAX_ID_LEN).contains(&text.len()) && text.bytes().all(is_valid)
}

/// Returns one text for all spellings of an id: without surrounding whitespace, and `7` for `7.0`.
pub(crate) fn normalize_id(id: Cow<'_, str>) -> Cow<'_, str> {
    match trim(id) {
        Cow::Borrowed(id) => Cow::Borrowed(without_zero_fraction(id)),
        Cow::Owned(mut id) => {
            id.truncate(without_zero_fraction(&id).len());
            Cow::Owned(id)
        }
    }
}

fn without_zero_fraction(id: &str) -> &str {
    let is_all = |digits: &str, valid: fn(u8) -> bool| !digits.is_empty() && digits.bytes().all(valid);
    match id.split_once('.') {
        Some((number, fraction))
            if is_all(number, |byte| byte.is_ascii_digit()) && is_all(fraction, |byte| byte == b'0') =>
        {
            number
        }
        _ => id,
    }
}

/// Returns one text for all spellings of an amount: `1`, `1.00` and `1e0` are `1`. Other text is unchanged.
fn normalize_amount(amount: Cow<'_, str>) -> Cow<'_, str> {
    // Not `from_str`, which rounds: two amounts must not become one.
    match Decimal::from_str_exact(&amount).or_else(|_| Decimal::from_scientific(&amount)) {
        Ok(decimal) => Cow::Owned(decimal.normalize().to_string()),
        Err(_) => amount,
    }
}

fn trim(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::envelope::tests::with_envelope;
    use crate::{Envelope, Role, UnsignedType, samples};

    fn event_id(body: &str) -> String {
        with_envelope(body, |envelope| envelope.unwrap().event_id().to_string())
    }

    fn is_identified(body: &str) -> bool {
        with_envelope(body, |envelope| envelope.unwrap().is_identified())
    }

    fn sample(name: &str) -> &'static str {
        samples::get(name).unwrap().body
    }

    fn digest(body: &str) -> BodyDigest {
        BodyDigest::of(body.as_bytes())
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
            ("payment_duplicate_reject", "transaction#2298114622#payment_duplicate_reject#DIGEST"),
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
            let body = sample(name);
            assert_eq!(event_id(body), key.replace("DIGEST", &digest(body).to_string()));
            assert!(is_identified(body), "{name}");
        }
        for sample in samples::ALL {
            let known = with_envelope(sample.body, |envelope| envelope.unwrap().notification_type()).unwrap();
            let is_event = matches!(known.role(), Role::Event(_));
            assert_eq!(is_event, keys.iter().any(|(name, _)| *name == sample.name), "{}", sample.name);
        }
    }

    #[test]
    fn sale_and_reversal_share_a_subject_with_separate_and_combined_webhooks() {
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
            assert!(is_identified(body), "{body}");
        }
    }

    #[test]
    fn order_without_transaction_is_its_own_subject() {
        let body = r#"{"notification_type":"order_paid","order":{"id":5,"invoice_id":null}}"#;
        assert_eq!(event_id(body), "order#5#order_paid#5");
    }

    #[test]
    fn partial_refunds_of_one_payment_have_different_keys() {
        let dated = |date: &str, amount: &str| {
            event_id(&format!(
                r#"{{"notification_type":"partial_refund","transaction":{{"id":7}},"refund_details":{{"date":"{date}"}},
                "purchase":{{"total":{{"amount":20}}}},"payment_details":{{"payment":{{"amount":{amount}}}}}}}"#
            ))
        };
        assert_eq!(dated("2026-08-23 01:02:03", "5.00"), "transaction#7#partial_refund#2026-08-23 01:02:03#20#5");
        assert_ne!(dated("2026-08-23", "5"), dated("2026-08-24", "5"));
        assert_ne!(dated("2026-08-23", "5"), dated("2026-08-23", "6"));

        let undated =
            r#"{"notification_type":"partial_refund","transaction":{"id":7},"purchase":{"total":{"amount":5}}}"#;
        assert_eq!(event_id(undated), format!("transaction#7#partial_refund#{}", digest(undated)));
        assert!(is_identified(undated), "a refund without a date is normal");
    }

    #[test]
    fn unknown_type_has_its_subject_and_the_digest_in_its_key() {
        let body = r#"{"notification_type":"chargeback_v9","transaction":{"id":7}}"#;
        assert_eq!(event_id(body), format!("transaction#7#chargeback_v9#{}", digest(body)));
        let body = r#"{"notification_type":"news"}"#;
        assert_eq!(event_id(body), format!("body#{0}#news#{0}", digest(body)));
        assert!(!is_identified(body));
    }

    #[test]
    fn invalid_id_is_replaced_by_the_digest() {
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
            assert!(!is_identified(&body), "{id}");
        }
    }

    #[test]
    fn payment_without_transaction_is_not_identified() {
        for other in [r#""order":{"id":5}"#, r#""subscription":{"subscription_id":5}"#] {
            let body = format!(r#"{{"notification_type":"payment",{other}}}"#);
            assert!(event_id(&body).ends_with(&format!("#5#payment#{}", digest(&body))), "{other}");
            assert!(!is_identified(&body), "{other}");
        }
    }

    #[test]
    fn expected_subject_wins_over_other_ids_in_the_body() {
        let body = r#"{"notification_type":"create_subscription","transaction":{"id":5},"subscription":{"subscription_id":9}}"#;
        assert_eq!(event_id(body), "subscription#9#create_subscription");
    }

    #[test]
    fn sandbox_event_has_a_key_of_its_own() {
        for (marker, id) in [
            (r#""transaction":{"id":7}"#, "transaction#7#payment"),
            (r#""transaction":{"id":7,"dry_run":1}"#, "transaction#7#payment#sandbox"),
        ] {
            assert_eq!(event_id(&format!(r#"{{"notification_type":"payment",{marker}}}"#)), id);
        }
    }

    #[test]
    fn payout_key_has_id_and_status_and_never_a_transaction() {
        let key = |body: &str| {
            let envelope = Envelope::parse_unsigned(body.as_bytes(), UnsignedType::Payout).unwrap();
            (envelope.event_id().to_string(), envelope.is_identified())
        };
        for (body, id) in [
            (sample("payout"), "payout#8841#payout#in_progress"),
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
        assert_eq!(event_id(signed), format!("body#{0}#payout#{0}", digest(signed)), "a signed body is never a payout");
    }

    #[test]
    fn order_without_its_id_is_identified_by_its_transaction() {
        for (body, id) in [
            (r#"{"notification_type":"order_paid","order":{"invoice_id":"7"}}"#, "transaction#7#order_paid"),
            (
                r#"{"notification_type":"order_canceled","order":{"id":null,"invoice_id":7}}"#,
                "transaction#7#order_canceled",
            ),
            (
                r#"{"notification_type":"order_paid","order":{"id":"a#b"},"billing":{"transaction":{"id":7}}}"#,
                "transaction#7#order_paid",
            ),
            (
                r#"{"notification_type":"order_paid","order":{"invoice_id":7,"mode":"sandbox"}}"#,
                "transaction#7#order_paid#sandbox",
            ),
        ] {
            assert_eq!(event_id(body), id);
            assert!(is_identified(body), "{body}");
            assert!(!event_id(body).contains(&digest(body).to_string()), "{body}");
        }
    }

    #[test]
    fn order_without_its_id_and_without_a_transaction_is_not_identified() {
        for order in ["{}", r#"{"invoice_id":null}"#, r#"{"invoice_id":"0"}"#, r#"{"id":""}"#] {
            let body = format!(r#"{{"notification_type":"order_paid","order":{order}}}"#);
            assert_eq!(event_id(&body), format!("body#{0}#order_paid#{0}", digest(&body)));
            assert!(!is_identified(&body), "{order}");
        }
    }

    #[test]
    fn transaction_id_zero_is_no_transaction() {
        for zero in ["0", r#""0""#, "0.0", r#"" 0.00 ""#] {
            for order in [
                format!(r#""order":{{"id":5,"invoice_id":{zero}}}"#),
                format!(r#""order":{{"id":5}},"transaction":{{"id":{zero}}}"#),
                format!(r#""order":{{"id":5}},"billing":{{"transaction":{{"id":{zero}}}}}"#),
                format!(r#""order":{{"id":5}},"event":{{"transaction_id":{zero}}}"#),
            ] {
                let body = format!(r#"{{"notification_type":"order_paid",{order}}}"#);
                assert_eq!(event_id(&body), "order#5#order_paid#5", "{body}");
                assert!(is_identified(&body), "{body}");
            }
            let payment = format!(r#"{{"notification_type":"payment","transaction":{{"id":{zero}}}}}"#);
            assert!(!is_identified(&payment), "{payment}");
        }
        let body =
            r#"{"notification_type":"order_paid","order":{"id":5,"invoice_id":0},"billing":{"transaction":{"id":7}}}"#;
        assert_eq!(event_id(body), "transaction#7#order_paid#5");
    }

    #[rstest]
    #[case("7")]
    #[case("7.0")]
    #[case("7.000")]
    #[case(r#""7""#)]
    #[case(r#""7.0""#)]
    #[case(r#"" 7\n""#)]
    #[case(r#""\t7.00 ""#)]
    #[case(r#"{"value":" 7.0"}"#)]
    fn spellings_of_an_id_have_one_key(#[case] id: &str) {
        let payment = format!(r#"{{"notification_type":"payment","transaction":{{"id":{id}}}}}"#);
        assert_eq!(event_id(&payment), "transaction#7#payment");
        let order = format!(r#"{{"notification_type":"order_paid","order":{{"id":{id},"invoice_id":9}}}}"#);
        assert_eq!(event_id(&order), "transaction#9#order_paid#7");
    }

    #[rstest]
    #[case("7.5", "7.5")]
    #[case("7.01", "7.01")]
    #[case(r#""7.""#, "7.")]
    #[case(r#"".0""#, ".0")]
    #[case(r#""a.0""#, "a.0")]
    #[case(r#""1.2.0""#, "1.2.0")]
    #[case(r#""07""#, "07")]
    #[case("-7.0", "-7.0")]
    #[case(r#""7 8""#, "7 8")]
    fn other_ids_have_keys_of_their_own(#[case] id: &str, #[case] key: &str) {
        let payment = format!(r#"{{"notification_type":"payment","transaction":{{"id":{id}}}}}"#);
        assert_eq!(event_id(&payment), format!("transaction#{key}#payment"));
    }

    #[rstest]
    #[case("1", "1")]
    #[case("1.0", "1")]
    #[case(r#""1.00""#, "1")]
    #[case(r#"" 1.00 ""#, "1")]
    #[case("1e0", "1")]
    #[case("10E-1", "1")]
    #[case("100", "100")]
    #[case("1e2", "100")]
    #[case("-5.50", "-5.5")]
    #[case("0.00", "0")]
    #[case(r#""1,00 ""#, "1,00")]
    #[case(r#"" [null] ""#, "[null]")]
    #[case("0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001")]
    fn amounts_in_a_key_are_normalized_as_decimals(#[case] amount: &str, #[case] key: &str) {
        let body = format!(
            r#"{{"notification_type":"partial_refund","transaction":{{"id":7}},"refund_details":{{"date":" 2026-08-23\n"}},
            "purchase":{{"total":{{"amount":{amount}}}}},"payment_details":{{"payment":{{"amount":{amount}}}}}}}"#
        );
        assert_eq!(event_id(&body), format!("transaction#7#partial_refund#2026-08-23#{key}#{key}"));
    }

    #[test]
    fn unsafe_type_name_is_unknown_in_the_key() {
        for name in ["", "\\ud800", "a b", "é", &"x".repeat(65), "a#b", "\u{ffff}"] {
            let body = format!(r#"{{"notification_type":"{name}"}}"#);
            assert_eq!(event_id(&body), format!("body#{0}#unknown#{0}", digest(&body)));
            assert_eq!(with_envelope(&body, |envelope| envelope.unwrap().type_name().to_owned()), name);
        }
    }
}
