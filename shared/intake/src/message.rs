//! What the game finds in its queue.

use serde::Serialize;
use serde_json::value::RawValue;
use xsolla::BodyDigest;

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
    pub mode: String,
    /// [`Content`] as JSON.
    pub body: MessageBody,
}

/// The text of a message. `Debug` shows its length only: it holds personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageBody(String);

/// A message's JSON.
#[derive(Serialize)]
pub struct Content<'a> {
    /// The key by which a consumer applies the event once.
    pub event_id: &'a str,
    /// `notification_type` as it came.
    #[serde(rename = "type")]
    pub type_name: &'a str,
    /// What it is about: see [`xsolla::EventId::subject`].
    pub subject: &'a str,
    /// Xsolla's order id.
    pub order_id: Option<&'a str>,
    /// The game's user id.
    pub user_id: Option<&'a str>,
    /// Xsolla's project id.
    pub project_id: Option<&'a str>,
    /// `live` or `sandbox`. A sandbox event must not grant anything of value.
    pub mode: &'a str,
    /// `false`: the type is unknown or its ids are missing, and the event id comes from the body's digest.
    pub identified: bool,
    /// `true`: Xsolla has withdrawn the type.
    pub deprecated: bool,
    /// When it was received, in UTC: `2026-11-22T00:31:07.042Z`.
    pub received_at: &'a str,
    /// The notification, every digit and key of it as Xsolla sent it.
    pub notification: &'a RawValue,
}

/// An event of which no message can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// The table's item is not one that the front door writes.
    #[error("the item has no usable attribute `{0}`")]
    Attribute(&'static str),
    /// The body is not JSON text.
    #[error("the body is not JSON")]
    Body,
}

impl Message {
    /// Writes a message.
    ///
    /// # Errors
    ///
    /// When the content cannot be written as JSON.
    pub fn new(content: &Content<'_>) -> Result<Self, Unsendable> {
        let json = serde_json::to_string(content).map_err(|_| Unsendable::Body)?;
        Ok(Self {
            group_id: fifo_id(content.subject),
            deduplication_id: fifo_id(content.event_id),
            type_label: xsolla::type_label(content.type_name).to_owned(),
            mode: content.mode.to_owned(),
            body: MessageBody(escape_for_sqs(json)),
        })
    }

    /// What it counts for in SQS, in bytes: the body, and the two attributes with their names and types.
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
pub fn notification(body: &[u8]) -> Result<&RawValue, Unsendable> {
    let text = xsolla::json_text(body).map_err(|_| Unsendable::Body)?;
    serde_json::from_str(text).map_err(|_| Unsendable::Body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(event_id: &str, body: &[u8]) -> Result<Message, Unsendable> {
        Message::new(&Content {
            event_id,
            type_name: "payment",
            subject: "transaction#7",
            order_id: None,
            user_id: Some("me"),
            project_id: None,
            mode: "live",
            identified: true,
            deprecated: false,
            received_at: "2026-11-22T00:31:07.042Z",
            notification: notification(body)?,
        })
    }

    #[test]
    fn the_notification_stands_in_it_as_it_came() {
        let body = r#"{ "amount": 1.9900, "id":12345678901234567890123, "a":1,"a":2, "text":"\u00e9\/é" }"#;
        let message = message("transaction#7#payment", format!("  {body}\n").as_bytes()).unwrap();
        let expected = r#"{"event_id":"transaction#7#payment","type":"payment","subject":"transaction#7","order_id":null,"user_id":"me","project_id":null,"mode":"live","identified":true,"deprecated":false,"received_at":"2026-11-22T00:31:07.042Z","notification":"#;
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
    fn a_body_that_is_not_json_cannot_be_sent() {
        for body in [&b"{"[..], b"", b"{} {}", b"\xff"] {
            assert_eq!(notification(body).err(), Some(Unsendable::Body));
        }
    }

    #[test]
    fn debug_shows_nothing_of_it() {
        let shown = format!("{:?}", message("id", br#"{"email":"mira@example.com"}"#).unwrap());
        assert!(!shown.contains("mira"), "{shown}");
    }
}
