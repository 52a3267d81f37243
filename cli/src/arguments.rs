//! Command-line arguments and their help.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
#[cfg(feature = "local")]
use intake::emulator::{DYNAMODB_PORT, SQS_PORT};
use jiff::Timestamp;
use xsolla::PaymentWithoutOrder;

#[derive(Parser)]
#[command(
    name = "xsolla-webhooks",
    about = "Run, inspect and repair the Xsolla webhook receiver",
    after_help = "\
Stack:
  The stack output CliEnvironment is a shell command that sets the variables for a stack. Region and
  credentials come from the environment, as for every AWS SDK. --local selects the emulator instead.

Exit codes:
  0  Success
  1  Error, nothing found, or a wrong result of `local` or `simulate`
  2  Invalid arguments
  3  Incomplete: some entries could not be sent; they are listed on stderr

Examples:
  xsolla-webhooks show 2105129134
  xsolla-webhooks dlq list --local
  xsolla-webhooks help replay",
    version
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "local")]
    Local(LocalArgs),
    #[cfg(feature = "local")]
    Simulate(SimulateArgs),
    Show(ShowArgs),
    Replay(ReplayArgs),
    /// Inspect and redrive dead letters and parked events
    #[command(
        subcommand,
        after_help = "\
Dead letters are messages that the game failed to process. Parked events are stored events that never
reached the game's queue.

Examples:
  xsolla-webhooks dlq list
  xsolla-webhooks dlq show 'transaction#2105129134#payment'
  xsolla-webhooks dlq redrive --dry-run"
    )]
    Dlq(DlqCommand),
    Erase(EraseArgs),
    Drift(DriftArgs),
    LogQuery(LogQueryArgs),
}

/// Run all functions on this machine, with an embedded DynamoDB and SQS
#[cfg(feature = "local")]
#[derive(Args)]
#[command(after_help = "\
Sends itself sample webhooks, prints the results and a curl example, and serves requests until Ctrl-C.

Examples:
  xsolla-webhooks local
  xsolla-webhooks local --once
  xsolla-webhooks local --data ./events --directory http:http://127.0.0.1:8080/questions")]
