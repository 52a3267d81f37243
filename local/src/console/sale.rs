//! A sale: its events in order, what each meant, and what the player should hold.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, request};
use intake::record::{Item as _, StoredEvent};
use intake::sales::{decided_sale, is_skipped};
use intake::table::{BODY, ERASED_AT, KIND, MODE, ORDER_ID, PK, RECEIVED_AT, SK, TYPE, USER_ID};
use serde_json::{Value, json};
use xsolla::inspect::anonymize;
use xsolla::{EventId, Goods, GoodsReason, Mode, Sale, json_text};

use super::data::{Item, Query, is_event, stored_event};
use super::pretty::pretty;
use super::{Console, Failure, JsonResult, MASK, Shared, parameter};

/// The sales that match `?id=` or `?user=`. Personal data of a deployed stack is masked without `?unmasked=1`.
pub(super) async fn sales(State(console): Shared, head: request::Parts) -> JsonResult {
    let query = match (parameter(&head, "id"), parameter(&head, "user")) {
        (Some(id), _) => Query::Id(id),
        (None, Some(user)) => Query::User(user),
        (None, None) => return Err(Failure(StatusCode::BAD_REQUEST, "`id` or `user` is missing".to_owned())),
    };
    let is_masked = console.is_masked(&head);
    let sales = console.data.sales(&query).await.map_err(Failure::unavailable)?;
    let sales: Vec<Value> = sales.iter().map(|items| console.sale(items, is_masked)).collect();
    Ok(Json(json!({ "sales": sales, "is_masked": is_masked })))
}

impl Console {
    fn sale(&self, items: &[Item], is_masked: bool) -> Value {
        let events: Vec<StoredEvent> = items.iter().filter_map(stored_event).collect();
        let sale = decided_sale(&events);
        let text = |name| items.iter().find_map(|item| item.string(name));
        let states: Vec<Value> = [Mode::Live, Mode::Sandbox].iter().filter_map(|mode| state(&sale, *mode)).collect();
        let user = text(USER_ID).map(|user| if is_masked { MASK } else { user });
        json!({
            "subject": text(PK),
            "order": text(ORDER_ID),
            "user": user,
            "states": states,
            "events": items.iter().map(|item| self.event(item, is_masked)).collect::<Value>(),
        })
    }

    fn event(&self, item: &Item, is_masked: bool) -> Value {
        let text = |name| item.string(name);
        let event_id = EventId::new(text(PK).unwrap_or_default().to_owned(), text(SK).unwrap_or_default().to_owned());
        let event_id = event_id.to_string();
        let relayed = stored_event(item).filter(|event| !is_skipped(event));
        let decision = relayed.and_then(|event| event.decision).map(|stored| stored.decision);
        let message = self.message(&event_id);
        let body = item.binary(BODY).unwrap_or_default();
        let type_name = text(TYPE).unwrap_or_default();
        let shown = match json_text(body) {
            Ok(json) if is_masked => anonymize(type_name, json),
            Ok(json) => pretty(json),
            Err(_) if is_masked => MASK.to_owned(),
            Err(_) => String::from_utf8_lossy(body).into_owned(),
        };
        json!({
            "event_id": event_id,
            "at": text(RECEIVED_AT),
            "type": text(TYPE),
            "kind": text(KIND),
            "is_relayed": is_event(item) || decision.is_some(),
            "mode": decision.map_or(text(MODE), |decision| Some(decision.mode.name())),
            "goods": decision.map(|decision| decision.goods.name()),
            "goods_reason": decision.and_then(|decision| decision.reason).map(GoodsReason::name),
            "meaning": decision.map(|decision| meaning(decision.goods)),
            "why": decision.and_then(|decision| decision.reason).map(why),
            "queue": message.as_ref().map(|message| message.queue),
            "receives": message.as_ref().map(|message| message.receives),
            "cause": message.as_ref().and_then(|message| message.cause.as_deref()),
            "erased_at": text(ERASED_AT),
            "body": shown,
            // For the form, which sends the same bytes again.
            "raw": (!is_masked).then(|| String::from_utf8_lossy(body)),
        })
    }
}

/// The state of a sale in a mode; `None` without events that have an effect.
fn state(sale: &Sale, mode: Mode) -> Option<Value> {
    let state = sale.state(mode)?;
    let concerns_goods = state.granted_by.is_some() || state.revoked_by.is_some() || !state.payments.is_empty();
    if !concerns_goods && state.subscription.is_none() {
        return None;
    }
    let payments = state.payments.iter();
    Some(json!({
        "mode": mode.name(),
        "is_held": concerns_goods.then_some(state.is_held),
        "granted_by": state.granted_by.map(ToString::to_string),
        "revoked_by": state.revoked_by.map(ToString::to_string),
        "payments": payments.map(|(id, is_refunded)| json!({ "id": id, "is_refunded": is_refunded })).collect::<Value>(),
        "subscription": state.subscription.map(Goods::name),
    }))
}

/// What the game does with an event.
const fn meaning(goods: Goods) -> &'static str {
    match goods {
        Goods::Grant => "The player gets the goods.",
        Goods::Revoke => "The game takes back what remains of the sale.",
        Goods::PartialRevoke => "The game takes back the refunded part.",
        Goods::SubscriptionStarted => "The subscription or its trial starts.",
        Goods::SubscriptionRenewed => "The subscription is extended.",
        Goods::SubscriptionChanged => "The subscription gets the state of this event.",
        Goods::SubscriptionEnded => "The subscription ends at its date.",
        Goods::MoneyOnly => "Money only.",
        Goods::Risk => "A dispute or anti-fraud event. Review the player.",
        Goods::Info => "No effect on the goods.",
    }
}

/// Why an event has another effect than its type suggests.
const fn why(reason: GoodsReason) -> &'static str {
    match reason {
        GoodsReason::AlreadyGranted => "An earlier event of the sale granted the goods.",
        GoodsReason::AlreadyRevoked => "The sale was revoked or refunded earlier.",
        GoodsReason::OrderAlreadyGranted => "Another payment of the order granted the goods. Refund one of the two.",
        GoodsReason::AnotherPaymentRemains => "Another payment of the order is not refunded.",
        GoodsReason::SubscriptionEnded => "The subscription was cancelled earlier.",
        GoodsReason::AlreadyStarted => "The subscription started earlier.",
        GoodsReason::LaterStateSent => "A later state of the subscription was sent earlier.",
        GoodsReason::OrderFollows => "The order's own events report the goods.",
        GoodsReason::SubscriptionFollows => "The subscription's own events report the goods.",
        GoodsReason::NotIdentified => "The event has no usable ids, so its retry cannot be recognized.",
        GoodsReason::PossibleRetry => "The same partial refund without a date: a retry, or a second refund.",
    }
}
