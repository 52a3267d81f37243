//! The effect of an event, given the decided events of its sale.

use super::Decision;
use super::event::SaleEvent;
use crate::goods::{Goods, PaymentWithoutOrder};
use crate::goods_reason::GoodsReason as Reason;
use crate::notification_type::{GoodsRule, NotificationType};

type Effect = (Goods, Option<Reason>);

/// The decided events of an order, of one mode, in the order of their decisions.
pub(super) struct Known<'a> {
    pub(super) decided: Vec<&'a (SaleEvent, Decision)>,
    pub(super) payment_without_order: PaymentWithoutOrder,
}

impl<'a> Known<'a> {
    /// Decides the effect of an event.
    pub(super) fn effect(&self, event: &SaleEvent) -> Effect {
        let rule = event.rule();
        if !event.is_identified() {
            let has_effect = rule != GoodsRule::Always(Goods::Info);
            return (Goods::Info, has_effect.then_some(Reason::NotIdentified));
        }
        match rule {
            GoodsRule::Always(goods) => (goods, None),
            GoodsRule::Payment => self.payment(event),
            GoodsRule::Refund => self.refund(event),
            GoodsRule::PartialRefund => self.partial_refund(event),
            GoodsRule::OrderPaid => self.order_paid(event),
            GoodsRule::OrderCanceled => self.order_canceled(event),
            GoodsRule::SubscriptionStart => self.subscription_start(event),
            GoodsRule::SubscriptionUpdate => self.subscription_update(event),
            GoodsRule::SubscriptionNonRenewal if self.is_ended(event) => info(Reason::SubscriptionEnded),
            GoodsRule::SubscriptionNonRenewal => (Goods::SubscriptionChanged, None),
        }
    }

    fn payment(&self, event: &SaleEvent) -> Effect {
        if let Some(reason) = self.reported_elsewhere(event) {
            (Goods::MoneyOnly, Some(reason))
        } else if self.is_reversed(event) {
            info(Reason::AlreadyRevoked)
        } else if self.grants(event).next().is_some() {
            info(Reason::AlreadyGranted)
        } else {
            (Goods::Grant, None)
        }
    }

    fn refund(&self, event: &SaleEvent) -> Effect {
        // A consumer finds the goods under the ids of the event that granted them: a payment may name no order.
        let is_granted_by_payment = self.grants(event).any(|other| other.is(NotificationType::PAYMENT));
        if !is_granted_by_payment && let Some(reason) = self.reported_elsewhere(event) {
            (Goods::MoneyOnly, Some(reason))
        } else if self.is_revoked(event) {
            info(Reason::AlreadyRevoked)
        } else {
            (Goods::Revoke, None)
        }
    }

    fn partial_refund(&self, event: &SaleEvent) -> Effect {
        if self.names_subscription(event) {
            (Goods::MoneyOnly, Some(Reason::SubscriptionFollows))
        } else if self.is_revoked(event) {
            info(Reason::AlreadyRevoked)
        } else if self.other_payment_remains(event) {
            info(Reason::AnotherPaymentRemains)
        } else if event.event_id.is_recurrence() {
            info(Reason::PossibleRetry)
        } else {
            (Goods::PartialRevoke, None)
        }
    }

    fn order_paid(&self, event: &SaleEvent) -> Effect {
        if self.is_reversed(event) {
            return info(Reason::AlreadyRevoked);
        }
        if self.grants(event).any(|other| other.transaction().is_some()) {
            return info(Reason::AlreadyGranted);
        }
        if !self.of_order(event).is_held() {
            return (Goods::Grant, None);
        }
        // The order was granted by another transaction, or by an event that named none. In that case the event reports
        // the same sale, unless another transaction is known.
        let is_other_transaction =
            |other: &SaleEvent| other.order().is_some() && other.order() == event.order() && !other.is_same_sale(event);
        if self.decided.iter().any(|(other, _)| other.is_paid() && is_other_transaction(other)) {
            info(Reason::OrderAlreadyGranted)
        } else {
            info(Reason::AlreadyGranted)
        }
    }

