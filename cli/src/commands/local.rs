//! The command `local`.

use std::process::ExitCode;

use cli::format::columns;
use intake::emulator::EVENTS_TABLE;
use intake::lambda::unsigned::ROUTES;
use intake::settings::{DirectorySetting, KeySetting};
use intake::unsigned::MIN_KEY_LEN;
use local::{Stack, StackOptions, demo, local_sources};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use xsolla::{Secrets, sign};

use super::CommandResult;
use crate::arguments::LocalArgs;

pub(crate) async fn run(args: LocalArgs) -> CommandResult {
    let secrets = Secrets::new(vec![args.secret.clone()]).map_err(|error| format!("--secret: {error}"))?;
    let key = KeySetting::Given(args.directory_key.into());
    let directory =
        DirectorySetting::parse(&args.directory, Some(key)).map_err(|error| format!("--directory: {error}"))?;
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
        println!("\n{}", addresses(&stack, &args.secret, args.unsigned_key.as_deref()));
    }

    let report = demo::run(&stack, &args.secret).await?;
    let passed = report.passed();
    if !args.quiet || !passed {
        println!("{report}");
    }
    if args.once {
        return Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }

    if !args.quiet {
        println!("{}", curl_example(&stack, &args.secret));
    }
    start_log(args.quiet);
    stack.open();
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}

/// Logs one line per webhook and per failure.
fn start_log(quiet: bool) {
    let levels = Targets::new()
        .with_target("local", if quiet { Level::ERROR } else { Level::INFO })
        .with_target("intake", if quiet { Level::ERROR } else { Level::WARN })
        .with_default(Level::ERROR);
    let lines = tracing_subscriber::fmt::layer().with_target(false).compact();
    tracing_subscriber::registry().with(lines).with(levels).init();
}

/// The key as a single secret. It is not parsed as a list, because it is part of a path.
fn unsigned_key(key: &str) -> Result<Secrets, String> {
    match Secrets::new(vec![key.to_owned()]) {
        Ok(key) if key.min_len() >= MIN_KEY_LEN => Ok(key),
        Ok(_) | Err(_) => Err(format!("--unsigned-key: at least {MIN_KEY_LEN} characters required")),
    }
}

fn addresses(stack: &Stack, secret: &str, unsigned_key: Option<&str>) -> String {
    let url = stack.webhook_url();
    let mut rows = vec![
        ["Webhook URL".to_owned(), url.clone()],
        [String::new(), format!("{url}/TYPE accepts one notification type")],
        ["Webhook secret".to_owned(), secret.to_owned()],
    ];
    for (route, _) in ROUTES.iter().filter(|_| unsigned_key.is_some()) {
        let path = route.replace("{key}", unsigned_key.unwrap_or_default());
        rows.push(["Unsigned URL".to_owned(), format!("http://{}{path}", stack.webhook_addr)]);
    }
    rows.push(["DynamoDB".to_owned(), format!("{}, table {EVENTS_TABLE}", stack.dynamodb_endpoint)]);
    rows.push(["SQS".to_owned(), format!("{}, queue {}", stack.sqs_endpoint, stack.queues.events)]);
    columns(&rows)
}

/// A `curl` command that sends a signed webhook.
fn curl_example(stack: &Stack, secret: &str) -> String {
    let body = r#"{"notification_type":"payment","transaction":{"id":1},"user":{"id":"me"}}"#;
    format!(
        "  Send a signed webhook:\n\n  curl -i {} \\\n    -H 'Authorization: {}' \\\n    -d '{body}'\n\n  Press Ctrl-C to stop. Each webhook is logged below.\n",
        stack.webhook_url(),
        sign(body.as_bytes(), secret),
    )
}