pub(crate) struct LocalArgs {
    /// Exit after the sample webhooks; fail if a result is wrong
    #[arg(long)]
    pub(crate) once: bool,
    /// Port for webhooks; 0 selects a free port
    #[arg(long, default_value_t = 7700)]
    pub(crate) port: u16,
    /// Port of the embedded DynamoDB; 0 selects a free port
    #[arg(long, value_name = "PORT", default_value_t = DYNAMODB_PORT)]
    pub(crate) dynamodb_port: u16,
    /// Port of the embedded SQS; 0 selects a free port
    #[arg(long, value_name = "PORT", default_value_t = SQS_PORT)]
    pub(crate) sqs_port: u16,
    /// Webhook secret; use your project's secret to receive real webhooks through a tunnel
    #[arg(long, default_value = "test_secret")]
    pub(crate) secret: String,
    /// Meaning of a payment without an order: `grant` (combined webhooks) or `money_only` (separate webhooks)
    #[arg(long, value_name = "MEANING", default_value = "money_only")] // LOCAL_PAYMENT_WITHOUT_ORDER
    pub(crate) payment_without_order: PaymentWithoutOrder,
    /// Directory that answers Xsolla's questions: `accept-all`, `table:NAME` in the embedded DynamoDB, or `http:URL`
    #[arg(long, default_value = "accept-all")]
    pub(crate) directory: String,
    /// Key that signs questions to `http:URL`
    #[arg(long, value_name = "KEY", default_value = "test_key")]
    pub(crate) directory_key: String,
    /// Accept unsigned webhooks at `/unsigned/KEY/user-validation` (Web Shop) and `/unsigned/KEY/payout`
    #[arg(long, value_name = "KEY")]
    pub(crate) unsigned_key: Option<String>,
    /// Store the table in this directory instead of memory
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print errors only
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// Simulate thousands of purchases with injected faults
#[cfg(feature = "local")]
#[derive(Args)]
#[command(after_help = "\
Simulates Xsolla with its retry schedules and a game that reads the queue. Fails if an event was lost,
granted twice or out of order.

Examples:
  xsolla-webhooks simulate --orders 1000
  xsolla-webhooks simulate --orders 1000 --faults --seed 7")]
pub(crate) struct SimulateArgs {
    /// Number of purchases
    #[arg(long, default_value_t = 10_000)]
    pub(crate) orders: u32,
    /// Seed of the purchases and faults; timing also depends on the machine
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Inject faults: lost answers, failed, throttled and slow AWS calls, crashes of relay and game
    #[arg(long)]
    pub(crate) faults: bool,
}

/// Show all events of a sale or a user, oldest first
#[derive(Args)]
#[command(after_help = "\
Prints each event's meaning for the goods (`goods`), and the index of the webhook secret that verified it
(0: the current one). Conflicts and unreadable bodies are stored but not relayed.

Examples:
  xsolla-webhooks show 2105129134
  xsolla-webhooks show 'subscription#31' --bodies
  xsolla-webhooks show --user isle-4471")]
pub(crate) struct ShowArgs {
    /// Transaction id, order id, subject (`subscription#31`) or event id
    #[arg(required_unless_present = "user")]
    pub(crate) id: Option<String>,
    /// Show all events of this user (the game's user id)
    #[arg(long, value_name = "ID", conflicts_with = "id")]
    pub(crate) user: Option<String>,
    /// Print bodies, with personal data redacted
    #[arg(long)]
    pub(crate) bodies: bool,
    /// Print bodies as received, with personal data
    #[arg(long)]
    pub(crate) unredacted: bool,
    /// Stack parameter `PaymentWithoutOrder`: `grant` or `money_only`; if unset, both meanings are shown
    #[arg(long, value_name = "MEANING", env = "PAYMENT_WITHOUT_ORDER")]
    pub(crate) payment_without_order: Option<PaymentWithoutOrder>,
    #[command(flatten)]
    pub(crate) target: TableTarget,
}

/// Send stored events to the game's queue again, marked as replays
#[derive(Args)]
#[command(
    group = ArgGroup::new("selection").required(true).multiple(true).args(["subject", "event", "from", "to", "type_name"]),
    after_help = "\
Selecting by time or type scans the whole table and requires confirmation, as do more than 100 events.
Exit code 3: some events can never be sent; they are listed on stderr.

Examples:
  xsolla-webhooks replay --subject 'transaction#2105129134' --dry-run
  xsolla-webhooks replay --event 'transaction#2105129134#payment'
  xsolla-webhooks replay --from 2026-11-22T00:00:00Z --to 2026-11-22T06:00:00Z --type order_paid"
)]
pub(crate) struct ReplayArgs {
    /// Replay all events of this subject, except conflicts
    #[arg(long, value_name = "SUBJECT", conflicts_with_all = ["event", "from", "to", "type_name"])]
    pub(crate) subject: Option<String>,
    /// Replay this event; a conflict has its own event id, so the game applies it as a new event
    #[arg(long, value_name = "EVENT_ID", conflicts_with_all = ["from", "to", "type_name"])]
    pub(crate) event: Option<String>,
    /// Replay events received at or after this time (`2026-11-22T00:31:07Z`)
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<Timestamp>,
    /// Replay events received at or before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<Timestamp>,
    /// Replay events of this notification type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
    /// Print the events without sending them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Skip confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    /// Stack parameter `PaymentWithoutOrder`: `grant` or `money_only`
    #[arg(long, value_name = "MEANING", env = "PAYMENT_WITHOUT_ORDER", required_unless_present = "local")]
    pub(crate) payment_without_order: Option<PaymentWithoutOrder>,
    /// URL of the game's queue (stack output `QueueUrl`)
    #[arg(long, value_name = "URL", env = "QUEUE_URL", required_unless_present = "local")]
    pub(crate) queue_url: Option<String>,
    #[command(flatten)]
    pub(crate) target: TableTarget,
}

#[derive(Subcommand)]
pub(crate) enum DlqCommand {
    /// List dead letters and parked events, grouped by type or cause
    #[command(after_help = "\
Reading hides the messages from other readers for at most two minutes.

Examples:
  xsolla-webhooks dlq list
  xsolla-webhooks dlq list --local")]
    List {
        #[command(flatten)]
        target: QueueTargets,
    },
    /// Show the dead letters and parked notes of one event, with personal data redacted
    #[command(after_help = "\
Examples:
  xsolla-webhooks dlq show 'transaction#2105129134#payment'
  xsolla-webhooks dlq show 'transaction#2105129134#payment' --unredacted")]
    Show {
        /// Event id, as printed by `dlq list`
        event_id: String,
        /// Print the whole message as received, with personal data
        #[arg(long)]
        unredacted: bool,
        #[command(flatten)]
        target: QueueTargets,
    },
    /// Send dead letters unchanged and parked events as replays to the game's queue
    #[command(after_help = "\
Fix the game first. Deletes each entry after it was sent, so an interrupted redrive can be run again.
Exit code 3: some entries remain; they are listed on stderr.

Examples:
  xsolla-webhooks dlq redrive --dry-run
  xsolla-webhooks dlq redrive
  xsolla-webhooks dlq redrive --type payment")]
    Redrive {
        /// Send only this notification type; other events of the same subject are then sent later, out of order
        #[arg(long = "type", value_name = "TYPE")]
        type_name: Option<String>,
        /// Print the entries without sending them
        #[arg(long)]
        dry_run: bool,
        /// Stack parameter `PaymentWithoutOrder`: `grant` or `money_only`
        #[arg(long, value_name = "MEANING", env = "PAYMENT_WITHOUT_ORDER", required_unless_present = "local")]
        payment_without_order: Option<PaymentWithoutOrder>,
        /// Table name (stack output `TableName`)
        #[arg(long, value_name = "NAME", env = "TABLE_NAME", required_unless_present = "local")]
        table: Option<String>,
        #[command(flatten)]
        target: QueueTargets,
    },
}

