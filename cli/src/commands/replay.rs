//! The command `replay`.

use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args};
use cli::format::counted;
use cli::replay::Selection;
use cli::show::Query;
use cli::table::EventFilter;
use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use xsolla::{NotificationType, PaymentWithoutOrder};

use super::target::{self, TableTarget};
use super::{CommandResult, InvalidArguments};
use crate::terminal::{confirm, print, report_leftovers, warn, with_progress};

/// Send stored events to the game's queue again, marked as replays
#[derive(Args)]
#[command(
    override_usage = "xsolla-webhooks replay [OPTIONS] [ID]",
    group = ArgGroup::new("selection").required(true).multiple(true).args(["id", "user", "subject", "event", "from", "to", "type_name"]),
    after_help = "\
What an event means for the goods is decided again with what is known now.
Xsolla's retries are skipped. Selecting by time or type scans the whole table
and requires confirmation, as do a user and more than 100 events. Exit code 3:
some events can never be sent; they are listed on stderr.

Examples:
  xsolla-webhooks replay 2105129134 --dry-run
  xsolla-webhooks replay --user isle-4471 --dry-run
  xsolla-webhooks replay --subject 'transaction#2105129134'
  xsolla-webhooks replay --event 'transaction#2105129134#payment'
  xsolla-webhooks replay --from 2026-11-22 --to 2026-11-22T06:00:00Z
  xsolla-webhooks replay --from 2026-11-22 --type order_paid --dry-run"
)]
pub(crate) struct ReplayArgs {
    /// Transaction id, order id, subject (`subscription#31`) or event id, as for `show`
    #[arg(conflicts_with_all = ["user", "subject", "event", "from", "to", "type_name"], value_parser = NonEmptyStringValueParser::new())]
    pub(crate) id: Option<String>,
    /// Replay all events of this user's sales (the game's user id)
    #[arg(long, value_name = "ID", conflicts_with_all = ["subject", "event", "from", "to", "type_name"])]
    pub(crate) user: Option<String>,
    /// Replay all events of this subject, except conflicts
    #[arg(long, value_name = "SUBJECT", conflicts_with_all = ["event", "from", "to", "type_name"])]
    pub(crate) subject: Option<String>,
    /// Replay this event; a conflict has its own event id, so the game applies it as a new event
    #[arg(long, value_name = "EVENT_ID", conflicts_with_all = ["from", "to", "type_name"])]
    pub(crate) event: Option<String>,
    /// Replay events received at or after this time (`2026-11-22T00:31:07Z`, or a day in UTC)
    #[arg(long, value_name = "TIME", value_parser = first_instant)]
    pub(crate) from: Option<Timestamp>,
    /// Replay events received at or before this time, or until the end of a day
    #[arg(long, value_name = "TIME", value_parser = last_instant)]
    pub(crate) to: Option<Timestamp>,
    /// Replay events of this notification type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
    /// Print the events without sending them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Skip confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    /// Stack parameter `PaymentWithoutOrder`: `grant` or `money_only`
    #[arg(long, value_name = "MEANING", env = "PAYMENT_WITHOUT_ORDER", required_unless_present = "local")]
    pub(crate) payment_without_order: Option<PaymentWithoutOrder>,
    /// URL of the game's queue (stack output `QueueUrl`)
    #[arg(long, value_name = "URL", env = "QUEUE_URL", required_unless_present = "local")]
    pub(crate) queue_url: Option<String>,
    #[command(flatten)]
    pub(crate) target: TableTarget,
}

