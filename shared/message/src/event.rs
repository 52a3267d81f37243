//! The message, as it is written and read.

use std::borrow::Cow;
use std::fmt;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use xsolla::{Goods, ItemRole, Mode};

/// An event, as the game finds it in its queue: the JSON of one SQS message.
///
/// Fields may be added; those that are there stay.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Event<'a> {
    /// The key by which to apply the event once: SQS delivers at least once.
    #[serde(borrow)]
    pub event_id: Cow<'a, str>,
    /// Xsolla's `notification_type`, as it came; `payout` for a payout, which has none.
    #[serde(borrow, rename = "type")]
    pub notification_type: Cow<'a, str>,
    /// What to do with the goods. Whoever acts on this alone grants a sale once, and takes it back once.
    pub goods: Goods,
    /// What the event is about, and the message's group: `transaction#<id>`, else `order#<id>`, `subscription#<id>`,
    /// `payment_account#<id>`, `operation#<id>`, `payout#<id>`, else `body#<digest>`. Events of one subject arrive in order.
    #[serde(borrow)]
    pub subject: Cow<'a, str>,
    /// Xsolla's order id.
    pub order_id: Option<Cow<'a, str>>,
    /// The game's id of the user.
    pub user_id: Option<Cow<'a, str>>,
    /// Xsolla's project id. An `order_*` of separate webhooks has none.
    pub project_id: Option<Cow<'a, str>>,
    /// `sandbox` if any marker in the notification says so. Such an event must not grant anything of value.
    pub mode: Mode,
    /// `false`: the type is unknown or its ids are missing, and the event id comes from the body's digest.
    pub identified: bool,
    /// `true`: Xsolla has withdrawn the type.
    pub deprecated: bool,
    /// `true`: a person has sent it, for the first time or again, and it may be late. Its event id still decides.
    #[serde(default)]
    pub replay: bool,
    /// When it was received, in UTC: `2026-11-22T00:31:07.042Z`.
    #[serde(borrow)]
    #[schemars(extend("format" = "date-time"))]
    pub received_at: Cow<'a, str>,
    /// What each line of an order's `items` is, in their order; `null` if the notification is no order's.
    pub item_roles: Option<Vec<ItemRole>>,
    /// The notification, every digit and key of it as Xsolla sent it.
    #[serde(borrow)]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub notification: &'a RawValue,
}

/// A message that is no event. It tells where the reading stopped, never what stood there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message is not readable at line {line}, column {column}")]
pub struct UnreadableMessage {
    line: usize,
    column: usize,
}

impl<'a> Event<'a> {
    /// Reads a message's body.
    ///
    /// # Errors
    ///
    /// When it is not what this project's relay writes.
    pub fn read(message: &'a str) -> Result<Self, UnreadableMessage> {
        serde_json::from_str(message).map_err(|error| UnreadableMessage { line: error.line(), column: error.column() })
    }

    /// The notification as the model of its type, with exact decimals and every digit of every id. (A payout has no
    /// `notification_type`: [`Payout::from_json`](xsolla::model::Payout::from_json) takes the text of [`Self::notification`].)
    ///
    /// # Errors
    ///
    /// When it is of another type, or has a field of a shape that nobody has met so far.
    pub fn notification<M: xsolla::model::Model>(&self) -> Result<M, xsolla::model::ModelError> {
        M::from_json(self.notification.get())
    }
}

/// The JSON Schema of [`Event`], with the notification as each type's model reads it.
///
/// `schema.json` beside this crate's manifest is a copy for those who read the queue in other languages.
#[must_use]
pub fn schema() -> Schema {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut types = Vec::new();
    for (known, notification) in xsolla::inspect::schemas(&mut generator) {
        types.push(json!({
            "if": { "properties": { "type": { "const": known.name() } } },
            "then": { "properties": { "notification": notification } },
        }));
    }
    let mut schema = generator.into_root_schema_for::<Event<'_>>();
    // Those that may be null are written all the same.
    let properties = schema.get("properties").and_then(|properties| properties.as_object());
    let required: Vec<_> = properties.into_iter().flat_map(|properties| properties.keys().cloned()).collect();
    schema.insert("required".to_owned(), required.into());
    schema.insert("title".to_owned(), "Event".into());
    schema.insert("allOf".to_owned(), types.into());
    xsolla::inspect::plain_descriptions(&mut schema);
    schema
}

/// A notification holds personal data: only the event's key is shown.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("event_id", &self.event_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = r#"{"event_id":"transaction#7#payment","type":"payment","goods":"money_only","subject":"transaction#7","order_id":null,"user_id":"me","project_id":null,"mode":"live","identified":true,"deprecated":false,"replay":false,"received_at":"2026-11-22T00:31:07.042Z","item_roles":null,"notification":{"notification_type":"payment","transaction":{"id":12345678901234567890123}, "amount": 1.9900}}"#;

    #[test]
    fn a_message_is_written_as_it_is_read() {
        let event = Event::read(MESSAGE).unwrap();
        assert_eq!(event.goods, Goods::MoneyOnly);
        assert_eq!(event.mode, Mode::Live);
        assert_eq!(event.user_id.as_deref(), Some("me"));
        assert_eq!(
            event.notification::<xsolla::model::Payment>().unwrap().transaction.id.unwrap(),
            "12345678901234567890123"
        );
        assert_eq!(serde_json::to_string(&event).unwrap(), MESSAGE);
    }

    #[test]
    fn escapes_are_read_and_a_field_of_tomorrow_is_passed_over() {
        let message = MESSAGE.replace(r#""me""#, r#""m\u0065\n""#).replace(r#""mode""#, r#""shade":"green","mode""#);
        assert_eq!(Event::read(&message).unwrap().user_id.as_deref(), Some("me\n"));
    }

    #[test]
    fn a_message_from_before_replays_is_none() {
        let message = MESSAGE.replace(r#""replay":false,"#, "");
        assert_ne!(message, MESSAGE);
        assert!(!Event::read(&message).unwrap().replay);
    }

    #[test]
    fn an_error_and_debug_show_nothing_of_it() {
        let broken = MESSAGE.replace(r#""money_only""#, r#""hidden@example.com""#);
        let error = Event::read(&broken).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error}");
        let shown = format!("{:?}", Event::read(MESSAGE).unwrap());
        assert_eq!(shown, r#"Event { event_id: "transaction#7#payment", .. }"#);
    }
}
