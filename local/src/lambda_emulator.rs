//! Lambda's execution environment: a function's binary in a process of its own, and the Runtime API from which it takes
//! its events, one at a time.
//!
//! The functions of [`crate::stack`] run in its own process and need none of this. It is for tests of the binaries as they
//! are deployed: what they cost, and what becomes of an event when one is killed.

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

/// How much time a function is told to have for one event.
const TIME: Duration = Duration::from_mins(1);

/// What X-Ray's header is for each event, with what Lambda adds to it.
pub const TRACE_HEADER: &str =
    "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:a87bd80c:0";

/// A process that waits for events. It is killed when this is dropped, also before it was ready.
#[derive(Debug)]
pub struct Environment {
    process: Child,
    events: mpsc::Sender<Invocation>,
    invocations: u64,
    _server: Server,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The binary cannot be started, or nothing can listen on this machine.
    #[error("the environment cannot be made: {0}")]
    Start(#[from] std::io::Error),
    /// The process has ended.
    #[error("the process has ended: {0}")]
    Ended(ExitStatus),
    /// The function itself has reported an error: JSON with `errorType` and `errorMessage`.
    #[error("the function has failed: {0}")]
    Failed(String),
}

/// An event on its way to the process, and where its answer goes.
#[derive(Debug)]
struct Invocation {
    id: String,
    event: Vec<u8>,
    answer: Asker,
}

type Asker = oneshot::Sender<Result<Bytes, InvokeError>>;

#[derive(Debug)]
struct RuntimeApi {
    /// Told when the process asks for its first event.
    ready: Mutex<Option<oneshot::Sender<()>>>,
    events: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    /// What the process is at.
    current: Mutex<Option<(String, Asker)>>,
}

/// The Runtime API's task, which ends with its environment.
#[derive(Debug)]
struct Server(JoinHandle<()>);

impl Environment {
    /// Starts a binary and waits until it asks for its first event. The command has the function's own variables; those
    /// that Lambda sets for every function are added here, but for region and credentials.
    ///
    /// # Errors
    ///
    /// When it ends before.
    pub async fn start(mut command: Command) -> Result<Self, InvokeError> {
        let (ready, is_ready) = oneshot::channel();
        let (events, next) = mpsc::channel(1);
        let ready = Mutex::new(Some(ready));
        let api = RuntimeApi { ready, events: tokio::sync::Mutex::new(next), current: Mutex::new(None) };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        command
            .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "function")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .kill_on_drop(true);
        let server = Server(tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes(api)).await {
                tracing::error!(%error, "the Runtime API has stopped");
            }
        }));
        let mut process = command.spawn()?;
        tokio::select! {
            Ok(()) = is_ready => Ok(Self { process, events, invocations: 0, _server: server }),
            ended = process.wait() => Err(InvokeError::Ended(ended?)),
        }
    }

    /// The process's id; `None` once it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Hands over an event, and waits for the answer. If that is not waited for, the process must be killed, as Lambda does
    /// after the function's time-out: it is still at that event.
    ///
    /// # Errors
    ///
    /// When the function fails, or its process ends.
    pub async fn invoke(&mut self, event: Vec<u8>) -> Result<Bytes, InvokeError> {
        self.invocations += 1;
        let id = format!("00000000-0000-4000-8000-{:012x}", self.invocations);
        let (answer, answered) = oneshot::channel();
        // An error, or no answer, means that the other end is gone, and that is the process's end too.
        let sent = self.events.send(Invocation { id, event, answer }).await;
        tokio::select! {
            Ok(answer) = answered, if sent.is_ok() => answer,
            ended = self.process.wait() => Err(InvokeError::Ended(ended?)),
        }
    }

    /// Ends the process as nothing else would: with SIGKILL, whatever it is at.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub async fn kill(mut self) -> std::io::Result<()> {
        // The Runtime API ends after it, with `self`: else the function would live to complain.
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
        // The process ends after this, and that is what counts.
        .route("/2018-06-01/runtime/init/error", post(StatusCode::ACCEPTED))
        .with_state(Arc::new(api))
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
    if let Some(ready) = lock(&api.ready).take() {
        // Whoever started it may have given up.
        let _ = ready.send(());
    }
    let Some(Invocation { id, event, answer }) = api.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemTime::now() + TIME;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    *lock(&api.current) = Some((id.clone(), answer));
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
    api.answer(&id, Ok(body))
}

async fn error(State(api): State<Arc<RuntimeApi>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    api.answer(&id, Err(InvokeError::Failed(String::from_utf8_lossy(&body).into_owned())))
}

impl RuntimeApi {
    fn answer(&self, id: &str, answer: Result<Bytes, InvokeError>) -> StatusCode {
        match lock(&self.current).take_if(|(current, _)| current == id) {
            Some((_, asker)) => {
                // Whoever asked may have given up.
                let _ = asker.send(answer);
                StatusCode::ACCEPTED
            }
            None => StatusCode::BAD_REQUEST,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
