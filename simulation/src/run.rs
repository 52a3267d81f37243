//! Runs a simulation.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
use intake::aws::{EventHistory, SqsQueue};
use intake::emulator::EVENTS_TABLE;
use intake::settings::DirectorySetting;
use intake::table::{DIGEST, KIND, PK, SK};
use local::{EmulatorError, Stack, StackOptions, local_sources};
use xsolla::{PaymentWithoutOrder, Secrets};

use crate::fault_schedule::FaultSchedule;
use crate::game::{Apply, Game, Ledger};
use crate::notification::{Notification, SECRET};
use crate::operator::Operator;
use crate::options::SimulationOptions;
use crate::oracle::{Bought, expected_holdings};
use crate::purchases::purchases;
use crate::report::Report;
use crate::sender::Sender;
use crate::violations::{Observations, StoredItem};

/// Right for the simulated purchases: see [`purchases`].
const PAYMENT_WITHOUT_ORDER: PaymentWithoutOrder = PaymentWithoutOrder::Grant;
/// Number of the game's consumers.
const CONSUMERS: usize = 4;
/// The last event. The relay preserves the order, so all other events have been queued when it arrives.
const LAST_EVENT: &str = r#"{"notification_type":"payment","transaction":{"id":"last"}}"#;
/// Time without progress after which the remaining events count as lost.
const STALL_TIMEOUT: Duration = Duration::from_mins(1);
/// Interval between two reads of the queue length.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Progress of a simulation.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    orders: u32,
    completed: u64,
    requests: u64,
    applied: usize,
    faults: u64,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { orders, completed, requests, applied, faults } = self;
        write!(
            f,
            "{completed} of {orders} purchases completed, {requests} requests, {applied} events applied, {faults} faults injected"
        )
    }
}

/// Runs a simulation, and reports its progress at this interval.
///
/// # Errors
///
/// If the stack does not start, or its table or queue cannot be read.
pub async fn run(
    options: SimulationOptions,
    interval: Duration,
    on_progress: impl FnMut(Progress),
) -> Result<Report, EmulatorError> {
    run_game(options, Ledger::apply_once, interval, on_progress).await
}

/// Like [`run`], with a game that applies events with this function.
async fn run_game(
    options: SimulationOptions,
    apply: Apply,
    interval: Duration,
    mut on_progress: impl FnMut(Progress),
) -> Result<Report, EmulatorError> {
    let started = Instant::now();
    let faults = FaultSchedule::new(options.faults, options.seed);
    let stack = start_stack(&faults).await?;
    let last_event_id = Notification::read(LAST_EVENT).map_or_else(String::new, |last| last.event_id.to_string());
    let (sqs, queue_url) = (stack.sqs.clone(), stack.queues.events.clone());
    let game = Arc::new(Game::new(sqs, queue_url, faults.clone(), apply, last_event_id));
    let operator = Operator {
        game: Arc::clone(&game),
        history: EventHistory::new(stack.dynamodb.clone(), EVENTS_TABLE.to_owned()),
        queue: SqsQueue::new(stack.sqs.clone(), stack.queues.events.clone()),
        payment_without_order: PAYMENT_WITHOUT_ORDER,
    };
    let sender = Arc::new(Sender::new(stack.webhook_url(), faults.clone(), operator));
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|_| {
            let game = Arc::clone(&game);
            tokio::spawn(async move { game.run().await })
        })
        .collect();

    let mut simulation = Box::pin(async {
        sender.send(purchases(options.orders, options.seed)).await;
        faults.sending_done();
        sender.send_last(LAST_EVENT).await;
        wait_until_drained(&stack, &game).await
    });
    let mut ticks = tokio::time::interval(interval);
    let drained = loop {
        tokio::select! {
            drained = &mut simulation => break drained,
            _ = ticks.tick() => on_progress(progress(options.orders, &sender, &game, &faults)),
        }
    };
    on_progress(progress(options.orders, &sender, &game, &faults));
    for consumer in consumers {
        consumer.abort();
    }
    drained?;

    let stored = scan(&stack).await?;
    let (log, ledger) = (sender.log(), game.ledger());
    let bought: Vec<Bought> = purchases(options.orders, options.seed).map(|purchase| purchase.bought).collect();
    let expected = expected_holdings(&bought);
    let observations = Observations { log: &log, ledger: &ledger, stored: &stored, expected: &expected };
    Ok(Report::new(options, &observations, faults.occurrences(), started.elapsed()))
}

