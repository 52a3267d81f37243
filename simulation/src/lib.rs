//! Simulation of thousands of purchases with injected faults. Checks that each event was stored, delivered and applied
//! exactly once.
//!
//! The webhooks run through a real local stack. This crate simulates Xsolla (`sender`), the game (`game`) and an operator
//! (`operator`). `purchases` generates the webhooks, and `fault` lists the faults. `violations` checks the result, also
//! against what the players should hold (`oracle`).

mod aws_faults;
mod delivery_log;
mod fault;
mod fault_schedule;
mod game;
#[cfg(test)]
mod histories;
mod holdings;
mod notification;
mod operator;
mod options;
mod oracle;
mod purchases;
mod report;
mod run;
mod sender;
mod violations;

pub use options::SimulationOptions;
pub use report::Report;
pub use run::{Progress, run};