pub(crate) async fn run(args: ReplayArgs) -> CommandResult {
    if let Some(type_name) = args.type_name.as_deref().filter(|name| !is_known_type(name)) {
        warn(&format!("Xsolla documents no type `{type_name}`"));
    }
    if args.from.is_some_and(|from| args.to.is_some_and(|to| from > to)) {
        return Err(InvalidArguments("--from is after --to".to_owned()).into());
    }
    let selection = match (args.id, args.user, args.subject, args.event) {
        (Some(id), ..) => Selection::Query(Query::Id(id)),
        (None, Some(user), ..) => Selection::Query(Query::User(user)),
        (None, None, Some(subject), _) => Selection::Subject(subject),
        (None, None, None, Some(event)) => Selection::Event(
            event.parse().map_err(|_| "--event: not an event id; `show` prints the event ids of a sale or user")?,
        ),
        (None, None, None, None) => {
            Selection::Filter(EventFilter { from: args.from, to: args.to, type_name: args.type_name })
        }
    };
    let (table, queue) = (args.target.name(), target::events_queue(args.queue_url.clone(), args.target.local));
    let replay = target::replay(args.target, args.queue_url, args.payment_without_order).await;
    let progress = replay.progress();
    let nothing_sent = |_| "Nothing was sent. Run the command again.".to_owned();
    let unit = if matches!(selection, Selection::Filter(_)) { "items" } else { "sales" };
    let plan = with_progress(unit, progress, nothing_sent, replay.plan(selection)).await?;
    if plan.is_empty() {
        return Err(format!("nothing to send: {}", plan.summary()).into());
    }
    if args.dry_run {
        let preview = with_progress("events", progress, nothing_sent, replay.preview(&plan)).await?;
        print(&format!("{}\n  Would send {}.\n", preview.text(), preview.summary(&plan)));
        return Ok(ExitCode::SUCCESS);
    }
    if plan.needs_confirmation()
        && !args.yes
        && !confirm(&format!("Send {}? Table {table}, queue {queue}.", plan.summary()))?
    {
        return Err("cancelled, nothing was sent".into());
    }
    let run = Timestamp::now().to_string();
    let result = with_progress("events", progress, |done| plan.next_step(done), replay.send(&plan, &run)).await?;
    let retries = match result.retries {
        0 => String::new(),
        retries => format!(" Skipped {} of Xsolla.", counted(retries, "retry", "retries")),
    };
    print(&format!("  Queued {} of {}.{retries}\n", result.queued, plan.summary()));
    Ok(report_leftovers(&result.rejected))
}

/// Whether events of a type are expected. Events of other types are stored, too.
fn is_known_type(name: &str) -> bool {
    name.parse::<NotificationType>().is_ok() || name == NotificationType::PAYOUT.name()
}

/// Parses a time, or the start of a day in UTC.
fn first_instant(text: &str) -> Result<Timestamp, String> {
    instant(text, Time::midnight())
}

/// Parses a time, or the end of a day in UTC.
fn last_instant(text: &str) -> Result<Timestamp, String> {
    instant(text, Time::MAX)
}

fn instant(text: &str, time: Time) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<Date>()
        && text.len() == "2026-11-22".len()
    {
        return day
            .to_datetime(time)
            .to_zoned(TimeZone::UTC)
            .map(|at| at.timestamp())
            .map_err(|error| error.to_string());
    }
    text.parse().map_err(|_| "expected a time in UTC or a day, such as 2026-11-22T00:31:07Z or 2026-11-22".to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::day("2026-11-22", "2026-11-22T00:00:00Z", "2026-11-22T23:59:59.999999999Z")]
    #[case::time("2026-11-22T00:31:07Z", "2026-11-22T00:31:07Z", "2026-11-22T00:31:07Z")]
    #[case::offset("2026-11-22T00:31:07+01:00", "2026-11-21T23:31:07Z", "2026-11-21T23:31:07Z")]
    fn day_without_a_time_is_a_whole_day(#[case] text: &str, #[case] first: Timestamp, #[case] last: Timestamp) {
        assert_eq!((first_instant(text), last_instant(text)), (Ok(first), Ok(last)));
    }

    #[rstest]
    #[case::documented("order_paid", true)]
    #[case::not_of_a_webhook("payout", true)]
    #[case::misspelled("order-paid", false)]
    fn documented_types_are_known(#[case] name: &str, #[case] is_known: bool) {
        assert_eq!(is_known_type(name), is_known);
    }

    #[rstest]
    #[case("yesterday")]
    #[case("2026-11-31")]
    #[case("2026-11-22T00:31:07")]
    fn other_text_is_an_error(#[case] text: &str) {
        assert!(first_instant(text).unwrap_err().contains("2026-11-22T00:31:07Z"), "{text}");
    }
}
