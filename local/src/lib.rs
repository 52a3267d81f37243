//! AWS on one machine: the functions of this workspace with embedded DynamoDB and SQS, one HTTP port, everything on 127.0.0.1.
//!
//! The handlers are those that Lambda runs. They reach the embedded services through the real AWS SDK. This crate holds what
//! AWS puts around them: [`gateway`] for API Gateway, [`trigger`] for Lambda's stream trigger, [`services`] for DynamoDB and
//! SQS, and, for tests of the binaries, [`lambda_emulator`] for Lambda itself. [`demo`] sends the demonstration webhooks.

pub mod demo;
mod error;
pub mod gateway;
pub mod lambda_emulator;
pub mod services;
pub mod stack;
pub mod trigger;

pub use error::StartError;
pub use stack::{FaultInjector, Options, Stack, local_sources};
