//! The command `show`.

use std::process::ExitCode;

use cli::show::{Bodies, Query, find};

use super::{CommandResult, target};
use crate::arguments::ShowArgs;
use crate::terminal::print;

pub(crate) async fn run(args: ShowArgs) -> CommandResult {
    let (query, label) = match (args.user, args.id) {
        (Some(user), _) => (Query::User(user.clone()), format!("user {user}")),
        (None, Some(id)) => (Query::Id(id.clone()), id),
        (None, None) => return Err("an id or --user is required".into()),
    };
    let timeline = find(&target::table(args.target).await, &query, args.payment_without_order).await?;
    if timeline.is_empty() {
        return Err(format!("no records found for {label}").into());
    }
    let bodies = match (args.unredacted, args.bodies) {
        (true, _) => Bodies::Unredacted,
        (false, true) => Bodies::Redacted,
        (false, false) => Bodies::Hidden,
    };
    print(&timeline.render(bodies));
    Ok(ExitCode::SUCCESS)
}
