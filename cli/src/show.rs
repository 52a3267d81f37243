//! What `xsolla-webhooks show` shows: all that happened to a purchase, or to a player.

use std::fmt::Write as _;

use aws_sdk_dynamodb::types::AttributeValue;
use intake::ports::PortError;
use intake::record::{Item as _, Kind, StoredEvent};
use intake::relay;
use intake::table::{BODY, ERASED_AT, KIND, MODE, ORDER_ID, PK, RECEIVED_AT, SECRET, SK, TRACE, TYPE, USER_ID};
use intake::trace::TraceHeader;
use message::model::{
    self, Billing, CancelSubscription, CreateSubscription, Dispute, Model, NonRenewalSubscription, Order,
    OrderCanceled, OrderPaid, PartialRefund, Payment, Purchase, Refund, RefundDetails, Subscription,
    UpdateSubscription,
};
use message::{Goods, ItemRole};
use xsolla::inspect::redact;
use xsolla::{EventId, NotificationType, PaymentWithoutOrder, json_text};

use crate::table::{Index, Item, Table};

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// A transaction or order id, a whole subject (`subscription#31`), or a whole event id.
    Id(String),
    /// The game's id of a user.
    User(String),
}

/// What is shown of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// Nothing.
    Hidden,
    /// All but personal data: see [`redact`].
    Masked,
    /// All, as it came.
    AsTheyCame,
}

/// What happened, in the order in which it was received.
#[derive(Debug)]
pub struct Found(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    event_id: EventId,
    received_at: String,
    kind: String,
    type_name: Option<String>,
    /// What it means for the goods; for an event only.
    goods: Option<String>,
    /// Mode, user, order, secret, and what its model reads.
    about: Vec<String>,
    body: Vec<u8>,
}

/// Finds all that happened to what is sought. What `PAYMENT_WITHOUT_ORDER` is decides what some events mean; without it,
/// both meanings are told.
///
/// # Errors
///
/// When the table cannot be read.
pub async fn find(
    table: &Table,
    sought: &Sought,
    payment_without_order: Option<PaymentWithoutOrder>,
) -> Result<Found, PortError> {
    let mut only = None;
    let subjects = match sought {
        Sought::User(user) => table.subjects_by(Index::User, user).await?,
        Sought::Id(id) if id.contains('#') => {
            only = id.parse::<EventId>().ok();
            vec![only.as_ref().map_or(id.as_str(), EventId::subject).to_owned()]
        }
        Sought::Id(id) => {
            let mut subjects = vec![format!("transaction#{id}")];
            let of_order = table.subjects_by(Index::Order, id).await?;
            subjects.extend(of_order.into_iter().filter(|subject| *subject != format!("transaction#{id}")));
            subjects
        }
    };
    let mut entries = Vec::new();
    for subject in subjects {
        let items = table.of_subject(&subject).await?;
        let is_event = |item: &&Item| item.string(KIND) == Some(Kind::Event.name());
        let events: Vec<StoredEvent> =
            items.iter().filter(is_event).filter_map(|item| StoredEvent::read(item).ok()).collect();
        entries.extend(items.iter().map(|item| Entry::new(item, &events, payment_without_order)));
    }
    entries.retain(|entry| only.as_ref().is_none_or(|only| entry.event_id == *only));
    entries.sort_by(|one, other| one.received_at.cmp(&other.received_at));
    Ok(Found(entries))
}

impl Found {
    /// Whether nothing is kept of what was sought.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For people: three lines each, and the body.
    #[must_use]
    pub fn text(&self, bodies: Bodies) -> String {
        let mut text = String::new();
        for entry in &self.0 {
            text.push_str(&entry.text(bodies));
        }
        let mut kinds = Vec::new();
        for (kind, one, several) in [
            (Kind::Event, "event", "events"),
            (Kind::Conflict, "conflict", "conflicts"),
            (Kind::Unreadable, "unreadable body", "unreadable bodies"),
        ] {
            match self.0.iter().filter(|entry| entry.kind == kind.name()).count() {
                0 => {}
                1 => kinds.push(format!("1 {one}")),
                count => kinds.push(format!("{count} {several}")),
            }
        }
        let _ = writeln!(text, "  {}.", kinds.join(", "));
        text
    }
}

