//! Subscriptions: their four notifications, and the object that payments have of them.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;

use super::open_enum::open_enum;
use super::{Coupon, CustomParameters, Id, Model, Settings, User, lenient};

/// The four types have the same fields; they differ in what happened, and in which fields come.
macro_rules! subscriptions {
    ($($(#[$about:meta])* $name:ident = $type:literal;)+) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        #[non_exhaustive]
        pub struct $name {
            /// The subscription.
            pub subscription: Subscription,
            /// Which project it belongs to.
            pub settings: Option<Settings>,
            /// Whose subscription it is: id and name, or id and e-mail address.
            pub user: Option<User>,
            /// The coupon used. Not in the documentation's tables.
            pub coupon: Option<Coupon>,
            /// The game's own parameters.
            pub custom_parameters: Option<CustomParameters>,
        }

        impl Model for $name {
            const TYPE: &'static str = $type;
        }
    )+};
}

subscriptions! {
    /// `create_subscription`: a subscription was bought, or its trial began.
    ///
    /// Documented among [Xsolla's webhooks](https://developers.xsolla.com/webhooks/).
    CreateSubscription = "create_subscription";

    /// `update_subscription`: a subscription was renewed, or its plan or next charge changed.
    ///
    /// Comes at every renewal, so there are many for one subscription. Documented among
    /// [Xsolla's webhooks](https://developers.xsolla.com/webhooks/).
    UpdateSubscription = "update_subscription";

    /// `cancel_subscription`: a subscription ends at [`date_end`](Subscription::date_end), after a refund or for any
    /// other reason.
    ///
    /// Documented among [Xsolla's webhooks](https://developers.xsolla.com/webhooks/).
    CancelSubscription = "cancel_subscription";

    /// `non_renewal_subscription`: a subscription will not be renewed.
    ///
    /// Documented
    /// [as `nonrenewing-subscription`](https://developers.xsolla.com/webhooks/operation/nonrenewing-subscription/).
    /// Sent at the wish of the game: Xsolla's account manager switches it on.
    NonRenewalSubscription = "non_renewal_subscription";
}

/// `subscription`, and `purchase.subscription` of payments and refunds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Subscription {
    /// The plan; the game's own id, if it made the plan through the API.
    pub plan_id: Option<Id>,
    /// Xsolla's id of the subscription.
    pub subscription_id: Option<Id>,
    /// The product, if the token had one. Neither in refunds nor in `non_renewal_subscription`.
    pub product_id: Option<Id>,
    /// The plan's tags.
    #[serde(deserialize_with = "lenient::list")]
    #[schemars(schema_with = "lenient::list_schema::<String>")]
    pub tags: Vec<String>,
    /// When it began: ISO 8601.
    pub date_create: Option<String>,
    /// When it is charged next: ISO 8601. Neither in refunds nor in `cancel_subscription`.
    pub date_next_charge: Option<String>,
    /// When it ends: ISO 8601. `cancel_subscription`; `update_subscription` in an SDK of Xsolla's.
    pub date_end: Option<String>,
    /// Three letters of ISO 4217. In payments, refunds and `non_renewal_subscription`.
    pub currency: Option<String>,
    /// Price of one period, in the currency's main unit. Comes with `currency`.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub amount: Option<Decimal>,
    /// How long it is free at first. `create_subscription` only.
    pub trial: Option<Trial>,
    /// Length of the trial in days. Not documented; an integration reads it in payments.
    #[serde(deserialize_with = "lenient::count")]
    #[schemars(schema_with = "lenient::count_schema")]
    pub trial_days: Option<u64>,
    /// Whether somebody else gave it. `create_subscription` only, and only sent for gifts: missing means no.
    #[serde(deserialize_with = "lenient::flag")]
    #[schemars(schema_with = "lenient::flag_schema")]
    pub is_gift: Option<bool>,
}

/// `subscription.trial`: a length of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Trial {
    /// How many.
    #[serde(deserialize_with = "lenient::count")]
    #[schemars(schema_with = "lenient::count_schema")]
    pub value: Option<u64>,
    /// Of what.
    #[serde(rename = "type")]
    pub unit: Option<TrialUnit>,
}

open_enum! {
    /// What a trial is counted in (`subscription.trial.type`). No list is documented.
    pub enum TrialUnit {
        /// Days.
        Day = "day",
    }
}
