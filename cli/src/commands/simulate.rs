//! The command `simulate`.

use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::CommandResult;
use crate::terminal::print;

/// Terminal sequence that moves the cursor to the start of the line and clears the line.
const CLEAR_LINE: &str = "\r\x1b[2K";

/// Simulate thousands of purchases, optionally with injected faults
#[derive(Args)]
#[command(after_help = "\
Simulates Xsolla with its retry schedules and a game that reads the queue. Fails
if an event was lost, granted twice or out of order.

Examples:
  xsolla-webhooks simulate --orders 1000
  xsolla-webhooks simulate --orders 1000 --faults --seed 7")]
pub(crate) struct SimulateArgs {
    /// Number of purchases
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) orders: u32,
    /// Seed of the purchases and faults; timing also depends on the machine
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Inject faults: lost answers, failed, throttled and slow AWS calls, crashes of relay and game
    #[arg(long)]
    pub(crate) faults: bool,
}

pub(crate) async fn run(args: SimulateArgs) -> CommandResult {
    let SimulateArgs { orders, seed, faults } = args;
    let is_terminal = stdout().is_terminal();
    let interval = Duration::from_millis(250);
    let report = simulation::run(simulation::SimulationOptions { orders, seed, faults }, interval, |progress| {
        if is_terminal {
            print!("{CLEAR_LINE}  {progress}");
            let _ = stdout().flush();
        }
    })
    .await?;
    if is_terminal {
        print!("{CLEAR_LINE}");
    }
    print(&format!("\n{report}\n"));
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
