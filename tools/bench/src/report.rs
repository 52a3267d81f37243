//! The table, and the page around it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use jiff::Timestamp;

use crate::figures::{Round, Row, RowFigures, median};
use crate::implementations::Implementation;
use crate::{Error, Options};

/// All rounds of each implementation that was measured.
pub(crate) type Rounds = BTreeMap<Implementation, Vec<Round>>;

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) label: String,
    pub(crate) unit: Unit,
    /// Of each implementation, in the order of [`Implementation`]; `None` where it has no such thing.
    pub(crate) values: Vec<(Implementation, Option<f64>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    Megabytes,
    Percent,
}

impl Unit {
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Milliseconds if value < 10.0 => format!("{value:.2} ms"),
            Self::Milliseconds => format!("{value:.0} ms"),
            Self::Megabytes => format!("{value:.1} MB"),
            Self::Percent => format!("{value:.0} %"),
        }
    }
}

/// How many times as much.
pub(crate) fn ratio(value: f64, of: f64) -> String {
    let ratio = value / of;
    if ratio < 9.95 { format!("{ratio:.1} ×") } else { format!("{ratio:.0} ×") }
}

impl Figure {
    fn of(rounds: &Rounds, label: &str, unit: Unit, value: impl Fn(&[Round]) -> Option<f64>) -> Self {
        let values = rounds.iter().map(|(implementation, rounds)| (*implementation, value(rounds))).collect();
        Self { label: label.to_owned(), unit, values }
    }

    pub(crate) fn value(&self, of: Implementation) -> Option<f64> {
        self.values.iter().find(|(implementation, _)| *implementation == of)?.1
    }

    /// The middle of what each round says.
    fn of_rows(rounds: &Rounds, label: &str, rows: &[Row], value: impl Fn(&RowFigures) -> f64) -> Self {
        Self::of(rounds, label, Unit::Milliseconds, |rounds| {
            let of_row = |row: &Row| median(rounds.iter().filter_map(|round| round.rows.get(row)).map(&value));
            rows.iter().filter_map(of_row).reduce(std::ops::Add::add)
        })
    }

    pub(crate) fn ready(rounds: &Rounds) -> Self {
        Self::of(rounds, "process start → ready", Unit::Milliseconds, |rounds| {
            median(rounds.iter().flat_map(|round| &round.ready).map(millis))
        })
    }

    pub(crate) fn cpu(rounds: &Rounds, row: Row) -> Self {
        Self::of_rows(rounds, &format!("{}: CPU", row.name()), &[row], |figures| millis(&figures.cpu))
    }

    pub(crate) fn p50(rounds: &Rounds, row: Row) -> Self {
        Self::of_rows(rounds, "… p50", &[row], |figures| millis(&figures.p50))
    }

