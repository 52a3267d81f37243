//! `xsolla-webhooks`: the command line.

use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use intake::lambda::unsigned::ROUTES;
use intake::settings::{DirectorySetting, KeySetting};
use intake::unsigned::MIN_KEY;
use jiff::Timestamp;
use local::aws::{Clients, DYNAMODB_PORT, SQS_PORT, local_queues, local_table};
use local::dead_letters::DeadLetters;
use local::erase::Erasure;
use local::replay::{Replay, Selection};
use local::services::Queues;
use local::show::{Bodies, Sought};
use local::table::{Range, Table};
use local::{Options, Stack, demonstration, drift, local_sources, show, storm};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use xsolla::{EventId, PaymentWithoutOrder, Secrets, sign};

/// What `xsolla-webhooks local` takes if nothing is said.
const LOCAL_PAYMENT_WITHOUT_ORDER: PaymentWithoutOrder = PaymentWithoutOrder::MoneyOnly;

#[derive(Parser)]
#[command(
    name = "xsolla-webhooks",
    about = "Xsolla webhooks on AWS Lambda: run them here, look into what has come, and mend it.",
    after_help = "Which stack `show`, `replay`, `dlq` and `erase` mean: paste its output `OperateEnvironment` into the shell, or say \
                  --local for what `local` runs.",
    version
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all functions on this machine, with DynamoDB and SQS in the process.
    ///
    /// Sends itself the webhooks that Xsolla would send, shows what became of them, and goes on serving until Ctrl-C.
    Local(Local),
    /// Send thousands of purchases through all functions, with faults on every way, and look for any that came out wrong.
    ///
    /// An Xsolla that sends again by its schedules, the functions of `local`, and a game that takes from the queue. Fails if
    /// anything was lost, granted twice, or out of order.
    Storm(Storm),
    /// Show how webhooks that have come differ from what is documented.
    ///
    /// One line per type and place, the newest first: a field that is not known, a value of another kind, a new word of a
    /// list, a documented field that is missing. Never a value, only its kind.
    Drift(Drift),
    /// Show all that happened to a purchase or a player, in order.
    Show(Show),
    /// Queue events that are kept once more, marked as replays.
    Replay(ReplayOptions),
    /// Look at what the game gave up on and what never reached it, and send it again.
    #[command(subcommand)]
    Dlq(Dlq),
    /// Take out of the table who a user is: names, addresses, ids. What accounting must keep stays.
    ///
    /// Amounts, items, dates, countries, and the ids of transactions and orders stay. It cannot be undone. What this does not
    /// reach is in docs/privacy.md.
    Erase(Erase),
}

#[derive(Args)]
struct Local {
    /// Stop after the demonstration; fail if anything came out other than it should.
    #[arg(long)]
    once: bool,
    /// The port for webhooks. 0: any free one, as with the other ports.
    #[arg(long, default_value_t = 7700)]
    port: u16,
    /// The port of the embedded DynamoDB.
    #[arg(long, default_value_t = DYNAMODB_PORT)]
    dynamodb_port: u16,
    /// The port of the embedded SQS.
    #[arg(long, default_value_t = SQS_PORT)]
    sqs_port: u16,
    /// The webhook secret: the one of your project in Publisher Account, or any for trying.
    #[arg(long, default_value = "test_secret")]
    secret: String,
    /// What a payment means that names no order: `grant` (combined webhooks) or `money_only` (separate ones).
    #[arg(long, value_name = "MEANING", default_value = "money_only")] // LOCAL_PAYMENT_WITHOUT_ORDER
    payment_without_order: PaymentWithoutOrder,
    /// Who answers Xsolla's questions: `accept-all`, `table:NAME` (in the embedded DynamoDB) or `http:URL`.
    #[arg(long, value_name = "WHO", default_value = "accept-all")]
    directory: String,
    /// The key that questions to `http:URL` are signed with.
    #[arg(long, value_name = "KEY", default_value = "test_key")]
    directory_key: String,
    /// Take what Xsolla does not sign as well, at `/unsigned/KEY/user-validation` (Web Shop) and `/unsigned/KEY/payout`.
    #[arg(long, value_name = "KEY")]
    unsigned_key: Option<String>,
    /// Keep the table in this directory over restarts.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print nothing but errors.
    #[arg(long)]
    quiet: bool,
}

