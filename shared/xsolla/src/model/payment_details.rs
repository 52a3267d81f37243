//! Money, taxes and fees.

use std::fmt;

use rust_decimal::Decimal;
use serde::Deserialize;

use super::lenient;

/// An amount of one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Money {
    /// The amount in the currency's main unit (euros, not cents), with the decimal places as sent: integer, float or string.
    /// The documentation does not say whether a refund's amount is negative, so do not rely on its sign.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub amount: Option<Decimal>,
    /// The currency: ISO 4217. Some have no decimal places (JPY), and codes outside the standard occur.
    pub currency: Option<String>,
}

/// Displays `7.99 EUR`, without missing parts.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match (&self.amount, &self.currency) {
            (Some(amount), Some(currency)) => write!(f, "{amount} {currency}"),
            (Some(amount), None) => write!(f, "{amount}"),
            (None, Some(currency)) => f.write_str(currency),
            (None, None) => Ok(()),
        }
    }
}

/// A tax or fee with a rate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Tax {
    /// The amount in the currency's main unit.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub amount: Option<Decimal>,
    /// The currency: ISO 4217.
    pub currency: Option<String>,
    /// The rate in percent: `8.88` is 8.88 %. Missing in samples of `refund`.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub percent: Option<Decimal>,
}

/// `payment_details`: the shares of Xsolla, the state and the game in a payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct PaymentDetails {
    /// The amount that the user paid.
    pub payment: Option<Money>,
    /// The part paid with the payment method.
    pub payment_method_sum: Option<Money>,
    /// The part paid from the user's Xsolla balance.
    pub xsolla_balance_sum: Option<Money>,
    /// The amount that the game receives.
    pub payout: Option<Money>,
    /// The exchange rate from the payment's currency to the payout's.
    #[serde(deserialize_with = "lenient::decimal")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "lenient::decimal_schema"))]
    pub payout_currency_rate: Option<Decimal>,
    /// Value-added tax. Only in the European Union.
    pub vat: Option<Tax>,
    /// Sales tax. Only in the United States and Canada.
    pub sales_tax: Option<Tax>,
    /// Direct withholding tax.
    pub direct_wht: Option<Tax>,
    /// The country's withholding tax. Only in newer documentation and real notifications.
    pub country_wht: Option<Tax>,
    /// The fee for acquiring the user. Only in newer documentation and real notifications.
    pub user_acquisition_fee: Option<Tax>,
    /// Xsolla's fee.
    pub xsolla_fee: Option<Money>,
    /// The payment system's fee.
    pub payment_method_fee: Option<Money>,
    /// The fee of third parties for the transfer across borders.
    pub repatriation_commission: Option<Money>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_omits_missing_parts() {
        for (json, shown) in [
            (r#"{"amount":"7.9900","currency":"EUR"}"#, "7.9900 EUR"),
            (r#"{"amount":500,"currency":"JPY"}"#, "500 JPY"),
            (r#"{"amount":1.5}"#, "1.5"),
            (r#"{"currency":"EUR","amount":null}"#, "EUR"),
            ("{}", ""),
        ] {
            let money: Money = serde_json::from_str(json).unwrap();
            assert_eq!(money.to_string(), shown, "{json}");
        }
    }
}