async fn start_stack(faults: &FaultSchedule) -> Result<Stack, EmulatorError> {
    let options = StackOptions {
        port: 0,
        dynamodb_port: 0,
        sqs_port: 0,
        secrets: SECRET.parse::<Secrets>().map_err(EmulatorError::service)?,
        directory: DirectorySetting::AcceptAll,
        payment_without_order: PAYMENT_WITHOUT_ORDER,
        sources: local_sources(),
        unsigned_key: None,
        data: None,
    };
    // Boxed, because the future is large.
    let mut stack = Box::pin(Stack::start_with_faults(options, Arc::new(faults.clone()))).await?;
    stack.open();
    Ok(stack)
}

fn progress(orders: u32, sender: &Sender, game: &Game, faults: &FaultSchedule) -> Progress {
    let log = sender.log();
    Progress {
        orders,
        completed: log.completed_purchases,
        requests: log.requests,
        applied: game.ledger().effects.len(),
        faults: faults.occurrences().iter().map(|(_, occurrences)| occurrences).sum(),
    }
}

/// Waits until the game has handled all messages, or makes no progress.
async fn wait_until_drained(stack: &Stack, game: &Game) -> Result<(), EmulatorError> {
    let handled = || {
        let ledger = game.ledger();
        (ledger.effects.len(), ledger.duplicates)
    };
    let (mut last_handled, mut last_progress) = (handled(), Instant::now());
    while last_progress.elapsed() < STALL_TIMEOUT {
        if game.has_last_event() && queue_length(stack).await? == 0 {
            break;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
        let handled = handled();
        if handled != last_handled {
            (last_handled, last_progress) = (handled, Instant::now());
        }
    }
    Ok(())
}

/// Number of messages in the queue, including those in flight.
async fn queue_length(stack: &Stack) -> Result<u64, EmulatorError> {
    let request = stack.sqs.get_queue_attributes().queue_url(&stack.queues.events);
    let request = request.attribute_names(ApproximateNumberOfMessages);
    let request = request.attribute_names(ApproximateNumberOfMessagesNotVisible);
    let attributes = request.send().await.map_err(EmulatorError::service)?.attributes.unwrap_or_default();
    Ok(attributes.values().filter_map(|count| count.parse::<u64>().ok()).sum())
}

/// Reads all items of the table, without their bodies.
async fn scan(stack: &Stack) -> Result<Vec<StoredItem>, EmulatorError> {
    let names = [("#pk", PK), ("#sk", SK), ("#kind", KIND), ("#digest", DIGEST)];
    let names = names.map(|(name, attribute)| (name.to_owned(), attribute.to_owned()));
    let request = stack.dynamodb.scan().table_name(EVENTS_TABLE).consistent_read(true);
    let request = request.projection_expression("#pk, #sk, #kind, #digest");
    let pages = request.set_expression_attribute_names(Some(names.into())).into_paginator().items().send();
    let items: Vec<HashMap<String, AttributeValue>> = pages.try_collect().await.map_err(EmulatorError::service)?;
    let text = |item: &HashMap<String, AttributeValue>, name| {
        item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
    };
    let stored_item = |item: &HashMap<String, AttributeValue>| StoredItem {
        event_id: format!("{}#{}", text(item, PK), text(item, SK)),
        kind: text(item, KIND),
        digest: text(item, DIGEST),
    };
    Ok(items.iter().map(stored_item).collect())
}

#[cfg(test)]
mod tests {
    use xsolla::Goods;

    use super::*;

    async fn simulate(apply: Apply) -> Report {
        let options = SimulationOptions { orders: 50, seed: 7, faults: true };
        run_game(options, apply, Duration::from_mins(1), |_| {}).await.unwrap()
    }

    #[tokio::test]
    async fn passes_despite_faults() {
        let report = simulate(Ledger::apply_once).await;
        assert!(report.passed(), "{report}");
    }

    #[tokio::test]
    async fn fails_if_game_does_not_remember_applied_events() {
        let report = simulate(|ledger, effect| ledger.effects.push(effect)).await;
        assert!(!report.passed(), "{report}");
        assert!(report.violations.duplicated > 0, "{report}");
    }

    #[tokio::test]
    async fn fails_if_game_loses_events() {
        let report = simulate(|ledger, effect| {
            if effect.goods != Goods::Revoke {
                ledger.apply_once(effect);
            }
        })
        .await;
        assert!(!report.passed(), "{report}");
        assert!(report.violations.lost > 0, "{report}");
        let marked = report.to_string().lines().filter(|line| line.ends_with("<- EXPECTED: 0")).count();
        assert!(marked > 0, "{report}");
        assert_eq!(report.violations.duplicated, 0, "{report}");
    }
}
