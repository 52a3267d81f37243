//! Receives events from the queue in `QUEUE_URL` and applies each once.

use std::collections::HashSet;

use aws_config::BehaviorVersion;
use aws_sdk_sqs::Client;
use aws_smithy_http_client as http_client;
use consumer::model::{ItemType, Model, OrderPaid};
use consumer::{Event, Goods, Mode};
use http_client::tls::{Provider, rustls_provider::CryptoMode};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // With the SDK's default features: `aws_config::load_defaults(BehaviorVersion::latest())`.
    let http = http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let sqs = Client::new(&aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await);
    let queue = std::env::var("QUEUE_URL")?;
    let mut applied = HashSet::new(); // In a real game: a table, written in the transaction that grants.
    loop {
        let received =
            sqs.receive_message().queue_url(&queue).max_number_of_messages(10).wait_time_seconds(5).send().await?;
        if received.messages().is_empty() {
            return Ok(()); // A real consumer runs forever.
        }
        for message in received.messages() {
            let event = Event::read(message.body().unwrap_or_default())?;
            if applied.insert(event.event_id.to_string()) {
                apply(&event)?;
            }
            let receipt = message.receipt_handle().unwrap_or_default();
            sqs.delete_message().queue_url(&queue).receipt_handle(receipt).send().await?;
        }
    }
}

fn apply(event: &Event<'_>) -> Result<(), Box<dyn std::error::Error>> {
    let user = event.user_id.as_deref().unwrap_or("no user");
    if event.mode == Mode::Sandbox {
        println!("{user}: test event {}", event.event_id);
        return Ok(());
    }
    match (event.goods, &*event.notification_type) {
        (Goods::Grant, OrderPaid::TYPE) => {
            let order: OrderPaid = event.notification()?;
            // The contents of a bundle are separate items: grant these, not the bundle.
            for item in order.items.iter().filter(|item| item.item_type != Some(ItemType::Bundle)) {
                let (sku, quantity) = item.sku.as_ref().zip(item.quantity).ok_or("an item without SKU or quantity")?;
                println!("{user}: grant {quantity} × {sku}");
            }
        }
        (goods, _) => println!("{user}: {goods:?}: {}", event.event_id),
    }
    Ok(())
}
