//! DynamoDB and SQS in this process, and the table and queues of `template.yaml` in them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};
use aws_sdk_sqs::types::QueueAttributeName;
use dynoxide::Database;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use intake::aws::{CallLimits, QueueUrls};
use intake::emulator::{DEAD_LETTER_QUEUE, EVENTS_QUEUE, EVENTS_TABLE, PARKED_QUEUE, REGION, emulator_config};
use intake::settings::DirectorySetting;
use intake::table::{ORDER_ID, PK, RECEIVED_AT, SK, USER_ID, users};
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::service::{SqsHttpConfig, SqsHttpService};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::error::StartError;

/// What runs here, with its table and queues, and how to reach it. It ends with this.
#[derive(Debug)]
pub struct Services {
    /// A client of the embedded DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// A client of the embedded SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// The endpoint of the embedded DynamoDB.
    pub dynamodb_endpoint: String,
    /// The endpoint of the embedded SQS.
    pub sqs_endpoint: String,
    /// The queues.
    pub queues: QueueUrls,
    /// The ARN of the stream of events.
    pub stream: String,
    pub(crate) tasks: JoinSet<()>,
}

impl Services {
    /// Starts both behind these listeners. The table is kept in a directory; `None`: in memory. Its clients wait for
    /// `limits`.
    ///
    /// # Errors
    ///
    /// When the directory cannot be used, or a service does not do as asked.
    pub async fn start(
        dynamodb: TcpListener,
        sqs: TcpListener,
        data: Option<&Path>,
        directory: &DirectorySetting,
        limits: CallLimits,
    ) -> Result<Self, StartError> {
        let database = open_database(data)?;
        let (dynamodb_address, sqs_address) = (address(&dynamodb)?, address(&sqs)?);
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_dynamodb(dynamodb, database));
        tasks.spawn(serve_sqs(sqs, sqs_address.port()));
        let (dynamodb_endpoint, sqs_endpoint) = (format!("http://{dynamodb_address}"), format!("http://{sqs_address}"));
        let at = |endpoint: &str| emulator_config(limits).endpoint_url(endpoint).build();
        let dynamodb = aws_sdk_dynamodb::Client::new(&at(&dynamodb_endpoint));
        let sqs = aws_sdk_sqs::Client::new(&at(&sqs_endpoint));
        let stream = create_tables(&dynamodb, directory).await?;
        let queues = create_queues(&sqs).await?;
        Ok(Self { dynamodb, sqs, dynamodb_endpoint, sqs_endpoint, queues, stream, tasks })
    }
}

fn address(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(StartError::service)
}

/// Opens the database: in memory, or in a file of this directory.
fn open_database(directory: Option<&Path>) -> Result<Database, StartError> {
    let Some(directory) = directory else {
        // In memory, but with a name, under which it can be opened once more.
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        let name = format!("file:dynamodb-{}?mode=memory&cache=shared", OPENED.fetch_add(1, Ordering::Relaxed));
        let failed = |error: &dyn std::fmt::Display| StartError::Database(error.to_string());
        let database = Database::new(&name).map_err(|error| failed(&error))?;
        index_stream(&name).map_err(|error| failed(&error))?;
        return Ok(database);
    };
    let failed =
        |error: &dyn std::fmt::Display| StartError::Directory { path: directory.to_owned(), cause: error.to_string() };
    std::fs::create_dir_all(directory).map_err(|error| failed(&error))?;
    let file = directory.join("dynamodb.sqlite");
    let database = Database::new(&file.to_string_lossy()).map_err(|error| failed(&error))?;
    index_stream(&file.to_string_lossy()).map_err(|error| failed(&error))?;
    Ok(database)
}

/// The embedded DynamoDB looks through its whole stream at each write, and at each read of the stream. By this index it finds
/// the place.
fn index_stream(database: &str) -> rusqlite::Result<()> {
    rusqlite::Connection::open(database)?.execute_batch(
        "CREATE INDEX IF NOT EXISTS stream_by_number ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )
}

/// Serves DynamoDB until the task is aborted.
async fn serve_dynamodb(listener: TcpListener, database: Database) {
    if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, std::future::pending()).await {
        tracing::error!(error, "the embedded DynamoDB has stopped");
    }
}

/// Serves SQS until the task is aborted.
async fn serve_sqs(listener: TcpListener, port: u16) {
    let config =
        SqsConfig { host: "127.0.0.1".to_owned(), port, default_region: REGION.to_owned(), ..SqsConfig::default() };
    let provider = Arc::new(RustackSqs::new(config));
    let service = SqsHttpService::new(Arc::new(RustackSqsHandler::new(provider)), SqsHttpConfig::default());
    while let Ok((connection, _)) = listener.accept().await {
        let service = service.clone();
        tokio::spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(connection), service).await });
    }
}

