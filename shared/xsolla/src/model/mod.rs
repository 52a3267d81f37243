//! Typed notifications: what the JSON of each type that Xsolla has not deprecated says, field by field.
//!
//! Accepting a notification needs none of this; these types are for the code that acts on one. They follow the tables of
//! [Xsolla's webhook documentation](https://developers.xsolla.com/webhooks/), and where its samples or real
//! notifications disagree with the tables, they accept both:
//!
//! - A field may be missing. Which ones come depends on switches in Publisher Account and on agreements with Xsolla, so
//!   all but the core of a notification is `Option`, or an empty `Vec`. `null` reads as missing.
//! - An object may be `[]`, which is how PHP writes one that is empty.
//! - An [`Id`] may be a string or a number and keeps every digit. Money is a [`Decimal`] and keeps every decimal place.
//! - A list of values may grow: each enum has an `Other` that keeps the new one.
//! - A field may be new: unknown ones are ignored.
//! - A date stays text. Most are ISO 8601, but some come without an offset, or with a blank instead of the `T`.
//!
//! An object with the same key twice is refused. JSON leaves open which of the two counts, and so does Xsolla.

mod black_list;
mod custom_parameters;
mod decline;
mod dispute;
mod error;
mod id;
mod json;
mod lenient;
mod move_to_game;
mod open_enum;
mod order;
mod partner_side_catalog;
mod payment;
mod payment_account;
mod payment_details;
mod payout;
mod personal;
mod purchase;
mod refund;
mod schema;
mod subscription;
#[cfg(test)]
mod tests;
mod user_search;
mod user_validation;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use black_list::{AfsBlackList, BlackListAction, BlackListEvent, BlackListParameter, BlackListReason};
pub use custom_parameters::{CustomParameters, PaymentType, SavedPaymentMethod};
pub use decline::{AfsReject, PsDeclined};
pub use dispute::{
    Dispute, DisputeAction, DisputeDetails, DisputeReason, DisputeStatus, DisputeTransaction, DisputeType, DisputeUser,
};
pub use error::ModelError;
pub use id::Id;
pub use json::Json;
pub use move_to_game::{MoveToGame, MovedItem, MovedItemType};
pub use order::{
    CurrencyType, Discount, Item, ItemType, Order, OrderCanceled, OrderCode, OrderMode, OrderPaid, OrderUser, Platform,
};
pub use partner_side_catalog::{CatalogUser, PartnerSideCatalog};
pub use payment::{Billing, Payment, Settings, Transaction, User};
pub use payment_account::{PaymentAccount, PaymentAccountAdd, PaymentAccountRemove};
pub use payment_details::{Money, PaymentDetails, Tax};
pub use payout::{Payout, PayoutStatus};
pub use personal::Personal;
pub use purchase::{
    Coupon, DigitalContent, Gift, LineItem, PinCode, Promotion, Purchase, PurchaseOrder, Upgrade, VirtualCurrency,
    VirtualItem, VirtualItems,
};
pub use refund::{PartialRefund, Refund, RefundDetails};
pub use rust_decimal::Decimal;
pub(crate) use schema::{ALWAYS_SENT, KNOWN_VALUES, PERSONAL, can_read};
pub use schema::{schemas, without_rust};
pub use subscription::{
    CancelSubscription, CreateSubscription, NonRenewalSubscription, Subscription, Trial, TrialUnit, UpdateSubscription,
};
pub use user_search::{SoughtUser, UserSearch};
pub use user_validation::UserValidation;

/// A typed notification.
pub trait Model: DeserializeOwned + JsonSchema {
    /// The `notification_type` that it is read from.
    const TYPE: &'static str;

    /// Reads a notification's JSON text.
    ///
    /// Read the text that Xsolla sent, not a re-serialised copy: other JSON libraries round numbers of more than 15
    /// digits, and some ids have 19.
    ///
    /// # Errors
    ///
    /// If the text is not JSON, is a notification of another type, or has a field of a shape that nobody has met so far.
    ///
    /// # Example
    ///
    /// ```
    /// use xsolla::model::{Model, Payment, Refund};
    ///
    /// let notification = r#"{
    ///     "notification_type": "payment",
    ///     "transaction": {"id": 2298114507, "payment_method_order_id": 9007199254740993001},
    ///     "purchase": {"total": {"amount": "7.9900", "currency": "EUR"}}
    /// }"#;
    ///
    /// let payment = Payment::read(notification)?;
    /// let total = payment.purchase.and_then(|purchase| purchase.total).unwrap_or_default();
    /// assert_eq!(total.to_string(), "7.9900 EUR");
    /// assert!(payment.transaction.payment_method_order_id.is_some_and(|id| id == "9007199254740993001"));
    ///
    /// assert!(Refund::read(notification).is_err_and(|error| error.is_other_type()));
    /// # Ok::<(), xsolla::model::ModelError>(())
    /// ```
    fn read(notification: &str) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct Envelope {
            notification_type: Option<String>,
        }

        let envelope: Envelope =
            serde_json::from_str(notification).map_err(|error| ModelError::unreadable(Self::TYPE, &error))?;
        if envelope.notification_type.as_deref() != Some(Self::TYPE) {
            return Err(ModelError::other_type(Self::TYPE));
        }
        serde_json::from_str(notification).map_err(|error| ModelError::unreadable(Self::TYPE, &error))
    }
}
