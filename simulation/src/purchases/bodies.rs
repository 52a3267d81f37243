//! Bodies of the webhooks, made from the samples.

use fastrand::Rng;
use message::Mode;
use xsolla::samples;

use super::{PLAYERS, PurchaseBuilder};
use crate::holdings::Item;

impl PurchaseBuilder {
    /// Returns `purchase.gift` for some purchases, and the user who receives the goods.
    pub(super) fn gift(&self, rng: &mut Rng) -> (Option<String>, String) {
        if rng.u32(0..8) != 0 {
            return (None, self.user());
        }
        let receiver = format!("friend-{}", self.number % PLAYERS);
        let gift = format!(r#""gift":{{"giver_id":"{}","receiver_id":"{receiver}"}}"#, self.user());
        (Some(gift), receiver)
    }

    /// A body of the order with combined webhooks, paid by the `nth` transaction.
    pub(super) fn combined(&self, sample: &str, nth: u32) -> String {
        let ids = [
            ("2298120944", self.transaction(nth)),
            ("712051377", self.order()),
            ("isle-6605", self.user()),
            (r#""subscription_id": "58""#, format!(r#""subscription_id": "7{:08}""#, self.number)),
        ];
        self.in_mode(body(sample, &ids))
    }

    /// A body of the order with separate webhooks, paid by the `nth` transaction.
    pub(super) fn separate(&self, sample: &str, nth: u32) -> String {
        let ids = [("2298114507", self.transaction(nth)), ("712045518", self.order()), ("isle-4471", self.user())];
        let body = body(sample, &ids);
        // A refund has no marker of a test.
        if sample == "refund" { body } else { self.in_mode(body) }
    }

    /// A payment by the `nth` transaction that names nothing else.
    pub(super) fn payment(&self, nth: u32) -> String {
        self.separate("payment", nth)
    }

    pub(super) fn payment_of_order(&self, nth: u32) -> String {
        with_purchase_field(&self.payment(nth), &format!(r#""order":{{"id":{}}}"#, self.order()))
    }

    /// A body with the markers of this purchase's mode.
    pub(super) fn in_mode(&self, body: String) -> String {
        let (dry_run, order_mode) = match self.mode {
            Mode::Live => ("", "default"),
            Mode::Sandbox => (r#""dry_run":1,"#, "Sandbox"),
        };
        let body = [r#""dry_run": 1,"#, r#""dry_run":1,"#].iter().fold(body, |body, marker| body.replace(marker, ""));
        let modes = [r#""mode": "default""#, r#""mode": "sandbox""#];
        let order_mode = format!(r#""mode": "{order_mode}""#);
        let body = modes.iter().fold(body, |body, mode| body.replace(mode, &order_mode));
        let transactions = [r#""transaction": {"#, r#""transaction":{"#];
        transactions
            .iter()
            .fold(body, |body, transaction| body.replace(transaction, &format!("{transaction}{dry_run}")))
    }
}

pub(super) fn combined_items() -> [Item; 2] {
    [Item::new("lantern-brass", 3), Item::new("isle-pearls", 900)]
}

pub(super) fn separate_items() -> [Item; 2] {
    [Item::new("lantern-brass", 3), Item::new("isle-pearls", 600)]
}

pub(super) fn next_charge(month: u32) -> String {
    format!("2026-{month:02}-02")
}

pub(super) fn body(sample: &str, ids: &[(&str, String)]) -> String {
    replaced(samples::get(sample).map_or("", |sample| sample.body.trim_end()).to_owned(), ids)
}

pub(super) fn replaced(body: String, ids: &[(&str, String)]) -> String {
    ids.iter().fold(body, |body, (old, new)| body.replace(old, new))
}

pub(super) fn with_gift(body: String, gift: Option<&str>) -> String {
    match gift {
        Some(gift) => with_purchase_field(&body, gift),
        None => body,
    }
}

/// A body with an additional field in `purchase`.
pub(super) fn with_purchase_field(body: &str, field: &str) -> String {
    let purchases = [r#""purchase": {"#, r#""purchase":{"#];
    purchases.iter().fold(body.to_owned(), |body, purchase| body.replace(purchase, &format!("{purchase}{field},")))
}
