//! The directory of `--data`: private to its owner, and used by one process at a time.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::EmulatorError;

/// A data directory that no other process uses while this value lives.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Opens a directory. Creates it with mode 0700 if it does not exist.
    ///
    /// An existing directory that other users can read is refused: it may hold files that others need.
    ///
    /// # Errors
    ///
    /// If the directory cannot be created, is not private, or is in use.
    pub(crate) fn open(path: &Path) -> Result<Self, EmulatorError> {
        let failed =
            |error: io::Error| EmulatorError::DataDirectory { path: path.to_owned(), cause: error.to_string() };
        create_private(path).map_err(failed)?;
        if !is_private(path).map_err(failed)? {
            return Err(EmulatorError::SharedDirectory(path.to_owned()));
        }
        let lock = File::options().create(true).write(true).truncate(false).open(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(EmulatorError::DirectoryInUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("dynamodb.sqlite")
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)
}

#[cfg(unix)]
fn is_private(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)?.permissions().mode();
    Ok(mode & 0o777 == mode & 0o700)
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> io::Result<bool> {
    Ok(true)
}
