//! DynamoDB, its stream, SQS, Secrets Manager and the directory, in memory. How each call to them ends is a choice.

use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use intake::ports::{
    EventStore, History, Parked, Parking, PortError, PutOutcome, Queue, SecretStore, SendResult, UserDirectory,
};
use intake::record::{Kind, Record, StoredEvent};
use intake::sqs_message::Message;
use jiff::Timestamp;
use message::Event;
use xsolla::{Envelope, EventId, Mode, Question, Reply};

use crate::flaw::Flaw;
use crate::messages::{Secrets, UNSENDABLE};

/// For so long SQS drops a message whose deduplication id it has taken.
pub const DEDUPLICATION_WINDOW: Duration = Duration::from_mins(5);

/// A story that never ends is not told to its end.
const MAX_LINES: usize = 100;

/// Where a story leaves the quiet way, on which nothing fails and all wait for each other: at the choices with these
/// numbers, the options with those.
pub type Plan = Vec<(usize, usize)>;

/// How a call ends: before or after it took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Succeeds,
    FailsBefore,
    FailsAfter,
    HangsBefore,
    HangsAfter,
    /// The call hangs, and has its effect at any later time: it was on its way when its caller gave up.
    TakesEffectLate,
    /// The function is killed.
    KilledBefore,
    KilledAfter,
    /// Of a batch, this entry fails.
    EntryFails(usize),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeds => f.write_str("done"),
            Self::FailsBefore => f.write_str("FAILS"),
            Self::FailsAfter => f.write_str("done, but the caller is told that it FAILED"),
            Self::HangsBefore => f.write_str("HANGS"),
            Self::HangsAfter => f.write_str("done, but the caller never hears: HANGS"),
            Self::TakesEffectLate => f.write_str("HANGS, to arrive later"),
            Self::KilledBefore => f.write_str("the caller is KILLED"),
            Self::KilledAfter => f.write_str("done, and the caller is KILLED"),
            Self::EntryFails(position) => write!(f, "done, but for number {position}, which FAILS"),
        }
    }
}

const OF_A_WRITE: [Ending; 8] = [
    Ending::Succeeds,
    Ending::FailsBefore,
    Ending::FailsAfter,
    Ending::HangsBefore,
    Ending::HangsAfter,
    Ending::TakesEffectLate,
    Ending::KilledBefore,
    Ending::KilledAfter,
];
const OF_A_READ: [Ending; 4] = [Ending::Succeeds, Ending::FailsBefore, Ending::HangsBefore, Ending::KilledBefore];

/// A call, for those who check what was done for a delivery.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub what: &'static str,
    pub failed: bool,
}

/// An item of the table.
#[derive(Debug, Clone)]
pub struct Item {
    pub kind: Kind,
    pub kept: StoredEvent,
    digest: String,
    received_at: Timestamp,
    pub written_at: Duration,
}

/// A message that SQS took.
#[derive(Debug, Clone)]
pub struct Queued {
    pub group: String,
    deduplication_id: String,
    pub event_id: String,
    pub notification: String,
    pub at: Duration,
}

type Effect = Box<dyn FnOnce(&mut State) + Send>;

/// All there is, and what has happened.
#[derive(Default)]
pub struct State {
    plan: Plan,
    /// How many options each choice had.
    pub choices: Vec<usize>,
    pub flaw: Option<Flaw>,
    secrets: &'static [Secrets],

    pub now: Duration,
    pub table: Vec<Item>,
    pub stream: Vec<StoredEvent>,
    pub queue: Vec<Queued>,
    /// The event ids of what was parked.
    pub parked: Vec<String>,
    /// What is still on its way.
    pub late: Vec<(String, Effect)>,

    /// The calls of each function that runs, by its number.
    pub calls: Vec<(usize, Call)>,
    /// The function that has its turn.
    pub turn_of: usize,
    /// Whether it waits for a call that never ends.
    pub hangs: bool,
    /// Whether it was killed.
    pub killed: bool,

    told: Option<Vec<String>>,
}

/// The ports, all of them.
#[derive(Clone)]
pub struct Ports(Arc<Mutex<State>>);