    fn order_canceled(&self, event: &SaleEvent) -> Effect {
        let order = self.of_order(event);
        if self.is_revoked(event) {
            info(Reason::AlreadyRevoked)
        } else if self.other_payment_remains(event) {
            info(Reason::AnotherPaymentRemains)
        } else if !order.is_held() && order.decided.iter().any(|(_, decision)| decision.goods == Goods::Revoke) {
            info(Reason::AlreadyRevoked)
        } else {
            (Goods::Revoke, None)
        }
    }

    fn subscription_start(&self, event: &SaleEvent) -> Effect {
        if self.is_ended(event) {
            info(Reason::SubscriptionEnded)
        } else if self.subscription_states(event).next().is_some() {
            info(Reason::AlreadyStarted)
        } else {
            (Goods::SubscriptionStarted, None)
        }
    }

    fn subscription_update(&self, event: &SaleEvent) -> Effect {
        if self.is_ended(event) {
            return info(Reason::SubscriptionEnded);
        }
        // `non_renewal_subscription` reports no new plan and no new charge.
        let previous =
            self.subscription_states(event).filter(|other| !other.is(NotificationType::NON_RENEWAL_SUBSCRIPTION));
        let is_renewal = previous.last().is_some_and(|previous| {
            let dates = previous.next_charge.zip(event.next_charge);
            previous.plan == event.plan && dates.is_some_and(|(previous, next)| next > previous)
        });
        (if is_renewal { Goods::SubscriptionRenewed } else { Goods::SubscriptionChanged }, None)
    }

    /// Returns why other events report the goods of a `payment` or `refund`.
    fn reported_elsewhere(&self, event: &SaleEvent) -> Option<Reason> {
        let is_known = |is: fn(&SaleEvent) -> bool| is(event) || self.of_sale(event).any(|(other, _)| is(other));
        if self.names_subscription(event) {
            return Some(Reason::SubscriptionFollows);
        }
        if is_known(|event| event.names_order) {
            return Some(Reason::OrderFollows);
        }
        // A payment of the withdrawn in-game store never has an order.
        let is_money_only = self.payment_without_order == PaymentWithoutOrder::MoneyOnly;
        (is_money_only && !is_known(|event| event.names_legacy_goods)).then_some(Reason::OrderFollows)
    }

    fn names_subscription(&self, event: &SaleEvent) -> bool {
        event.names_subscription || self.of_sale(event).any(|(other, _)| other.names_subscription)
    }

    /// Returns whether the money of the event's sale was returned, or the sale was revoked.
    fn is_reversed(&self, event: &SaleEvent) -> bool {
        let is_reversal = |(other, decision): &(SaleEvent, Decision)| {
            let is_about_another_payment =
                other.transaction().is_none() && decision.reason == Some(Reason::AnotherPaymentRemains);
            other.is_reversal() && !is_about_another_payment
        };
        if self.of_sale(event).any(is_reversal) {
            return true;
        }
        // A refund may name its transaction only, and the event its order only.
        let payments = if event.transaction().is_none() { self.of_order(event).payments() } else { Vec::new() };
        !payments.is_empty() && payments.iter().all(|(_, is_refunded)| *is_refunded)
    }

    /// Returns why what the event gave was taken back since. It was not if another payment of its order remains.
    pub(super) fn taken_back(&self, event: &SaleEvent) -> Option<Reason> {
        let is_revoked = self.is_revoked(event) || (self.is_reversed(event) && !self.other_payment_remains(event));
        let revoked = is_revoked.then_some(Reason::AlreadyRevoked);
        revoked.or_else(|| self.is_ended(event).then_some(Reason::SubscriptionEnded))
    }

    fn is_revoked(&self, event: &SaleEvent) -> bool {
        self.of_sale(event).any(|(_, decision)| decision.goods == Goods::Revoke)
    }

    /// Returns whether the order has a payment by another transaction that was not refunded.
    fn other_payment_remains(&self, event: &SaleEvent) -> bool {
        let payments = self.of_order(event).payments();
        match event.transaction() {
            Some(transaction) => payments.iter().any(|(other, is_refunded)| *other != transaction && !is_refunded),
            // The event does not name its transaction: it is about those that were refunded; about all if none was.
            None => {
                payments.iter().any(|(_, is_refunded)| *is_refunded)
                    && payments.iter().any(|(_, is_refunded)| !is_refunded)
            }
        }
    }

