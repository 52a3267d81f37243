//! Embedded DynamoDB and SQS, with the table and queues of `template.yaml`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};
use aws_sdk_sqs::types::QueueAttributeName;
use dynoxide::Database;
use hyper::body::Incoming;
use hyper::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use intake::aws::{CallLimits, QueueUrls};
use intake::emulator::{DEAD_LETTER_QUEUE, EVENTS_QUEUE, EVENTS_TABLE, PARKED_QUEUE, REGION, emulator_config};
use intake::settings::DirectorySetting;
use intake::table::{MODE, ORDER_ID, PK, RECEIVED_AT, SK, SUBSCRIPTION_ID, USER_ID, users};
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::body::SqsResponseBody;
use rustack_sqs_http::service::{SqsHttpConfig, SqsHttpService};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::data_directory::DataDirectory;
use crate::error::EmulatorError;
use crate::guard::Guard;
use crate::journal::{Journal, Observed};

/// Time limit of `DescribeTable`. The embedded database reads all indexes for it: 8 s for 300,000 events in a
/// build without optimization.
const DESCRIBE_TIME: Duration = Duration::from_mins(2);

/// The running services with their table and queues. Dropping this stops them.
#[derive(Debug)]
pub struct Services {
    /// Client of the embedded DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Client of the embedded SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Endpoint of the embedded DynamoDB.
    pub dynamodb_endpoint: String,
    /// Endpoint of the embedded SQS.
    pub sqs_endpoint: String,
    /// URLs of the queues.
    pub queues: QueueUrls,
    /// ARN of the events table's stream.
    pub stream_arn: String,
    pub(crate) data: Option<DataDirectory>,
    pub(crate) tasks: JoinSet<()>,
}

impl Services {
    /// Starts both services on these listeners, with the table in a data directory, or in memory if `data` is `None`.
    ///
    /// `limits` apply to the two clients.
    ///
    /// # Errors
    ///
    /// If the directory cannot be used, or a call to a service fails.
    pub async fn start(
        dynamodb: TcpListener,
        sqs: TcpListener,
        data: Option<&Path>,
        directory: &DirectorySetting,
        limits: CallLimits,
    ) -> Result<Self, EmulatorError> {
        Self::start_with(dynamodb, sqs, data, directory, limits, None).await
    }

    /// Like [`Self::start`], with a journal of the messages.
    pub(crate) async fn start_with(
        dynamodb: TcpListener,
        sqs: TcpListener,
        data: Option<&Path>,
        directory: &DirectorySetting,
        limits: CallLimits,
        journal: Option<Arc<Journal>>,
    ) -> Result<Self, EmulatorError> {
        let data = data.map(DataDirectory::open).transpose()?;
        let (name, database) = open_database(data.as_ref())?;
        let (dynamodb_address, sqs_address) = (address(&dynamodb)?, address(&sqs)?);
        let mut tasks = JoinSet::new();
        tasks.spawn(crate::dynamodb::serve(dynamodb, database));
        tasks.spawn(serve_sqs(sqs, sqs_address.port(), journal));
        let (dynamodb_endpoint, sqs_endpoint) = (format!("http://{dynamodb_address}"), format!("http://{sqs_address}"));
        let config = |endpoint: &str| emulator_config(limits).endpoint_url(endpoint).build();
        let dynamodb = aws_sdk_dynamodb::Client::new(&config(&dynamodb_endpoint));
        let sqs = aws_sdk_sqs::Client::new(&config(&sqs_endpoint));
        let stream_arn = create_tables(&dynamodb, directory).await?;
        create_scan_index(&name).map_err(EmulatorError::service)?;
        let queues = create_queues(&sqs).await?;
        Ok(Self { dynamodb, sqs, dynamodb_endpoint, sqs_endpoint, queues, stream_arn, data, tasks })
    }
}

fn address(listener: &TcpListener) -> Result<SocketAddr, EmulatorError> {
    listener.local_addr().map_err(EmulatorError::service)
}

