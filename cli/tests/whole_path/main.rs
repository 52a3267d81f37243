//! The whole path: HTTP → the function's handler → the AWS SDK → DynamoDB → its stream → the relay → the AWS SDK → SQS → the
//! message that the game receives.

// A test binary has no outside, and may stop where it stands.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod bad_input;
mod claims;
mod cost;
mod dead_letters;
mod demonstration;
mod documented;
mod drift;
mod erase;
mod events;
mod faults;
mod functions;
mod goods;
mod hazards;
mod kills;
mod proxy;
mod questions;
mod replay;
mod retries;
mod secrets;
mod show;
mod sources;
mod template;
mod tracing;
mod trouble;
mod types;
mod unsigned;
mod users;
mod world;
