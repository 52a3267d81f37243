//! Operator commands of `xsolla-webhooks`: inspect and repair a deployed stack or the emulator.

// Commands return text; the binary escapes and prints it.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod connection;
pub mod dead_letters;
pub mod drift;
pub mod erase;
pub mod explain;
pub mod format;
pub mod http;
pub mod listen;
pub mod progress;
pub mod replay;
pub mod send;
pub mod show;
pub mod table;