impl Ports {
    pub fn new(plan: &Plan, secrets: &'static [Secrets], flaw: Option<Flaw>, tell: bool) -> Self {
        let told = tell.then(Vec::new);
        Self(Arc::new(Mutex::new(State { plan: plan.clone(), secrets, flaw, told, ..State::default() })))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// A call: others may have their turn first; then it ends as is chosen.
    async fn call<T: Send>(
        &self,
        what: &'static str,
        about: impl Fn() -> String + Send,
        endings: &[Ending],
        effect: impl FnOnce(&mut State, Ending) -> T + Send + 'static,
    ) -> Result<T, PortError> {
        turn().await;
        let failure = PortError { operation: "world:Call", cause: "chosen to fail".to_owned() };
        let ending = {
            let state = &mut *self.state();
            let ending = endings[state.choose(endings.len())];
            let turn_of = state.turn_of;
            state.calls.push((turn_of, Call { what, failed: ending != Ending::Succeeds }));
            state.tell(|| format!("  {turn_of} {}: {ending}", called(what, &about())));
            match ending {
                Ending::Succeeds | Ending::EntryFails(_) => return Ok(effect(state, ending)),
                Ending::FailsBefore => return Err(failure),
                Ending::FailsAfter => {
                    effect(state, ending);
                    return Err(failure);
                }
                Ending::HangsBefore => {}
                Ending::HangsAfter => drop(effect(state, ending)),
                Ending::TakesEffectLate => {
                    let late: Effect = Box::new(move |state| drop(effect(state, Ending::Succeeds)));
                    state.late.push((called(what, &about()), late));
                }
                Ending::KilledBefore => state.killed = true,
                Ending::KilledAfter => {
                    effect(state, ending);
                    state.killed = true;
                }
            }
            ending
        };
        if matches!(ending, Ending::KilledBefore | Ending::KilledAfter) {
            pending::<()>().await;
        }
        self.hang().await
    }

    async fn hang<T>(&self) -> T {
        poll_fn(|_| {
            self.state().hangs = true;
            Poll::Pending
        })
        .await
    }

    /// Keeps what came in, signed or not.
    pub async fn keep_copy(&self, body: &'static str) {
        let copy = move |state: &mut State, _| {
            state.put(Item {
                kind: Kind::Unreadable,
                kept: StoredEvent {
                    event_id: EventId::new("copy".to_owned(), state.turn_of.to_string()),
                    type_name: String::new(),
                    order_id: None,
                    user_id: None,
                    project_id: None,
                    mode: Mode::Live,
                    identified: false,
                    received_at: String::new(),
                    trace: None,
                    body: body.into(),
                },
                digest: String::new(),
                received_at: Timestamp::UNIX_EPOCH,
                written_at: Duration::ZERO,
            })
        };
        let _ = self.call("copy", String::new, &OF_A_WRITE, copy).await;
    }
}

fn called(what: &str, about: &str) -> String {
    format!("{what} {about}").trim_end().to_owned()
}

/// Lets others have their turn.
fn turn() -> impl Future<Output = ()> {
    let mut waited = false;
    poll_fn(move |_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
}

impl State {
    /// One of so many options. The first is that of the quiet way.
    pub fn choose(&mut self, options: usize) -> usize {
        if options < 2 {
            return 0;
        }
        let choice = self.choices.len();
        self.choices.push(options);
        self.plan.iter().find(|(at, _)| *at == choice).map_or(0, |(_, option)| option % options)
    }

    pub fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(told) = &mut self.told
            && told.len() < MAX_LINES
        {
            told.push(format!("{:>9.1} s  {}", self.now.as_secs_f64(), line()));
        }
    }

    /// What happened, and what there is in the end.
    pub fn story(&mut self) -> String {
        let mut told = self.told.take().unwrap_or_default();
        let kept = |item: &Item| format!("{} ({})", short(&item.kept.event_id), item.kind.name());
        let queued = |queued: &Queued| short(&queued.deduplication_id);
        told.push(format!("     kept  {}", self.table.iter().map(kept).collect::<Vec<_>>().join(", ")));
        told.push(format!("   queued  {}", self.queue.iter().map(queued).collect::<Vec<_>>().join(", ")));
        told.join("\n")
    }

    fn put(&mut self, item: Item) -> PutOutcome {
        let holder = self.table.iter().find(|held| held.kept.event_id == item.kept.event_id);
        if let Some(holder) = holder
            && self.flaw != Some(Flaw::UnconditionalPut)
        {
            return PutOutcome::AlreadyExists { digest: holder.digest.clone(), received_at: Some(holder.received_at) };
        }
        // An item that is overwritten is no new one, and the trigger's filter lets only new events through.
        let streams =
            item.kind == Kind::Event || (self.flaw == Some(Flaw::StreamsConflicts) && item.kind == Kind::Conflict);
        if holder.is_none() && streams {
            self.stream.push(item.kept.clone());
        }
        self.table.push(Item { written_at: self.now, ..item });
        PutOutcome::Inserted
    }

    fn enqueue(&mut self, message: &Message) {
        let is_known = |queued: &Queued| {
            queued.group == message.group_id
                && queued.deduplication_id == message.deduplication_id
                && self.now < queued.at + DEDUPLICATION_WINDOW
        };
        if self.flaw == Some(Flaw::NewDeduplicationIds) || !self.queue.iter().any(is_known) {
            let event = Event::read(message.body.as_str()).unwrap();
            self.queue.push(Queued {
                group: message.group_id.clone(),
                deduplication_id: message.deduplication_id.clone(),
                event_id: event.event_id.into_owned(),
                notification: event.notification.get().to_owned(),
                at: self.now,
            });
        }
    }
}

/// An id, its digests shortened.
pub fn short(id: impl fmt::Display) -> String {
    let shortened = |part: &str| if part.len() == 64 { format!("{}…", &part[..6]) } else { part.to_owned() };
    id.to_string().split('#').map(shortened).collect::<Vec<_>>().join("#")
}

impl EventStore for Ports {
    async fn put_if_absent(&self, record: &Record<'_>) -> Result<PutOutcome, PortError> {
        let flaw = self.state().flaw;
        let mut item = item(record);
        if flaw == Some(Flaw::KeyOfItsOwn) && record.kind == Kind::Event {
            let number = self.state().turn_of;
            let id = &record.event_id;
            item.kept.event_id = EventId::new(id.subject().to_owned(), format!("{}#{number}", id.rest()));
        }
        let id = item.kept.event_id.clone();
        if flaw == Some(Flaw::KeepsAfterAnswering) {
            self.state().late.push(("keep".to_owned(), Box::new(move |state| drop(state.put(item)))));
            return Ok(PutOutcome::Inserted);
        }
        let kept = self.call("keep", || short(&id), &OF_A_WRITE, move |state, _| state.put(item)).await;
        match kept {
            Err(_) if flaw == Some(Flaw::TrustsFailedWrites) => Ok(PutOutcome::Inserted),
            Ok(PutOutcome::AlreadyExists { .. }) if flaw == Some(Flaw::TakesRetriesForFailures) => {
                Err(PortError { operation: "world:Call", cause: "taken".to_owned() })
            }
            kept => kept,
        }
    }
}

fn item(record: &Record<'_>) -> Item {
    let text = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
    Item {
        kind: record.kind,
        kept: StoredEvent {
            event_id: record.event_id.clone(),
            type_name: text(&record.type_name).unwrap_or_default(),
            order_id: text(&record.order_id),
            user_id: text(&record.user_id),
            project_id: text(&record.project_id),
            mode: Mode::Live,
            identified: record.identified,
            received_at: format!("{:.3}", record.received_at),
            trace: record.trace.cloned(),
            body: record.body.bytes().to_vec(),
        },
        digest: record.body.digest().to_string(),
        received_at: record.received_at,
        written_at: Duration::ZERO,
    }
}

impl History for Ports {
    async fn events_of(&self, subject: &str) -> Result<Vec<StoredEvent>, PortError> {
        let wanted = subject.to_owned();
        let events = move |state: &mut State, _| {
            let is_wanted = |item: &&Item| item.kind == Kind::Event && item.kept.event_id.subject() == wanted;
            state.table.iter().filter(is_wanted).map(|item| item.kept.clone()).collect()
        };
        self.call("history", || subject.to_owned(), &OF_A_READ, events).await
    }
}

impl UserDirectory for Ports {
    async fn reply(
        &self,
        _question: Question,
        envelope: &Envelope<'_>,
        _body: &[u8],
    ) -> Result<Option<Reply>, PortError> {
        let is_known = envelope.user_id() == Some("known");
        let reply = move |_: &mut State, _| Some(if is_known { Reply::UserFound } else { Reply::UserNotFound });
        self.call("directory", String::new, &OF_A_READ, reply).await
    }
}

impl SecretStore for Ports {
    async fn read(&self) -> Result<xsolla::Secrets, PortError> {
        let current = |state: &mut State, _| {
            let is_valid = |(from, _): &&Secrets| *from <= state.now;
            let (_, text) = state.secrets.iter().rfind(is_valid).unwrap();
            text.parse::<xsolla::Secrets>().unwrap()
        };
        self.call("secrets", String::new, &OF_A_READ, current).await
    }
}

impl Queue for Ports {
    async fn send(&self, batch: &[&Message]) -> Vec<SendResult> {
        let failure = PortError { operation: "world:Call", cause: "chosen to fail".to_owned() };
        let mut endings = OF_A_WRITE.to_vec();
        if batch.len() > 1 {
            endings.extend((0..batch.len()).map(Ending::EntryFails));
        }
        let ids = || batch.iter().map(|message| short(&message.deduplication_id)).collect::<Vec<_>>().join(", ");
        let messages: Vec<Message> = batch.iter().map(|message| (*message).clone()).collect();
        let failed = failure.clone();
        let effect = move |state: &mut State, ending| {
            let send = |(position, message): (usize, &Message)| {
                if message.body.as_str().contains(UNSENDABLE) {
                    SendResult::Rejected(failed.clone())
                } else if ending == Ending::EntryFails(position) {
                    SendResult::Retryable(failed.clone())
                } else {
                    state.enqueue(message);
                    SendResult::Sent
                }
            };
            messages.iter().enumerate().map(send).collect::<Vec<_>>()
        };
        let sent =
            self.call("send", ids, &endings, effect).await.unwrap_or(vec![SendResult::Retryable(failure); batch.len()]);
        let trusts = self.state().flaw == Some(Flaw::TrustsHalfABatch) && sent.contains(&SendResult::Sent);
        if trusts { vec![SendResult::Sent; batch.len()] } else { sent }
    }
}

impl Parking for Ports {
    async fn park(&self, parked: &Parked) -> Result<(), PortError> {
        let id = format!("{}#{}", parked.pk, parked.sk);
        let effect = {
            let id = id.clone();
            move |state: &mut State, _| state.parked.push(id)
        };
        self.call("park", || short(&id), &OF_A_WRITE, effect).await
    }
}
