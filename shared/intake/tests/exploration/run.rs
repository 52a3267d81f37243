//! One story: who has a turn when, what fails, who is killed, and what comes of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use intake::accept::{AcceptedTypes, DEADLINE, Delivery, Intake, SourcePolicy};
use intake::record::StoredEvent;
use intake::relay::{Relay, StreamRecord};
use intake::secrets::SecretCache;
use jiff::Timestamp;
use xsolla::{PaymentWithoutOrder, sign};

use crate::flaw::Flaw;
use crate::messages::Scenario;
use crate::promises::{Answered, Promise, broken_by_answer, broken_in_the_end};
use crate::world::{Call, Plan, Ports, State};

/// After what was not answered, or with a 5xx, Xsolla's next try (that of `order_paid`).
const RESENT_AFTER: Duration = Duration::from_mins(5);
/// Lambda kills the relay (`template.yaml`).
const RELAY_TIMEOUT: Duration = Duration::from_mins(1);
/// All time limits of the front door are multiples of it.
const TICK: Duration = Duration::from_millis(300);
/// Longer than SQS deduplicates, and than secrets are held.
const PAUSE: Duration = Duration::from_mins(6);
/// No story goes on for so long, unless it never ends.
const MAX_STEPS: usize = 2_000;

/// How a story came out.
pub struct Run {
    pub broken: Option<Promise>,
    /// How many options each choice had.
    pub choices: Vec<usize>,
    /// What happened, if it was to be told.
    pub story: String,
}

/// An environment of the front door. It lives on from delivery to delivery, until it is killed.
struct Environment {
    intake: Arc<Intake<Ports, Ports, Ports>>,
    failed_reading: Option<Duration>,
}

enum Sending {
    Due(Duration),
    Underway,
    /// 2xx or 4xx: Xsolla is content.
    Done,
}

/// A function that runs.
struct Invocation {
    number: usize,
    job: Job,
    started: Duration,
    future: Pin<Box<dyn Future<Output = Ended>>>,
    hangs: bool,
}

enum Job {
    Delivery { message: usize, environment: Environment },
    Relay { lane: usize, behind: usize },
}

enum Ended {
    Answered(u16),
    BatchOutcome { retry_from: Option<usize> },
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The invocation at this place goes on to its next call, or to its end.
    GoOn(usize),
    /// Xsolla sends this message.
    Deliver(usize),
    /// Lambda hands over what the stream has, in this lane.
    Relay(usize),
    /// What was on its way arrives.
    Arrive(usize),
    /// Those that hang wait on.
    Wait,
    /// Nothing happens until then.
    Until(Duration),
}

struct Simulation<'s> {
    scenario: &'s Scenario,
    ports: Ports,
    sendings: Vec<Sending>,
    idle: Vec<Environment>,
    running: Vec<Invocation>,
    /// Where the relay goes on in the stream, for each of the lanes that records take turns in. There is one lane.
    lanes: Vec<usize>,
    invocations: usize,
}

/// Runs a story, on a runtime whose clock stands still.
pub async fn run(scenario: &Scenario, plan: &Plan, flaw: Option<Flaw>, tell: bool) -> Run {
    let mut simulation = Simulation {
        scenario,
        ports: Ports::new(plan, scenario.secrets, flaw, tell),
        sendings: scenario.messages.iter().map(|message| Sending::Due(message.due)).collect(),
        idle: Vec::new(),
        running: Vec::new(),
        lanes: vec![0; if flaw == Some(Flaw::TwoBatchesAtATime) { 2 } else { 1 }],
        invocations: 0,
    };
    let broken = simulation.until_at_rest().await.or_else(|| broken_in_the_end(scenario, &simulation.ports.state()));
    let mut state = simulation.ports.state();
    Run { broken, choices: std::mem::take(&mut state.choices), story: state.story() }
}

