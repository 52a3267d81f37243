//! The DynamoDB, SQS and webhook ports, with and without each header that gives a web page away.

use std::net::SocketAddr;

use local::Stack;
use rstest::rstest;

use crate::{exchange, start};

/// A port, and a request that it accepts from this machine.
#[derive(Debug, Clone, Copy)]
enum Port {
    DynamoDb,
    Sqs,
    Webhooks,
}

impl Port {
    fn address(self, stack: &Stack) -> SocketAddr {
        let of = |endpoint: &str| endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        match self {
            Self::DynamoDb => of(&stack.dynamodb_endpoint),
            Self::Sqs => of(&stack.sqs_endpoint),
            Self::Webhooks => stack.webhook_addr,
        }
    }

    /// Sends a valid request with these extra headers. Returns the response.
    async fn send(self, stack: &Stack, method: &str, host: &str, extra: &str) -> String {
        let (path, headers, body) = match self {
            Self::DynamoDb => (
                "/",
                "X-Amz-Target: DynamoDB_20120810.ListTables\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Date: \
                 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/\
                 aws4_request, SignedHeaders=host, Signature=0",
                "{}".to_owned(),
            ),
            Self::Sqs => {
                ("/", "X-Amz-Target: AmazonSQS.ListQueues\r\nContent-Type: application/x-amz-json-1.0", "{}".to_owned())
            }
            Self::Webhooks => (
                "/webhooks",
                "Content-Type: application/json",
                r#"{"notification_type":"payment","transaction":{"id":1}}"#.to_owned(),
            ),
        };
        let signature = match self {
            Self::Webhooks => format!("\r\nAuthorization: {}", xsolla::sign(body.as_bytes(), "secret_of_the_tests")),
            Self::DynamoDb | Self::Sqs => String::new(),
        };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}{signature}{extra}");
        exchange(self.address(stack), &head, &body).await
    }
}

#[rstest]
#[tokio::test]
async fn accepts_a_request_of_this_machine(
    #[values(Port::DynamoDb, Port::Sqs, Port::Webhooks)] port: Port,
    #[values("127.0.0.1", "localhost:1", "[::1]")] host: &str,
) {
    let response = port.send(&start().await, "POST", host, "").await;
    assert!(response.starts_with("HTTP/1.1 20"), "{response}");
    assert!(!response.to_lowercase().contains("access-control"), "{response}");
}

#[rstest]
#[case::foreign_host("POST", "attacker.example", "")]
#[case::foreign_host_that_starts_alike("POST", "127.0.0.1.attacker.example", "")]
#[case::second_host("POST", "127.0.0.1", "\r\nHost: attacker.example")]
#[case::origin("POST", "127.0.0.1", "\r\nOrigin: http://attacker.example")]
#[case::origin_null("POST", "127.0.0.1", "\r\nOrigin: null")]
#[case::origin_of_the_same_machine("POST", "127.0.0.1", "\r\nOrigin: http://127.0.0.1")]
#[case::browser("POST", "127.0.0.1", "\r\nSec-Fetch-Site: cross-site")]
#[case::preflight(
    "OPTIONS",
    "127.0.0.1",
    "\r\nOrigin: http://attacker.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-amz-target"
)]
#[case::options("OPTIONS", "127.0.0.1", "")]
#[case::read("GET", "attacker.example", "")]
#[tokio::test]
async fn refuses_a_request_of_a_web_page(
    #[case] method: &str,
    #[case] host: &str,
    #[case] extra: &str,
    #[values(Port::DynamoDb, Port::Sqs, Port::Webhooks)] port: Port,
) {
    let response = port.send(&start().await, method, host, extra).await;
    assert!(response.starts_with("HTTP/1.1 403"), "{response}");
    assert!(response.contains("\r\n\r\nrefused: "), "{response}");
    assert!(!response.to_lowercase().contains("access-control"), "{response}");
}

#[tokio::test]
async fn refused_webhook_is_not_stored() {
    let stack = start().await;
    Port::Webhooks.send(&stack, "POST", "127.0.0.1", "\r\nOrigin: null").await;
    let scan = stack.dynamodb.scan().table_name("events").send().await.unwrap();
    assert_eq!(scan.count(), 0);
}

#[tokio::test]
async fn webhook_port_accepts_the_host_of_a_tunnel_if_it_is_allowed() {
    let mut stack = Stack::start(crate::options()).await.unwrap();
    stack.open_with(&["studio.example".to_owned()], None);
    let response = Port::Webhooks.send(&stack, "POST", "studio.example", "").await;
    assert!(response.starts_with("HTTP/1.1 204"), "{response}");
    let response = Port::DynamoDb.send(&stack, "POST", "studio.example", "").await;
    assert!(response.starts_with("HTTP/1.1 403"), "{response}");
}
