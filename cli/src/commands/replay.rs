//! The command `replay`.

use std::process::ExitCode;

use clap::{ArgGroup, Args};
use cli::format::counted;
use cli::replay::Selection;
use cli::table::EventFilter;
use jiff::Timestamp;
use xsolla::PaymentWithoutOrder;

use super::CommandResult;
use super::target::{self, TableTarget};
use crate::terminal::{confirm, print, report_leftovers};

/// Send stored events to the game's queue again, marked as replays
#[derive(Args)]
#[command(
    group = ArgGroup::new("selection").required(true).multiple(true).args(["subject", "event", "from", "to", "type_name"]),
    after_help = "\
What an event means for the goods is decided again with what is known now. Xsolla's retries are skipped.
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

pub(crate) async fn run(args: ReplayArgs) -> CommandResult {
    let selection = match (args.subject, args.event) {
        (Some(subject), _) => Selection::Subject(subject),
        (None, Some(event)) => Selection::Event(
            event.parse().map_err(|_| "--event: not an event id; `show` prints the event ids of a sale or user")?,
        ),
        (None, None) => Selection::Filter(EventFilter { from: args.from, to: args.to, type_name: args.type_name }),
    };
    let (table, queue) = (args.target.name(), target::events_queue(args.queue_url.clone(), args.target.local));
    let replay = target::replay(args.target, args.queue_url, args.payment_without_order).await;
    let plan = replay.plan(selection).await?;
    if plan.is_empty() {
        return Err(format!("nothing to send: {}", plan.summary()).into());
    }
    if args.dry_run {
        print(&format!("{}\n  Would send {}.\n", replay.preview(&plan).await?, plan.summary()));
        return Ok(ExitCode::SUCCESS);
    }
    if plan.needs_confirmation()
        && !args.yes
        && !confirm(&format!("Send {} of table {table} to {queue}?", plan.summary()))?
    {
        return Err("cancelled, nothing was sent".into());
    }
    let result = replay.send(&plan, &Timestamp::now().to_string()).await?;
    let retries = match result.retries {
        0 => String::new(),
        retries => format!(" Skipped {} of Xsolla.", counted(retries, "retry", "retries")),
    };
    print(&format!("  Queued {} of {}.{retries}\n", result.queued, plan.summary()));
    Ok(report_leftovers(&result.rejected))
}
