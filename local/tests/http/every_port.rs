//! All listening sockets of a process, found in `/proc`: none answers a web page.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use local::lambda_emulator::LambdaEmulator;
use tokio::process::Command;

use crate::{exchange, start};

/// Set for the child process in which [`no_port_answers_a_web_page`] starts a stack of its own.
const CHILD: &str = "EVERY_PORT_CHILD";

/// The database's own server, which answers only the connections that were opened at its start.
const UNANSWERED: usize = 1;

/// Addresses on which this process listens, from the kernel's table of sockets.
fn listening() -> Vec<SocketAddr> {
    let sockets: HashSet<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut addresses = Vec::new();
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        for line in std::fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            // State 0A is LISTEN.
            if columns[3] == "0A" && sockets.contains(columns[9]) {
                let (address, port) = columns[1].split_once(':').unwrap();
                assert_eq!(address, "0100007F", "listens on an address other than 127.0.0.1");
                addresses.push((Ipv4Addr::LOCALHOST, u16::from_str_radix(port, 16).unwrap()).into());
            }
        }
    }
    addresses
}

/// Runs in a process of its own, because the other tests have ports, too.
#[tokio::test]
async fn no_port_answers_a_web_page() {
    if std::env::var_os(CHILD).is_none() {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "every_port::no_port_answers_a_web_page", "--nocapture"]).env(CHILD, "1");
        let output = child.stdin(Stdio::null()).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
        return;
    }
    let _stack = start().await;
    let ports_of_stack = listening().len();
    // Webhooks, demonstration, DynamoDB, SQS, and the database's own server.
    assert_eq!(ports_of_stack, 5);
    // A process that never asks for an event, so that the Runtime API is up but `start` does not return.
    let mut command = Command::new("sleep");
    command.arg("60").kill_on_drop(true);
    let emulator = tokio::spawn(LambdaEmulator::start(command));
    while listening().len() == ports_of_stack {
        assert!(!emulator.is_finished());
        tokio::task::yield_now().await;
    }

    let mut unanswered = 0;
    for address in listening() {
        for head in [
            "GET / HTTP/1.1\r\nHost: attacker.example",
            "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://attacker.example\r\nContent-Type: text/plain",
            "OPTIONS / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: null\r\nAccess-Control-Request-Method: POST",
            "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: attacker.example",
        ] {
            match tokio::time::timeout(Duration::from_millis(500), exchange(address, head, "{}")).await {
                Ok(response) => assert!(response.starts_with("HTTP/1.1 403"), "{address}: {head}\n{response}"),
                Err(_) => unanswered += 1,
            }
        }
    }
    assert_eq!(unanswered, 4 * UNANSWERED);
    emulator.abort();
}
