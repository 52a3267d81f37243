//! The Lambda functions: what stands between the Lambda runtime and the flows.

pub mod proxy;
pub mod relay;
pub mod unsigned;
pub mod webhook;

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

/// Longest time for what is made ready before the first call, which waits for it: with [`crate::accept::DEADLINE`] behind
/// it, the answer still leaves within Xsolla's 3 seconds.
const WARM_UP: Duration = Duration::from_millis(500);

/// Takes one event after the other, until Lambda ends the function.
///
/// As a task, since whatever wakes the runtime's root goes through the kernel and back (an eventfd), three times per event.
/// And not by `lambda_runtime::run`, which wraps each call in a span for `tracing`: the one line says all of it.
async fn serve<E, R, F>(handler: impl Fn(LambdaEvent<E>) -> F + Send + 'static) -> Result<(), Error>
where
    E: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    F: Future<Output = R> + Send + 'static,
{
    // Boxed, since the compiler gives up on a future of futures of the SDK that is this deep.
    let service = service_fn(move |event| {
        let response = Box::pin(handler(event));
        async move { Ok::<_, Error>(response.await) }
    });
    tokio::spawn(Runtime::new(service).run()).await?
}

/// A mistake in the configuration ends the function while it initialises: it can take nothing, and says why.
fn refuse_to_start(error: InvalidSetting) -> Error {
    tracing::error!(%error, "the function cannot start");
    error.into()
}

/// The trace that an invocation is part of.
fn trace_of(context: &Context) -> Option<TraceHeader> {
    TraceHeader::parse(context.xray_trace_id.as_deref()?)
}

/// Reads the secrets and opens the first connection, side by side. What cannot be reached now is tried again with the first
/// call.
async fn warm_up(events: &Events, secrets: &SecretCache<SecretSource>, directory: Option<&Directory>) {
    let secrets = async {
        if let Err(error) = secrets.current(Timestamp::now()).await {
            tracing::error!(%error, "the secrets cannot be read");
        }
    };
    let directory = async {
        let Some(directory) = directory else { return };
        if let Err(error) = directory.prepare().await {
            tracing::error!(%error, "the key for the endpoint of USER_DIRECTORY cannot be read");
        }
    };
    // Boxed, since it would stay part of the function's future for good.
    let ready = Box::pin(async { tokio::join!(events.connect(), secrets, directory) });
    if tokio::time::timeout(WARM_UP, ready).await.is_err() {
        tracing::warn!("AWS is slow: the first call comes before all connections are made");
    }
}