    pub(crate) fn peak_memory(rounds: &Rounds) -> Self {
        Self::of(rounds, "peak memory", Unit::Megabytes, |rounds| {
            median(rounds.iter().map(|round| megabytes(round.peak_memory)))
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "no process holds 2^53 bytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn millis(duration: &std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Everything, line by line.
fn figures(rounds: &Rounds) -> Vec<Figure> {
    use Unit::{Megabytes, Milliseconds, Percent};
    let mut figures = vec![
        Figure::ready(rounds),
        Figure::of(rounds, "… CPU", Milliseconds, |rounds| {
            median(rounds.iter().flat_map(|round| &round.ready_cpu).map(millis))
        }),
        Figure::of(rounds, "first event", Milliseconds, |rounds| {
            median(rounds.iter().flat_map(|round| &round.first).map(millis))
        }),
        Figure::of(rounds, "process start → first answer", Milliseconds, |rounds| {
            median(rounds.iter().flat_map(|round| &round.first_answer).map(millis))
        }),
    ];
    for row in Row::WEBHOOKS {
        figures.push(Figure::cpu(rounds, row));
        if row == Row::NewEvent {
            figures.push(Figure::of(rounds, "… of it in the kernel", Percent, |rounds| kernel_share(rounds, row)));
            let relay = [
                ("… with the relay, one by one", Row::Relay),
                ("… with the relay, ten at a time", Row::RelayInBatches),
            ];
            for (label, relay) in relay {
                // The peers have sent to the queue already.
                figures.push(Figure::of_rows(rounds, label, &[row, relay], |figures| millis(&figures.cpu)));
            }
        }
        figures.push(Figure::p50(rounds, row));
        figures.push(Figure::of_rows(rounds, "… p99", &[row], |figures| millis(&figures.p99)));
        if row == Row::NewEvent || row == Row::Duplicate {
            let label = "… worked meanwhile by DynamoDB and SQS";
            figures.push(Figure::of_rows(rounds, label, &[row], |figures| millis(&figures.services_cpu)));
        }
    }
    figures.push(Figure::peak_memory(rounds));
    figures.push(Figure::of(rounds, "… of the relay", Megabytes, |rounds| {
        median(rounds.iter().filter_map(|round| round.relay_peak_memory).map(megabytes))
    }));
    figures
}

#[expect(clippy::cast_precision_loss, reason = "no process runs for 2^53 ticks")]
fn kernel_share(rounds: &[Round], row: Row) -> Option<f64> {
    let (user, system) = rounds
        .iter()
        .filter_map(|round| round.rows.get(&row))
        .fold((0, 0), |(user, system), figures| (user + figures.user_ticks, system + figures.system_ticks));
    (user + system > 0).then(|| 100.0 * system as f64 / (user + system) as f64)
}

/// The table, in Markdown: what each takes, and how many times as much as this.
pub(crate) fn table(rounds: &Rounds) -> String {
    let peers: Vec<Implementation> =
        rounds.keys().copied().filter(|implementation| *implementation != Implementation::This).collect();
    let mut table = String::from("| |");
    for implementation in rounds.keys() {
        let _ = write!(table, " {} |", implementation.name());
    }
    for peer in &peers {
        let _ = write!(table, " {} : this |", peer.name());
    }
    let _ = write!(table, "\n|---|{}", "---:|".repeat(rounds.len() + peers.len()));
    for figure in figures(rounds) {
        let _ = write!(table, "\n| {} |", figure.label);
        for (_, value) in &figure.values {
            let _ = write!(table, " {} |", value.map(|value| figure.unit.show(value)).unwrap_or_default());
        }
        let this = figure.value(Implementation::This);
        for peer in &peers {
            let shown = match (figure.value(*peer), this) {
                (Some(peer), Some(this)) if figure.unit != Unit::Percent => ratio(peer, this),
                _ => String::new(),
            };
            let _ = write!(table, " {shown} |");
        }
    }
    table.push('\n');
    table
}

/// When, where, and with what it was measured.
pub(crate) async fn conditions(options: &Options, target: &Path) -> Result<String, Error> {
    let mut versions = Vec::new();
    for implementation in Implementation::ALL {
        versions.push(implementation.version(target).await?);
    }
    let processor = std::fs::read_to_string("/proc/cpuinfo")?;
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let Options { rounds, events, warm_up, starts, .. } = options;
    Ok(format!(
        "{date}, {cores} cores of {processor}, Linux {kernel}, {versions}. {rounds} rounds, in each {starts} starts of each \
         implementation, and {events} events per row behind {warm_up} that are not counted:",
        date = Timestamp::now().strftime("%-d %B %Y"),
        cores = std::thread::available_parallelism()?,
        processor = processor.trim_start_matches([' ', '\t', ':']),
        kernel = kernel.trim(),
        versions = versions.join(", "),
    ))
}

/// The page of the results.
pub(crate) fn page(conditions: &str, table: &str) -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments = if arguments.is_empty() { String::new() } else { format!(" -- {}", arguments.join(" ")) };
    format!(
        "# Results\n\nWritten by `cargo run --profile harness -p bench{arguments}`. What is measured, and who has what \
         advantage, stands in [docs/performance/benchmarks.md](../../docs/performance/benchmarks.md).\n\n{conditions}\n\n{table}\n\
         Medians over the rounds. CPU is per event, in user mode and in the kernel, of all threads.\n"
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::Usage;

    /// One round of each, in which all that the peer does takes twenty times as long.
    pub(crate) fn rounds() -> Rounds {
        let of = |implementation, scale: u32| {
            let took = Duration::from_micros(50) * scale;
            let usage = Usage { cpu: took, user: 3, system: 1 };
            let rows = [Row::WEBHOOKS.as_slice(), if scale == 1 { &Row::RELAY } else { &[] }].concat();
            let rows = rows.into_iter().map(|row| (row, RowFigures::new(vec![took], usage, took, 1))).collect();
            let times = vec![took; 3];
            let round = Round {
                ready: times.clone(),
                ready_cpu: times.clone(),
                first: times.clone(),
                first_answer: times,
                rows,
                peak_memory: 8_000_000 * u64::from(scale),
                relay_peak_memory: (scale == 1).then_some(9_000_000),
            };
            (implementation, vec![round])
        };
        Rounds::from([of(Implementation::This, 1), of(Implementation::Node, 20)])
    }

    #[test]
    fn the_table_tells_how_many_times_as_much() {
        let table = table(&rounds());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "| | this | Node.js | Node.js : this |");
        assert_eq!(lines[1], "|---|---:|---:|---:|");
        assert!(lines.contains(&"| process start → ready | 0.05 ms | 1.00 ms | 20 × |"), "{table}");
        assert!(lines.contains(&"| … of it in the kernel | 25 % | 25 % |  |"), "{table}");
        assert!(lines.contains(&"| peak memory | 8.0 MB | 160.0 MB | 20 × |"), "{table}");
    }

    #[test]
    fn our_relay_counts_and_the_peers_have_none() {
        let table = table(&rounds());
        assert!(table.contains("| … with the relay, one by one | 0.10 ms | 1.00 ms | 10 × |"), "{table}");
        assert!(table.contains("| … of the relay | 9.0 MB |  |  |"), "{table}");
    }
}
