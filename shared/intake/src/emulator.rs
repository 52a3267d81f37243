//! Default addresses and names of the emulator (crate `local`), for the emulator and its clients.

use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use aws_types::sdk_config::Builder;

use crate::aws::{CallLimits, QueueUrls, sdk_config};

/// Default port of the embedded DynamoDB.
pub const DYNAMODB_PORT: u16 = 7701;
/// Default port of the embedded SQS.
pub const SQS_PORT: u16 = 7702;
/// Region of the embedded services.
pub const REGION: &str = "us-east-1";
/// Name of the events table.
pub const EVENTS_TABLE: &str = "events";
/// Name of the events queue.
pub const EVENTS_QUEUE: &str = "events.fifo";
/// Name of the dead-letter queue.
pub const DEAD_LETTER_QUEUE: &str = "events-dead-letters.fifo";
/// Name of the parked queue.
pub const PARKED_QUEUE: &str = "parked";

/// The functions' SDK configuration with the emulator's region and credentials, but without an endpoint.
#[must_use]
pub fn emulator_config(limits: CallLimits) -> Builder {
    let credentials = Credentials::new("local", "local", None, None, "local");
    sdk_config(limits).region(Region::new(REGION)).credentials_provider(SharedCredentialsProvider::new(credentials))
}

/// URLs of the emulator's queues on its default port.
#[must_use]
pub fn queue_urls() -> QueueUrls {
    let url = |name| format!("http://127.0.0.1:{SQS_PORT}/000000000000/{name}");
    QueueUrls { events: url(EVENTS_QUEUE), dead_letters: url(DEAD_LETTER_QUEUE), parked: url(PARKED_QUEUE) }
}
