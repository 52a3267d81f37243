//! The command `xsolla-webhooks`.

// `terminal` escapes what it prints.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
mod commands;
mod terminal;

use std::process::ExitCode;

use arguments::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let (arguments, context) = match Cli::read(std::env::args_os()) {
        Ok(read) => read,
        Err(error) => return terminal::print_usage(&error),
    };
    let result = match arguments.command {
        #[cfg(feature = "local")]
        Command::Local(args) => commands::local::run(args).await,
        #[cfg(feature = "local")]
        Command::Console(args) => commands::console::run(args).await,
        #[cfg(feature = "local")]
        Command::Simulate(args) => commands::simulate::run(args).await,
        Command::Send(args) => commands::send::run(*args).await,
        Command::Listen(args) => commands::listen::run(args).await,
        Command::Sign(args) => commands::sign::run(args).await,
        Command::Verify(args) => commands::verify::run(args).await,
        Command::Show(args) => commands::show::run(args).await,
        Command::Replay(args) => commands::replay::run(args).await,
        Command::Dlq(command) => commands::dlq::run(command).await,
        Command::Erase(args) => commands::erase::run(args).await,
        Command::Drift(args) => commands::drift::run(args).await,
        Command::LogQuery(args) => commands::log_query::run(&args).await,
    };
    result.unwrap_or_else(|error| {
        terminal::print_error(&*error, &context);
        if error.is::<commands::InvalidArguments>() { ExitCode::from(2) } else { ExitCode::FAILURE }
    })
}
