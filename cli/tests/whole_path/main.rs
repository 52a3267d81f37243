//! Tests of the whole path: HTTP, the webhook function, DynamoDB, its stream, the relay, SQS, and the message that the
//! game receives. All calls to AWS go through the real SDK, to the emulator.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod aws_failures;
mod claims;
mod connection_errors;
mod console;
mod cost;
mod dead_letters;
mod demo;
mod doc_tables;
mod drift;
mod endpoint_directory;
mod erase;
#[path = "../../examples/events/event_files.rs"]
mod event_files;
mod events;
mod fault_cases;
mod fault_harness;
mod fault_proxy;
mod faults;
mod functions;
mod goods;
mod hazards;
mod hostile_text;
mod invalid_requests;
mod listen;
mod long_work;
mod notification_types;
mod process_kills;
mod replay;
mod retries;
mod secrets;
mod send;
mod show;
mod signatures;
mod source_addresses;
mod studio_endpoint;
mod table_directory;
mod template;
mod test_stack;
mod tracing;
mod unsigned;
