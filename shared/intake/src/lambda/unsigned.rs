//! What Xsolla does not sign: API Gateway's proxy event in, the flow of [`crate::unsigned`], an answer out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use lambda_http::aws_lambda_events::apigw::ApiGatewayProxyResponse;
use lambda_runtime::{Error, LambdaEvent};
use xsolla::UnsignedType;

use super::proxy::ProxyRequest;
use super::webhook::response;
use super::{refuse_to_start, serve, trace_of, warm_up};
use crate::accept::{DEADLINE, DeliveryReport};
use crate::aws::{self, CallLimits, Events, SecretSource};
use crate::directory::Directory;
use crate::outcome::Outcome;
use crate::ports::{EventStore, SecretStore, UserDirectory};
use crate::secrets::SecretCache;
use crate::settings::{UnsignedSettings, environment};
use crate::telemetry::{self, Line};
use crate::trace::TraceHeader;
use crate::unsigned::{UnsignedDelivery, UnsignedIntake};

/// The routes, as `template.yaml` has them.
pub const ROUTES: [(&str, UnsignedType); 2] = [
    ("/unsigned/{key}/user-validation", UnsignedType::WebShopUserValidation),
    ("/unsigned/{key}/payout", UnsignedType::Payout),
];

/// Runs the function, until Lambda ends it.
///
/// # Errors
///
/// When its configuration is not usable, or the Lambda runtime cannot be reached.
pub async fn run() -> Result<(), Error> {
    telemetry::start();
    let settings = UnsignedSettings::read(&environment).map_err(refuse_to_start)?;
    let intake = Arc::new(connect(settings).await);
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

async fn connect(settings: UnsignedSettings) -> UnsignedIntake<Events, Directory, SecretSource> {
    let config = aws::function_config(CallLimits::FRONT_DOOR);
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let intake = UnsignedIntake {
        events: Events::new(&config, settings.table).with_retention(settings.retention),
        directory: Directory::new(settings.directory, &config, &dynamodb),
        keys: SecretCache::new(SecretSource::new(settings.keys, &config)),
        sources: settings.sources,
    };
    warm_up(&intake.events, &intake.keys, Some(&intake.directory)).await;
    intake
}

/// Takes one request. Gives the answer, and what is to be said of it in the log: nothing of the path, which has the key.
pub async fn handle<E: EventStore, D: UserDirectory, S: SecretStore>(
    intake: &UnsignedIntake<E, D, S>,
    request: &ProxyRequest,
    trace: Option<&TraceHeader>,
    received_at: Timestamp,
    time_left: Duration,
) -> (ApiGatewayProxyResponse, Line) {
    let started = Instant::now();
    let body = request.body();
    let receipt = match &body {
        Ok(body) => {
            let what = ROUTES.iter().find(|(route, _)| request.route() == Some(route)).map(|(_, what)| *what);
            let (key, source) = (request.path_key(), request.source());
            intake.accept(&UnsignedDelivery { what, key, source, body, received_at, trace, time_left }).await
        }
        Err(why) => DeliveryReport::from(Outcome::Unavailable(*why)),
    };
    (response(&receipt), Line::of(&receipt, received_at, started.elapsed()))
}
