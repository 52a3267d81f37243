//! `payment`.

use serde::Deserialize;

use super::{CustomParameters, Json, Model, PaymentDetails, Purchase, Settings, Transaction, User};

/// `payment`: the user has paid.
///
/// Sent for every sale of a project with separate webhooks, before its `order_paid`. The two are one sale: grant on
/// `order_paid`. Also sent for a payment with a token of the Merchant API, whose goods are in
/// [`custom_parameters`](Self::custom_parameters), and for each charge of a subscription.
///
/// Documented [as `payment`](https://developers.xsolla.com/webhooks/operation/payment/). The card's digits (`card_bin`,
/// `card_suffix`) and brand, which can be enabled in Publisher Account, are missing here, because the documentation does not
/// say which object has them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Payment {
    /// The transaction.
    pub transaction: Transaction,
    /// The project.
    pub settings: Option<Settings>,
    /// The purchase.
    pub purchase: Option<Purchase>,
    /// The user.
    pub user: Option<User>,
    /// The amounts.
    #[cfg_attr(feature = "schema", schemars(extend("x-always-sent" = true)))]
    pub payment_details: Option<PaymentDetails>,
    /// The game's own parameters.
    pub custom_parameters: Option<CustomParameters>,
    /// The saved payment account, if "Show info about saved payment account" is on in Publisher Account. Its fields are not
    /// documented and can be personal data.
    pub payment_account: Option<Json>,
}

impl Model for Payment {
    const TYPE: &'static str = "payment";
}
