//! How long it takes to verify a body, and to tell what it is about: `cargo bench -p xsolla`. The budget for both is 10 µs for
//! a body of 1.5 KB. CI does not ask a clock; it counts instructions (the package `cost`).
#![allow(clippy::unwrap_used)]

use divan::Bencher;
use divan::counter::BytesCount;
use xsolla::{Envelope, Secrets, Signature, samples, sign};

const SECRET: &str = "test_secret";
/// About 0.3, 1.5 and 128 KB.
const BODIES: [&str; 3] = ["afs_black_list", "payment", "many items"];

fn main() {
    divan::main();
}

fn body(name: &str) -> String {
    if let Some(sample) = samples::named(name) {
        return sample.body.to_owned();
    }
    let item = r#"{"sku":"lantern-brass","type":"virtual_good","quantity":3,"amount":"500"},"#;
    let items = item.repeat(128 * 1000 / item.len());
    format!(r#"{{"notification_type":"order_paid","order":{{"id":7,"invoice_id":8}},"items":[{items}{{}}]}}"#)
}

/// Both hashes: the signature's and the digest.
#[divan::bench(args = BODIES)]
fn verify(bencher: Bencher, name: &str) {
    let (body, secrets) = (body(name), Secrets::parse(SECRET).unwrap());
    let authorization = sign(body.as_bytes(), SECRET);
    bencher.counter(BytesCount::of_str(&body)).bench(|| {
        let signature = Signature::parse(&authorization).unwrap();
        secrets.verify(body.as_bytes(), &signature).unwrap()
    });
}

#[divan::bench(args = BODIES)]
fn identify(bencher: Bencher, name: &str) {
    let (body, secrets) = (body(name), Secrets::parse(SECRET).unwrap());
    let signature = Signature::parse(&sign(body.as_bytes(), SECRET)).unwrap();
    let verified = secrets.verify(body.as_bytes(), &signature).unwrap();
    bencher.counter(BytesCount::of_str(&body)).bench(|| Envelope::read(&verified).unwrap());
}

#[divan::bench(args = BODIES)]
fn verify_and_identify(bencher: Bencher, name: &str) {
    let (body, secrets) = (body(name), Secrets::parse(SECRET).unwrap());
    let authorization = sign(body.as_bytes(), SECRET);
    bencher.counter(BytesCount::of_str(&body)).bench(|| {
        let signature = Signature::parse(&authorization).unwrap();
        Envelope::read(&secrets.verify(body.as_bytes(), &signature).unwrap()).unwrap()
    });
}
