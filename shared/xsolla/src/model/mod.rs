//! Models: a struct for each type that Xsolla has not deprecated.
//!
//! A receiver needs no models. A consumer that acts on a notification does. Each struct implements [`Model`].
//!
//! The fields follow the tables of [Xsolla's documentation](https://developers.xsolla.com/webhooks/). Where its samples or real
//! notifications differ from the tables, both are accepted:
//!
//! - A field can be missing, depending on settings in Publisher Account and on agreements with Xsolla. So most fields are an
//!   `Option` or a `Vec`. `null` counts as missing.
//! - An object can be `[]`, as PHP writes an empty one.
//! - An [`Id`] can be a string or a number, and has every digit. Money is a [`Decimal`] with every decimal place.
//! - An enum can have new values: each has a variant `Other`.
//! - Unknown fields are ignored.
//! - A date is text. Most are ISO 8601, but some have no offset, or a blank instead of the `T`.
//!
//! An object with a repeated key is an error, because neither JSON nor Xsolla defines which value counts.

mod billing;
mod black_list;
mod custom_parameters;
mod decline;
mod dispute;
mod error;
mod id;
mod json;
#[cfg(feature = "schema")]
pub(crate) mod keyword;
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
mod refund_code;
mod settings;
mod subscription;
mod subscription_events;
mod transaction;
mod user;
mod user_search;
mod user_validation;

#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use billing::Billing;
pub use black_list::{AfsBlackList, BlackListAction, BlackListEvent, BlackListParameter, BlackListReason};
pub use custom_parameters::{CustomParameters, PaymentType, SavedPaymentMethod};
pub use decline::{AfsReject, PaymentDuplicateReject, PsDeclined};
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
pub use payment::Payment;
pub use payment_account::{PaymentAccount, PaymentAccountAdd, PaymentAccountRemove};
pub use payment_details::{Money, PaymentDetails, Tax};
pub use payout::{Payout, PayoutStatus};
pub use personal::Personal;
pub use purchase::{
    Coupon, DigitalContent, Gift, LineItem, PinCode, Promotion, Purchase, PurchaseOrder, Upgrade, VirtualCurrency,
    VirtualItem, VirtualItems,
};
pub use refund::{PartialRefund, Refund, RefundDetails};
pub use refund_code::RefundCode;
pub use rust_decimal::Decimal;
pub use settings::Settings;
pub use subscription::{Subscription, Trial, TrialUnit};
pub use subscription_events::{CancelSubscription, CreateSubscription, NonRenewalSubscription, UpdateSubscription};
pub use transaction::Transaction;
pub use user::User;
pub use user_search::{SearchedUser, UserSearch};
pub use user_validation::UserValidation;

/// A model of one notification type.
pub trait Model: DeserializeOwned {
    /// The `notification_type` of the model.
    const TYPE: &'static str;

    /// Parses the JSON text of a notification.
    ///
    /// Pass the text that Xsolla sent, not a copy written by another JSON library: many of them round numbers of more than 15
    /// digits, and some ids have 19.
    ///
    /// # Errors
    ///
    /// If the text is not JSON, the notification has another type, or a field has an unexpected form.
    ///
    /// # Example
    ///
    /// ```
    /// use xsolla_webhooks::model::{Model, Payment, Refund};
    ///
    /// let notification = r#"{
    ///     "notification_type": "payment",
    ///     "transaction": {"id": 2298114507, "payment_method_order_id": 9007199254740993001},
    ///     "purchase": {"total": {"amount": "7.9900", "currency": "EUR"}}
    /// }"#;
    ///
    /// let payment = Payment::from_json(notification)?;
    /// let total = payment.purchase.and_then(|purchase| purchase.total).unwrap_or_default();
    /// assert_eq!(total.to_string(), "7.9900 EUR");
    /// assert!(payment.transaction.payment_method_order_id.is_some_and(|id| id == "9007199254740993001"));
    ///
    /// assert!(Refund::from_json(notification).is_err_and(|error| error.is_other_type()));
    /// # Ok::<(), xsolla_webhooks::model::ModelError>(())
    /// ```
    fn from_json(notification: &str) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct Header {
            notification_type: Option<String>,
        }

        let header: Header =
            serde_json::from_str(notification).map_err(|error| ModelError::unreadable(Self::TYPE, &error))?;
        if header.notification_type.as_deref() != Some(Self::TYPE) {
            return Err(ModelError::other_type(Self::TYPE));
        }
        serde_json::from_str(notification).map_err(|error| ModelError::unreadable(Self::TYPE, &error))
    }
}
