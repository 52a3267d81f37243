//! The command `drift`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use cli::drift::{compare_folder, compare_table};
use cli::progress::Progress;

use super::CommandResult;
use super::target::{self, TableTarget};
use crate::terminal::{print, with_progress};

/// Report differences between received notifications and the documented schemas
#[derive(Args)]
#[command(after_help = "\
Prints one line per type, path and difference, newest first: an unknown field or
type, another JSON type, a new value of a documented list, or a missing field.
Prints JSON types instead of values, except new values of a list. Differences do
not change the exit code.

Examples:
  xsolla-webhooks drift
  xsolla-webhooks drift --local
  xsolla-webhooks drift shared/xsolla/samples")]
pub(crate) struct DriftArgs {
    /// Compare the bodies in this folder, one per file
    pub(crate) dir: Option<PathBuf>,
    /// Compare all events in this table (stack output `TableName`); a folder has precedence
    #[arg(long, value_name = "NAME", env = "TABLE_NAME", required_unless_present_any = ["dir", "local"])]
    pub(crate) table: Option<String>,
    /// Use the emulator on its default ports
    #[arg(long)]
    pub(crate) local: bool,
}

pub(crate) async fn run(args: DriftArgs) -> CommandResult {
    let DriftArgs { dir, table, local } = args;
    let report = if let Some(folder) = dir {
        compare_folder(&folder)?
    } else {
        let (table, progress) = (target::table(TableTarget { local, table }).await, Progress::default());
        let unchanged = |_| "Nothing was changed. Run the command again.".to_owned();
        with_progress("items", &progress, unchanged, compare_table(&table, &progress)).await?
    };
    print(&report.to_string());
    Ok(ExitCode::SUCCESS)
}
