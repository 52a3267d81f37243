//! The facts about an event that decide its effect on goods.

use std::borrow::Cow;
use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::event_id::EventId;
use crate::field::{Field, Fields};
use crate::goods::Goods;
use crate::identity::{id, transaction_id};
use crate::mode::Mode;
use crate::notification_type::{GoodsRule, NotificationType};

/// An event as it was received and stored.
#[derive(Debug, Clone)]
pub struct EventFacts<'a> {
    /// The idempotency key.
    pub event_id: EventId,
    /// The type, if it is known.
    pub notification_type: Option<NotificationType>,
    /// Whether the event id contains the type's ids: see [`Envelope::is_identified`](crate::Envelope::is_identified).
    pub identified: bool,
    /// Live or sandbox, according to the event's own markers.
    pub mode: Mode,
    /// The time of receipt: ISO 8601 in UTC.
    pub received_at: &'a str,
    /// The notification's JSON text.
    pub notification: &'a str,
}

/// An event of a sale, with the facts that decide its effect on goods. Owns its data.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a notification")]
pub struct SaleEvent {
    pub(super) event_id: EventId,
    notification_type: Option<NotificationType>,
    identified: bool,
    pub(super) mode: Mode,
    received_at: Option<Timestamp>,
    transaction: Option<String>,
    order: Option<String>,
    /// Whether an order is named, possibly without its id.
    pub(super) names_order: bool,
    /// Whether `purchase.subscription` has a value.
    pub(super) names_subscription: bool,
    /// Whether `purchase` has goods of the withdrawn in-game store. They have no order.
    pub(super) names_legacy_goods: bool,
    pub(super) gift: Option<Gift>,
    pub(super) plan: Option<String>,
    pub(super) next_charge: Option<Timestamp>,
}

/// `purchase.gift`.
#[derive(Debug, Clone)]
pub(super) struct Gift {
    /// The receiver's id in the game.
    pub(super) receiver: Option<String>,
}

impl SaleEvent {
    /// Reads the facts from an event. A notification that is not a JSON object has none.
    #[must_use]
    pub fn new(facts: &EventFacts<'_>) -> Self {
        let fields = Fields::parse(facts.notification).unwrap_or_default();
        let text = |field| fields.text(field).filter(|text| !text.is_empty()).map(Cow::into_owned);
        let filled = |field| fields.json(field).is_some_and(is_filled);
        let order = id(&fields, Field::OrderId).or_else(|| id(&fields, Field::PurchaseOrderId)).map(Cow::into_owned);
        let gift = [
            (Field::PurchaseGift, Field::PurchaseGiftReceiverId),
            (Field::BillingPurchaseGift, Field::BillingPurchaseGiftReceiverId),
        ];
        Self {
            event_id: facts.event_id.clone(),
            notification_type: facts.notification_type,
            identified: facts.identified,
            mode: facts.mode,
            received_at: facts.received_at.parse().ok(),
            transaction: transaction_id(&fields).map(Cow::into_owned),
            names_order: order.is_some() || filled(Field::PurchaseOrder),
            order,
            names_subscription: filled(Field::PurchaseSubscription),
            names_legacy_goods: [Field::VirtualItems, Field::VirtualCurrency, Field::PinCodes].into_iter().any(filled),
            gift: gift.into_iter().find_map(|(gift, receiver)| filled(gift).then(|| Gift { receiver: text(receiver) })),
            plan: text(Field::PlanId),
            next_charge: text(Field::NextCharge).as_deref().and_then(instant),
        }
    }

    /// Returns the idempotency key.
    #[must_use]
    pub const fn event_id(&self) -> &EventId {
        &self.event_id
    }

    /// Returns the order that the event names.
    #[must_use]
    pub fn order(&self) -> Option<&str> {
        self.order.as_deref()
    }

    /// Returns the subscription that the event is about; `None` for the charge of a subscription.
    #[must_use]
    pub fn subscription(&self) -> Option<&str> {
        self.event_id.subject().strip_prefix("subscription#").filter(|_| self.identified)
    }

    /// Returns whether the other events of the sale decide what this event means.
    #[must_use]
    pub fn depends_on_history(&self) -> bool {
        let has_mode_of_payments = self.subscription().is_some();
        !matches!(self.rule(), GoodsRule::Always(_)) || self.event_id.is_recurrence() || has_mode_of_payments
    }

    /// Returns whether the other transactions of its order decide what this event means.
    #[must_use]
    pub fn depends_on_order(&self) -> bool {
        matches!(self.rule(), GoodsRule::OrderPaid | GoodsRule::OrderCanceled | GoodsRule::PartialRefund)
    }

