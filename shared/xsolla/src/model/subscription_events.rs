//! The notifications on subscriptions.

use serde::Deserialize;

use super::{Coupon, CustomParameters, Model, Settings, Subscription, User};

/// `create_subscription`: a subscription was bought, or its trial began.
///
/// Documented among [Xsolla's webhooks](https://developers.xsolla.com/webhooks/).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CreateSubscription {
    /// The subscription.
    pub subscription: Subscription,
    /// The project.
    pub settings: Option<Settings>,
    /// The subscriber: id and name, or id and e-mail address.
    pub user: Option<User>,
    /// The coupon. Not in the documentation's tables.
    pub coupon: Option<Coupon>,
    /// The game's own parameters.
    pub custom_parameters: Option<CustomParameters>,
}

impl Model for CreateSubscription {
    const TYPE: &'static str = "create_subscription";
}

/// `update_subscription`: a subscription was renewed, or its plan or next charge changed.
///
/// Sent at every renewal, so a subscription has many. Documented among
/// [Xsolla's webhooks](https://developers.xsolla.com/webhooks/).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct UpdateSubscription {
    /// The subscription.
    pub subscription: Subscription,
    /// The project.
    pub settings: Option<Settings>,
    /// The subscriber: id and name, or id and e-mail address.
    pub user: Option<User>,
    /// The coupon. Not in the documentation's tables.
    pub coupon: Option<Coupon>,
    /// The game's own parameters.
    pub custom_parameters: Option<CustomParameters>,
}

impl Model for UpdateSubscription {
    const TYPE: &'static str = "update_subscription";
}

/// `cancel_subscription`: a subscription ends at [`date_end`](Subscription::date_end), after a refund or for another reason.
///
/// Documented among [Xsolla's webhooks](https://developers.xsolla.com/webhooks/).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct CancelSubscription {
    /// The subscription.
    pub subscription: Subscription,
    /// The project.
    pub settings: Option<Settings>,
    /// The subscriber: id and name, or id and e-mail address.
    pub user: Option<User>,
    /// The coupon. Not in the documentation's tables.
    pub coupon: Option<Coupon>,
    /// The game's own parameters.
    pub custom_parameters: Option<CustomParameters>,
}

impl Model for CancelSubscription {
    const TYPE: &'static str = "cancel_subscription";
}

/// `non_renewal_subscription`: a subscription will not be renewed.
///
/// Documented
/// [as `nonrenewing-subscription`](https://developers.xsolla.com/webhooks/operation/nonrenewing-subscription/). Off by
/// default: Xsolla's account manager enables it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct NonRenewalSubscription {
    /// The subscription.
    pub subscription: Subscription,
    /// The project.
    pub settings: Option<Settings>,
    /// The subscriber: id and name, or id and e-mail address.
    pub user: Option<User>,
    /// The coupon. Not in the documentation's tables.
    pub coupon: Option<Coupon>,
    /// The game's own parameters.
    pub custom_parameters: Option<CustomParameters>,
}

impl Model for NonRenewalSubscription {
    const TYPE: &'static str = "non_renewal_subscription";
}
