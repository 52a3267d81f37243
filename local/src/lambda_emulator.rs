//! Lambda's execution environment: a function binary in a process of its own, and the Runtime API that serves it events.
//!
//! For tests of the deployed binaries: their cost, and the handling of events when one is killed. The local stack runs
//! the functions in its own process instead.

use std::net::Ipv4Addr;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::guard::Guard;

/// Timeout that the deadline header reports. It is not enforced.
const FUNCTION_TIMEOUT: Duration = Duration::from_mins(1);

/// X-Ray header of every invocation, with the lineage that Lambda adds.
pub const TRACE_HEADER: &str =
    "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:a87bd80c:0";

/// A function process that waits for events. Dropping this kills the process.
#[derive(Debug)]
pub struct LambdaEmulator {
    process: Child,
    invocations: mpsc::Sender<Invocation>,
    invocation_count: u64,
    _server: Server,
}

/// Failure to start a function or to get its response.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The binary or the Runtime API could not be started.
    #[error("cannot start the function: {0}")]
    Start(#[from] std::io::Error),
    /// The process exited.
    #[error("function process exited: {0}")]
    Exited(ExitStatus),
    /// The function reported an error: JSON with `errorType` and `errorMessage`.
    #[error("function returned an error: {0}")]
    Function(String),
}

/// An event for the function, and the channel for its response.
#[derive(Debug)]
struct Invocation {
    id: String,
    event: Vec<u8>,
    response: ResponseSender,
}

type ResponseSender = oneshot::Sender<Result<Bytes, InvokeError>>;

#[derive(Debug)]
struct RuntimeApi {
    /// Sender of the signal that the process has requested its first event.
    ready: Mutex<Option<oneshot::Sender<()>>>,
    invocations: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    /// Id and response channel of the invocation in progress.
    current: Mutex<Option<(String, ResponseSender)>>,
}

/// The Runtime API's server task. Aborted on drop.
#[derive(Debug)]
struct Server(JoinHandle<()>);

impl LambdaEmulator {
    /// Starts a binary and waits until it requests its first event.
    ///
    /// The command must set the function's own variables, the region and the credentials. The other variables that
    /// Lambda sets are added here.
    ///
    /// # Errors
    ///
    /// If the process cannot be started, or exits before it requests an event.
    pub async fn start(mut command: Command) -> Result<Self, InvokeError> {
        let (ready, is_ready) = oneshot::channel();
        let (invocations, receiver) = mpsc::channel(1);
        let api = RuntimeApi {
            ready: Mutex::new(Some(ready)),
            invocations: tokio::sync::Mutex::new(receiver),
            current: Mutex::new(None),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        command
            .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .kill_on_drop(true);
        let server = Server(tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, Guard::default().protect(routes(api))).await {
                tracing::error!(%error, "Runtime API stopped");
            }
        }));
        let mut process = command.spawn()?;
        tokio::select! {
            Ok(()) = is_ready => Ok(Self { process, invocations, invocation_count: 0, _server: server }),
            status = process.wait() => Err(InvokeError::Exited(status?)),
        }
    }

    /// The process id; `None` after the process has exited.
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Sends an event and waits for the response.
    ///
    /// If the returned future is dropped early, the process is still handling the event: kill it, as Lambda does after
    /// a timeout.
    ///
    /// # Errors
    ///
    /// If the function returns an error, or its process exits.
    pub async fn invoke(&mut self, event: Vec<u8>) -> Result<Bytes, InvokeError> {
        self.invocation_count += 1;
        let id = format!("00000000-0000-4000-8000-{:012x}", self.invocation_count);
        let (response, received) = oneshot::channel();
        // Both channels close only when the process exits.
        let sent = self.invocations.send(Invocation { id, event, response }).await;
        tokio::select! {
            Ok(response) = received, if sent.is_ok() => response,
            status = self.process.wait() => Err(InvokeError::Exited(status?)),
        }
    }

    /// Kills the process with SIGKILL.
    ///
    /// # Errors
    ///
    /// If the process cannot be killed.
    pub async fn kill(mut self) -> std::io::Result<()> {
        // `self` is dropped after this: the Runtime API must outlive the process, or the function would log an error.
        self.process.kill().await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn routes(api: RuntimeApi) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        // The process exits after this call, which `start` reports.
        .route("/2018-06-01/runtime/init/error", post(StatusCode::ACCEPTED))
        .with_state(Arc::new(api))
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
    if let Some(ready) = lock(&api.ready).take() {
        // Fails if the caller of `start` has stopped waiting.
        let _ = ready.send(());
    }
    let Some(Invocation { id, event, response }) = api.invocations.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemTime::now() + FUNCTION_TIMEOUT;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    *lock(&api.current) = Some((id.clone(), response));
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:function".to_owned()),
        ("lambda-runtime-trace-id", TRACE_HEADER.to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event).into_response()
}

async fn response(State(api): State<Arc<RuntimeApi>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    api.respond(&id, Ok(body))
}

async fn error(State(api): State<Arc<RuntimeApi>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    api.respond(&id, Err(InvokeError::Function(String::from_utf8_lossy(&body).into_owned())))
}

impl RuntimeApi {
    fn respond(&self, id: &str, response: Result<Bytes, InvokeError>) -> StatusCode {
        match lock(&self.current).take_if(|(current, _)| current == id) {
            Some((_, sender)) => {
                // Fails if the caller of `invoke` has stopped waiting.
                let _ = sender.send(response);
                StatusCode::ACCEPTED
            }
            None => StatusCode::BAD_REQUEST,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
