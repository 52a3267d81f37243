//! One implementation in one round: started, fed, and looked at.

use std::path::Path;
use std::time::{Duration, Instant};

use local::lambda_emulator::LambdaEmulator;
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;
use serde_json::Value;
use tokio::process::Command;

use crate::events::{badly_signed, new_event, stream_batch, user_validation};
use crate::figures::{Round, Row, RowFigures};
use crate::implementations::{Implementation, relay};
use crate::services::{Held, Services};
use crate::{Error, Options};

/// How many events the relay gets at once in its second row.
pub(crate) const BATCH: u32 = 10;
/// The numbers of the events that are a process's first.
const FIRST_EVENTS: u32 = 1_000_000;

/// Measures all of it once. At the end it looks whether every event is where it should be.
pub(crate) async fn round(implementation: Implementation, options: &Options, target: &Path) -> Result<Round, Error> {
    let mut services = Services::start().await?;
    let mut round = Round::default();
    let webhook = |services: &Services| implementation.webhook(target, &services.addresses);
    let mut environment = first_event(webhook(&services), FIRST_EVENTS, &mut round).await?;
    for start in 1..options.starts {
        environment.kill().await?;
        environment = first_event(webhook(&services), FIRST_EVENTS + start, &mut round).await?;
    }

    let numbers = 0..options.warm_up + options.events;
    for row in Row::WEBHOOKS {
        let events = numbers.clone().map(|number| match row {
            Row::BadSignature => badly_signed(number),
            Row::UserValidation => user_validation(),
            _ => new_event(number),
        });
        let figures = measure(&mut environment, &services, row, events, options.warm_up).await?;
        round.rows.insert(row, figures);
    }
    round.peak_memory = peak_memory(&environment)?;
    environment.kill().await?;

    let events = numbers.end + options.starts;
    let mut expected = Held { events, idempotency: events, queued: events };
    if implementation == Implementation::This {
        expected = Held { events, ..Held::default() };
        hold(&mut services, &expected).await?;
        expected.queued = measure_relay(&services, options, target, &mut round).await?;
    }
    hold(&mut services, &expected).await?;
    Ok(round)
}

/// Starts a process and gives it one event.
async fn first_event(command: Command, number: u32, round: &mut Round) -> Result<LambdaEmulator, Error> {
    let event = new_event(number)?;
    let started = Instant::now();
    let mut environment = LambdaEmulator::start(command).await?;
    round.ready.push(started.elapsed());
    round.ready_cpu.push(Usage::of(environment.pid())?.cpu);
    let handed_over = Instant::now();
    let answer = environment.invoke(event).await?;
    round.first.push(handed_over.elapsed());
    round.first_answer.push(started.elapsed());
    check(Row::NewEvent, &answer)?;
    Ok(environment)
}

/// Feeds a process with the events of one row, and counts those behind the warm-up.
async fn measure(
    environment: &mut LambdaEmulator,
    services: &Services,
    row: Row,
    events: impl Iterator<Item = Result<Vec<u8>, Error>>,
    warm_up: u32,
) -> Result<RowFigures, Error> {
    let mut events: Vec<Vec<u8>> = events.collect::<Result<_, _>>()?;
    let counted = events.split_off(usize::try_from(warm_up)?);
    for event in events {
        check(row, &environment.invoke(event).await?)?;
    }
    let mut answers = Vec::with_capacity(counted.len());
    let mut took = Vec::with_capacity(counted.len());
    let (before, services_before) = (Usage::of(environment.pid())?, Usage::of(services.pid())?);
    for event in counted {
        let handed_over = Instant::now();
        let answer = environment.invoke(event).await?;
        took.push(handed_over.elapsed());
        answers.push(answer);
    }
    let used = Usage::of(environment.pid())?.since(before);
    let services_used = Usage::of(services.pid())?.since(services_before);
    answers.iter().try_for_each(|answer| check(row, answer))?;
    Ok(RowFigures::new(took, used, services_used.cpu, row.events_per_call()))
}

