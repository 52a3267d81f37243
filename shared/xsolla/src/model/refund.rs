//! `refund` and `partial_refund`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::refund_code::RefundCode;

use super::{CustomParameters, Model, PaymentDetails, Personal, Purchase, Settings, Transaction, User};

/// Both types have the same fields; they differ in what happened.
macro_rules! refunds {
    ($($(#[$about:meta])* $name:ident = $type:literal;)+) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub struct $name {
            /// The payment that is taken back: the id is the payment's.
            pub transaction: Transaction,
            /// Which project it belongs to.
            pub settings: Option<Settings>,
            /// What had been bought.
            pub purchase: Option<Purchase>,
            /// Who had bought it.
            pub user: Option<User>,
            /// How the money divides.
            pub payment_details: Option<PaymentDetails>,
            /// Why, and at whose request.
            pub refund_details: Option<RefundDetails>,
            /// The game's own parameters.
            pub custom_parameters: Option<CustomParameters>,
        }

        impl Model for $name {
            const TYPE: &'static str = $type;
        }
    )+};
}

refunds! {
    /// `refund`: a payment was taken back in full.
    ///
    /// The money is on its way whatever the answer. In a project with separate webhooks, the `order_canceled` of the same
    /// sale follows a successful answer: the two are one reversal.
    ///
    /// Documented [as `refund`](https://developers.xsolla.com/webhooks/operation/refund/).
    Refund = "refund";

    /// `partial_refund`: part of a payment was taken back.
    ///
    /// There can be several for one transaction, and none has an id of its own. The documented codes are
    /// 1, 3, 5, 7, 9 and 10.
    PartialRefund = "partial_refund";
}

/// `refund_details`: why a payment was taken back, or declined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct RefundDetails {
    /// Why, by number.
    pub code: Option<RefundCode>,
    /// Why, in words: in most cases [those of the code](RefundCode::reason).
    pub reason: Option<String>,
    /// Why in detail, such as "Insufficient funds". `ps_declined` only.
    pub reason_detail: Option<String>,
    /// At whose request: `API` is the game, `support@xsolla.com` is Xsolla's support, for itself or for a user of
    /// Publisher Account, and any other e-mail address is such a user's.
    pub author: Option<Personal>,
    /// When, in older documentation. It may lack an offset: `2026-08-23 01:02:03`.
    pub date: Option<String>,
}
