//! `xsolla-webhooks`: the command line.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use intake::settings::{DirectorySetting, KeySetting};
use local::{Options, Stack, demonstration, drift, local_sources, storm};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use xsolla::{PaymentWithoutOrder, Secrets, sign};

#[derive(Parser)]
#[command(
    name = "xsolla-webhooks",
    about = "Xsolla webhooks on AWS Lambda: run them here, and see what changes in them.",
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
    #[arg(long, default_value_t = 7701)]
    dynamodb_port: u16,
    /// The port of the embedded SQS.
    #[arg(long, default_value_t = 7702)]
    sqs_port: u16,
    /// The webhook secret: the one of your project in Publisher Account, or any for trying.
    #[arg(long, default_value = "test_secret")]
    secret: String,
    /// What a payment means that names no order: `grant` (combined webhooks) or `money_only` (separate ones).
    #[arg(long, value_name = "MEANING", default_value = "money_only")]
    payment_without_order: PaymentWithoutOrder,
    /// Who answers Xsolla's questions: `accept-all`, `table:NAME` (in the embedded DynamoDB) or `http:URL`.
    #[arg(long, value_name = "WHO", default_value = "accept-all")]
    directory: String,
    /// The key that questions to `http:URL` are signed with.
    #[arg(long, value_name = "KEY", default_value = "test_key")]
    directory_key: String,
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

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Local(options) => local(options).await,
        Command::Storm(options) => storm(options).await,
        Command::Drift(options) => drift(options).await,
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
    let mut stack = Stack::start(Options {
        port: options.port,
        dynamodb_port: options.dynamodb_port,
        sqs_port: options.sqs_port,
        secrets,
        payment_without_order: options.payment_without_order,
        directory,
        sources: local_sources(),
        data: options.data,
    })
    .await?;
    if !options.quiet {
        println!("\n{}", addresses(&stack, &options.secret));
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

/// One line for each webhook, and for whatever goes wrong.
fn show_webhooks(quiet: bool) {
    let shown = Targets::new()
        .with_target("local", if quiet { Level::ERROR } else { Level::INFO })
        .with_target("intake", if quiet { Level::ERROR } else { Level::WARN })
        .with_default(Level::ERROR);
    let lines = tracing_subscriber::fmt::layer().with_target(false).compact();
    tracing_subscriber::registry().with(lines).with(shown).init();
}

fn addresses(stack: &Stack, secret: &str) -> String {
    format!(
        "  webhooks   {}   and {0}/<type>\n  secret     {secret}\n  DynamoDB   {}   table events\n  SQS        {}   queue {}\n",
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
