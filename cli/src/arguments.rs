//! The command line's arguments, and what `--help` says of them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
#[cfg(feature = "local")]
use intake::emulator::{DYNAMODB_PORT, SQS_PORT};
use jiff::Timestamp;
use xsolla::PaymentWithoutOrder;

#[derive(Parser)]
#[command(
    name = "xsolla-webhooks",
    about = "Xsolla webhooks on AWS Lambda: run them here, look into what has come, and mend it.",
    after_help = "Which stack `show`, `replay`, `dlq`, `erase` and `log-query` mean: paste its output `OperateEnvironment` into the \
                  shell; or, but for `log-query`, say --local for what `local` runs.",
    version
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run all functions on this machine, with DynamoDB and SQS in the process.
    ///
    /// Sends itself the webhooks that Xsolla would send, shows what became of them, and goes on serving until Ctrl-C.
    #[cfg(feature = "local")]
    Local(Local),
    /// Send thousands of purchases through all functions, with faults on every way, and look for any that came out wrong.
    ///
    /// An Xsolla that sends again by its schedules, the functions of `local`, and a game that takes from the queue. Fails if
    /// anything was lost, granted twice, or out of order.
    #[cfg(feature = "local")]
    Simulate(Simulate),
    /// Show how webhooks that have come differ from what is documented.
    ///
    /// One line per type and place, the newest first: a field that is not known, a value of another kind, a new word of a
    /// list, a documented field that is missing. Of values it shows the kind, and new words of a list.
    Drift(Drift),
    /// Show all that happened to a purchase or a player, in order.
    Show(Show),
    /// Queue events that are kept once more, marked as replays.
    Replay(ReplayOptions),
    /// Look at what the game gave up on and what never reached it, and send it again.
    #[command(subcommand)]
    Dlq(Dlq),
    /// Take out of the table who a user is: names, addresses, ids. What accounting must keep stays.
    ///
    /// Amounts, items, dates, countries, and the ids of transactions and orders stay. It cannot be undone. What this does not
    /// reach is in docs/operations/privacy.md.
    Erase(Erase),
    /// Print the query for CloudWatch Logs Insights that finds a user in the logs, where a keyed hash stands for each.
    ///
    /// The hash of each webhook secret in the list is in it: of the current one, and of those before. The secrets come from
    /// `XSOLLA_SECRET_ID`, the output `SecretArn` of the stack, or `XSOLLA_SECRETS`, as with the functions.
    LogQuery {
        /// The game's own id of the user.
        #[arg(long, value_name = "ID")]
        user: String,
    },
}

#[cfg(feature = "local")]
#[derive(Args)]
pub(crate) struct Local {
    /// Stop after the demonstration; fail if anything came out other than it should.
    #[arg(long)]
    pub(crate) once: bool,
    /// The port for webhooks. 0: any free one, as with the other ports.
    #[arg(long, default_value_t = 7700)]
    pub(crate) port: u16,
    /// The port of the embedded DynamoDB.
    #[arg(long, default_value_t = DYNAMODB_PORT)]
    pub(crate) dynamodb_port: u16,
    /// The port of the embedded SQS.
    #[arg(long, default_value_t = SQS_PORT)]
    pub(crate) sqs_port: u16,
    /// The webhook secret: the one of your project in Publisher Account, or any for trying.
    #[arg(long, default_value = "test_secret")]
    pub(crate) secret: String,
    /// What a payment means that names no order: `grant` (combined webhooks) or `money_only` (separate ones).
    #[arg(long, value_name = "MEANING", default_value = "money_only")] // LOCAL_PAYMENT_WITHOUT_ORDER
    pub(crate) payment_without_order: PaymentWithoutOrder,
    /// Who answers Xsolla's questions: `accept-all`, `table:NAME` (in the embedded DynamoDB) or `http:URL`.
    #[arg(long, value_name = "WHO", default_value = "accept-all")]
    pub(crate) directory: String,
    /// The key that questions to `http:URL` are signed with.
    #[arg(long, value_name = "KEY", default_value = "test_key")]
    pub(crate) directory_key: String,
    /// Take what Xsolla does not sign as well, at `/unsigned/KEY/user-validation` (Web Shop) and `/unsigned/KEY/payout`.
    #[arg(long, value_name = "KEY")]
    pub(crate) unsigned_key: Option<String>,
    /// Keep the table in this directory over restarts.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print nothing but errors.
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[cfg(feature = "local")]
#[derive(Args)]
pub(crate) struct Simulate {
    /// How many purchases.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) orders: u32,
    /// Draws what is bought, and what goes wrong. What meets what depends on the machine, too.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Lose answers, break, throttle and slow down calls to AWS, crash the relay and the game, and more.
    #[arg(long)]
    pub(crate) faults: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Drift {
    /// Look at the bodies in this folder, one per file.
    pub(crate) dir: Option<PathBuf>,
    /// Look at the events in this table, all of it. Region, credentials and endpoint come from the environment.
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
}

/// Which table. Region, credentials and endpoints come from the environment, as with every AWS SDK.
#[derive(Args)]
pub(crate) struct AtTable {
    /// What `xsolla-webhooks local` runs on its usual ports, whatever else is said.
    #[arg(long)]
    pub(crate) local: bool,
    /// The output `TableName` of the stack.
    #[arg(long, value_name = "NAME", env = "TABLE_NAME", required_unless_present = "local")]
    pub(crate) table: Option<String>,
}

/// Which queues.
#[derive(Args)]
pub(crate) struct AtQueues {
    /// What `xsolla-webhooks local` runs on its usual ports, whatever else is said.
    #[arg(long)]
    pub(crate) local: bool,
    /// The output `QueueUrl` of the stack.
    #[arg(long, value_name = "URL", env = "QUEUE_URL", required_unless_present = "local")]
    pub(crate) queue_url: Option<String>,
    /// The output `DeadLetterQueueUrl`.
    #[arg(long, value_name = "URL", env = "DEAD_LETTER_QUEUE_URL", required_unless_present = "local")]
    pub(crate) dead_letter_queue_url: Option<String>,
    /// The output `ParkedQueueUrl`.
    #[arg(long, value_name = "URL", env = "PARKED_QUEUE_URL", required_unless_present = "local")]
    pub(crate) parked_queue_url: Option<String>,
}

#[derive(Args)]
pub(crate) struct Show {
    /// A transaction or order id, a subject (`subscription#31`), or an event id.
    #[arg(required_unless_present = "user")]
    pub(crate) id: Option<String>,
    /// All of a player instead, by the game's own id.
    #[arg(long, value_name = "ID", conflicts_with = "id")]
    pub(crate) user: Option<String>,
    /// Show the bodies too, without personal data.
    #[arg(long)]
    pub(crate) bodies: bool,
    /// Show the bodies as they came, personal data included.
    #[arg(long)]
    pub(crate) unmasked: bool,
    /// The stack's parameter `PaymentWithoutOrder`: `grant` or `money_only`. Without it, both meanings are shown.
    #[arg(long, value_name = "MEANING", env = "PAYMENT_WITHOUT_ORDER")]
    pub(crate) payment_without_order: Option<PaymentWithoutOrder>,
    #[command(flatten)]
    pub(crate) at: AtTable,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["subject", "event", "from", "to", "type_name"]))]
