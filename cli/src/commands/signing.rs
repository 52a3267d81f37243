//! Secrets and bodies of the commands that sign.

use std::io::{BufRead, IsTerminal as _, Read as _, stdin};
use std::path::{Path, PathBuf};

use clap::Args;
use cli::connection::webhook_secrets;
use cli::format::one_line;
use xsolla::Secrets;

use super::InvalidArguments;

/// Default secret of the command `local`.
pub(crate) const LOCAL_SECRET: &str = "test_secret";

/// The webhook secrets.
#[derive(Args)]
pub(crate) struct SecretArgs {
    /// Webhook secret, `-` reads a line of stdin; can be repeated, the current one first [default: `XSOLLA_SECRETS`, `XSOLLA_SECRET_ID`, or that of `local`]
    #[arg(long = "secret", value_name = "SECRET")]
    pub(crate) secrets: Vec<String>,
}

impl SecretArgs {
    /// The secrets of the option. Lines of stdin are read before a body.
    pub(super) fn option(&self) -> Result<Option<Secrets>, Box<dyn std::error::Error>> {
        let read = |secret: &String| if secret == "-" { secret_of_stdin() } else { Ok(secret.clone()) };
        let secrets = self.secrets.iter().map(read).collect::<Result<Vec<String>, _>>()?;
        let secrets = (!secrets.is_empty()).then(|| Secrets::new(secrets.iter().map(String::as_str)));
        Ok(secrets.transpose().map_err(|error| InvalidArguments(format!("--secret: {error}")))?)
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

/// Reads a secret from a line of stdin, so that the list of processes does not show it.
pub(super) fn secret_of_stdin() -> Result<String, Box<dyn std::error::Error>> {
    if stdin().is_terminal() {
        return Err("--secret: a terminal would show the secret; add <<<\"$SECRET\" after `read -rs SECRET`".into());
    }
    Ok(first_line(&mut stdin().lock())?)
}

fn first_line(input: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::line("hunter2\n", "hunter2")]
    #[case::line_of_windows("hunter2\r\n", "hunter2")]
    #[case::no_line_end("hunter2", "hunter2")]
    #[case::first_line_only("hunter2\nnext\n", "hunter2")]
    #[case::empty("", "")]
    fn secret_is_the_first_line(#[case] input: &str, #[case] expected: &str) {
        assert_eq!(first_line(&mut input.as_bytes()).unwrap(), expected);
    }
}
