//! One history: interleaved deliveries and relay batches.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use intake::accept::{AcceptedTypes, DEADLINE, Delivery, Intake, SourcePolicy};
use intake::record::StoredEvent;
use intake::relay::{Relay, StreamRecord};
use intake::secrets::SecretCache;
use intake::testing::SignedBody;
use jiff::Timestamp;
use xsolla::PaymentWithoutOrder;

use crate::guarantees::{Answer, Guarantee, violated_by_answer, violated_by_final_state};
use crate::mutants::Mutant;
use crate::simulated_aws::{Call, Deviations, START, SimulatedAws, State};
use crate::webhooks::Scenario;

/// Time until Xsolla retries an unacknowledged webhook (`order_paid`).
const XSOLLA_RETRY_DELAY: Duration = Duration::from_mins(5);
/// Time after which Lambda kills the relay (`template.yaml`).
const RELAY_TIMEOUT: Duration = Duration::from_mins(1);
/// Step of the clock while deliveries hang. A divisor of all their time limits.
const TICK: Duration = Duration::from_millis(300);
/// Longer than SQS's deduplication window and the maximum age of cached secrets.
const PAUSE: Duration = Duration::from_mins(6);
/// Maximum number of steps. A history with more steps does not end.
const MAX_STEPS: usize = 2_000;

/// Result of a history.
pub struct History {
    pub violated: Option<Guarantee>,
    /// Number of options of each choice.
    pub choices: Vec<usize>,
    pub transcript: String,
}

/// A Lambda environment for deliveries. It is reused until it is killed.
struct Environment {
    intake: Arc<Intake<SimulatedAws, SimulatedAws, SimulatedAws>>,
    failed_read_at: Option<Duration>,
}

enum DeliveryState {
    Due(Duration),
    Running,
    /// Answered 2xx or 4xx, which Xsolla does not retry.
    Done,
}

/// A running function.
struct Invocation {
    number: usize,
    job: Job,
    started: Duration,
    future: Pin<Box<dyn Future<Output = End>>>,
    hangs: bool,
}

enum Job {
    Delivery { webhook: usize, environment: Environment },
    Relay { lane: usize, end: usize, orders: Vec<String> },
}

enum End {
    Answered(u16),
    Relayed { retry_from: Option<usize> },
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// An invocation runs until its next call or its end.
    Resume(usize),
    /// Xsolla sends a webhook.
    Deliver(usize),
    /// Lambda invokes the relay with the new records of a lane.
    Relay(usize),
    /// A late call takes effect.
    TakeEffect(usize),
    /// Time passes for hanging invocations.
    Wait,
    /// Time passes until then.
    Until(Duration),
}

struct Simulation<'s> {
    scenario: &'s Scenario,
    aws: SimulatedAws,
    deliveries: Vec<DeliveryState>,
    idle: Vec<Environment>,
    running: Vec<Invocation>,
    /// Position of the relay in the stream, for each concurrent batch. The real product has one lane per shard.
    lanes: Vec<usize>,
    /// Number of invocations so far.
    invocations: usize,
}

/// Runs a history, on a runtime with a paused clock.
pub async fn run(
    scenario: &Scenario,
    deviations: &Deviations,
    mutant: Option<Mutant>,
    with_transcript: bool,
) -> History {
    let mut simulation = Simulation {
        scenario,
        aws: SimulatedAws::new(deviations, scenario.secrets, mutant, with_transcript),
        deliveries: scenario.webhooks.iter().map(|webhook| DeliveryState::Due(webhook.due)).collect(),
        idle: Vec::new(),
        running: Vec::new(),
        lanes: vec![0; if mutant == Some(Mutant::TwoConcurrentBatches) { 2 } else { scenario.shards }],
        invocations: 0,
    };
    let violated = simulation.run().await.or_else(|| violated_by_final_state(scenario, &simulation.aws.state()));
    let mut state = simulation.aws.state();
    History { violated, choices: std::mem::take(&mut state.choices), transcript: state.transcript() }
}

/// Returns the time, with the number of the invocation as milliseconds: no two invocations have the same time.
fn unique_time(number: usize, state: &State) -> Timestamp {
    START + state.now + Duration::from_millis(number as u64)
}

