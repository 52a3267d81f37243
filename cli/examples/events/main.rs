//! Writes `events/*.json`, the test events for `cargo lambda invoke`: `cargo run -p cli --example events`
//!
//! The test `whole_path::events` fails if a file is out of date.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod event_files;

fn main() -> std::io::Result<()> {
    for (function, event) in event_files::all() {
        std::fs::write(event_files::path(&function), event_files::text(&event))?;
    }
    Ok(())
}
