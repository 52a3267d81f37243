//! A proxy between the SDK and a service, which does one thing wrong as often as it is told, counts the attempts, and weighs
//! what passes.

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

/// What goes wrong with an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens. For all of a proxy's life, and no attempt is seen.
    Refused,
    /// The connection is reset, and the service has not seen the request.
    ResetBefore,
    /// The service has done its work, and the connection is reset.
    ResetAfter,
    /// The service has done its work, and half of its answer arrives.
    CutShort,
    /// The service never sees the request, and nobody answers.
    StallBefore,
    /// The service has done its work, and nobody answers.
    StallAfter,
    /// This status and this code, from a service that has not done its work.
    ErrorBefore(u16, &'static str),
    /// The same, from one that has.
    ErrorAfter(u16, &'static str),
    /// The service's clock is an hour ahead of ours: it takes what is signed at its own time only.
    ClockSkew,
    /// One message of a batch fails with this code. The others are taken.
    SecondOfBatch(&'static str),
    /// All messages of a batch are taken, and the answer names none of them.
    NamesNone,
}

/// A call that has passed without a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// As AWS calls it.
    pub operation: String,
    /// The request with its head, in bytes.
    pub sent: usize,
    /// The answer with its head, in bytes.
    pub received: usize,
}

/// One that stands before one service.
pub struct FaultProxy {
    /// Where the SDK shall call.
    pub endpoint: String,
    state: Arc<State>,
    /// A port that is taken, and on which nobody listens.
    _refusing: Option<TcpSocket>,
}

struct State {
    upstream: String,
    /// The operation that has the fault. All others pass.
    operation: &'static str,
    fault: Fault,
    /// How many attempts have it: the first ones.
    times: usize,
    /// What was asked, each time.
    attempts: Mutex<Vec<Value>>,
    passed: Mutex<Vec<Passed>>,
    connections: AtomicUsize,
    /// Why the proxy itself has failed.
    broken: Mutex<Option<io::Error>>,
}

impl FaultProxy {
    /// One that does nothing wrong.
    pub async fn faultless(upstream: &str) -> Self {
        Self::start(upstream, "", Fault::ResetBefore, 0).await
    }

    pub async fn start(upstream: &str, operation: &'static str, fault: Fault, times: usize) -> Self {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let (attempts, passed, connections, broken) = <_>::default();
        let state = Arc::new(State { upstream, operation, fault, times, attempts, passed, connections, broken });
        if fault == Fault::Refused {
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
                    if let Err(error) = state.carry(client).await {
                        *state.broken.lock().unwrap() = Some(error);
                    }
                });
            }
        });
        Self { endpoint, state, _refusing: None }
    }

    /// How often the operation was called, the SDK's own repetitions among them.
    pub fn attempts(&self) -> usize {
        if let Some(error) = &*self.state.broken.lock().unwrap() {
            panic!("the proxy itself has failed: {error}");
        }
        self.state.attempts.lock().unwrap().len()
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// What was asked with the operation, each time.
    pub fn requests(&self) -> Vec<Value> {
        self.state.attempts.lock().unwrap().clone()
    }

    /// What has passed since the last time.
    pub fn passed(&self) -> Vec<Passed> {
        std::mem::take(&mut self.state.passed.lock().unwrap())
    }
}