#[derive(Args)]
struct Storm {
    /// How many purchases.
    #[arg(long, default_value_t = 10_000)]
    orders: u32,
    /// Draws what is bought, and what goes wrong. What meets what depends on the machine, too.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Lose answers, break, throttle and slow down calls to AWS, crash the relay and the game, and more.
    #[arg(long)]
    faults: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Drift {
    /// Look at the bodies in this folder, one per file.
    dir: Option<PathBuf>,
    /// Look at the events in this table, all of it. Region, credentials and endpoint come from the environment.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
}

/// Which table. Region, credentials and endpoints come from the environment, as with every AWS SDK.
#[derive(Args)]
struct AtTable {
    /// What `xsolla-webhooks local` runs on its usual ports, whatever else is said.
    #[arg(long)]
    local: bool,
    /// The output `TableName` of the stack.
    #[arg(long, value_name = "NAME", env = "TABLE_NAME", required_unless_present = "local")]
    table: Option<String>,
}

/// Which queues.
#[derive(Args)]
struct AtQueues {
    /// What `xsolla-webhooks local` runs on its usual ports, whatever else is said.
    #[arg(long)]
    local: bool,
    /// The output `QueueUrl` of the stack.
    #[arg(long, value_name = "URL", env = "QUEUE_URL", required_unless_present = "local")]
    queue_url: Option<String>,
    /// The output `DeadLetterQueueUrl`.
    #[arg(long, value_name = "URL", env = "DEAD_LETTER_QUEUE_URL", required_unless_present = "local")]
    dead_letter_queue_url: Option<String>,
    /// The output `ParkedQueueUrl`.
    #[arg(long, value_name = "URL", env = "PARKED_QUEUE_URL", required_unless_present = "local")]
    parked_queue_url: Option<String>,
}

#[derive(Args)]
struct Show {
    /// A transaction or order id, a subject (`subscription#31`), or an event id.
    #[arg(required_unless_present = "user")]
    id: Option<String>,
    /// All of a player instead, by the game's own id.
    #[arg(long, value_name = "ID", conflicts_with = "id")]
    user: Option<String>,
    /// Show the bodies too, without personal data.
    #[arg(long)]
    bodies: bool,
    /// Show the bodies as they came, personal data included.
    #[arg(long)]
    unmasked: bool,
    /// The stack's parameter `PaymentWithoutOrder`: `grant` or `money_only`. Without it, both meanings are shown.
    #[arg(long, value_name = "MEANING", env = "PAYMENT_WITHOUT_ORDER")]
    payment_without_order: Option<PaymentWithoutOrder>,
    #[command(flatten)]
    at: AtTable,
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["subject", "event", "from", "to", "type_name"]))]
struct ReplayOptions {
    /// All events of this subject.
    #[arg(long, value_name = "SUBJECT", conflicts_with_all = ["event", "from", "to", "type_name"])]
    subject: Option<String>,
    /// This event. A conflict too: to the game it is a new event, beside the first.
    #[arg(long, value_name = "EVENT_ID", conflicts_with_all = ["from", "to", "type_name"])]
    event: Option<String>,
    /// The events received from then on: `2026-11-22T00:31:07Z`. Reads the whole table, as the next two do.
    #[arg(long, value_name = "T")]
    from: Option<Timestamp>,
    /// The events received until then.
    #[arg(long, value_name = "T")]
    to: Option<Timestamp>,
    /// The events of this `notification_type`.
    #[arg(long = "type", value_name = "TYPE")]
    type_name: Option<String>,
    /// Show what would be sent, and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// The stack's parameter `PaymentWithoutOrder`: `grant` or `money_only`.
    #[arg(long, value_name = "MEANING", env = "PAYMENT_WITHOUT_ORDER", required_unless_present = "local")]
    payment_without_order: Option<PaymentWithoutOrder>,
    /// The output `QueueUrl` of the stack.
    #[arg(long, value_name = "URL", env = "QUEUE_URL", required_unless_present = "local")]
    queue_url: Option<String>,
    #[command(flatten)]
    at: AtTable,
}

#[derive(Args)]
struct Erase {
    /// The game's own id of the user.
    #[arg(long, value_name = "ID")]
    user: String,
    /// Show what would be erased, and erase nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    at: AtTable,
}

