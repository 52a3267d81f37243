//! Notifications that Xsolla sends to get an answer.

/// A notification that needs an answer now.
///
/// Exhaustive on purpose: a receiver must decide how to answer a new question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Does this user exist? Sent several times per payment, during the checkout. Never retried.
    UserValidation,
    /// Which user has this public id? Sent by cash kiosks.
    UserSearch,
    /// What can this user see in the catalog?
    PartnerSideCatalog,
    /// Which game key does this user get?
    GetPincode,
    /// What does this user own?
    InventoryGet,
    /// Does this user of a Web Shop exist? Unsigned: see [`UnsignedType`](crate::UnsignedType).
    WebShopUserValidation,
}

impl Question {
    /// Returns whether the question can be repeated if the first answer is lost. Each answer to [`Self::GetPincode`] uses
    /// up a key.
    #[must_use]
    pub const fn is_idempotent(self) -> bool {
        match self {
            Self::UserValidation
            | Self::UserSearch
            | Self::PartnerSideCatalog
            | Self::InventoryGet
            | Self::WebShopUserValidation => true,
            Self::GetPincode => false,
        }
    }
}
