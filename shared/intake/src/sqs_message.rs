//! SQS messages for the game's queue.

use message::Event;
use serde_json::value::RawValue;
use xsolla::BodyDigest;

use crate::trace::TraceHeader;

/// Longest group or deduplication id that SQS accepts, in characters.
const MAX_FIFO_ID: usize = 128;

/// A message, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Message group id: SQS delivers the messages of a group in order.
    pub group_id: String,
    /// Deduplication id: SQS drops a second message with the same id for five minutes.
    pub deduplication_id: String,
    /// Message attribute `type`: the type's name if it is plain, else `unknown`.
    pub type_label: String,
    /// Message attribute `mode`: `live` or `sandbox`.
    pub mode: &'static str,
    /// System attribute `AWSTraceHeader`, with which X-Ray connects the webhook and its consumer.
    pub trace: Option<TraceHeader>,
    /// The [`Event`] as JSON.
    pub body: MessageBody,
}

/// The text of a message. `Debug` shows only its length, because it contains personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageBody(String);

/// The body is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not JSON")]
pub struct NotJson;

impl Message {
    /// Creates the message of an event, without a trace.
    ///
    /// # Errors
    ///
    /// If the event cannot be serialized.
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

    /// Adds a time to the deduplication id, so that SQS does not drop a replay within five minutes of the first message.
    #[must_use]
    pub fn with_replay_id(self, time: &str) -> Self {
        Self { deduplication_id: fifo_id(&format!("{}#{time}", self.deduplication_id)), ..self }
    }

    /// Size in bytes as SQS counts it: the body and the two attributes with their names and types, without the trace.
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

/// Returns an id that SQS accepts: at most 128 letters, digits and punctuation marks. Other ids are hashed.
fn fifo_id(id: &str) -> String {
    if id.len() <= MAX_FIFO_ID && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return id.to_owned();
    }
    BodyDigest::of(id.as_bytes()).to_string()
}

/// Escapes the two characters that JSON allows and SQS rejects. They occur only in strings.
fn escape_for_sqs(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', r"\ufffe").replace('\u{ffff}', r"\uffff")
    } else {
        json
    }
}

/// Returns the notification in a stored body, unchanged.
///
/// # Errors
///
/// If the body is not JSON.
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
            goods_reason: None,
            subject: "transaction#7".into(),
            order_id: None,
            user_id: Some("me".into()),
            recipient_user_id: Some("me".into()),
            project_id: None,
            mode: Mode::Live,
            identified: true,
            deprecated: false,
            replay: false,
            received_at: "2026-11-22T00:31:07.042518Z".into(),
            item_roles: None,
            notification: notification(body)?,
        })
    }

    #[test]
    fn contains_notification_unchanged() {
        let body = r#"{ "amount": 1.9900, "id":12345678901234567890123, "a":1,"a":2, "text":"\u00e9\/é" }"#;
        let message = message("transaction#7#payment", format!("  {body}\n").as_bytes()).unwrap();
        let expected = r#"{"event_id":"transaction#7#payment","type":"payment","goods":"money_only","goods_reason":null,"subject":"transaction#7","order_id":null,"user_id":"me","recipient_user_id":"me","project_id":null,"mode":"live","identified":true,"deprecated":false,"replay":false,"received_at":"2026-11-22T00:31:07.042518Z","item_roles":null,"notification":"#;
        assert_eq!(message.body.as_str(), format!("{expected}{body}}}"));
    }

    #[test]
    fn escapes_characters_that_sqs_rejects() {
        let body = "{\"comment\":\"\u{fffe}\u{ffff}\u{1ffff}\"}";
        let message = message("transaction#7#payment", body.as_bytes()).unwrap();
        assert!(!message.body.as_str().contains(['\u{fffe}', '\u{ffff}']));
        let parsed: serde_json::Value = serde_json::from_str(message.body.as_str()).unwrap();
        assert_eq!(parsed["notification"]["comment"], "\u{fffe}\u{ffff}\u{1ffff}");
    }

    #[test]
    fn drops_byte_order_mark() {
        let message = message("transaction#7#payment", "\u{feff}{}".as_bytes()).unwrap();
        assert!(message.body.as_str().ends_with(r#""notification":{}}"#));
    }

    #[test]
    fn hashes_ids_that_sqs_rejects() {
        for (id, is_valid) in [
            ("transaction#7#payment".to_owned(), true),
            ("x".repeat(128), true),
            ("x".repeat(129), false),
            ("transaction#7#partial_refund#2026-08-23 01:02:03#5".to_owned(), false),
        ] {
            let sent = message(&id, b"{}").unwrap().deduplication_id;
            assert_eq!(sent == id, is_valid, "{id}");
            assert!(is_valid || (sent.len() == 64 && sent.bytes().all(|byte| byte.is_ascii_hexdigit())), "{sent}");
        }
    }

    /// `type` and `mode`, twice `String`, `payment` and `live`: 31 bytes beside the body.
    #[test]
    fn size_is_that_of_body_and_attributes() {
        let message = message("transaction#7#payment", b"{}").unwrap();
        assert_eq!(message.size(), message.body.as_str().len() + 31);
    }

    #[test]
    fn replay_id_changes_only_the_deduplication_id() {
        let first = message("transaction#7#payment", b"{}").unwrap();
        let second = first.clone().with_replay_id("2026-11-22T04:00:00Z");
        assert_eq!(second.deduplication_id, "transaction#7#payment#2026-11-22T04:00:00Z");
        assert_eq!(Message { deduplication_id: first.deduplication_id.clone(), ..second }, first);
    }

    #[test]
    fn notification_rejects_body_that_is_not_json() {
        for body in [&b"{"[..], b"", b"{} {}", b"\xff"] {
            assert_eq!(notification(body).err(), Some(NotJson));
        }
    }

    #[test]
    fn debug_shows_no_content() {
        let shown = format!("{:?}", message("id", br#"{"email":"mira@example.com"}"#).unwrap());
        assert!(!shown.contains("mira"), "{shown}");
    }
}
