//! The types of notification, one row each: what they are, how they are told apart, what answers them.
//!
//! A type is added here, by its row.

use crate::Success;
use crate::field::Field;
use crate::goods::{Goods, Meaning};
use crate::identity::SubjectKind;

/// What Xsolla calls `notification_type`, as far as it is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationType {
    name: &'static str,
    role: Role,
    deprecated: bool,
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
    /// What tells several of the type apart that have the same subject and own id.
    pub(crate) apart: Apart,
    /// What it means for the goods.
    pub(crate) goods: Meaning,
}

/// What tells events of one type apart, beyond subject and own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Apart {
    /// Nothing: there is one.
    One,
    /// These together; where one of them is missing, the body's digest. For what moves money or time: a body that is
    /// written in another way must not count twice.
    By(&'static [Field]),
    /// The body's digest: the type has nothing better, or reports a state, of which no change may be missed.
    Digest,
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
    /// Which key shall this user get?
    GetPincode,
    /// What does this user own?
    InventoryGet,
    /// Does this user exist, who logs in to a Web Shop? Not signed: see [`Unsigned`](crate::Unsigned).
    WebShopUserValidation,
}

const fn event(name: &'static str, row: EventRow) -> NotificationType {
    NotificationType { name, role: Role::Event(row), deprecated: false }
}

/// A row of which there is one per transaction.
const ONCE_PER_TRANSACTION: EventRow = EventRow {
    success: Success::NoContent,
    about: &[SubjectKind::Transaction],
    own_id: &[],
    apart: Apart::One,
    goods: Meaning::Always(Goods::Info),
};

/// A row of which there is one per order. A free order has no transaction.
const ONCE_PER_ORDER: EventRow = EventRow {
    success: Success::Ok,
    about: &[SubjectKind::Transaction, SubjectKind::Order],
    own_id: &[Field::OrderId],
    ..ONCE_PER_TRANSACTION
};

/// A row of which there is one per subscription.
const ONCE_PER_SUBSCRIPTION: EventRow = EventRow { about: &[SubjectKind::Subscription], ..ONCE_PER_TRANSACTION };

/// A row without ids: each content is an event.
const ONCE_PER_BODY: EventRow =
    EventRow { about: &[SubjectKind::Transaction, SubjectKind::Body], apart: Apart::Digest, ..ONCE_PER_TRANSACTION };

const fn question(name: &'static str, question: Question) -> NotificationType {
    NotificationType { name, role: Role::Question(question), deprecated: false }
}

