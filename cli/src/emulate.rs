//! The commands that run the emulator: `local` and `simulate`.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use intake::lambda::unsigned::ROUTES;
use intake::settings::{DirectorySetting, KeySetting};
use intake::unsigned::MIN_KEY;
use local::{Stack, StackOptions, demo, local_sources};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use xsolla::{Secrets, sign};

use crate::arguments::{Local, Simulate};

pub(crate) async fn local(options: Local) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let secrets = Secrets::new(vec![options.secret.clone()]).map_err(|error| format!("--secret: {error}"))?;
    let key = KeySetting::Given(options.directory_key.into());
    let directory =
        DirectorySetting::parse(&options.directory, Some(key)).map_err(|error| format!("--directory: {error}"))?;
    let unsigned_key = options.unsigned_key.as_deref().map(unsigned_key).transpose()?;
    let mut stack = Stack::start(StackOptions {
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

    let report = demo::run(&stack, &options.secret).await?;
    let as_expected = report.passed();
    if !options.quiet || !as_expected {
        println!("{report}");
    }
    if options.once {
        return Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }

    if !options.quiet {
        println!("{}", curl_example(&stack, &options.secret));
    }
    show_webhooks(options.quiet);
    stack.open();
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn simulate(
    Simulate { orders, seed, faults }: Simulate,
) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let terminal = std::io::stdout().is_terminal();
    let every = Duration::from_millis(if terminal { 250 } else { 5000 });
    let report = simulation::run(simulation::SimulationOptions { orders, seed, faults }, every, |progress| {
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
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
        Ok(key) if key.min_len() >= MIN_KEY => Ok(key),
        Ok(_) | Err(_) => Err(format!("--unsigned-key: it must have at least {MIN_KEY} characters")),
    }
}

fn addresses(stack: &Stack, secret: &str, unsigned_key: Option<&str>) -> String {
    let unsigned = unsigned_key.map_or_else(String::new, |key| {
        let urls = ROUTES.map(|(route, _)| format!("http://{}{}", stack.webhook_addr, route.replace("{key}", key)));
        format!("  unsigned   {}\n", urls.join("\n             "))
    });
    format!(
        "  webhooks   {}   and {0}/<type>\n  secret     {secret}\n{unsigned}  DynamoDB   {}   table events\n  SQS        {}   queue {}\n",
        stack.webhook_url(),
        stack.dynamodb_endpoint,
        stack.sqs_endpoint,
        stack.queues.events,
    )
}

/// A webhook that works as pasted.
fn curl_example(stack: &Stack, secret: &str) -> String {
    let body = r#"{"notification_type":"payment","transaction":{"id":1},"user":{"id":"me"}}"#;
    format!(
        "  Send one yourself:\n\n  curl -i {} \\\n    -H 'Authorization: {}' \\\n    -d '{body}'\n\n  Ctrl-C ends it. Each webhook is one line from here on:\n",
        stack.webhook_url(),
        sign(body.as_bytes(), secret),
    )
}
