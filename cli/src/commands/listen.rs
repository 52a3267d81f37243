//! The command `listen`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use cli::format::counted;
use cli::http::{Http, check_server, origin, parse_url};
use cli::listen::{Forwarded, Forwarder, ParseSigningKeyError, SigningKey, max_deliveries};
use http::Uri;
use intake::settings::environment;
use tokio::time::sleep;

use super::CommandResult;
use super::target;
use crate::terminal::{INCOMPLETE, confirm, print};

/// Interval between two checks of a server that accepts no connections.
const SERVER_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Seconds for which a call waits for messages.
const WAIT_SECONDS: i32 = 10;

/// Forward the events of the queue to your HTTP server
#[derive(Args)]
#[command(after_help = "\
Posts each message of the queue, in order per subject. The headers are those of
Standard Webhooks: webhook-id is the event id, webhook-timestamp the time,
webhook-signature `v1,` and HMAC-SHA256 of id, time and body in Base64.

A message is deleted only after a 2xx. After another answer it is delivered
again, as to any consumer. After the last delivery that the queue allows, it
becomes a dead letter. Stops before the first message if the server does not
accept connections.

The game does not receive the events of a stack that your server accepts. So the
command asks first; --yes skips the question.

Exit code 3: with --once, some events remain in the queue.

Examples:
  xsolla-webhooks listen --local --forward-to http://127.0.0.1:8080/hooks
  xsolla-webhooks listen --local --forward-to http://127.0.0.1:8080/hooks --once")]
pub(crate) struct ListenArgs {
    /// URL of your server
    #[arg(long, value_name = "URL", value_parser = parse_url)]
    pub(crate) forward_to: Uri,
    /// Key of the signatures, `whsec_` and Base64 [default: `WEBHOOK_SIGNING_KEY`, or a random key, which is printed]
    #[arg(long, value_name = "KEY")]
    pub(crate) signing_key: Option<String>,
    /// Seconds until a failed event is delivered again [default: the visibility timeout of the queue]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i32).range(0..=43_200))]
    pub(crate) retry_after: Option<i32>,
    /// Exit when the queue returns no more messages, or after a failure
    #[arg(long)]
    pub(crate) once: bool,
    /// Skip confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    /// Use the emulator on its default ports
    #[arg(long)]
    pub(crate) local: bool,
    /// URL of the game's queue (stack output `QueueUrl`)
    #[arg(long, value_name = "URL", env = "QUEUE_URL", required_unless_present = "local")]
    pub(crate) queue_url: Option<String>,
}

pub(crate) async fn run(args: ListenArgs) -> CommandResult {
    let queue_url = target::events_queue(args.queue_url, args.local);
    let question = format!("Take events from {queue_url}? The game does not get those that your server accepts.");
    if !args.local && !args.yes && !confirm(&question)? {
        return Err("cancelled, nothing was received".into());
    }
    // Without a server, each event would count as a failed delivery.
    check_server(&args.forward_to).await.map_err(|error| format!("{error}; nothing was received"))?;
    // Not a variable of the stack, which the output CliEnvironment sets.
    let variable = || environment("WEBHOOK_SIGNING_KEY").filter(|key| !key.is_empty());
    let given = args.signing_key.map(|key| ("--signing-key", key));
    let given = given.or_else(|| Some(("WEBHOOK_SIGNING_KEY", variable()?)));
    let is_given = given.is_some();
    let key = match given {
        Some((name, key)) => key.parse().map_err(|error: ParseSigningKeyError| format!("{name}: {error}"))?,
        None => SigningKey::random(),
    };
    let url = args.forward_to;
    print(&format!("  Forwarding {queue_url} to {}\n", origin(&url)));
    if !is_given {
        print(&format!("  Signing key: {}\n", key.expose()));
    }
    let sqs = target::sqs(args.local).await;
    let max_deliveries = max_deliveries(&sqs, &queue_url).await;
    let retry_after = args.retry_after;
    let forwarder = Forwarder { sqs, queue_url, http: Http::default(), url, key, retry_after, max_deliveries };
    let mut total = Forwarded::default();
    let report = |line: &str| print(&format!("  {line}\n"));
    let forward_all = async {
        loop {
            let wait_seconds = if args.once { 1 } else { WAIT_SECONDS };
            wait_for_server(&forwarder.url).await;
            let Forwarded { accepted, failed } = forwarder.forward(wait_seconds, &report).await?;
            total.accepted += accepted;
            total.failed += failed;
            // A failed event would be received again and again.
            if args.once && (accepted == 0 || failed > 0) {
                return Ok::<_, Box<dyn std::error::Error>>(());
            }
        }
    };
    tokio::select! {
        result = forward_all => result?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    let failed = if total.failed > 0 { format!(", {} failed", total.failed) } else { String::new() };
    print(&format!("  Forwarded {}{failed}.\n", counted(total.accepted, "event", "events")));
    Ok(if args.once && total.failed > 0 { ExitCode::from(INCOMPLETE) } else { ExitCode::SUCCESS })
}

/// Waits until the server accepts connections. Without one, each event would count as a failed delivery.
async fn wait_for_server(url: &Uri) {
    let mut is_reported = false;
    while let Err(error) = check_server(url).await {
        if !is_reported {
            print(&format!("  {error}; waiting\n"));
            is_reported = true;
        }
        sleep(SERVER_CHECK_INTERVAL).await;
    }
}