impl Entry {
    fn new(item: &Item, events: &[StoredEvent], payment_without_order: Option<PaymentWithoutOrder>) -> Self {
        let text = |name| item.string(name).unwrap_or_default().to_owned();
        let body = item.binary(BODY).unwrap_or_default().to_vec();
        let type_name = item.string(TYPE).map(str::to_owned);
        let is_event = item.string(KIND) == Some(Kind::Event.name());
        let kept = StoredEvent::read(item).ok().filter(|_| is_event);

        let secret = item.get(SECRET).and_then(|secret: &AttributeValue| secret.as_n().ok());
        let mut about = vec![text(MODE)];
        about.extend(item.string(USER_ID).map(|user| format!("user {user}")));
        about.extend(item.string(ORDER_ID).map(|order| format!("order {order}")));
        about.extend(item.string(ERASED_AT).map(|at| format!("user erased at {at}")));
        about.extend(secret.map(|secret| format!("secret {secret}")));
        let trace = item.string(TRACE).and_then(TraceHeader::parse);
        about.extend(trace.map(|trace| format!("trace {}", trace.trace_id())));
        if let (Some(type_name), Ok(notification)) = (&type_name, json_text(&body)) {
            about.extend(gist(type_name, notification));
        }
        Self {
            event_id: EventId::new(text(PK), text(SK)),
            received_at: text(RECEIVED_AT),
            kind: text(KIND),
            goods: kept.and_then(|event| meaning(&event, events, payment_without_order)),
            type_name,
            about,
            body,
        }
    }

    fn text(&self, bodies: Bodies) -> String {
        let type_name = self.type_name.as_deref().unwrap_or("no type");
        let outcome = match &self.goods {
            Some(goods) => format!("{}: {goods}", self.kind),
            None => format!("{}: not handed on", self.kind),
        };
        let mut text = format!("  {}  {type_name}  {outcome}\n", self.received_at);
        let _ = writeln!(text, "    {}", self.event_id);
        let _ = writeln!(text, "    {}", self.about.join(", "));
        let body = String::from_utf8_lossy(&self.body);
        match bodies {
            Bodies::Hidden => {}
            Bodies::Masked => {
                let notification = json_text(&self.body).unwrap_or_default();
                for line in redact(type_name, notification).lines() {
                    let _ = writeln!(text, "    {line}");
                }
            }
            Bodies::AsTheyCame => {
                let _ = writeln!(text, "{}", body.trim_end());
            }
        }
        text + "\n"
    }
}

/// What an event means for the goods; both, if that depends on a setting that is not known.
fn meaning(
    event: &StoredEvent,
    events: &[StoredEvent],
    payment_without_order: Option<PaymentWithoutOrder>,
) -> Option<String> {
    let goods = |setting| relay::goods(event, setting, events).ok().map(Goods::name);
    if let Some(setting) = payment_without_order {
        return goods(setting).map(str::to_owned);
    }
    let (grant, money) = (goods(PaymentWithoutOrder::Grant)?, goods(PaymentWithoutOrder::MoneyOnly)?);
    Some(if grant == money { grant.to_owned() } else { format!("{grant} or {money}") })
}