pub(crate) struct ReplayOptions {
    /// All events of this subject.
    #[arg(long, value_name = "SUBJECT", conflicts_with_all = ["event", "from", "to", "type_name"])]
    pub(crate) subject: Option<String>,
    /// This event. A conflict too: to the game it is a new event, beside the first.
    #[arg(long, value_name = "EVENT_ID", conflicts_with_all = ["from", "to", "type_name"])]
    pub(crate) event: Option<String>,
    /// The events received from then on: `2026-11-22T00:31:07Z`. Reads the whole table, as the next two do.
    #[arg(long, value_name = "T")]
    pub(crate) from: Option<Timestamp>,
    /// The events received until then.
    #[arg(long, value_name = "T")]
    pub(crate) to: Option<Timestamp>,
    /// The events of this `notification_type`.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
    /// Show what would be sent, and send nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// The stack's parameter `PaymentWithoutOrder`: `grant` or `money_only`.
    #[arg(long, value_name = "MEANING", env = "PAYMENT_WITHOUT_ORDER", required_unless_present = "local")]
    pub(crate) payment_without_order: Option<PaymentWithoutOrder>,
    /// The output `QueueUrl` of the stack.
    #[arg(long, value_name = "URL", env = "QUEUE_URL", required_unless_present = "local")]
    pub(crate) queue_url: Option<String>,
    #[command(flatten)]
    pub(crate) at: AtTable,
}

#[derive(Args)]
pub(crate) struct Erase {
    /// The game's own id of the user.
    #[arg(long, value_name = "ID")]
    pub(crate) user: String,
    /// Show what would be erased, and erase nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) at: AtTable,
}

#[derive(Subcommand)]
pub(crate) enum Dlq {
    /// What is there, one line for what went wrong in the same way.
    List {
        #[command(flatten)]
        at: AtQueues,
    },
    /// What is there of one event, personal data masked.
    Show {
        /// As `list` shows it.
        event_id: String,
        /// Show the message as it is, personal data included.
        #[arg(long)]
        unmasked: bool,
        #[command(flatten)]
        at: AtQueues,
    },
    /// Send it again: dead letters as they were, parked events as replays.
    Redrive {
        /// Only this `notification_type`. Others of a subject stay behind, and come after it then.
        #[arg(long = "type", value_name = "TYPE")]
        type_name: Option<String>,
        /// Show what would be sent, and send nothing.
        #[arg(long)]
        dry_run: bool,
        /// The stack's parameter `PaymentWithoutOrder`: `grant` or `money_only`.
        #[arg(long, value_name = "MEANING", env = "PAYMENT_WITHOUT_ORDER", required_unless_present = "local")]
        payment_without_order: Option<PaymentWithoutOrder>,
        /// The output `TableName` of the stack.
        #[arg(long, value_name = "NAME", env = "TABLE_NAME", required_unless_present = "local")]
        table: Option<String>,
        #[command(flatten)]
        at: AtQueues,
    },
}
