//! The local stack: embedded services, relay and webhook functions.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_types::SdkConfig;
use intake::accept::SourcePolicy;
use intake::aws::{CallLimits, EventHistory, Events, EventsTable, ParkingQueue, QueueUrls, SecretSource, SqsQueue};
use intake::directory::Directory;
use intake::emulator::{EVENTS_TABLE, emulator_config};
use intake::lambda;
use intake::lambda::relay::BATCH_TIME;
use intake::relay::Relay;
use intake::settings::DirectorySetting;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use xsolla::{PaymentWithoutOrder, Secrets, SourceRanges};

use crate::console::{Console, StackData};
use crate::data_directory::DataDirectory;
use crate::error::EmulatorError;
use crate::gateway::Gateway;
use crate::guard::Guard;
use crate::journal::Journal;
use crate::services::Services;
use crate::trigger::StreamTrigger;

/// Longer than in the cloud, because the embedded database is slower on a busy machine. Shorter than Xsolla's 3 seconds.
const CALL_LIMITS: CallLimits = CallLimits {
    connect: Duration::from_secs(1),
    attempt: Duration::from_millis(2400),
    operation: Duration::from_millis(2500),
};

/// Configuration of a stack. Port 0 means any free port.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// Port for webhooks.
    pub port: u16,
    /// Port of the embedded DynamoDB.
    pub dynamodb_port: u16,
    /// Port of the embedded SQS.
    pub sqs_port: u16,
    /// Webhook secrets.
    pub secrets: Secrets,
    /// Directory that answers questions.
    pub directory: DirectorySetting,
    /// Meaning of a payment without an order.
    pub payment_without_order: PaymentWithoutOrder,
    /// Expected source addresses of webhooks.
    pub sources: SourcePolicy,
    /// Key in the path of unsigned webhooks; `None` disables their routes.
    pub unsigned_key: Option<Secrets>,
    /// Directory for the table; `None` holds it in memory.
    pub data: Option<PathBuf>,
}

/// The default source policy, with 127.0.0.1 added, because Xsolla's webhooks arrive through a tunnel.
pub fn local_sources() -> SourcePolicy {
    SourcePolicy { ranges: SourceRanges::published().with_address(Ipv4Addr::LOCALHOST.into()), enforced: false }
}

/// Injects faults between the functions and AWS.
pub trait FaultInjector: Send + Sync {
    /// Returns a configuration whose HTTP client injects faults.
    fn wrap(&self, config: &SdkConfig) -> SdkConfig;
    /// Returns whether the relay crashes after the current batch, before Lambda receives its response.
    fn should_crash_relay(&self) -> bool;
}

/// A running stack and its addresses. Dropping this stops it.
#[derive(Debug)]
pub struct Stack {
    /// Address of the webhook port.
    pub webhook_addr: SocketAddr,
    /// Private address of the same functions, for the demonstration.
    pub(crate) demo_addr: SocketAddr,
    /// Client of the embedded DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Event store of the functions.
    pub events: Events,
    /// Client of the embedded SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Endpoint of the embedded DynamoDB.
    pub dynamodb_endpoint: String,
    /// Endpoint of the embedded SQS.
    pub sqs_endpoint: String,
    /// URLs of the queues.
    pub queues: QueueUrls,
    /// Webhooks and messages of this session.
    pub journal: Arc<Journal>,
    /// Listener and gateway of the webhook port until [`Self::open`].
    unopened: Option<(TcpListener, Gateway)>,
    /// Lock on the data directory.
    _data: Option<DataDirectory>,
    tasks: JoinSet<()>,
}

impl Stack {
    /// Starts the services, the relay and the functions. The webhook port is bound, but serves only after
    /// [`Self::open`].
    ///
    /// # Errors
    ///
    /// If a port or the data directory cannot be used.
    pub async fn start(options: StackOptions) -> Result<Self, EmulatorError> {
        Self::start_inner(options, None).await
    }

    /// Like [`Self::start`], with faults injected between the functions and AWS. The stack's own clients have none.
    ///
    /// # Errors
    ///
    /// As for [`Self::start`].
    pub async fn start_with_faults(
        options: StackOptions,
        faults: Arc<dyn FaultInjector>,
    ) -> Result<Self, EmulatorError> {
        Self::start_inner(options, Some(faults)).await
    }

