//! The types of notification, one row each: what they are, how they are told apart, what answers them.
//!
//! A type is added here, by its row.

use crate::Success;
use crate::field::Field;
use crate::identity::SubjectKind;

/// What Xsolla calls `notification_type`, as far as it is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationType {
    name: &'static str,
    role: Role,
}

/// Whether a notification tells or asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Something happened: it is kept and relayed.
    Event(EventRow),
    /// Somebody waits for the answer: it is given, and nothing is kept.
    Question(Question),
}

/// What the receiver has to know of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRow {
    /// The documented answer to an event that is safe.
    pub(crate) success: Success,
    /// What it is always about. Without it the key is made from the body's digest, and the event is flagged.
    pub(crate) about: &'static [SubjectKind],
    /// Ids that belong to the key besides the subject. What is said of the subject holds for them too.
    pub(crate) own_id: &'static [Field],
    /// Where several events of the type are normal for one subject: what tells them apart, all of it together, or,
    /// where a part is missing, the body's digest.
    pub(crate) told_apart_by: &'static [Field],
}

/// What a question asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Does this user exist? Comes several times per payment, in the buyer's checkout; a failure is never resent.
    UserValidation,
    /// Which user has this public id? Asked by cash kiosks.
    UserSearch,
    /// What may this user see in the catalogue?
    PartnerSideCatalog,
}

const fn event(name: &'static str, row: EventRow) -> NotificationType {
    NotificationType { name, role: Role::Event(row) }
}

/// A row of which there is one per transaction.
const ONCE_PER_TRANSACTION: EventRow =
    EventRow { success: Success::NoContent, about: &[SubjectKind::Transaction], own_id: &[], told_apart_by: &[] };

/// A row of which there is one per order. A free order has no transaction.
const ONCE_PER_ORDER: EventRow = EventRow {
    success: Success::Ok,
    about: &[SubjectKind::Transaction, SubjectKind::Order],
    own_id: &[Field::OrderId],
    told_apart_by: &[],
};

const fn question(name: &'static str, question: Question) -> NotificationType {
    NotificationType { name, role: Role::Question(question) }
}

macro_rules! notification_types {
    ($($(#[$doc:meta])+ $name:ident = $row:expr;)+) => {
        impl NotificationType {
            $($(#[$doc])+ pub const $name: Self = $row;)+

            /// Every type that is known here.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

// Answers and keys are those of Xsolla's pages on each webhook.
notification_types! {
    /// The buyer has paid. In separate mode `order_paid` follows once this is answered; for a token without an order
    /// it comes alone. A 4xx means: charged, nothing granted, never called again.
    PAYMENT = event("payment", ONCE_PER_TRANSACTION);
    /// A payment was cancelled in full.
    REFUND = event("refund", ONCE_PER_TRANSACTION);
    /// A part of a payment was returned. There is no refund id. Neither date nor amount alone will do: two refunds of
    /// the same amount are normal, and dates are known only from older documents.
    PARTIAL_REFUND = event("partial_refund", EventRow {
        told_apart_by: &[Field::RefundDate, Field::TotalAmount, Field::PaymentAmount],
        ..ONCE_PER_TRANSACTION
    });
    /// An order is paid: the goods.
    ORDER_PAID = event("order_paid", ONCE_PER_ORDER);
    /// A paid order was cancelled.
    ORDER_CANCELED = event("order_canceled", ONCE_PER_ORDER);
    /// Does this user exist?
    USER_VALIDATION = question("user_validation", Question::UserValidation);
    /// Which user has this public id?
    USER_SEARCH = question("user_search", Question::UserSearch);
    /// What may this user see in the catalogue?
    PARTNER_SIDE_CATALOG = question("partner_side_catalog", Question::PartnerSideCatalog);
}

impl NotificationType {
    /// The type of this name, if it is known here.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name == name)
    }

    /// The name, as in `notification_type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Whether it tells or asks.
    #[must_use]
    pub const fn role(self) -> Role {
        self.role
    }
}

impl EventRow {
    /// The documented answer to an event that is safe.
    #[must_use]
    pub const fn success(&self) -> Success {
        self.success
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_found_by_its_name_and_names_are_plain() {
        for known in NotificationType::ALL {
            assert_eq!(NotificationType::named(known.name), Some(*known), "names are unique");
            assert!(known.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", known.name);
        }
        assert_eq!(NotificationType::named("Payment"), None);
    }
}