    /// Returns whether the goods are granted, and not revoked since.
    pub(super) fn is_held(&self) -> bool {
        let mut granted_by: Option<&SaleEvent> = None;
        for (event, decision) in &self.decided {
            // A refund without a known order can only revoke the grant of its own transaction.
            let can_revoke =
                |granted: &SaleEvent| event.is(NotificationType::ORDER_CANCELED) || granted.is_same_sale(event);
            match decision.goods {
                Goods::Grant => granted_by = Some(event),
                Goods::Revoke if granted_by.is_some_and(can_revoke) => granted_by = None,
                _ => {}
            }
        }
        granted_by.is_some()
    }

    /// Returns the transactions that were paid, each with whether it was refunded.
    pub(super) fn payments(&self) -> Vec<(&'a str, bool)> {
        let mut payments: Vec<(&str, bool)> = Vec::new();
        for (event, _) in self.decided.iter().copied().filter(|(event, _)| event.is_paid()) {
            if let Some(transaction) = event.transaction()
                && payments.iter().all(|(known, _)| *known != transaction)
            {
                payments.push((transaction, self.is_reversed(event)));
            }
        }
        payments
    }

    pub(super) fn is_ended(&self, event: &SaleEvent) -> bool {
        self.of_subject(event).any(|(_, decision)| decision.goods == Goods::SubscriptionEnded)
    }

    /// Returns the events that changed the state of the event's subscription.
    fn subscription_states(&self, event: &SaleEvent) -> impl Iterator<Item = &'a SaleEvent> {
        self.of_subject(event).filter(|(_, decision)| decision.goods.is_subscription()).map(|(other, _)| other)
    }

    /// Returns the events that granted the event's sale.
    pub(super) fn grants(&self, event: &SaleEvent) -> impl Iterator<Item = &'a SaleEvent> {
        self.of_sale(event).filter(|(_, decision)| decision.goods == Goods::Grant).map(|(other, _)| other)
    }

    fn of_subject(&self, event: &SaleEvent) -> impl Iterator<Item = &'a (SaleEvent, Decision)> {
        let subject = event.event_id.subject();
        self.decided.iter().copied().filter(move |(other, _)| other.event_id.subject() == subject)
    }

    fn of_sale(&self, event: &SaleEvent) -> impl Iterator<Item = &'a (SaleEvent, Decision)> {
        self.decided.iter().copied().filter(move |(other, _)| other.is_same_sale(event))
    }

    /// Returns the first event that names the order of the event; without an order, the first of its transaction.
    pub(super) fn first_of_order(&self, event: &SaleEvent) -> Option<&'a SaleEvent> {
        let orders = self.orders(event);
        if orders.is_empty() {
            return self.of_sale(event).map(|(first, _)| first).next();
        }
        let mut events = self.decided.iter().map(|(other, _)| other);
        events.find(|other| other.order().is_some_and(|order| orders.contains(&order)))
    }

    /// Returns the orders that the event or another event of its transaction names.
    fn orders<'e>(&self, event: &'e SaleEvent) -> Vec<&'e str>
    where
        'a: 'e,
    {
        let of_sale = self.of_sale(event).map(|(other, _)| other);
        std::iter::once(event).chain(of_sale).filter_map(SaleEvent::order).collect()
    }

    /// Returns the events of the event's order, including those of its transactions that do not name it.
    fn of_order(&self, event: &SaleEvent) -> Self {
        let orders = self.orders(event);
        let names_order = |other: &SaleEvent| other.order().is_some_and(|order| orders.contains(&order));
        let is_of_order = |other: &SaleEvent| {
            let mut naming = self.decided.iter().map(|(naming, _)| naming).filter(|naming| names_order(naming));
            other.is_same_sale(event) || naming.any(|naming| naming.is_same_sale(other))
        };
        let decided = self.decided.iter().copied().filter(|(other, _)| is_of_order(other)).collect();
        Self { decided, payment_without_order: self.payment_without_order }
    }
}

const fn info(reason: Reason) -> Effect {
    (Goods::Info, Some(reason))
}
