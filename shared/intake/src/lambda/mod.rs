//! The Lambda functions: entry points, and the conversion between Lambda's events and the flows.

pub mod api_gateway;
pub mod proxy;
pub mod pseudonyms;
pub mod relay;
mod runtime;
pub mod unsigned;
pub mod webhook;
