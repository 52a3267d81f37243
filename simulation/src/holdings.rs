//! What players hold: items and subscriptions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use message::Mode;

/// An account of a player. The live game and its test environment have separate accounts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) is_sandbox: bool,
}

impl Account {
    pub(crate) fn new(user: impl Into<String>, mode: Mode) -> Self {
        Self { user: user.into(), is_sandbox: mode == Mode::Sandbox }
    }
}

/// A number of equal items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) sku: String,
    pub(crate) quantity: u64,
}

impl Item {
    pub(crate) fn new(sku: &str, quantity: u64) -> Self {
        Self { sku: sku.to_owned(), quantity }
    }
}

/// State of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subscription {
    Active {
        plan: String,
        next_charge: String,
        /// Whether automatic renewal is on.
        renews: bool,
    },
    Ended,
}

/// What one account holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Inventory {
    items: BTreeMap<String, u64>,
    subscriptions: BTreeMap<String, Subscription>,
}

/// What all accounts hold.
#[derive(Debug, Default)]
pub(crate) struct Holdings(BTreeMap<Account, Inventory>);

impl Holdings {
    pub(crate) fn add_items(&mut self, account: &Account, items: &[Item]) {
        for Item { sku, quantity } in items.iter().filter(|item| item.quantity > 0) {
            *self.inventory(account).items.entry(sku.clone()).or_default() += quantity;
        }
    }

    /// Replaces the state of a subscription.
    pub(crate) fn set_subscription(&mut self, account: &Account, id: &str, state: Subscription) {
        self.inventory(account).subscriptions.insert(id.to_owned(), state);
    }

    fn inventory(&mut self, account: &Account) -> &mut Inventory {
        self.0.entry(account.clone()).or_default()
    }

    /// Describes each account that holds something else than expected.
    pub(crate) fn differences(&self, expected: &Self) -> Vec<String> {
        let accounts: BTreeSet<&Account> = self.0.keys().chain(expected.0.keys()).collect();
        let nothing = Inventory::default();
        let difference = |account| {
            let (held, due) = (self.0.get(account).unwrap_or(&nothing), expected.0.get(account).unwrap_or(&nothing));
            (held != due).then(|| {
                let (held, due) = (held.without(due), due.without(held));
                format!("{account} holds {held}, expected {due}")
            })
        };
        accounts.into_iter().filter_map(difference).collect()
    }
}

impl Inventory {
    /// The entries that the other inventory does not have.
    fn without(&self, other: &Self) -> Self {
        fn missing<T: Clone + PartialEq>(
            one: &BTreeMap<String, T>,
            other: &BTreeMap<String, T>,
        ) -> BTreeMap<String, T> {
            let is_missing = |(key, value): &(&String, &T)| other.get(*key) != Some(*value);
            one.iter().filter(is_missing).map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        Self {
            items: missing(&self.items, &other.items),
            subscriptions: missing(&self.subscriptions, &other.subscriptions),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.user, if self.is_sandbox { "sandbox" } else { "live" })
    }
}

impl fmt::Display for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.items.iter().map(|(sku, quantity)| format!("{quantity} {sku}"));
        let subscriptions = self.subscriptions.iter().map(|(id, state)| format!("subscription {id}: {state}"));
        let entries: Vec<String> = items.chain(subscriptions).collect();
        if entries.is_empty() { f.write_str("nothing") } else { f.write_str(&entries.join("; ")) }
    }
}

impl fmt::Display for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active { plan, next_charge, renews } => {
                let renewal = if *renews { "on" } else { "off" };
                write!(f, "plan {plan}, next charge {next_charge}, automatic renewal {renewal}")
            }
            Self::Ended => f.write_str("ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_only_what_differs() {
        let (live, sandbox) = (Account::new("mira", Mode::Live), Account::new("mira", Mode::Sandbox));
        let (mut held, mut expected) = (Holdings::default(), Holdings::default());
        held.add_items(&live, &[Item::new("lantern", 3), Item::new("pearl", 600)]);
        expected.add_items(&live, &[Item::new("lantern", 6), Item::new("pearl", 600)]);
        expected.set_subscription(&sandbox, "31", Subscription::Ended);
        assert_eq!(
            held.differences(&expected),
            [
                "mira (live) holds 3 lantern, expected 6 lantern",
                "mira (sandbox) holds nothing, expected subscription 31: ended"
            ]
        );
        assert!(held.differences(&held).is_empty());
    }

    #[test]
    fn no_items_and_no_account_are_equal() {
        let mut held = Holdings::default();
        held.add_items(&Account::new("mira", Mode::Live), &[Item::new("lantern", 0)]);
        assert!(held.differences(&Holdings::default()).is_empty());
    }
}
