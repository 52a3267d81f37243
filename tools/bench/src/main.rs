//! Measures the functions as they are deployed, beside the same job done in Node.js and in Python. How, and what that is
//! worth, stands in docs/performance/benchmarks.md.

mod events;
mod figures;
mod implementations;
mod measure;
mod report;
mod services;
mod svg;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Parser;

use figures::Round;
use implementations::Implementation;

type Error = Box<dyn std::error::Error>;

/// Measures the functions beside the same job done in Node.js and in Python.
///
/// Writes tools/bench/RESULTS.md and docs/performance/speed.svg. Needs node 20 or later, npm, and python3 with venv.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// How often everything is measured, the implementations in turn
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Events that are measured, per row of the table and round
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    events: u32,
    /// Events before these, to become warm
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    warm_up: u32,
    /// Processes that are started, per round
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    starts: u32,
    /// Measure these alone, and write no file
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Implementation>,
    /// Be the embedded DynamoDB and SQS: what the harness starts beside itself
    #[arg(long, hide = true)]
    services: bool,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let options = Options::parse();
    if options.services {
        return services::serve().await;
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let target = target_directory()?;
    let measured = if options.only.is_empty() { &Implementation::ALL } else { options.only.as_slice() };
    for implementation in measured {
        implementation.prepare(&repository, &target).await?;
    }

    let mut rounds: BTreeMap<Implementation, Vec<Round>> = BTreeMap::new();
    for round in 0..options.rounds {
        // Each time, another one begins.
        let begins = usize::try_from(round)? % measured.len();
        for implementation in measured.iter().cycle().skip(begins).take(measured.len()) {
            eprintln!("round {} of {}: {}", round + 1, options.rounds, implementation.name());
            let round = measure::round(*implementation, &options, &target).await?;
            rounds.entry(*implementation).or_default().push(round);
        }
    }

    let table = report::table(&rounds);
    println!("{table}");
    if options.only.is_empty() {
        let conditions = report::conditions(&options, &target).await?;
        std::fs::write(repository.join("tools/bench/RESULTS.md"), report::page(&conditions, &table))?;
        std::fs::write(repository.join("docs/performance/speed.svg"), svg::plot(&rounds))?;
    }
    Ok(())
}

/// Where cargo has put this binary, behind the profile's folder.
fn target_directory() -> Result<PathBuf, Error> {
    let binary = std::env::current_exe()?;
    Ok(binary.ancestors().nth(2).ok_or("this binary stands in no target directory")?.to_owned())
}
