//! Lines of the log of `xsolla-webhooks local`: status, outcome, event id, and what a user may not expect.

use axum::http::Uri;
use message::Event;
use xsolla::NotificationType;

use crate::envelope::with_envelope;
use crate::journal::Delivery;

/// Digits of a SHA-256 that are shown.
const DIGEST_DIGITS: usize = 8;

/// Describes a webhook: `204 accepted  transaction#7#payment`. A refused one has its path and the reason.
pub(crate) fn webhook(delivery: &Delivery, path: &str, body: &[u8]) -> String {
    let Delivery { status, outcome, event_id, reason, .. } = delivery;
    let mut name = event_id.as_deref().or(delivery.r#type.as_deref()).map(short).unwrap_or_default();
    if let Some(reason) = reason {
        let claimed = if name.is_empty() { claimed_type(body) } else { Some(name.as_str()) };
        let name = claimed.map(|name| format!("{name} at ")).unwrap_or_default();
        return format!("{status} {outcome} {name}{path}: {reason}");
    }
    if delivery.mode.as_deref() == Some("sandbox") {
        name.push_str(" (sandbox)");
    }
    if outcome == "conflict" {
        name.push_str(": known id with other content, not queued");
    }
    format!("{status} {outcome:<9} {name}")
}

/// Describes a message that the relay sent: `    queued    transaction#7#payment: money_only`.
pub(crate) fn queued(event: &Event<'_>) -> String {
    let id = short(&event.event_id);
    let reason = event.goods_reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let replay = if event.replay { ", replay" } else { "" };
    format!("    {:<9} {id}: {}{reason}{replay}", "queued", event.goods)
}

/// The path of a request: the first segment, and below `/webhooks` all. Another one may contain the key of `/unsigned/`.
pub(crate) fn path(uri: &Uri) -> String {
    let path = uri.path();
    match path.get(1..).and_then(|rest| rest.find('/')) {
        Some(end) if !path.starts_with("/webhooks/") => format!("{}/…", &path[..=end]),
        _ => path.to_owned(),
    }
}

/// The type that an unverified body claims to have, if it is a known one.
fn claimed_type(body: &[u8]) -> Option<&'static str> {
    with_envelope(body, |envelope| envelope.notification_type().map(NotificationType::name)).flatten()
}

/// Shortens the digests in an event id.
fn short(event_id: &str) -> String {
    let is_digest = |part: &str| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let short = |part: &str| if is_digest(part) { format!("{}…", &part[..DIGEST_DIGITS]) } else { part.to_owned() };
    event_id.split('#').map(short).collect::<Vec<_>>().join("#")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rstest::rstest;

    use super::*;

    const DIGEST: &str = "a5a48cb7507a3a36e4439689316f18853d472596ab14109b7bdeaafc18d52b33";

    fn delivery() -> Delivery {
        Delivery {
            number: 1,
            at: Timestamp::UNIX_EPOCH,
            status: 204,
            outcome: "accepted".to_owned(),
            r#type: Some("payment".to_owned()),
            event_id: Some("transaction#7#payment".to_owned()),
            user: Some("mira".to_owned()),
            order: None,
            mode: Some("live".to_owned()),
            reason: None,
        }
    }

    #[rstest]
    #[case::accepted(delivery(), "204 accepted  transaction#7#payment")]
    #[case::sandbox(
        Delivery { mode: Some("sandbox".to_owned()), ..delivery() },
        "204 accepted  transaction#7#payment (sandbox)"
    )]
    #[case::conflict(
        Delivery { outcome: "conflict".to_owned(), ..delivery() },
        "204 conflict  transaction#7#payment: known id with other content, not queued"
    )]
    #[case::question(
        Delivery { outcome: "user_found".to_owned(), r#type: Some("user_validation".to_owned()), event_id: None, ..delivery() },
        "204 user_found user_validation"
    )]
    #[case::digest(
        Delivery { event_id: Some(format!("body#{DIGEST}#gift#{DIGEST}")), ..delivery() },
        "204 accepted  body#a5a48cb7…#gift#a5a48cb7…"
    )]
    #[case::refused(
        Delivery { status: 503, outcome: "unexpected_type".to_owned(), reason: Some("other type".to_owned()), ..delivery() },
        "503 unexpected_type transaction#7#payment at /webhooks/refund: other type"
    )]
    fn line_has_status_outcome_and_event_id(#[case] delivery: Delivery, #[case] expected: &str) {
        assert_eq!(webhook(&delivery, "/webhooks/refund", b""), expected);
    }

    #[rstest]
    #[case::known_type(r#"{"notification_type":"refund"}"#, "400 invalid_signature refund at /webhooks: no header")]
    #[case::unknown_type(r#"{"notification_type":"mira"}"#, "400 invalid_signature /webhooks: no header")]
    #[case::no_json("mira", "400 invalid_signature /webhooks: no header")]
    fn line_of_a_wrong_signature_has_no_text_of_the_body(#[case] body: &str, #[case] expected: &str) {
        let (r#type, event_id, mode) = (None, None, None);
        let (outcome, reason) = ("invalid_signature".to_owned(), Some("no header".to_owned()));
        let delivery = Delivery { status: 400, outcome, reason, r#type, event_id, mode, ..delivery() };
        assert_eq!(webhook(&delivery, "/webhooks", body.as_bytes()), expected);
    }

    #[rstest]
    #[case::first(false, "    queued    transaction#7#payment: money_only (order_follows)")]
    #[case::replay(true, "    queued    transaction#7#payment: money_only (order_follows), replay")]
    fn line_of_a_message_has_the_goods(#[case] replay: bool, #[case] expected: &str) {
        let event = format!(
            r#"{{"event_id":"transaction#7#payment","type":"payment","goods":"money_only","goods_reason":"order_follows",
            "subject":"transaction#7","order_id":null,"user_id":null,"recipient_user_id":null,"project_id":null,
            "mode":"live","identified":true,"deprecated":false,"replay":{replay},"received_at":"","item_roles":null,
            "notification":{{}}}}"#
        );
        assert_eq!(queued(&Event::read(&event).unwrap()), expected);
    }

    #[rstest]
    #[case("/nowhere?q=1", "/nowhere")]
    #[case("/webhooks/payment", "/webhooks/payment")]
    #[case("/unsigned/key/payout", "/unsigned/…")]
    #[case("/stage/unsigned/key", "/stage/…")]
    #[case("//unsigned/key", "//…")]
    #[case("/%75nsigned/key", "/%75nsigned/…")]
    fn path_has_no_key(#[case] uri: &str, #[case] expected: &str) {
        assert_eq!(path(&uri.parse().unwrap()), expected);
    }
}
