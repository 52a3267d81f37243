//! Webhooks: API Gateway's proxy event in, the flow of [`crate::accept`], an answer out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lambda_http::aws_lambda_events::apigw::ApiGatewayProxyResponse;
use lambda_http::http::{HeaderValue, header};
use lambda_runtime::{Error, LambdaEvent};
use xsolla::Role;
use xsolla::model::Json;

use super::proxy::ProxyRequest;
use super::{refuse_to_start, serve, trace_of, warm_up};
use crate::accept::{AcceptedTypes, DEADLINE, Delivery, DeliveryReport, Intake};
use crate::aws::{self, CallLimits, Events, SecretSource};
use crate::directory::Directory;
use crate::outcome::Outcome;
use crate::ports::{EventStore, SecretStore, UserDirectory};
use crate::secrets::SecretCache;
use crate::settings::{WebhookSettings, environment};
use crate::telemetry::{self, Line};
use crate::trace::TraceHeader;

/// Runs a function that takes webhooks, until Lambda ends it.
///
/// # Errors
///
/// When its configuration is not usable, or the Lambda runtime cannot be reached.
pub async fn run(accepted_types: AcceptedTypes) -> Result<(), Error> {
    telemetry::start();
    let takes_questions = match accepted_types {
        AcceptedTypes::All => true,
        AcceptedTypes::Only(only) => matches!(only.role(), Role::Question(_)),
    };
    let settings = WebhookSettings::read(&environment, takes_questions).map_err(refuse_to_start)?;
    let intake = Arc::new(connect(accepted_types, settings).await);
    serve(move |event: LambdaEvent<ProxyRequest>| {
        let intake = Arc::clone(&intake);
        async move {
            let trace = trace_of(&event.context);
            let (response, line) = handle(&intake, &event.payload, trace.as_ref(), Timestamp::now(), DEADLINE).await;
            line.write(&event.context.request_id, trace.as_ref());
            response
        }
    })
    .await
}

async fn connect(accepted_types: AcceptedTypes, settings: WebhookSettings) -> Intake<Events, Directory, SecretSource> {
    let config = aws::function_config(CallLimits::FRONT_DOOR);
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let intake = Intake {
        accepted_types,
        events: Events::new(&config, settings.table).with_retention(settings.retention),
        directory: settings.directory.map(|directory| Directory::new(directory, &config, &dynamodb)),
        secrets: SecretCache::new(SecretSource::new(settings.secrets, &config)),
        sources: settings.sources,
    };
    warm_up(&intake.events, &intake.secrets, intake.directory.as_ref()).await;
    intake
}

/// Takes one request. Gives the answer, and what is to be said of it in the log.
pub async fn handle<E: EventStore, D: UserDirectory, S: SecretStore>(
    intake: &Intake<E, D, S>,
    request: &ProxyRequest,
    trace: Option<&TraceHeader>,
    received_at: Timestamp,
    time_left: Duration,
) -> (ApiGatewayProxyResponse, Line) {
    let started = Instant::now();
    let body = request.body();
    let receipt = match &body {
        Ok(body) => {
            let (authorization, source) = (request.authorization(), request.source());
            intake.accept(&Delivery { authorization, source, body, received_at, trace, time_left }).await
        }
        Err(why) => DeliveryReport::from(Outcome::Unavailable(*why)),
    };
    (response(&receipt), Line::of(&receipt, received_at, started.elapsed()))
}

