//! The game's own parameters, and the two that Xsolla adds to them.

use std::collections::BTreeMap;
use std::ops::Deref;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Json;
use super::open_enum::open_enum;

open_enum! {
    /// Whether a saved payment method played a part (`custom_parameters.saved_payment_method`).
    pub enum SavedPaymentMethod {
        /// `0`: none was used.
        NotUsed = "0",
        /// `1`: the user saved the method during this payment.
        Saved = "1",
        /// `2`: the user paid with a method saved before.
        Used = "2",
    }
}

open_enum! {
    /// How often a payment is made (`custom_parameters.payment_type`).
    pub enum PaymentType {
        /// `1`: once.
        OneTime = "1",
        /// `2`: again and again, as for a subscription.
        Recurring = "2",
    }
}

/// `custom_parameters`: what the game put into the payment token, given back as it was.
///
/// Documented as an object, but its values are the game's and may be anything, even JSON inside a string. An empty one may
/// come as `[]`. Two values are Xsolla's, sent if "Show info about transactions via saved payment methods" is on in
/// Publisher Account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CustomParameters(Json);

impl CustomParameters {
    /// One parameter as a type of the caller's, if it is there and has that shape.
    #[must_use]
    pub fn parameter<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Option<T> {
        let parameters: BTreeMap<String, &RawValue> = self.read()?;
        serde_json::from_str(parameters.get(name)?.get()).ok()
    }

    /// Whether a saved payment method played a part.
    #[must_use]
    pub fn saved_payment_method(&self) -> Option<SavedPaymentMethod> {
        self.parameter("saved_payment_method")
    }

    /// Whether the payment recurs.
    #[must_use]
    pub fn payment_type(&self) -> Option<PaymentType> {
        self.parameter("payment_type")
    }
}

/// For the text of all of them, and to read them into one type.
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
    fn the_two_of_xsolla_are_read_from_numbers_and_strings() {
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
    fn parameters_of_any_shape_are_kept() {
        for json in ["{}", "[]", "7", r#""text""#, r#"{"saved_payment_method":null}"#] {
            let parameters = parameters(json);
            assert_eq!(parameters.get(), json);
            assert_eq!(parameters.saved_payment_method(), None, "{json}");
            assert_eq!(parameters.payment_type(), None, "{json}");
        }
    }

    #[test]
    fn a_parameter_may_hold_json_in_a_string() {
        let parameters = parameters(r#"{"cart":"[{\"sku\":\"lantern\"}]"}"#);
        let cart: String = parameters.parameter("cart").unwrap();
        assert_eq!(cart, r#"[{"sku":"lantern"}]"#);
        assert_eq!(parameters.parameter::<u64>("cart"), None);
    }
}
