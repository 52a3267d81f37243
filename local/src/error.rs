//! Errors of the emulator.

use std::path::PathBuf;

/// Failure to start the emulator, or to use one of its services.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// A port is in use or not permitted.
    #[error("port {port} cannot be used ({}); choose another with {option}", cause.kind())]
    Port {
        /// The port.
        port: u16,
        /// The command-line option that sets it.
        option: &'static str,
        /// The system's error.
        cause: std::io::Error,
    },
    /// The data directory is not writable, or holds no usable database.
    #[error("{} cannot be used with --data: {cause}", path.display())]
    DataDirectory {
        /// The directory.
        path: PathBuf,
        /// The error of the system or the database.
        cause: String,
    },
    /// Other users of the machine can read the data directory.
    #[error("other users can read {}, the directory of --data; run `chmod 700 {}`, or choose another", .0.display(), .0.display())]
    SharedDirectory(PathBuf),
    /// Another process uses the data directory.
    #[error("another process uses {}, the directory of --data; stop it, or choose another directory", .0.display())]
    DirectoryInUse(PathBuf),
    /// The data directory's table lacks an index.
    #[error("the directory of --data was written by an earlier version; delete it or choose another")]
    OldTable,
    /// The in-memory database could not be opened.
    #[error("cannot open the in-memory database: {0}")]
    Database(String),
    /// A call to an embedded service failed.
    #[error("embedded service failed: {0}")]
    Service(String),
}

impl EmulatorError {
    /// Wraps an error of an embedded service, with its causes.
    pub fn service(error: impl std::error::Error) -> Self {
        Self::Service(aws_sdk_dynamodb::error::DisplayErrorContext(error).to_string())
    }
}
