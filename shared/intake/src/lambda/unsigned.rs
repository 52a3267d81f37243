//! The function `unsigned`: notifications that Xsolla does not sign.

use lambda_runtime::Error;
use xsolla::{Secrets, UnsignedType};

use super::api_gateway::{self, HttpFlow, Request};
use super::pseudonyms::WithPseudonyms;
use super::runtime::{invalid_setting, warm_up};
use crate::accept::DeliveryReport;
use crate::aws::{self, CallLimits, Events, SecretSource};
use crate::directory::Directory;
use crate::ports::{EventStore, SecretStore, UserDirectory};
use crate::secrets::SecretCache;
use crate::settings::{UnsignedSettings, environment};
use crate::telemetry;
use crate::unsigned::{UnsignedDelivery, UnsignedIntake};

/// The routes, as in `template.yaml`.
pub const ROUTES: [(&str, UnsignedType); 2] = [
    ("/unsigned/{key}/user-validation", UnsignedType::WebShopUserValidation),
    ("/unsigned/{key}/payout", UnsignedType::Payout),
];

/// Runs the function until Lambda stops it.
///
/// # Errors
///
/// If the configuration is invalid, or the Lambda runtime is unreachable.
pub async fn run() -> Result<(), Error> {
    telemetry::start();
    let settings = UnsignedSettings::read(&environment).map_err(invalid_setting)?;
    let config = aws::function_config(CallLimits::WEBHOOK);
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let intake = UnsignedIntake {
        events: Events::new(&config, settings.table).with_retention(settings.retention),
        directory: Directory::new(settings.directory, &config, &dynamodb),
        keys: SecretCache::new(SecretSource::new(settings.keys, &config)),
        sources: settings.sources,
    };
    let keys = settings.pseudonym_keys.map(|keys| SecretCache::new(SecretSource::new(keys, &config)));
    warm_up(&intake.events, &intake.keys, keys.as_ref(), Some(&intake.directory)).await;
    api_gateway::run(WithPseudonyms { flow: intake, keys }).await
}

impl<E: EventStore, D: UserDirectory, S: SecretStore<Value = Secrets>> HttpFlow for UnsignedIntake<E, D, S> {
    async fn process<'a>(&self, request: Request<'a>) -> DeliveryReport<'a> {
        let Request { event, body, received_at, trace, time_left } = request;
        let route = ROUTES.iter().find(|(route, _)| event.route() == Some(route));
        let delivery = UnsignedDelivery {
            notification: route.map(|(_, notification)| *notification),
            key: event.path_key(),
            source: event.source(),
            body,
            received_at,
            trace,
            time_left,
        };
        self.accept(&delivery).await
    }
}
