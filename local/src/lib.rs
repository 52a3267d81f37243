//! The functions of this workspace on one machine: embedded DynamoDB and SQS, one HTTP port, everything on 127.0.0.1.
//!
//! The handlers are those that Lambda runs, and they speak to the embedded services through the real AWS SDK. Here
//! stand only the things that AWS puts around them: [`gateway`] for API Gateway, [`trigger`] for Lambda's stream
//! trigger, [`services`] for DynamoDB and SQS, and, for tests of the binaries, [`environment`] for Lambda itself. In
//! [`storm`] stand an Xsolla and a game at the two ends.
//!
//! And the commands that look into a stack, here or on AWS, and mend it: [`show`], [`replay`], [`dead_letters`],
//! [`erase`], [`drift`].

pub mod aws;
mod columns;
pub mod dead_letters;
pub mod demonstration;
pub mod drift;
pub mod environment;
pub mod erase;
pub mod gateway;
pub mod replay;
pub mod services;
pub mod show;
pub mod stack;
pub mod storm;
pub mod table;
pub mod trigger;

pub use stack::{Options, Stack, StartError, local_sources};
