//! DynamoDB, its stream, SQS, Secrets Manager and the directory, in memory. The result of each call is a choice.

use std::collections::BTreeSet;
use std::fmt;
use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use intake::ports::{
    DecisionStore, EventStore, History, Parked, Parking, PortError, PutOutcome, Queue, SecretStore, SendResult,
    UserDirectory,
};
use intake::record::{Kind, Record, StoredDecision, StoredEvent};
use intake::sqs_message::Message;
use intake::testing::{FakeTable, StoredItem, fake_error};
use jiff::Timestamp;
use message::Event;
use xsolla::{Envelope, EventId, Goods, GoodsReason, Mode, Question, Reply};

use crate::mutants::Mutant;
use crate::webhooks::{Secrets, UNSENDABLE};

/// Real time at the start of a history.
pub const START: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// Time during which SQS drops a second message with the same deduplication id.
pub const DEDUPLICATION_WINDOW: Duration = Duration::from_mins(5);

/// Time during which a stored event can be missing in an index.
const INDEX_LAG: Duration = Duration::from_secs(10);

/// Maximum length of a transcript.
const MAX_LINES: usize = 100;

/// Deviations from the default history, in which nothing fails and nothing overlaps: pairs of a choice's number and the
/// option to choose.
pub type Deviations = Vec<(usize, usize)>;

/// Fault of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallFault {
    None,
    FailsBefore,
    FailsAfter,
    HangsBefore,
    HangsAfter,
    /// The call hangs, and takes effect at any later time, even after its caller gave up.
    TakesEffectLate,
    /// The function is killed.
    KilledBefore,
    KilledAfter,
    /// One entry of a batch fails.
    EntryFails(usize),
}

impl fmt::Display for CallFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("done"),
            Self::FailsBefore => f.write_str("FAILS"),
            Self::FailsAfter => f.write_str("done, but reported as FAILED"),
            Self::HangsBefore => f.write_str("HANGS"),
            Self::HangsAfter => f.write_str("done, but HANGS without a response"),
            Self::TakesEffectLate => f.write_str("HANGS, and takes effect later"),
            Self::KilledBefore => f.write_str("the function is KILLED"),
            Self::KilledAfter => f.write_str("done, and the function is KILLED"),
            Self::EntryFails(position) => write!(f, "done, except entry {position}, which FAILS"),
        }
    }
}

const WRITE_FAULTS: [CallFault; 8] = [
    CallFault::None,
    CallFault::FailsBefore,
    CallFault::FailsAfter,
    CallFault::HangsBefore,
    CallFault::HangsAfter,
    CallFault::TakesEffectLate,
    CallFault::KilledBefore,
    CallFault::KilledAfter,
];
const READ_FAULTS: [CallFault; 4] =
    [CallFault::None, CallFault::FailsBefore, CallFault::HangsBefore, CallFault::KilledBefore];

/// A call of an invocation.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub name: &'static str,
    pub failed: bool,
}

/// A message that SQS accepted.
#[derive(Debug, Clone)]
pub struct Queued {
    pub group: String,
    deduplication_id: String,
    pub event_id: EventId,
    pub goods: Goods,
    pub mode: Mode,
    pub notification: String,
    pub at: Duration,
    /// Number of decisions that were stored before.
    pub decisions: usize,
}

type Effect = Box<dyn FnOnce(&mut State) + Send>;

/// State of all services.
#[derive(Default)]
pub struct State {
    deviations: Deviations,
    /// Number of options of each choice.
    pub choices: Vec<usize>,
    pub mutant: Option<Mutant>,
    secrets: &'static [Secrets],

    pub now: Duration,
    pub table: FakeTable,
    /// Time of each item's insertion.
    stored_at: Vec<Duration>,
    /// The attribute `subscription_id`: events, and the subscription that each one names.
    subscription_ids: Vec<(EventId, String)>,
    /// Orders and subscriptions about which a decision may have missed an event: an index lagged, or two shards were
    /// relayed at a time.
    pub missed: BTreeSet<String>,
    pub stream: Vec<StoredEvent>,
    pub queue: Vec<Queued>,
    /// Ids of the decided events, in the order in which their decisions were stored.
    pub decided: Vec<EventId>,
    /// Ids of the parked events.
    pub parked: Vec<String>,
    /// Calls that have not taken effect yet.
    pub late: Vec<(String, Effect)>,

