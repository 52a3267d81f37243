//! The command line: all commands, and their common help.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use cli::explain::{Context, profile};

#[cfg(feature = "local")]
use crate::commands::console::ConsoleArgs;
use crate::commands::dlq::DlqCommand;
use crate::commands::drift::DriftArgs;
use crate::commands::erase::EraseArgs;
use crate::commands::listen::ListenArgs;
#[cfg(feature = "local")]
use crate::commands::local::LocalArgs;
use crate::commands::log_query::LogQueryArgs;
use crate::commands::replay::ReplayArgs;
use crate::commands::send::SendArgs;
use crate::commands::show::ShowArgs;
use crate::commands::sign::SignArgs;
#[cfg(feature = "local")]
use crate::commands::simulate::SimulateArgs;
use crate::commands::verify::VerifyArgs;

#[derive(Parser)]
#[command(
    name = "xsolla-webhooks",
    about = "Run, inspect and repair the Xsolla webhook receiver",
    after_help = "\
Stack:
  The stack output CliEnvironment is a shell command that sets the variables for
  a stack. Region and credentials come from the environment, as for every AWS
  SDK. --local selects the emulator instead.

Exit codes:
  0  Success
  1  Error, nothing found, or a wrong result of `local` or `simulate`
  2  Invalid arguments
  3  Incomplete: some entries could not be sent; they are listed on stderr

Examples:
  xsolla-webhooks show 2105129134
  xsolla-webhooks dlq list --local
  xsolla-webhooks help replay",
    version,
    max_term_width = 80
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "local")]
    Local(LocalArgs),
    #[cfg(feature = "local")]
    Console(ConsoleArgs),
    #[cfg(feature = "local")]
    Simulate(SimulateArgs),
    // The largest by far.
    Send(Box<SendArgs>),
    Listen(ListenArgs),
    Sign(SignArgs),
    Verify(VerifyArgs),
    Show(ShowArgs),
    Replay(ReplayArgs),
    /// Inspect and redrive dead letters and parked events
    #[command(
        subcommand,
        after_help = "\
Dead letters are messages that the game failed to process. Parked events are
stored events that never reached the game's queue.

Examples:
  xsolla-webhooks dlq list
  xsolla-webhooks dlq show 'transaction#2105129134#payment'
  xsolla-webhooks dlq redrive --dry-run"
    )]
    Dlq(DlqCommand),
    Erase(EraseArgs),
    Drift(DriftArgs),
    LogQuery(LogQueryArgs),
}

/// Options of a stack that `--local` replaces.
const STACK_OPTIONS: [&str; 4] = ["table", "queue_url", "dead_letter_queue_url", "parked_queue_url"];

impl Cli {
    /// Reads the arguments and the variables. Also returns the context of errors.
    ///
    /// # Errors
    ///
    /// If the arguments are invalid, or the help was requested.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<(Self, Context), clap::Error> {
        let matches = Self::command().try_get_matches_from(arguments)?;
        let mut of_command = &matches;
        while let Some((_, of_subcommand)) = of_command.subcommand() {
            of_command = of_subcommand;
        }
        if is_local(of_command) {
            reject_stack_options(of_command)?;
        }
        Ok((Self::from_arg_matches(&matches)?, context(of_command)))
    }
}

fn is_local(matches: &ArgMatches) -> bool {
    matches.try_get_one("local").ok().flatten() == Some(&true)
}

/// Rejects options of a stack, for use with `--local`. Ignores variables, since a shell may have them for other commands.
///
/// `conflicts_with` rejects variables, too.
fn reject_stack_options(matches: &ArgMatches) -> Result<(), clap::Error> {
    for id in STACK_OPTIONS {
        let is_given = matches.try_contains_id(id).unwrap_or(false);
        if is_given && matches.value_source(id) == Some(ValueSource::CommandLine) {
            let option = id.replace('_', "-");
            let message = format!("the argument '--local' cannot be used with '--{option}'\n");
            return Err(clap::Error::raw(ErrorKind::ArgumentConflict, message));
        }
    }
    Ok(())
}

