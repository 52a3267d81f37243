//! Money: what was paid, and what became of it.

use std::fmt;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;

use super::lenient;

/// An amount of one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Money {
    /// In the currency's main unit (euros, not cents), with the decimal places that were sent. Sent as integer, float or
    /// string. A refund's is documented no differently from a payment's: do not rely on its sign.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub amount: Option<Decimal>,
    /// Three letters of ISO 4217. Some currencies have no decimal places (JPY), and codes outside the standard occur.
    pub currency: Option<String>,
}

/// `7.99 EUR`; what is missing is left out.
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

/// A tax or fee that is a share of something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct Tax {
    /// In the currency's main unit.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub amount: Option<Decimal>,
    /// Three letters of ISO 4217.
    pub currency: Option<String>,
    /// The rate in percent: `8.88` is 8.88 %. Samples of `refund` leave it out.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub percent: Option<Decimal>,
}

/// `payment_details`: how a payment divides between the user, Xsolla, the state and the game.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
#[non_exhaustive]
pub struct PaymentDetails {
    /// What the user paid.
    pub payment: Option<Money>,
    /// The part charged through the payment method.
    pub payment_method_sum: Option<Money>,
    /// The part taken from the user's Xsolla balance.
    pub xsolla_balance_sum: Option<Money>,
    /// What the game receives.
    pub payout: Option<Money>,
    /// From the currency of the payment to that of the payout.
    #[serde(deserialize_with = "lenient::decimal")]
    #[schemars(schema_with = "lenient::decimal_schema")]
    pub payout_currency_rate: Option<Decimal>,
    /// Value-added tax; European Union only.
    pub vat: Option<Tax>,
    /// Sales tax; United States and Canada only.
    pub sales_tax: Option<Tax>,
    /// Direct withholding tax.
    pub direct_wht: Option<Tax>,
    /// The country's withholding tax. In newer documentation and real notifications only.
    pub country_wht: Option<Tax>,
    /// The fee for winning the user. In newer documentation and real notifications only.
    pub user_acquisition_fee: Option<Tax>,
    /// Xsolla's fee.
    pub xsolla_fee: Option<Money>,
    /// The payment system's fee.
    pub payment_method_fee: Option<Money>,
    /// What third parties charge Xsolla for moving the money across a border.
    pub repatriation_commission: Option<Money>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_shows_what_there_is_of_it() {
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
