//! The command `log-query`.

use std::process::ExitCode;

use clap::Args;
use cli::connection::webhook_secrets;

use super::CommandResult;
use crate::terminal::print;

/// Print a CloudWatch Logs Insights query that finds a user's webhooks
#[derive(Args)]
#[command(after_help = "\
Logs contain a keyed hash in place of the user id. The query has one hash per webhook secret. The secrets
come from the Secrets Manager secret XSOLLA_SECRET_ID (stack output SecretArn) or from XSOLLA_SECRETS.

Examples:
  xsolla-webhooks log-query --user isle-4471
  XSOLLA_SECRETS=test_secret xsolla-webhooks log-query --user isle-4471")]
pub(crate) struct LogQueryArgs {
    /// The game's user id
    #[arg(long, value_name = "ID")]
    pub(crate) user: String,
}

pub(crate) async fn run(args: &LogQueryArgs) -> CommandResult {
    let secrets = webhook_secrets().await?;
    let hashes: Vec<String> = secrets.pseudonyms(&args.user).map(|hash| format!("\"{hash}\"")).collect();
    print(&format!(
        "filter user in [{}] | fields @timestamp, notification_type, outcome, event_id, mode, trace_id | sort @timestamp\n",
        hashes.join(", ")
    ));
    Ok(ExitCode::SUCCESS)
}
