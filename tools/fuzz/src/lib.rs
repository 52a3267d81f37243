//! Fuzz targets, one module each. `check` panics if a property does not hold for an input.
//!
//! libFuzzer runs them on generated input (`fuzz_targets/`). `cargo test` runs them on Xsolla's samples and the corpus
//! (`tests/replay.rs`), without libFuzzer and its C++ compiler.
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

/// Runtime with timers, which timeouts require. None of them fires, because the fakes respond at once.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().enable_time().build().unwrap());

/// Asserts that an event id, and the ids derived from it, fit DynamoDB: 2,048 bytes of partition key, 1,024 of sort key.
fn assert_fits(event_id: &EventId, digest: BodyDigest) {
    for event_id in
        [event_id, &event_id.with_recurrence("2026-11-22T00:31:07.042518Z"), &event_id.with_conflict(digest)]
    {
        let (subject, rest) = (event_id.subject(), event_id.rest());
        assert!((1..=2048).contains(&subject.len()) && (1..=1024).contains(&rest.len()), "{event_id}");
        assert!([subject, rest].concat().bytes().all(|byte| matches!(byte, b' '..=b'~')), "{event_id}");
    }
}
