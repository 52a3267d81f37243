//! Simulation of thousands of purchases with injected faults. Checks that each event was stored, delivered and applied
//! exactly once.
//!
//! The webhooks run through a real local stack. This crate adds both ends: a simulated Xsolla (`sender`) and a simulated
//! game (`game`). `purchases` generates what is sold, `fault` lists the faults, and `violations` holds the checks.

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
