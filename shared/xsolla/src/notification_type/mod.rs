//! The table of notification types. Adding a type means adding a row here.

mod question;
mod spec;
mod unsigned;

use std::fmt;
use std::str::FromStr;

use crate::answer::Success;
use crate::field::Field;
use crate::goods::Goods;
use crate::retry::RetrySchedule;

pub use question::Question;
pub use spec::EventSpec;
pub(crate) use spec::{Discriminator, GoodsRule, SubjectKind};
pub use unsigned::UnsignedType;

/// A known `notification_type`.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::{NotificationType, Role};
///
/// let payment: NotificationType = "payment".parse()?;
/// assert_eq!(payment, NotificationType::PAYMENT);
/// assert!(matches!(payment.role(), Role::Event(_)));
///
/// assert!("payment_v9".parse::<NotificationType>().is_err());
/// # Ok::<(), xsolla_webhooks::ParseNotificationTypeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationType {
    name: &'static str,
    role: Role,
    deprecated: bool,
}

/// The kind of notification: an event or a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A report of something that happened. The receiver stores it.
    Event(EventSpec),
    /// A request for an answer now. The receiver stores nothing.
    Question(Question),
}

const fn event(name: &'static str, spec: EventSpec) -> NotificationType {
    NotificationType { name, role: Role::Event(spec), deprecated: false }
}

const fn question(name: &'static str, question: Question) -> NotificationType {
    NotificationType { name, role: Role::Question(question), deprecated: false }
}

const fn deprecated(current: NotificationType) -> NotificationType {
    NotificationType { deprecated: true, ..current }
}

/// One event per transaction.
const ONCE_PER_TRANSACTION: EventSpec = EventSpec {
    success: Success::NoContent,
    retry: RetrySchedule::Payment,
    subject_kinds: &[SubjectKind::Transaction],
    key_fields: &[],
    discriminator: Discriminator::None,
    goods: GoodsRule::Always(Goods::Info),
};

/// One event per order. A free order has no transaction. An order without an id has a transaction, or is not identified.
const ONCE_PER_ORDER: EventSpec = EventSpec {
    success: Success::Ok,
    retry: RetrySchedule::Order,
    subject_kinds: &[SubjectKind::Transaction, SubjectKind::Order],
    discriminator: Discriminator::IdIfPresent(Field::OrderId),
    ..ONCE_PER_TRANSACTION
};

/// One event per subscription.
const ONCE_PER_SUBSCRIPTION: EventSpec =
    EventSpec { subject_kinds: &[SubjectKind::Subscription], ..ONCE_PER_TRANSACTION };

/// No ids: different content is a different event.
const ONCE_PER_BODY: EventSpec = EventSpec {
    subject_kinds: &[SubjectKind::Transaction, SubjectKind::Body],
    discriminator: Discriminator::Digest,
    ..ONCE_PER_TRANSACTION
};