#[derive(Subcommand)]
enum Dlq {
    /// What is there, one line for what went wrong in the same way.
    List {
        #[command(flatten)]
        at: AtQueues,
    },
    /// What is there of one event, personal data masked.
    Show {
        /// As `list` shows it.
        event_id: String,
        /// Show the message as it is, personal data included.
        #[arg(long)]
        unmasked: bool,
        #[command(flatten)]
        at: AtQueues,
    },
    /// Send it again: dead letters as they were, parked events as replays.
    Redrive {
        /// Only this `notification_type`. Others of a subject stay behind, and come after it then.
        #[arg(long = "type", value_name = "TYPE")]
        type_name: Option<String>,
        /// Show what would be sent, and send nothing.
        #[arg(long)]
        dry_run: bool,
        /// The stack's parameter `PaymentWithoutOrder`: `grant` or `money_only`.
        #[arg(long, value_name = "MEANING", env = "PAYMENT_WITHOUT_ORDER", required_unless_present = "local")]
        payment_without_order: Option<PaymentWithoutOrder>,
        /// The output `TableName` of the stack.
        #[arg(long, value_name = "NAME", env = "TABLE_NAME", required_unless_present = "local")]
        table: Option<String>,
        #[command(flatten)]
        at: AtQueues,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Local(options) => local(options).await,
        Command::Storm(options) => storm(options).await,
        Command::Drift(options) => drift(options).await,
        Command::Show(options) => show(options).await,
        Command::Replay(options) => replay(options).await,
        Command::Dlq(command) => dlq(command).await,
        Command::Erase(options) => erase(options).await,
    };
    match done {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn local(options: Local) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let secrets = Secrets::new(vec![options.secret.clone()]).map_err(|error| format!("--secret: {error}"))?;
    let key = KeySetting::Given(options.directory_key.into());
    let directory =
        DirectorySetting::parse(&options.directory, Some(key)).map_err(|error| format!("--directory: {error}"))?;
    let unsigned_key = options.unsigned_key.as_deref().map(unsigned_key).transpose()?;
    let mut stack = Stack::start(Options {
        port: options.port,
        dynamodb_port: options.dynamodb_port,
        sqs_port: options.sqs_port,
        secrets,
        payment_without_order: options.payment_without_order,
        directory,
        sources: local_sources(),
        unsigned_key,
        data: options.data,
    })
    .await?;
    if !options.quiet {
        println!("\n{}", addresses(&stack, &options.secret, options.unsigned_key.as_deref()));
    }

    let report = demonstration::run(&stack, &options.secret).await?;
    let as_expected = report.as_expected();
    if !options.quiet || !as_expected {
        println!("{report}");
    }
    if options.once {
        return Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }

    if !options.quiet {
        println!("{}", invitation(&stack, &options.secret));
    }
    show_webhooks(options.quiet);
    stack.open();
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}

async fn storm(Storm { orders, seed, faults }: Storm) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let terminal = std::io::stdout().is_terminal();
    let every = Duration::from_millis(if terminal { 250 } else { 5000 });
    let report = storm::run(storm::Options { orders, seed, faults }, every, |progress| {
        if terminal {
            print!("\r\x1b[2K  {progress}");
            // A terminal that does not show it has no use for an error either.
            let _ = std::io::stdout().flush();
        } else {
            println!("  {progress}");
        }
    })
    .await?;
    println!("{}\n{report}", if terminal { "\r\x1b[2K" } else { "" });
    Ok(if report.as_expected() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
            Selection::Event(EventId::parse(&event).ok_or("--event: it is no event id, as `show` shows them")?)
        }
        (None, None) => Selection::Range(Range { from: options.from, to: options.to, type_name: options.type_name }),
    };
    let sqs = clients(options.at.local).await.sqs;
    let queue_url = unless_local(options.queue_url, options.at.local, local_queues().events);
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

impl AtTable {
    async fn table(self) -> Table {
        let client = clients(self.local).await.dynamodb;
        Table { client, name: unless_local(self.table, self.local, local_table()) }
    }
}

impl AtQueues {
    async fn dead_letters(self) -> DeadLetters {
        let here = local_queues();
        let queues = Queues {
            events: unless_local(self.queue_url, self.local, here.events),
            dead_letters: unless_local(self.dead_letter_queue_url, self.local, here.dead_letters),
            parked: unless_local(self.parked_queue_url, self.local, here.parked),
        };
        DeadLetters { sqs: clients(self.local).await.sqs, queues }
    }
}

async fn clients(local: bool) -> Clients {
    if local { Clients::local().await } else { Clients::of_environment().await }
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

/// One line for each webhook, and for whatever goes wrong.
fn show_webhooks(quiet: bool) {
    let shown = Targets::new()
        .with_target("local", if quiet { Level::ERROR } else { Level::INFO })
        .with_target("intake", if quiet { Level::ERROR } else { Level::WARN })
        .with_default(Level::ERROR);
    let lines = tracing_subscriber::fmt::layer().with_target(false).compact();
    tracing_subscriber::registry().with(lines).with(shown).init();
}

/// As one secret, whatever it looks like: it stands in a path.
fn unsigned_key(key: &str) -> Result<Secrets, String> {
    match Secrets::new(vec![key.to_owned()]) {
        Ok(key) if key.shortest() >= MIN_KEY => Ok(key),
        Ok(_) | Err(_) => Err(format!("--unsigned-key: it must have at least {MIN_KEY} characters")),
    }
}

fn addresses(stack: &Stack, secret: &str, unsigned_key: Option<&str>) -> String {
    let unsigned = unsigned_key.map_or_else(String::new, |key| {
        let urls = ROUTES.map(|(route, _)| format!("http://{}{}", stack.webhooks, route.replace("{key}", key)));
        format!("  unsigned   {}\n", urls.join("\n             "))
    });
    format!(
        "  webhooks   {}   and {0}/<type>\n  secret     {secret}\n{unsigned}  DynamoDB   {}   table events\n  SQS        {}   queue {}\n",
        stack.url(),
        stack.dynamodb_endpoint,
        stack.sqs_endpoint,
        stack.queues.events,
    )
}

/// A webhook that works as pasted.
fn invitation(stack: &Stack, secret: &str) -> String {
    let body = r#"{"notification_type":"payment","transaction":{"id":1},"user":{"id":"me"}}"#;
    format!(
        "  Send one yourself:\n\n  curl -i {} \\\n    -H 'Authorization: {}' \\\n    -d '{body}'\n\n  Ctrl-C ends it. Each webhook is one line from here on:\n",
        stack.url(),
        sign(body.as_bytes(), secret),
    )
}
