//! A proxy between the SDK and a service. It injects a fault into an operation, counts the attempts, and measures the
//! calls.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A fault of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFault {
    /// The port refuses connections, for the lifetime of the proxy. No attempt is visible.
    Refused,
    /// The connection is reset before the service receives the request.
    ResetBefore,
    /// The connection is reset after the service has processed the request.
    ResetAfter,
    /// The service processes the request, and the connection closes after half of the answer.
    Truncated,
    /// No answer. The service does not receive the request.
    StallBefore,
    /// No answer. The service processes the request.
    StallAfter,
    /// An error with this status and code. The service does not receive the request.
    ErrorBefore(u16, &'static str),
    /// An error with this status and code. The service processes the request.
    ErrorAfter(u16, &'static str),
    /// The service's clock is one hour ahead. It rejects signatures of any other time.
    ClockSkew,
    /// The second message of a batch fails with this code. The service processes the others.
    SecondOfBatch(&'static str),
    /// The service processes a batch, and the answer mentions none of its messages.
    EmptyResult,
}

/// A call without a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSize {
    /// The name of the operation in AWS.
    pub operation: String,
    /// Bytes of the request, including its headers.
    pub sent: usize,
    /// Bytes of the answer, including its headers.
    pub received: usize,
}

/// A proxy for one service.
pub struct FaultProxy {
    /// The endpoint for the SDK.
    pub endpoint: String,
    state: Arc<State>,
    /// A bound port that does not listen.
    _refusing: Option<TcpSocket>,
}

struct State {
    upstream: String,
    /// The operation with the fault.
    operation: &'static str,
    fault: CallFault,
    /// How many attempts have the fault, from the first one.
    times: usize,
    /// The body of each attempt.
    attempts: Mutex<Vec<Value>>,
    calls: Mutex<Vec<CallSize>>,
    connections: AtomicUsize,
    /// An error of the proxy itself.
    error: Mutex<Option<io::Error>>,
}

impl FaultProxy {
    /// A proxy without a fault.
    pub async fn faultless(upstream: &str) -> Self {
        Self::start(upstream, "", CallFault::ResetBefore, 0).await
    }

    pub async fn start(upstream: &str, operation: &'static str, fault: CallFault, times: usize) -> Self {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let (attempts, calls, connections, error) = <_>::default();
        let state = Arc::new(State { upstream, operation, fault, times, attempts, calls, connections, error });
        if fault == CallFault::Refused {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let endpoint = format!("http://{}", socket.local_addr().unwrap());
            return Self { endpoint, state, _refusing: Some(socket) };
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&serving);
                state.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    if let Err(error) = state.forward(client).await {
                        *state.error.lock().unwrap() = Some(error);
                    }
                });
            }
        });
        Self { endpoint, state, _refusing: None }
    }

    /// The number of attempts at the operation, including the SDK's retries.
    pub fn attempts(&self) -> usize {
        if let Some(error) = &*self.state.error.lock().unwrap() {
            panic!("the proxy failed: {error}");
        }
        self.state.attempts.lock().unwrap().len()
    }

    /// The number of opened connections.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// The body of each attempt at the operation.
    pub fn requests(&self) -> Vec<Value> {
        self.state.attempts.lock().unwrap().clone()
    }

    /// The calls since the last time.
    pub fn calls(&self) -> Vec<CallSize> {
        std::mem::take(&mut self.state.calls.lock().unwrap())
    }
}

