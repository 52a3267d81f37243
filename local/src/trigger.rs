//! What Lambda's stream trigger does: reads the table's stream, hands it to the relay batch by batch, and repeats a
//! batch from the record that the relay reports.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::error::DisplayErrorContext;
use aws_sdk_dynamodbstreams::types::{Record, Shard, ShardIteratorType};
use intake::lambda;
use intake::lambda::relay::BATCH_TIME;
use intake::ports::{History, Parking, Queue};
use intake::relay::Relay;

use crate::storm::faults::{Fault, Faults};

/// Pause before an empty stream is asked again; it doubles up to [`LONGEST_PAUSE`] while nothing comes.
const PAUSE: Duration = Duration::from_millis(10);
/// Longest pause, also before a failed batch is repeated.
const LONGEST_PAUSE: Duration = Duration::from_millis(160);
/// As in `template.yaml`.
const BATCH_SIZE: i32 = 100;
/// The trigger of one stream. The embedded DynamoDB gives each stream one shard that never ends.
#[derive(Debug)]
pub struct StreamTrigger<Q, P, H> {
    streams: Client,
    stream: String,
    relay: Relay<Q, P, H>,
    faults: Option<Arc<Faults>>,
}

impl<Q: Queue, P: Parking, H: History> StreamTrigger<Q, P, H> {
    /// Reads the stream of this ARN, from its oldest record. With faults, the relay crashes now and then.
    pub(crate) const fn new(
        streams: Client,
        stream: String,
        relay: Relay<Q, P, H>,
        faults: Option<Arc<Faults>>,
    ) -> Self {
        Self { streams, stream, relay, faults }
    }

    /// Runs until the task is aborted.
    pub async fn run(self) {
        let mut after = None;
        loop {
            if let Err(error) = self.read(&mut after).await {
                tracing::warn!(error, "the stream is read again");
            }
            tokio::time::sleep(LONGEST_PAUSE).await;
        }
    }

    /// Reads on behind the record `after`, until something fails.
    async fn read(&self, after: &mut Option<String>) -> Result<(), String> {
        let shard = self.shard().await?;
        let mut iterator = self.iterator(&shard, after.as_deref()).await?;
        let mut pause = PAUSE;
        loop {
            let page = self.streams.get_records().shard_iterator(&iterator).limit(BATCH_SIZE).send().await;
            let page = page.map_err(|error| DisplayErrorContext(error).to_string())?;
            let records = page.records.unwrap_or_default();
            if records.is_empty() {
                tokio::time::sleep(pause).await;
                pause = (2 * pause).min(LONGEST_PAUSE);
            } else {
                pause = PAUSE;
                self.invoke(records, after).await?;
            }
            iterator = page.next_shard_iterator.ok_or("the shard has ended")?;
        }
    }

    /// Hands over one batch, and moves `after` behind the records that are done.
    async fn invoke(&self, records: Vec<Record>, after: &mut Option<String>) -> Result<(), String> {
        let mut event = Event::default();
        event.records = records.into_iter().map(as_lambda_sends).collect();
        // By way of the JSON that Lambda sends, so that this is the road of the deployed relay.
        let json = serde_json::to_vec(&event).map_err(|error| error.to_string())?;
        let event: Event = serde_json::from_slice(&json).map_err(|error| error.to_string())?;
        let answer = lambda::relay::handle(&self.relay, &event, || BATCH_TIME).await;
        if self.faults.as_ref().is_some_and(|faults| faults.strikes(Fault::RelayCrash)) {
            return Err("the relay crashed".to_owned());
        }
        let retry_from = answer.batch_item_failures.first().map(|failure| &failure.item_identifier);
        for record in &event.records {
            if retry_from == Some(&record.change.sequence_number) {
                return Err("the relay must see some records again".to_owned());
            }
            after.clone_from(&record.change.sequence_number);
        }
        Ok(())
    }

    async fn shard(&self) -> Result<Shard, String> {
        let described = self.streams.describe_stream().stream_arn(&self.stream).send().await;
        let described = described.map_err(|error| DisplayErrorContext(error).to_string())?;
        let shards = described.stream_description.and_then(|stream| stream.shards).unwrap_or_default();
        shards.into_iter().next().ok_or_else(|| "the stream has no shard".to_owned())
    }

    async fn iterator(&self, shard: &Shard, after: Option<&str>) -> Result<String, String> {
        let kind = match after {
            Some(_) => ShardIteratorType::AfterSequenceNumber,
            None => ShardIteratorType::TrimHorizon,
        };
        let iterator = self
            .streams
            .get_shard_iterator()
            .stream_arn(&self.stream)
            .set_shard_id(shard.shard_id.clone())
            .shard_iterator_type(kind)
            .set_sequence_number(after.map(str::to_owned))
            .send()
            .await
            .map_err(|error| DisplayErrorContext(error).to_string())?;
        iterator.shard_iterator.ok_or_else(|| "no iterator".to_owned())
    }
}

fn as_lambda_sends(record: Record) -> EventRecord {
    let mut sent = EventRecord::default();
    sent.aws_region = record.aws_region.unwrap_or_default();
    sent.event_id = record.event_id.unwrap_or_default();
    sent.event_name = record.event_name.map(|name| name.as_str().to_owned()).unwrap_or_default();
    sent.event_source = record.event_source;
    sent.event_version = record.event_version;
    if let Some(change) = record.dynamodb {
        sent.change.keys = change.keys.unwrap_or_default().into();
        sent.change.new_image = change.new_image.unwrap_or_default().into();
        sent.change.sequence_number = change.sequence_number;
        sent.change.size_bytes = change.size_bytes.unwrap_or_default();
    }
    sent
}
