//! The front accepted_types: whatever is signed is kept, and nothing that is a notification is turned away for good.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use intake::accept::{AcceptedTypes, DEADLINE, Delivery, Intake, MAX_BODY, SourcePolicy};
use intake::aws::SecretSource;
use intake::directory::Directory;
use intake::outcome::Outcome;
use intake::ports::{EventStore, PortError, PutOutcome};
use intake::record::{Kind, Record};
use intake::secrets::SecretCache;
use jiff::Timestamp;
use xsolla::{BodyDigest, NotificationType, Role, Secrets, sign};

use crate::{RECEIVED_AT, RUNTIME, SECRET, assert_fits, notification};

/// Takes a body, and has it delivered several times.
///
/// # Panics
///
/// If a delivery is answered or kept in another way than was promised.
pub fn check(body: &[u8]) {
    if body.len() < MAX_BODY {
        RUNTIME.block_on(deliver(body));
    }
}

async fn deliver(body: &[u8]) {
    let world = World::new(Table::default());
    let is_event =
        |known: Option<NotificationType>| !matches!(known.map(NotificationType::role), Some(Role::Question(_)));

    let unsigned = world.accept(body, &sign(body, "guessed"), RECEIVED_AT).await;
    assert_eq!(unsigned, Outcome::InvalidSignature);
    assert_eq!(world.kept(), []);

    let first = world.accept_signed(body, Duration::ZERO).await;
    let Some(type_name) = notification::type_name(body) else {
        assert_eq!(first, Outcome::Unreadable);
        assert_eq!(world.accept_signed(body, Duration::from_mins(1)).await, Outcome::Unreadable);
        assert_eq!(world.kept(), [(Kind::Unreadable, body.to_vec())]);
        return;
    };
    if !is_event(NotificationType::named(&type_name)) {
        assert_ne!(first.answer().status() / 100, 4, "{first:?}");
        assert_eq!(world.kept(), []);
        return;
    }
    let Outcome::Accepted(success) = first else { panic!("{first:?}") };
    assert_eq!(world.kept(), [(Kind::Event, body.to_vec())]);

    let retry = world.accept_signed(body, Duration::from_mins(1)).await;
    assert_eq!(retry, Outcome::Duplicate(success));
    assert_eq!(world.kept().len(), 1);

    let other = [body, b" "].concat();
    let outcome = world.accept_signed(&other, Duration::from_mins(2)).await;
    let kind = match outcome {
        Outcome::Accepted(_) => Kind::Event,
        Outcome::Conflict(_) => Kind::Conflict,
        _ => panic!("other content: {outcome:?}"),
    };
    assert_eq!(outcome.answer(), first.answer());
    assert!(world.kept().contains(&(kind, other)));
    assert_eq!(world.kept().len(), 2);

    let later = world.accept_signed(body, Duration::from_hours(49)).await;
    let copies = match later {
        Outcome::Duplicate(_) => 1,
        Outcome::Accepted(_) => 2,
        _ => panic!("two days later: {later:?}"),
    };
    assert_eq!(later.answer(), first.answer());
    assert_eq!(world.kept().into_iter().filter(|kept| *kept == (Kind::Event, body.to_vec())).count(), copies);
}

/// The front door, before a store of events.
pub(crate) struct World<E>(Intake<E, Directory, SecretSource>);

impl<E: EventStore> World<E> {
    pub(crate) fn new(events: E) -> Self {
        Self(Intake {
            accepted_types: AcceptedTypes::All,
            events,
            directory: Some(Directory::ACCEPT_ALL),
            secrets: SecretCache::new(SecretSource::Fixed(Secrets::parse(SECRET).unwrap())),
            sources: SourcePolicy::default(),
        })
    }

    pub(crate) async fn accept_signed(&self, body: &[u8], later: Duration) -> Outcome {
        self.accept(body, &sign(body, SECRET), RECEIVED_AT + later).await
    }

    async fn accept(&self, body: &[u8], authorization: &str, received_at: Timestamp) -> Outcome {
        let authorization = Some(authorization);
        let delivery = Delivery { authorization, source: None, body, received_at, trace: None, time_left: DEADLINE };
        self.0.accept(&delivery).await.outcome
    }
}

impl World<Table> {
    fn kept(&self) -> Vec<(Kind, Vec<u8>)> {
        self.0.events.0.lock().unwrap().values().map(|item| (item.kind, item.body.clone())).collect()
    }
}

/// A table in memory.
#[derive(Default)]
struct Table(Mutex<BTreeMap<String, Item>>);

struct Item {
    kind: Kind,
    body: Vec<u8>,
    received_at: Timestamp,
}

impl EventStore for Table {
    async fn put_if_absent(&self, record: &Record<'_>) -> Result<PutOutcome, PortError> {
        assert_fits(&record.event_id, record.body.digest());
        let mut items = self.0.lock().unwrap();
        if let Some(item) = items.get(&record.event_id.to_string()) {
            let digest = BodyDigest::of(&item.body).to_string();
            return Ok(PutOutcome::AlreadyExists { digest, received_at: Some(item.received_at) });
        }
        let item = Item { kind: record.kind, body: record.body.bytes().to_vec(), received_at: record.received_at };
        items.insert(record.event_id.to_string(), item);
        Ok(PutOutcome::Inserted)
    }
}