pub(super) fn response(receipt: &DeliveryReport<'_>) -> ApiGatewayProxyResponse {
    let answer = receipt.outcome.answer();
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = answer.status().into();
    if let Some(body) = receipt.content.as_ref().map(Json::get).or(answer.body()) {
        response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.body = Some(body.into());
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;
    use xsolla::{Secrets, sign};

    use super::*;
    use crate::accept::{MAX_BODY, SourcePolicy};
    use crate::ports::{PortError, PutOutcome};
    use crate::record::Record;

    const BODY: &str = r#"{"notification_type":"payment","transaction":{"id":7}}"#;

    /// Keeps the bodies it is given.
    #[derive(Default)]
    struct Bodies(Mutex<Vec<Vec<u8>>>);

    impl EventStore for Bodies {
        async fn put_if_absent(&self, record: &Record<'_>) -> Result<PutOutcome, PortError> {
            self.0.lock().unwrap().push(record.body.bytes().to_vec());
            Ok(PutOutcome::Inserted)
        }
    }

    async fn answer(request: &ProxyRequest) -> (i64, Vec<Vec<u8>>) {
        let intake = Intake {
            accepted_types: AcceptedTypes::All,
            events: Bodies::default(),
            directory: Some(Directory::ACCEPT_ALL),
            secrets: SecretCache::new(SecretSource::Fixed("secret".parse::<Secrets>().unwrap())),
            sources: SourcePolicy::default(),
        };
        let (response, _) = handle(&intake, request, None, Timestamp::UNIX_EPOCH, DEADLINE).await;
        (response.status_code, intake.events.0.into_inner().unwrap())
    }

    fn read(event: &serde_json::Value) -> ProxyRequest {
        serde_json::from_str(&event.to_string()).unwrap()
    }

    /// As API Gateway sends it.
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
    async fn the_bytes_that_are_verified_are_the_bytes_that_are_kept() {
        let signature = sign(BODY.as_bytes(), "secret");
        let plain = request(BODY, false, &[&signature]);
        assert_eq!(answer(&plain).await, (204, vec![BODY.into()]));

        let encoded = request(&STANDARD.encode(BODY), true, &[&signature]);
        assert_eq!(answer(&encoded).await, (204, vec![BODY.into()]));

        let undeclared = request(&STANDARD.encode(BODY), false, &[&signature]);
        assert_eq!(answer(&undeclared).await, (400, vec![]), "base64 text is not what was signed");
    }

    #[tokio::test]
    async fn a_body_that_is_not_the_promised_base64_is_left_to_another_try() {
        for body in ["%%%", "a", "e30", "e30=\n", "e 30="] {
            let broken = request(body, true, &[&sign(b"{}", "secret")]);
            assert_eq!(answer(&broken).await, (503, vec![]), "{body:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_not_even_decoded() {
        let large = request(&"A".repeat(MAX_BODY / 3 * 4 + 8), true, &["Signature 00"]);
        assert_eq!(answer(&large).await, (503, vec![]));
    }

    #[tokio::test]
    async fn the_largest_body_passes_in_base64_too() {
        let largest = format!(r#"{{"notification_type":"payment","x":"{}"}}"#, "x".repeat(MAX_BODY - 38));
        let encoded = request(&STANDARD.encode(&largest), true, &[&sign(largest.as_bytes(), "secret")]);
        assert_eq!(answer(&encoded).await.0, 204);
    }

    #[tokio::test]
    async fn only_a_post_is_a_webhook() {
        let headers = json!({ "Authorization": sign(BODY.as_bytes(), "secret") });
        for (method, status) in [("GET", 503), ("PUT", 503), ("HEAD", 503), ("", 503), ("POST", 204), ("post", 204)] {
            let request = read(&json!({ "httpMethod": method, "headers": headers, "body": BODY }));
            assert_eq!(answer(&request).await.0, status, "{method}");
        }
        assert_eq!(answer(&read(&json!({}))).await, (503, vec![]));
    }

    #[tokio::test]
    async fn a_repeated_authorization_header_is_none() {
        let signature = sign(BODY.as_bytes(), "secret");
        assert_eq!(answer(&request(BODY, false, &[&signature, &signature])).await, (400, vec![]));
        assert_eq!(answer(&request(BODY, false, &[])).await, (400, vec![]));
    }

    #[tokio::test]
    async fn the_header_is_found_where_hand_written_events_have_it() {
        let signature = sign(BODY.as_bytes(), "secret");
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
    async fn no_body_is_an_empty_body() {
        let headers = json!({ "Authorization": sign(b"", "secret") });
        let empty = read(&json!({ "httpMethod": "POST", "headers": headers, "body": null, "isBase64Encoded": false }));
        assert_eq!(answer(&empty).await, (400, vec![vec![]]), "signed, unreadable, kept");
    }
}