/// Declares a constant per type, and `ALL` with all of them.
macro_rules! notification_types {
    ($($(#[$doc:meta])+ $name:ident = $row:expr;)+) => {
        impl NotificationType {
            $($(#[$doc])+ pub const $name: Self = $row;)+

            /// All signed types.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

// Answers and keys follow Xsolla's page on each webhook.
notification_types! {
    /// The user has paid.
    ///
    /// With separate webhooks, `order_paid` follows once this is answered. For a token without an order, it is the only
    /// event of the sale. A 4xx is final: the user is charged, gets nothing, and Xsolla does not retry.
    PAYMENT = event("payment", EventSpec { goods: GoodsRule::Payment, ..ONCE_PER_TRANSACTION });
    /// A payment was refunded in full.
    REFUND = event("refund", EventSpec { goods: GoodsRule::Refund, ..ONCE_PER_TRANSACTION });
    /// A part of a payment was refunded.
    ///
    /// There is no refund id. Two refunds of the same amount are normal, and only older documents have a date, so the key
    /// needs all three fields.
    PARTIAL_REFUND = event("partial_refund", EventSpec {
        discriminator: Discriminator::Fields(&[Field::RefundDate, Field::TotalAmount, Field::PaymentAmount]),
        goods: GoodsRule::PartialRefund,
        ..ONCE_PER_TRANSACTION
    });
    /// An order was paid. Carries the goods.
    ORDER_PAID = event("order_paid", EventSpec { goods: GoodsRule::OrderPaid, ..ONCE_PER_ORDER });
    /// A paid order was cancelled.
    ORDER_CANCELED = event("order_canceled", EventSpec { goods: GoodsRule::OrderCanceled, ..ONCE_PER_ORDER });
    /// The payment system declined a payment. No money moved.
    PS_DECLINED = event("ps_declined", EventSpec { discriminator: Discriminator::Digest, ..ONCE_PER_TRANSACTION });
    /// A second payment of a transaction that was already processed was rejected. Only in Xsolla's webhooks for China.
    ///
    /// Documented as [`duplicate-transaction`](https://xsolla.redoc.ly/webhooks-for-china/operation/duplicate-transaction): no
    /// action on the transaction is required. So it has no effect on goods, and is no sign of fraud.
    PAYMENT_DUPLICATE_REJECT = event("payment_duplicate_reject", EventSpec {
        discriminator: Discriminator::Digest,
        ..ONCE_PER_TRANSACTION
    });
    /// A subscription was bought, or its trial began.
    CREATE_SUBSCRIPTION = event("create_subscription", EventSpec {
        goods: GoodsRule::SubscriptionStart,
        ..ONCE_PER_SUBSCRIPTION
    });
    /// A subscription was renewed, or its plan or next charge changed. Sent many times per subscription.
    UPDATE_SUBSCRIPTION = event("update_subscription", EventSpec {
        discriminator: Discriminator::Digest,
        goods: GoodsRule::SubscriptionUpdate,
        ..ONCE_PER_SUBSCRIPTION
    });
    /// A subscription ends at `date_end`.
    CANCEL_SUBSCRIPTION = event("cancel_subscription", EventSpec {
        discriminator: Discriminator::Digest,
        goods: GoodsRule::Always(Goods::SubscriptionEnded),
        ..ONCE_PER_SUBSCRIPTION
    });
    /// A subscription will not be renewed. The user can reverse that, so it can happen several times.
    NON_RENEWAL_SUBSCRIPTION = event("non_renewal_subscription", EventSpec {
        discriminator: Discriminator::Digest,
        goods: GoodsRule::SubscriptionNonRenewal,
        ..ONCE_PER_SUBSCRIPTION
    });
    /// A payment account was saved. It can be removed and saved again.
    PAYMENT_ACCOUNT_ADD = event("payment_account_add", EventSpec {
        subject_kinds: &[SubjectKind::PaymentAccount],
        ..ONCE_PER_BODY
    });
    /// A payment account was removed.
    PAYMENT_ACCOUNT_REMOVE = event("payment_account_remove", EventSpec {
        subject_kinds: &[SubjectKind::PaymentAccount],
        ..ONCE_PER_BODY
    });
    /// The anti-fraud system rejected a transaction.
    AFS_REJECT = event("afs_reject", EventSpec {
        discriminator: Discriminator::Digest,
        goods: GoodsRule::Always(Goods::Risk),
        ..ONCE_PER_TRANSACTION
    });
    /// An entry was added to the block list or removed from it. Can name a transaction.
    AFS_BLACK_LIST = event("afs_black_list", EventSpec { goods: GoodsRule::Always(Goods::Risk), ..ONCE_PER_BODY });
    /// A dispute was opened or changed. It has no id, and any of its fields can change.
    DISPUTE = event("dispute", EventSpec {
        discriminator: Discriminator::Digest,
        goods: GoodsRule::Always(Goods::Risk),
        ..ONCE_PER_TRANSACTION
    });
    /// Asks whether a user exists.
    USER_VALIDATION = question("user_validation", Question::UserValidation);
    /// Asks for the user with a public id.
    USER_SEARCH = question("user_search", Question::UserSearch);
    /// Asks for the part of the catalog that a user can see.
    PARTNER_SIDE_CATALOG = question("partner_side_catalog", Question::PartnerSideCatalog);
    /// A user moves items from Xsolla's Backpack into the game.
    MOVE_TO_GAME = event("move_to_game", EventSpec {
        success: Success::Ok,
        goods: GoodsRule::Always(Goods::Grant),
        ..ONCE_PER_BODY
    });
    /// A game key was activated.
    REDEEM_KEY = deprecated(event("redeem_key", ONCE_PER_BODY));
    /// A user's balance of virtual currency changed.
    USER_BALANCE_OPERATION = deprecated(event("user_balance_operation", EventSpec {
        subject_kinds: &[SubjectKind::Transaction, SubjectKind::Operation],
        key_fields: &[Field::OperationId],
        ..ONCE_PER_TRANSACTION
    }));
    /// The upgrade of a game was refunded.
    UPGRADE_REFUND = deprecated(event("upgrade_refund", ONCE_PER_BODY));
    /// Items leave a user's inventory for the secondary market.
    INVENTORY_PULL = deprecated(event("inventory_pull", ONCE_PER_BODY));
    /// Items enter a user's inventory from the secondary market.
    INVENTORY_PUSH = deprecated(event("inventory_push", ONCE_PER_BODY));
    /// The number of game keys left. Its fields are not documented.
    KEYS_AVAILABILITY = deprecated(event("keys_availability", ONCE_PER_BODY));
    /// Asks for a game key for a user.
    GET_PINCODE = deprecated(question("get_pincode", Question::GetPincode));
    /// Asks for a user's inventory.
    INVENTORY_GET = deprecated(question("inventory_get", Question::InventoryGet));
}

/// Unsigned notifications. They have no `notification_type`; the names are chosen by this crate. They are not in [`Self::ALL`], and a
/// signed notification with one of these names has an unknown type.
impl NotificationType {
    /// A payout to the studio was sent, arrived or was rejected. One event per `status`.
    pub const PAYOUT: Self = event(
        "payout",
        EventSpec {
            success: Success::Ok,
            subject_kinds: &[SubjectKind::Payout],
            key_fields: &[Field::PayoutStatus],
            ..ONCE_PER_TRANSACTION
        },
    );
    /// Asks whether a user who logs in to a Web Shop exists.
    pub const WEB_SHOP_USER_VALIDATION: Self = question("web_shop_user_validation", Question::WebShopUserValidation);
}

impl NotificationType {
    /// Returns the value of `notification_type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Returns whether Xsolla has removed the type from its documentation. Old integrations can still receive it.
    #[must_use]
    pub const fn is_deprecated(self) -> bool {
        self.deprecated
    }

    /// Returns the role: an event or a question.
    #[must_use]
    pub const fn role(self) -> Role {
        self.role
    }

    /// Returns the retry schedule.
    #[must_use]
    pub const fn retry_schedule(self) -> RetrySchedule {
        match self.role {
            Role::Event(spec) => spec.retry,
            Role::Question(_) => RetrySchedule::Never,
        }
    }

    /// Returns the properties of an event type; `None` for a question.
    pub(crate) const fn event_spec(self) -> Option<EventSpec> {
        match self.role {
            Role::Event(spec) => Some(spec),
            Role::Question(_) => None,
        }
    }
}

impl fmt::Display for NotificationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

/// The error of parsing a [`NotificationType`]: the name is not in [`NotificationType::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown notification_type")]
pub struct ParseNotificationTypeError(());

impl FromStr for NotificationType {
    type Err = ParseNotificationTypeError;

    fn from_str(name: &str) -> Result<Self, ParseNotificationTypeError> {
        Self::ALL.iter().copied().find(|known| known.name == name).ok_or(ParseNotificationTypeError(()))
    }
}

/// Returns the name if it is safe in a key, a metric or a message attribute, else `unknown`.
///
/// A type that Xsolla adds later can have any name. A safe name has 1 to 64 ASCII letters, digits and underscores.
///
/// ```
/// assert_eq!(xsolla_webhooks::type_label("payment_v9"), "payment_v9");
/// assert_eq!(xsolla_webhooks::type_label("payment #9"), "unknown");
/// ```
#[must_use]
pub fn type_label(name: &str) -> &str {
    let is_safe =
        (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_safe { name } else { "unknown" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_parses_from_its_unique_plain_name() {
        for known in NotificationType::ALL {
            assert_eq!(known.name.parse(), Ok(*known), "names are unique");
            assert_eq!(known.to_string(), known.name);
            assert!(known.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", known.name);
        }
    }

    #[test]
    fn unknown_and_unsigned_names_do_not_parse() {
        let unsigned = [NotificationType::PAYOUT, NotificationType::WEB_SHOP_USER_VALIDATION];
        for name in unsigned.map(NotificationType::name).into_iter().chain(["Payment", ""]) {
            assert_eq!(name.parse::<NotificationType>(), Err(ParseNotificationTypeError(())), "{name:?}");
        }
    }

    #[test]
    fn orders_and_questions_have_retry_schedules_of_their_own() {
        for known in NotificationType::ALL {
            let expected = match (*known, known.role()) {
                (NotificationType::ORDER_PAID | NotificationType::ORDER_CANCELED, _) => RetrySchedule::Order,
                (_, Role::Event(_)) => RetrySchedule::Payment,
                (_, Role::Question(_)) => RetrySchedule::Never,
            };
            assert_eq!(known.retry_schedule(), expected, "{known}");
        }
        assert_eq!(NotificationType::PAYOUT.retry_schedule(), RetrySchedule::Payment);
    }
}
