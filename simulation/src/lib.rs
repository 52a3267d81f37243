//! The storm: thousands of purchases, everything that can go wrong on the way, and whether each was granted once.
//!
//! Here are the two ends, `xsolla` and `game`, what is sold (`purchases`), what goes wrong (`faults`), and what is promised
//! (`report`). Between them stands the [`Stack`], as it is.

mod faults;
mod game;
mod purchases;
mod report;
mod xsolla;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ::xsolla::{PaymentWithoutOrder, Secrets};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
use intake::emulator::EVENTS_TABLE;
use intake::settings::DirectorySetting;
use intake::table::{DIGEST, KIND, PK, SK};

use faults::Faults;
use game::{Apply, Game, Ledger};
use local::{Stack, StartError, local_sources};
use purchases::plan;
pub use report::Report;
use report::{Evidence, Item};
use xsolla::{SECRET, Xsolla};

/// How many consumers the game has.
const CONSUMERS: usize = 4;
/// The relay hands over events in the order in which they were kept: once this one has come, all have.
const THE_LAST: &str = r#"{"notification_type":"payment","transaction":{"id":"the-last"}}"#;
/// How long nothing may come from the queue before the rest is called lost.
const PATIENCE: Duration = Duration::from_mins(1);
/// Pause between two looks at the queue.
const PAUSE: Duration = Duration::from_millis(50);

/// What storm.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many purchases.
    pub orders: u32,
    /// What is bought, and what goes wrong, is drawn by this.
    pub seed: u64,
    /// Whether anything goes wrong.
    pub faults: bool,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    orders: u32,
    told: u64,
    deliveries: u64,
    applied: usize,
    faults: u64,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { orders, told, deliveries, applied, faults } = self;
        write!(
            f,
            "{told} of {orders} purchases told, {deliveries} deliveries, {applied} events applied, {faults} faults"
        )
    }
}

/// Runs a storm to its end, and says now and then how far it is.
///
/// # Errors
///
/// When the stack does not start, or its services cannot be looked into.
pub async fn run(options: Options, every: Duration, show: impl FnMut(Progress)) -> Result<Report, StartError> {
    run_with(options, Ledger::apply_once, every, show).await
}

/// The same, with a game that applies events in this way.
async fn run_with(
    options: Options,
    apply: Apply,
    every: Duration,
    mut show: impl FnMut(Progress),
) -> Result<Report, StartError> {
    let started = Instant::now();
    let faults = Faults::new(options.faults, options.seed);
    let secrets = SECRET.parse::<Secrets>().map_err(StartError::service)?;
    let mut stack = Box::pin(Stack::start_with_faults(
        local::Options {
            port: 0,
            dynamodb_port: 0,
            sqs_port: 0,
            secrets,
            directory: DirectorySetting::AcceptAll,
            payment_without_order: PaymentWithoutOrder::Grant,
            sources: local_sources(),
            unsigned_key: None,
            data: None,
        },
        Arc::new(faults.clone()),
    ))
    .await?;
    stack.open();

    let last = xsolla::identify(THE_LAST).map_or_else(String::new, |identity| identity.event_id.to_string());
    let game = Arc::new(Game {
        sqs: stack.sqs.clone(),
        queue: stack.queues.events.clone(),
        faults: faults.clone(),
        apply,
        last: (last, Mutex::default()),
        ledger: Mutex::default(),
    });
    let xsolla = Arc::new(Xsolla::new(stack.url(), faults.clone()));
    let consumers = (0..CONSUMERS).map(|_| tokio::spawn(Arc::clone(&game).run())).collect::<Vec<_>>();

    let mut storm = Box::pin(async {
        xsolla.tell(plan(options.orders, options.seed)).await;
        faults.stop();
        xsolla.tell_the_last(THE_LAST).await;
        drained(&stack, &game).await
    });
    let mut ticks = tokio::time::interval(every);
    let drained = loop {
        tokio::select! {
            drained = &mut storm => break drained,
            _ = ticks.tick() => show(progress(options.orders, &xsolla, &game, &faults)),
        }
    };
    show(progress(options.orders, &xsolla, &game, &faults));
    for consumer in consumers {
        consumer.abort();
    }
    drained?;

    let kept = kept(&stack).await?;
    let (seen, ledger) = (xsolla.seen(), game.ledger());
    let evidence = Evidence { seen: &seen, ledger: &ledger, kept: &kept };
    Ok(Report::new(options, &evidence, faults.struck(), started.elapsed()))
}

