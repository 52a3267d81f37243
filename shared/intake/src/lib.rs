//! Accepting webhooks, keeping them, and relaying them to the game.
//!
//! Three flows, which speak to ports and know no SDK:
//!
//! - [`accept`]: verify → identify → keep → answer, at the front door.
//! - [`unsigned`]: the same for what Xsolla does not sign, where it was switched on.
//! - [`relay`]: from the table's stream to the queue, in order per subject.
//!
//! Behind the ports stand the adapters of [`aws`], and [`directory`], which answers questions; before the flows stands the
//! Lambda glue of [`lambda`].

pub mod accept;
pub mod aws;
pub mod directory;
pub mod emulator;
mod endpoint;
#[cfg(test)]
mod fakes;
pub mod lambda;
pub mod outcome;
pub mod ports;
pub mod record;
pub mod relay;
pub mod secrets;
pub mod settings;
pub mod sqs_message;
mod store_event;
pub mod table;
pub mod telemetry;
pub mod trace;
pub mod unsigned;
