//! Tests of the known differences between notifications and their documentation.
//!
//! The numbers in the comments refer to docs/design/hazards.md. Numbers that are missing here concern deprecated types, or
//! are not about parsing.

mod orders;
mod others;
mod payments;
mod shapes;
mod whole_samples;

use std::fmt::Debug;

use super::*;
use crate::samples;

fn sample<T: Model>(name: &str) -> T {
    let sample = samples::get(name).unwrap();
    T::from_json(sample.body).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Parses a notification with these fields, and with empty objects for the required fields that are missing.
fn with<T: Model>(fields: &str) -> T {
    let required: &[_] = match T::TYPE {
        "payment" | "refund" | "partial_refund" | "payment_duplicate_reject" | "ps_declined" | "afs_reject" => {
            &[r#""transaction":{}"#]
        }
        "order_paid" | "order_canceled" => &[r#""order":{}"#, r#""items":[]"#, r#""user":{}"#],
        "create_subscription" | "update_subscription" | "cancel_subscription" | "non_renewal_subscription" => {
            &[r#""subscription":{}"#]
        }
        "payment_account_add" | "payment_account_remove" => &[r#""payment_account":{}"#],
        "afs_black_list" => &[r#""event":{}"#],
        "dispute" => &[r#""transaction":{}"#, r#""dispute":{}"#],
        _ => &[],
    };
    let mut members = vec![format!(r#""notification_type":"{}""#, T::TYPE), fields.to_owned()];
    for &field in required {
        let name = field.split_inclusive(':').next().unwrap();
        if !fields.starts_with(name) && !fields.contains(&format!(",{name}")) {
            members.push(field.to_owned());
        }
    }
    let json = format!("{{{}}}", members.join(","));
    T::from_json(&json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn transaction(fields: &str) -> Transaction {
    with::<Payment>(&format!(r#""transaction":{{{fields}}}"#)).transaction
}

fn purchase(fields: &str) -> Purchase {
    let payment: Payment = with(&format!(r#""purchase":{{{fields}}}"#));
    payment.purchase.unwrap()
}

fn details(fields: &str) -> PaymentDetails {
    let payment: Payment = with(&format!(r#""payment_details":{{{fields}}}"#));
    payment.payment_details.unwrap()
}

fn order(fields: &str) -> Order {
    with::<OrderPaid>(&format!(r#""order":{{{fields}}}"#)).order
}

fn item(fields: &str) -> Item {
    let mut paid: OrderPaid = with(&format!(r#""items":[{{{fields}}}]"#));
    paid.items.remove(0)
}

/// Asserts that a value is present and has this text.
#[track_caller]
fn assert_text(value: Option<impl ToString>, expected: &str) {
    let value = value.map(|value| value.to_string());
    assert_eq!(value.as_deref(), Some(expected));
}
