//! The command `log-query`.

use std::process::ExitCode;

use cli::connection::webhook_secrets;

use super::CommandResult;
use crate::arguments::LogQueryArgs;
use crate::terminal::print;

pub(crate) async fn run(args: &LogQueryArgs) -> CommandResult {
    let secrets = webhook_secrets().await?;
    let hashes: Vec<String> = secrets.pseudonyms(&args.user).map(|hash| format!("\"{hash}\"")).collect();
    print(&format!(
        "filter user in [{}] | fields @timestamp, notification_type, outcome, event_id, mode, trace_id | sort @timestamp\n",
        hashes.join(", ")
    ));
    Ok(ExitCode::SUCCESS)
}
