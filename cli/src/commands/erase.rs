//! The command `erase`.

use std::process::ExitCode;

use cli::erase::Erasure;
use jiff::Timestamp;

use super::{CommandResult, target};
use crate::arguments::EraseArgs;
use crate::terminal::{confirm, print};

pub(crate) async fn run(args: EraseArgs) -> CommandResult {
    let EraseArgs { user, dry_run, yes, target } = args;
    let erasure = Erasure::plan(target::table(target).await, &user).await?;
    if erasure.is_empty() {
        return Err(format!("no records found for user {user}").into());
    }
    if dry_run {
        print(&format!("{}\n  Would erase {}.\n", erasure.preview(), erasure.summary()));
        return Ok(ExitCode::SUCCESS);
    }
    if !yes && !confirm(&format!("Erase {}? This cannot be undone.", erasure.summary()))? {
        return Err("cancelled, nothing was erased".into());
    }
    let erased = erasure.erase(Timestamp::now()).await?;
    print(&format!("{}  Erased {erased} of {}.\n", erasure.exclusions(), erasure.summary()));
    Ok(ExitCode::SUCCESS)
}
