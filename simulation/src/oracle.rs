//! The oracle: what each player should hold, known from what was bought and refunded.
//!
//! It does not read the notifications, and calls none of the receiver's rules.

use crate::holdings::{Account, Holdings, Item, Subscription};

/// What was bought in a purchase, and what became of it.
#[derive(Debug, Clone)]
pub(crate) enum Bought {
    Items {
        account: Account,
        items: Vec<Item>,
        /// Number of payments. An order can be paid twice.
        payments: u32,
        /// Number of payments that were refunded in full.
        refunds: u32,
        /// Number of partial refunds, each for one unit of the first item.
        partial_refunds: u64,
    },
    Subscription {
        account: Account,
        id: String,
        /// The last state.
        state: Subscription,
    },
}

/// Returns what all accounts should hold after these purchases.
pub(crate) fn expected_holdings<'b>(purchases: impl IntoIterator<Item = &'b Bought>) -> Holdings {
    let mut holdings = Holdings::default();
    for bought in purchases {
        match bought {
            Bought::Items { account, items, payments, refunds, partial_refunds } => {
                if payments > refunds {
                    let mut items = items.clone();
                    if let Some(first) = items.first_mut() {
                        first.quantity = first.quantity.saturating_sub(*partial_refunds);
                    }
                    holdings.add_items(account, &items);
                }
            }
            Bought::Subscription { account, id, state } => holdings.set_subscription(account, id, state.clone()),
        }
    }
    holdings
}

#[cfg(test)]
mod tests {
    use message::Mode;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::paid(1, 0, 0, 3)]
    #[case::refunded(1, 1, 0, 0)]
    #[case::partially_refunded(1, 0, 2, 1)]
    #[case::partially_refunded_then_refunded(1, 1, 2, 0)]
    #[case::paid_twice(2, 0, 0, 3)]
    #[case::paid_twice_and_refunded_once(2, 1, 0, 3)]
    #[case::paid_twice_and_refunded_twice(2, 2, 0, 0)]
    fn items_are_held_while_a_payment_remains(
        #[case] payments: u32,
        #[case] refunds: u32,
        #[case] partial_refunds: u64,
        #[case] quantity: u64,
    ) {
        let account = Account::new("mira", Mode::Live);
        let items = vec![Item::new("lantern", 3)];
        let bought = Bought::Items { account: account.clone(), items, payments, refunds, partial_refunds };
        let mut expected = Holdings::default();
        expected.add_items(&account, &[Item::new("lantern", quantity)]);
        assert_eq!(expected_holdings([&bought]).differences(&expected), [""; 0]);
    }
}
