//! The commands, one module each.

#[cfg(feature = "local")]
pub(crate) mod console;
pub(crate) mod dlq;
pub(crate) mod drift;
pub(crate) mod erase;
pub(crate) mod listen;
#[cfg(feature = "local")]
pub(crate) mod local;
pub(crate) mod log_query;
pub(crate) mod replay;
pub(crate) mod send;
pub(crate) mod show;
pub(crate) mod sign;
pub(crate) mod signing;
#[cfg(feature = "local")]
#[expect(clippy::print_stdout, reason = "prints its own text only")]
pub(crate) mod simulate;
mod target;
pub(crate) mod verify;

/// Invalid arguments that are found after they were parsed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidArguments(pub(crate) String);

/// Exit code of a command, or the error to print.
type CommandResult = Result<std::process::ExitCode, Box<dyn std::error::Error>>;
