//! The functions of this workspace on one machine: embedded DynamoDB and SQS, one HTTP port, everything on 127.0.0.1.
//!
//! The handlers are those that Lambda runs, and they speak to the embedded services through the real AWS SDK. Here
//! stand only the things that AWS puts around them: [`gateway`] for API Gateway, [`trigger`] for Lambda's stream
//! trigger, [`services`] for DynamoDB and SQS; and, in [`storm`], an Xsolla and a game at the two ends.

pub mod demonstration;
pub mod drift;
pub mod gateway;
pub mod services;
pub mod stack;
pub mod storm;
pub mod trigger;

pub use stack::{Options, Stack, StartError, local_sources};
