//! The results table and its page.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use jiff::Timestamp;

use crate::figures::{Round, RowFigures, Workload, median};
use crate::implementations::Implementation;
use crate::{Error, Options};

/// Rounds of each measured implementation.
pub(crate) type Rounds = BTreeMap<Implementation, Vec<Round>>;

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) label: String,
    pub(crate) unit: Unit,
    /// Value per implementation, in the order of [`Implementation`]; `None` if not applicable.
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

/// `value / base` with a multiplication sign: `7.8 ×`.
pub(crate) fn ratio(value: f64, base: f64) -> String {
    let ratio = value / base;
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

    /// Median over the rounds, summed over the workloads.
    fn of_workloads(rounds: &Rounds, label: &str, workloads: &[Workload], value: impl Fn(&RowFigures) -> f64) -> Self {
        Self::of(rounds, label, Unit::Milliseconds, |rounds| {
            let of_workload =
                |workload: &Workload| median(rounds.iter().filter_map(|round| round.rows.get(workload)).map(&value));
            workloads.iter().filter_map(of_workload).reduce(std::ops::Add::add)
        })
    }

    pub(crate) fn ready(rounds: &Rounds) -> Self {
        Self::of(rounds, "process start → ready", Unit::Milliseconds, |rounds| {
            median(rounds.iter().flat_map(|round| &round.ready).map(millis))
        })
    }

    pub(crate) fn cpu(rounds: &Rounds, workload: Workload) -> Self {
        Self::of_workloads(rounds, &format!("{}: CPU", workload.name()), &[workload], |figures| millis(&figures.cpu))
    }

    pub(crate) fn p50(rounds: &Rounds, workload: Workload) -> Self {
        Self::of_workloads(rounds, "… p50", &[workload], |figures| millis(&figures.p50))
    }

    pub(crate) fn peak_memory(rounds: &Rounds) -> Self {
        Self::of(rounds, "peak memory", Unit::Megabytes, |rounds| {
            median(rounds.iter().map(|round| megabytes(round.peak_memory)))
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "memory is below 2^53 bytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn millis(duration: &std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// All rows of the table.
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
    for workload in Workload::WEBHOOKS {
        figures.push(Figure::cpu(rounds, workload));
        if workload == Workload::NewEvent {
            figures
                .push(Figure::of(rounds, "… share in the kernel", Percent, |rounds| kernel_share(rounds, workload)));
            let relay = [
                ("… plus the relay, one event per call", Workload::Relay),
                ("… plus the relay, ten events per call", Workload::RelayInBatches),
            ];
            for (label, relay) in relay {
                // The peers already send to the queue in their webhook function.
                figures.push(Figure::of_workloads(rounds, label, &[workload, relay], |figures| millis(&figures.cpu)));
            }
        }
        figures.push(Figure::p50(rounds, workload));
        figures.push(Figure::of_workloads(rounds, "… p99", &[workload], |figures| millis(&figures.p99)));
        if workload == Workload::NewEvent || workload == Workload::Duplicate {
            let label = "… CPU of DynamoDB and SQS";
            figures.push(Figure::of_workloads(rounds, label, &[workload], |figures| millis(&figures.services_cpu)));
        }
    }
    figures.push(Figure::peak_memory(rounds));
    figures.push(Figure::of(rounds, "… of the relay", Megabytes, |rounds| {
        median(rounds.iter().filter_map(|round| round.relay_peak_memory).map(megabytes))
    }));
    figures
}

#[expect(clippy::cast_precision_loss, reason = "CPU time is below 2^53 ticks")]
fn kernel_share(rounds: &[Round], workload: Workload) -> Option<f64> {
    let (user, system) = rounds
        .iter()
        .filter_map(|round| round.rows.get(&workload))
        .fold((0, 0), |(user, system), figures| (user + figures.user_ticks, system + figures.system_ticks));
    (user + system > 0).then(|| 100.0 * system as f64 / (user + system) as f64)
}

/// The table in Markdown: a value per implementation, and the ratio of each peer to this project.
pub(crate) fn table(rounds: &Rounds) -> String {
    let peers: Vec<Implementation> =
        rounds.keys().copied().filter(|implementation| *implementation != Implementation::This).collect();
    let mut table = String::from("| |");
    for implementation in rounds.keys() {
        let _ = write!(table, " {} |", implementation.name());
    }
    for peer in &peers {
        let _ = write!(table, " {} / this |", peer.name());
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

/// Date, machine, versions and sizes of the measurement.
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
        "{date}, {cores} cores of {processor}, Linux {kernel}, {versions}. {rounds} rounds. Per round and \
         implementation: {starts} process starts, {events} events per workload after {warm_up} warm-up events.",
        date = Timestamp::now().strftime("%-d %B %Y"),
        cores = std::thread::available_parallelism()?,
        processor = processor.trim_start_matches([' ', '\t', ':']),
        kernel = kernel.trim(),
        versions = versions.join(", "),
    ))
}

/// The results page.
pub(crate) fn page(conditions: &str, table: &str) -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments = if arguments.is_empty() { String::new() } else { format!(" -- {}", arguments.join(" ")) };
    format!(
        "# Results\n\nWritten by `cargo run --profile harness -p bench{arguments}`. Method and limits: \
         [benchmarks](../../docs/performance/benchmarks.md).\n\n{conditions}\n\n{table}\n\
         Medians over the rounds. CPU is per event: user and kernel mode, all threads.\n"
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::usage::Usage;

    /// One round each, in which the peer takes twenty times as long.
    pub(crate) fn rounds() -> Rounds {
        let of = |implementation, scale: u32| {
            let duration = Duration::from_micros(50) * scale;
            let usage = Usage { cpu: duration, user: 3, system: 1 };
            let rows = [Workload::WEBHOOKS.as_slice(), if scale == 1 { &Workload::RELAY } else { &[] }].concat();
            let rows = rows
                .into_iter()
                .map(|workload| (workload, RowFigures::new(vec![duration], usage, duration, 1)))
                .collect();
            let times = vec![duration; 3];
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
    fn table_has_values_and_ratios() {
        let table = table(&rounds());
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "| | this | Node.js | Node.js / this |");
        assert_eq!(lines[1], "|---|---:|---:|---:|");
        assert!(lines.contains(&"| process start → ready | 0.05 ms | 1.00 ms | 20 × |"), "{table}");
        assert!(lines.contains(&"| … share in the kernel | 25 % | 25 % |  |"), "{table}");
        assert!(lines.contains(&"| peak memory | 8.0 MB | 160.0 MB | 20 × |"), "{table}");
    }

    #[test]
    fn relay_counts_for_this_project_only() {
        let table = table(&rounds());
        assert!(table.contains("| … plus the relay, one event per call | 0.10 ms | 1.00 ms | 10 × |"), "{table}");
        assert!(table.contains("| … of the relay | 9.0 MB |  |  |"), "{table}");
    }
}