impl Simulation<'_> {
    /// Runs steps until none is possible.
    async fn run(&mut self) -> Option<Guarantee> {
        for _ in 0..MAX_STEPS {
            let steps = self.possible_steps();
            if steps.is_empty() {
                return None;
            }
            let chosen = self.aws.state().choose(steps.len());
            let violated = match steps[chosen] {
                Step::Resume(position) => self.resume(position),
                Step::Deliver(webhook) => {
                    self.deliver(webhook);
                    None
                }
                Step::Relay(lane) => {
                    self.relay(lane);
                    None
                }
                Step::TakeEffect(position) => {
                    let state = &mut *self.aws.state();
                    let (call, effect) = state.late.remove(position);
                    state.log(|| format!("{call} takes effect"));
                    effect(state);
                    None
                }
                Step::Wait => self.wait().await,
                Step::Until(then) => {
                    self.aws.state().now = then;
                    None
                }
            };
            if violated.is_some() {
                return violated;
            }
        }
        Some(Guarantee::EventuallyDone)
    }

    /// Returns the possible next steps. The first is the default: an invocation ends before another starts.
    fn possible_steps(&self) -> Vec<Step> {
        let state = self.aws.state();
        let mut steps = Vec::new();
        let mut positions: Vec<usize> =
            (0..self.running.len()).filter(|position| !self.running[*position].hangs).collect();
        positions.sort_by_key(|position| self.running[*position].number != state.current);
        steps.extend(positions.into_iter().map(Step::Resume));
        let due = |delivery: &DeliveryState| if let DeliveryState::Due(due) = delivery { Some(*due) } else { None };
        let is_due = |delivery: &DeliveryState| due(delivery).is_some_and(|due| due <= state.now);
        steps.extend((0..self.deliveries.len()).filter(|n| is_due(&self.deliveries[*n])).map(Step::Deliver));
        let is_relay = |invocation: &Invocation| matches!(invocation.job, Job::Relay { .. });
        let is_busy =
            |lane| self.running.iter().any(|it| matches!(it.job, Job::Relay { lane: busy, .. } if busy == lane));
        let has_more = |lane: &usize| self.records(*lane, &state).next().is_some();
        steps.extend((0..self.lanes.len()).filter(|lane| has_more(lane) && !is_busy(*lane)).map(Step::Relay));
        steps.extend((0..state.late.len()).map(Step::TakeEffect));
        if self.running.iter().any(|it| it.hangs) && self.running.iter().all(|it| it.hangs || is_relay(it)) {
            steps.push(Step::Wait);
        }
        if self.running.is_empty() {
            if steps.is_empty() {
                steps.extend(self.deliveries.iter().filter_map(due).min().map(Step::Until));
            }
            if !steps.is_empty() {
                steps.push(Step::Until(state.now + PAUSE));
            }
        }
        steps
    }

    fn deliver(&mut self, webhook: usize) {
        let sent = self.scenario.webhooks[webhook];
        let is_new = self.idle.is_empty() || self.aws.state().choose(2) == 1;
        let environment = if is_new { self.new_environment() } else { self.idle.remove(0) };
        let number = self.start(|number| {
            format!("{number} delivery of {}{}", sent.name, if is_new { ", to a new environment" } else { "" })
        });
        let (intake, aws) = (Arc::clone(&environment.intake), self.aws.clone());
        let received_at = unique_time(number, &aws.state());
        let mutant = aws.state().mutant;
        let time_left = if mutant == Some(Mutant::NoDeadline) { Duration::from_hours(1) } else { DEADLINE };
        let future = Box::pin(async move {
            if mutant == Some(Mutant::StoresBeforeVerifying) {
                aws.store_unverified(sent.body).await;
            }
            let signed = SignedBody::with_secret(sent.body, sent.signed_with);
            let delivery = Delivery { received_at, time_left, ..signed.delivery() };
            let status = intake.accept(&delivery).await.outcome.answer().status();
            let is_replaced = mutant == Some(Mutant::AnswersFailureWith400) && status >= 500;
            End::Answered(if is_replaced { 400 } else { status })
        });
        self.deliveries[webhook] = DeliveryState::Running;
        self.invoke(number, Job::Delivery { webhook, environment }, future);
    }

    fn new_environment(&self) -> Environment {
        let aws = || self.aws.clone();
        let intake = Intake {
            accepted_types: AcceptedTypes::All,
            events: aws(),
            directory: Some(aws()),
            secrets: SecretCache::new(aws()),
            sources: SourcePolicy::default(),
        };
        Environment { intake: Arc::new(intake), failed_read_at: None }
    }

    /// Returns the records that a lane has not relayed yet, with their positions in the stream.
    fn records<'r>(&'r self, lane: usize, state: &'r State) -> impl Iterator<Item = (usize, &'r StoredEvent)> {
        let (scenario, is_in_turn) = (self.scenario, state.mutant == Some(Mutant::TwoConcurrentBatches));
        let records = state.stream.iter().enumerate().skip(self.lanes[lane]);
        records.filter(move |(position, event)| {
            lane == if is_in_turn { position % 2 } else { scenario.shard(event.event_id.subject()) }
        })
    }

    fn relay(&mut self, lane: usize) {
        let aws = self.aws.clone();
        let records: Vec<(usize, StoredEvent)> =
            self.records(lane, &aws.state()).map(|(position, event)| (position, event.clone())).collect();
        // A batch has all records or fewer.
        let fewer = aws.state().choose(records.len());
        let records = if fewer == 0 { records } else { records.into_iter().take(fewer).collect() };
        let end = records.last().map_or(0, |(position, _)| position + 1);
        let orders: Vec<String> = records.iter().filter_map(|(_, event)| event.order_id.clone()).collect();
        for running in &self.running {
            if let Job::Relay { orders: others, .. } = &running.job {
                let shared = orders.iter().filter(|order| others.contains(order));
                aws.state().missed.extend(shared.map(|order| format!("order {order}")));
            }
        }
        let positions: Vec<usize> = records.iter().map(|(position, _)| *position).collect();
        let number = self.start(|number| format!("{number} relay of records {positions:?}"));
        let records: Vec<StreamRecord> = records
            .into_iter()
            .map(|(position, event)| StreamRecord {
                sequence_number: position.to_string(),
                pk: event.event_id.subject().to_owned(),
                sk: event.event_id.rest().to_owned(),
                event: Ok(event),
            })
            .collect();
        let now = unique_time(number, &aws.state());
        let future = Box::pin(async move {
            let mutant = aws.state().mutant;
            let records: Vec<StreamRecord> = records
                .into_iter()
                .filter(|record| mutant != Some(Mutant::SkipsAllRecurrences) || !record.sk.contains("#again#"))
                .collect();
            let relay = Relay {
                queue: aws.clone(),
                parking: aws.clone(),
                history: aws.clone(),
                payment_without_order: PaymentWithoutOrder::Grant,
            };
            let is_out_of_time = std::cell::Cell::new(false);
            let time_left = || {
                let mut state = aws.state();
                if !is_out_of_time.get() && state.choose(2) == 1 {
                    state.log(|| "  out of time".to_owned());
                    is_out_of_time.set(true);
                }
                if is_out_of_time.get() { Duration::ZERO } else { RELAY_TIMEOUT }
            };
            let mut retry_from = None;
            if mutant == Some(Mutant::ContinuesAfterFailure) {
                for record in records.chunks(1) {
                    retry_from = retry_from.or(relay.relay(record, now, time_left).await.retry_from);
                }
            } else {
                retry_from = relay.relay(&records, now, time_left).await.retry_from;
            }
            if mutant == Some(Mutant::AlwaysReportsFailure) {
                retry_from = records.first().map(|record| record.sequence_number.clone());
            }
            let retry_from = retry_from.map(|number| number.parse().unwrap());
            let skipped = usize::from(mutant == Some(Mutant::SkipsFailedRecord));
            End::Relayed { retry_from: retry_from.map(|record: usize| record + skipped) }
        });
        self.invoke(number, Job::Relay { lane, end, orders }, future);
    }

    /// Logs the start of an invocation and returns its number.
    fn start(&mut self, line: impl FnOnce(usize) -> String) -> usize {
        self.invocations += 1;
        let number = self.invocations;
        self.aws.state().log(|| line(number));
        number
    }

    fn invoke(&mut self, number: usize, job: Job, future: Pin<Box<dyn Future<Output = End>>>) {
        let started = self.aws.state().now;
        self.aws.state().current = number;
        self.running.push(Invocation { number, job, started, future, hangs: false });
    }

    fn resume(&mut self, position: usize) -> Option<Guarantee> {
        let invocation = &mut self.running[position];
        {
            let mut state = self.aws.state();
            (state.current, state.hangs, state.yields, state.killed) = (invocation.number, false, false, false);
        }
        let polled = invocation.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let (hangs, killed) = {
            let state = self.aws.state();
            (state.hangs && !state.yields, state.killed)
        };
        match polled {
            _ if killed => {
                self.kill(position);
                None
            }
            Poll::Pending => {
                invocation.hangs = hangs;
                None
            }
            Poll::Ready(end) => self.end(position, &end),
        }
    }

    fn kill(&mut self, position: usize) {
        let Invocation { number, job, .. } = self.running.remove(position);
        let mut state = self.aws.state();
        state.log(|| format!("{number} is killed"));
        match job {
            Job::Delivery { webhook, .. } => {
                self.deliveries[webhook] = DeliveryState::Due(state.now + XSOLLA_RETRY_DELAY);
            }
            Job::Relay { lane, end, .. } if state.mutant == Some(Mutant::DropsBatchOfKilledFunction) => {
                self.lanes[lane] = end;
            }
            // A late decision of one shard can be missing in a decision of another.
            Job::Relay { orders, .. } if self.lanes.len() > 1 && !state.late.is_empty() => {
                state.missed.extend(orders.iter().map(|order| format!("order {order}")));
            }
            Job::Relay { .. } => {}
        }
    }

    fn end(&mut self, position: usize, end: &End) -> Option<Guarantee> {
        let Invocation { number, job, started, .. } = self.running.remove(position);
        let state = &mut *self.aws.state();
        match (job, end) {
            (Job::Delivery { webhook, mut environment }, End::Answered(status)) => {
                state.log(|| format!("{number} is answered {status}"));
                let calls: Vec<Call> =
                    state.calls.iter().filter(|(of, _)| *of == number).map(|(_, call)| *call).collect();
                let answer = Answer {
                    webhook: &self.scenario.webhooks[webhook],
                    status: *status,
                    duration: state.now.saturating_sub(started),
                    calls: &calls,
                    failed_read_at: environment.failed_read_at,
                };
                let violated = violated_by_answer(&answer, self.scenario, state);
                if calls.iter().any(|call| call.name == "secrets" && call.failed) {
                    environment.failed_read_at = Some(state.now);
                }
                self.idle.push(environment);
                let retry_at = (*status >= 500).then(|| state.now + XSOLLA_RETRY_DELAY);
                self.deliveries[webhook] = retry_at.map_or(DeliveryState::Done, DeliveryState::Due);
                violated
            }
            (Job::Relay { lane, end, .. }, End::Relayed { retry_from }) => {
                let retry = retry_from.map_or(String::new(), |position| format!(", retry from record {position}"));
                state.log(|| format!("{number} has ended{retry}"));
                self.lanes[lane] = retry_from.unwrap_or(end);
                None
            }
            _ => unreachable!("the end of another job"),
        }
    }

    /// Advances the time of hanging invocations.
    async fn wait(&mut self) -> Option<Guarantee> {
        let is_delivery = |invocation: &Invocation| matches!(invocation.job, Job::Delivery { .. });
        let deliveries_hang = self.running.iter().any(is_delivery);
        let now = self.aws.state().now;
        let kill_at = self.running.iter().find(|it| !is_delivery(it)).map_or(now, |it| it.started + RELAY_TIMEOUT);
        let step = if deliveries_hang { TICK } else { kill_at.saturating_sub(now) };
        tokio::time::advance(step).await;
        self.aws.state().now += step;
        let numbers: Vec<usize> = self.running.iter().filter(|it| it.hangs).map(|it| it.number).collect();
        for number in numbers {
            let Some(position) = self.running.iter().position(|it| it.number == number) else { continue };
            if !is_delivery(&self.running[position]) {
                if now + step >= kill_at {
                    self.kill(position);
                }
                continue;
            }
            let violated = self.resume(position);
            if violated.is_some() {
                return violated;
            }
            if self.running.iter().any(|it| it.number == number && now + step > it.started + DEADLINE) {
                return Some(Guarantee::AnsweredInTime);
            }
        }
        None
    }
}
