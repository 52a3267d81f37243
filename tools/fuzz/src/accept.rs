//! The webhook function: every signed event is stored, and no signed notification is answered 4xx, except a
//! `user_validation` without a user id.

use std::time::Duration;

use intake::accept::{AcceptedTypes, Delivery, Intake, MAX_BODY, SourcePolicy};
use intake::aws::SecretSource;
use intake::directory::Directory;
use intake::outcome::Outcome;
use intake::ports::{EventStore, PortError, PutOutcome};
use intake::record::{Kind, Record};
use intake::secrets::SecretCache;
use intake::testing::{FakeEventStore, SignedBody};
use xsolla::{NotificationType, Role, Secrets, json_text, user_id};

use crate::{RECEIVED_AT, RUNTIME, SECRET, assert_fits, notification};

/// Delivers a body several times.
///
/// # Panics
///
/// If a delivery has an unexpected answer or is not stored as expected.
pub fn check(body: &[u8]) {
    if body.len() < MAX_BODY {
        RUNTIME.block_on(deliver(body));
    }
}

async fn deliver(body: &[u8]) {
    let function = Function::new(Table::default());
    let is_event =
        |known: Option<NotificationType>| !matches!(known.map(NotificationType::role), Some(Role::Question(_)));

    let wrongly_signed = function.accept(body, "guessed", Duration::ZERO).await;
    assert_eq!(wrongly_signed, Outcome::InvalidSignature);
    assert_eq!(function.stored(), []);

    let first = function.accept_signed(body, Duration::ZERO).await;
    let Some(type_name) = notification::type_name(body) else {
        assert_eq!(first, Outcome::Unreadable);
        assert_eq!(function.accept_signed(body, Duration::from_mins(1)).await, Outcome::Unreadable);
        assert_eq!(function.stored(), [(Kind::Unreadable, body.to_vec())]);
        return;
    };
    let known = type_name.parse::<NotificationType>().ok();
    if !is_event(known) {
        let is_validation = known == Some(NotificationType::USER_VALIDATION);
        let names_user = json_text(body).is_ok_and(|text| user_id(known, text).is_some());
        if is_validation && !names_user {
            assert_eq!(first, Outcome::UserNotFound);
        } else {
            assert_ne!(first.answer().status() / 100, 4, "{first:?}");
        }
        assert_eq!(function.stored(), []);
        return;
    }
    let Outcome::Accepted(success) = first else { panic!("{first:?}") };
    assert_eq!(function.stored(), [(Kind::Event, body.to_vec())]);

    // The same bytes can also be a state that returned: then they have a key of their own, and the relay decides.
    let retry = function.accept_signed(body, Duration::from_mins(1)).await;
    assert_eq!(retry, Outcome::Duplicate(success));
    let stored = function.stored().len();
    assert!((1..=2).contains(&stored));

    let other = [body, b" "].concat();
    let outcome = function.accept_signed(&other, Duration::from_mins(2)).await;
    let kind = match outcome {
        Outcome::Accepted(_) => Kind::Event,
        Outcome::Conflict(_) => Kind::Conflict,
        _ => panic!("other content: {outcome:?}"),
    };
    assert_eq!(outcome.answer(), first.answer());
    assert!(function.stored().contains(&(kind, other)));
    assert_eq!(function.stored().len(), stored + 1);
}

/// A webhook function with an event store.
pub(crate) struct Function<E>(Intake<E, Directory, SecretSource>);

impl<E: EventStore> Function<E> {
    pub(crate) fn new(events: E) -> Self {
        Self(Intake {
            accepted_types: AcceptedTypes::All,
            events,
            directory: Some(Directory::ACCEPT_ALL),
            secrets: SecretCache::new(SecretSource::Fixed(SECRET.parse::<Secrets>().unwrap())),
            sources: SourcePolicy::default(),
        })
    }

    pub(crate) async fn accept_signed(&self, body: &[u8], later: Duration) -> Outcome {
        self.accept(body, SECRET, later).await
    }

    async fn accept(&self, body: &[u8], secret: &str, later: Duration) -> Outcome {
        let signed = SignedBody::with_secret(body, secret);
        let delivery = Delivery { received_at: RECEIVED_AT + later, ..signed.delivery() };
        self.0.accept(&delivery).await.outcome
    }
}

impl Function<Table> {
    fn stored(&self) -> Vec<(Kind, Vec<u8>)> {
        self.0.events.0.items().into_iter().map(|item| (item.kind, item.event.body)).collect()
    }
}

/// An in-memory table that checks its keys.
#[derive(Default)]
struct Table(FakeEventStore);

impl EventStore for Table {
    async fn put_if_absent(&self, record: &Record<'_>) -> Result<PutOutcome, PortError> {
        assert_fits(&record.event_id, record.body.digest());
        self.0.put_if_absent(record).await
    }
}
