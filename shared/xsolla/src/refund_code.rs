//! Why a payment was taken back: Xsolla's table of refund codes.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::model::{Id, KNOWN_VALUES};

/// `refund_details.code`.
///
/// The table is from Xsolla's documentation of
/// [`refund`](https://developers.xsolla.com/webhooks/operation/refund/), which sends a number; `ps_declined` sends the
/// same codes as strings.
///
/// ```
/// use xsolla::{BlockingAdvice, RefundCode};
///
/// let code = RefundCode::from("4");
/// assert_eq!(code, RefundCode::PotentialFraud);
/// assert_eq!(code.reason(), Some("Potential fraud"));
/// assert_eq!(code.blocking(), BlockingAdvice::Block);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefundCode {
    /// 1: started in Publisher Account, at the wish of the user or the game.
    UserOrGameRequest,
    /// 2: the bank charged the payment back.
    Chargeback,
    /// 3: something is wrong between Xsolla and the game.
    IntegrationError,
    /// 4: fraud is suspected.
    PotentialFraud,
    /// 5: it was a test.
    TestPayment,
    /// 6: the user let a bill of a pay-later system expire.
    UserInvoiceExpired,
    /// 7: the payment system refused the payment as possible fraud. (Older documentation has another meaning for 7, a
    /// debt to the payment system, and advises against blocking.)
    FraudNotification,
    /// 8: the payment system asked for it.
    PaymentSystemRequest,
    /// 9: the user asked for it, being unhappy with the game or the purchase.
    UserRequest,
    /// 10: the game asked for it.
    GameRequest,
    /// 11: the holder of the account says that someone else paid.
    AccountHolderReportedFraud,
    /// 12: friendly fraud was reported: the holder paid and denies it.
    FriendlyFraud,
    /// 13: one invoice was paid more than once.
    Duplicate,
    /// A code that is not in the table, as it was sent.
    Other(String),
}

/// Whether to block the user after a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockingAdvice {
    /// Xsolla's documentation says to block.
    Block,
    /// Xsolla's documentation says not to block.
    DoNotBlock,
    /// Xsolla's integration kit suggests to block; its documentation is silent.
    Consider,
    /// Nothing is said, or the code is unknown.
    NoAdvice,
}

/// All codes of the table, in its order.
const TABLE: [RefundCode; 13] = [
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
    /// The code, `1` to `13`, or what was sent instead.
    #[must_use]
    pub fn code(&self) -> &str {
        self.row().0
    }

    /// The words that Xsolla sends with the code. None for a code that is not in the table.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        self.row().1
    }

    /// Whether to block the user.
    #[must_use]
    pub fn blocking(&self) -> BlockingAdvice {
        self.row().2
    }

    fn row(&self) -> (&str, Option<&'static str>, BlockingAdvice) {
        use BlockingAdvice::{Block, Consider, DoNotBlock, NoAdvice};

        let (code, reason, blocking) = match self {
            Self::UserOrGameRequest => ("1", "Cancellation by the user request / the game request", NoAdvice),
            Self::Chargeback => ("2", "Chargeback", Consider),
            Self::IntegrationError => ("3", "Integration error", DoNotBlock),
            Self::PotentialFraud => ("4", "Potential fraud", Block),
            Self::TestPayment => ("5", "Test payment", DoNotBlock),
            Self::UserInvoiceExpired => ("6", "User invoice expired", NoAdvice),
            Self::FraudNotification => ("7", "Fraud notification from PS", Block),
            Self::PaymentSystemRequest => ("8", "Cancellation by the PS request", DoNotBlock),
            Self::UserRequest => ("9", "Cancellation by the user request", DoNotBlock),
            Self::GameRequest => ("10", "Cancellation by the game request", DoNotBlock),
            Self::AccountHolderReportedFraud => ("11", "Account holder called to report fraud", Consider),
            Self::FriendlyFraud => ("12", "Friendly fraud", Consider),
            Self::Duplicate => ("13", "Duplicate", NoAdvice),
            Self::Other(code) => return (code, None, NoAdvice),
        };
        (code, Some(reason), blocking)
    }
}

impl From<&str> for RefundCode {
    fn from(code: &str) -> Self {
        let known = TABLE.into_iter().find(|known| known.code() == code);
        known.unwrap_or_else(|| Self::Other(code.to_owned()))
    }
}

/// The code.
impl fmt::Display for RefundCode {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.pad(self.code())
    }
}

/// From a number or a string.
impl<'de> Deserialize<'de> for RefundCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Id::deserialize(deserializer).map(|code| Self::from(code.as_str()))
    }
}

impl JsonSchema for RefundCode {
    fn schema_name() -> Cow<'static, str> {
        "RefundCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Why a payment was taken back or declined, by number.",
            "type": ["number", "string"],
            (KNOWN_VALUES): TABLE.each_ref().map(RefundCode::code),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table() {
        use BlockingAdvice::{Block, Consider, DoNotBlock, NoAdvice};

        let documented = [
            ("Cancellation by the user request / the game request", NoAdvice),
            ("Chargeback", Consider),
            ("Integration error", DoNotBlock),
            ("Potential fraud", Block),
            ("Test payment", DoNotBlock),
            ("User invoice expired", NoAdvice),
            ("Fraud notification from PS", Block),
            ("Cancellation by the PS request", DoNotBlock),
            ("Cancellation by the user request", DoNotBlock),
            ("Cancellation by the game request", DoNotBlock),
            ("Account holder called to report fraud", Consider),
            ("Friendly fraud", Consider),
            ("Duplicate", NoAdvice),
        ];
        for (number, (reason, blocking)) in (1..).zip(documented) {
            for json in [format!("{number}"), format!("\"{number}\"")] {
                let code: RefundCode = serde_json::from_str(&json).unwrap();
                assert_eq!(code, TABLE[number - 1]);
                assert_eq!(code.code(), number.to_string());
                assert_eq!(code.to_string(), number.to_string());
                assert_eq!(code.reason(), Some(reason));
                assert_eq!(code.blocking(), blocking);
            }
        }
    }

    #[test]
    fn an_unknown_code_is_kept_as_it_was_sent() {
        for (json, kept) in [("0", "0"), ("14", "14"), ("8.0", "8.0"), (r#""E8""#, "E8")] {
            let code: RefundCode = serde_json::from_str(json).unwrap();
            assert_eq!(code, RefundCode::Other(kept.to_owned()));
            assert_eq!(code.code(), kept);
            assert_eq!(code.reason(), None);
            assert_eq!(code.blocking(), BlockingAdvice::NoAdvice);
        }
    }
}
