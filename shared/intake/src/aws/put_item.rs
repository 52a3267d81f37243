//! `PutItem`, made of the SDK's parts, but only of those that it needs, and put together once.
//!
//! `Client::put_item` looks up the endpoint by its rules, makes an identity of the credentials, and runs some fifteen
//! interceptors, for each call: a third of what an accepted event cost. Here, too, the SDK writes, signs, sends, times,
//! repeats and reads. Left out are:
//!
//! | what | why |
//! |---|---|
//! | the endpoint's rules, after the first call | they depend on nothing of the call |
//! | `user-agent` and its business metrics, the number of the attempt | they serve AWS's statistics |
//! | the trace's id, against functions that call themselves | no loop leads through a table |
//! | endpoints per account, telemetry, stalled streams, request compression | not used |

use std::sync::OnceLock;

use aws_runtime::auth::sigv4::{self, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_sdk_dynamodb::config::{BehaviorVersion, RuntimeComponentsBuilder, RuntimePlugin};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::{PutItem as Operation, PutItemError, PutItemInput, PutItemOutput};
use aws_smithy_runtime::client::defaults::{DefaultPluginParams, default_plugins};
use aws_smithy_runtime::client::http::connection_poisoning::ConnectionPoisoningInterceptor;
use aws_smithy_runtime::client::orchestrator::invoke;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, ModeledAsRetryableClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::endpoint::{
    EndpointFuture, EndpointResolverParams, ResolveEndpoint, SharedEndpointResolver,
};
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::runtime_plugin::{RuntimePlugins, StaticRuntimePlugin};
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::endpoint::Endpoint;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use aws_types::{SdkConfig, SigningName};

/// Sends items to DynamoDB.
#[derive(Debug, Clone)]
pub(super) struct PutItem {
    plugins: RuntimePlugins,
}

impl PutItem {
    pub(super) fn new(config: &SdkConfig) -> Self {
        let region = config.region().map(ToString::to_string);
        // One quota of repetitions with the client's other calls, which name theirs like this.
        let quota = region.as_ref().map_or("dynamodb".to_owned(), |region| format!("dynamodb-{region}"));
        let defaults = DefaultPluginParams::new()
            .with_retry_partition_name(quota)
            .with_behavior_version(BehaviorVersion::v2026_01_12())
            .with_is_aws_sdk(true);
        let mut settings = Layer::new("PutItem");
        settings.store_or_unset(config.timeout_config().cloned());
        settings.store_or_unset(config.retry_config().cloned());
        settings.store_or_unset(config.stalled_stream_protection());
        settings.store_or_unset(config.region().cloned().map(SigningRegion::from));
        settings.store_put(SigningName::from_static("dynamodb"));
        settings.store_put(endpoint(config));

        let components = RuntimeComponentsBuilder::new("PutItem")
            .with_http_client(config.http_client())
            .with_endpoint_resolver(Some(EndpointOnce::default()))
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID])))
            .with_auth_scheme(SigV4AuthScheme::new())
            .with_interceptor(ConnectionPoisoningInterceptor::new())
            .with_interceptor(ServiceClockSkewInterceptor::new())
            .with_retry_classifier(HttpStatusCodeClassifier::default())
            .with_retry_classifier(TransientErrorClassifier::<PutItemError>::new())
            .with_retry_classifier(ModeledAsRetryableClassifier::<PutItemError>::new())
            .with_retry_classifier(AwsErrorCodeClassifier::<PutItemError>::new())
            .with_retry_classifier(ServiceClockSkewClassifier::<PutItemError>::new());
        let components = match config.credentials_provider() {
            Some(credentials) => components.with_identity_resolver(sigv4::SCHEME_ID, credentials),
            None => components,
        };
        let ours = StaticRuntimePlugin::new().with_config(settings.freeze()).with_runtime_components(components);
        let mut plugins = RuntimePlugins::new().with_client_plugins(default_plugins(defaults));
        // How it is written and read; not its interceptors, which serve the rules of endpoints, telemetry and streams.
        if let Some(operation) = Operation::new().config() {
            plugins = plugins.with_client_plugin(StaticRuntimePlugin::new().with_config(operation));
        }
        Self { plugins: plugins.with_client_plugin(ours) }
    }

    pub(super) async fn send(&self, input: PutItemInput) -> Result<PutItemOutput, SdkError<PutItemError>> {
        let unexpected = || PutItemError::unhandled("the result of another operation");
        // Boxed, or every future around it would carry its several kilobytes, and be copied with them.
        let result = Box::pin(invoke("DynamoDB", "PutItem", Input::erase(input), &self.plugins)).await;
        let output = result
            .map_err(|error| error.map_service_error(|error| error.downcast().unwrap_or_else(|_| unexpected())))?;
        output.downcast().map_err(|_| SdkError::construction_failure(unexpected()))
    }
}

