//! The command `log-query`.

use std::process::ExitCode;

use clap::Args;
use cli::connection::pseudonym_keys;

use super::CommandResult;
use crate::terminal::print;

/// Print a CloudWatch Logs Insights query that finds a user's webhooks
#[derive(Args)]
#[command(after_help = "\
Logs contain a keyed hash in place of the user id. The query has one hash per
key. The keys come from the Secrets Manager secret PSEUDONYM_KEY_SECRET_ID
(stack output CliEnvironment) or from PSEUDONYM_KEY.

Examples:
  xsolla-webhooks log-query --user isle-4471
  PSEUDONYM_KEY=\"$KEY\" xsolla-webhooks log-query --user isle-4471")]
pub(crate) struct LogQueryArgs {
    /// The game's user id
    #[arg(long, value_name = "ID")]
    pub(crate) user: String,
}

pub(crate) async fn run(args: &LogQueryArgs) -> CommandResult {
    let keys = pseudonym_keys().await?;
    let hashes: Vec<String> = keys.pseudonyms(&args.user).map(|hash| format!("\"{hash}\"")).collect();
    print(&format!(
        "filter user in [{}] | fields @timestamp, notification_type, outcome, event_id, mode, trace_id | sort @timestamp\n",
        hashes.join(", ")
    ));
    Ok(ExitCode::SUCCESS)
}
