//! The loop of a Lambda function, and its initialization.

use std::time::Duration;

use jiff::Timestamp;
use lambda_runtime::{Context, Error, LambdaEvent, Runtime, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::aws::{Events, SecretSource};
use crate::directory::Directory;
use crate::secrets::SecretCache;
use crate::settings::InvalidSetting;
use crate::trace::TraceHeader;

/// Time limit of the warm-up, which delays the first webhook. With [`crate::accept::DEADLINE`], the first answer is still
/// sent within Xsolla's 3 seconds.
const WARM_UP_TIMEOUT: Duration = Duration::from_millis(500);

/// Processes events one by one until Lambda stops the function.
///
/// Runs as a spawned task: wake-ups of the runtime's root future are system calls (an eventfd), three per event. Does not
/// use `lambda_runtime::run`, which wraps each call in a `tracing` span.
pub(super) async fn serve<E, R, F>(handler: impl Fn(LambdaEvent<E>) -> F + Send + 'static) -> Result<(), Error>
where
    E: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    F: Future<Output = R> + Send + 'static,
{
    // Boxed: the compiler cannot process futures that nest so deeply.
    let service = service_fn(move |event| {
        let response = Box::pin(handler(event));
        async move { Ok::<_, Error>(response.await) }
    });
    tokio::spawn(Runtime::new(service).run()).await?
}

/// Logs an invalid setting and returns it as the error that ends the function during initialization.
pub(super) fn invalid_setting(error: InvalidSetting) -> Error {
    tracing::error!(%error, "invalid configuration; the function stops");
    error.into()
}

/// Returns the trace of an invocation.
pub(super) fn trace_of(context: &Context) -> Option<TraceHeader> {
    TraceHeader::parse(context.xray_trace_id.as_deref()?)
}

/// Reads the secrets and keys, and opens the connections, all in parallel. After a failure, the first webhook tries again.
pub(super) async fn warm_up(
    events: &Events,
    secrets: &SecretCache<SecretSource>,
    keys: Option<&SecretCache<SecretSource>>,
    directory: Option<&Directory>,
) {
    let secrets = async {
        if let Err(error) = secrets.warm_up(Timestamp::now()).await {
            tracing::error!(%error, "reading the secrets failed; will retry with the first webhook");
        }
    };
    let keys = async {
        let Some(keys) = keys else { return };
        if let Err(error) = keys.warm_up(Timestamp::now()).await {
            tracing::warn!(%error, "reading the pseudonym key failed; will retry with the first webhook");
        }
    };
    let directory = async {
        let Some(directory) = directory else { return };
        if let Err(error) = directory.warm_up(Timestamp::now()).await {
            tracing::error!(%error, "reading the endpoint's URL and key failed; will retry with the first question");
        }
    };
    // Boxed: it would remain part of the function's future.
    let warm_up = Box::pin(async { tokio::join!(events.connect(), secrets, keys, directory) });
    if tokio::time::timeout(WARM_UP_TIMEOUT, warm_up).await.is_err() {
        tracing::warn!("warm-up timed out; the first webhook opens the remaining connections");
    }
}