/// Opens the database in a file of this directory, or in memory. Returns its name for further connections, too.
fn open_database(directory: Option<&DataDirectory>) -> Result<(String, Database), EmulatorError> {
    let Some(directory) = directory else {
        // Further connections open the same database, so the in-memory database needs a name.
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        let name = format!("file:dynamodb-{}?mode=memory&cache=shared", OPENED.fetch_add(1, Ordering::Relaxed));
        let database = open_indexed(&name).map_err(EmulatorError::Database)?;
        return Ok((name, database));
    };
    let name = directory.database().to_string_lossy().into_owned();
    let database = open_indexed(&name)
        .map_err(|cause| EmulatorError::DataDirectory { path: directory.path().to_owned(), cause })?;
    Ok((name, database))
}

fn open_indexed(name: &str) -> Result<Database, String> {
    let database = Database::new(name).map_err(|error| error.to_string())?;
    create_stream_index(name).map_err(|error| error.to_string())?;
    Ok(database)
}

/// Adds an index to the stream's table. Without it, each write and each read of the stream scans the whole stream.
fn create_stream_index(database: &str) -> rusqlite::Result<()> {
    rusqlite::Connection::open(database)?.execute_batch(
        "CREATE INDEX IF NOT EXISTS stream_by_number ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )
}

/// Adds an index in the order of a parallel scan. Without it, each page of such a scan sorts the whole table.
fn create_scan_index(database: &str) -> rusqlite::Result<()> {
    rusqlite::Connection::open(database)?
        .execute_batch(&format!("CREATE INDEX IF NOT EXISTS events_by_hash ON {EVENTS_TABLE} (hash_prefix, pk, sk)"))
}

/// Serves SQS until the task is aborted.
async fn serve_sqs(listener: TcpListener, port: u16, journal: Option<Arc<Journal>>) {
    let config =
        SqsConfig { host: "127.0.0.1".to_owned(), port, default_region: REGION.to_owned(), ..SqsConfig::default() };
    let provider = Arc::new(RustackSqs::new(config));
    let handler = Observed { handler: RustackSqsHandler::new(provider), journal };
    let service = SqsHttpService::new(Arc::new(handler), SqsHttpConfig::default());
    while let Ok((connection, _)) = listener.accept().await {
        let service = service.clone();
        let guarded = service_fn(move |request: Request<Incoming>| {
            let service = service.clone();
            async move {
                if let Err(refusal) = Guard::default().check(request.method(), request.uri(), request.headers()) {
                    let mut response = Response::new(SqsResponseBody::from_bytes(format!("{refusal}\n")));
                    *response.status_mut() = StatusCode::FORBIDDEN;
                    return Ok(response);
                }
                let mut response = service.call(request).await?;
                // The service allows every web page.
                response.headers_mut().remove(ACCESS_CONTROL_ALLOW_ORIGIN);
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(connection), guarded).await });
    }
}

/// Creates the tables unless the data directory already holds them. Returns the ARN of the events table's stream.
async fn create_tables(
    dynamodb: &aws_sdk_dynamodb::Client,
    directory: &DirectorySetting,
) -> Result<String, EmulatorError> {
    if let DirectorySetting::Table(name) = directory {
        create_users_table(dynamodb, name).await?;
    }
    if let Some(stream_arn) = events_stream_arn(dynamodb).await? {
        return Ok(stream_arn);
    }
    let with_mode = Projection::builder().projection_type(ProjectionType::Include).non_key_attributes(MODE).build();
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewImage)
        .build()
        .map_err(EmulatorError::service)?;
    dynamodb
        .create_table()
        .table_name(EVENTS_TABLE)
        .set_attribute_definitions(Some(string_attributes(&[PK, SK, ORDER_ID, USER_ID, SUBSCRIPTION_ID, RECEIVED_AT])?))
        .set_key_schema(Some(key_schema(&[PK, SK])?))
        .global_secondary_indexes(index("by_order", &[ORDER_ID, RECEIVED_AT], keys_only())?)
        .global_secondary_indexes(index("by_user", &[USER_ID, RECEIVED_AT], keys_only())?)
        .global_secondary_indexes(index("by_subscription", &[SUBSCRIPTION_ID, RECEIVED_AT], with_mode)?)
        .stream_specification(stream)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .map_err(EmulatorError::service)?;
    let no_stream = || EmulatorError::service(std::io::Error::other("the events table has no stream"));
    events_stream_arn(dynamodb).await?.ok_or_else(no_stream)
}

