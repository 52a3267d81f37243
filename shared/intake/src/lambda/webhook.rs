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
