//! The command `dlq`.

use std::process::ExitCode;

use clap::Subcommand;
use cli::format::{counted, one_line};
use jiff::Timestamp;
use xsolla::PaymentWithoutOrder;

use super::CommandResult;
use super::target::{self, QueueTargets, TableTarget};
use crate::terminal::{confirm, print, report_leftovers, with_progress};

#[derive(Subcommand)]
pub(crate) enum DlqCommand {
    /// List dead letters and parked events, grouped by type or cause
    #[command(after_help = "\
Lists each dead letter with its age and its number of deliveries. Reads by this
command also count as deliveries. SQS does not store why the game failed. SQS
may return only the first dead letters of a subject; the number of the others is
printed. Reading hides the messages from other readers for at most two minutes.

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
    /// Send dead letters and parked events to the game's queue again, marked as replays
    #[command(after_help = "\
Fix the game first. The effect on the goods is decided again, with all events
that are stored now. A dead letter whose event has expired from the table is
sent unchanged. Deletes each entry after it was sent, so an interrupted redrive
can be run again. Asks before it sends; --yes skips the question.

SQS hides a dead letter behind an earlier one of its subject. So --type does not
reach a dead letter behind one of another type.

Exit code 3: some entries remain; they are listed on stderr.

Examples:
  xsolla-webhooks dlq redrive --dry-run
  xsolla-webhooks dlq redrive
  xsolla-webhooks dlq redrive --type payment")]
    Redrive {
        /// Send only this notification type; other events of the same subject are then sent later, out of order
        #[arg(long = "type", value_name = "TYPE")]
        type_name: Option<String>,
        /// Print the entries, with what they mean now, without sending them
        #[arg(long)]
        dry_run: bool,
        /// Skip confirmation
        #[arg(long)]
        yes: bool,
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

pub(crate) async fn run(command: DlqCommand) -> CommandResult {
    match command {
        DlqCommand::List { target } => {
            print(&target::dead_letters(target).await.snapshot().await?.list(Timestamp::now()));
        }
        DlqCommand::Show { event_id, unredacted, target } => {
            let snapshot = target::dead_letters(target).await.snapshot().await?;
            let entries = snapshot.show(&event_id, unredacted);
            let missing = || {
                let hint = snapshot.hidden_behind(&event_id).unwrap_or_else(|| "`dlq list` prints the ids".to_owned());
                format!("no dead letter or parked event with id {}; {hint}", one_line(&event_id))
            };
            print(&entries.ok_or_else(missing)?);
        }
        DlqCommand::Redrive { type_name, dry_run, yes, payment_without_order, table, target } => {
            let table = TableTarget { local: target.local, table };
            let name = table.name();
            let replay = target::replay(table, target.queue_url.clone(), payment_without_order).await;
            let dead_letters = target::dead_letters(target).await;
            if dry_run {
                let snapshot = dead_letters.snapshot().await?;
                print(&snapshot.redrive_preview(&replay, type_name.as_deref()).await?);
                return Ok(ExitCode::SUCCESS);
            }
            if !yes {
                let snapshot = dead_letters.snapshot().await?;
                let what = snapshot.summary(type_name.as_deref());
                let queue = &dead_letters.queues.events;
                if !snapshot.is_empty() && !confirm(&format!("Send {what} to {queue}, as they are in table {name}?"))? {
                    return Err("cancelled, nothing was sent".into());
                }
            }
            // Boxed: the SDK's futures are large.
            let redrive = Box::pin(dead_letters.redrive(&replay, type_name.as_deref(), Timestamp::now()));
            let how_to_continue = |_| {
                "What was sent is deleted. The rest is hidden for at most two minutes. To continue, run the same command again."
                    .to_owned()
            };
            let result = with_progress("events", replay.progress(), how_to_continue, redrive).await?;
            let is_empty =
                result.dead_letters + result.parked_events + result.notes == 0 && result.leftovers.is_empty();
            if let Some(type_name) = type_name.filter(|_| is_empty) {
                print(&format!("  No dead letter and no parked event has the type {}.\n", one_line(type_name)));
                return Ok(ExitCode::SUCCESS);
            }
            print(&format!(
                "  Queued {} and {}.\n",
                counted(result.dead_letters, "dead letter", "dead letters"),
                counted(result.parked_events, "parked event", "parked events")
            ));
            return Ok(report_leftovers(&result.leftovers));
        }
    }
    Ok(ExitCode::SUCCESS)
}
