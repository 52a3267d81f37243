//! The game's side of the queue: what a message says, and what it takes to apply it once.
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

pub use message::{Event, Goods, ItemRole, Mode, UnreadableMessage, model};
