//! One round of one implementation: start it, send events, check the results.

use std::path::Path;
use std::time::Instant;

use local::lambda_emulator::LambdaEmulator;
use serde_json::Value;
use tokio::process::Command;

use crate::events::{new_event, stream_batch, user_validation, wrongly_signed};
use crate::figures::{Round, RowFigures, Workload};
use crate::implementations::{Implementation, relay};
use crate::services::{Counts, Services};
use crate::usage::{Usage, peak_memory};
use crate::{Error, Options};

/// Number of the first event that a new process receives. No other event has a number this high.
const FIRST_EVENTS: u32 = 1_000_000;

/// Measures every workload once, then checks that every event was stored and sent exactly once.
pub(crate) async fn round(implementation: Implementation, options: &Options, target: &Path) -> Result<Round, Error> {
    let mut services = Services::start().await?;
    let mut round = Round::default();
    let webhook = |services: &Services| implementation.webhook(target, &services.addresses);
    let mut function = first_event(webhook(&services), FIRST_EVENTS, &mut round).await?;
    for start in 1..options.starts {
        function.kill().await?;
        function = first_event(webhook(&services), FIRST_EVENTS + start, &mut round).await?;
    }

    let numbers = 0..options.warm_up + options.events;
    for workload in Workload::WEBHOOKS {
        let events = numbers.clone().map(|number| match workload {
            Workload::BadSignature => wrongly_signed(number),
            Workload::UserValidation => user_validation(),
            _ => new_event(number),
        });
        let figures = measure(&mut function, &services, workload, events, options.warm_up).await?;
        round.rows.insert(workload, figures);
    }
    round.peak_memory = peak_memory(&function)?;
    function.kill().await?;

    let events = numbers.end + options.starts;
    let mut expected = Counts { events, idempotency: events, queued: events };
    if implementation == Implementation::This {
        expected = Counts { events, ..Counts::default() };
        check_counts(&mut services, &expected).await?;
        expected.queued = measure_relay(&services, options, target, &mut round).await?;
    }
    check_counts(&mut services, &expected).await?;
    Ok(round)
}

/// Starts a process and sends it one event.
async fn first_event(command: Command, number: u32, round: &mut Round) -> Result<LambdaEmulator, Error> {
    let event = new_event(number)?;
    let started = Instant::now();
    let mut function = LambdaEmulator::start(command).await?;
    round.ready.push(started.elapsed());
    round.ready_cpu.push(Usage::of(function.pid())?.cpu);
    let sent_at = Instant::now();
    let answer = function.invoke(event).await?;
    round.first.push(sent_at.elapsed());
    round.first_answer.push(started.elapsed());
    check(Workload::NewEvent, &answer)?;
    Ok(function)
}

/// Sends the events of one workload to a process and measures those after the warm-up.
async fn measure(
    function: &mut LambdaEmulator,
    services: &Services,
    workload: Workload,
    events: impl Iterator<Item = Result<Vec<u8>, Error>>,
    warm_up: u32,
) -> Result<RowFigures, Error> {
    let mut events: Vec<Vec<u8>> = events.collect::<Result<_, _>>()?;
    let measured = events.split_off(usize::try_from(warm_up)?);
    for event in events {
        check(workload, &function.invoke(event).await?)?;
    }
    let mut answers = Vec::with_capacity(measured.len());
    let mut durations = Vec::with_capacity(measured.len());
    let (before, services_before) = (Usage::of(function.pid())?, Usage::of(services.pid())?);
    for event in measured {
        let sent_at = Instant::now();
        let answer = function.invoke(event).await?;
        durations.push(sent_at.elapsed());
        answers.push(answer);
    }
    let used = Usage::of(function.pid())?.since(before);
    let services_used = Usage::of(services.pid())?.since(services_before);
    answers.iter().try_for_each(|answer| check(workload, answer))?;
    Ok(RowFigures::new(durations, used, services_used.cpu, workload.events_per_call()))
}

/// Measures the relay's workloads. Returns how many messages it sent.
async fn measure_relay(services: &Services, options: &Options, target: &Path, round: &mut Round) -> Result<u32, Error> {
    let mut function = LambdaEmulator::start(relay(target, &services.addresses)).await?;
    let mut next = 0;
    for workload in Workload::RELAY {
        let size = workload.events_per_call();
        let warm_up = options.warm_up.div_ceil(size);
        let batches = (0..warm_up + options.events.div_ceil(size)).map(|_| {
            next += size;
            stream_batch(next - size, size)
        });
        let figures = measure(&mut function, services, workload, batches, warm_up).await?;
        round.rows.insert(workload, figures);
    }
    round.relay_peak_memory = Some(peak_memory(&function)?);
    function.kill().await?;
    Ok(next)
}

/// Fails unless the answer is the documented one.
fn check(workload: Workload, answer: &[u8]) -> Result<(), Error> {
    let value: Value = serde_json::from_slice(answer)?;
    let is_expected = match workload {
        Workload::NewEvent | Workload::Duplicate | Workload::UserValidation => value["statusCode"] == 204,
        Workload::BadSignature => {
            value["statusCode"] == 400 && value["body"].as_str().is_some_and(|body| body.contains("INVALID_SIGNATURE"))
        }
        Workload::Relay | Workload::RelayInBatches => value["batchItemFailures"].as_array().is_some_and(Vec::is_empty),
    };
    if is_expected { Ok(()) } else { Err(format!("{workload:?}: unexpected answer {value}").into()) }
}

/// Fails unless the services hold exactly what was sent.
async fn check_counts(services: &mut Services, expected: &Counts) -> Result<(), Error> {
    let counts = services.counts().await?;
    if counts == *expected { Ok(()) } else { Err(format!("expected {expected:?}, found {counts:?}").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_unexpected_answer() {
        assert!(check(Workload::NewEvent, br#"{"statusCode":204}"#).is_ok());
        assert!(check(Workload::NewEvent, br#"{"statusCode":500}"#).is_err());
        assert!(check(Workload::BadSignature, br#"{"statusCode":400,"body":"{}"}"#).is_err());
        assert!(check(Workload::Relay, br#"{"batchItemFailures":[]}"#).is_ok());
        assert!(check(Workload::Relay, br#"{"batchItemFailures":[{"itemIdentifier":"1"}]}"#).is_err());
    }
}
