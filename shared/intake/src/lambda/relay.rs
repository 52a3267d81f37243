//! The relay: a batch of the table's stream in, the flow of [`crate::relay`], what must come again out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent};
use serde_dynamo::{AttributeValue, Item};
use xsolla::inspect::DriftTally;

use super::{refuse_to_start, serve, trace_of};
use crate::aws::{self, CallLimits, EventHistory, ParkingQueue, SqsQueue};
use crate::ports::{History, Parking, Queue};
use crate::record::{self, Item as _, Kind, StoredEvent};
use crate::relay::{BatchOutcome, Relay, StreamRecord};
use crate::settings::{RelaySettings, environment};
use crate::table::{KIND, PK, SK};
use crate::telemetry;

/// Time for one batch. Lambda ends the function after 60 seconds (`template.yaml`); what is not sent by then comes again.
///
/// Not taken from the invocation's own deadline: some emulators of Lambda send one that lies in the past.
pub const BATCH_TIME: Duration = Duration::from_secs(50);

/// Runs the relay, until Lambda ends it.
///
/// # Errors
///
/// When its configuration is not usable, or the Lambda runtime cannot be reached.
pub async fn run() -> Result<(), Error> {
    telemetry::start();
    let settings = RelaySettings::read(&environment).map_err(refuse_to_start)?;
    let config = aws::function_config(CallLimits::RELAY);
    let sqs = aws_sdk_sqs::Client::new(&config);
    let relay = Arc::new(Relay {
        queue: SqsQueue::new(sqs.clone(), settings.queue_url),
        parking: ParkingQueue::new(sqs, settings.parked_queue_url),
        history: EventHistory::new(aws_sdk_dynamodb::Client::new(&config), settings.table),
        payment_without_order: settings.payment_without_order,
    });
    serve(move |event: LambdaEvent<Event>| {
        let relay = Arc::clone(&relay);
        async move {
            let started = Instant::now();
            let time_left = || BATCH_TIME.saturating_sub(started.elapsed());
            let (response, relayed) = handle(&relay, &event.payload, time_left).await;
            let trace = trace_of(&event.context);
            telemetry::write_batch(&relayed, Timestamp::now(), &event.context.request_id, trace.as_ref());
            telemetry::write_drift(&drift(&event.payload, &response), Timestamp::now());
            response
        }
    })
    .await
}

/// Takes one batch. The answer names the first record that must come again; Lambda repeats it and all behind it. Beside it,
/// what is to be said of the batch in the log.
pub async fn handle<Q: Queue, P: Parking, H: History>(
    relay: &Relay<Q, P, H>,
    event: &Event,
    time_left: impl Fn() -> Duration,
) -> (DynamoDbEventResponse, BatchOutcome) {
    let events: Vec<StreamRecord> = event.records.iter().filter_map(streamed).collect();
    let relayed = relay.relay(&events, time_left).await;
    let mut response = DynamoDbEventResponse::default();
    if let Some(sequence_number) = &relayed.retry_from {
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = Some(sequence_number.clone());
        response.batch_item_failures.push(failure);
    }
    (response, relayed)
}

/// How the events of a batch differ from their models, each with one event id. Those that must come again are left to the
/// next time.
pub fn drift(event: &Event, response: &DynamoDbEventResponse) -> DriftTally<String> {
    let again = response.batch_item_failures.first().map(|failure| &failure.item_identifier);
    let done = event.records.iter().take_while(|record| again != Some(&record.change.sequence_number));
    let mut tally = DriftTally::default();
    for event in
        done.filter(|record| is_event(record)).filter_map(|record| StoredEvent::read(&record.change.new_image).ok())
    {
        if let Ok(notification) = xsolla::json_text(&event.body) {
            tally.add(&event.type_name, notification, &event.event_id.to_string());
        }
    }
    tally
}

/// The event in a stream record; `None` if the record tells of something else. (The trigger's filter lets only events
/// through; this does not rely on it.)
fn streamed(record: &EventRecord) -> Option<StreamRecord> {
    let image = &record.change.new_image;
    is_event(record).then(|| StreamRecord {
        sequence_number: record.change.sequence_number.clone().unwrap_or_default(),
        pk: image.string(PK).unwrap_or_default().to_owned(),
        sk: image.string(SK).unwrap_or_default().to_owned(),
        event: StoredEvent::read(image),
    })
}

fn is_event(record: &EventRecord) -> bool {
    let kind = record.change.new_image.string(KIND);
    record.event_name == "INSERT" && kind.is_none_or(|kind| kind == Kind::Event.name())
}

impl record::Item for Item {
    fn string(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            AttributeValue::S(text) => Some(text),
            _ => None,
        }
    }

    fn boolean(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            AttributeValue::Bool(boolean) => Some(*boolean),
            _ => None,
        }
    }

    fn binary(&self, name: &str) -> Option<&[u8]> {
        match self.get(name)? {
            AttributeValue::B(bytes) => Some(bytes),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::*;

    fn record(sequence_number: u32, kind: &str, body: &str) -> Value {
        let image = json!({
            "pk": { "S": "transaction#7" },
            "sk": { "S": format!("refund#{sequence_number}") },
            "kind": { "S": kind },
            "type": { "S": "refund" },
            "mode": { "S": "live" },
            "identified": { "BOOL": true },
            "received_at": { "S": "2026-11-22T00:31:07.042Z" },
            "body": { "B": STANDARD.encode(body) },
        });
        json!({
            "eventID": "x",
            "eventName": "INSERT",
            "awsRegion": "eu-central-1",
            "dynamodb": {
                "Keys": {}, "NewImage": image, "SequenceNumber": sequence_number.to_string(), "SizeBytes": 1,
                "ApproximateCreationDateTime": 1_778_772_127.0,
            },
        })
    }

    #[test]
    fn drift_is_told_of_the_events_that_are_done() {
        let body = r#"{"notification_type":"refund","transaction":{"id":7,"risk":1}}"#;
        let records = [(1, "conflict", body), (2, "event", body), (3, "event", "no JSON"), (4, "event", body)];
        let records: Vec<Value> = records.iter().map(|(number, kind, body)| record(*number, kind, body)).collect();
        let event: Event = serde_json::from_value(json!({ "Records": records })).unwrap();
        let told = |retry_from: Option<&str>| -> Vec<(String, usize, String)> {
            let mut response = DynamoDbEventResponse::default();
            response.batch_item_failures.extend(retry_from.map(|number| {
                let mut failure = DynamoDbBatchItemFailure::default();
                failure.item_identifier = Some(number.to_owned());
                failure
            }));
            let tally = drift(&event, &response);
            tally.rows().map(|row| (row.path.to_owned(), row.count, row.example.clone())).collect()
        };
        let unreadable = (String::new(), 1, "transaction#7#refund#3".to_owned());
        let risk = |count| ("transaction.risk".to_owned(), count, "transaction#7#refund#2".to_owned());
        assert_eq!(told(None), [unreadable.clone(), risk(2)]);
        assert_eq!(told(Some("4")), [unreadable, risk(1)]);
        assert_eq!(told(Some("1")), []);
    }
}