/// Looks up the endpoint once.
#[derive(Debug)]
struct EndpointOnce {
    rules: SharedEndpointResolver,
    found: OnceLock<Endpoint>,
}

impl Default for EndpointOnce {
    fn default() -> Self {
        Self { rules: DefaultResolver::new().into_shared_resolver(), found: OnceLock::new() }
    }
}

impl ResolveEndpoint for EndpointOnce {
    fn resolve_endpoint<'a>(&'a self, params: &'a EndpointResolverParams) -> EndpointFuture<'a> {
        match self.found.get() {
            Some(found) => EndpointFuture::ready(Ok(found.clone())),
            None => EndpointFuture::new(async {
                let found = self.rules.resolve_endpoint(params).await?;
                Ok(self.found.get_or_init(|| found).clone())
            }),
        }
    }
}

/// What the endpoint depends on.
fn endpoint(config: &SdkConfig) -> EndpointResolverParams {
    let url = config.service_config().and_then(|services| {
        let key = ServiceConfigKey::builder().service_id("DynamoDB").env("AWS_ENDPOINT_URL").profile("endpoint_url");
        services.load_config(key.build().ok()?)
    });
    let params = Params::builder()
        .set_region(config.region().map(ToString::to_string))
        .set_endpoint(url.or_else(|| config.endpoint_url().map(str::to_owned)))
        .build();
    // Without them, each call fails, and says that they are missing.
    params.map_or_else(|_| EndpointResolverParams::new(()), EndpointResolverParams::new)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
    use aws_sdk_dynamodb::types::AttributeValue;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_types::body::SdkBody;

    use super::*;
    use crate::aws::{CallLimits, limited};

    /// Keeps what is sent, and answers that it is done.
    #[derive(Debug, Clone, Default)]
    struct Sent(Arc<Mutex<Vec<Vec<String>>>>);

    impl HttpConnector for Sent {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let header = |name| request.headers().get(name).unwrap_or_default().to_owned();
            // Up to the day, region and service for which it is signed.
            let authorization = header("authorization").split_once(',').unwrap().0.to_owned();
            let body = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
            let (target, token) = (header("x-amz-target"), header("x-amz-security-token"));
            let (method, uri, content_type) =
                (request.method().to_owned(), request.uri().to_owned(), header("content-type"));
            self.0.lock().unwrap().push(vec![method, uri, content_type, target, token, authorization, body]);
            HttpConnectorFuture::ready(Ok(HttpResponse::new(200_u16.try_into().unwrap(), SdkBody::from("{}"))))
        }
    }

    #[tokio::test]
    async fn it_sends_what_the_client_would_send() {
        for region in ["eu-central-1", "us-gov-west-1", "cn-north-1"] {
            let sent = Sent::default();
            let connector = SharedHttpConnector::new(sent.clone());
            let credentials = Credentials::new("id", "key", Some("token".to_owned()), None, "test");
            let config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new(region))
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .http_client(http_client_fn(move |_, _| connector.clone()));
            let config = limited(config, CallLimits::FRONT_DOOR).build();

            let pk = AttributeValue::S("transaction#7".to_owned());
            let input = PutItemInput::builder().table_name("events").item("pk", pk.clone()).build().unwrap();
            let put = PutItem::new(&config);
            put.send(input.clone()).await.unwrap();
            put.send(input).await.unwrap();
            Client::new(&config).put_item().table_name("events").item("pk", pk).send().await.unwrap();

            let sent = sent.0.lock().unwrap();
            assert_eq!(sent[0], sent[2]);
            assert_eq!(sent[1], sent[2], "the endpoint is known by now");
            assert!(sent[2][1].contains(region), "{:?}", sent[2]);
        }
    }
}
