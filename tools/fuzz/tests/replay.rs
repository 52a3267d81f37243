//! Xsolla's samples, and what libFuzzer has found (`corpus/`), given to each fuzz target.
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
fn identify() {
    replay("identify", fuzz::identify::check);
}

#[test]
fn accept() {
    replay("accept", fuzz::accept::check);
}

#[test]
fn message() {
    replay("message", fuzz::message::check);
}

#[test]
fn models() {
    replay("models", fuzz::models::check);
}
