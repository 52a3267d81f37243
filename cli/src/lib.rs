//! Operator commands of `xsolla-webhooks`: inspect and repair a deployed stack or the emulator.

pub mod connection;
pub mod dead_letters;
pub mod drift;
pub mod erase;
pub mod format;
pub mod replay;
pub mod show;
pub mod table;
