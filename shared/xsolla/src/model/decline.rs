//! `ps_declined` and `afs_reject`: payments that did not come about.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{CustomParameters, Model, RefundDetails, Settings, Transaction, User};

/// Both types have the same fields; they differ in who said no.
macro_rules! declines {
    ($($(#[$about:meta])* $name:ident = $type:literal;)+) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub struct $name {
            /// The payment that did not come about.
            pub transaction: Transaction,
            /// Which project it belongs to.
            pub settings: Option<Settings>,
            /// Who wanted to pay.
            pub user: Option<User>,
            /// Why it was declined.
            pub refund_details: Option<RefundDetails>,
            /// The game's own parameters. Not documented for this type.
            pub custom_parameters: Option<CustomParameters>,
        }

        impl Model for $name {
            const TYPE: &'static str = $type;
        }
    )+};
}

declines! {
    /// `ps_declined`: the payment system declined a payment. No money moved, and neither `payment` nor `order_paid`
    /// follows.
    ///
    /// Documented [as `payment-declined`](https://developers.xsolla.com/webhooks/operation/payment-declined/), with
    /// integers whose sample has strings. Sent at the wish of the game: Xsolla's account manager switches it on.
    PsDeclined = "ps_declined";

    /// `afs_reject`: Xsolla's anti-fraud system rejected a payment that it had been checking.
    ///
    /// Documented
    /// [as `afs-rejected-transaction`](https://developers.xsolla.com/webhooks/operation/afs-rejected-transaction/),
    /// with the one code [4](crate::RefundCode::PotentialFraud). Sent at the wish of the game: Xsolla's account manager
    /// switches it on.
    AfsReject = "afs_reject";
}