impl Simulation<'_> {
    async fn until_at_rest(&mut self) -> Option<Promise> {
        for _ in 0..MAX_STEPS {
            let steps = self.possible();
            if steps.is_empty() {
                return None;
            }
            let chosen = self.ports.state().choose(steps.len());
            let broken = match steps[chosen] {
                Step::GoOn(place) => self.go_on(place),
                Step::Deliver(message) => {
                    self.deliver(message);
                    None
                }
                Step::Relay(lane) => {
                    self.relay(lane);
                    None
                }
                Step::Arrive(place) => {
                    let state = &mut *self.ports.state();
                    let (what, effect) = state.late.remove(place);
                    state.tell(|| format!("{what} arrives"));
                    effect(state);
                    None
                }
                Step::Wait => self.wait().await,
                Step::Until(then) => {
                    self.ports.state().now = then;
                    None
                }
            };
            if broken.is_some() {
                return broken;
            }
        }
        Some(Promise::ComesToRest)
    }

    /// What may happen next. The first is what happens on the quiet way: each that runs ends before another begins.
    fn possible(&self) -> Vec<Step> {
        let state = self.ports.state();
        let mut steps = Vec::new();
        let mut places: Vec<usize> = (0..self.running.len()).filter(|place| !self.running[*place].hangs).collect();
        places.sort_by_key(|place| self.running[*place].number != state.turn_of);
        steps.extend(places.into_iter().map(Step::GoOn));
        let due = |sending: &Sending| if let Sending::Due(due) = sending { Some(*due) } else { None };
        let is_due = |sending: &Sending| due(sending).is_some_and(|due| due <= state.now);
        steps.extend((0..self.sendings.len()).filter(|n| is_due(&self.sendings[*n])).map(Step::Deliver));
        let is_relay = |invocation: &Invocation| matches!(invocation.job, Job::Relay { .. });
        let is_busy =
            |lane| self.running.iter().any(|it| matches!(it.job, Job::Relay { lane: busy, .. } if busy == lane));
        let has_more = |lane: &usize| self.records(*lane, &state).next().is_some();
        steps.extend((0..self.lanes.len()).filter(|lane| has_more(lane) && !is_busy(*lane)).map(Step::Relay));
        steps.extend((0..state.late.len()).map(Step::Arrive));
        if self.running.iter().any(|it| it.hangs) && self.running.iter().all(|it| it.hangs || is_relay(it)) {
            steps.push(Step::Wait);
        }
        if self.running.is_empty() {
            if steps.is_empty() {
                steps.extend(self.sendings.iter().filter_map(due).min().map(Step::Until));
            }
            if !steps.is_empty() {
                steps.push(Step::Until(state.now + PAUSE));
            }
        }
        steps
    }

    fn deliver(&mut self, message: usize) {
        let sent = self.scenario.messages[message];
        let is_fresh = self.idle.is_empty() || self.ports.state().choose(2) == 1;
        let environment = if is_fresh { self.environment() } else { self.idle.remove(0) };
        let number = self.begins(|number| {
            format!("{number} delivery of {}{}", sent.name, if is_fresh { ", to a fresh environment" } else { "" })
        });
        let (intake, ports) = (Arc::clone(&environment.intake), self.ports.clone());
        let received_at = Timestamp::from_second(1_800_000_000).unwrap() + ports.state().now;
        let flaw = ports.state().flaw;
        let time_left = if flaw == Some(Flaw::NoTimeLimit) { Duration::from_hours(1) } else { DEADLINE };
        let future = Box::pin(async move {
            if flaw == Some(Flaw::KeepsACopyOfAll) {
                ports.keep_copy(sent.body).await;
            }
            let authorization = sign(sent.body.as_bytes(), sent.signed_with);
            let delivery = Delivery {
                authorization: Some(&authorization),
                source: None,
                body: sent.body.as_bytes(),
                received_at,
                trace: None,
                time_left,
            };
            let status = intake.accept(&delivery).await.outcome.answer().status();
            let blames = flaw == Some(Flaw::BlamesTheCaller) && status >= 500;
            Ended::Answered(if blames { 400 } else { status })
        });
        self.sendings[message] = Sending::Underway;
        self.invoke(number, Job::Delivery { message, environment }, future);
    }

    fn environment(&self) -> Environment {
        let ports = || self.ports.clone();
        let intake = Intake {
            accepted_types: AcceptedTypes::All,
            events: ports(),
            directory: Some(ports()),
            secrets: SecretCache::new(ports()),
            sources: SourcePolicy::default(),
        };
        Environment { intake: Arc::new(intake), failed_reading: None }
    }

    /// What a lane still has to relay, with its places in the stream.
    fn records<'s>(&self, lane: usize, state: &'s State) -> impl Iterator<Item = (usize, &'s StoredEvent)> {
        let (from, lanes) = (self.lanes[lane], self.lanes.len());
        state.stream.iter().enumerate().skip(from).filter(move |(place, _)| place % lanes == lane)
    }

    fn relay(&mut self, lane: usize) {
        let ports = self.ports.clone();
        let records: Vec<(usize, StoredEvent)> =
            self.records(lane, &ports.state()).map(|(place, kept)| (place, kept.clone())).collect();
        // All there is, or less.
        let fewer = ports.state().choose(records.len());
        let records = if fewer == 0 { records } else { records.into_iter().take(fewer).collect() };
        let behind = records.last().map_or(0, |(place, _)| place + 1);
        let places: Vec<usize> = records.iter().map(|(place, _)| *place).collect();
        let number = self.begins(|number| format!("{number} relay of records {places:?}"));
        let events: Vec<StreamRecord> = records
            .into_iter()
            .map(|(position, kept)| StreamRecord {
                sequence_number: position.to_string(),
                pk: kept.event_id.subject().to_owned(),
                sk: kept.event_id.rest().to_owned(),
                event: Ok(kept),
            })
            .collect();
        let future = Box::pin(async move {
            let flaw = ports.state().flaw;
            let relay = Relay {
                queue: ports.clone(),
                parking: ports.clone(),
                history: ports.clone(),
                payment_without_order: PaymentWithoutOrder::Grant,
            };
            let is_out_of_time = std::cell::Cell::new(false);
            let time_left = || {
                let mut state = ports.state();
                if !is_out_of_time.get() && state.choose(2) == 1 {
                    state.tell(|| "  its time is up".to_owned());
                    is_out_of_time.set(true);
                }
                if is_out_of_time.get() { Duration::ZERO } else { RELAY_TIMEOUT }
            };
            let mut retry_from = None;
            if flaw == Some(Flaw::OvertakesFailures) {
                for event in events.chunks(1) {
                    retry_from = retry_from.or(relay.relay(event, time_left).await.retry_from);
                }
            } else {
                retry_from = relay.relay(&events, time_left).await.retry_from;
            }
            if flaw == Some(Flaw::RepeatsForEver) {
                retry_from = events.first().map(|event| event.sequence_number.clone());
            }
            let retry_from = retry_from.map(|number| number.parse().unwrap());
            let skips = usize::from(flaw == Some(Flaw::SkipsFailedRecord));
            Ended::BatchOutcome { retry_from: retry_from.map(|record: usize| record + skips) }
        });
        self.invoke(number, Job::Relay { lane, behind }, future);
    }

    fn begins(&mut self, line: impl FnOnce(usize) -> String) -> usize {
        self.invocations += 1;
        let number = self.invocations;
        self.ports.state().tell(|| line(number));
        number
    }

    fn invoke(&mut self, number: usize, job: Job, future: Pin<Box<dyn Future<Output = Ended>>>) {
        let started = self.ports.state().now;
        self.ports.state().turn_of = number;
        self.running.push(Invocation { number, job, started, future, hangs: false });
    }

    fn go_on(&mut self, place: usize) -> Option<Promise> {
        let invocation = &mut self.running[place];
        {
            let mut state = self.ports.state();
            (state.turn_of, state.hangs, state.killed) = (invocation.number, false, false);
        }
        let polled = invocation.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let (hangs, killed) = {
            let state = self.ports.state();
            (state.hangs, state.killed)
        };
        match polled {
            _ if killed => {
                self.killed(place);
                None
            }
            Poll::Pending => {
                invocation.hangs = hangs;
                None
            }
            Poll::Ready(ended) => self.ended(place, &ended),
        }
    }

    fn killed(&mut self, place: usize) {
        let Invocation { number, job, .. } = self.running.remove(place);
        let mut state = self.ports.state();
        state.tell(|| format!("{number} is killed"));
        match job {
            Job::Delivery { message, .. } => self.sendings[message] = Sending::Due(state.now + RESENT_AFTER),
            Job::Relay { lane, behind } if state.flaw == Some(Flaw::NeverRepeatsABatch) => self.lanes[lane] = behind,
            Job::Relay { .. } => {}
        }
    }

    fn ended(&mut self, place: usize, ended: &Ended) -> Option<Promise> {
        let Invocation { number, job, started, .. } = self.running.remove(place);
        let state = &mut *self.ports.state();
        match (job, ended) {
            (Job::Delivery { message, mut environment }, Ended::Answered(status)) => {
                state.tell(|| format!("{number} is answered {status}"));
                let calls: Vec<Call> =
                    state.calls.iter().filter(|(of, _)| *of == number).map(|(_, call)| *call).collect();
                let answered = Answered {
                    message: &self.scenario.messages[message],
                    status: *status,
                    took: state.now.saturating_sub(started),
                    calls: &calls,
                    failed_reading: environment.failed_reading,
                };
                let broken = broken_by_answer(&answered, self.scenario, state);
                if calls.iter().any(|call| call.what == "secrets" && call.failed) {
                    environment.failed_reading = Some(state.now);
                }
                self.idle.push(environment);
                let is_resent = *status >= 500;
                self.sendings[message] = if is_resent { Sending::Due(state.now + RESENT_AFTER) } else { Sending::Done };
                broken
            }
            (Job::Relay { lane, behind }, Ended::BatchOutcome { retry_from }) => {
                let rest =
                    retry_from.map_or(String::new(), |place| format!(", and is given what is from {place} on again"));
                state.tell(|| format!("{number} has ended{rest}"));
                self.lanes[lane] = retry_from.unwrap_or(behind);
                None
            }
            _ => unreachable!("a job ends as itself"),
        }
    }

    /// Time passes for those that hang.
    async fn wait(&mut self) -> Option<Promise> {
        let is_delivery = |invocation: &Invocation| matches!(invocation.job, Job::Delivery { .. });
        let deliveries_hang = self.running.iter().any(is_delivery);
        let now = self.ports.state().now;
        let kill_at = self.running.iter().find(|it| !is_delivery(it)).map_or(now, |it| it.started + RELAY_TIMEOUT);
        let pass = if deliveries_hang { TICK } else { kill_at.saturating_sub(now) };
        tokio::time::advance(pass).await;
        self.ports.state().now += pass;
        let numbers: Vec<usize> = self.running.iter().filter(|it| it.hangs).map(|it| it.number).collect();
        for number in numbers {
            let Some(place) = self.running.iter().position(|it| it.number == number) else { continue };
            if !is_delivery(&self.running[place]) {
                if now + pass >= kill_at {
                    self.killed(place);
                }
                continue;
            }
            let broken = self.go_on(place);
            if broken.is_some() {
                return broken;
            }
            if self.running.iter().any(|it| it.number == number && now + pass > it.started + DEADLINE) {
                return Some(Promise::AnsweredInTime);
            }
        }
        None
    }
}
