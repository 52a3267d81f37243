//! Where notifications differ from their documentation, and what is promised all the same.
//!
//! The numbers in the comments are those of docs/hazards.md. What is not here concerns other types, or does
//! not concern the reading of fields.

mod orders;
mod others;
mod payments;
mod samples;
mod shapes;

use std::fmt::Debug;

use crate::samples::named;

use super::*;

fn sample<T: Model>(name: &str) -> T {
    let sample = named(name).unwrap();
    T::read(sample.body).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A notification of the type with these fields, and with the least of the required ones that are not among them.
fn with<T: Model>(fields: &str) -> T {
    let required: &[_] = match T::TYPE {
        "payment" | "refund" | "partial_refund" | "ps_declined" | "afs_reject" => &[r#""transaction":{}"#],
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
    T::read(&json).unwrap_or_else(|error| panic!("{json}: {error}"))
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

/// Whether there is a value and it is written like this.
#[track_caller]
fn is(value: Option<impl ToString>, expected: &str) {
    let value = value.map(|value| value.to_string());
    assert_eq!(value.as_deref(), Some(expected));
}