impl State {
    async fn carry(&self, mut client: TcpStream) -> io::Result<()> {
        let mut server = TcpStream::connect(&self.upstream).await?;
        while let Some(request) = Message::read(&mut client).await {
            match self.fault_of(&request) {
                None | Some(Fault::Refused) => {
                    let answer = exchange(&mut server, &request).await?;
                    let (sent, received) = (request.bytes().len(), answer.bytes().len());
                    let operation = request.operation().unwrap_or_default().to_owned();
                    self.passed.lock().unwrap().push(Passed { operation, sent, received });
                    client.write_all(&answer.bytes()).await?;
                }
                Some(Fault::ResetBefore) => return client.set_zero_linger(),
                Some(Fault::ResetAfter) => {
                    exchange(&mut server, &request).await?;
                    return client.set_zero_linger();
                }
                Some(Fault::CutShort) => {
                    let answer = exchange(&mut server, &request).await?;
                    let bytes = answer.bytes();
                    return client.write_all(&bytes[..bytes.len() - answer.body.len().div_ceil(2)]).await;
                }
                Some(Fault::StallBefore) => return hold(client).await,
                Some(Fault::StallAfter) => {
                    exchange(&mut server, &request).await?;
                    return hold(client).await;
                }
                Some(Fault::ErrorBefore(status, code)) => {
                    client.write_all(&Message::error(status, code, Timestamp::now()).bytes()).await?;
                }
                Some(Fault::ErrorAfter(status, code)) => {
                    exchange(&mut server, &request).await?;
                    client.write_all(&Message::error(status, code, Timestamp::now()).bytes()).await?;
                }
                Some(Fault::ClockSkew) => {
                    let their_time = Timestamp::now() + SignedDuration::from_hours(1);
                    let answer = if request.signed_at().duration_since(their_time).abs() < SignedDuration::from_mins(5)
                    {
                        exchange(&mut server, &request).await?
                    } else {
                        Message::error(400, "InvalidSignatureException", their_time)
                    };
                    client.write_all(&answer.bytes()).await?;
                }
                Some(Fault::SecondOfBatch(code)) => {
                    let mut batch: Value = serde_json::from_slice(&request.body).unwrap();
                    let second = batch["Entries"].as_array_mut().unwrap().remove(1);
                    let answer = exchange(&mut server, &request.with_body(&batch)).await?;
                    let mut results: Value = serde_json::from_slice(&answer.body).unwrap();
                    results["Failed"] = json!([{ "Id": second["Id"], "Code": code, "SenderFault": false }]);
                    client.write_all(&answer.with_body(&results).bytes()).await?;
                }
                Some(Fault::NamesNone) => {
                    let answer = exchange(&mut server, &request).await?;
                    client.write_all(&answer.with_body(&json!({})).bytes()).await?;
                }
            }
        }
        Ok(())
    }

    fn fault_of(&self, request: &Message) -> Option<Fault> {
        if request.operation() != Some(self.operation) {
            return None;
        }
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        // The front door opens its connection with a write of nothing.
        if self.operation == "PutItem" && asked.get("Item").is_none() {
            return None;
        }
        let mut attempts = self.attempts.lock().unwrap();
        attempts.push(asked);
        (attempts.len() <= self.times).then_some(self.fault)
    }
}

async fn exchange(server: &mut TcpStream, request: &Message) -> io::Result<Message> {
    server.write_all(&request.bytes()).await?;
    Message::read(server).await.ok_or_else(|| io::Error::other("the service itself does not answer"))
}

/// Until the other side gives up.
async fn hold(mut client: TcpStream) -> io::Result<()> {
    // It may well say so with a reset.
    let _ = client.read(&mut [0]).await;
    Ok(())
}

/// A request or an answer, as far as the SDK and the embedded services write them.
struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    /// The next one; `None` at the connection's end.
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
        assert_eq!(message.header("transfer-encoding"), None, "it has a length");
        let length: usize = message.header("content-length").map_or(0, |length| length.parse().unwrap());
        while message.body.len() < length {
            stream.read_buf(&mut message.body).await.ok().filter(|length| *length > 0)?;
        }
        Some(message)
    }

    /// What a service says that does not do as asked.
    fn error(status: u16, code: &str, now: Timestamp) -> Self {
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap();
        let body = json!({ "__type": format!("com.amazonaws#{code}"), "message": "it was told to fail" });
        Self { head: format!("HTTP/1.1 {status} Error\r\ndate: {date}\r\n\r\n"), body: Vec::new() }.with_body(&body)
    }

    fn with_body(&self, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        let has_other_length = |line: &&str| !line.to_ascii_lowercase().starts_with("content-length:");
        let lines: Vec<&str> = self.head.trim_end().lines().filter(has_other_length).collect();
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
