//! The command `replay`.

use std::process::ExitCode;

use cli::replay::Selection;
use cli::table::EventFilter;
use jiff::Timestamp;

use super::{CommandResult, target};
use crate::arguments::ReplayArgs;
use crate::terminal::{confirm, print, report_leftovers};

pub(crate) async fn run(args: ReplayArgs) -> CommandResult {
    let selection = match (args.subject, args.event) {
        (Some(subject), _) => Selection::Subject(subject),
        (None, Some(event)) => Selection::Event(
            event.parse().map_err(|_| "--event: not an event id; `show` prints the event ids of a sale or user")?,
        ),
        (None, None) => Selection::Filter(EventFilter { from: args.from, to: args.to, type_name: args.type_name }),
    };
    let replay = target::replay(args.target, args.queue_url, args.payment_without_order).await;
    let plan = replay.plan(selection).await?;
    if plan.is_empty() {
        return Err(format!("nothing to send: {}", plan.summary()).into());
    }
    if args.dry_run {
        print(&format!("{}\n  Would send {}.\n", replay.preview(&plan).await?, plan.summary()));
        return Ok(ExitCode::SUCCESS);
    }
    if plan.needs_confirmation() && !args.yes && !confirm(&format!("Send {}?", plan.summary()))? {
        return Err("cancelled, nothing was sent".into());
    }
    let result = replay.send(&plan, &Timestamp::now().to_string()).await?;
    print(&format!("  Queued {} of {}.\n", result.queued, plan.summary()));
    Ok(report_leftovers(&result.rejected))
}
