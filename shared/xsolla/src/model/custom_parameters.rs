//! The game's own parameters, and the two that Xsolla adds.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Json;
use super::open_enum::open_enum;

open_enum! {
    /// The use of a saved payment method (`custom_parameters.saved_payment_method`).
    pub enum SavedPaymentMethod {
        /// `0`: no saved method.
        NotUsed = "0",
        /// `1`: the user saved the method during this payment.
        Saved = "1",
        /// `2`: the user paid with a saved method.
        Used = "2",
    }
}

open_enum! {
    /// The recurrence of a payment (`custom_parameters.payment_type`).
    pub enum PaymentType {
        /// `1`: a single payment.
        OneTime = "1",
        /// `2`: a recurring payment, such as for a subscription.
        Recurring = "2",
    }
}

/// `custom_parameters`: the parameters that the game put into the payment token.
///
/// Documented as an object whose values can be any JSON, also JSON in a string. An empty object can be `[]`. Two parameters are
/// Xsolla's, sent if "Show info about transactions via saved payment methods" is on in Publisher Account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct CustomParameters(Json);

impl CustomParameters {
    /// Deserializes one parameter; `None` if it is missing or has another form.
    #[must_use]
    pub fn parameter<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Option<T> {
        let parameters: BTreeMap<String, &RawValue> = self.deserialize()?;
        serde_json::from_str(parameters.get(name)?.get()).ok()
    }

    /// Returns the use of a saved payment method.
    #[must_use]
    pub fn saved_payment_method(&self) -> Option<SavedPaymentMethod> {
        self.parameter("saved_payment_method")
    }

    /// Returns the recurrence of the payment.
    #[must_use]
    pub fn payment_type(&self) -> Option<PaymentType> {
        self.parameter("payment_type")
    }
}

/// Gives access to all parameters as [`Json`].
impl Deref for CustomParameters {
    type Target = Json;

    fn deref(&self) -> &Json {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(json: &str) -> CustomParameters {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn xsollas_parameters_can_be_numbers_or_strings() {
        for (json, saved, payment_type) in [
            (r#"{"saved_payment_method":0,"payment_type":1}"#, SavedPaymentMethod::NotUsed, PaymentType::OneTime),
            (r#"{"saved_payment_method":"1","payment_type":"2"}"#, SavedPaymentMethod::Saved, PaymentType::Recurring),
            (
                r#"{"saved_payment_method":2,"payment_type":3}"#,
                SavedPaymentMethod::Used,
                PaymentType::Other("3".to_owned()),
            ),
        ] {
            let parameters = parameters(json);
            assert_eq!(parameters.saved_payment_method(), Some(saved), "{json}");
            assert_eq!(parameters.payment_type(), Some(payment_type), "{json}");
        }
    }

    #[test]
    fn parameters_can_be_any_json() {
        for json in ["{}", "[]", "7", r#""text""#, r#"{"saved_payment_method":null}"#] {
            let parameters = parameters(json);
            assert_eq!(parameters.get(), json);
            assert_eq!(parameters.saved_payment_method(), None, "{json}");
            assert_eq!(parameters.payment_type(), None, "{json}");
        }
    }

    #[test]
    fn parameter_can_be_json_in_a_string() {
        let parameters = parameters(r#"{"cart":"[{\"sku\":\"lantern\"}]"}"#);
        let cart: String = parameters.parameter("cart").unwrap();
        assert_eq!(cart, r#"[{"sku":"lantern"}]"#);
        assert_eq!(parameters.parameter::<u64>("cart"), None);
    }
}
