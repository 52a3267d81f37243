//! What Xsolla sends without a signature, and without a `notification_type`.
//!
//! Nothing in such a body says who sent it: whoever reads one must know by other means that it is Xsolla's.

use crate::NotificationType;

/// A notification that is not signed. What it is, only the URL tells to which it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsigned {
    /// Somebody logs in to a Web Shop with a user id: does this user exist? Site Builder has a URL of its own for it
    /// ([`user-validation-in-webshop`](https://developers.xsolla.com/webhooks/operation/user-validation-in-webshop/)).
    WebShopUserValidation,
    /// Money to the studio is on its way, has arrived, or was refused
    /// ([`payout-transaction-processing`](https://developers.xsolla.com/webhooks/operation/payout-transaction-processing/)).
    Payout,
}

impl Unsigned {
    /// Under which type it is known here.
    #[must_use]
    pub const fn notification_type(self) -> NotificationType {
        match self {
            Self::WebShopUserValidation => NotificationType::WEB_SHOP_USER_VALIDATION,
            Self::Payout => NotificationType::PAYOUT,
        }
    }
}
