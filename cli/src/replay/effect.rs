//! What the message of a replayed event would contain, or why the event is not sent.

use message::Event;

use crate::format::goods_and_reason;

/// Reason why an event is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotSent {
    #[error("not in the table")]
    NotStored,
    /// The message would have no user, and not the content that Xsolla signed.
    #[error("personal data erased at {0}")]
    Erased(String),
    #[error("Xsolla's retry of an earlier event")]
    Retry,
    /// The item is damaged, or SQS rejects the message.
    #[error("{0}")]
    Invalid(String),
}

/// Type, mode and goods of a message, as text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) type_name: String,
    pub(crate) mode: &'static str,
    /// The goods, with the reason if there is one: `info (already_revoked)`.
    pub(crate) goods: String,
}

impl Effect {
    pub(crate) fn of(event: &Event<'_>) -> Self {
        Self {
            type_name: event.notification_type.to_string(),
            mode: event.mode.name(),
            goods: goods_and_reason(event.goods, event.goods_reason),
        }
    }
}

/// Formats an event that is not sent, for a list of what would be sent.
pub(crate) fn not_sent(cause: &NotSent) -> String {
    match cause {
        NotSent::Retry => format!("not sent: {cause}"),
        NotSent::NotStored | NotSent::Erased(_) | NotSent::Invalid(_) => format!("cannot be sent: {cause}"),
    }
}
