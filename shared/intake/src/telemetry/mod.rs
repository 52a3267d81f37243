//! Logs and metrics: JSON lines on standard output, which Lambda sends to CloudWatch.
//!
//! Each line also has metrics in CloudWatch's embedded metric format. No line contains a body, a signature, a secret or
//! personal data.

mod batch_log;
mod drift_log;
mod log;
mod metrics;
mod webhook_log;

#[cfg(test)]
mod tests;

pub(crate) use batch_log::BatchLog;
pub(crate) use drift_log::DriftLog;
pub(crate) use log::start;
pub use webhook_log::WebhookLog;
