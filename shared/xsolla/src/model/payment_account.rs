//! `payment_account_add` and `payment_account_remove`.

use serde::Deserialize;

use super::{Id, Model, Personal, Settings, User};

/// `payment_account_add`: the user saved a payment account, such as a card.
///
/// Documented among [Xsolla's webhooks](https://developers.xsolla.com/webhooks/). Off by default: Xsolla's account manager
/// enables it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PaymentAccountAdd {
    /// The payment account.
    pub payment_account: PaymentAccount,
    /// The project.
    pub settings: Option<Settings>,
    /// The user.
    pub user: Option<User>,
}

impl Model for PaymentAccountAdd {
    const TYPE: &'static str = "payment_account_add";
}

/// `payment_account_remove`: the user deleted a saved payment account.
///
/// Documented among [Xsolla's webhooks](https://developers.xsolla.com/webhooks/), without the user's `ip`, `country` and
/// `zip`. Off by default: Xsolla's account manager enables it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct PaymentAccountRemove {
    /// The payment account.
    pub payment_account: PaymentAccount,
    /// The project.
    pub settings: Option<Settings>,
    /// The user.
    pub user: Option<User>,
}

impl Model for PaymentAccountRemove {
    const TYPE: &'static str = "payment_account_remove";
}

/// `payment_account`: a payment method that Xsolla saved for the user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct PaymentAccount {
    /// Xsolla's id of the account.
    pub id: Option<Id>,
    /// The name shown to the user: an e-mail address or a masked card number.
    pub name: Option<Personal>,
    /// Xsolla's number of the payment method. An integer in the documentation, a string in its sample.
    pub payment_method: Option<Id>,
    /// The country: ISO 3166-1 alpha-2. Other codes occur.
    pub country: Option<String>,
    /// The kind of account, such as `paypal`. No list is documented.
    #[serde(rename = "type")]
    pub account_type: Option<String>,
}
