//! The command `show`.

use std::process::ExitCode;

use clap::Args;
use cli::format::one_line;
use cli::show::{Bodies, Query, find};

use super::CommandResult;
use super::target::{self, TableTarget};
use crate::terminal::print;

/// Show all events of a sale or a user, oldest first, and the state of each sale
#[derive(Args)]
#[command(after_help = "\
For each event, prints what the relay decided about the goods, and the index of the webhook secret that verified
it (0 is the current secret). Then prints the state of each sale. Conflicts, unreadable bodies and Xsolla's retries
are stored but not relayed.

Examples:
  xsolla-webhooks show 2105129134
  xsolla-webhooks show 'subscription#31' --bodies
  xsolla-webhooks show --user isle-4471")]
pub(crate) struct ShowArgs {
    /// Transaction id, order id, subject (`subscription#31`) or event id
    #[arg(required_unless_present = "user")]
    pub(crate) id: Option<String>,
    /// Show all events of this user (the game's user id)
    #[arg(long, value_name = "ID", conflicts_with = "id")]
    pub(crate) user: Option<String>,
    /// Print bodies, with personal data redacted
    #[arg(long)]
    pub(crate) bodies: bool,
    /// Print bodies as received, with personal data
    #[arg(long)]
    pub(crate) unredacted: bool,
    #[command(flatten)]
    pub(crate) target: TableTarget,
}

pub(crate) async fn run(args: ShowArgs) -> CommandResult {
    let (query, label) = match (args.user, args.id) {
        (Some(user), _) => (Query::User(user.clone()), format!("user {user}")),
        (None, Some(id)) => (Query::Id(id.clone()), id),
        (None, None) => return Err("an id or --user is required".into()),
    };
    let timeline = find(&target::table(args.target).await, &query).await?;
    if timeline.is_empty() {
        return Err(format!("no records found for {}", one_line(label)).into());
    }
    let bodies = match (args.unredacted, args.bodies) {
        (true, _) => Bodies::Unredacted,
        (false, true) => Bodies::Redacted,
        (false, false) => Bodies::Hidden,
    };
    print(&timeline.render(bodies));
    Ok(ExitCode::SUCCESS)
}
