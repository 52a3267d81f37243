//! Local emulator: the Lambda functions of this workspace with embedded DynamoDB and SQS, all on 127.0.0.1.
//!
//! The handlers are the ones that Lambda runs. They reach the embedded services through the AWS SDK.
//!
//! | Module | Replaces |
//! |---|---|
//! | [`gateway`] | API Gateway |
//! | [`trigger`] | Lambda's trigger on a DynamoDB stream |
//! | [`services`] | DynamoDB and SQS |
//! | [`lambda_emulator`] | Lambda itself, for tests of the function binaries |
//!
//! [`guard`] protects all ports against web pages. [`journal`] remembers the webhooks and messages of the session.
//! [`console`] is the web page that shows them. [`stack`] starts and connects them. [`demo`] sends the demonstration webhooks.

pub mod console;
mod data_directory;
pub mod demo;
mod dynamodb;
mod envelope;
mod error;
pub mod gateway;
pub mod guard;
pub mod journal;
pub mod lambda_emulator;
mod log_line;
pub mod services;
pub mod stack;
pub mod trigger;

pub use error::EmulatorError;
pub use stack::{FaultInjector, Stack, StackOptions, local_sources};
