//! Purchases of items, one method per way in which Xsolla reports them.

use fastrand::Rng;
use xsolla::{Goods, NotificationType};

use super::PurchaseBuilder;
use super::bodies::{body, combined_items, replaced, separate_items, with_gift};
use super::sale::{Refunded, add_replay, shuffle};
use super::step::event;
use crate::holdings::{Account, Item};
use crate::oracle::Bought;

impl PurchaseBuilder {
    /// Combined webhooks: only `order_paid` reports the order.
    pub(super) fn combined_order(&mut self, rng: &mut Rng) -> Bought {
        let (gift, recipient) = self.gift(rng);
        let paid = with_gift(self.combined("order_paid-combined", 0), gift.as_deref());
        let paid = vec![event(NotificationType::ORDER_PAID, Goods::Grant, paid)];
        let canceled = self.combined("order_canceled-combined", 0);
        let canceled = vec![event(NotificationType::ORDER_CANCELED, Goods::Revoke, canceled)];
        self.user_validation();
        let refunded = self.sale(paid, canceled, true, rng);
        self.items(recipient, &[Item::new("lantern-brass", 3), Item::new("isle-pearls", 900)], refunded)
    }

    /// Separate webhooks: `payment` and `order_paid` report the order.
    pub(super) fn separate_order(&mut self, rng: &mut Rng) -> Bought {
        let (gift, recipient) = self.gift(rng);
        let paid = vec![
            event(NotificationType::PAYMENT, Goods::MoneyOnly, with_gift(self.payment_of_order(0), gift.as_deref())),
            event(NotificationType::ORDER_PAID, Goods::Grant, self.separate("order_paid-separate", 0)),
        ];
        let reversed = vec![
            event(NotificationType::REFUND, Goods::MoneyOnly, self.separate("refund", 0)),
            event(NotificationType::ORDER_CANCELED, Goods::Revoke, self.separate("order_canceled-separate", 0)),
        ];
        self.user_validation();
        // Only the payment names the receiver of a gift, so the order must not precede it.
        let refunded = self.sale(paid, reversed, gift.is_none(), rng);
        self.items(recipient, &separate_items(), refunded)
    }

