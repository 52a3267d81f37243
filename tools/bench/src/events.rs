//! Input of the functions: API Gateway proxy events, and DynamoDB stream batches.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use xsolla::{samples, sign};

use crate::Error;

/// The webhook secret.
pub(crate) const SECRET: &str = "test_secret";
/// Transaction id of the sample; each event replaces it with its own.
const TRANSACTION: &str = "2298114507";

/// Body of a `payment`, 1.7 KB, with a transaction id made from the number.
fn payment(number: u32) -> Result<String, Error> {
    Ok(sample("payment")?.replace(TRANSACTION, &transaction(number)))
}

fn transaction(number: u32) -> String {
    (3_000_000_000 + u64::from(number)).to_string()
}

fn sample(name: &str) -> Result<&'static str, Error> {
    Ok(samples::get(name).ok_or("no such sample")?.body)
}

/// A payment, as API Gateway sends it.
pub(crate) fn new_event(number: u32) -> Result<Vec<u8>, Error> {
    let body = payment(number)?;
    proxy_event(&body, &sign(body.as_bytes(), SECRET))
}

/// The same payment with a wrong signature.
pub(crate) fn wrongly_signed(number: u32) -> Result<Vec<u8>, Error> {
    let body = payment(number)?;
    proxy_event(&body, &sign(body.as_bytes(), "not the secret"))
}

/// A `user_validation` question.
pub(crate) fn user_validation() -> Result<Vec<u8>, Error> {
    let body = sample("user_validation")?;
    proxy_event(body, &sign(body.as_bytes(), SECRET))
}

/// A proxy event with a base64 body, as configured in `template.yaml`.
fn proxy_event(body: &str, signature: &str) -> Result<Vec<u8>, Error> {
    let mut event: Value = serde_json::from_str(include_str!("../../../events/webhook.json"))?;
    event["body"] = STANDARD.encode(body).into();
    event["isBase64Encoded"] = true.into();
    event["headers"]["Authorization"] = signature.into();
    event["multiValueHeaders"]["Authorization"] = json!([signature]);
    Ok(event.to_string().into_bytes())
}

/// A stream batch of `count` payments, numbered from `first`.
pub(crate) fn stream_batch(first: u32, count: u32) -> Result<Vec<u8>, Error> {
    let sample: Value = serde_json::from_str(include_str!("../../../events/relay.json"))?;
    let record = |number| {
        let mut record = sample["Records"][0].clone();
        let subject = json!({ "S": format!("transaction#{}", transaction(number)) });
        record["dynamodb"]["Keys"]["pk"] = subject.clone();
        record["dynamodb"]["NewImage"]["pk"] = subject;
        record["dynamodb"]["NewImage"]["body"] = json!({ "B": STANDARD.encode(payment(number)?) });
        record["dynamodb"]["SequenceNumber"] = transaction(number).into();
        Ok(record)
    };
    let records: Vec<Value> = (first..first + count).map(record).collect::<Result<_, Error>>()?;
    Ok(json!({ "Records": records }).to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use xsolla::{Envelope, Secrets, Signature};

    use super::*;

    /// The event id if the signature is valid.
    fn event_id(event: &[u8]) -> Option<String> {
        let event: Value = serde_json::from_slice(event).unwrap();
        let body = STANDARD.decode(event["body"].as_str().unwrap()).unwrap();
        let signature = (event["headers"]["Authorization"].as_str().unwrap()).parse::<Signature>().unwrap();
        let secrets = SECRET.parse::<Secrets>().unwrap();
        let verified = secrets.verify(&body, &signature).ok()?;
        Some(Envelope::parse(&verified).unwrap().event_id().to_string())
    }

    #[test]
    fn each_number_yields_a_distinct_event() {
        let ids: BTreeSet<String> = (0..3).map(|number| event_id(&new_event(number).unwrap()).unwrap()).collect();
        assert_eq!(ids.len(), 3, "{ids:?}");
    }

    #[test]
    fn wrongly_signed_event_does_not_verify() {
        assert_eq!(event_id(&wrongly_signed(0).unwrap()), None);
    }

    #[test]
    fn batch_has_one_subject_per_record() {
        let batch: Value = serde_json::from_slice(&stream_batch(7, 2).unwrap()).unwrap();
        let subjects =
            batch["Records"].as_array().unwrap().iter().map(|record| &record["dynamodb"]["NewImage"]["pk"]["S"]);
        assert_eq!(subjects.collect::<Vec<_>>(), ["transaction#3000000007", "transaction#3000000008"]);
    }
}
