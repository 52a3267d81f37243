//! Throughput of the relay on one shard of the stream, if every call to AWS takes some milliseconds.
//!
//! Lambda passes the batches of a shard to the relay one after the other. So the waiting time of a batch, not its CPU time,
//! limits the throughput.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use intake::aws::{CallLimits, EventHistory, ParkingQueue, SqsQueue, sdk_config};
use intake::record::StoredEvent;
use intake::relay::{Relay, StreamRecord};
use jiff::Timestamp;
use serde_json::{Value, json};
use xsolla::{EventId, Mode, PaymentWithoutOrder};

use crate::Error;

/// Duration of every call to AWS.
const CALL: Duration = Duration::from_millis(5);
/// Batch size of `template.yaml`.
const BATCH: usize = 100;
/// Number of measured batches per row.
const BATCHES: usize = 50;

/// Prints the events per second for several kinds of events.
pub(crate) async fn run() -> Result<(), Error> {
    println!("| 100 events per batch, {} ms per call | events per second | calls per event |", CALL.as_millis());
    println!("|---|---:|---:|");
    for (label, per_sale) in
        [("orders of different users", 1), ("order and cancellation", 2), ("ten events per order", 10)]
    {
        let (rate, calls) = throughput(per_sale).await?;
        println!("| {label} | {rate:.0} | {calls:.1} |");
    }
    Ok(())
}

/// Relays batches with this many events per order. Returns events per second and calls per event.
async fn throughput(per_sale: usize) -> Result<(f64, f64), Error> {
    let network = SlowNetwork::default();
    let shared = SharedHttpConnector::new(network.clone());
    let config = sdk_config(CallLimits::RELAY)
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("local", "local", None, None, "bench")))
        .http_client(http_client_fn(move |_, _| shared.clone()))
        .build();
    let sqs = aws_sdk_sqs::Client::new(&config);
    let relay = Relay {
        queue: SqsQueue::new(sqs.clone(), "https://sqs.eu-central-1.amazonaws.com/1/events.fifo".to_owned()),
        parking: ParkingQueue::new(sqs, None),
        history: EventHistory::new(aws_sdk_dynamodb::Client::new(&config), "events".to_owned()),
        payment_without_order: PaymentWithoutOrder::Grant,
    };
    let events: Vec<StreamRecord> = (0..BATCH * BATCHES).map(|number| record(number, number / per_sale)).collect();
    let started = Instant::now();
    for batch in events.chunks(BATCH) {
        let outcome = relay.relay(batch, Timestamp::now(), || Duration::from_mins(1)).await;
        if outcome.queued.len() != batch.len() {
            return Err(format!("{} of {} events queued", outcome.queued.len(), batch.len()).into());
        }
    }
    let count = u32::try_from(events.len())?;
    let calls = f64::from(network.calls()) / f64::from(count);
    Ok((f64::from(count) / started.elapsed().as_secs_f64(), calls))
}

fn record(number: usize, sale: usize) -> StreamRecord {
    let (pk, sk) = (format!("transaction#{sale}"), format!("order_paid#{sale}#{number}"));
    let body = json!({ "notification_type": "order_paid", "order": { "id": sale, "invoice_id": sale.to_string() } });
    StreamRecord {
        sequence_number: number.to_string(),
        pk: pk.clone(),
        sk: sk.clone(),
        event: Ok(StoredEvent {
            event_id: EventId::new(pk, sk),
            type_name: "order_paid".to_owned(),
            order_id: Some(sale.to_string()),
            user_id: Some("user".to_owned()),
            project_id: None,
            mode: Mode::Live,
            identified: true,
            received_at: "2026-11-22T00:31:07.042518Z".to_owned(),
            trace: None,
            body: body.to_string().into_bytes(),
            decision: None,
        }),
    }
}

/// Answers every call after [`CALL`]: an empty table, and a queue that accepts everything.
#[derive(Debug, Clone, Default)]
struct SlowNetwork(std::sync::Arc<std::sync::atomic::AtomicU32>);

impl SlowNetwork {
    fn calls(&self) -> u32 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl HttpConnector for SlowNetwork {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let answer = answer(&request);
        HttpConnectorFuture::new(async move {
            tokio::time::sleep(CALL).await;
            Ok(HttpResponse::new(200.try_into().map_err(other)?, SdkBody::from(answer)))
        })
    }
}

fn other(
    error: impl std::error::Error + Send + Sync + 'static,
) -> aws_smithy_runtime_api::client::result::ConnectorError {
    aws_smithy_runtime_api::client::result::ConnectorError::other(Box::new(error), None)
}

fn answer(request: &HttpRequest) -> String {
    let operation = request.headers().get("x-amz-target").unwrap_or_default();
    if operation.ends_with("Query") {
        return json!({ "Items": [], "Count": 0, "ScannedCount": 0 }).to_string();
    }
    let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
    let entries = body["Entries"].as_array().into_iter().flatten();
    let sent =
        entries.map(|entry| json!({ "Id": entry["Id"], "MessageId": "5fea7756", "MD5OfMessageBody": "098f6bcd" }));
    json!({ "Successful": sent.collect::<Vec<_>>(), "Failed": [] }).to_string()
}
