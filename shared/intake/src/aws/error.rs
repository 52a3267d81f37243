//! SDK errors as text for the log.

use std::error::Error;

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::ports::PortError;

/// Converts an SDK error: the service's code and message, or the error of the connection.
pub fn port_error<E>(operation: &'static str, error: &SdkError<E>) -> PortError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let cause = match error.as_service_error() {
        Some(service) => match (service.code(), error.raw_response()) {
            // Another server than that of AWS, such as a proxy.
            (None, Some(response)) => format!("status {} without an error code", response.status().as_u16()),
            (code, _) => format!("{}: {}", code.unwrap_or("no code"), service.message().unwrap_or("no message")),
        },
        None => without_content(DisplayErrorContext(error).to_string()),
    };
    PortError { operation, cause }
}

/// Removes the rest of a text from the first request or response on. The SDK prints them with their bodies, for example if an
/// endpoint is not a URL or a proxy answers.
fn without_content(mut text: String) -> String {
    let start = [" to request `", "Request {", "Response {"].iter().filter_map(|start| text.find(start)).min();
    text.truncate(start.unwrap_or(text.len()));
    text
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::types::AttributeValue;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::aws::CallLimits;
    use crate::emulator::emulator_config;

    const LIMITS: CallLimits = CallLimits {
        connect: std::time::Duration::from_secs(1),
        attempt: std::time::Duration::from_secs(1),
        operation: std::time::Duration::from_secs(1),
    };

    #[tokio::test]
    async fn endpoint_that_is_no_url_is_reported_without_the_request() {
        let config = emulator_config(LIMITS).endpoint_url("127.0.0.1:1").build();
        let get = Client::new(&config).get_item().table_name("events");
        let error = get.key("user_id", AttributeValue::S("mira@example.com".to_owned())).send().await.unwrap_err();
        assert!(DisplayErrorContext(&error).to_string().contains("mira"), "the SDK prints the request");
        let cause = port_error("dynamodb:GetItem", &error).cause;
        assert!(cause.contains("failed to apply endpoint") && !cause.contains("mira"), "{cause}");
    }

    #[tokio::test]
    async fn answer_of_another_server_is_reported_with_its_status() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read(&mut [0; 4096]).await;
            connection.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nmira").await.unwrap();
        });
        let config = emulator_config(LIMITS).endpoint_url(endpoint).build();
        let error = Client::new(&config).list_tables().send().await.unwrap_err();
        assert_eq!(port_error("dynamodb:ListTables", &error).cause, "status 403 without an error code");
    }

    #[test]
    fn response_is_removed() {
        let text = "response error (ResponseError(ResponseError { raw: Response { body: SdkBody".to_owned();
        assert_eq!(without_content(text), "response error (ResponseError(ResponseError { raw: ");
    }
}