    pub(super) fn rule(&self) -> GoodsRule {
        let spec = self.notification_type.and_then(NotificationType::event_spec);
        spec.map_or(GoodsRule::Always(Goods::Info), |spec| spec.goods)
    }

    pub(super) const fn is_identified(&self) -> bool {
        self.identified
    }

    pub(super) fn transaction(&self) -> Option<&str> {
        self.transaction.as_deref()
    }

    pub(super) fn is(&self, notification_type: NotificationType) -> bool {
        self.identified && self.notification_type == Some(notification_type)
    }

    /// Returns whether the event reports money that was received.
    pub(super) fn is_paid(&self) -> bool {
        self.is(NotificationType::PAYMENT) || self.is(NotificationType::ORDER_PAID)
    }

    /// Returns whether the event reports that all money was returned.
    pub(super) fn is_reversal(&self) -> bool {
        self.is(NotificationType::REFUND) || self.is(NotificationType::ORDER_CANCELED)
    }

    /// Returns whether both events are about one transaction; about one order, if one of them names no transaction.
    pub(super) fn is_same_sale(&self, other: &Self) -> bool {
        match (&self.transaction, &other.transaction) {
            (Some(one), Some(two)) => one == two,
            _ if self.order.is_some() && self.order == other.order => true,
            _ => self.event_id.subject() == other.event_id.subject(),
        }
    }

    /// Returns whether both events report the state of one object, such as a subscription.
    pub(super) fn is_state_of_same_object(&self, other: &Self) -> bool {
        let subject = self.event_id.subject();
        // All events of these subjects report a state. A transaction has events of other kinds, too.
        let is_object = subject.starts_with("subscription#") || subject.starts_with("payment_account#");
        let is_same_type = self.event_id.type_label() == other.event_id.type_label();
        subject == other.event_id.subject() && (is_object || is_same_type)
    }

    /// Returns whether this event was received after `earlier`. Returns `false` if a time is unreadable.
    pub(super) fn is_received_after(&self, earlier: &Self) -> bool {
        self.received_at.zip(earlier.received_at).is_some_and(|(own, earlier)| own > earlier)
    }

    /// Returns whether `later` was received at most this long after this event. Returns `true` if a time is
    /// unreadable.
    pub(super) fn is_received_within(&self, window: SignedDuration, later: &Self) -> bool {
        let times = self.received_at.zip(later.received_at);
        times.is_none_or(|(first, second)| second.duration_since(first) <= window)
    }
}

/// Shows only the event id: the other fields contain personal data.
impl fmt::Debug for SaleEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaleEvent").field("event_id", &self.event_id).finish_non_exhaustive()
    }
}

/// Returns whether a JSON value contains anything besides `null` and empty strings, arrays and objects.
fn is_filled(json: &str) -> bool {
    use serde_json::Value;
    fn any_filled(value: &Value) -> bool {
        match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(values) => values.iter().any(any_filled),
            Value::Object(members) => members.values().any(any_filled),
            Value::Bool(_) | Value::Number(_) => true,
        }
    }
    // Text that serde_json rejects, such as deeply nested arrays or half an emoji, is not empty.
    serde_json::from_str(json).map_or(true, |value| any_filled(&value))
}

/// Parses a date as an instant. A date without an offset is in UTC.
fn instant(text: &str) -> Option<Timestamp> {
    let without_offset = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(without_offset)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::same_instant_other_offset("2026-03-01T00:00:00+04:00", "2026-02-28T20:00:00Z")]
    #[case::date_alone("2026-03-01", "2026-03-01T00:00:00Z")]
    #[case::without_offset("2026-03-01 10:00:00", "2026-03-01T10:00:00Z")]
    #[case::short_offset("2026-03-01T10:00:00+0400", "2026-03-01T06:00:00Z")]
    fn dates_are_instants(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(instant(text), Some(expected.parse().unwrap()));
    }

    #[test]
    fn text_without_date_is_no_instant() {
        for text in ["", "soon", "2026-13-01", "1778772127"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[rstest]
    #[case("null", false)]
    #[case("{}", false)]
    #[case("[]", false)]
    #[case(r#""""#, false)]
    #[case(r#"{"id":null,"lineitems":[]}"#, false)]
    #[case(r#"{"id":""}"#, false)]
    #[case(r#"{"lineitems":[{"sku":"a"}]}"#, true)]
    #[case(r#"{"external_id":"x"}"#, true)]
    #[case("0", true)]
    #[case(r#"{"a":"\ud800"}"#, true)]
    fn filled_values_have_content(#[case] json: &str, #[case] expected: bool) {
        assert_eq!(is_filled(json), expected);
    }
}
