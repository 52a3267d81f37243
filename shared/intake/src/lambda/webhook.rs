//! The functions that accept signed webhooks.

use lambda_runtime::Error;
use xsolla::Secrets;

use super::api_gateway::{self, HttpFlow, Request};
use super::pseudonyms::WithPseudonyms;
use super::runtime::{invalid_setting, warm_up};
use crate::accept::{AcceptedTypes, Delivery, DeliveryReport, Intake};
use crate::aws::{self, CallLimits, Events, SecretSource};
use crate::directory::Directory;
use crate::ports::{EventStore, SecretStore, UserDirectory};
use crate::secrets::SecretCache;
use crate::settings::{WebhookSettings, environment};
use crate::telemetry;

/// Runs a function for these types until Lambda stops it.
///
/// # Errors
///
/// If the configuration is invalid, or the Lambda runtime is unreachable.
pub async fn run(accepted_types: AcceptedTypes) -> Result<(), Error> {
    telemetry::start();
    let settings = WebhookSettings::read(&environment, accepted_types.has_questions()).map_err(invalid_setting)?;
    let config = aws::function_config(CallLimits::WEBHOOK);
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let intake = Intake {
        accepted_types,
        events: Events::new(&config, settings.table).with_retention(settings.retention),
        directory: settings.directory.map(|directory| Directory::new(directory, &config, &dynamodb)),
        secrets: SecretCache::new(SecretSource::new(settings.secrets, &config)),
        sources: settings.sources,
    };
    let keys = settings.pseudonym_keys.map(|keys| SecretCache::new(SecretSource::new(keys, &config)));
    warm_up(&intake.events, &intake.secrets, keys.as_ref(), intake.directory.as_ref()).await;
    api_gateway::run(WithPseudonyms { flow: intake, keys }).await
}

