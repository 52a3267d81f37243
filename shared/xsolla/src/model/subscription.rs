//! `subscription`.

use rust_decimal::Decimal;
use serde::Deserialize;

use super::open_enum::open_enum;
use super::{Id, lenient};

/// `subscription`, and `purchase.subscription` of payments and refunds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Subscription {
    /// The plan. The game's own id if the plan was created through the API.
    pub plan_id: Option<Id>,
    /// Xsolla's id of the subscription.
    pub subscription_id: Option<Id>,
    /// The product, if the token had one. Not in refunds and `non_renewal_subscription`.
    pub product_id: Option<Id>,
    /// The plan's tags.
    #[serde(deserialize_with = "lenient::list")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::list_schema::<String>"))]
    pub tags: Vec<String>,
    /// The start: ISO 8601.
    pub date_create: Option<String>,
    /// The next charge: ISO 8601. Not in refunds and `cancel_subscription`.
    pub date_next_charge: Option<String>,
    /// The end: ISO 8601. In `cancel_subscription`; according to an SDK of Xsolla's also in `update_subscription`.
    pub date_end: Option<String>,
    /// The currency: ISO 4217. In payments, refunds and `non_renewal_subscription`.
    pub currency: Option<String>,
    /// The price of one period, in the currency's main unit. Sent with `currency`.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub amount: Option<Decimal>,
    /// The free trial. Only in `create_subscription`.
    pub trial: Option<Trial>,
    /// The length of the trial in days. Not documented; seen in payments.
    #[serde(deserialize_with = "lenient::count")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::count_schema"))]
    pub trial_days: Option<u64>,
    /// Whether it is a gift. Only in `create_subscription`, and only sent for gifts: missing means no.
    #[serde(deserialize_with = "lenient::flag")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::flag_schema"))]
    pub is_gift: Option<bool>,
}

/// `subscription.trial`: the length of a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Trial {
    /// The number of units.
    #[serde(deserialize_with = "lenient::count")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::count_schema"))]
    pub value: Option<u64>,
    /// The unit.
    #[serde(rename = "type")]
    pub unit: Option<TrialUnit>,
}

open_enum! {
    /// The unit of a trial (`subscription.trial.type`). No list is documented.
    pub enum TrialUnit {
        /// Days.
        Day = "day",
    }
}
