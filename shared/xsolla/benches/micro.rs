//! Time to verify and to identify a body: `cargo bench -p xsolla-webhooks`.
//!
//! The budget for both is 10 µs for a body of 1.5 KB. CI counts instructions instead of time (the package `cost`).
#![allow(clippy::unwrap_used)]

use divan::Bencher;
use divan::counter::BytesCount;
use xsolla_webhooks::{Envelope, Secrets, samples, sign};

const SECRET: &str = "test_secret";
/// About 0.3, 1.5 and 128 KB.
const BODIES: [&str; 3] = ["afs_black_list", "payment", "many items"];

fn main() {
    divan::main();
}

fn body(name: &str) -> String {
    if let Some(sample) = samples::get(name) {
        return sample.body.to_owned();
    }
    let item = r#"{"sku":"lantern-brass","type":"virtual_good","quantity":3,"amount":"500"},"#;
    let items = item.repeat(128 * 1000 / item.len());
    format!(r#"{{"notification_type":"order_paid","order":{{"id":7,"invoice_id":8}},"items":[{items}{{}}]}}"#)
}

/// Includes both hashes: the signature and the digest.
#[divan::bench(args = BODIES)]
fn verify(bencher: Bencher, name: &str) {
    let (body, secrets) = (body(name), Secrets::new([SECRET]).unwrap());
    let authorization = sign(body.as_bytes(), SECRET);
    bencher.counter(BytesCount::of_str(&body)).bench(|| {
        let signature = authorization.parse().unwrap();
        secrets.verify(body.as_bytes(), &signature).unwrap()
    });
}

#[divan::bench(args = BODIES)]
fn identify(bencher: Bencher, name: &str) {
    let (body, secrets) = (body(name), Secrets::new([SECRET]).unwrap());
    let signature = sign(body.as_bytes(), SECRET).parse().unwrap();
    let verified = secrets.verify(body.as_bytes(), &signature).unwrap();
    bencher.counter(BytesCount::of_str(&body)).bench(|| Envelope::parse(&verified).unwrap());
}

#[divan::bench(args = BODIES)]
fn verify_and_identify(bencher: Bencher, name: &str) {
    let (body, secrets) = (body(name), Secrets::new([SECRET]).unwrap());
    let authorization = sign(body.as_bytes(), SECRET);
    bencher.counter(BytesCount::of_str(&body)).bench(|| {
        let signature = authorization.parse().unwrap();
        Envelope::parse(&secrets.verify(body.as_bytes(), &signature).unwrap()).unwrap()
    });
}
