//! The command `simulate`.

use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

use super::CommandResult;
use crate::arguments::SimulateArgs;

pub(crate) async fn run(args: SimulateArgs) -> CommandResult {
    let SimulateArgs { orders, seed, faults } = args;
    let is_terminal = stdout().is_terminal();
    let interval = Duration::from_millis(if is_terminal { 250 } else { 5000 });
    let report = simulation::run(simulation::SimulationOptions { orders, seed, faults }, interval, |progress| {
        if is_terminal {
            // Clears the line and prints over it.
            print!("\r\x1b[2K  {progress}");
            let _ = stdout().flush();
        } else {
            println!("  {progress}");
        }
    })
    .await?;
    println!("{}\n{report}", if is_terminal { "\r\x1b[2K" } else { "" });
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
