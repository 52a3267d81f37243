//! Webhooks: API Gateway's proxy event in, the flow of [`crate::accept`], an answer out.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayProxyRequest, ApiGatewayProxyResponse};
use lambda_http::http::{HeaderValue, Method, header};
use lambda_http::lambda_runtime::{self, Error, LambdaEvent, service_fn};
use xsolla::{Answer, NotificationType, Outcome, Unavailable};

use super::{refuse_to_start, time_left};
use crate::accept::{DEADLINE, Delivery, Door, Intake, MAX_BODY, Receipt};
use crate::aws::{self, CallLimits, Events, SecretSource, Users};
use crate::ports::{EventStore, SecretStore, UserDirectory};
use crate::secrets::SecretKeeper;
use crate::settings::{SecretsSetting, UsersSetting, WebhookSettings, environment};
use crate::telemetry;

/// Runs a function that takes webhooks, until Lambda ends it.
///
/// # Errors
///
/// When its configuration is not usable, or the Lambda runtime cannot be reached.
pub async fn run(door: Door) -> Result<(), Error> {
    telemetry::start();
    let takes_user_validation = match door {
        Door::Any => true,
        Door::Only(only) => only == NotificationType::USER_VALIDATION,
    };
    let settings = WebhookSettings::read(&environment, takes_user_validation).map_err(refuse_to_start)?;
    let intake = &connect(door, settings).await;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<ApiGatewayProxyRequest>| {
        let time_left = time_left(&event.context).min(DEADLINE);
        Ok::<_, Error>(handle(intake, &event.payload, Timestamp::now(), time_left).await)
    }))
    .await
}

/// Makes the clients, reads the secrets and opens the first connection, side by side. What cannot be reached now is
/// tried again with the first webhook.
async fn connect(door: Door, settings: WebhookSettings) -> Intake<Events, Users, SecretSource> {
    let config = aws::sdk_config(CallLimits::FRONT_DOOR).load().await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let intake = Intake {
        door,
        events: Events::new(dynamodb.clone(), settings.table),
        users: settings.users.map(|users| match users {
            UsersSetting::AcceptAll => Users::AcceptAll,
            UsersSetting::Table(table) => Users::Table { client: dynamodb, table },
        }),
        secrets: SecretKeeper::new(match settings.secrets {
            SecretsSetting::Given(secrets) => SecretSource::Fixed(secrets),
            SecretsSetting::SecretsManager(secret_id) => {
                SecretSource::SecretsManager { client: aws_sdk_secretsmanager::Client::new(&config), secret_id }
            }
        }),
    };
    let ((), secrets) = tokio::join!(intake.events.connect(), intake.secrets.current(Timestamp::now()));
    if let Err(error) = secrets {
        tracing::error!(%error, "the webhook secrets cannot be read");
    }
    intake
}

/// Takes one request as the REST API hands it over.
///
/// `lambda_http::run` would do the unpacking, but panics on a body that is not the base64 that the event promises.
pub async fn handle<E: EventStore, U: UserDirectory, S: SecretStore>(
    intake: &Intake<E, U, S>,
    request: &ApiGatewayProxyRequest,
    received_at: Timestamp,
    time_left: Duration,
) -> ApiGatewayProxyResponse {
    let started = Instant::now();
    let body = body(request);
    let receipt = match &body {
        Ok(body) => {
            let delivery = Delivery { authorization: authorization(request), body, received_at, time_left };
            intake.accept(&delivery).await
        }
        Err(why) => Receipt::from(Outcome::Unavailable(*why)),
    };
    telemetry::log(&receipt, started.elapsed());
    response(receipt.outcome.answer())
}

/// The bytes that Xsolla sent.
fn body(request: &ApiGatewayProxyRequest) -> Result<Cow<'_, [u8]>, Unavailable> {
    if request.http_method != Method::POST {
        return Err(Unavailable::NotPost);
    }
    let body = request.body.as_deref().unwrap_or_default();
    if !request.is_base64_encoded {
        return Ok(Cow::Borrowed(body.as_bytes()));
    }
    if base64::decoded_len_estimate(body.len()) > MAX_BODY + 3 {
        return Err(Unavailable::TooLarge);
    }
    STANDARD.decode(body).map(Cow::Owned).map_err(|_| Unavailable::Undecodable)
}

