//! `payment_account_add` and `payment_account_remove`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Id, Model, Personal, Settings, User};

/// Both types have the same fields; they differ in what happened.
macro_rules! payment_accounts {
    ($($(#[$about:meta])* $name:ident = $type:literal;)+) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub struct $name {
            /// The account.
            pub payment_account: PaymentAccount,
            /// Which project it belongs to.
            pub settings: Option<Settings>,
            /// Whose account it is.
            pub user: Option<User>,
        }

        impl Model for $name {
            const TYPE: &'static str = $type;
        }
    )+};
}

payment_accounts! {
    /// `payment_account_add`: the user saved a payment account, such as a card.
    ///
    /// Documented among [Xsolla's webhooks](https://developers.xsolla.com/webhooks/). Sent at the wish of the game:
    /// Xsolla's account manager switches it on.
    PaymentAccountAdd = "payment_account_add";

    /// `payment_account_remove`: the user deleted a saved payment account.
    ///
    /// Documented among [Xsolla's webhooks](https://developers.xsolla.com/webhooks/), without the user's `ip`,
    /// `country` and `zip`. Sent at the wish of the game: Xsolla's account manager switches it on.
    PaymentAccountRemove = "payment_account_remove";
}

/// `payment_account`: a way to pay that Xsolla keeps for the user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct PaymentAccount {
    /// Xsolla's id of the account.
    pub id: Option<Id>,
    /// What the user sees of it: an e-mail address, or a masked card number.
    pub name: Option<Personal>,
    /// Xsolla's number of the payment method. An integer in the documentation, a string in its sample.
    pub payment_method: Option<Id>,
    /// Two letters, meant as ISO 3166-1 alpha-2; other codes occur.
    pub country: Option<String>,
    /// What kind of account, such as `paypal`. No list is documented.
    #[serde(rename = "type")]
    pub account_type: Option<String>,
}
