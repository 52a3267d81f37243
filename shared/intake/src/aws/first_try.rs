//! The first try of a `PutItem`, which nearly always succeeds, made of few parts.
//!
//! `Client::put_item` looks up the endpoint by its rules, makes an identity of the credentials, and runs some twenty
//! interceptors around its attempts, for each call anew: two fifths of the CPU of an accepted event. The first try writes,
//! signs, sends and reads. What it does not settle, whatever the reason, is left to the client, which puts the same item
//! again, and is answered with its own work if that had taken effect.

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sdk_dynamodb::config::Builder;
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector as _, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use jiff::Timestamp;
use lambda_http::http::{HeaderName, Request, Uri, header};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::item::{Item, KEY_IS_FREE};
use super::signature::{CONTENT_TYPE, Call, Signature};

type BoxError = Box<dyn Error + Send + Sync>;

const TARGET: &str = "DynamoDB_20120810.PutItem";
const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Makes the first try.
#[derive(Debug, Clone)]
pub(super) struct FirstTry {
    region: String,
    credentials: Option<SharedCredentialsProvider>,
    limit: Duration,
    /// What is left to the client.
    rest: Builder,
    way: Arc<OnceLock<Way>>,
}

/// The way to the table, as the client has found it.
#[derive(Debug)]
struct Way {
    url: Uri,
    host: String,
    connector: SharedHttpConnector,
}

/// What came of it.
pub(super) enum Tried {
    /// The item is there.
    Put,
    /// Another one is.
    Taken(serde_dynamo::Item),
    /// Nobody knows. It has to be put again.
    InVain,
}

impl FirstTry {
    /// A first try within the limit of an attempt. It begins when a client has found the way.
    pub(super) fn new(config: &SdkConfig) -> Self {
        let timeouts = config.timeout_config();
        let limit = timeouts.and_then(TimeoutConfig::operation_attempt_timeout).unwrap_or(Duration::MAX);
        let left = timeouts.and_then(|timeouts| timeouts.operation_timeout()?.checked_sub(limit));
        let rest = Builder::new()
            .set_timeout_config(
                timeouts.zip(left).map(|(timeouts, left)| timeouts.to_builder().operation_timeout(left).build()),
            )
            .set_retry_config(config.retry_config().map(|retries| {
                let attempts = retries.max_attempts().saturating_sub(1).max(1);
                retries.clone().with_max_attempts(attempts).with_initial_backoff(2 * retries.initial_backoff())
            }))
            .clone();
        Self {
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            credentials: config.credentials_provider(),
            limit,
            rest,
            way: Arc::default(),
        }
    }

    /// Learns the way from a client's calls: the endpoint's rules are its affair, and both use one connection.
    pub(super) fn learner(&self) -> impl Intercept + use<> {
        Learner(Arc::clone(&self.way))
    }

    /// What it leaves to the client, if it was in vain: an attempt less, after longer pauses, in the rest of the time.
    pub(super) fn rest(&self) -> Builder {
        self.rest.clone()
    }

    /// Puts an item whose key is free. `None` if the way is not known yet.
    pub(super) async fn put(&self, table: &str, item: &Item<'_>) -> Option<Tried> {
        let call = self.call(self.way.get()?, table, item);
        let tried = tokio::time::timeout(self.limit, call).await.unwrap_or_else(|elapsed| Err(elapsed.into()));
        Some(tried.unwrap_or_else(|error| {
            tracing::warn!(%error, "the first try of a write came to nothing, and the SDK goes on");
            Tried::InVain
        }))
    }

    async fn call(&self, way: &Way, table: &str, item: &Item<'_>) -> Result<Tried, BoxError> {
        let body = serde_json::to_vec(&PutItem {
            table_name: table,
            item,
            condition_expression: KEY_IS_FREE,
            return_values_on_condition_check_failure: "ALL_OLD",
        })?;
        // Not cached, since a function's own are in its environment.
        let credentials = self.credentials.as_ref().ok_or("no credentials")?.provide_credentials().await?;
        let call = Call { host: &way.host, region: &self.region, target: TARGET, body: &body };
        let Signature { date, authorization } = call.sign(&credentials, Timestamp::now())?;
        let mut request = Request::post(way.url.clone())
            .header(header::CONTENT_TYPE, CONTENT_TYPE)
            .header(X_AMZ_TARGET, TARGET)
            .header(X_AMZ_DATE, date)
            .header(header::AUTHORIZATION, authorization);
        if let Some(token) = credentials.session_token() {
            request = request.header(X_AMZ_SECURITY_TOKEN, token);
        }
        let mut request = HttpRequest::try_from(request.body(SdkBody::from(body))?)?;
        let connection = CaptureSmithyConnection::new();
        request.add_extension(connection.clone());

        let response = way.connector.call(request).await?;
        let status = response.status();
        // As the SDK does: the next attempt shall meet another host.
        if status.is_server_error()
            && let Some(connection) = connection.get()
        {
            connection.poison();
        }
        let body = ByteStream::new(response.into_body()).collect().await?.into_bytes();
        // What does not fit, these errors would quote.
        let unreadable = |_| "the answer cannot be read";
        if status.is_success() {
            let _: IgnoredAny = serde_json::from_slice(&body).map_err(unreadable)?;
            return Ok(Tried::Put);
        }
        let Refusal { code, item } = serde_json::from_slice(&body).map_err(unreadable)?;
        let is_taken = code.ends_with("#ConditionalCheckFailedException");
        item.filter(|_| is_taken).map(Tried::Taken).ok_or_else(|| code.into())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutItem<'a> {
    table_name: &'a str,
    item: &'a Item<'a>,
    condition_expression: &'static str,
    return_values_on_condition_check_failure: &'static str,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type")]
    code: String,
    #[serde(rename = "Item")]
    item: Option<serde_dynamo::Item>,
}

/// Watches a client find the way.
#[derive(Debug)]
struct Learner(Arc<OnceLock<Way>>);

#[dyn_dispatch_hint]
impl Intercept for Learner {
    fn name(&self) -> &'static str {
        "Learner"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let timeouts = config.load::<TimeoutConfig>();
        let mut settings = HttpConnectorSettings::builder();
        settings.set_connect_timeout(timeouts.and_then(TimeoutConfig::connect_timeout));
        settings.set_read_timeout(timeouts.and_then(TimeoutConfig::read_timeout));
        // Of no other path is anything signed.
        if let (Some(client), Ok(url)) = (components.http_client(), context.request().uri().parse::<Uri>())
            && let (Some(host), "/") = (url.authority().map(ToString::to_string), url.path())
        {
            let connector = client.http_connector(&settings.build(), components);
            self.0.get_or_init(|| Way { url, host, connector });
        }
        Ok(())
    }
}