impl State {
    async fn forward(&self, mut client: TcpStream) -> io::Result<()> {
        let mut server = TcpStream::connect(&self.upstream).await?;
        while let Some(request) = Message::read(&mut client).await {
            match self.fault_of(&request) {
                None | Some(CallFault::Refused) => {
                    let answer = exchange(&mut server, &request).await?;
                    let (sent, received) = (request.bytes().len(), answer.bytes().len());
                    let operation = request.operation().unwrap_or_default().to_owned();
                    self.calls.lock().unwrap().push(CallSize { operation, sent, received });
                    client.write_all(&answer.bytes()).await?;
                }
                Some(CallFault::ResetBefore) => return client.set_zero_linger(),
                Some(CallFault::ResetAfter) => {
                    exchange(&mut server, &request).await?;
                    return client.set_zero_linger();
                }
                Some(CallFault::Truncated) => {
                    let answer = exchange(&mut server, &request).await?;
                    let bytes = answer.bytes();
                    return client.write_all(&bytes[..bytes.len() - answer.body.len().div_ceil(2)]).await;
                }
                Some(CallFault::StallBefore) => return hold(client).await,
                Some(CallFault::StallAfter) => {
                    exchange(&mut server, &request).await?;
                    return hold(client).await;
                }
                Some(CallFault::ErrorBefore(status, code)) => {
                    client.write_all(&Message::error(status, code, Timestamp::now()).bytes()).await?;
                }
                Some(CallFault::ErrorAfter(status, code)) => {
                    exchange(&mut server, &request).await?;
                    client.write_all(&Message::error(status, code, Timestamp::now()).bytes()).await?;
                }
                Some(CallFault::ClockSkew) => {
                    let service_time = Timestamp::now() + SignedDuration::from_hours(1);
                    let answer =
                        if request.signed_at().duration_since(service_time).abs() < SignedDuration::from_mins(5) {
                            exchange(&mut server, &request).await?
                        } else {
                            Message::error(400, "InvalidSignatureException", service_time)
                        };
                    client.write_all(&answer.bytes()).await?;
                }
                Some(CallFault::SecondOfBatch(code)) => {
                    let mut batch: Value = serde_json::from_slice(&request.body).unwrap();
                    let second = batch["Entries"].as_array_mut().unwrap().remove(1);
                    let answer = exchange(&mut server, &request.with_body(&batch)).await?;
                    let mut results: Value = serde_json::from_slice(&answer.body).unwrap();
                    results["Failed"] = json!([{ "Id": second["Id"], "Code": code, "SenderFault": false }]);
                    client.write_all(&answer.with_body(&results).bytes()).await?;
                }
                Some(CallFault::EmptyResult) => {
                    let answer = exchange(&mut server, &request).await?;
                    client.write_all(&answer.with_body(&json!({})).bytes()).await?;
                }
            }
        }
        Ok(())
    }

    fn fault_of(&self, request: &Message) -> Option<CallFault> {
        if request.operation() != Some(self.operation) {
            return None;
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        // The webhook function connects with a `PutItem` without an item.
        if self.operation == "PutItem" && body.get("Item").is_none() {
            return None;
        }
        let mut attempts = self.attempts.lock().unwrap();
        attempts.push(body);
        (attempts.len() <= self.times).then_some(self.fault)
    }
}

async fn exchange(server: &mut TcpStream, request: &Message) -> io::Result<Message> {
    server.write_all(&request.bytes()).await?;
    Message::read(server).await.ok_or_else(|| io::Error::other("the service does not answer"))
}

/// Waits until the client closes the connection.
async fn hold(mut client: TcpStream) -> io::Result<()> {
    // The client may also reset the connection.
    let _ = client.read(&mut [0]).await;
    Ok(())
}

/// A request or an answer, in the form that the SDK and the embedded services write.
struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    /// Reads the next message. `None` at the end of the connection.
    async fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            stream.read_buf(&mut bytes).await.ok().filter(|length| *length > 0)?;
        };
        let body = bytes.split_off(end);
        let mut message = Self { head: String::from_utf8(bytes).ok()?, body };
        assert_eq!(message.header("transfer-encoding"), None, "chunked messages are not supported");
        let length: usize = message.header("content-length").map_or(0, |length| length.parse().unwrap());
        while message.body.len() < length {
            stream.read_buf(&mut message.body).await.ok().filter(|length| *length > 0)?;
        }
        Some(message)
    }

    /// The answer of a service that fails.
    fn error(status: u16, code: &str, now: Timestamp) -> Self {
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap();
        let body = json!({ "__type": format!("com.amazonaws#{code}"), "message": "injected fault" });
        Self { head: format!("HTTP/1.1 {status} Error\r\ndate: {date}\r\n\r\n"), body: Vec::new() }.with_body(&body)
    }

    fn with_body(&self, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        let is_other_header = |line: &&str| !line.to_ascii_lowercase().starts_with("content-length:");
        let lines: Vec<&str> = self.head.trim_end().lines().filter(is_other_header).collect();
        Self { head: format!("{}\r\ncontent-length: {}\r\n\r\n", lines.join("\r\n"), body.len()), body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let values = self.head.lines().filter_map(|line| line.split_once(':'));
        values.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    fn operation(&self) -> Option<&str> {
        self.header("x-amz-target").and_then(|target| target.rsplit('.').next())
    }

    fn signed_at(&self) -> Timestamp {
        let text = self.header("x-amz-date").unwrap();
        let time = DateTime::strptime("%Y%m%dT%H%M%SZ", text).unwrap();
        time.to_zoned(TimeZone::UTC).unwrap().timestamp()
    }

    fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }
}
