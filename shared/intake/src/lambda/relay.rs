//! The function `relay`: relays a batch of the table's stream, and returns the records to retry.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent};
use serde_dynamo::{AttributeValue, Item};
use xsolla::inspect::DriftTally;

use super::runtime::{invalid_setting, serve, trace_of};
use crate::aws::{self, CallLimits, EventHistory, ParkingQueue, SqsQueue};
use crate::ports::{DecisionStore, History, Parking, Queue};
use crate::record::{self, Item as _, Kind, StoredEvent};
use crate::relay::{BatchOutcome, Relay, StreamRecord};
use crate::settings::{RelaySettings, environment};
use crate::table::{KIND, PK, SK};
use crate::telemetry::{self, BatchLog, DriftLog};

/// Time limit of one batch. Lambda stops the function after 60 seconds (`template.yaml`).
///
/// The invocation's own deadline is not used: some emulators of Lambda send one in the past.
pub const BATCH_TIME: Duration = Duration::from_secs(50);

/// Runs the function until Lambda stops it.
///
/// # Errors
///
/// If the configuration is invalid, or the Lambda runtime is unreachable.
pub async fn run() -> Result<(), Error> {
    telemetry::start();
    let settings = RelaySettings::read(&environment).map_err(invalid_setting)?;
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
            let (response, outcome) = handle(&relay, &event.payload, Timestamp::now(), time_left).await;
            let trace = trace_of(&event.context);
            BatchLog::new(&outcome, Timestamp::now(), &event.context.request_id, trace.as_ref()).write();
            DriftLog::write_all(&drift(&event.payload, &response), Timestamp::now());
            response
        }
    })
    .await
}

/// Processes one batch at a time `now`.
///
/// The response names the first record to retry; Lambda retries it and all later records. Also returns the outcome for
/// the log.
pub async fn handle<Q: Queue, P: Parking, H: History + DecisionStore>(
    relay: &Relay<Q, P, H>,
    event: &Event,
    now: Timestamp,
    time_left: impl Fn() -> Duration,
) -> (DynamoDbEventResponse, BatchOutcome) {
    let records: Vec<StreamRecord> = event.records.iter().filter_map(stream_record).collect();
    let outcome = relay.relay(&records, now, time_left).await;
    let mut response = DynamoDbEventResponse::default();
    if let Some(sequence_number) = &outcome.retry_from {
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = Some(sequence_number.clone());
        response.batch_item_failures.push(failure);
    }
    (response, outcome)
}

/// Returns the differences between the events of a batch and their models, each with one event id.
///
/// Records that Lambda will retry are skipped.
pub fn drift(event: &Event, response: &DynamoDbEventResponse) -> DriftTally<String> {
    let retry_from = response.batch_item_failures.first().map(|failure| &failure.item_identifier);
    let done = event.records.iter().take_while(|record| retry_from != Some(&record.change.sequence_number));
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

/// Returns the event of a stream record, or `None` if the record has another kind.
///
/// The trigger's filter passes only events; this does not rely on it.
fn stream_record(record: &EventRecord) -> Option<StreamRecord> {
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
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::insert_record;

    #[test]
    fn drift_covers_events_before_the_first_retry() {
        let body = r#"{"notification_type":"refund","transaction":{"id":7,"risk":1}}"#;
        let records = [(1, "conflict", body), (2, "event", body), (3, "event", "no JSON"), (4, "event", body)];
        let record = |(number, kind, body): (u32, &str, &str)| {
            let number = number.to_string();
            let attributes = json!({
                "pk": { "S": "transaction#7" },
                "sk": { "S": format!("refund#{number}") },
                "kind": { "S": kind },
                "type": { "S": "refund" },
            });
            insert_record(&number, attributes, body)
        };
        let records: Vec<Value> = records.into_iter().map(record).collect();
        let event: Event = serde_json::from_value(json!({ "Records": records })).unwrap();
        let drift_until = |retry_from: Option<&str>| -> Vec<(String, usize, String)> {
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
        assert_eq!(drift_until(None), [unreadable.clone(), risk(2)]);
        assert_eq!(drift_until(Some("4")), [unreadable, risk(1)]);
        assert_eq!(drift_until(Some("1")), []);
    }
}
