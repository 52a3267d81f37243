//! Simulation of thousands of purchases with injected faults. Checks that each event was stored, delivered and applied
//! exactly once.
//!
//! The webhooks run through a real local stack. This crate simulates Xsolla (`sender`) and the game (`game`).
//! `purchases` generates the webhooks, `fault` lists the faults, and `violations` checks the result.

mod aws_faults;
mod delivery_log;
mod fault;
mod fault_schedule;
mod game;
mod notification;
mod options;
mod purchases;
mod report;
mod run;
mod sender;
mod violations;

pub use options::SimulationOptions;
pub use report::Report;
pub use run::{Progress, run};
