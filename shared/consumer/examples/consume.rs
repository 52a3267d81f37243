//! Receives events from the queue in `QUEUE_URL`. Applies each event once and grants each order once.

use std::collections::{HashMap, HashSet};
use std::error::Error;

use aws_config::BehaviorVersion;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageSystemAttributeName::MessageGroupId;
use aws_smithy_http_client as http_client;
use consumer::model::{Item, ItemType, Model, OrderCanceled, OrderPaid};
use consumer::order::{self, Order};
use consumer::{Event, Goods, ItemRole, Mode};
use http_client::tls::{Provider, rustls_provider::CryptoMode};

/// In a real game: tables, written in the transaction that grants.
#[derive(Default)]
struct Game {
    applied: HashSet<String>,
    /// Each order, and the user who has it.
    orders: HashMap<String, (Order, Option<String>)>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // With the SDK's default features: `aws_config::load_defaults(BehaviorVersion::latest())`.
    let http = http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let sqs = Client::new(&aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await);
    let queue = std::env::var("QUEUE_URL")?;
    let mut game = Game::default();
    loop {
        let receive = sqs.receive_message().queue_url(&queue).max_number_of_messages(10).wait_time_seconds(5);
        let received = receive.message_system_attribute_names(MessageGroupId).send().await?;
        if received.messages().is_empty() {
            return Ok(()); // A real consumer runs forever.
        }
        let mut stopped = HashSet::new();
        for message in received.messages() {
            let group =
                message.attributes().and_then(|attributes| attributes.get(&MessageGroupId)).ok_or("no group")?;
            if stopped.contains(group) {
                continue; // In order: an earlier message of the group failed.
            }
            if let Err(error) = apply_once(&mut game, message.body().unwrap_or_default()) {
                // Not deleted: SQS retries it, and moves it to the dead-letter queue after ten deliveries.
                println!("{group}: message set aside: {error}");
                stopped.insert(group);
                continue;
            }
            let receipt = message.receipt_handle().unwrap_or_default();
            sqs.delete_message().queue_url(&queue).receipt_handle(receipt).send().await?;
        }
    }
}

fn apply_once(game: &mut Game, message: &str) -> Result<(), Box<dyn Error>> {
    let event = Event::read(message)?;
    if game.applied.contains(&*event.event_id) {
        println!("{}: skipped, already applied", event.event_id);
        return Ok(());
    }
    apply(game, &event)?;
    game.applied.insert(event.event_id.into_owned());
    Ok(())
}

fn apply(game: &mut Game, event: &Event<'_>) -> Result<(), Box<dyn Error>> {
    let (id, goods, mut user) = (&event.event_id, event.goods, event.recipient_user_id.as_deref());
    if !matches!(goods, Goods::Grant | Goods::Revoke) || event.mode == Mode::Sandbox {
        let reason = event.goods_reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        println!("{id}: {} {goods}{reason}", event.mode);
        return Ok(());
    }
    if goods == Goods::Grant && user.is_none() {
        return Err("no user id of the recipient".into());
    }
    let contents = match &*event.notification_type {
        OrderPaid::TYPE => lines(event, &event.notification::<OrderPaid>()?.items)?,
        OrderCanceled::TYPE => lines(event, &event.notification::<OrderCanceled>()?.items)?,
        _ => vec![id.to_string()],
    };
    if let Some(key) = order::key(event) {
        let (order, owner) = game.orders.entry(key).or_default();
        if !order.apply(goods, order::sale(event)) {
            println!("{id}: {goods} skipped, the order is already granted or revoked");
            return Ok(());
        }
        if goods == Goods::Grant {
            *owner = user.map(str::to_owned);
        }
        user = owner.as_deref();
    }
    for line in contents {
        println!("{}: {goods} {line}", user.unwrap_or("unknown user"));
    }
    Ok(())
}

/// Returns what an order contains: quantity and SKU of each line.
fn lines(event: &Event<'_>, items: &[Item]) -> Result<Vec<String>, &'static str> {
    let mut result = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let (item_type, sku) = item.item_type.as_ref().zip(item.sku.as_ref()).ok_or("an item has no type or SKU")?;
        let quantity = item.quantity.filter(|quantity| *quantity > 0).ok_or("an item has no valid quantity")?;
        // The contents of a bundle are the next items. If there are none, grant them from the game's catalog.
        let next_role = event.item_roles.as_ref().and_then(|roles| roles.get(index + 1));
        let contents_follow = next_role.is_some_and(|role| *role != ItemRole::Standalone);
        if *item_type != ItemType::Bundle || !contents_follow {
            result.push(format!("{quantity} × {sku}"));
        }
    }
    Ok(result)
}
