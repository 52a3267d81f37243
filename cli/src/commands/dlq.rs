//! The command `dlq`.

use std::process::ExitCode;

use cli::format::counted;
use jiff::Timestamp;

use super::{CommandResult, target};
use crate::arguments::{DlqCommand, TableTarget};
use crate::terminal::{print, report_leftovers};

pub(crate) async fn run(command: DlqCommand) -> CommandResult {
    match command {
        DlqCommand::List { target } => print(&target::dead_letters(target).await.snapshot().await?.list()),
        DlqCommand::Show { event_id, unredacted, target } => {
            let snapshot = target::dead_letters(target).await.snapshot().await?;
            let entries = snapshot.show(&event_id, unredacted);
            print(&entries.ok_or_else(|| {
                format!("no dead letter or parked event with id {event_id}; `dlq list` prints the ids")
            })?);
        }
        DlqCommand::Redrive { type_name, dry_run: true, target, .. } => {
            let snapshot = target::dead_letters(target).await.snapshot().await?;
            print(&snapshot.redrive_preview(type_name.as_deref()));
        }
        DlqCommand::Redrive { type_name, dry_run: false, payment_without_order, table, target } => {
            let table = TableTarget { local: target.local, table };
            let replay = target::replay(table, target.queue_url.clone(), payment_without_order).await;
            let dead_letters = target::dead_letters(target).await;
            let result = dead_letters.redrive(&replay, type_name.as_deref(), Timestamp::now()).await?;
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
