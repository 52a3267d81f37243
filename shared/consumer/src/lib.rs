//! The game's side of the queue: what a message says, and what it takes to apply it once.
//!
//! ```
//! use consumer::{Event, Goods};
//!
//! let message = r#"{
//!     "event_id": "transaction#2298114507#order_paid#712045518", "type": "order_paid", "goods": "grant",
//!     "subject": "transaction#2298114507", "order_id": "712045518", "user_id": "isle-4471", "project_id": null,
//!     "mode": "live", "identified": true, "deprecated": false, "replay": false,
//!     "received_at": "2026-11-22T00:31:07.042Z",
//!     "item_roles": ["own"],
//!     "notification": {"notification_type": "order_paid", "items": [{"sku": "lantern", "quantity": 1}]}
//! }"#;
//!
//! let event = Event::read(message)?;
//! assert_eq!(event.goods, Goods::Grant);
//! assert_eq!(event.user_id.as_deref(), Some("isle-4471"));
//! # Ok::<(), consumer::UnreadableMessage>(())
//! ```
//!
//! # A Lambda function on the queue
//!
//! SQS delivers at least once, so that the same event comes twice now and then. If your game grants in one database with
//! transactions, write the event id in the transaction that grants, and of the following take the [`batch`] only. This
//! function asks another service for it instead, and [`claim`] has the mistakes that this invites. Its table of claims is
//! in DynamoDB (the feature `dynamodb`).
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
//! /// The function is ended after 10 seconds, and its last request to the inventory after 5 more.
//! const LEASE: Duration = Duration::from_secs(20);
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Error> {
//!     let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
//!     let table = ClaimsTable::new(Client::new(&config), std::env::var("CLAIMS_TABLE")?);
//!     let claims = &Claims::new(table, LEASE);
//!     lambda_runtime::run(service_fn(async |batch: LambdaEvent<Batch>| {
//!         let in_order = batch.payload.in_order(async |message| {
//!             let applied = apply(claims, message).await;
//!             if let Err(error) = &applied {
//!                 eprintln!("{} comes again: {error}", message.id);
//!             }
//!             applied
//!         });
//!         Ok::<_, Error>(in_order.await)
//!     }))
//!     .await
//! }
//!
//! /// `Ok`: the message can go. An error: it comes again, and those behind it in its group.
//! async fn apply(claims: &Claims<ClaimsTable>, message: &Message) -> Result<(), Error> {
//!     let event = Event::read(&message.body)?;
//!     if event.goods != Goods::Grant || event.mode == Mode::Sandbox {
//!         return Ok(()); // yours takes back, too
//!     }
//!     let claim = match claims.claim(&event.event_id, SystemTime::now()).await? {
//!         Claimed::New(claim) => claim,
//!         Claimed::Done => return Ok(()),
//!         Claimed::Held { .. } => return Err("another worker has it".into()),
//!     };
//!     match grant(&event, claim.token()).await {
//!         Ok(()) => Ok(claims.complete(&claim).await?),
//!         Err(Failure::Refused(error)) => {
//!             claims.release(claim).await.ok(); // if not, its lease runs out
//!             Err(error)
//!         }
//!         // Not released: until the lease runs out, the request may still arrive.
//!         Err(Failure::Unanswered(error)) => Err(error),
//!     }
//! }
//!
//! enum Failure {
//!     /// The inventory has said that it did nothing.
//!     Refused(Error),
//!     /// Nobody knows whether it did.
//!     Unanswered(Error),
//! }
//!
//! /// Tells the inventory what was bought; with the event id, by which it knows what it has granted already, and the
//! /// token, by which it refuses a worker that has slept through its lease.
//! async fn grant(event: &Event<'_>, token: u64) -> Result<(), Failure> {
//! #   let _ = (event, token);
//! #   Err(Failure::Refused("there is no inventory here".into()))
//!     // …
//! }
//! ```

pub mod batch;
pub mod claim;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
mod event;

pub use event::{Event, UnreadableMessage, schema};
pub use xsolla::{Goods, ItemRole, Mode, model};
