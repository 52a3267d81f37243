//! `xsolla-webhooks`: the command line.

mod arguments;
#[cfg(feature = "local")]
mod emulate;

use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::process::ExitCode;

use arguments::{AtQueues, AtTable, Cli, Command, Dlq, Drift, Erase, ReplayOptions, Show};
use clap::Parser;
use cli::connection::{Clients, webhook_secrets};
use cli::dead_letters::DeadLetters;
use cli::erase::Erasure;
use cli::replay::{Replay, Selection};
use cli::show::{Bodies, Sought};
use cli::table::{Range, Table};
use cli::{drift, show};
use intake::aws::QueueUrls;
use intake::emulator::{EVENTS_TABLE, queue_urls};
use jiff::Timestamp;
use xsolla::{EventId, PaymentWithoutOrder};

/// What `xsolla-webhooks local` takes if nothing is said.
const LOCAL_PAYMENT_WITHOUT_ORDER: PaymentWithoutOrder = PaymentWithoutOrder::MoneyOnly;

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        #[cfg(feature = "local")]
        Command::Local(options) => emulate::local(options).await,
        #[cfg(feature = "local")]
        Command::Simulate(options) => emulate::simulate(options).await,
        Command::Drift(options) => drift(options).await,
        Command::Show(options) => show(options).await,
        Command::Replay(options) => replay(options).await,
        Command::Dlq(command) => dlq(command).await,
        Command::Erase(options) => erase(options).await,
        Command::LogQuery { user } => log_query(&user).await,
    };
    match done {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn drift(options: Drift) -> Result<ExitCode, Box<dyn std::error::Error>> {
    if let Some(folder) = options.dir {
        print!("{}", drift::of_folder(&folder)?);
    }
    if let Some(table) = options.table {
        print!("{}", drift::of_table(&table).await?);
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(options: Show) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let table = options.at.table().await;
    let sought = options.user.map(Sought::User).or(options.id.map(Sought::Id)).ok_or("nothing is sought")?;
    let found = show::find(&table, &sought, options.payment_without_order).await?;
    if found.is_empty() {
        let (Sought::Id(id) | Sought::User(id)) = sought;
        return Err(format!("nothing is kept of {id}").into());
    }
    let bodies = match (options.unmasked, options.bodies) {
        (true, _) => Bodies::AsTheyCame,
        (false, true) => Bodies::Masked,
        (false, false) => Bodies::Hidden,
    };
    say(&found.text(bodies));
    Ok(ExitCode::SUCCESS)
}

async fn replay(options: ReplayOptions) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let selection = match (options.subject, options.event) {
        (Some(subject), _) => Selection::Subject(subject),
        (None, Some(event)) => {
            Selection::Event(event.parse::<EventId>().map_err(|_| "--event: it is no event id, as `show` shows them")?)
        }
        (None, None) => Selection::Range(Range { from: options.from, to: options.to, type_name: options.type_name }),
    };
    let sqs = clients(options.at.local).await.sqs;
    let queue_url = unless_local(options.queue_url, options.at.local, queue_urls().events);
    let payment_without_order = options.payment_without_order.unwrap_or(LOCAL_PAYMENT_WITHOUT_ORDER);
    let replay = Replay::new(options.at.table().await, sqs, queue_url, payment_without_order);
    let plan = replay.plan(selection).await?;
    if plan.is_empty() {
        return Err(format!("nothing to send: {}", plan.summary()).into());
    }
    if options.dry_run {
        say(&format!("{}\n  Would send {}.\n", replay.preview(&plan).await?, plan.summary()));
        return Ok(ExitCode::SUCCESS);
    }
    if plan.needs_consent() && !options.yes && !consent(&format!("Send {}?", plan.summary()))? {
        return Err("nothing was sent".into());
    }
    let replayed = replay.send(&plan, &Timestamp::now().to_string()).await?;
    say(&format!("  Queued {} of {}.\n", replayed.queued, plan.summary()));
    Ok(complain_of(&replayed.refused))
}

async fn dlq(command: Dlq) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match command {
        Dlq::List { at } => say(&at.dead_letters().await.look().await?.list()),
        Dlq::Show { event_id, unmasked, at } => {
            let seen = at.dead_letters().await.look().await?;
            let shown = seen.show(&event_id, unmasked);
            say(&shown.ok_or_else(|| format!("there is nothing of {event_id} to be seen; try `dlq list`"))?);
        }
        Dlq::Redrive { type_name, dry_run: true, at, .. } => {
            say(&at.dead_letters().await.look().await?.would_redrive(type_name.as_deref()));
        }
        Dlq::Redrive { type_name, dry_run: false, payment_without_order, table, at } => {
            let table = AtTable { local: at.local, table }.table().await;
            let dead_letters = at.dead_letters().await;
            let (sqs, queue_url) = (dead_letters.sqs.clone(), dead_letters.queues.events.clone());
            let payment_without_order = payment_without_order.unwrap_or(LOCAL_PAYMENT_WITHOUT_ORDER);
            let replay = Replay::new(table, sqs, queue_url, payment_without_order);
            let done = dead_letters.redrive(&replay, type_name.as_deref(), Timestamp::now()).await?;
            say(&format!("  Queued {} dead letters and {} parked events.\n", done.letters, done.events));
            return Ok(complain_of(&done.left));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn erase(Erase { user, dry_run, yes, at }: Erase) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let erasure = Erasure::plan(at.table().await, &user).await?;
    if erasure.is_empty() {
        return Err(format!("nothing is kept that names {user}").into());
    }
    if dry_run {
        say(&format!("{}\n  Would erase {}.\n", erasure.preview(), erasure.summary()));
        return Ok(ExitCode::SUCCESS);
    }
    if !yes && !consent(&format!("Erase {}? This cannot be undone.", erasure.summary()))? {
        return Err("nothing was erased".into());
    }
    let erased = erasure.erase(Timestamp::now()).await?;
    say(&format!("{}  Erased {erased} of {}.\n", erasure.left(), erasure.summary()));
    Ok(ExitCode::SUCCESS)
}

async fn log_query(user: &str) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let secrets = webhook_secrets().await?;
    let hashes: Vec<String> = secrets.pseudonyms(user).map(|hash| format!("\"{hash}\"")).collect();
    say(&format!(
        "filter user in [{}] | fields @timestamp, notification_type, outcome, event_id, mode, trace_id | sort @timestamp\n",
        hashes.join(", ")
    ));
    Ok(ExitCode::SUCCESS)
}

impl AtTable {
    async fn table(self) -> Table {
        let client = clients(self.local).await.dynamodb;
        Table { client, name: unless_local(self.table, self.local, EVENTS_TABLE.to_owned()) }
    }
}

impl AtQueues {
    async fn dead_letters(self) -> DeadLetters {
        let here = queue_urls();
        let queues = QueueUrls {
            events: unless_local(self.queue_url, self.local, here.events),
            dead_letters: unless_local(self.dead_letter_queue_url, self.local, here.dead_letters),
            parked: unless_local(self.parked_queue_url, self.local, here.parked),
        };
        DeadLetters { sqs: clients(self.local).await.sqs, queues }
    }
}

async fn clients(local: bool) -> Clients {
    if local { Clients::local() } else { Clients::of_environment().await }
}

fn unless_local(given: Option<String>, local: bool, here: String) -> String {
    given.filter(|_| !local).unwrap_or(here)
}

/// What was left undone makes it a failure.
fn complain_of(left: &[String]) -> ExitCode {
    for line in left {
        eprintln!("left: {}", printable(line));
    }
    if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Asks whoever sits there.
fn consent(question: &str) -> Result<bool, Box<dyn std::error::Error>> {
    if !stdin().is_terminal() {
        return Err(format!("{question} Nobody is here to answer: say --yes").into());
    }
    eprint!("{question} [y/N] ");
    stderr().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// Prints, and does not mind a pager that has gone.
fn say(text: &str) {
    let _ = stdout().write_all(printable(text).as_bytes());
}

/// Without what would steer a terminal: much of it comes from bodies.
fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() && char != '\n' { '\u{fffd}' } else { char }).collect()
}
