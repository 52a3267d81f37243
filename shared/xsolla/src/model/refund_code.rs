//! Xsolla's refund codes.

use std::fmt;

use serde::{Deserialize, Deserializer};

use super::Id;

/// `refund_details.code`: the reason of a refund or a decline.
///
/// The table is from Xsolla's documentation of [`refund`](https://developers.xsolla.com/webhooks/operation/refund/), which
/// sends a number. `ps_declined` sends the same codes as strings.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::model::RefundCode;
///
/// let code = RefundCode::from("4");
/// assert_eq!(code, RefundCode::PotentialFraud);
/// assert_eq!(code.reason(), Some("Potential fraud"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefundCode {
    /// 1: requested by the user or the game, in Publisher Account.
    UserOrGameRequest,
    /// 2: the bank charged the payment back.
    Chargeback,
    /// 3: an error in the integration between Xsolla and the game.
    IntegrationError,
    /// 4: suspected fraud. Xsolla's documentation advises to block the user.
    PotentialFraud,
    /// 5: a test payment.
    TestPayment,
    /// 6: the user did not pay the bill of a pay-later system.
    UserInvoiceExpired,
    /// 7: the payment system rejected the payment as possible fraud. Xsolla's documentation advises to block the user. (Older
    /// documentation has another meaning for 7, a debt to the payment system, and advises against blocking.)
    FraudNotification,
    /// 8: requested by the payment system.
    PaymentSystemRequest,
    /// 9: requested by the user, who is unhappy with the game or the purchase.
    UserRequest,
    /// 10: requested by the game.
    GameRequest,
    /// 11: the account holder reported that someone else paid.
    AccountHolderReportedFraud,
    /// 12: friendly fraud: the account holder paid and denies it.
    FriendlyFraud,
    /// 13: one invoice was paid twice.
    Duplicate,
    /// A code that is not in the table, as sent.
    Other(String),
}

/// All codes of the table, in its order.
pub(super) const TABLE: [RefundCode; 13] = [
    RefundCode::UserOrGameRequest,
    RefundCode::Chargeback,
    RefundCode::IntegrationError,
    RefundCode::PotentialFraud,
    RefundCode::TestPayment,
    RefundCode::UserInvoiceExpired,
    RefundCode::FraudNotification,
    RefundCode::PaymentSystemRequest,
    RefundCode::UserRequest,
    RefundCode::GameRequest,
    RefundCode::AccountHolderReportedFraud,
    RefundCode::FriendlyFraud,
    RefundCode::Duplicate,
];

impl RefundCode {
    /// Returns the code: `1` to `13`, or the unknown code as sent.
    #[must_use]
    pub fn code(&self) -> &str {
        self.row().0
    }

    /// Returns the text that Xsolla sends with the code; `None` for an unknown code.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        self.row().1
    }

    fn row(&self) -> (&str, Option<&'static str>) {
        let (code, reason) = match self {
            Self::UserOrGameRequest => ("1", "Cancellation by the user request / the game request"),
            Self::Chargeback => ("2", "Chargeback"),
            Self::IntegrationError => ("3", "Integration error"),
            Self::PotentialFraud => ("4", "Potential fraud"),
            Self::TestPayment => ("5", "Test payment"),
            Self::UserInvoiceExpired => ("6", "User invoice expired"),
            Self::FraudNotification => ("7", "Fraud notification from PS"),
            Self::PaymentSystemRequest => ("8", "Cancellation by the PS request"),
            Self::UserRequest => ("9", "Cancellation by the user request"),
            Self::GameRequest => ("10", "Cancellation by the game request"),
            Self::AccountHolderReportedFraud => ("11", "Account holder called to report fraud"),
            Self::FriendlyFraud => ("12", "Friendly fraud"),
            Self::Duplicate => ("13", "Duplicate"),
            Self::Other(code) => return (code, None),
        };
        (code, Some(reason))
    }
}

impl From<&str> for RefundCode {
    fn from(code: &str) -> Self {
        let known = TABLE.into_iter().find(|known| known.code() == code);
        known.unwrap_or_else(|| Self::Other(code.to_owned()))
    }
}

/// Displays the code.
impl fmt::Display for RefundCode {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.code())
    }
}

/// Accepts a number or a string.
impl<'de> Deserialize<'de> for RefundCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Id::deserialize(deserializer).map(|code| Self::from(code.as_str()))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for RefundCode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RefundCode".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The reason of a refund or a decline, as a number.",
            "type": ["number", "string"],
            (super::keyword::EXTENSIBLE_ENUM): TABLE.each_ref().map(RefundCode::code),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_matches_the_documentation() {
        let reasons = [
            "Cancellation by the user request / the game request",
            "Chargeback",
            "Integration error",
            "Potential fraud",
            "Test payment",
            "User invoice expired",
            "Fraud notification from PS",
            "Cancellation by the PS request",
            "Cancellation by the user request",
            "Cancellation by the game request",
            "Account holder called to report fraud",
            "Friendly fraud",
            "Duplicate",
        ];
        for (number, reason) in (1..).zip(reasons) {
            for json in [format!("{number}"), format!("\"{number}\"")] {
                let code: RefundCode = serde_json::from_str(&json).unwrap();
                assert_eq!(code, TABLE[number - 1]);
                assert_eq!(code.code(), number.to_string());
                assert_eq!(code.to_string(), number.to_string());
                assert_eq!(code.reason(), Some(reason));
            }
        }
    }

    #[test]
    fn unknown_code_is_unchanged() {
        for (json, sent) in [("0", "0"), ("14", "14"), ("8.0", "8.0"), (r#""E8""#, "E8")] {
            let code: RefundCode = serde_json::from_str(json).unwrap();
            assert_eq!(code, RefundCode::Other(sent.to_owned()));
            assert_eq!(code.code(), sent);
            assert_eq!(code.reason(), None);
        }
    }
}
