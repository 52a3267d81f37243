//! Secrets and bodies of the commands that sign.

use std::io::{Read as _, stdin};
use std::path::{Path, PathBuf};

use clap::Args;
use cli::connection::webhook_secrets;
use cli::format::one_line;
use xsolla::Secrets;

/// Default secret of the command `local`.
pub(crate) const LOCAL_SECRET: &str = "test_secret";

/// The webhook secrets.
#[derive(Args)]
pub(crate) struct SecretArgs {
    /// Webhook secret; can be repeated, the current one first [default: `XSOLLA_SECRETS`, `XSOLLA_SECRET_ID`, or that of `local`]
    #[arg(long = "secret", value_name = "SECRET")]
    pub(crate) secrets: Vec<String>,
}

impl SecretArgs {
    /// The secrets of the option.
    pub(super) fn option(&self) -> Result<Option<Secrets>, String> {
        let secrets = (!self.secrets.is_empty()).then(|| Secrets::new(self.secrets.iter().map(String::as_str)));
        secrets.transpose().map_err(|error| format!("--secret: {error}"))
    }

    /// The secrets of the option, else of the environment. `None`: neither has one.
    pub(super) async fn given(self) -> Result<Option<Secrets>, Box<dyn std::error::Error>> {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if let Some(secrets) = self.option()? {
            return Ok(Some(secrets));
        }
        if is_set("XSOLLA_SECRETS") || is_set("XSOLLA_SECRET_ID") {
            return Ok(Some(webhook_secrets().await?));
        }
        Ok(None)
    }

    /// The [given](Self::given) secrets, else that of `local`.
    pub(super) async fn or_local(self) -> Result<Secrets, Box<dyn std::error::Error>> {
        match self.given().await? {
            Some(secrets) => Ok(secrets),
            None => Ok(Secrets::new([LOCAL_SECRET])?),
        }
    }
}

/// Reads a file, or stdin if there is no file or it is `-`.
pub(super) fn read_body(file: Option<PathBuf>) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    if let Some(file) = file.filter(|file| file != Path::new("-")) {
        std::fs::read(&file).map_err(|error| format!("cannot read {}: {error}", one_line(file.display())).into())
    } else {
        let mut body = Vec::new();
        stdin().read_to_end(&mut body)?;
        Ok(body)
    }
}
