//! The stack or emulator that a command works on.

use clap::Args;
use cli::connection::{Clients, endpoint_override};
use cli::dead_letters::DeadLetters;
use cli::replay::Replay;
use cli::table::Table;
use intake::aws::QueueUrls;
use intake::emulator::{EVENTS_TABLE, queue_urls};
use intake::settings::environment;
use xsolla::PaymentWithoutOrder;

use crate::terminal::warn;

/// Default of the command `local`.
const LOCAL_PAYMENT_WITHOUT_ORDER: PaymentWithoutOrder = PaymentWithoutOrder::MoneyOnly;

/// The events table of a stack or of the emulator.
#[derive(Args)]
pub(crate) struct TableTarget {
    /// Use the emulator on its default ports
    #[arg(long)]
    pub(crate) local: bool,
    /// Table name (stack output `TableName`)
    #[arg(long, value_name = "NAME", env = "TABLE_NAME", required_unless_present = "local")]
    pub(crate) table: Option<String>,
}

impl TableTarget {
    /// The name of the table.
    pub(super) fn name(&self) -> String {
        unless_local(self.table.clone(), self.local, EVENTS_TABLE.to_owned())
    }
}

/// The queues of a stack or of the emulator.
#[derive(Args)]
pub(crate) struct QueueTargets {
    /// Use the emulator on its default ports
    #[arg(long)]
    pub(crate) local: bool,
    /// URL of the game's queue (stack output `QueueUrl`)
    #[arg(long, value_name = "URL", env = "QUEUE_URL", required_unless_present = "local")]
    pub(crate) queue_url: Option<String>,
    /// URL of the dead-letter queue (stack output `DeadLetterQueueUrl`)
    #[arg(long, value_name = "URL", env = "DEAD_LETTER_QUEUE_URL", required_unless_present = "local")]
    pub(crate) dead_letter_queue_url: Option<String>,
    /// URL of the parked queue (stack output `ParkedQueueUrl`)
    #[arg(long, value_name = "URL", env = "PARKED_QUEUE_URL", required_unless_present = "local")]
    pub(crate) parked_queue_url: Option<String>,
}

/// The queues, for a command that needs them only with an option.
#[derive(Args)]
#[expect(clippy::struct_field_names, reason = "the names of the options")]
pub(crate) struct OptionalQueues {
    /// URL of the game's queue (stack output `QueueUrl`)
    #[arg(long, value_name = "URL", env = "QUEUE_URL")]
    pub(crate) queue_url: Option<String>,
    /// URL of the dead-letter queue (stack output `DeadLetterQueueUrl`)
    #[arg(long, value_name = "URL", env = "DEAD_LETTER_QUEUE_URL")]
    pub(crate) dead_letter_queue_url: Option<String>,
    /// URL of the parked queue (stack output `ParkedQueueUrl`)
    #[arg(long, value_name = "URL", env = "PARKED_QUEUE_URL")]
    pub(crate) parked_queue_url: Option<String>,
}

impl OptionalQueues {
    /// Requires the queues, unless the emulator has them.
    pub(super) fn required(self, local: bool) -> Result<QueueTargets, String> {
        let Self { queue_url, dead_letter_queue_url, parked_queue_url } = self;
        for (url, name) in [
            (&queue_url, "QUEUE_URL"),
            (&dead_letter_queue_url, "DEAD_LETTER_QUEUE_URL"),
            (&parked_queue_url, "PARKED_QUEUE_URL"),
        ] {
            if url.is_none() && !local {
                return Err(format!("{name} is not set; the stack output CliEnvironment sets it"));
            }
        }
        Ok(QueueTargets { local, queue_url, dead_letter_queue_url, parked_queue_url })
    }
}

pub(super) async fn table(target: TableTarget) -> Table {
    let client = clients(target.local).await.dynamodb;
    Table { client, name: unless_local(target.table, target.local, EVENTS_TABLE.to_owned()) }
}

pub(super) async fn dead_letters(target: QueueTargets) -> DeadLetters {
    let emulator = queue_urls();
    let queues = QueueUrls {
        events: unless_local(target.queue_url, target.local, emulator.events),
        dead_letters: unless_local(target.dead_letter_queue_url, target.local, emulator.dead_letters),
        parked: unless_local(target.parked_queue_url, target.local, emulator.parked),
    };
    DeadLetters { sqs: clients(target.local).await.sqs, queues }
}

/// URL of the game's queue.
pub(super) fn events_queue(queue_url: Option<String>, local: bool) -> String {
    unless_local(queue_url, local, queue_urls().events)
}

pub(super) async fn replay(
    target: TableTarget,
    queue_url: Option<String>,
    payment_without_order: Option<PaymentWithoutOrder>,
) -> Replay {
    let sqs = clients(target.local).await.sqs;
    let queue_url = events_queue(queue_url, target.local);
    Replay::new(table(target).await, sqs, queue_url, payment_without_order.unwrap_or(LOCAL_PAYMENT_WITHOUT_ORDER))
}

pub(super) async fn sqs(local: bool) -> aws_sdk_sqs::Client {
    clients(local).await.sqs
}

async fn clients(local: bool) -> Clients {
    if local {
        return Clients::emulator();
    }
    if let Some(warning) = endpoint_override(environment) {
        warn(&warning);
    }
    Clients::from_environment().await
}

/// The given value, or the emulator's with `--local`.
fn unless_local(value: Option<String>, local: bool, emulator: String) -> String {
    value.filter(|_| !local).unwrap_or(emulator)
}
