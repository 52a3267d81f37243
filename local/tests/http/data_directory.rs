//! The directory of `--data`.

use std::path::PathBuf;

use local::{EmulatorError, Stack, StackOptions};

use crate::options;

/// A path that does not exist yet. The directory is removed on drop.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("xsolla-webhooks-{name}-{}", std::process::id())))
    }

    fn options(&self) -> StackOptions {
        StackOptions { data: Some(self.0.clone()), ..options() }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn is_created_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new("private");
    let _stack = Stack::start(scratch.options()).await.unwrap();
    assert_eq!(std::fs::metadata(&scratch.0).unwrap().permissions().mode() & 0o777, 0o700);
}

#[cfg(unix)]
#[tokio::test]
async fn is_refused_if_others_can_read_it() {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let scratch = Scratch::new("shared");
    std::fs::DirBuilder::new().mode(0o755).create(&scratch.0).unwrap();
    std::fs::set_permissions(&scratch.0, std::fs::Permissions::from_mode(0o750)).unwrap();
    let error = Stack::start(scratch.options()).await.unwrap_err();
    assert!(matches!(error, EmulatorError::SharedDirectory(_)), "{error}");
    assert!(error.to_string().contains("chmod 700"), "{error}");
    assert_eq!(std::fs::read_dir(&scratch.0).unwrap().count(), 0);
}

#[tokio::test]
async fn is_refused_while_another_stack_uses_it() {
    let scratch = Scratch::new("locked");
    let first = Stack::start(scratch.options()).await.unwrap();
    let error = Stack::start(scratch.options()).await.unwrap_err();
    assert!(matches!(error, EmulatorError::DirectoryInUse(_)), "{error}");
    drop(first);
    Stack::start(scratch.options()).await.unwrap();
}
