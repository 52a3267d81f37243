//! Why the emulator did not start.

use std::path::PathBuf;

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there, or it may not be used.
    #[error("port {port} cannot be used ({cause}): choose another with {option}")]
    Port {
        /// Which one.
        port: u16,
        /// The option that sets it.
        option: &'static str,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The data directory cannot be written.
    #[error("{} cannot be used with --data: {cause}", path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
        /// What the system or the database said.
        cause: String,
    },
    /// The database did not open.
    #[error("the embedded database does not open: {0}")]
    Database(String),
    /// An embedded service did not do as asked.
    #[error("an embedded service failed: {0}")]
    Service(String),
}

impl StartError {
    /// An error of an embedded service, with its causes.
    pub fn service(error: impl std::error::Error) -> Self {
        Self::Service(aws_sdk_dynamodb::error::DisplayErrorContext(error).to_string())
    }
}