/// Erase a user's personal data from the table
#[derive(Args)]
#[command(after_help = "\
Erases names, addresses and ids of the user. Amounts, items, dates, countries, transaction ids and order
ids remain for accounting. This cannot be undone. docs/operations/privacy.md lists the data that it does
not reach.

Examples:
  xsolla-webhooks erase --user isle-4471 --dry-run
  xsolla-webhooks erase --user isle-4471")]
pub(crate) struct EraseArgs {
    /// The game's user id
    #[arg(long, value_name = "ID")]
    pub(crate) user: String,
    /// Print the records without erasing them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Skip confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) target: TableTarget,
}

/// Compare received notifications with their models
#[derive(Args)]
#[command(
    group = ArgGroup::new("source").required(true).args(["dir", "table", "local"]),
    after_help = "\
Prints one line per type, path and difference, newest first: an unknown field or type, another JSON type,
a new value of a documented list, or a missing field. Prints JSON types instead of values, except new
values of a list. Differences do not change the exit code.

Examples:
  xsolla-webhooks drift --table \"$TABLE_NAME\"
  xsolla-webhooks drift --local
  xsolla-webhooks drift shared/xsolla/samples"
)]
pub(crate) struct DriftArgs {
    /// Compare the bodies in this folder, one per file
    pub(crate) dir: Option<PathBuf>,
    /// Compare all events in this table
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// Use the emulator on its default ports
    #[arg(long)]
    pub(crate) local: bool,
}

/// Print a CloudWatch Logs Insights query that finds a user's webhooks
#[derive(Args)]
#[command(after_help = "\
Logs contain a keyed hash in place of the user id. The query has one hash per webhook secret. The secrets
come from the Secrets Manager secret XSOLLA_SECRET_ID (stack output SecretArn) or from XSOLLA_SECRETS.

Examples:
  xsolla-webhooks log-query --user isle-4471
  XSOLLA_SECRETS=test_secret xsolla-webhooks log-query --user isle-4471")]
pub(crate) struct LogQueryArgs {
    /// The game's user id
    #[arg(long, value_name = "ID")]
    pub(crate) user: String,
}

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

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;
    use clap::{Command as Definition, CommandFactory, Parser};

    use super::Cli;

    /// All commands with their full names.
    fn commands(definition: &Definition, name: &str) -> Vec<(String, Definition)> {
        let mut found = vec![(name.to_owned(), definition.clone())];
        for subcommand in definition.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
            found.extend(commands(subcommand, &format!("{name} {}", subcommand.get_name())));
        }
        found
    }

    /// Splits a shell command without escapes. Removes leading variables.
    fn words(example: &str) -> Vec<String> {
        let command = &example[example.find("xsolla-webhooks").unwrap()..];
        command.split_whitespace().map(|word| word.trim_matches(['\'', '"']).to_owned()).collect()
    }

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_of_every_command_has_examples_that_parse() {
        for (name, mut definition) in commands(&Cli::command(), "xsolla-webhooks") {
            let help = definition.render_long_help().to_string();
            let examples: Vec<&str> = help.split("Examples:\n").nth(1).unwrap_or_default().lines().collect();
            assert!(examples.iter().any(|example| example.contains(&name)), "{name}: {help}");
            for example in examples {
                // Targets come from the environment, so they may be missing here.
                if let Err(error) = Cli::try_parse_from(words(example)) {
                    let expected = [ErrorKind::MissingRequiredArgument, ErrorKind::DisplayHelp];
                    assert!(expected.contains(&error.kind()), "{example}: {error}");
                }
            }
        }
    }

    #[test]
    fn every_command_and_option_has_one_line_of_help() {
        for (name, definition) in commands(&Cli::command(), "xsolla-webhooks") {
            let about = definition.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty() && !about.contains('\n'), "{name}: {about:?}");
            assert!(definition.get_long_about().is_none(), "{name}");
            for argument in definition.get_arguments() {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty() && !help.contains('\n'), "{name} {}: {help:?}", argument.get_id());
                assert!(argument.get_long_help().is_none(), "{name} {}", argument.get_id());
            }
        }
    }
}
