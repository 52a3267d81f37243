//! The command `console`.

use std::net::Ipv4Addr;
use std::process::ExitCode;

use clap::Args;
use local::console::{Console, StackData};
use tokio::net::TcpListener;

use super::CommandResult;
use super::target::{self, QueueTargets, TableTarget};
use crate::terminal::print;

/// Serve a read-only page of sales and queues on 127.0.0.1
#[derive(Args)]
#[command(after_help = "\
Shows a sale or a player with all events, what each meant, and what the player
should hold; the counts of the queue; dead letters and parked events. Personal
data is masked until the page is asked for it. A list by time reads the whole
table, after a click. Reading the dead letters hides them from other readers for
a moment.

Examples:
  xsolla-webhooks console
  xsolla-webhooks console --port 8080")]
pub(crate) struct ConsoleArgs {
    /// Port of the page; 0 selects a free port
    #[arg(long, default_value_t = 7700)]
    pub(crate) port: u16,
    /// Table name (stack output `TableName`)
    #[arg(long, value_name = "NAME", env = "TABLE_NAME", required_unless_present = "local")]
    pub(crate) table: Option<String>,
    #[command(flatten)]
    pub(crate) target: QueueTargets,
}

pub(crate) async fn run(args: ConsoleArgs) -> CommandResult {
    let ConsoleArgs { port, table, target } = args;
    let target_is_local = target.local;
    let table = target::table(TableTarget { local: target.local, table }).await;
    let dead_letters = target::dead_letters(target).await;
    let data = StackData { table, sqs: dead_letters.sqs, queues: dead_letters.queues };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        let is_served = if target_is_local { "; `local` serves the console of the emulator itself" } else { "" };
        format!("port {port} cannot be used ({}); choose another with --port{is_served}", error.kind())
    })?;
    print(&format!("  Console  http://{}/\n\n  Press Ctrl-C to stop.\n", listener.local_addr()?));
    tokio::select! {
        result = Console::read_only(data).serve(listener) => result?,
        result = tokio::signal::ctrl_c() => result?,
    }
    Ok(ExitCode::SUCCESS)
}
