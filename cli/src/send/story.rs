//! A whole sale, in the order in which Xsolla sends it.

use super::{Changes, Ids, Node, ORDER_PATHS, SendError, TRANSACTION_PATHS, mark_live, mark_sandbox, notification};

/// How Xsolla reports a sale: a setting of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaleMode {
    /// One webhook has order and payment.
    Combined,
    /// Order and payment are two webhooks.
    Separate,
}

/// What happens after the purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// All money is returned, and the order is cancelled.
    Refund,
    /// A part of the money is returned.
    PartialRefund,
    /// The order is cancelled without a refund, such as one in virtual currency.
    Cancel,
    /// The payer disputes the payment.
    Dispute,
}

/// Makes the notifications of a sale: name of the sample and body, in Xsolla's order.
///
/// # Errors
///
/// If a change cannot be made. `set` applies to every notification.
pub fn story(
    mode: SaleMode,
    then: Option<Then>,
    changes: &Changes,
    ids: &mut Ids,
) -> Result<Vec<(&'static str, String)>, SendError> {
    let purchase: &[&str] = match mode {
        SaleMode::Combined => &["order_paid-combined"],
        SaleMode::Separate => &["payment", "order_paid-separate"],
    };
    let after: &[&str] = match (then, mode) {
        (None, _) => &[],
        (Some(Then::Refund), SaleMode::Combined) => &["order_canceled-combined"],
        (Some(Then::Refund), SaleMode::Separate) => &["refund", "order_canceled-separate"],
        (Some(Then::Cancel), _) => &["order_canceled-separate"],
        (Some(Then::PartialRefund), _) => &["partial_refund"],
        (Some(Then::Dispute), _) => &["dispute"],
    };
    let transaction = changes.transaction.clone().unwrap_or_else(|| ids.next());
    let order = changes.order.clone().unwrap_or_else(|| ids.next());
    let user = changes.user.clone().unwrap_or_else(|| "isle-4471".to_owned());
    let mut notifications = Vec::new();
    for name in purchase.iter().chain(after) {
        let own = Changes { user: Some(user.clone()), sku: None, set: Vec::new(), ..Changes::default() };
        let mut body = Node::parse(&notification(name, &own, ids)?)?;
        super::replace_all(&mut body, &TRANSACTION_PATHS, &transaction)?;
        super::replace_all(&mut body, &ORDER_PATHS, &order)?;
        // The samples of the sale have different prices.
        if *name == "partial_refund" {
            for (path, value) in [
                ("purchase.total", r#"{"currency":"EUR","amount":7.99}"#),
                ("payment_details.payment", r#"{"currency":"EUR","amount":2.50}"#),
            ] {
                body.set(path, Node::value(value))?;
            }
        }
        if changes.sandbox {
            mark_sandbox(&mut body)?;
        } else {
            mark_live(&mut body)?;
        }
        if let Some(sku) = &changes.sku {
            body.replace_id("items[0].sku", sku)?;
        }
        for (path, value) in &changes.set {
            body.set(path, Node::value(value))?;
        }
        notifications.push((*name, body.to_string()));
    }
    Ok(notifications)
}
