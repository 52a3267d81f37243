//! Dead letters and parked events (`xsolla-webhooks dlq`).
//!
//! The dead-letter queue is a FIFO queue: it returns the next message of a subject only after the previous one was
//! deleted. A snapshot therefore contains at least the first message of each subject. A redrive reaches all of them,
//! in order.

mod entry;
mod queues;
mod redrive;
mod snapshot;

pub use queues::DeadLetters;
pub use redrive::{RedriveError, RedriveResult};
pub use snapshot::DlqSnapshot;
