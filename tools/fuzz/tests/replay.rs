//! Runs each fuzz target on Xsolla's samples and on the corpus.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::Path;

use xsolla::samples::{ALL, MALFORMED, WITHOUT_TYPE};

fn replay(target: &str, check: fn(&[u8])) {
    for sample in [ALL, WITHOUT_TYPE, MALFORMED].into_iter().flatten() {
        println!("{}", sample.name);
        check(sample.body.as_bytes());
    }
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        check(&fs::read(path).unwrap());
    }
}

#[test]
fn identify_holds_for_samples_and_corpus() {
    replay("identify", fuzz::identify::check);
}

#[test]
fn accept_holds_for_samples_and_corpus() {
    replay("accept", fuzz::accept::check);
}

#[test]
fn message_holds_for_samples_and_corpus() {
    replay("message", fuzz::message::check);
}

#[test]
fn models_holds_for_samples_and_corpus() {
    replay("models", fuzz::models::check);
}
