//! Relays events from the table's stream to the game's queue.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    intake::lambda::relay::run().await
}
