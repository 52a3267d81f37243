//! The command `local`.

use std::fmt;
use std::io::{Write as _, stdout};
use std::iter;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::Args;
use cli::dead_letters::DeadLetters;
use cli::format::{columns, counted, one_line};
use cli::replay::Replay;
use cli::table::Table;
use intake::emulator::{DYNAMODB_PORT, EVENTS_TABLE, SQS_PORT};
use intake::lambda::unsigned::ROUTES;
use intake::settings::{DirectorySetting, KeySetting};
use intake::unsigned::MIN_KEY_LEN;
use jiff::{Timestamp, Zoned};
use local::console::{Console, Redrive, Session};
use local::{Stack, StackOptions, demo, local_sources};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use xsolla::{PaymentWithoutOrder, Secrets, sign};

use super::signing::{LOCAL_SECRET, secret_of_stdin};
use super::{CommandResult, InvalidArguments};
use crate::terminal::print;

/// Run all functions on this machine, with an embedded DynamoDB and SQS
#[derive(Args)]
#[command(after_help = "\
Sends itself sample webhooks, prints the results and a curl example, and serves
requests until Ctrl-C.

Examples:
  xsolla-webhooks local
  xsolla-webhooks local --once
  xsolla-webhooks local --data ./events
  xsolla-webhooks local --directory http:http://127.0.0.1:8080/questions")]
pub(crate) struct LocalArgs {
    /// Exit after the sample webhooks; fail if a result is wrong
    #[arg(long)]
    pub(crate) once: bool,
    /// Port for webhooks; 0 selects a free port
    #[arg(long, default_value_t = 7700)]
    pub(crate) port: u16,
    /// Port of the embedded DynamoDB; 0 selects a free port
    #[arg(long, value_name = "PORT", default_value_t = DYNAMODB_PORT)]
    pub(crate) dynamodb_port: u16,
    /// Port of the embedded SQS; 0 selects a free port
    #[arg(long, value_name = "PORT", default_value_t = SQS_PORT)]
    pub(crate) sqs_port: u16,
    /// Webhook secret; `-` reads a line of stdin, for your project's secret
    #[arg(long, default_value = LOCAL_SECRET)]
    pub(crate) secret: String,
    /// Meaning of a payment without an order: `grant` (combined webhooks) or `money_only` (separate webhooks)
    #[arg(long, value_name = "MEANING", default_value = "money_only")] // LOCAL_PAYMENT_WITHOUT_ORDER
    pub(crate) payment_without_order: PaymentWithoutOrder,
    /// Directory that answers Xsolla's questions: `accept-all`, `table:NAME` in the embedded DynamoDB, or `http:URL`
    #[arg(long, default_value = "accept-all")]
    pub(crate) directory: String,
    /// Key that signs questions to `http:URL`
    #[arg(long, value_name = "KEY", default_value = "test_key")]
    pub(crate) directory_key: String,
    /// Accept unsigned webhooks at `/unsigned/KEY/user-validation` (Web Shop) and `/unsigned/KEY/payout`
    #[arg(long, value_name = "KEY")]
    pub(crate) unsigned_key: Option<String>,
    /// Also accept webhooks sent to this host name, such as that of a tunnel
    #[arg(long, value_name = "HOST")]
    pub(crate) allow_host: Vec<String>,
    /// Store the table in this directory instead of memory; created with mode 0700, for one process at a time
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Print errors only
    #[arg(long)]
    pub(crate) quiet: bool,
}

pub(crate) async fn run(args: LocalArgs) -> CommandResult {
    let secret = if args.secret == "-" { secret_of_stdin()? } else { args.secret };
    let secrets = Secrets::new([secret.as_str()]).map_err(|error| InvalidArguments(format!("--secret: {error}")))?;
    let key = KeySetting::Given(args.directory_key.into());
    let directory = DirectorySetting::parse(&args.directory, Some(key))
        .map_err(|error| InvalidArguments(format!("--directory: {error}")))?;
    let unsigned_key = args.unsigned_key.as_deref().map(unsigned_key).transpose()?;
    let mut stack = Stack::start(StackOptions {
        port: args.port,
        dynamodb_port: args.dynamodb_port,
        sqs_port: args.sqs_port,
        secrets,
        payment_without_order: args.payment_without_order,
        directory,
        sources: local_sources(),
        unsigned_key,
        data: args.data,
    })
    .await?;
    if !args.quiet {
        print(&format!("\n{}\n", addresses(&stack, &secret, args.unsigned_key.as_deref())));
    }

    let report = demo::run(&stack, &secret).await?;
    let passed = report.passed();
    if !args.quiet || !passed {
        let _ = writeln!(anstream::stdout(), "{report}");
    }
    if args.once {
        return Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }

    if !args.quiet {
        // A signature of another secret would be accepted by the stack that has it.
        if secret == LOCAL_SECRET {
            print(&curl_example(&stack, &secret));
        }
        print("  Press Ctrl-C to stop. Each webhook is logged below.\n\n");
    }
    start_log(args.quiet);
    let console = Console::with_session(stack.data(), session(&stack, secret, args.payment_without_order));
    stack.open_with(&args.allow_host, Some(console));
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}

