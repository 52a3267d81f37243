//! Notifications that Xsolla sends without a signature and without a `notification_type`.

use super::NotificationType;

/// A notification that Xsolla does not sign.
///
/// The body contains neither its type nor its sender. The URL decides the type; the receiver must authenticate the sender by
/// other means, such as a secret path and the [source address](crate::SourceRanges).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsignedType {
    /// Asks whether a user who logs in to a Web Shop exists. Site Builder has a separate URL setting for it
    /// ([`user-validation-in-webshop`](https://developers.xsolla.com/webhooks/operation/user-validation-in-webshop/)).
    WebShopUserValidation,
    /// A payout to the studio was sent, arrived or was rejected
    /// ([`payout-transaction-processing`](https://developers.xsolla.com/webhooks/operation/payout-transaction-processing/)).
    Payout,
}

impl UnsignedType {
    /// Returns the row of the table of types.
    #[must_use]
    pub const fn notification_type(self) -> NotificationType {
        match self {
            Self::WebShopUserValidation => NotificationType::WEB_SHOP_USER_VALIDATION,
            Self::Payout => NotificationType::PAYOUT,
        }
    }
}
