//! Receives webhooks, stores them, and relays them to the game's queue.
//!
//! Three flows call outside services through ports, without an SDK:
//!
//! - [`accept`]: verify, identify, store, answer.
//! - [`unsigned`]: the same steps for notifications that Xsolla does not sign.
//! - [`relay`]: from the table's stream to the queue, in order per subject.
//!
//! [`aws`] and [`directory`] implement the ports. [`lambda`] runs the flows as Lambda functions.
//!
//! # Features
//!
//! `testing`: the module `testing`, with in-memory ports for tests.

pub mod accept;
pub mod aws;
pub mod directory;
pub mod emulator;
pub mod lambda;
pub mod outcome;
pub mod ports;
mod question;
pub mod record;
pub mod relay;
mod report;
pub mod sales;
pub mod secrets;
pub mod settings;
mod sources;
pub mod sqs_message;
mod store_event;
pub mod table;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod trace;
pub mod unsigned;