const fn deprecated(row: NotificationType) -> NotificationType {
    NotificationType { deprecated: true, ..row }
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
    PAYMENT = event("payment", EventRow { goods: Meaning::Payment, ..ONCE_PER_TRANSACTION });
    /// A payment was cancelled in full.
    REFUND = event("refund", EventRow { goods: Meaning::Refund, ..ONCE_PER_TRANSACTION });
    /// A part of a payment was returned. There is no refund id. Neither date nor amount alone will do: two refunds of
    /// the same amount are normal, and dates are known only from older documents.
    PARTIAL_REFUND = event("partial_refund", EventRow {
        apart: Apart::By(&[Field::RefundDate, Field::TotalAmount, Field::PaymentAmount]),
        goods: Meaning::PartialRefund,
        ..ONCE_PER_TRANSACTION
    });
    /// An order is paid: the goods.
    ORDER_PAID = event("order_paid", EventRow { goods: Meaning::Always(Goods::Grant), ..ONCE_PER_ORDER });
    /// A paid order was cancelled.
    ORDER_CANCELED = event("order_canceled", EventRow { goods: Meaning::Always(Goods::Revoke), ..ONCE_PER_ORDER });
    /// The payment system declined a payment. No money moved.
    PS_DECLINED = event("ps_declined", EventRow { apart: Apart::Digest, ..ONCE_PER_TRANSACTION });
    /// A subscription was bought, or its trial began.
    CREATE_SUBSCRIPTION = event("create_subscription", EventRow {
        goods: Meaning::Always(Goods::SubscriptionStarted),
        ..ONCE_PER_SUBSCRIPTION
    });
    /// A subscription was renewed, or its plan or next charge changed. Comes again and again.
    UPDATE_SUBSCRIPTION = event("update_subscription", EventRow {
        apart: Apart::Digest,
        goods: Meaning::SubscriptionUpdate,
        ..ONCE_PER_SUBSCRIPTION
    });
    /// A subscription ends at `date_end`.
    CANCEL_SUBSCRIPTION = event("cancel_subscription", EventRow {
        apart: Apart::Digest,
        goods: Meaning::Always(Goods::SubscriptionEnded),
        ..ONCE_PER_SUBSCRIPTION
    });
    /// A subscription will not be renewed. It can be renewed after all, and then not again.
    NON_RENEWAL_SUBSCRIPTION = event("non_renewal_subscription", EventRow {
        apart: Apart::Digest,
        goods: Meaning::Always(Goods::SubscriptionChanged),
        ..ONCE_PER_SUBSCRIPTION
    });
    /// A payment account was saved. It can be removed and saved again.
    PAYMENT_ACCOUNT_ADD = event("payment_account_add", EventRow {
        about: &[SubjectKind::PaymentAccount],
        ..ONCE_PER_BODY
    });
    /// A payment account was removed.
    PAYMENT_ACCOUNT_REMOVE = event("payment_account_remove", EventRow {
        about: &[SubjectKind::PaymentAccount],
        ..ONCE_PER_BODY
    });
    /// The anti-fraud system rejected a transaction.
    AFS_REJECT = event("afs_reject", EventRow {
        apart: Apart::Digest,
        goods: Meaning::Always(Goods::Risk),
        ..ONCE_PER_TRANSACTION
    });
    /// Something was put on the block list, or taken off it. May name a transaction.
    AFS_BLACK_LIST = event("afs_black_list", EventRow { goods: Meaning::Always(Goods::Risk), ..ONCE_PER_BODY });
    /// A dispute appeared or changed, in any of its fields. It has no id.
    DISPUTE = event("dispute", EventRow {
        apart: Apart::Digest,
        goods: Meaning::Always(Goods::Risk),
        ..ONCE_PER_TRANSACTION
    });
    /// Does this user exist?
    USER_VALIDATION = question("user_validation", Question::UserValidation);
    /// Which user has this public id?
    USER_SEARCH = question("user_search", Question::UserSearch);
    /// What may this user see in the catalogue?
    PARTNER_SIDE_CATALOG = question("partner_side_catalog", Question::PartnerSideCatalog);
    /// Items move from Xsolla's Backpack into the game.
    MOVE_TO_GAME = event("move_to_game", EventRow {
        success: Success::Ok,
        goods: Meaning::Always(Goods::Grant),
        ..ONCE_PER_BODY
    });
    /// A game key was activated.
    REDEEM_KEY = deprecated(event("redeem_key", ONCE_PER_BODY));
    /// A user's balance of virtual currency changed.
    USER_BALANCE_OPERATION = deprecated(event("user_balance_operation", EventRow {
        about: &[SubjectKind::Transaction, SubjectKind::Operation],
        own_id: &[Field::OperationId],
        ..ONCE_PER_TRANSACTION
    }));
    /// The upgrade of a game was taken back.
    UPGRADE_REFUND = deprecated(event("upgrade_refund", ONCE_PER_BODY));
    /// Items leave a user's inventory for the secondary market.
    INVENTORY_PULL = deprecated(event("inventory_pull", ONCE_PER_BODY));
    /// Items come into a user's inventory from the secondary market.
    INVENTORY_PUSH = deprecated(event("inventory_push", ONCE_PER_BODY));
    /// How many game keys are left. Its form is documented nowhere.
    KEYS_AVAILABILITY = deprecated(event("keys_availability", ONCE_PER_BODY));
    /// Which key shall this user get?
    GET_PINCODE = deprecated(question("get_pincode", Question::GetPincode));
    /// What does this user own?
    INVENTORY_GET = deprecated(question("inventory_get", Question::InventoryGet));
}

/// What has no `notification_type`, and is not signed: its path says what it is. The names are ours, and no signed
/// notification is taken for one of these, whatever it calls itself: they are not in [`Self::ALL`].
impl NotificationType {
    /// Money to the studio is on its way, has arrived, or was refused: one event for each `status`.
    pub const PAYOUT: Self = event(
        "payout",
        EventRow {
            success: Success::Ok,
            about: &[SubjectKind::Payout],
            own_id: &[Field::PayoutStatus],
            ..ONCE_PER_TRANSACTION
        },
    );
    /// Does this user exist, who logs in to a Web Shop?
    pub const WEB_SHOP_USER_VALIDATION: Self = question("web_shop_user_validation", Question::WebShopUserValidation);
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

    /// Whether Xsolla has withdrawn it. Old integrations may meet it all the same.
    #[must_use]
    pub const fn is_deprecated(self) -> bool {
        self.deprecated
    }

    /// Whether it tells or asks.
    #[must_use]
    pub const fn role(self) -> Role {
        self.role
    }
}

impl EventRow {
    /// Whether the same bytes can tell of another event. A payment happens once; a payment account can be saved, removed,
    /// and saved again.
    #[must_use]
    pub fn may_repeat(&self) -> bool {
        self.apart != Apart::One
    }

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
        for unsigned in [NotificationType::PAYOUT, NotificationType::WEB_SHOP_USER_VALIDATION] {
            assert_eq!(NotificationType::named(unsigned.name), None, "nothing signed is taken for it");
        }
    }
}
