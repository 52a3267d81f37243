//! The commands, one module each.

#[cfg(feature = "local")]
pub(crate) mod console;
pub(crate) mod dlq;
pub(crate) mod drift;
pub(crate) mod erase;
#[cfg(feature = "local")]
pub(crate) mod local;
pub(crate) mod log_query;
pub(crate) mod replay;
pub(crate) mod show;
#[cfg(feature = "local")]
pub(crate) mod simulate;
mod target;

/// Exit code of a command, or the error to print.
type CommandResult = Result<std::process::ExitCode, Box<dyn std::error::Error>>;
