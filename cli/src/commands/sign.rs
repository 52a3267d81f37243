//! The command `sign`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::CommandResult;
use super::signing::{SecretArgs, read_body};
use crate::terminal::print;

/// Print the Authorization header that Xsolla sends with a body
#[derive(Args)]
#[command(after_help = "\
The signature is SHA-1 of the bytes of the body, followed by the secret, in
hexadecimal digits. An editor may add a line end to the file, which changes the
signature. With curl:

  curl -H \"$(xsolla-webhooks sign body.json)\" --data-binary @body.json URL

Examples:
  xsolla-webhooks sign body.json
  xsolla-webhooks sign body.json --secret \"$SECRET\"")]
pub(crate) struct SignArgs {
    /// File with the body; stdin if it is missing or `-`
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
}

pub(crate) async fn run(args: SignArgs) -> CommandResult {
    let secrets = args.secrets.or_local().await?;
    print(&format!("Authorization: {}\n", secrets.sign(&read_body(args.file)?)));
    Ok(ExitCode::SUCCESS)
}
