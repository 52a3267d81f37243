//! Benchmark of the deployed functions against the same job in Node.js and Python.
//!
//! The method and its limits: `docs/performance/benchmarks.md`.

mod events;
mod figures;
mod implementations;
mod measure;
mod report;
mod services;
mod shard;
mod svg;
mod usage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Parser;

use figures::Round;
use implementations::Implementation;

type Error = Box<dyn std::error::Error>;

/// Benchmark the functions against the same job in Node.js and Python
///
/// Writes tools/bench/RESULTS.md and docs/performance/speed.svg. Requires Node.js 20 or later, npm, and Python 3 with venv.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Number of rounds; each measures every implementation once
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Measured events per workload and round
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    events: u32,
    /// Warm-up events per workload and round, not measured
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    warm_up: u32,
    /// Process starts per round
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=100))]
    starts: u32,
    /// Measure only these implementations; write no files
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Implementation>,
    /// Measure only the relay's throughput on one shard, with every call to AWS taking 5 ms; write no files
    #[arg(long)]
    shard: bool,
    /// Run the embedded DynamoDB and SQS (used internally)
    #[arg(long, hide = true)]
    services: bool,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let options = Options::parse();
    if options.services {
        return services::serve().await;
    }
    if options.shard {
        return shard::run().await;
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let target = target_directory()?;
    let measured = if options.only.is_empty() { &Implementation::ALL } else { options.only.as_slice() };
    for implementation in measured {
        implementation.prepare(&repository, &target).await?;
    }

    let mut rounds: BTreeMap<Implementation, Vec<Round>> = BTreeMap::new();
    for round in 0..options.rounds {
        // Rotates the order, so that noise affects all implementations.
        let first = usize::try_from(round)? % measured.len();
        for implementation in measured.iter().cycle().skip(first).take(measured.len()) {
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

/// The target directory: two levels above this binary.
fn target_directory() -> Result<PathBuf, Error> {
    let binary = std::env::current_exe()?;
    Ok(binary.ancestors().nth(2).ok_or("this binary is not in a target directory")?.to_owned())
}
