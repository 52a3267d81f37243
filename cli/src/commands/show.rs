//! The command `show`.

use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args};
use cli::format::one_line;
use cli::show::{Bodies, Query, Queues, find};

use super::CommandResult;
use super::target::{self, OptionalQueues, TableTarget};
use crate::terminal::print;

/// Where to look for an event that is not stored.
const ELSEWHERE: &str = "Xsolla may have sent nothing, its signature may be invalid, or the user was erased: \
    see \"A player paid and got nothing\" in docs/operations/runbook.md";

/// Show all events of a sale or a user, oldest first, and the state of each sale
#[derive(Args)]
#[command(group = ArgGroup::new("selection").required(true).args(["id", "user"]), after_help = "\
For each event, prints the relay's decision about the goods, and the index of
the webhook secret that verified it (0 is the current secret). Then prints the
state of each sale. --user also lists the goods that the user should hold.
Conflicts, unreadable bodies and Xsolla's retries are stored but not relayed.

--queues prints whether an event is a dead letter, parked, or processed by the
game. A search of the game's queue would count as a failed delivery of each
message. So only the number of its messages is printed.

Examples:
  xsolla-webhooks show 2105129134
  xsolla-webhooks show 2105129134 --queues
  xsolla-webhooks show 'subscription#31' --bodies
  xsolla-webhooks show --user isle-4471")]
pub(crate) struct ShowArgs {
    /// Transaction id, order id, subject (`subscription#31`) or event id
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) id: Option<String>,
    /// Show all events of this user (the game's user id)
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) user: Option<String>,
    /// Print the queue of each event; reads the dead-letter queue and the parked queue
    #[arg(long)]
    pub(crate) queues: bool,
    /// Print bodies, with personal data redacted
    #[arg(long)]
    pub(crate) bodies: bool,
    /// Print bodies as received, with personal data
    #[arg(long)]
    pub(crate) unredacted: bool,
    #[command(flatten)]
    pub(crate) target: TableTarget,
    #[command(flatten)]
    pub(crate) queue_urls: OptionalQueues,
}

pub(crate) async fn run(args: ShowArgs) -> CommandResult {
    let (query, label) = match (args.user, args.id) {
        (Some(user), _) => (Query::User(user.clone()), format!("user {user}")),
        (None, Some(id)) => (Query::Id(id.clone()), id),
        (None, None) => return Err("an id or --user is required".into()),
    };
    let local = args.target.local;
    let mut timeline = find(&target::table(args.target).await, &query).await?;
    if timeline.is_empty() {
        return Err(format!("no records found for {}; {ELSEWHERE}", one_line(label)).into());
    }
    if args.queues {
        let dead_letters = target::dead_letters(args.queue_urls.required(local)?).await;
        timeline.locate(&Queues::read(&dead_letters).await?);
    }
    let bodies = match (args.unredacted, args.bodies) {
        (true, _) => Bodies::Unredacted,
        (false, true) => Bodies::Redacted,
        (false, false) => Bodies::Hidden,
    };
    print(&timeline.render(bodies));
    if !args.queues {
        print("  Pass --queues to show the queue of each event.\n");
    }
    Ok(ExitCode::SUCCESS)
}
