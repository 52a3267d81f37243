//! Output to the terminal and confirmation by the operator.
//!
//! All output goes through [`printable`], because it can contain text from webhooks, queues, files and services.

use std::io::{IsTerminal, Write, stderr, stdin, stdout};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use cli::explain::{Context, explain};
use cli::format::{one_line, printable};
use cli::progress::Progress;

/// Terminal sequence that moves the cursor to the start of the line and clears the line.
const CLEAR_LINE: &str = "\r\x1b[2K";
/// Exit code if some entries could not be sent.
pub(crate) const INCOMPLETE: u8 = 3;

/// Prints an error to stderr.
pub(crate) fn print_error(error: &dyn std::error::Error, context: &Context) {
    let _ = writeln!(stderr(), "error: {}", printable(&explain(&error.to_string(), context)));
}

/// Prints what is wrong with the arguments, or the help that was asked for. Returns the exit code.
pub(crate) fn print_usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // The error repeats arguments, so it is not styled.
        let _ = write!(stderr(), "{}", printable(&error.render().to_string()));
        if is_stack_option_missing(error) {
            let _ = writeln!(
                stderr(),
                "\nThe stack output CliEnvironment sets the options of a stack as variables; --local selects `local`."
            );
        }
    } else {
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Whether an option is missing that has a variable of the stack.
fn is_stack_option_missing(error: &clap::Error) -> bool {
    let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else { return false };
    let is_of_stack = |argument: &String| {
        argument.starts_with("--table")
            || argument.contains("queue-url")
            || argument.starts_with("--payment-without-order")
    };
    error.kind() == ErrorKind::MissingRequiredArgument && missing.iter().any(is_of_stack)
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
        let _ = writeln!(stderr(), "warning: {}", one_line(text));
        warned.push(text.to_owned());
    }
}

/// Lists unsent entries on stderr. Returns the exit code.
pub(crate) fn report_leftovers(leftovers: &[String]) -> ExitCode {
    for leftover in leftovers {
        let _ = writeln!(stderr(), "not sent: {}", one_line(explain(leftover, &Context::default())));
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
    let _ = write!(stderr(), "{} [y/N] ", printable(question));
    stderr().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// Runs long work. Shows its progress on a terminal, and nothing if stderr is redirected. Ctrl-C ends it.
///
/// # Errors
///
/// That of the work; after Ctrl-C, how to continue.
pub(crate) async fn with_progress<T, E: Into<Box<dyn std::error::Error>>>(
    unit: &str,
    progress: &Progress,
    how_to_continue: impl Fn(usize) -> String,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Box<dyn std::error::Error>> {
    let is_terminal = stderr().is_terminal();
    let started = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(250));
    let mut work = pin!(work);
    let interrupted = tokio::signal::ctrl_c();
    let mut interrupted = pin!(interrupted);
    let clear_line = || {
        if is_terminal {
            let _ = write!(stderr(), "{CLEAR_LINE}");
        }
    };
    loop {
        tokio::select! {
            result = &mut work => {
                clear_line();
                return result.map_err(Into::into);
            }
            result = &mut interrupted => {
                clear_line();
                result?;
                let line = progress.line(unit, started.elapsed());
                return Err(format!("interrupted after {line}\n{}", how_to_continue(progress.done())).into());
            }
            _ = ticks.tick(), if is_terminal => {
                let _ = write!(stderr(), "{CLEAR_LINE}  {}", progress.line(unit, started.elapsed()));
                let _ = stderr().flush();
            }
        }
    }
}