async fn create_users_table(dynamodb: &aws_sdk_dynamodb::Client, name: &str) -> Result<(), EmulatorError> {
    if dynamodb.describe_table().table_name(name).send().await.is_ok() {
        return Ok(());
    }
    let with_name =
        Projection::builder().projection_type(ProjectionType::Include).non_key_attributes(users::NAME).build();
    dynamodb
        .create_table()
        .table_name(name)
        .set_attribute_definitions(Some(string_attributes(&[users::USER_ID, users::PUBLIC_ID])?))
        .set_key_schema(Some(key_schema(&[users::USER_ID])?))
        .global_secondary_indexes(index(users::BY_PUBLIC_ID, &[users::PUBLIC_ID], with_name)?)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await
        .map_err(EmulatorError::service)?;
    Ok(())
}

/// Returns the ARN of the events table's stream, or `None` if the table does not exist.
async fn events_stream_arn(dynamodb: &aws_sdk_dynamodb::Client) -> Result<Option<String>, EmulatorError> {
    let limits = TimeoutConfig::builder().operation_attempt_timeout(DESCRIBE_TIME).operation_timeout(DESCRIBE_TIME);
    let limits = aws_sdk_dynamodb::config::Builder::new().timeout_config(limits.build());
    let describe = dynamodb.describe_table().table_name(EVENTS_TABLE).customize().config_override(limits);
    let Ok(output) = describe.send().await else { return Ok(None) };
    let Some(table) = output.table else { return Ok(None) };
    let mut indexes = table.global_secondary_indexes().iter().filter_map(|index| index.index_name());
    if !indexes.any(|index| index == "by_subscription") {
        return Err(EmulatorError::OldTable);
    }
    Ok(table.latest_stream_arn)
}

async fn create_queues(sqs: &aws_sdk_sqs::Client) -> Result<QueueUrls, EmulatorError> {
    let create = async |name: &str, attributes: &[(QueueAttributeName, &str)]| {
        let mut queue = sqs.create_queue().queue_name(name);
        for (attribute, value) in attributes {
            queue = queue.attributes(attribute.clone(), *value);
        }
        let output = queue.send().await.map_err(EmulatorError::service)?;
        Ok::<_, EmulatorError>(output.queue_url.unwrap_or_default())
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

fn string_attributes(names: &[&str]) -> Result<Vec<AttributeDefinition>, EmulatorError> {
    names
        .iter()
        .map(|name| {
            let attribute = AttributeDefinition::builder().attribute_name(*name);
            attribute.attribute_type(ScalarAttributeType::S).build().map_err(EmulatorError::service)
        })
        .collect()
}

fn key_schema(names: &[&str]) -> Result<Vec<KeySchemaElement>, EmulatorError> {
    let key_types = [KeyType::Hash, KeyType::Range];
    names
        .iter()
        .zip(key_types)
        .map(|(name, key_type)| {
            KeySchemaElement::builder().attribute_name(*name).key_type(key_type).build().map_err(EmulatorError::service)
        })
        .collect()
}

fn index(name: &str, key: &[&str], projection: Projection) -> Result<GlobalSecondaryIndex, EmulatorError> {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(key_schema(key)?))
        .projection(projection)
        .build()
        .map_err(EmulatorError::service)
}

fn keys_only() -> Projection {
    Projection::builder().projection_type(ProjectionType::KeysOnly).build()
}