impl<E: EventStore, D: UserDirectory, S: SecretStore<Value = Secrets>> HttpFlow for Intake<E, D, S> {
    async fn process<'a>(&self, request: Request<'a>) -> DeliveryReport<'a> {
        let Request { event, body, received_at, trace, time_left } = request;
        let delivery = Delivery {
            authorization: event.authorization(),
            is_encoded: event.is_encoded(),
            source: event.source(),
            body,
            received_at,
            trace,
            time_left,
        };
        self.accept(&delivery).await
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use jiff::Timestamp;
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::accept::{DEADLINE, MAX_BODY, SourcePolicy};
    use crate::lambda::api_gateway::handle;
    use crate::lambda::proxy::ProxyRequest;
    use crate::testing::{self, FakeEventStore, FakeSecretStore, SECRET};

    const BODY: &str = r#"{"notification_type":"payment","transaction":{"id":7}}"#;

    /// Returns the status of the answer and the stored bodies.
    async fn answer(request: &ProxyRequest) -> (i64, Vec<Vec<u8>>) {
        let intake = Intake {
            accepted_types: AcceptedTypes::All,
            events: FakeEventStore::default(),
            directory: Some(Directory::ACCEPT_ALL),
            secrets: SecretCache::new(FakeSecretStore::new(SECRET)),
            sources: SourcePolicy::default(),
        };
        let (response, _) = handle(&intake, request, None, Timestamp::UNIX_EPOCH, DEADLINE).await;
        (response.status_code, intake.events.items().into_iter().map(|item| item.event.body).collect())
    }

    fn sign(body: &str) -> String {
        testing::sign(body, SECRET)
    }

    fn read(event: &serde_json::Value) -> ProxyRequest {
        serde_json::from_str(&event.to_string()).unwrap()
    }

    /// A request as API Gateway sends it.
    fn request(body: &str, is_base64_encoded: bool, authorization: &[&str]) -> ProxyRequest {
        read(&json!({
            "httpMethod": "POST",
            "headers": { "accept": "application/json", "authorization": authorization.last() },
            "multiValueHeaders": { "accept": ["application/json"], "authorization": authorization },
            "requestContext": { "anything": {} },
            "body": body,
            "isBase64Encoded": is_base64_encoded,
        }))
    }

    #[tokio::test]
    async fn stores_the_verified_bytes() {
        let signature = sign(BODY);
        let plain = request(BODY, false, &[&signature]);
        assert_eq!(answer(&plain).await, (204, vec![BODY.into()]));

        let encoded = request(&STANDARD.encode(BODY), true, &[&signature]);
        assert_eq!(answer(&encoded).await, (204, vec![BODY.into()]));

        let undeclared = request(&STANDARD.encode(BODY), false, &[&signature]);
        assert_eq!(answer(&undeclared).await, (400, vec![]), "the base64 text itself is not signed");
    }

    #[tokio::test]
    async fn answers_503_to_invalid_base64() {
        for body in ["%%%", "a", "e30", "e30=\n", "e 30="] {
            let broken = request(body, true, &[&sign("{}")]);
            assert_eq!(answer(&broken).await, (503, vec![]), "{body:?}");
        }
    }

    #[tokio::test]
    async fn answers_503_to_large_base64_body() {
        let large = request(&"A".repeat(MAX_BODY / 3 * 4 + 8), true, &["Signature 00"]);
        assert_eq!(answer(&large).await, (503, vec![]));
    }

    #[tokio::test]
    async fn accepts_largest_body_in_base64() {
        let largest = format!(r#"{{"notification_type":"payment","x":"{}"}}"#, "x".repeat(MAX_BODY - 38));
        let encoded = request(&STANDARD.encode(&largest), true, &[&sign(&largest)]);
        assert_eq!(answer(&encoded).await.0, 204);
    }

    #[tokio::test]
    async fn answers_503_to_methods_other_than_post() {
        let headers = json!({ "Authorization": sign(BODY) });
        for (method, status) in [("GET", 503), ("PUT", 503), ("HEAD", 503), ("", 503), ("POST", 204), ("post", 204)] {
            let request = read(&json!({ "httpMethod": method, "headers": headers, "body": BODY }));
            assert_eq!(answer(&request).await.0, status, "{method}");
        }
        assert_eq!(answer(&read(&json!({}))).await, (503, vec![]));
    }

    #[tokio::test]
    async fn accepts_repeated_or_joined_authorization_headers_if_one_verifies() {
        let (signature, wrong) = (sign(BODY), testing::sign(BODY, "other"));
        let joined = format!("{wrong}, {signature}");
        for authorization in
            [&[signature.as_str(), &signature][..], &[&wrong, &signature], &[&signature, "Basic x"], &[&joined]]
        {
            assert_eq!(answer(&request(BODY, false, authorization)).await.0, 204, "{authorization:?}");
        }
        for authorization in [&[][..], &[wrong.as_str()], &[&wrong, &wrong]] {
            assert_eq!(answer(&request(BODY, false, authorization)).await, (400, vec![]), "{authorization:?}");
        }
    }

    #[rstest]
    #[case::compressed(json!({ "content-encoding": "gzip" }), 503)]
    #[case::other_case(json!({ "CONTENT-ENCODING": "br" }), 503)]
    #[case::repeated(json!({ "Content-Encoding": ["identity", "gzip"] }), 503)]
    #[case::joined(json!({ "Content-Encoding": "identity, gzip" }), 503)]
    #[case::absent(json!({}), 400)]
    #[case::empty(json!({ "Content-Encoding": "" }), 400)]
    #[case::identity(json!({ "Content-Encoding": " Identity" }), 400)]
    #[case::invalid(json!({ "Content-Encoding": 7 }), 400)]
    #[tokio::test]
    async fn answers_503_to_encoded_body_that_does_not_verify(#[case] headers: serde_json::Value, #[case] status: i64) {
        for map in ["headers", "multiValueHeaders"] {
            let event = |authorization: &[String]| {
                let mut headers = headers.clone();
                headers["Authorization"] = json!(authorization);
                read(&json!({ "httpMethod": "POST", map: headers, "body": BODY }))
            };
            assert_eq!(answer(&event(&[testing::sign(BODY, "other")])).await, (status, vec![]), "{map}");
            assert_eq!(answer(&event(&[])).await, (status, vec![]), "{map}");
            assert_eq!(answer(&event(&[sign(BODY)])).await.0, 204, "verifies as it is");
        }
    }

    #[tokio::test]
    async fn finds_authorization_header_in_any_case_and_either_map() {
        let signature = sign(BODY);
        for headers in [
            json!({ "headers": { "AUTHORIZATION": signature } }),
            json!({ "headers": { "authorization": signature }, "multiValueHeaders": null }),
            json!({ "multiValueHeaders": { "Authorization": [signature] }, "headers": null }),
        ] {
            let mut event = json!({ "httpMethod": "POST", "body": BODY });
            event.as_object_mut().unwrap().extend(headers.as_object().unwrap().clone());
            assert_eq!(answer(&read(&event)).await.0, 204, "{headers}");
        }
    }

    #[tokio::test]
    async fn stores_missing_body_as_empty_unreadable_body() {
        let headers = json!({ "Authorization": sign("") });
        let empty = read(&json!({ "httpMethod": "POST", "headers": headers, "body": null, "isBase64Encoded": false }));
        assert_eq!(answer(&empty).await, (400, vec![vec![]]));
    }
}
