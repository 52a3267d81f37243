//! Output to the terminal and confirmation by the operator.
//!
//! All output goes through [`printable`], because it can contain text from webhooks, queues, files and services.

use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::process::ExitCode;
use std::sync::Mutex;

use cli::explain::explain;
use cli::format::{one_line, printable};

/// Exit code if some entries could not be sent.
pub(crate) const INCOMPLETE: u8 = 3;

/// Prints an error to stderr.
pub(crate) fn print_error(error: &dyn std::error::Error) {
    eprintln!("error: {}", printable(&explain(&error.to_string())));
}

/// Prints to stdout. Ignores write errors, such as a closed pager.
pub(crate) fn print(text: &str) {
    let _ = stdout().write_all(printable(text).as_bytes());
}

/// Warns the operator on a terminal, once per text.
pub(crate) fn warn(text: &str) {
    static WARNED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let Ok(mut warned) = WARNED.lock() else { return };
    if stderr().is_terminal() && !warned.iter().any(|earlier| earlier == text) {
        eprintln!("warning: {}", one_line(text));
        warned.push(text.to_owned());
    }
}

/// Lists unsent entries on stderr. Returns the exit code.
pub(crate) fn report_leftovers(leftovers: &[String]) -> ExitCode {
    for leftover in leftovers {
        eprintln!("not sent: {}", one_line(explain(leftover)));
    }
    if leftovers.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) }
}

/// Asks the operator a yes-no question.
///
/// # Errors
///
/// If stdin is not a terminal or cannot be read.
pub(crate) fn confirm(question: &str) -> Result<bool, Box<dyn std::error::Error>> {
    if !stdin().is_terminal() {
        return Err("confirmation required: stdin is not a terminal; pass --yes".into());
    }
    eprint!("{} [y/N] ", printable(question));
    stderr().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