/// The amounts and items of a notification, if its model reads it.
fn gist(type_name: &str, notification: &str) -> Vec<String> {
    match type_name {
        Payment::TYPE => read::<Payment>(notification, |payment| of_purchase(payment.purchase.as_ref())),
        Refund::TYPE => {
            read::<Refund>(notification, |refund| of_refund(refund.purchase.as_ref(), refund.refund_details.as_ref()))
        }
        PartialRefund::TYPE => read::<PartialRefund>(notification, |refund| {
            of_refund(refund.purchase.as_ref(), refund.refund_details.as_ref())
        }),
        OrderPaid::TYPE => read::<OrderPaid>(notification, |paid| {
            of_order(&paid.order, &paid.items, paid.billing.as_ref(), notification)
        }),
        OrderCanceled::TYPE => read::<OrderCanceled>(notification, |canceled| {
            of_order(&canceled.order, &canceled.items, canceled.billing.as_ref(), notification)
        }),
        CreateSubscription::TYPE => read::<CreateSubscription>(notification, |it| of_subscription(&it.subscription)),
        UpdateSubscription::TYPE => read::<UpdateSubscription>(notification, |it| of_subscription(&it.subscription)),
        CancelSubscription::TYPE => read::<CancelSubscription>(notification, |it| of_subscription(&it.subscription)),
        NonRenewalSubscription::TYPE => {
            read::<NonRenewalSubscription>(notification, |it| of_subscription(&it.subscription))
        }
        Dispute::TYPE => read::<Dispute>(notification, |dispute| {
            let details = &dispute.dispute;
            let mut gist: Vec<String> = dispute.transaction.total.iter().map(ToString::to_string).collect();
            gist.extend(dispute.action.iter().map(ToString::to_string));
            gist.extend(details.dispute_type.iter().map(ToString::to_string));
            gist.extend(details.status.iter().map(|status| format!("status {status}")));
            gist.extend(details.reason.iter().map(|reason| format!("reason {reason}")));
            gist
        }),
        _ => Vec::new(),
    }
}

fn read<M: Model>(notification: &str, gist: impl FnOnce(M) -> Vec<String>) -> Vec<String> {
    M::from_json(notification).map(gist).unwrap_or_default()
}

fn of_purchase(purchase: Option<&Purchase>) -> Vec<String> {
    let Some(purchase) = purchase else { return Vec::new() };
    let mut gist: Vec<String> = purchase.total.iter().map(ToString::to_string).collect();
    for line in purchase.order.iter().flat_map(|order| &order.lineitems) {
        gist.push(times(line.quantity, line.sku.as_ref().map_or("?", AsRef::as_ref)));
    }
    gist.extend(purchase.subscription.iter().flat_map(of_subscription));
    gist
}

fn of_refund(purchase: Option<&Purchase>, details: Option<&RefundDetails>) -> Vec<String> {
    let mut gist = of_purchase(purchase);
    gist.extend(details.and_then(|details| details.code.as_ref()).map(|code| {
        code.reason().map_or_else(|| format!("reason {code}"), |reason| format!("reason {code} ({reason})"))
    }));
    gist
}

fn of_order(order: &Order, items: &[model::Item], billing: Option<&Billing>, notification: &str) -> Vec<String> {
    let amount = order.amount.iter().map(ToString::to_string).chain(order.currency.clone());
    let mut gist = vec![amount.collect::<Vec<_>>().join(" ")];
    // The order's own amount may be in virtual currency.
    let money = billing.and_then(|billing| billing.purchase.as_ref()?.total.as_ref());
    gist.extend(money.map(|money| format!("paid {money}")));
    // Both types of order have the same lines.
    let roles = ItemRole::of_items(NotificationType::ORDER_PAID, notification).unwrap_or_default();
    for (item, role) in items.iter().zip(roles) {
        let part = match role {
            ItemRole::Standalone => "",
            ItemRole::BundleContent => " (of the bundle)",
            ItemRole::Unclear => " (perhaps of the bundle)",
        };
        gist.push(times(item.quantity, item.sku.as_ref().map_or("?", AsRef::as_ref)) + part);
    }
    gist
}

fn of_subscription(subscription: &Subscription) -> Vec<String> {
    let mut gist: Vec<String> = subscription.plan_id.iter().map(|plan| format!("plan {plan}")).collect();
    gist.extend(subscription.date_next_charge.iter().map(|date| format!("next charge {date}")));
    gist.extend(subscription.date_end.iter().map(|date| format!("ends {date}")));
    gist
}

fn times(quantity: Option<u64>, sku: &str) -> String {
    quantity.map_or_else(|| sku.to_owned(), |quantity| format!("{quantity} × {sku}"))
}
