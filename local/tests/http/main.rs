//! Tests of all ports of the emulator over HTTP: which requests they refuse, and the web console.

#![allow(clippy::unwrap_used, clippy::panic)]

mod console;
mod data_directory;
#[cfg(target_os = "linux")]
mod every_port;
mod refused;

use std::net::SocketAddr;

use intake::settings::DirectorySetting;
use local::{Stack, StackOptions, local_sources};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use xsolla::{PaymentWithoutOrder, Secrets};

pub(crate) fn options() -> StackOptions {
    StackOptions {
        port: 0,
        dynamodb_port: 0,
        sqs_port: 0,
        secrets: "secret_of_the_tests".parse::<Secrets>().unwrap(),
        directory: DirectorySetting::AcceptAll,
        payment_without_order: PaymentWithoutOrder::MoneyOnly,
        sources: local_sources(),
        unsigned_key: None,
        data: None,
    }
}

/// Starts a stack on free ports that serves webhooks.
pub(crate) async fn start() -> Stack {
    let mut stack = Stack::start(options()).await.unwrap();
    stack.open();
    stack
}

/// Sends a request with exactly these lines before the body. Returns the whole response.
pub(crate) async fn exchange(address: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await.unwrap();
    String::from_utf8(response).unwrap()
}
