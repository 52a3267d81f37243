//! The command `drift`.

use std::process::ExitCode;

use cli::drift::{compare_folder, compare_table};

use super::{CommandResult, target};
use crate::arguments::{DriftArgs, TableTarget};
use crate::terminal::print;

pub(crate) async fn run(args: DriftArgs) -> CommandResult {
    let DriftArgs { dir, table, local } = args;
    let report = match dir {
        Some(folder) => compare_folder(&folder)?,
        None => compare_table(&target::table(TableTarget { local, table }).await).await?,
    };
    print(&report.to_string());
    Ok(ExitCode::SUCCESS)
}