/// The part of the web console that sends webhooks and redrives.
fn session(stack: &Stack, secret: String, payment_without_order: PaymentWithoutOrder) -> Session {
    let dead_letters = DeadLetters { sqs: stack.sqs.clone(), queues: stack.queues.clone() };
    let table = Table { client: stack.dynamodb.clone(), name: EVENTS_TABLE.to_owned() };
    let replay = Replay::new(table, stack.sqs.clone(), stack.queues.events.clone(), payment_without_order);
    let (dead_letters, replay) = (Arc::new(dead_letters), Arc::new(replay));
    let redrive = move || {
        let (dead_letters, replay) = (Arc::clone(&dead_letters), Arc::clone(&replay));
        async move {
            let result =
                dead_letters.redrive(&replay, None, Timestamp::now()).await.map_err(|error| error.to_string())?;
            let letters = counted(result.dead_letters, "dead letter", "dead letters");
            let parked = counted(result.parked_events, "parked event", "parked events");
            let leftovers = result.leftovers.iter().map(|leftover| format!("Not sent: {leftover}."));
            let sentences: Vec<String> =
                iter::once(format!("Queued {letters} and {parked}.")).chain(leftovers).collect();
            Ok(sentences.join(" "))
        }
    };
    Session {
        journal: Arc::clone(&stack.journal),
        webhook_url: stack.webhook_url(),
        secret,
        redrive: Redrive::new(redrive),
    }
}

/// Logs one line per webhook, per relayed event and per failure.
fn start_log(quiet: bool) {
    let levels = Targets::new()
        .with_target("local", if quiet { Level::ERROR } else { Level::INFO })
        .with_target("intake", if quiet { Level::ERROR } else { Level::WARN })
        .with_default(Level::ERROR);
    let lines = tracing_subscriber::fmt::layer().event_format(Line).with_writer(|| AutoStream::auto(stdout()));
    tracing_subscriber::registry().with(lines).with(levels).init();
}

/// A line of the log: time of day and message, with the colour of warnings and errors.
struct Line;

impl<S: Subscriber, N> FormatEvent<S, N> for Line
where
    S: for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        const FAINT: Style = Style::new().dimmed();
        let level = *event.metadata().level();
        let style = match level {
            Level::ERROR => AnsiColor::Red.on_default(),
            Level::WARN => AnsiColor::Yellow.on_default(),
            _ => Style::new(),
        };
        write!(out, "{FAINT}{}{FAINT:#}  {style}", Zoned::now().strftime("%H:%M:%S"))?;
        let mut message = String::new();
        context.format_fields(Writer::new(&mut message), event)?;
        writeln!(out, "{}{style:#}", one_line(message))
    }
}

/// The key as a single secret. It is not parsed as a list, because it is part of a path.
fn unsigned_key(key: &str) -> Result<Secrets, InvalidArguments> {
    match Secrets::new(vec![key.to_owned()]) {
        Ok(key) if key.min_len() >= MIN_KEY_LEN => Ok(key),
        Ok(_) | Err(_) => Err(InvalidArguments(format!("--unsigned-key: at least {MIN_KEY_LEN} characters required"))),
    }
}

fn addresses(stack: &Stack, secret: &str, unsigned_key: Option<&str>) -> String {
    let url = stack.webhook_url();
    let mut rows = vec![
        ["Console".to_owned(), format!("http://{}/", stack.webhook_addr)],
        ["Webhook URL".to_owned(), url.clone()],
        [String::new(), format!("{url}/TYPE accepts one type")],
        ["Webhook secret".to_owned(), if secret == LOCAL_SECRET { secret } else { "that of --secret" }.to_owned()],
    ];
    for (route, _) in ROUTES.iter().filter(|_| unsigned_key.is_some()) {
        let path = route.replace("{key}", unsigned_key.unwrap_or_default());
        rows.push(["Unsigned URL".to_owned(), format!("http://{}{path}", stack.webhook_addr)]);
    }
    rows.push(["DynamoDB".to_owned(), format!("{}, table {EVENTS_TABLE}", stack.dynamodb_endpoint)]);
    rows.push(["SQS".to_owned(), stack.sqs_endpoint.clone()]);
    rows.push(["Queue".to_owned(), stack.queues.events.clone()]);
    columns(&rows)
}

/// A `curl` command that sends a signed webhook.
fn curl_example(stack: &Stack, secret: &str) -> String {
    let body = r#"{"notification_type":"payment","transaction":{"id":1},"user":{"id":"me"}}"#;
    format!(
        "  Send a signed webhook:\n\n  curl -i {} \\\n    -H 'Authorization: {}' \\\n    -d '{body}'\n\n",
        stack.webhook_url(),
        sign(body.as_bytes(), secret),
    )
}
