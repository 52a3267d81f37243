//! What the game finds in its queue.

use message::Event;
use serde_json::value::RawValue;
use xsolla::BodyDigest;

use crate::trace::TraceHeader;

/// Longest group or deduplication id that SQS takes, in characters.
const MAX_FIFO_ID: usize = 128;

/// A message, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What happened to one subject arrives in order.
    pub group_id: String,
    /// SQS drops a second one within five minutes.
    pub deduplication_id: String,
    /// The message attribute `type`: the type's name where it is plain, else `unknown`.
    pub type_label: String,
    /// The message attribute `mode`: `live` or `sandbox`.
    pub mode: &'static str,
    /// SQS's own attribute `AWSTraceHeader`, by which X-Ray finds the way from the webhook to who takes its event.
    pub trace: Option<TraceHeader>,
    /// The [`Event`] as JSON.
    pub body: MessageBody,
}

/// The text of a message. `Debug` shows its length only: it holds personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageBody(String);

/// The body is not JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not JSON")]
pub struct NotJson;

impl Message {
    /// Writes an event, without a trace.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn new(event: &Event<'_>) -> Result<Self, NotJson> {
        let json = serde_json::to_string(event).map_err(|_| NotJson)?;
        Ok(Self {
            group_id: fifo_id(&event.subject),
            deduplication_id: fifo_id(&event.event_id),
            type_label: xsolla::type_label(&event.notification_type).to_owned(),
            mode: event.mode.name(),
            trace: None,
            body: MessageBody(escape_for_sqs(json)),
        })
    }

    /// The same message, to be sent once more. Without a deduplication id of its own, made from what stands for this
    /// time, SQS would drop it for five minutes after the first.
    #[must_use]
    pub fn with_replay_id(self, time: &str) -> Self {
        Self { deduplication_id: fifo_id(&format!("{}#{time}", self.deduplication_id)), ..self }
    }

    /// What it counts for in SQS, in bytes: the body, and the two attributes with their names and types. The trace does not
    /// count.
    #[must_use]
    pub fn size(&self) -> usize {
        const NAMES_AND_TYPES: usize = "type".len() + "mode".len() + 2 * "String".len();
        self.body.0.len() + self.type_label.len() + self.mode.len() + NAMES_AND_TYPES
    }
}

impl From<String> for MessageBody {
    fn from(json: String) -> Self {
        Self(json)
    }
}

impl MessageBody {
    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for MessageBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MessageBody({} bytes)", self.0.len())
    }
}

/// SQS takes ids of up to 128 letters, digits and punctuation marks; any other gives way to its digest.
fn fifo_id(id: &str) -> String {
    if id.len() <= MAX_FIFO_ID && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return id.to_owned();
    }
    BodyDigest::of(id.as_bytes()).to_string()
}

/// SQS refuses two characters that JSON allows raw, and only inside of strings: they go out as escapes.
fn escape_for_sqs(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', r"\ufffe").replace('\u{ffff}', r"\uffff")
    } else {
        json
    }
}

/// The notification in a kept body, as it stands there.
///
/// # Errors
///
/// When the body is not JSON text.
pub fn notification(body: &[u8]) -> Result<&RawValue, NotJson> {
    let text = xsolla::json_text(body).map_err(|_| NotJson)?;
    serde_json::from_str(text).map_err(|_| NotJson)
}

#[cfg(test)]
mod tests {
    use message::{Goods, Mode};

    use super::*;

    fn message(event_id: &str, body: &[u8]) -> Result<Message, NotJson> {
        Message::new(&Event {
            event_id: event_id.into(),
            notification_type: "payment".into(),
            goods: Goods::MoneyOnly,
            subject: "transaction#7".into(),
            order_id: None,
            user_id: Some("me".into()),
            project_id: None,
            mode: Mode::Live,
            identified: true,
            deprecated: false,
            replay: false,
            received_at: "2026-11-22T00:31:07.042Z".into(),
            item_roles: None,
            notification: notification(body)?,
        })
    }

    #[test]
    fn the_notification_stands_in_it_as_it_came() {
        let body = r#"{ "amount": 1.9900, "id":12345678901234567890123, "a":1,"a":2, "text":"\u00e9\/é" }"#;
        let message = message("transaction#7#payment", format!("  {body}\n").as_bytes()).unwrap();
        let expected = r#"{"event_id":"transaction#7#payment","type":"payment","goods":"money_only","subject":"transaction#7","order_id":null,"user_id":"me","project_id":null,"mode":"live","identified":true,"deprecated":false,"replay":false,"received_at":"2026-11-22T00:31:07.042Z","item_roles":null,"notification":"#;
        assert_eq!(message.body.as_str(), format!("{expected}{body}}}"));
    }

    #[test]
    fn characters_that_sqs_refuses_go_out_as_escapes_and_arrive_equal() {
        let body = "{\"comment\":\"\u{fffe}\u{ffff}\u{1ffff}\"}";
        let message = message("transaction#7#payment", body.as_bytes()).unwrap();
        assert!(!message.body.as_str().contains(['\u{fffe}', '\u{ffff}']));
        let arrived: serde_json::Value = serde_json::from_str(message.body.as_str()).unwrap();
        assert_eq!(arrived["notification"]["comment"], "\u{fffe}\u{ffff}\u{1ffff}");
    }

    #[test]
    fn a_byte_order_mark_stays_behind() {
        let message = message("transaction#7#payment", "\u{feff}{}".as_bytes()).unwrap();
        assert!(message.body.as_str().ends_with(r#""notification":{}}"#));
    }

    #[test]
    fn ids_that_sqs_would_refuse_give_way_to_their_digest() {
        for (id, fits) in [
            ("transaction#7#payment".to_owned(), true),
            ("x".repeat(128), true),
            ("x".repeat(129), false),
            ("transaction#7#partial_refund#2026-08-23 01:02:03#5".to_owned(), false),
        ] {
            let sent = message(&id, b"{}").unwrap().deduplication_id;
            assert_eq!(sent == id, fits, "{id}");
            assert!(fits || (sent.len() == 64 && sent.bytes().all(|byte| byte.is_ascii_hexdigit())), "{sent}");
        }
    }

    #[test]
    fn once_more_it_differs_in_its_deduplication_id_alone() {
        let first = message("transaction#7#payment", b"{}").unwrap();
        let second = first.clone().with_replay_id("2026-11-22T04:00:00Z");
        assert_eq!(second.deduplication_id, "transaction#7#payment#2026-11-22T04:00:00Z");
        assert_eq!(Message { deduplication_id: first.deduplication_id.clone(), ..second }, first);
    }

    #[test]
    fn a_body_that_is_not_json_cannot_be_sent() {
        for body in [&b"{"[..], b"", b"{} {}", b"\xff"] {
            assert_eq!(notification(body).err(), Some(NotJson));
        }
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        let shown = format!("{:?}", message("id", br#"{"email":"mira@example.com"}"#).unwrap());
        assert!(!shown.contains("mira"), "{shown}");
    }
}