    /// All calls, with the number of their invocation.
    pub calls: Vec<(usize, Call)>,
    /// Number of the running invocation.
    pub current: usize,
    /// Whether the running invocation waits for a call that never returns.
    pub hangs: bool,
    /// Whether the running invocation has a concurrent call to make.
    pub yields: bool,
    /// Whether the running invocation was killed.
    pub killed: bool,

    transcript: Option<Vec<String>>,
}

/// All ports.
#[derive(Clone)]
pub struct SimulatedAws(Arc<Mutex<State>>);

impl SimulatedAws {
    pub fn new(
        deviations: &Deviations,
        secrets: &'static [Secrets],
        mutant: Option<Mutant>,
        with_transcript: bool,
    ) -> Self {
        let transcript = with_transcript.then(Vec::new);
        let deviations = deviations.clone();
        Self(Arc::new(Mutex::new(State { deviations, mutant, secrets, transcript, ..State::default() })))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Makes a call with a chosen fault. Other invocations may run first.
    async fn call<T: Send>(
        &self,
        name: &'static str,
        argument: impl Fn() -> String + Send,
        faults: &[CallFault],
        effect: impl FnOnce(&mut State, CallFault) -> T + Send + 'static,
    ) -> Result<T, PortError> {
        self.yield_once().await;
        let fault = {
            let state = &mut *self.state();
            let fault = faults[state.choose(faults.len())];
            let current = state.current;
            state.calls.push((current, Call { name, failed: fault != CallFault::None }));
            state.log(|| format!("  {current} {}: {fault}", describe(name, &argument())));
            match fault {
                CallFault::None | CallFault::EntryFails(_) => return Ok(effect(state, fault)),
                CallFault::FailsBefore => return Err(fake_error()),
                CallFault::FailsAfter => {
                    effect(state, fault);
                    return Err(fake_error());
                }
                CallFault::HangsBefore => {}
                CallFault::HangsAfter => drop(effect(state, fault)),
                CallFault::TakesEffectLate => {
                    let late: Effect = Box::new(move |state| drop(effect(state, CallFault::None)));
                    state.late.push((describe(name, &argument()), late));
                }
                CallFault::KilledBefore => state.killed = true,
                CallFault::KilledAfter => {
                    effect(state, fault);
                    state.killed = true;
                }
            }
            fault
        };
        if matches!(fault, CallFault::KilledBefore | CallFault::KilledAfter) {
            pending::<()>().await;
        }
        self.hang().await
    }

    async fn yield_once(&self) {
        let mut has_yielded = false;
        poll_fn(|context| {
            if std::mem::replace(&mut has_yielded, true) {
                return Poll::Ready(());
            }
            self.state().yields = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    async fn hang<T>(&self) -> T {
        poll_fn(|_| {
            self.state().hangs = true;
            Poll::Pending
        })
        .await
    }

    /// Returns the message that a mutant sends instead.
    fn mutated(&self, message: &Message) -> Message {
        let state = self.state();
        let mut event = Event::read(message.body.as_str()).unwrap();
        let id: EventId = event.event_id.parse().unwrap();
        match state.mutant {
            Some(Mutant::GroupIsOwnSubject) => Message { group_id: id.subject().to_owned(), ..message.clone() },
            Some(Mutant::SendsFirstDecisionAgain) => {
                let stored = state.table.items.iter().find(|item| item.event.event_id == id);
                if let Some(first) = stored.and_then(|item| item.event.decision) {
                    event.goods = first.decision.goods;
                }
                Message::new(&event).unwrap()
            }
            Some(Mutant::RepeatsWithoutGoods) if state.queue.iter().any(|queued| queued.event_id == id) => {
                event.goods = Goods::Info;
                Message::new(&event).unwrap()
            }
            _ => message.clone(),
        }
    }

    /// Stores a request before its verification. Only for [`Mutant::StoresBeforeVerifying`].
    pub async fn store_unverified(&self, body: &'static str) {
        let store = move |state: &mut State, _| {
            state.put(StoredItem {
                kind: Kind::Unreadable,
                event: StoredEvent {
                    event_id: EventId::new("copy".to_owned(), state.current.to_string()),
                    type_name: String::new(),
                    order_id: None,
                    user_id: None,
                    project_id: None,
                    mode: Mode::Live,
                    identified: false,
                    received_at: String::new(),
                    trace: None,
                    body: body.into(),
                    decision: None,
                },
                digest: String::new(),
                secret_index: None,
                received_at: START,
            })
        };
        let _ = self.call("store unverified", String::new, &WRITE_FAULTS, store).await;
    }
}

fn describe(name: &str, argument: &str) -> String {
    format!("{name} {argument}").trim_end().to_owned()
}

impl State {
    /// Chooses one of several options. The default is the first.
    pub fn choose(&mut self, options: usize) -> usize {
        if options < 2 {
            return 0;
        }
        let choice = self.choices.len();
        self.choices.push(options);
        self.deviations.iter().find(|(at, _)| *at == choice).map_or(0, |(_, option)| option % options)
    }

    /// Adds a line to the transcript.
    pub fn log(&mut self, line: impl FnOnce() -> String) {
        if let Some(transcript) = &mut self.transcript
            && transcript.len() < MAX_LINES
        {
            transcript.push(format!("{:>9.1} s  {}", self.now.as_secs_f64(), line()));
        }
    }

    /// Returns what happened, and the final state of table and queue.
    pub fn transcript(&mut self) -> String {
        let mut transcript = self.transcript.take().unwrap_or_default();
        let stored = |item: &StoredItem| format!("{} ({})", short(&item.event.event_id), item.kind.name());
        let queued = |queued: &Queued| format!("{} ({})", short(&queued.event_id), queued.goods);
        transcript.push(format!("   stored  {}", self.table.items.iter().map(stored).collect::<Vec<_>>().join(", ")));
        transcript.push(format!("   queued  {}", self.queue.iter().map(queued).collect::<Vec<_>>().join(", ")));
        transcript.join("\n")
    }

    fn put(&mut self, item: StoredItem) -> PutOutcome {
        let is_streamed =
            item.kind == Kind::Event || (self.mutant == Some(Mutant::StreamsConflicts) && item.kind == Kind::Conflict);
        let event = item.event.clone();
        if self.mutant == Some(Mutant::UnconditionalPut)
            && self.table.items.iter().any(|existing| existing.event.event_id == event.event_id)
        {
            // Not streamed: overwriting an item is no insert.
            self.table.items.push(item);
            self.stored_at.push(self.now);
            return PutOutcome::Inserted;
        }
        let outcome = self.table.put_if_absent(item);
        if outcome == PutOutcome::Inserted {
            self.stored_at.push(self.now);
            if is_streamed {
                self.stream.push(event);
            }
        }
        outcome
    }

    /// Reads an index. It can miss one of the recent values.
    fn read_index<T: Clone + PartialEq + fmt::Display>(
        &mut self,
        key: String,
        value: impl Fn(&Self, &StoredItem) -> Option<T>,
    ) -> Vec<T> {
        let items = self.table.items.iter().zip(&self.stored_at);
        let found: Vec<(T, Duration)> =
            items.filter_map(|(item, stored_at)| Some((value(self, item)?, *stored_at))).collect();
        let mut recent: Vec<T> = Vec::new();
        for (value, _) in &found {
            let is_recent =
                |(other, stored_at): &(T, Duration)| other != value || self.now.saturating_sub(*stored_at) < INDEX_LAG;
            if !recent.contains(value) && found.iter().all(is_recent) {
                recent.push(value.clone());
            }
        }
        let missed = self.choose(1 + recent.len()).checked_sub(1).map(|position| recent[position].clone());
        if let Some(missed) = &missed {
            self.log(|| format!("    the index of {key} misses {missed}"));
            self.missed.insert(key);
        }
        found.into_iter().map(|(value, _)| value).filter(|value| missed.as_ref() != Some(value)).collect()
    }

    fn enqueue(&mut self, message: &Message) {
        let is_duplicate = |queued: &Queued| {
            queued.group == message.group_id
                && queued.deduplication_id == message.deduplication_id
                && self.now < queued.at + DEDUPLICATION_WINDOW
        };
        if self.mutant == Some(Mutant::RandomDeduplicationId) || !self.queue.iter().any(is_duplicate) {
            let event = Event::read(message.body.as_str()).unwrap();
            self.queue.push(Queued {
                group: message.group_id.clone(),
                deduplication_id: message.deduplication_id.clone(),
                event_id: event.event_id.parse().unwrap(),
                goods: event.goods,
                mode: event.mode,
                notification: event.notification.get().to_owned(),
                at: self.now,
                decisions: self.decided.len(),
            });
        }
    }
}

/// Returns an id with shortened digests.
fn short(id: impl fmt::Display) -> String {
    let shorten = |part: &str| if part.len() == 64 { format!("{}…", &part[..6]) } else { part.to_owned() };
    id.to_string().split('#').map(shorten).collect::<Vec<_>>().join("#")
}

impl EventStore for SimulatedAws {
    async fn put_if_absent(&self, record: &Record<'_>) -> Result<PutOutcome, PortError> {
        let mutant = self.state().mutant;
        let mut item = StoredItem::from(record);
        if mutant == Some(Mutant::KeyPerDelivery) && record.kind == Kind::Event {
            let number = self.state().current;
            let id = &record.event_id;
            item.event.event_id = EventId::new(id.subject().to_owned(), format!("{}#{number}", id.rest()));
        }
        let id = item.event.event_id.clone();
        if let Some(subscription) = &record.subscription_id {
            self.state().subscription_ids.push((id.clone(), subscription.clone().into_owned()));
        }
        if mutant == Some(Mutant::StoresAfterAnswer) {
            self.state().late.push(("store".to_owned(), Box::new(move |state| drop(state.put(item)))));
            return Ok(PutOutcome::Inserted);
        }
        let outcome = self.call("store", || short(&id), &WRITE_FAULTS, move |state, _| state.put(item)).await;
        match outcome {
            Err(_) if mutant == Some(Mutant::IgnoresFailedPut) => Ok(PutOutcome::Inserted),
            Ok(PutOutcome::AlreadyExists { .. }) if mutant == Some(Mutant::FailsOnExistingKey) => Err(fake_error()),
            outcome => outcome,
        }
    }
}

impl History for SimulatedAws {
    async fn events_of(&self, subject: &str) -> Result<Vec<StoredEvent>, PortError> {
        let owned_subject = subject.to_owned();
        let events = move |state: &mut State, _| {
            let is_of_subject =
                |item: &&StoredItem| item.kind == Kind::Event && item.event.event_id.subject() == owned_subject;
            let events = state.table.items.iter().filter(is_of_subject).map(|item| item.event.clone());
            let mutated = events.map(|event| match state.mutant {
                Some(Mutant::IgnoresDecisions) => StoredEvent { decision: None, ..event },
                Some(Mutant::SkipsNoRetries) => {
                    let id = EventId::new(owned_subject.clone(), format!("other#{}", event.event_id.rest()));
                    StoredEvent { event_id: id, ..event }
                }
                _ => event,
            });
            mutated.collect()
        };
        self.call("history", || subject.to_owned(), &READ_FAULTS, events).await
    }

    async fn subjects_of_order(&self, order_id: &str) -> Result<Vec<String>, PortError> {
        let order = order_id.to_owned();
        let subjects = move |state: &mut State, _| {
            if state.mutant == Some(Mutant::IgnoresOrders) {
                return Vec::new();
            }
            let subject = |_: &State, item: &StoredItem| {
                let is_of_order = item.event.order_id.as_ref() == Some(&order);
                is_of_order.then(|| item.event.event_id.subject().to_owned())
            };
            state.read_index(format!("order {order}"), subject)
        };
        self.call("index", || format!("by order {order_id}"), &READ_FAULTS, subjects).await
    }

    async fn modes_of_subscription(&self, subscription_id: &str) -> Result<Vec<Mode>, PortError> {
        let subscription = subscription_id.to_owned();
        let modes = move |state: &mut State, _| {
            if state.mutant == Some(Mutant::IgnoresSubscriptionPayments) {
                return Vec::new();
            }
            let mode = |state: &State, item: &StoredItem| {
                let names_it = |(id, named): &(EventId, String)| *id == item.event.event_id && *named == subscription;
                let is_payment = item.event.type_name == "payment";
                (is_payment && state.subscription_ids.iter().any(names_it)).then_some(item.event.mode)
            };
            state.read_index(format!("subscription {subscription}"), mode)
        };
        self.call("index", || format!("by subscription {subscription_id}"), &READ_FAULTS, modes).await
    }
}

impl DecisionStore for SimulatedAws {
    async fn store_decision(&self, event_id: &EventId, decision: &StoredDecision) -> Result<(), PortError> {
        let is_lost = match self.state().mutant {
            Some(Mutant::StoresNoDecisions) => true,
            Some(Mutant::StoresNoSkips) => decision.decision.reason == Some(GoodsReason::PossibleRetry),
            _ => false,
        };
        if is_lost {
            return Ok(());
        }
        let (id, new) = (event_id.clone(), *decision);
        let store = move |state: &mut State, _| {
            let item = state.table.items.iter_mut().find(|item| item.event.event_id == id);
            let Some(StoredItem { event, .. }) = item else { return Ok(()) };
            match &event.decision {
                Some(existing) if existing.decision != new.decision => Err(fake_error()),
                Some(_) => Ok(()),
                None => {
                    event.decision = Some(new);
                    state.decided.push(id);
                    Ok(())
                }
            }
        };
        let argument = || format!("{} of {}", decision.decision.goods, short(event_id));
        self.call("decide", argument, &WRITE_FAULTS, store).await?
    }
}

impl UserDirectory for SimulatedAws {
    async fn reply(
        &self,
        _question: Question,
        envelope: &Envelope<'_>,
        _body: &[u8],
        _received_at: Timestamp,
    ) -> Result<Option<Reply>, PortError> {
        let is_known = envelope.user_id() == Some("known");
        let reply = move |_: &mut State, _| Some(if is_known { Reply::UserFound } else { Reply::UserNotFound });
        self.call("directory", String::new, &READ_FAULTS, reply).await
    }
}

impl SecretStore for SimulatedAws {
    type Value = xsolla::Secrets;

    async fn read(&self) -> Result<xsolla::Secrets, PortError> {
        let current = |state: &mut State, _| {
            let is_valid = |(from, _): &&Secrets| *from <= state.now;
            let (_, text) = state.secrets.iter().rfind(is_valid).unwrap();
            text.parse::<xsolla::Secrets>().unwrap()
        };
        self.call("secrets", String::new, &READ_FAULTS, current).await
    }
}

impl Queue for SimulatedAws {
    async fn send(&self, batch: &[&Message]) -> Vec<SendResult> {
        let mut faults = WRITE_FAULTS.to_vec();
        if batch.len() > 1 {
            faults.extend((0..batch.len()).map(CallFault::EntryFails));
        }
        let ids = || batch.iter().map(|message| short(&message.deduplication_id)).collect::<Vec<_>>().join(", ");
        let messages: Vec<Message> = batch.iter().map(|message| self.mutated(message)).collect();
        let effect = move |state: &mut State, fault| {
            let send = |(position, message): (usize, &Message)| {
                if message.body.as_str().contains(UNSENDABLE) {
                    SendResult::Rejected(fake_error())
                } else if fault == CallFault::EntryFails(position) {
                    SendResult::Retryable(fake_error())
                } else {
                    state.enqueue(message);
                    SendResult::Sent
                }
            };
            messages.iter().enumerate().map(send).collect::<Vec<_>>()
        };
        let results = self.call("send", ids, &faults, effect).await;
        let results = results.unwrap_or_else(|error| vec![SendResult::Retryable(error); batch.len()]);
        let ignores_failures =
            self.state().mutant == Some(Mutant::IgnoresFailedEntries) && results.contains(&SendResult::Sent);
        if ignores_failures { vec![SendResult::Sent; batch.len()] } else { results }
    }
}

impl Parking for SimulatedAws {
    async fn park(&self, parked: &Parked) -> Result<(), PortError> {
        let id = format!("{}#{}", parked.pk, parked.sk);
        let effect = {
            let id = id.clone();
            move |state: &mut State, _| state.parked.push(id)
        };
        self.call("park", || short(&id), &WRITE_FAULTS, effect).await
    }
}