/// Creates the tables, unless a data directory brought them along. Returns the ARN of the stream of events.
async fn create_tables(
    dynamodb: &aws_sdk_dynamodb::Client,
    directory: &DirectorySetting,
) -> Result<String, StartError> {
    if let DirectorySetting::Table(name) = directory {
        create_users(dynamodb, name).await?;
    }
    if let Some(stream) = stream_of_events(dynamodb).await {
        return Ok(stream);
    }
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewImage)
        .build()
        .map_err(StartError::service)?;
    dynamodb
        .create_table()
        .table_name(EVENTS_TABLE)
        .set_attribute_definitions(Some(strings(&[PK, SK, ORDER_ID, USER_ID, RECEIVED_AT])?))
        .set_key_schema(Some(key(&[PK, SK])?))
        .global_secondary_indexes(index("by_order", &[ORDER_ID, RECEIVED_AT], keys_only())?)
        .global_secondary_indexes(index("by_user", &[USER_ID, RECEIVED_AT], keys_only())?)
        .stream_specification(stream)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .map_err(StartError::service)?;
    let no_stream = || StartError::service(std::io::Error::other("the table of events has no stream"));
    stream_of_events(dynamodb).await.ok_or_else(no_stream)
}

async fn create_users(dynamodb: &aws_sdk_dynamodb::Client, name: &str) -> Result<(), StartError> {
    if dynamodb.describe_table().table_name(name).send().await.is_ok() {
        return Ok(());
    }
    let with_name =
        Projection::builder().projection_type(ProjectionType::Include).non_key_attributes(users::NAME).build();
    dynamodb
        .create_table()
        .table_name(name)
        .set_attribute_definitions(Some(strings(&[users::USER_ID, users::PUBLIC_ID])?))
        .set_key_schema(Some(key(&[users::USER_ID])?))
        .global_secondary_indexes(index(users::BY_PUBLIC_ID, &[users::PUBLIC_ID], with_name)?)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .map_err(StartError::service)?;
    Ok(())
}

async fn stream_of_events(dynamodb: &aws_sdk_dynamodb::Client) -> Option<String> {
    let described = dynamodb.describe_table().table_name(EVENTS_TABLE).send().await.ok()?;
    described.table?.latest_stream_arn
}

async fn create_queues(sqs: &aws_sdk_sqs::Client) -> Result<QueueUrls, StartError> {
    let create = async |name: &str, attributes: &[(QueueAttributeName, &str)]| {
        let mut queue = sqs.create_queue().queue_name(name);
        for (attribute, value) in attributes {
            queue = queue.attributes(attribute.clone(), *value);
        }
        let created = queue.send().await.map_err(StartError::service)?;
        Ok::<_, StartError>(created.queue_url.unwrap_or_default())
    };
    let fifo = (QueueAttributeName::FifoQueue, "true");
    let dead_letters = create(DEAD_LETTER_QUEUE, std::slice::from_ref(&fifo)).await?;
    let redrive = format!(
        r#"{{"deadLetterTargetArn":"arn:aws:sqs:{REGION}:000000000000:{DEAD_LETTER_QUEUE}","maxReceiveCount":10}}"#
    );
    let events = create(
        EVENTS_QUEUE,
        &[
            fifo,
            (QueueAttributeName::DeduplicationScope, "messageGroup"),
            (QueueAttributeName::FifoThroughputLimit, "perMessageGroupId"),
            (QueueAttributeName::VisibilityTimeout, "60"),
            (QueueAttributeName::RedrivePolicy, &redrive),
        ],
    )
    .await?;
    let parked = create(PARKED_QUEUE, &[]).await?;
    Ok(QueueUrls { events, dead_letters, parked })
}

fn strings(names: &[&str]) -> Result<Vec<AttributeDefinition>, StartError> {
    names
        .iter()
        .map(|name| {
            let definition = AttributeDefinition::builder().attribute_name(*name);
            definition.attribute_type(ScalarAttributeType::S).build().map_err(StartError::service)
        })
        .collect()
}

fn key(names: &[&str]) -> Result<Vec<KeySchemaElement>, StartError> {
    let kinds = [KeyType::Hash, KeyType::Range];
    names
        .iter()
        .zip(kinds)
        .map(|(name, kind)| {
            KeySchemaElement::builder().attribute_name(*name).key_type(kind).build().map_err(StartError::service)
        })
        .collect()
}

fn index(name: &str, by: &[&str], projection: Projection) -> Result<GlobalSecondaryIndex, StartError> {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(key(by)?))
        .projection(projection)
        .build()
        .map_err(StartError::service)
}

fn keys_only() -> Projection {
    Projection::builder().projection_type(ProjectionType::KeysOnly).build()
}