fn progress(orders: u32, xsolla: &Xsolla, game: &Game, faults: &Faults) -> Progress {
    let seen = xsolla.seen();
    Progress {
        orders,
        told: seen.purchases,
        deliveries: seen.deliveries,
        applied: game.ledger().effects.len(),
        faults: faults.struck().iter().map(|(_, struck)| struck).sum(),
    }
}

/// Waits until the game has taken all that there is, or nothing more comes.
async fn drained(stack: &Stack, game: &Game) -> Result<(), StartError> {
    let taken = || {
        let ledger = game.ledger();
        (ledger.effects.len(), ledger.duplicates)
    };
    let (mut before, mut since) = (taken(), Instant::now());
    while since.elapsed() < PATIENCE {
        if game.is_done() && queued(stack).await? == 0 {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        let now = taken();
        if now != before {
            (before, since) = (now, Instant::now());
        }
    }
    Ok(())
}

/// How many messages the queue holds, those given out included.
async fn queued(stack: &Stack) -> Result<u64, StartError> {
    let attributes = stack.sqs.get_queue_attributes().queue_url(&stack.queues.events);
    let attributes = attributes.attribute_names(ApproximateNumberOfMessages);
    let attributes = attributes.attribute_names(ApproximateNumberOfMessagesNotVisible);
    let attributes = attributes.send().await.map_err(StartError::service)?.attributes.unwrap_or_default();
    Ok(attributes.values().filter_map(|count| count.parse::<u64>().ok()).sum())
}

/// All that is in the table, but for the bodies.
async fn kept(stack: &Stack) -> Result<Vec<Item>, StartError> {
    let scan = stack.dynamodb.scan().table_name(EVENTS_TABLE).consistent_read(true);
    let scan = scan.projection_expression("#pk, #sk, #kind, #digest").set_expression_attribute_names(Some(
        [("#pk", PK), ("#sk", SK), ("#kind", KIND), ("#digest", DIGEST)]
            .map(|(name, attribute)| (name.to_owned(), attribute.to_owned()))
            .into(),
    ));
    let pages = scan.into_paginator().items().send();
    let items: Vec<HashMap<String, AttributeValue>> = pages.try_collect().await.map_err(StartError::service)?;
    let text = |item: &HashMap<String, AttributeValue>, name| {
        item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
    };
    let read = |item: &HashMap<String, AttributeValue>| Item {
        event_id: format!("{}#{}", text(item, PK), text(item, SK)),
        kind: text(item, KIND),
        digest: text(item, DIGEST),
    };
    Ok(items.iter().map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn storm(apply: Apply) -> Report {
        let options = Options { orders: 50, seed: 7, faults: true };
        run_with(options, apply, Duration::from_mins(1), |_| {}).await.unwrap()
    }

    #[tokio::test]
    async fn each_purchase_is_granted_once_whatever_goes_wrong() {
        let report = storm(Ledger::apply_once).await;
        assert!(report.as_expected(), "{report}");
    }

    #[tokio::test]
    async fn a_game_that_forgets_what_it_applied_is_found_out() {
        let report = storm(|ledger, effect| ledger.effects.push(effect)).await;
        assert!(!report.as_expected(), "{report}");
        assert!(report.broken.doubled > 0, "{report}");
    }

    #[tokio::test]
    async fn a_game_that_loses_events_is_found_out() {
        let report = storm(|ledger, effect| {
            if effect.goods != ::xsolla::Goods::Revoke {
                ledger.apply_once(effect);
            }
        })
        .await;
        assert!(report.broken.lost > 0, "{report}");
        assert_eq!(report.broken.doubled, 0, "{report}");
    }
}