    /// A payment by token, without an order: the payment grants the goods.
    pub(super) fn token(&mut self, rng: &mut Rng) -> Bought {
        let (gift, recipient) = self.gift(rng);
        let ids = [
            ("2297600318", self.transaction(0)),
            ("isle-2036", self.user()),
            (r#"quantity\":2"#, r#"quantity\":3"#.into()),
        ];
        let payment = with_gift(self.in_mode(body("payment-token", &ids)), gift.as_deref());
        let refund = payment.replace(r#""notification_type":"payment""#, r#""notification_type":"refund""#);
        self.user_validation();
        let paid = vec![event(NotificationType::PAYMENT, Goods::Grant, payment)];
        let refunded = self.sale(paid, vec![event(NotificationType::REFUND, Goods::Revoke, refund)], true, rng);
        self.items(recipient, &[Item::new("tide-compass", 3)], refunded)
    }

    /// A free order: no question and no transaction.
    pub(super) fn free_order(&mut self, rng: &mut Rng) -> Bought {
        let invoice = if rng.bool() { "null" } else { r#""0""# };
        let ids = [
            ("712060002", self.order()),
            ("isle-7018", self.user()),
            (r#""invoice_id": null"#, format!(r#""invoice_id": {invoice}"#)),
        ];
        let paid = self.in_mode(body("order_paid-free", &ids));
        let canceled = event(
            NotificationType::ORDER_CANCELED,
            Goods::Revoke,
            paid.replace(r#""order_paid""#, r#""order_canceled""#),
        );
        let paid = event(NotificationType::ORDER_PAID, Goods::Grant, paid);
        let is_canceled = rng.u32(0..5) == 0;
        let mut events = vec![paid];
        events.extend(is_canceled.then_some(canceled));
        if is_canceled && rng.bool() {
            shuffle(&mut events, rng);
        }
        self.steps.append(&mut events);
        self.items(self.user(), &[Item::new("welcome-scarf", 1)], Refunded { in_full: is_canceled, parts: 0 })
    }

    /// An order that the user paid in two browser tabs. Any of the two payments can be refunded.
    pub(super) fn order_paid_twice(&mut self, rng: &mut Rng) -> Bought {
        let is_combined = rng.bool();
        let refunded: Vec<u32> = [0, 1].into_iter().filter(|_| rng.bool()).collect();
        let mut events = Vec::new();
        for sale in [0, 1] {
            let goods = if sale == 0 { Goods::Grant } else { Goods::Info };
            let mut paid = if is_combined {
                vec![event(NotificationType::ORDER_PAID, goods, self.combined("order_paid-combined", sale))]
            } else {
                vec![
                    event(NotificationType::PAYMENT, Goods::MoneyOnly, self.payment_of_order(sale)),
                    event(NotificationType::ORDER_PAID, goods, self.separate("order_paid-separate", sale)),
                ]
            };
            for step in &mut paid {
                step.set_sale(sale);
            }
            events.append(&mut paid);
        }
        for sale in &refunded {
            let is_last = refunded.len() == 2 && *sale == 1;
            let goods = if is_last { Goods::Revoke } else { Goods::Info };
            let mut reversed = if is_combined {
                vec![event(NotificationType::ORDER_CANCELED, goods, self.combined("order_canceled-combined", *sale))]
            } else {
                vec![
                    event(NotificationType::REFUND, Goods::MoneyOnly, self.separate("refund", *sale)),
                    event(NotificationType::ORDER_CANCELED, goods, self.separate("order_canceled-separate", *sale)),
                ]
            };
            for step in &mut reversed {
                step.set_sale(*sale);
            }
            events.append(&mut reversed);
        }
        if rng.bool() {
            shuffle(&mut events, rng);
        }
        self.user_validation();
        add_replay(&mut events, rng);
        self.steps.append(&mut events);
        let items = if is_combined { combined_items() } else { separate_items() };
        let refunds = refunded.iter().map(|_| 1).sum();
        let account = Account::new(self.user(), self.mode);
        Bought::Items { account, items: items.to_vec(), payments: 2, refunds, partial_refunds: 0 }
    }

    /// Separate webhooks: `order_paid` is sent without its transaction, then with it.
    pub(super) fn order_first_without_transaction(&mut self, rng: &mut Rng) -> Bought {
        let invoice = format!(r#""invoice_id": "{}""#, self.transaction(0));
        let without_transaction = |body: String| body.replace(&invoice, r#""invoice_id": null"#);
        let paid = self.separate("order_paid-separate", 0);
        let events = vec![
            event(NotificationType::ORDER_PAID, Goods::Grant, without_transaction(paid.clone())),
            event(NotificationType::ORDER_PAID, Goods::Info, paid),
        ];
        self.user_validation();
        // The payment precedes all late events: only it connects a refund, which names no order, with an order without its
        // transaction.
        let has_payment = rng.bool();
        if has_payment {
            self.steps.push(event(NotificationType::PAYMENT, Goods::MoneyOnly, self.payment_of_order(0)));
        }
        let canceled = self.separate("order_canceled-separate", 0);
        let canceled = if rng.bool() { canceled } else { without_transaction(canceled) };
        let mut reversed = vec![event(NotificationType::ORDER_CANCELED, Goods::Revoke, canceled)];
        if has_payment {
            reversed.insert(0, event(NotificationType::REFUND, Goods::MoneyOnly, self.separate("refund", 0)));
        }
        let refunded = self.sale(events, reversed, true, rng);
        self.items(self.user(), &separate_items(), refunded)
    }

    /// Separate webhooks, and a payment that does not name its order: `PAYMENT_WITHOUT_ORDER=grant` is wrong for it.
    pub(super) fn payment_without_its_order(&mut self, rng: &mut Rng) -> Bought {
        let cart: Vec<String> = separate_items()
            .iter()
            .map(|Item { sku, quantity }| format!(r#"{{\"sku\":\"{sku}\",\"quantity\":{quantity}}}"#))
            .collect();
        let parameters = format!(r#""custom_parameters": {{"cart":"[{}]"}}"#, cart.join(","));
        let payment = replaced(self.payment(0), &[(r#""custom_parameters": {}"#, parameters)]);
        let paid = vec![
            event(NotificationType::PAYMENT, Goods::Grant, payment),
            event(NotificationType::ORDER_PAID, Goods::Info, self.separate("order_paid-separate", 0)),
        ];
        let reversed = vec![
            event(NotificationType::REFUND, Goods::Revoke, self.separate("refund", 0)),
            event(NotificationType::ORDER_CANCELED, Goods::Info, self.separate("order_canceled-separate", 0)),
        ];
        self.user_validation();
        let refunded = self.sale(paid, reversed, true, rng);
        self.items(self.user(), &separate_items(), refunded)
    }
}
