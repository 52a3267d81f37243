//! The embedded DynamoDB behind the [`Guard`].
//!
//! The database's own HTTP server answers every web page. It only accepts a listener, so it gets one on a free port, and
//! a few connections from here. After that, its accept loop is not polled: connections of others stay unanswered.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dynoxide::Database;
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::guard::Guard;

/// Connections to the database's server. It runs one request at a time, so that more would wait there.
const CONNECTIONS: usize = 8;

/// DynamoDB's limit of a request body, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A request, and the channel for its answer.
struct Call {
    request: hyper::Request<Full<Bytes>>,
    answer: oneshot::Sender<Response>,
}

type Calls = Arc<Mutex<mpsc::Receiver<Call>>>;

/// Serves DynamoDB until the task is aborted.
pub(crate) async fn serve(listener: TcpListener, database: Database) {
    if let Err(error) = serve_inner(listener, database).await {
        tracing::error!(error, "embedded DynamoDB stopped");
    }
}

async fn serve_inner(listener: TcpListener, database: Database) -> Result<(), String> {
    let unguarded = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| error.to_string())?;
    let address = unguarded.local_addr().map_err(|error| error.to_string())?;
    let server = dynoxide::server::serve_with_shutdown(unguarded, database, std::future::pending());
    let mut server = std::pin::pin!(server);

    let (calls, receiver) = mpsc::channel::<Call>(CONNECTIONS);
    let receiver = Arc::new(Mutex::new(receiver));
    let router = Guard::default().protect(Router::new().fallback(call).with_state(calls));
    let mut front = std::pin::pin!(axum::serve(listener, router).into_future());
    let mut connections = JoinSet::new();
    loop {
        while connections.len() < CONNECTIONS {
            tokio::select! {
                result = &mut server => return result,
                connection = connect(address) => connections.spawn(forward(connection.map_err(|error| error.to_string())?, Arc::clone(&receiver))),
            };
        }
        // `server` is not polled here. Dropping it would close the connections.
        tokio::select! {
            result = &mut front => return result.map_err(|error| error.to_string()),
            _ = connections.join_next() => {}
        }
    }
}

/// Opens a connection and sends a first request, whose answer shows that the server has accepted the connection.
async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let health_check = hyper::Request::get("/").header("host", address.to_string()).body(Full::default())?;
    to_bytes(Body::new(sender.send_request(health_check).await?.into_body()), MAX_BODY).await?;
    Ok(sender)
}

/// Sends calls through one connection, one after the other, until it fails.
async fn forward(mut connection: SendRequest<Full<Bytes>>, calls: Calls) {
    loop {
        if connection.ready().await.is_err() {
            return;
        }
        let Some(Call { request, answer }) = calls.lock().await.recv().await else { return };
        let Ok(response) = connection.send_request(request).await else { return };
        let (head, body) = response.into_parts();
        let Ok(body) = to_bytes(Body::new(body), usize::MAX).await else { return };
        // Fails if the caller has closed its connection.
        let _ = answer.send(Response::from_parts(head, Body::from(body)));
    }
}

async fn call(State(calls): State<mpsc::Sender<Call>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let (answer, received) = oneshot::channel();
    let call = Call { request: hyper::Request::from_parts(head, Full::new(body)), answer };
    // The answer's channel closes if the connection to the database fails.
    match (calls.send(call).await, received.await) {
        (Ok(()), Ok(response)) => response,
        _ => StatusCode::BAD_GATEWAY.into_response(),
    }
}
