//! The order check: an order is granted once, also if two payments of it arrive as `grant`.
//!
//! The relay sends `grant` for one payment of an order only. But it reads the order's other payments from an index that can
//! be a second late. So two payments in the same second can both arrive as `grant`, in different message groups.
//!
//! [`Claims`](crate::claim::Claims) includes this check. If all effects are in one database with transactions, store an
//! [`Order`] per [`key`] there, and change it in the transaction that grants.

use std::collections::BTreeSet;

use message::{Event, Goods};

/// What the game has done with an order. The default is an order without events.
///
/// # Example
///
/// ```
/// use consumer::{Goods, order::Order};
///
/// let mut order = Order::default();
/// assert!(order.apply(Goods::Grant, "transaction#1"));
/// assert!(!order.apply(Goods::Grant, "transaction#2"), "another payment: the order is granted");
/// assert!(order.apply(Goods::Revoke, "transaction#1"));
/// assert!(!order.apply(Goods::Grant, "transaction#1"), "the sale is revoked");
/// assert!(order.apply(Goods::Grant, "transaction#3"), "the user paid again and has nothing");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// [Sale](sale) that granted the order, until it is revoked.
    pub granted_by: Option<String>,
    /// The revoked [sales](sale). These grant nothing again.
    pub revoked: BTreeSet<String>,
}

impl Order {
    /// Adds a `grant` or `revoke` of a sale. Returns whether the game must apply it.
    ///
    /// - A `grant` is skipped if the order is granted, or if the sale is revoked.
    /// - A `revoke` is skipped if the order is not granted, or if the sale is revoked. It revokes the order for all sales.
    /// - All other effects are applied, and do not change the order.
    pub fn apply(&mut self, goods: Goods, sale: &str) -> bool {
        match goods {
            Goods::Grant => {
                let is_applied = self.granted_by.is_none() && !self.revoked.contains(sale);
                if is_applied {
                    self.granted_by = Some(sale.to_owned());
                }
                is_applied
            }
            Goods::Revoke => {
                // A retry must not revoke a later sale.
                let granted_by = if self.revoked.insert(sale.to_owned()) { self.granted_by.take() } else { None };
                let is_applied = granted_by.is_some();
                self.revoked.extend(granted_by);
                is_applied
            }
            Goods::PartialRevoke
            | Goods::SubscriptionStarted
            | Goods::SubscriptionRenewed
            | Goods::SubscriptionChanged
            | Goods::SubscriptionEnded
            | Goods::MoneyOnly
            | Goods::Risk
            | Goods::Info => true,
        }
    }
}

/// Returns the sale of an event: the subject in its event id, such as `transaction#2298114507`.
///
/// The field `subject` of the message is not the sale: every `order_paid` of an order has the same one.
#[must_use]
pub fn sale<'e>(event: &'e Event<'_>) -> &'e str {
    let id: &str = &event.event_id;
    id.match_indices('#').nth(1).map_or(id, |(end, _)| &id[..end])
}

/// Returns the key of the order that an event grants or revokes: its mode and id. Differs from every event id.
#[must_use]
pub fn key(event: &Event<'_>) -> Option<String> {
    let is_order = matches!(event.goods, Goods::Grant | Goods::Revoke);
    let order_id = event.order_id.as_deref().filter(|_| is_order)?;
    Some(format!("goods#{}#order#{order_id}", event.mode))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::test_event::event;

    /// `+a` is a grant of the sale `a`, `-a` a revoke. `applied` has the applied ones.
    #[rstest]
    #[case::one_sale("+a -a", "+a -a")]
    #[case::retries("+a +a -a -a", "+a -a")]
    #[case::retries_after_the_end("+a -a +a -a", "+a -a")]
    #[case::order_paid_twice("+a +b", "+a")]
    #[case::order_paid_twice_and_refunded_by_either("+a +b -b", "+a -b")]
    #[case::both_payments_revoked("+a +b -a -b", "+a -a")]
    #[case::revoked_before_grant("-a +a", "")]
    #[case::revoked_by_other_sale_before_late_retry("+a -b +a", "+a -b")]
    #[case::paid_again_after_revocation("+a -a +b -b", "+a -a +b -b")]
    #[case::retry_of_revocation_after_paid_again("+a -a +b -a", "+a -a +b")]
    #[case::all_late_retries("+a -a +b -b +a +b -a -b", "+a -a +b -b")]
    fn applies_one_grant_and_one_revoke_per_sale(#[case] events: &str, #[case] applied: &str) {
        let mut order = Order::default();
        let result: Vec<_> = events
            .split(' ')
            .filter(|event| {
                let (goods, sale) = event.split_at(1);
                order.apply(if goods == "+" { Goods::Grant } else { Goods::Revoke }, sale)
            })
            .collect();
        assert_eq!(result.join(" "), applied);
    }

    #[test]
    fn other_effects_do_not_change_the_order() {
        let mut order = Order::default();
        assert!(order.apply(Goods::PartialRevoke, "a") && order.apply(Goods::Info, "a"));
        assert_eq!(order, Order::default());
    }

    #[rstest]
    #[case("grant", "live", Some("7"), Some("goods#live#order#7"))]
    #[case("revoke", "sandbox", Some("7"), Some("goods#sandbox#order#7"))]
    #[case("grant", "live", None, None)]
    #[case("partial_revoke", "live", Some("7"), None)]
    #[case("money_only", "live", Some("7"), None)]
    fn key_has_mode_and_order_id(
        #[case] goods: &str,
        #[case] mode: &str,
        #[case] order_id: Option<&str>,
        #[case] expected: Option<&str>,
    ) {
        let message = event("transaction#1", goods, order_id).replace(r#""live""#, &format!(r#""{mode}""#));
        assert_eq!(key(&Event::read(&message).unwrap()).as_deref(), expected);
    }
}
