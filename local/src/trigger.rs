//! Lambda's trigger on a DynamoDB stream: reads the stream, invokes the relay with batches, and retries a batch from the
//! record that the relay reports as failed.

use std::fmt;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::error::DisplayErrorContext;
use aws_sdk_dynamodbstreams::types::{OperationType, Record, Shard, ShardIteratorType};

/// Interval between two reads of an empty stream; doubles up to [`MAX_POLL_INTERVAL`] while it stays empty.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Longest interval between two reads, and the pause before a retry.
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(160);
/// Batch size of `template.yaml`.
const BATCH_SIZE: i32 = 100;

/// A trigger for one stream. The embedded DynamoDB has one shard per stream, which never closes.
pub struct StreamTrigger<F> {
    streams: Client,
    stream_arn: String,
    relay: F,
}

impl<F, Response> StreamTrigger<F>
where
    F: Fn(Vec<u8>) -> Response,
    Response: Future<Output = Result<Vec<u8>, String>>,
{
    /// Reads the stream from its oldest record. The relay receives and returns JSON, as with Lambda.
    pub const fn new(streams: Client, stream_arn: String, relay: F) -> Self {
        Self { streams, stream_arn, relay }
    }

    /// Runs until the task is aborted.
    pub async fn run(self) {
        let mut checkpoint = None;
        loop {
            if let Err(error) = self.process(&mut checkpoint).await {
                tracing::warn!(error, "relay batch failed, retrying");
            }
            tokio::time::sleep(MAX_POLL_INTERVAL).await;
        }
    }

    /// Processes the records after the checkpoint, which is a sequence number, until an error occurs.
    async fn process(&self, checkpoint: &mut Option<String>) -> Result<(), String> {
        let shard = self.shard().await?;
        let mut iterator = self.iterator(&shard, checkpoint.as_deref()).await?;
        let mut interval = MIN_POLL_INTERVAL;
        loop {
            let page = self.streams.get_records().shard_iterator(&iterator).limit(BATCH_SIZE).send().await;
            let page = page.map_err(|error| DisplayErrorContext(error).to_string())?;
            let records = page.records.unwrap_or_default();
            let last = records.last().and_then(|record| record.dynamodb.as_ref()?.sequence_number.clone());
            // The filter of `template.yaml`: a decision that the relay stores is no new event.
            let inserts: Vec<Record> =
                records.into_iter().filter(|record| record.event_name == Some(OperationType::Insert)).collect();
            if last.is_none() {
                tokio::time::sleep(interval).await;
                interval = (2 * interval).min(MAX_POLL_INTERVAL);
            } else {
                interval = MIN_POLL_INTERVAL;
                if !inserts.is_empty() {
                    self.invoke(inserts, checkpoint).await?;
                }
                *checkpoint = last;
            }
            iterator = page.next_shard_iterator.ok_or("stream shard is closed")?;
        }
    }

    /// Invokes the relay with one batch, and moves the checkpoint past the records that succeeded.
    async fn invoke(&self, records: Vec<Record>, checkpoint: &mut Option<String>) -> Result<(), String> {
        let mut event = Event::default();
        event.records = records.into_iter().map(to_lambda_record).collect();
        let json = serde_json::to_vec(&event).map_err(|error| error.to_string())?;
        let response = (self.relay)(json).await?;
        let response: DynamoDbEventResponse = serde_json::from_slice(&response).map_err(|error| error.to_string())?;
        let retry_from = response.batch_item_failures.first().map(|failure| &failure.item_identifier);
        for record in &event.records {
            if retry_from == Some(&record.change.sequence_number) {
                return Err("relay returned records for retry".to_owned());
            }
            checkpoint.clone_from(&record.change.sequence_number);
        }
        Ok(())
    }

    async fn shard(&self) -> Result<Shard, String> {
        let output = self.streams.describe_stream().stream_arn(&self.stream_arn).send().await;
        let output = output.map_err(|error| DisplayErrorContext(error).to_string())?;
        let shards = output.stream_description.and_then(|stream| stream.shards).unwrap_or_default();
        shards.into_iter().next().ok_or_else(|| "stream has no shard".to_owned())
    }

    async fn iterator(&self, shard: &Shard, checkpoint: Option<&str>) -> Result<String, String> {
        let iterator_type = match checkpoint {
            Some(_) => ShardIteratorType::AfterSequenceNumber,
            None => ShardIteratorType::TrimHorizon,
        };
        let output = self
            .streams
            .get_shard_iterator()
            .stream_arn(&self.stream_arn)
            .set_shard_id(shard.shard_id.clone())
            .shard_iterator_type(iterator_type)
            .set_sequence_number(checkpoint.map(str::to_owned))
            .send()
            .await
            .map_err(|error| DisplayErrorContext(error).to_string())?;
        output.shard_iterator.ok_or_else(|| "no shard iterator returned".to_owned())
    }
}

impl<F> fmt::Debug for StreamTrigger<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamTrigger").field("stream_arn", &self.stream_arn).finish_non_exhaustive()
    }
}

/// The record as Lambda's event contains it.
fn to_lambda_record(record: Record) -> EventRecord {
    let mut event_record = EventRecord::default();
    event_record.aws_region = record.aws_region.unwrap_or_default();
    event_record.event_id = record.event_id.unwrap_or_default();
    event_record.event_name = record.event_name.map(|name| name.as_str().to_owned()).unwrap_or_default();
    event_record.event_source = record.event_source;
    event_record.event_version = record.event_version;
    if let Some(change) = record.dynamodb {
        event_record.change.keys = change.keys.unwrap_or_default().into();
        event_record.change.new_image = change.new_image.unwrap_or_default().into();
        event_record.change.sequence_number = change.sequence_number;
        event_record.change.size_bytes = change.size_bytes.unwrap_or_default();
    }
    event_record
}
