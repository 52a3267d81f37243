//! The ports as tests want them: in memory, and failing on demand.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use xsolla::{Envelope, Question, Reply, Secrets};

use crate::ports::{
    EventStore, History, Parked, Parking, PortError, PutOutcome, Queue, SecretStore, SendResult, UserDirectory,
};
use crate::record::{Kind, Record, StoredEvent};
use crate::sqs_message::Message;

pub(crate) fn port_error() -> PortError {
    PortError { operation: "fake:Call", cause: "it was told to fail".to_owned() }
}

/// A call that is told how to end.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    pub(crate) calls: AtomicUsize,
    pub(crate) failing: AtomicBool,
    pub(crate) hanging: AtomicBool,
}

impl Switch {
    async fn pass(&self) -> Result<(), PortError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.hanging.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_hours(1)).await;
        }
        if self.failing.load(Ordering::Relaxed) { Err(port_error()) } else { Ok(()) }
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(crate) struct FakeEvents {
    pub(crate) switch: Switch,
    /// Event id → kind, digest and time.
    pub(crate) kept: Mutex<BTreeMap<String, (Kind, String, Timestamp)>>,
}

impl FakeEvents {
    pub(crate) fn kinds(&self) -> Vec<(String, Kind)> {
        self.kept.lock().unwrap().iter().map(|(id, (kind, ..))| (id.clone(), *kind)).collect()
    }
}

impl EventStore for FakeEvents {
    async fn put_if_absent(&self, record: &Record<'_>) -> Result<PutOutcome, PortError> {
        self.switch.pass().await?;
        let mut kept = self.kept.lock().unwrap();
        let id = record.event_id.to_string();
        if let Some((_, digest, received_at)) = kept.get(&id) {
            return Ok(PutOutcome::AlreadyExists { digest: digest.clone(), received_at: Some(*received_at) });
        }
        kept.insert(id, (record.kind, record.body.digest().to_string(), record.received_at));
        Ok(PutOutcome::Inserted)
    }
}

/// Remembers what it is given.
#[derive(Debug, Default)]
pub(crate) struct FakeHistory {
    pub(crate) switch: Switch,
    pub(crate) events: Vec<StoredEvent>,
}

impl History for FakeHistory {
    async fn events_of(&self, subject: &str) -> Result<Vec<StoredEvent>, PortError> {
        self.switch.pass().await?;
        Ok(self.events.iter().filter(|event| event.event_id.subject() == subject).cloned().collect())
    }
}

/// Knows the user `known`, has a catalogue for that one alone, and was appointed for nothing else.
#[derive(Debug, Default)]
pub(crate) struct FakeDirectory {
    pub(crate) switch: Switch,
}

impl UserDirectory for FakeDirectory {
    async fn reply(
        &self,
        question: Question,
        envelope: &Envelope<'_>,
        body: &[u8],
    ) -> Result<Option<Reply>, PortError> {
        self.switch.pass().await?;
        let is_known = envelope.user_id() == Some("known");
        Ok(match question {
            Question::UserValidation if is_known => Some(Reply::UserFound),
            Question::UserValidation => Some(Reply::UserNotFound),
            Question::PartnerSideCatalog if is_known => question.parse_response(200, CATALOG.as_bytes()).ok(),
            Question::WebShopUserValidation if is_known => Reply::web_shop_user(body, None).ok(),
            Question::PartnerSideCatalog | Question::WebShopUserValidation => Some(Reply::NotFound),
            Question::UserSearch | Question::GetPincode | Question::InventoryGet => None,
        })
    }
}

pub(crate) const CATALOG: &str = r#"[{"sku":"boots"}]"#;

#[derive(Debug)]
pub(crate) struct FakeSecrets {
    pub(crate) switch: Switch,
    pub(crate) text: Mutex<&'static str>,
}

impl FakeSecrets {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { switch: Switch::default(), text: Mutex::new(text) }
    }
}

impl SecretStore for FakeSecrets {
    async fn read(&self) -> Result<Secrets, PortError> {
        self.switch.pass().await?;
        Ok((*self.text.lock().unwrap()).parse::<Secrets>().unwrap())
    }
}

/// A queue that fails or refuses the deduplication ids that it is told to.
#[derive(Debug, Default)]
pub(crate) struct FakeQueue {
    pub(crate) failing: Vec<&'static str>,
    pub(crate) refusing: Vec<&'static str>,
    /// The deduplication ids of each call.
    pub(crate) calls: Mutex<Vec<Vec<String>>>,
    pub(crate) queued: Mutex<Vec<String>>,
    /// The text of what was queued.
    pub(crate) texts: Mutex<Vec<String>>,
}

impl Queue for FakeQueue {
    async fn send(&self, batch: &[&Message]) -> Vec<SendResult> {
        let ids: Vec<String> = batch.iter().map(|message| message.deduplication_id.clone()).collect();
        self.calls.lock().unwrap().push(ids.clone());
        let sent = |(id, message): (String, &&Message)| {
            if self.failing.contains(&id.as_str()) {
                SendResult::Retryable(port_error())
            } else if self.refusing.contains(&id.as_str()) {
                SendResult::Rejected(port_error())
            } else {
                self.queued.lock().unwrap().push(id);
                self.texts.lock().unwrap().push(message.body.as_str().to_owned());
                SendResult::Sent
            }
        };
        ids.into_iter().zip(batch).map(sent).collect()
    }
}

#[derive(Debug, Default)]
pub(crate) struct FakeParking {
    pub(crate) switch: Switch,
    pub(crate) parked: Mutex<Vec<Parked>>,
}

impl Parking for FakeParking {
    async fn park(&self, parked: &Parked) -> Result<(), PortError> {
        self.switch.pass().await?;
        self.parked.lock().unwrap().push(parked.clone());
        Ok(())
    }
}
