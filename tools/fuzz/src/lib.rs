//! What holds for any input at all: one module for each fuzz target, whose `check` panics where it does not hold.
//!
//! libFuzzer gives them what it makes up (`fuzz_targets/`); the tests give them Xsolla's samples and what libFuzzer has
//! found before (`tests/replay.rs`), and need neither libFuzzer nor its C++ compiler.
#![allow(clippy::unwrap_used, clippy::panic)]

pub mod accept;
pub mod identify;
pub mod message;
pub mod models;
mod notification;

use std::sync::LazyLock;

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};
use xsolla::{BodyDigest, EventId};

const SECRET: &str = "secret";
const RECEIVED_AT: Timestamp = Timestamp::constant(1_795_307_467, 42_000_000);

/// No input waits for anything.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().enable_time().build().unwrap());

/// A key, and those made from it, fit DynamoDB: 2,048 bytes for the partition key, 1,024 for the sort key.
fn assert_fits(event_id: &EventId, digest: BodyDigest) {
    for event_id in [event_id, &event_id.of_repetition(u32::MAX), &event_id.of_conflict(digest)] {
        let (subject, rest) = (event_id.subject(), event_id.rest());
        assert!((1..=2048).contains(&subject.len()) && (1..=1024).contains(&rest.len()), "{event_id}");
        assert!([subject, rest].concat().bytes().all(|byte| matches!(byte, b' '..=b'~')), "{event_id}");
    }
}