/// The relay's rows. Gives how many messages it has sent.
async fn measure_relay(services: &Services, options: &Options, target: &Path, round: &mut Round) -> Result<u32, Error> {
    let mut environment = LambdaEmulator::start(relay(target, &services.addresses)).await?;
    let mut next = 0;
    for row in Row::RELAY {
        let size = row.events_per_call();
        let warm_up = options.warm_up.div_ceil(size);
        let batches = (0..warm_up + options.events.div_ceil(size)).map(|_| {
            next += size;
            stream_batch(next - size, size)
        });
        let figures = measure(&mut environment, services, row, batches, warm_up).await?;
        round.rows.insert(row, figures);
    }
    round.relay_peak_memory = Some(peak_memory(&environment)?);
    environment.kill().await?;
    Ok(next)
}

/// The answer must be the documented one.
fn check(row: Row, answer: &[u8]) -> Result<(), Error> {
    let value: Value = serde_json::from_slice(answer)?;
    let right = match row {
        Row::NewEvent | Row::Duplicate | Row::UserValidation => value["statusCode"] == 204,
        Row::BadSignature => {
            value["statusCode"] == 400 && value["body"].as_str().is_some_and(|body| body.contains("INVALID_SIGNATURE"))
        }
        Row::Relay | Row::RelayInBatches => value["batchItemFailures"].as_array().is_some_and(Vec::is_empty),
    };
    if right { Ok(()) } else { Err(format!("{row:?} was answered {value}").into()) }
}

/// What was done must be there, once.
async fn hold(services: &mut Services, expected: &Held) -> Result<(), Error> {
    let held = services.held().await?;
    if held == *expected { Ok(()) } else { Err(format!("there should be {expected:?}, and is {held:?}").into()) }
}

/// What a process has used, with all of its threads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// By the kernel's clock of the process, in nanoseconds.
    pub(crate) cpu: Duration,
    /// In ticks of the kernel's accounting, mostly of 10 ms: enough for a share.
    pub(crate) user: u64,
    /// The same, in the kernel.
    pub(crate) system: u64,
}

impl Usage {
    fn of(pid: Option<u32>) -> Result<Self, Error> {
        let pid = pid.ok_or("the process has ended")?;
        let cpu = clock_getcpuclockid(Pid::from_raw(pid.try_into()?))?.now()?.into();
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (user, system) = ticks(&stat).ok_or("the kernel's accounting has another form")?;
        Ok(Self { cpu, user, system })
    }

    fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            user: self.user - before.user,
            system: self.system - before.system,
        }
    }
}

/// `utime` and `stime`, the fields 14 and 15. The second field, a name in parentheses, may hold anything.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The most memory that a process has held at once (`VmHWM`), in bytes.
fn peak_memory(environment: &LambdaEmulator) -> Result<u64, Error> {
    let pid = environment.pid().ok_or("the process has ended")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(1024 * kilobytes(&status, "VmHWM").ok_or("the kernel does not tell the memory")?)
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_accounting_is_read_whatever_a_process_is_called() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 12 34 0 0 20 0 1 0 99 1 2";
        assert_eq!(ticks(stat), Some((12, 34)));
    }

    #[test]
    fn memory_is_found_by_its_name() {
        let status = "Name:\twebhook\nVmHWM:\t    7788 kB\nVmRSS:\t    7000 kB\n";
        assert_eq!(kilobytes(status, "VmHWM"), Some(7788));
        assert_eq!(kilobytes(status, "Vm"), None);
    }

    #[test]
    fn a_wrong_answer_is_an_error() {
        assert!(check(Row::NewEvent, br#"{"statusCode":204}"#).is_ok());
        assert!(check(Row::NewEvent, br#"{"statusCode":500}"#).is_err());
        assert!(check(Row::BadSignature, br#"{"statusCode":400,"body":"{}"}"#).is_err());
        assert!(check(Row::Relay, br#"{"batchItemFailures":[]}"#).is_ok());
        assert!(check(Row::Relay, br#"{"batchItemFailures":[{"itemIdentifier":"1"}]}"#).is_err());
    }
}
