//! Everything that runs, started and stopped as one.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aws_types::SdkConfig;
use intake::accept::SourcePolicy;
use intake::aws::{CallLimits, EventHistory, Events, ParkingQueue, QueueUrls, SecretSource, SqsQueue};
use intake::directory::Directory;
use intake::emulator::{EVENTS_TABLE, emulator_config};
use intake::lambda;
use intake::lambda::relay::BATCH_TIME;
use intake::relay::Relay;
use intake::settings::DirectorySetting;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use xsolla::{PaymentWithoutOrder, Secrets, SourceRanges};

use crate::error::StartError;
use crate::gateway::{self, Gateway};
use crate::services::Services;
use crate::trigger::StreamTrigger;

/// An embedded database on a busy laptop takes longer than DynamoDB. Xsolla's 3 seconds, and its tunnel's, are the limit.
const CALL_LIMITS: CallLimits = CallLimits {
    connect: Duration::from_secs(1),
    attempt: Duration::from_millis(2400),
    operation: Duration::from_millis(2500),
};

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port for webhooks; 0 for any that is free, as with the others.
    pub port: u16,
    /// The port of the embedded DynamoDB.
    pub dynamodb_port: u16,
    /// The port of the embedded SQS.
    pub sqs_port: u16,
    /// The webhook secrets.
    pub secrets: Secrets,
    /// Who answers questions.
    pub directory: DirectorySetting,
    /// What a payment means that names no order.
    pub payment_without_order: PaymentWithoutOrder,
    /// From where webhooks are expected.
    pub sources: SourcePolicy,
    /// The key in the path of what Xsolla does not sign; `None`: there is no such path.
    pub unsigned_key: Option<Secrets>,
    /// Where the table is kept; `None`: in memory.
    pub data: Option<PathBuf>,
}

/// As deployed by default, but that this machine's own calls are expected: here, Xsolla's come through a tunnel.
pub fn local_sources() -> SourcePolicy {
    SourcePolicy { ranges: SourceRanges::published().with_address(Ipv4Addr::LOCALHOST.into()), enforced: false }
}

/// Injects faults between the functions and AWS.
pub trait FaultInjector: Send + Sync {
    /// The configuration with faults between the SDK and the network.
    fn wrap(&self, config: &SdkConfig) -> SdkConfig;
    /// Whether the relay crashes after the current batch, before Lambda knows its result.
    fn crashes_relay(&self) -> bool;
}

/// What runs, and how to reach it.
#[derive(Debug)]
pub struct Stack {
    /// Where webhooks are taken.
    pub webhooks: SocketAddr,
    /// The same functions on a port of their own, for the demonstration: nobody else knows it.
    pub(crate) demo_addr: SocketAddr,
    /// A client of the embedded DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The front door's way to its table.
    pub events: Events,
    /// A client of the embedded SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// The endpoint of the embedded DynamoDB.
    pub dynamodb_endpoint: String,
    /// The endpoint of the embedded SQS.
    pub sqs_endpoint: String,
    /// The queues.
    pub queues: QueueUrls,
    /// The port for webhooks, as long as it is not open.
    closed: Option<(TcpListener, Arc<Gateway>)>,
    /// Whatever was started ends with its stack.
    tasks: JoinSet<()>,
}

