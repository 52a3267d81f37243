//! The test events in `events/` are up to date, and each function accepts its event.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use intake::accept::{AcceptedTypes, DEADLINE, Intake, SourcePolicy};
use intake::aws::SecretSource;
use intake::directory::Directory;
use intake::lambda;
use intake::lambda::proxy::ProxyRequest;
use intake::secrets::SecretCache;
use intake::unsigned::UnsignedIntake;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use xsolla::{Secrets, SourceRanges};

use crate::event_files;
use crate::notification_types::is_answered;
use crate::test_stack::{TestStack, UNSIGNED_KEY, intake};

fn read<T: DeserializeOwned>(function: &str) -> T {
    let text = fs::read_to_string(event_files::path(function)).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn files_are_up_to_date() {
    const COMMAND: &str = "run `cargo run -p cli --example events`";
    let events = event_files::all();
    for (function, event) in &events {
        let path = event_files::path(function);
        let text = fs::read_to_string(&path).unwrap_or_default();
        assert!(text == event_files::text(event), "{} is out of date: {COMMAND}", path.display());
    }
    let entries = fs::read_dir(event_files::path("webhook").parent().unwrap()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().unwrap() == "json");
    let names: BTreeSet<_> = paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names, events.into_keys().collect(), "events/ has files without a function");
}

#[tokio::test]
async fn webhook_functions_accept_their_events() {
    let stack = TestStack::start().await;
    for function in event_files::functions() {
        let own_type = event_files::type_of(&function);
        let accepted_types = match own_type {
            Some(own_type) => AcceptedTypes::Only(own_type),
            None if function == "webhook" => AcceptedTypes::All,
            None => continue,
        };
        let sources = SourcePolicy { enforced: true, ..SourcePolicy::default() };
        let intake = Intake { accepted_types, sources, ..intake(stack.emulator.events.clone()) };
        let request: ProxyRequest = read(&function);
        let (answer, log) = lambda::api_gateway::handle(&intake, &request, None, Timestamp::now(), DEADLINE).await;
        if own_type.is_none_or(is_answered) {
            assert!(answer.status_code < 300, "{function}: {log:?}");
        } else {
            assert_eq!(serde_json::to_value(&log).unwrap()["outcome"], "no_directory", "{function}");
        }
    }
}

#[tokio::test]
async fn unsigned_function_accepts_its_event() {
    let stack = TestStack::start().await;
    let intake = UnsignedIntake {
        events: stack.emulator.events.clone(),
        directory: Directory::ACCEPT_ALL,
        keys: SecretCache::new(SecretSource::Fixed(UNSIGNED_KEY.parse::<Secrets>().unwrap())),
        sources: SourceRanges::published(),
    };
    let request: ProxyRequest = read("unsigned");
    let (answer, log) = lambda::api_gateway::handle(&intake, &request, None, Timestamp::now(), DEADLINE).await;
    assert_eq!(answer.status_code, 200, "{log:?}");
    assert!(include_str!("../../../events/local.env").contains(&format!("\nUNSIGNED_KEY={UNSIGNED_KEY}\n")));
}

#[tokio::test]
async fn relay_sends_its_event() {
    let stack = TestStack::start().await;
    let event: Event = read("relay");
    let relay = stack.relay(&stack.emulator.sqs);
    let (answer, _) = lambda::relay::handle(&relay, &event, Timestamp::now(), || Duration::from_mins(1)).await;
    assert!(answer.batch_item_failures.is_empty());
    let messages = stack.receive_all().await;
    let types: Vec<&str> = messages.iter().map(|message| message.r#type.as_str()).collect();
    assert_eq!(types, ["payment", "refund"]);
}