/// The context of errors. With `--local`, it has no names: the values are those of the stack.
fn context(matches: &ArgMatches) -> Context {
    let text = |id| matches.try_get_one::<String>(id).ok().flatten().filter(|_| !is_local(matches)).cloned();
    let has_local = matches.try_contains_id("local").is_ok();
    Context { table: text("table"), queue: text("queue_url"), profile: profile(), has_local }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;
    use clap::{Command as Definition, CommandFactory, Parser};
    use rstest::rstest;

    use super::Cli;

    /// All commands with their full names.
    fn commands(definition: &Definition, name: &str) -> Vec<(String, Definition)> {
        let mut found = vec![(name.to_owned(), definition.clone())];
        for subcommand in definition.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
            found.extend(commands(subcommand, &format!("{name} {}", subcommand.get_name())));
        }
        found
    }

    /// Splits a shell command without escapes and nested quotes. Removes leading variables.
    fn words(example: &str) -> Vec<String> {
        let command = &example[example.find("xsolla-webhooks").unwrap()..];
        let (mut words, mut quote) = (vec![String::new()], None);
        for char in command.chars() {
            match (char, quote) {
                (char, Some(open)) if char == open => quote = None,
                ('\'' | '"', None) => quote = Some(char),
                (' ', None) => words.push(String::new()),
                (char, _) => words.last_mut().unwrap().push(char),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    fn read(line: &str) -> Result<(Cli, super::Context), clap::Error> {
        Cli::read(format!("xsolla-webhooks {line}").split(' ').map(Into::into))
    }

    #[rstest]
    #[case("show 7 --local --table t", "--table")]
    #[case("show 7 --queues --local --parked-queue-url u", "--parked-queue-url")]
    #[case("replay 7 --queue-url u --local", "--queue-url")]
    #[case("erase --user 7 --local --table t", "--table")]
    #[case("drift --local --table t", "--table")]
    #[case("listen --forward-to http://a/ --local --queue-url u", "--queue-url")]
    #[case("dlq list --local --dead-letter-queue-url u", "--dead-letter-queue-url")]
    #[case("dlq show 7 --local --queue-url u", "--queue-url")]
    #[case("dlq redrive --local --table t", "--table")]
    #[cfg_attr(feature = "local", case("console --local --table t", "--table"))]
    fn local_conflicts_with_options_of_a_stack(#[case] line: &str, #[case] option: &str) {
        let error = read(line).map(drop).unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (ErrorKind::ArgumentConflict, 2));
        assert_eq!(error.to_string(), format!("error: the argument '--local' cannot be used with '{option}'\n"));
    }

    #[rstest]
    #[case("show 7 --table t", Some("t"), None)]
    #[case("show 7 --local", None, None)]
    #[case(
        "dlq redrive --payment-without-order grant --table t --queue-url q --dead-letter-queue-url d --parked-queue-url p",
        Some("t"),
        Some("q")
    )]
    #[case("sign", None, None)]
    fn context_has_table_and_queue_of_the_arguments(
        #[case] line: &str,
        #[case] table: Option<&str>,
        #[case] queue: Option<&str>,
    ) {
        let context = read(line).unwrap().1;
        assert_eq!((context.table.as_deref(), context.queue.as_deref()), (table, queue));
    }

    #[test]
    fn examples_and_notes_fit_80_columns() {
        for (name, definition) in commands(&Cli::command(), "xsolla-webhooks") {
            let help = definition.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
        }
    }

    #[cfg(feature = "local")]
    #[test]
    fn default_secret_is_that_of_local() {
        let Cli { command: super::Command::Local(local) } = Cli::parse_from(["xsolla-webhooks", "local"]) else {
            panic!("another command");
        };
        assert_eq!(local.secret, crate::commands::signing::LOCAL_SECRET);
    }

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_of_every_command_has_examples_that_parse() {
        for (name, mut definition) in commands(&Cli::command(), "xsolla-webhooks") {
            let help = definition.render_long_help().to_string();
            let examples: Vec<&str> = help.split("Examples:\n").nth(1).unwrap_or_default().lines().collect();
            assert!(examples.iter().any(|example| example.contains(&name)), "{name}: {help}");
            for example in examples {
                // Targets come from the environment, so they may be missing here.
                if let Err(error) = Cli::try_parse_from(words(example)) {
                    let expected = [ErrorKind::MissingRequiredArgument, ErrorKind::DisplayHelp];
                    assert!(expected.contains(&error.kind()), "{example}: {error}");
                }
            }
        }
    }

    #[test]
    fn every_command_and_option_has_one_line_of_help() {
        for (name, definition) in commands(&Cli::command(), "xsolla-webhooks") {
            let about = definition.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty() && !about.contains('\n'), "{name}: {about:?}");
            assert!(definition.get_long_about().is_none(), "{name}");
            for argument in definition.get_arguments() {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty() && !help.contains('\n'), "{name} {}: {help:?}", argument.get_id());
                assert!(argument.get_long_help().is_none(), "{name} {}", argument.get_id());
            }
        }
    }
}
