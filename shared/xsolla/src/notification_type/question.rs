//! Notifications that require an answer.

/// A notification that requires an answer now.
///
/// Not `non_exhaustive`: a receiver must handle every question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Asks whether a user exists. Sent several times per payment, during the checkout. Never retried.
    UserValidation,
    /// Asks for the user with a public id. Sent by cash kiosks.
    UserSearch,
    /// Asks for the part of the catalog that a user can see.
    PartnerSideCatalog,
    /// Asks for a game key for a user.
    GetPincode,
    /// Asks for a user's inventory.
    InventoryGet,
    /// Asks whether a user of a Web Shop exists. Unsigned: see [`UnsignedType`](crate::UnsignedType).
    WebShopUserValidation,
}

impl Question {
    /// Returns whether the question can be repeated if the first answer is lost. Each answer to [`Self::GetPincode`]
    /// consumes a key.
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
