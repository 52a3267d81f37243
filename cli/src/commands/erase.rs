//! The command `erase`.

use std::process::ExitCode;

use clap::Args;
use cli::erase::Erasure;
use cli::format::one_line;
use cli::progress::Progress;
use jiff::Timestamp;

use super::CommandResult;
use super::target::{self, TableTarget};
use crate::terminal::{confirm, print, with_progress};

/// Erase a user's personal data from the table
#[derive(Args)]
#[command(after_help = "\
Erases names, addresses and ids of the user. Amounts, items, dates, countries,
transaction ids and order ids remain for accounting. This cannot be undone. For
data outside the table, see docs/operations/privacy.md.

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

pub(crate) async fn run(args: EraseArgs) -> CommandResult {
    let EraseArgs { user, dry_run, yes, target } = args;
    let table = target.name();
    let (events, progress) = (target::table(target).await, Progress::default());
    let nothing_erased = |_| "Nothing was erased. Run the command again.".to_owned();
    let plan = Erasure::plan(events, &user, &progress);
    let erasure = with_progress("sales", &progress, nothing_erased, plan).await?;
    if erasure.is_empty() {
        return Err(format!("no records found for user {}", one_line(user)).into());
    }
    if dry_run {
        print(&format!("{}\n  Would erase {}.\n", erasure.preview(), erasure.summary()));
        return Ok(ExitCode::SUCCESS);
    }
    if !yes && !confirm(&format!("Erase {} in table {table}? This cannot be undone.", erasure.summary()))? {
        return Err("cancelled, nothing was erased".into());
    }
    let erased = with_progress(
        "records",
        &progress,
        |_| "Erased records stay erased. To continue, run the same command again.".to_owned(),
        erasure.erase(Timestamp::now()),
    )
    .await?;
    print(&format!("{}  Erased {erased} of {}.\n", erasure.exclusions(), erasure.summary()));
    Ok(ExitCode::SUCCESS)
}
