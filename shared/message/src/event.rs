//! The message and its JSON Schema.

use std::borrow::Cow;
use std::fmt;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use xsolla::{Goods, GoodsReason, ItemRole, Mode};

/// An event in the game's queue: the JSON body of an SQS message.
///
/// Later versions may add fields, but do not remove any.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Event<'a> {
    /// Idempotency key. SQS delivers at least once: apply each event id once.
    #[serde(borrow)]
    pub event_id: Cow<'a, str>,
    /// Xsolla's `notification_type`; `payout` for a payout, which has none.
    #[serde(borrow, rename = "type")]
    pub notification_type: Cow<'a, str>,
    /// Effect on the goods. A consumer that follows it grants each sale once and revokes it once.
    pub goods: Goods,
    /// Why `goods` is not what the type alone suggests; `null` if it is.
    #[serde(default)]
    pub goods_reason: Option<GoodsReason>,
    /// Message group: the subject of the sale's first event, usually that of the event id. The orders and cancellations of
    /// one order share it. `transaction#<id>`, else `order#<id>`, `subscription#<id>`, `payment_account#<id>`,
    /// `operation#<id>`, `payout#<id>`, else `body#<digest>`. Events of a group arrive in order.
    #[serde(borrow)]
    pub subject: Cow<'a, str>,
    /// Xsolla's order id. For a `revoke`, that of the event that granted the goods.
    pub order_id: Option<Cow<'a, str>>,
    /// The game's user id.
    pub user_id: Option<Cow<'a, str>>,
    /// The game's user id of the user who receives the goods: the receiver of a gift, else the user. `null` if a gift names
    /// its receiver by e-mail only.
    #[serde(default)]
    pub recipient_user_id: Option<Cow<'a, str>>,
    /// Xsolla's project id. Missing in `order_*` with separate webhooks.
    pub project_id: Option<Cow<'a, str>>,
    /// `sandbox` if any field of the notification marks a test. A test must not grant anything of value.
    pub mode: Mode,
    /// Whether the event id contains the type's ids. If not, the type is unknown or its ids are missing, and the event id
    /// contains the body's digest.
    pub identified: bool,
    /// Whether Xsolla has removed the type from its documentation.
    pub deprecated: bool,
    /// Whether an operator sent the message, possibly late and not for the first time. Check the event id as usual.
    #[serde(default)]
    pub replay: bool,
    /// Time of receipt, in UTC: `2026-11-22T00:31:07.042518Z`.
    #[serde(borrow)]
    #[schemars(extend("format" = "date-time"))]
    pub received_at: Cow<'a, str>,
    /// Role of each element of an order's `items`, in the same order; `null` for other notifications.
    pub item_roles: Option<Vec<ItemRole>>,
    /// The notification exactly as Xsolla sent it.
    #[serde(borrow)]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub notification: &'a RawValue,
}

/// A message that is not an event. The error has the position of the fault, but no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message is not a valid event at line {line}, column {column}")]
pub struct UnreadableMessage {
    line: usize,
    column: usize,
}

impl<'a> Event<'a> {
    /// Parses the body of an SQS message.
    ///
    /// # Errors
    ///
    /// If the body was not written by the relay.
    pub fn read(message: &'a str) -> Result<Self, UnreadableMessage> {
        serde_json::from_str(message).map_err(|error| UnreadableMessage { line: error.line(), column: error.column() })
    }

    /// Parses the notification as the model of its type. Decimals and ids are exact.
    ///
    /// For a payout, which has no `notification_type`, use [`Payout::from_json`](xsolla::model::Payout::from_json).
    ///
    /// # Errors
    ///
    /// If the notification has another type, or a field has an undocumented shape.
    pub fn notification<M: xsolla::model::Model>(&self) -> Result<M, xsolla::model::ModelError> {
        M::from_json(self.notification.get())
    }
}

/// Returns the JSON Schema of [`Event`], with the model of each notification type.
///
/// `schema.json` next to this crate's manifest is a copy for other languages.
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
    // The relay writes all fields, even if their value is null.
    let properties = schema.get("properties").and_then(|properties| properties.as_object());
    let required: Vec<_> = properties.into_iter().flat_map(|properties| properties.keys().cloned()).collect();
    schema.insert("required".to_owned(), required.into());
    schema.insert("title".to_owned(), "Event".into());
    schema.insert("allOf".to_owned(), types.into());
    xsolla::inspect::plain_descriptions(&mut schema);
    schema
}

/// Shows only the event id: the notification contains personal data.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("event_id", &self.event_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = r#"{"event_id":"transaction#7#payment","type":"payment","goods":"money_only","goods_reason":"order_follows","subject":"transaction#7","order_id":null,"user_id":"me","recipient_user_id":"you","project_id":null,"mode":"live","identified":true,"deprecated":false,"replay":false,"received_at":"2026-11-22T00:31:07.042518Z","item_roles":null,"notification":{"notification_type":"payment","transaction":{"id":12345678901234567890123}, "amount": 1.9900}}"#;

    #[test]
    fn serialization_preserves_message() {
        let event = Event::read(MESSAGE).unwrap();
        assert_eq!(event.goods, Goods::MoneyOnly);
        assert_eq!(event.mode, Mode::Live);
        assert_eq!(event.goods_reason, Some(GoodsReason::OrderFollows));
        assert_eq!(event.user_id.as_deref(), Some("me"));
        assert_eq!(event.recipient_user_id.as_deref(), Some("you"));
        assert_eq!(
            event.notification::<xsolla::model::Payment>().unwrap().transaction.id.unwrap(),
            "12345678901234567890123"
        );
        assert_eq!(serde_json::to_string(&event).unwrap(), MESSAGE);
    }

    #[test]
    fn reads_escapes_and_ignores_unknown_fields() {
        let message =
            MESSAGE.replace(r#""me""#, r#""m\u0065\n""#).replace(r#""mode""#, r#""new_field":"green","mode""#);
        assert_eq!(Event::read(&message).unwrap().user_id.as_deref(), Some("me\n"));
    }

    #[test]
    fn reads_message_without_later_fields() {
        let mut message = MESSAGE.to_owned();
        for field in [r#""replay":false,"#, r#""goods_reason":"order_follows","#, r#""recipient_user_id":"you","#] {
            assert!(message.contains(field), "{field}");
            message = message.replace(field, "");
        }
        let event = Event::read(&message).unwrap();
        assert!(!event.replay);
        assert_eq!(event.goods_reason, None);
        assert_eq!(event.recipient_user_id, None);
    }

    #[test]
    fn error_and_debug_show_no_content() {
        let invalid = MESSAGE.replace(r#""money_only""#, r#""hidden@example.com""#);
        let error = Event::read(&invalid).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error}");
        let shown = format!("{:?}", Event::read(MESSAGE).unwrap());
        assert_eq!(shown, r#"Event { event_id: "transaction#7#payment", .. }"#);
    }
}
