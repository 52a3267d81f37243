//! Library for consumers of the game's queue: reads messages and applies each event once.
//!
//! - [`Event`] is a message, from the crate `message`.
//! - [`batch`] processes the batch of a Lambda function in order.
//! - [`order`] decides whether a `grant` or `revoke` of an order is applied: each order is granted once.
//! - [`claim`] ensures that one worker at a time applies an event, and includes that check. `dynamodb` stores claims (feature
//!   `dynamodb`).
//!
//! # Example: a Lambda function on the queue
//!
//! SQS delivers at least once, so the same event may arrive twice. If your game grants in a database with transactions,
//! store the event id and the order in the transaction that grants, and use only [`batch`] and [`order`]. This example calls
//! another service, so it uses [`claim`], with the claims in DynamoDB.
//!
//! ```no_run
//! use std::time::{Duration, SystemTime};
//!
//! use aws_config::BehaviorVersion;
//! use aws_sdk_dynamodb::Client;
//! use consumer::batch::{Batch, Message};
//! use consumer::claim::{Claimed, Claims};
//! use consumer::dynamodb::ClaimsTable;
//! use consumer::{Event, Goods, Mode};
//! use lambda_runtime::{Error, LambdaEvent, service_fn};
//!
//! /// The function times out after 10 seconds, and its last request to the inventory after 5 more.
//! const LEASE: Duration = Duration::from_secs(20);
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Error> {
//!     let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
//!     let table = ClaimsTable::new(Client::new(&config), std::env::var("CLAIMS_TABLE")?);
//!     let claims = &Claims::new(table, LEASE);
//!     lambda_runtime::run(service_fn(async |batch: LambdaEvent<Batch>| {
//!         let response = batch.payload.in_order(async |message| {
//!             let result = apply(claims, message).await;
//!             if let Err(error) = &result {
//!                 eprintln!("message {} failed, SQS will retry it: {error}", message.id);
//!             }
//!             result
//!         });
//!         Ok::<_, Error>(response.await)
//!     }))
//!     .await
//! }
//!
//! /// Applies one message. On success, SQS deletes it. On an error, SQS retries it and the later messages of its group.
//! async fn apply(claims: &Claims<ClaimsTable>, message: &Message) -> Result<(), Error> {
//!     let event = Event::read(&message.body)?;
//!     if event.goods != Goods::Grant || event.mode == Mode::Sandbox {
//!         return Ok(()); // A real consumer also revokes.
//!     }
//!     let claim = match claims.claim(&event, SystemTime::now()).await? {
//!         Claimed::New(claim) => claim,
//!         Claimed::Done => return Ok(()),
//!         Claimed::OrderSettled => {
//!             eprintln!("{}: the order is granted or revoked by another event", event.event_id);
//!             return Ok(());
//!         }
//!         Claimed::Held { .. } => return Err("another worker has claimed the event or its order".into()),
//!     };
//!     match grant(&event, claim.token()).await {
//!         Ok(()) => Ok(claims.complete(&claim).await?),
//!         Err(GrantError::Rejected(error)) => {
//!             claims.release(claim).await.ok(); // After a failure, the lease expires.
//!             Err(error)
//!         }
//!         // Not released: the request may take effect until the lease expires.
//!         Err(GrantError::NoResponse(error)) => Err(error),
//!     }
//! }
//!
//! enum GrantError {
//!     /// The inventory granted nothing.
//!     Rejected(Error),
//!     /// The inventory may have granted.
//!     NoResponse(Error),
//! }
//!
//! /// Sends the purchase to the inventory of `event.recipient_user_id`, with the event id as idempotency key and the token
//! /// as fencing token.
//! async fn grant(event: &Event<'_>, token: u64) -> Result<(), GrantError> {
//! #   let _ = (event, token);
//! #   Err(GrantError::Rejected("no inventory".into()))
//!     // …
//! }
//! ```

pub mod batch;
pub mod claim;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
pub mod order;
#[cfg(test)]
mod test_event;

pub use message::{Event, Goods, GoodsReason, ItemRole, Mode, UnreadableMessage, model};