impl Stack {
    /// Starts the services, then what stands around them. The port for webhooks is taken, and waits for [`Self::open`].
    ///
    /// # Errors
    ///
    /// When a port or the data directory cannot be used.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        Self::start_through(options, None).await
    }

    /// The same, with faults injected between the functions and AWS. The stack's own clients see none.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub async fn start_with_faults(options: Options, faults: Arc<dyn FaultInjector>) -> Result<Self, StartError> {
        Self::start_through(options, Some(faults)).await
    }

    async fn start_through(options: Options, faults: Option<Arc<dyn FaultInjector>>) -> Result<Self, StartError> {
        let webhooks = listen(options.port, "--port").await?;
        let dynamodb = listen(options.dynamodb_port, "--dynamodb-port").await?;
        let sqs = listen(options.sqs_port, "--sqs-port").await?;
        let webhooks_address = address(&webhooks);
        let data = options.data.as_deref();
        let Services { dynamodb, sqs, dynamodb_endpoint, sqs_endpoint, queues, stream, mut tasks } =
            Services::start(dynamodb, sqs, data, &options.directory, CALL_LIMITS).await?;

        let config = match &faults {
            Some(faults) => faults.wrap(&emulator_config(CallLimits::FRONT_DOOR).build()),
            None => emulator_config(CALL_LIMITS).build(),
        };
        let at = |endpoint: &str| config.to_builder().endpoint_url(endpoint).build();
        let table = at(&dynamodb_endpoint);
        let streams = aws_sdk_dynamodbstreams::Client::new(&table);
        let functions_dynamodb = aws_sdk_dynamodb::Client::new(&table);
        let functions_sqs = aws_sdk_sqs::Client::new(&at(&sqs_endpoint));

        let events = Events::new(&table, EVENTS_TABLE.to_owned());
        let relay = Arc::new(Relay {
            queue: SqsQueue::new(functions_sqs.clone(), queues.events.clone()),
            parking: ParkingQueue::new(functions_sqs, Some(queues.parked.clone())),
            history: EventHistory::new(functions_dynamodb.clone(), EVENTS_TABLE.to_owned()),
            payment_without_order: options.payment_without_order,
        });
        let invoke = move |event: Vec<u8>| {
            let (relay, faults) = (Arc::clone(&relay), faults.clone());
            async move {
                let answer = relayed(&relay, &event).await.map_err(|error| error.to_string())?;
                if faults.is_some_and(|faults| faults.crashes_relay()) {
                    return Err("the relay crashed".to_owned());
                }
                Ok(answer)
            }
        };
        tasks.spawn(StreamTrigger::new(streams, stream, invoke).run());

        let secrets = SecretSource::Fixed(options.secrets);
        let directory = Directory::new(options.directory, &config, &functions_dynamodb);
        let gateway = Arc::new(Gateway::new(&events, &directory, &secrets, &options.sources, options.unsigned_key));
        // The demonstration's users are made up: no directory need know them.
        let demo_gateway = Arc::new(Gateway::new(&events, &Directory::ACCEPT_ALL, &secrets, &options.sources, None));
        let demo_listener = listen(0, "--port").await?;
        let demo_addr = address(&demo_listener);
        tasks.spawn(gateway::serve(demo_listener, demo_gateway));

        Ok(Self {
            webhooks: webhooks_address,
            demo_addr,
            events,
            dynamodb,
            sqs,
            dynamodb_endpoint,
            sqs_endpoint,
            queues,
            closed: Some((webhooks, gateway)),
            tasks,
        })
    }

    /// Begins to take webhooks. Whoever has connected before has waited, not been turned away.
    pub fn open(&mut self) {
        if let Some((listener, gateway)) = self.closed.take() {
            self.tasks.spawn(gateway::serve(listener, gateway));
        }
    }

    /// The URL that stands for the one that Xsolla calls.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/webhooks", self.webhooks)
    }
}

/// By way of the JSON that Lambda sends, so that this is the road of the deployed relay.
async fn relayed(relay: &Relay<SqsQueue, ParkingQueue, EventHistory>, event: &[u8]) -> serde_json::Result<Vec<u8>> {
    let event = serde_json::from_slice(event)?;
    let (response, relayed) = lambda::relay::handle(relay, &event, || BATCH_TIME).await;
    tracing::info!(queued = relayed.queued.len(), parked = relayed.parked, retry_from = relayed.retry_from, "relayed");
    serde_json::to_vec(&response)
}

async fn listen(port: u16, option: &'static str) -> Result<TcpListener, StartError> {
    let address = (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(address).await.map_err(|cause| StartError::Port { port, option, cause })
}

fn address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().unwrap_or_else(|_| (Ipv4Addr::LOCALHOST, 0).into())
}