/// The `Authorization` header. Two of them are as good as none: nobody could say which was meant.
fn authorization(request: &ApiGatewayProxyRequest) -> Option<&str> {
    // Events written by hand may lack the list of all values, in which API Gateway repeats every header.
    let repeated = &request.multi_value_headers;
    let headers = if repeated.contains_key(header::AUTHORIZATION) { repeated } else { &request.headers };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn response(answer: Answer) -> ApiGatewayProxyResponse {
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = answer.status().into();
    if let Some(body) = answer.body() {
        response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.body = Some(body.into());
    }
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use xsolla::{Secrets, sign};

    use super::*;
    use crate::ports::{Keeping, PortError};
    use crate::record::Record;

    const BODY: &str = r#"{"notification_type":"payment","transaction":{"id":7}}"#;

    /// Keeps the bodies it is given.
    #[derive(Default)]
    struct Bodies(Mutex<Vec<Vec<u8>>>);

    impl EventStore for Bodies {
        async fn keep(&self, record: &Record<'_>) -> Result<Keeping, PortError> {
            self.0.lock().unwrap().push(record.verified.body().to_vec());
            Ok(Keeping::Kept)
        }
    }

    async fn answer(request: &ApiGatewayProxyRequest) -> (i64, Vec<Vec<u8>>) {
        let intake = Intake {
            door: Door::Any,
            events: Bodies::default(),
            users: Some(Users::AcceptAll),
            secrets: SecretKeeper::new(SecretSource::Fixed(Secrets::parse("secret").unwrap())),
        };
        let response = handle(&intake, request, Timestamp::UNIX_EPOCH, DEADLINE).await;
        (response.status_code, intake.events.0.into_inner().unwrap())
    }

    fn request(body: impl Into<String>, authorization: &[&str]) -> ApiGatewayProxyRequest {
        let mut request = ApiGatewayProxyRequest::default();
        request.http_method = Method::POST;
        request.body = Some(body.into());
        for value in authorization {
            request.multi_value_headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        request
    }

    #[tokio::test]
    async fn the_bytes_that_are_verified_are_the_bytes_that_are_kept() {
        let signature = sign(BODY.as_bytes(), "secret");
        let plain = request(BODY, &[&signature]);
        assert_eq!(answer(&plain).await, (204, vec![BODY.into()]));

        let mut encoded = request(STANDARD.encode(BODY), &[&signature]);
        encoded.is_base64_encoded = true;
        assert_eq!(answer(&encoded).await, (204, vec![BODY.into()]));

        let mut undeclared = request(STANDARD.encode(BODY), &[&signature]);
        undeclared.is_base64_encoded = false;
        assert_eq!(answer(&undeclared).await, (400, vec![]), "base64 text is not what was signed");
    }

    #[tokio::test]
    async fn a_body_that_is_not_the_promised_base64_is_left_to_another_try() {
        for body in ["%%%", "a", "e30", "e30=\n", "e 30="] {
            let mut broken = request(body, &[&sign(b"{}", "secret")]);
            broken.is_base64_encoded = true;
            assert_eq!(answer(&broken).await, (503, vec![]), "{body:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_not_even_decoded() {
        let mut large = request("A".repeat(MAX_BODY / 3 * 4 + 8), &["Signature 00"]);
        large.is_base64_encoded = true;
        assert_eq!(answer(&large).await, (503, vec![]));
    }

    #[tokio::test]
    async fn the_largest_body_passes_in_base64_too() {
        let largest = format!(r#"{{"notification_type":"payment","x":"{}"}}"#, "x".repeat(MAX_BODY - 38));
        let mut encoded = request(STANDARD.encode(&largest), &[&sign(largest.as_bytes(), "secret")]);
        encoded.is_base64_encoded = true;
        assert_eq!(answer(&encoded).await.0, 204);
    }

    #[tokio::test]
    async fn only_a_post_is_a_webhook() {
        for method in [Method::GET, Method::PUT, Method::HEAD, Method::OPTIONS] {
            let mut other = request(BODY, &[&sign(BODY.as_bytes(), "secret")]);
            other.http_method = method;
            assert_eq!(answer(&other).await, (503, vec![]));
        }
    }

    #[tokio::test]
    async fn a_repeated_authorization_header_is_none() {
        let signature = sign(BODY.as_bytes(), "secret");
        assert_eq!(answer(&request(BODY, &[&signature, &signature])).await, (400, vec![]));
        assert_eq!(answer(&request(BODY, &[])).await, (400, vec![]));
    }

    #[tokio::test]
    async fn the_header_is_found_where_hand_written_events_have_it() {
        let mut by_hand = request(BODY, &[]);
        by_hand.headers.insert("Authorization", sign(BODY.as_bytes(), "secret").parse().unwrap());
        assert_eq!(answer(&by_hand).await.0, 204);
    }

    #[tokio::test]
    async fn no_body_is_an_empty_body() {
        let mut empty = request("", &[&sign(b"", "secret")]);
        empty.body = None;
        assert_eq!(answer(&empty).await, (400, vec![vec![]]), "signed, unreadable, kept");
    }
}
