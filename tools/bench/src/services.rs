//! DynamoDB and SQS in a separate process, so that their CPU time and memory are not counted.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, Select,
};
use aws_sdk_sqs::types::QueueAttributeName;
use intake::aws::CallLimits;
use intake::emulator::EVENTS_TABLE;
use intake::settings::DirectorySetting;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::Error;

/// Name of the idempotency table of Powertools.
pub(crate) const IDEMPOTENCY_TABLE: &str = "idempotency";

const CALL_LIMITS: CallLimits =
    CallLimits { connect: Duration::from_secs(5), attempt: Duration::from_secs(30), operation: Duration::from_mins(1) };

/// Endpoints and queue URLs of the services.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) dynamodb: String,
    pub(crate) sqs: String,
    /// URL of the events queue.
    pub(crate) queue: String,
    /// URL of the parked queue.
    pub(crate) parked: String,
}

/// Number of items and messages.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Items in the events table.
    pub(crate) events: u32,
    /// Items in the idempotency table.
    pub(crate) idempotency: u32,
    /// Messages in the events queue.
    pub(crate) queued: u32,
}

/// Runs the services until stdin closes. Prints the addresses, then the counts for each line of input.
pub(crate) async fn serve() -> Result<(), Error> {
    let any = (Ipv4Addr::LOCALHOST, 0);
    let (dynamodb, sqs) = (TcpListener::bind(any).await?, TcpListener::bind(any).await?);
    let services =
        local::services::Services::start(dynamodb, sqs, None, &DirectorySetting::AcceptAll, CALL_LIMITS).await?;
    create_idempotency_table(&services.dynamodb).await?;
    let addresses = Addresses {
        dynamodb: services.dynamodb_endpoint.clone(),
        sqs: services.sqs_endpoint.clone(),
        queue: services.queues.events.clone(),
        parked: services.queues.parked.clone(),
    };
    println!("{}", serde_json::to_string(&addresses)?);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        println!("{}", serde_json::to_string(&count(&services).await?)?);
    }
    Ok(())
}

async fn create_idempotency_table(dynamodb: &aws_sdk_dynamodb::Client) -> Result<(), Error> {
    let (id, text) = ("id", ScalarAttributeType::S);
    dynamodb
        .create_table()
        .table_name(IDEMPOTENCY_TABLE)
        .attribute_definitions(AttributeDefinition::builder().attribute_name(id).attribute_type(text).build()?)
        .key_schema(KeySchemaElement::builder().attribute_name(id).key_type(KeyType::Hash).build()?)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await?;
    Ok(())
}

async fn count(services: &local::services::Services) -> Result<Counts, Error> {
    let items = async |table| {
        let mut pages = services.dynamodb.scan().table_name(table).select(Select::Count).into_paginator().send();
        let mut items = 0;
        while let Some(page) = pages.next().await {
            items += u32::try_from(page?.count)?;
        }
        Ok::<_, Error>(items)
    };
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let queue = services.sqs.get_queue_attributes().queue_url(&services.queues.events).attribute_names(name.clone());
    let queue = queue.send().await?.attributes.unwrap_or_default();
    Ok(Counts {
        events: items(EVENTS_TABLE).await?,
        idempotency: items(IDEMPOTENCY_TABLE).await?,
        queued: queue.get(&name).ok_or("no message count")?.parse()?,
    })
}

/// The services process; killed on drop.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) addresses: Addresses,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    process: Child,
}

impl Services {
    /// Starts this binary as the services process, with empty tables.
    pub(crate) async fn start() -> Result<Self, Error> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("--services")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = process.stdin.take().ok_or("no input")?;
        let mut output = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        let addresses = output.next_line().await?.ok_or("the services process has exited")?;
        Ok(Self { addresses: serde_json::from_str(&addresses)?, input, output, process })
    }

    /// The process id; `None` after the process has exited.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Counts items and messages.
    pub(crate) async fn counts(&mut self) -> Result<Counts, Error> {
        self.input.write_all(b"\n").await?;
        Ok(serde_json::from_str(&self.output.next_line().await?.ok_or("the services process has exited")?)?)
    }
}
