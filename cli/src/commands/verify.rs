//! The command `verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use xsolla::diagnosis::{Diagnosis, diagnose};

use super::CommandResult;
use super::signing::{SecretArgs, read_body};
use crate::terminal::print;

/// Check a signature, and find out why it is not valid
#[derive(Args)]
#[command(after_help = "\
Tries each secret, other bytes of the body (line ends, byte order mark, Base64,
JSON that a library has written again), other forms of the secret, other
formulas, and other forms of the header. Sends nothing. The secret index counts
from 0, the current secret or the first --secret, as in the log and `show`.

Exit codes: 0 the signature is valid, 1 it is not.

Examples:
  xsolla-webhooks verify body.json --header 'Signature 52eb1c83a6e5b4e5d6a7...'
  xsolla-webhooks verify - --header \"$HEADER\" --secret \"$NEW\" --secret \"$OLD\"")]
pub(crate) struct VerifyArgs {
    /// File with the body; stdin if it is missing or `-`
    pub(crate) file: Option<PathBuf>,
    /// Value of the Authorization header, with or without its name; can be repeated
    #[arg(long = "header", value_name = "HEADER", required = true)]
    pub(crate) headers: Vec<String>,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
}

pub(crate) async fn run(args: VerifyArgs) -> CommandResult {
    let given = args.secrets.given().await?;
    let note = if given.is_some() { "" } else { "Used the secret of `local`. Pass --secret for another.\n" };
    let secrets = match given {
        Some(secrets) => secrets,
        None => xsolla::Secrets::new([super::signing::LOCAL_SECRET])?,
    };
    let diagnosis = diagnose(&read_body(args.file)?, args.headers.iter().map(|header| value(header)), &secrets);
    print(&format!("{diagnosis}\n{note}"));
    Ok(if matches!(diagnosis, Diagnosis::Valid { .. }) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Removes the name of a header.
fn value(header: &str) -> &str {
    match header.split_once(':') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("authorization") => value,
        _ => header,
    }
}