    async fn start_inner(options: StackOptions, faults: Option<Arc<dyn FaultInjector>>) -> Result<Self, EmulatorError> {
        let (webhooks, webhook_addr) = bind(options.port, "--port").await?;
        let (demo, demo_addr) = bind(0, "--port").await?;
        let (dynamodb, _) = bind(options.dynamodb_port, "--dynamodb-port").await?;
        let (sqs, _) = bind(options.sqs_port, "--sqs-port").await?;
        let data = options.data.as_deref();
        let journal = Arc::new(Journal::new(options.secrets.clone()));
        let Services { dynamodb, sqs, dynamodb_endpoint, sqs_endpoint, queues, stream_arn, data, mut tasks } =
            Services::start_with(dynamodb, sqs, data, &options.directory, CALL_LIMITS, Some(Arc::clone(&journal)))
                .await?;

        let config = match &faults {
            Some(faults) => faults.wrap(&emulator_config(CallLimits::WEBHOOK).build()),
            None => emulator_config(CALL_LIMITS).build(),
        };
        let dynamodb_config = config.to_builder().endpoint_url(&dynamodb_endpoint).build();
        let functions_dynamodb = aws_sdk_dynamodb::Client::new(&dynamodb_config);
        let functions_sqs = aws_sdk_sqs::Client::new(&config.to_builder().endpoint_url(&sqs_endpoint).build());
        let events = Events::new(&dynamodb_config, EVENTS_TABLE.to_owned());

        let relay = Arc::new(Relay {
            queue: SqsQueue::new(functions_sqs.clone(), queues.events.clone()),
            parking: ParkingQueue::new(functions_sqs, Some(queues.parked.clone())),
            history: EventHistory::new(functions_dynamodb.clone(), EVENTS_TABLE.to_owned()),
            payment_without_order: options.payment_without_order,
        });
        let invoke_relay = move |event: Vec<u8>| {
            let (relay, faults) = (Arc::clone(&relay), faults.clone());
            async move {
                let response = handle_batch(&relay, &event).await.map_err(|error| error.to_string())?;
                if faults.is_some_and(|faults| faults.should_crash_relay()) {
                    return Err("relay crashed (injected fault)".to_owned());
                }
                Ok(response)
            }
        };
        let streams = aws_sdk_dynamodbstreams::Client::new(&dynamodb_config);
        tasks.spawn(StreamTrigger::new(streams, stream_arn, invoke_relay).run());

        let secrets = SecretSource::Fixed(options.secrets);
        let directory = Directory::new(options.directory, &config, &functions_dynamodb);
        let gateway = Gateway::new(&events, &directory, &secrets, &options.sources, options.unsigned_key, &journal);
        // The configured directory may not know the demonstration's users.
        let demo_gateway = Gateway::new(&events, &Directory::ACCEPT_ALL, &secrets, &options.sources, None, &journal);
        tasks.spawn(demo_gateway.serve(demo, Guard::default(), None));

        Ok(Self {
            webhook_addr,
            demo_addr,
            events,
            dynamodb,
            sqs,
            dynamodb_endpoint,
            sqs_endpoint,
            queues,
            unopened: Some((webhooks, gateway)),
            journal,
            _data: data,
            tasks,
        })
    }

    /// Starts serving webhooks, including those of connections that are already waiting.
    pub fn open(&mut self) {
        self.open_with(&[], None);
    }

    /// Like [`Self::open`], with the web console on the same port. Also accepts webhooks that are sent to these host names:
    /// those of a tunnel.
    pub fn open_with(&mut self, hosts: &[String], console: Option<Console>) {
        if let Some((listener, gateway)) = self.unopened.take() {
            self.tasks.spawn(gateway.serve(listener, Guard::with_hosts(hosts), console));
        }
    }

    /// The table and the queues, for the web console.
    #[must_use]
    pub fn data(&self) -> StackData {
        let table = EventsTable { client: self.dynamodb.clone(), name: EVENTS_TABLE.to_owned() };
        StackData { table, sqs: self.sqs.clone(), queues: self.queues.clone() }
    }

    /// The webhook URL, as it would be entered in Xsolla's Publisher Account.
    #[must_use]
    pub fn webhook_url(&self) -> String {
        format!("http://{}/webhooks", self.webhook_addr)
    }
}

/// Handles one stream batch, from and to JSON, as in the deployed relay.
async fn handle_batch(
    relay: &Relay<SqsQueue, ParkingQueue, EventHistory>,
    event: &[u8],
) -> serde_json::Result<Vec<u8>> {
    let event = serde_json::from_slice(event)?;
    let (response, outcome) = lambda::relay::handle(relay, &event, Timestamp::now(), || BATCH_TIME).await;
    if outcome.retry_from.is_some() {
        tracing::warn!("relay could not send all events, will retry");
    }
    serde_json::to_vec(&response)
}

async fn bind(port: u16, option: &'static str) -> Result<(TcpListener, SocketAddr), EmulatorError> {
    let failed = |cause| EmulatorError::Port { port, option, cause };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
