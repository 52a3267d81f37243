//! Signed test data and in-memory ports for tests.
//!
//! Available with the feature `testing`.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test may panic")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use xsolla::{Envelope, EventId, Mode, Question, Reply, Secrets, Signature, Verified};

use crate::accept::{DEADLINE, Delivery};
use crate::ports::{
    DecisionStore, EventStore, History, Parked, Parking, PortError, PutOutcome, Queue, SecretStore, SendResult,
    UserDirectory,
};
use crate::record::{Kind, Record, StoredDecision, StoredEvent, long_user_id};
use crate::sqs_message::Message;

/// The webhook secret of tests.
pub const SECRET: &str = "secret";

/// Returns the `Authorization` header for a body and a secret.
pub fn sign(body: impl AsRef<[u8]>, secret: &str) -> String {
    xsolla::sign(body.as_ref(), secret)
}

/// Returns a body as verified with [`SECRET`].
pub fn verified<B: AsRef<[u8]> + ?Sized>(body: &B) -> Verified<'_> {
    let signature = sign(body, SECRET).parse::<Signature>().unwrap();
    SECRET.parse::<Secrets>().unwrap().verify(body.as_ref(), &signature).unwrap()
}

/// Returns the envelope of a notification.
pub fn envelope<B: AsRef<[u8]> + ?Sized>(body: &B) -> Envelope<'_> {
    Envelope::parse(&verified(body)).unwrap()
}

/// A body with its `Authorization` header.
#[derive(Debug, Clone)]
pub struct SignedBody {
    body: Vec<u8>,
    authorization: [String; 1],
}

impl SignedBody {
    /// Signs a body with [`SECRET`].
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self::with_secret(body, SECRET)
    }

    /// Signs a body with another secret.
    pub fn with_secret(body: impl Into<Vec<u8>>, secret: &str) -> Self {
        let body = body.into();
        let authorization = [sign(&body, secret)];
        Self { body, authorization }
    }

    /// Returns a delivery at the Unix epoch, with [`DEADLINE`] and without a source address.
    pub fn delivery(&self) -> Delivery<'_> {
        Delivery {
            authorization: &self.authorization,
            is_encoded: false,
            source: None,
            body: &self.body,
            received_at: Timestamp::UNIX_EPOCH,
            trace: None,
            time_left: DEADLINE,
        }
    }
}

/// Returns a stream record for a new item with this body, in Lambda's format.
///
/// Adds the mode `live`, a time of receipt and `identified`, unless `attributes` has them.
pub fn insert_record(sequence_number: &str, mut attributes: Value, body: &str) -> Value {
    let common = json!({
        "mode": { "S": "live" },
        "identified": { "BOOL": true },
        "received_at": { "S": "2026-11-22T00:31:07.042518Z" },
        "body": { "B": STANDARD.encode(body) },
    });
    let map = attributes.as_object_mut().unwrap();
    for (name, value) in common.as_object().unwrap() {
        map.entry(name.clone()).or_insert_with(|| value.clone());
    }
    json!({
        "eventID": "x",
        "eventName": "INSERT",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "Keys": {},
            "NewImage": attributes,
            "SequenceNumber": sequence_number,
            "SizeBytes": 1,
            "ApproximateCreationDateTime": 1_778_772_127.0,
        },
    })
}

/// The error of a failing fake.
pub fn fake_error() -> PortError {
    PortError { operation: "fake:Call", cause: "configured to fail".to_owned() }
}

/// Configures a fake's calls, and counts them.
#[derive(Debug, Default)]
pub struct CallControl {
    calls: AtomicUsize,
    behavior: Mutex<Behavior>,
}

/// Behavior of a fake's calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Behavior {
    /// All calls succeed.
    #[default]
    Succeed,
    /// All calls fail.
    Fail,
    /// This many calls succeed; all later calls fail.
    FailAfter(usize),
    /// All calls succeed after this time.
    Delay(Duration),
    /// All calls hang for an hour, then succeed.
    Hang,
}

impl CallControl {
    /// Sets the behavior of all later calls.
    pub fn set(&self, behavior: Behavior) {
        *self.behavior.lock().unwrap() = behavior;
    }

    /// Number of calls so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    async fn call(&self) -> Result<(), PortError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let behavior = {
            let mut next = self.behavior.lock().unwrap();
            let current = *next;
            if let Behavior::FailAfter(calls) = current {
                *next = calls.checked_sub(1).map_or(Behavior::Fail, Behavior::FailAfter);
            }
            current
        };
        match behavior {
            Behavior::Succeed => Ok(()),
            Behavior::Delay(duration) => {
                tokio::time::sleep(duration).await;
                Ok(())
            }
            Behavior::Hang => {
                tokio::time::sleep(Duration::from_hours(1)).await;
                Ok(())
            }
            Behavior::FailAfter(calls) if calls > 0 => Ok(()),
            Behavior::Fail | Behavior::FailAfter(_) => Err(fake_error()),
        }
    }
}

/// An item of a [`FakeTable`].
#[derive(Debug, Clone)]
pub struct StoredItem {
    /// Kind of the record.
    pub kind: Kind,
    /// The record, as the relay reads it.
    pub event: StoredEvent,
    /// Digest of the body.
    pub digest: String,
    /// Position of the secret that verified the body.
    pub secret_index: Option<u32>,
    /// Time of receipt.
    pub received_at: Timestamp,
}

impl From<&Record<'_>> for StoredItem {
    fn from(record: &Record<'_>) -> Self {
        Self {
            kind: record.kind,
            event: StoredEvent {
                event_id: record.event_id.clone(),
                type_name: record.type_name.as_deref().unwrap_or_default().to_owned(),
                order_id: record.order_id.as_deref().map(str::to_owned),
                user_id: record
                    .user_id
                    .as_deref()
                    .map(str::to_owned)
                    .or_else(|| long_user_id(record.type_name.as_deref().unwrap_or_default(), record.body.bytes())),
                project_id: record.project_id.as_deref().map(str::to_owned),
                mode: record.mode,
                identified: record.identified,
                received_at: format!("{:.6}", record.received_at),
                trace: record.trace.cloned(),
                body: record.body.bytes().to_vec(),
                decision: None,
            },
            digest: record.body.digest().to_string(),
            secret_index: record.body.secret_index(),
            received_at: record.received_at,
        }
    }
}

/// The events table in memory.
#[derive(Debug, Default)]
pub struct FakeTable {
    /// Items in the order of their insertion.
    pub items: Vec<StoredItem>,
}

impl FakeTable {
    /// Inserts an item unless its key exists.
    pub fn put_if_absent(&mut self, item: StoredItem) -> PutOutcome {
        let existing = self.items.iter().find(|existing| existing.event.event_id == item.event.event_id);
        if let Some(StoredItem { digest, .. }) = existing {
            return PutOutcome::AlreadyExists { digest: digest.clone() };
        }
        self.items.push(item);
        PutOutcome::Inserted
    }
}

/// An event store in memory.
#[derive(Debug, Default)]
pub struct FakeEventStore {
    /// Behavior and number of calls.
    pub control: CallControl,
    table: Mutex<FakeTable>,
    erased: AtomicBool,
}

impl FakeEventStore {
    /// Erases the users of all events, also of later ones.
    pub fn erase(&self) {
        self.erased.store(true, Ordering::Relaxed);
    }

    /// All items in the order of their insertion.
    pub fn items(&self) -> Vec<StoredItem> {
        self.table.lock().unwrap().items.clone()
    }

    /// Event id and kind of all items, sorted by id.
    pub fn kinds(&self) -> Vec<(String, Kind)> {
        let mut kinds: Vec<_> = self.items().iter().map(|item| (item.event.event_id.to_string(), item.kind)).collect();
        kinds.sort_by(|(one, _), (other, _)| one.cmp(other));
        kinds
    }
}

impl EventStore for FakeEventStore {
    async fn put_if_absent(&self, record: &Record<'_>) -> Result<PutOutcome, PortError> {
        self.control.call().await?;
        let mut table = self.table.lock().unwrap();
        let outcome = table.put_if_absent(record.into());
        let existing = table.items.iter().find(|existing| existing.event.event_id == record.event_id);
        Ok(match (outcome, existing) {
            (PutOutcome::AlreadyExists { .. }, Some(existing)) if self.erased.load(Ordering::Relaxed) => {
                PutOutcome::Erased { received_at: Some(existing.received_at) }
            }
            (outcome, _) => outcome,
        })
    }
}

/// A history with given events, and the decisions about them.
#[derive(Debug, Default)]
pub struct FakeHistory {
    /// Behavior and number of reads.
    pub control: CallControl,
    /// Behavior and number of stored decisions.
    pub decision_control: CallControl,
    /// All events.
    pub events: Mutex<Vec<StoredEvent>>,
    /// The modes of the payments of every subscription.
    pub subscription_payments: Vec<Mode>,
}

impl History for FakeHistory {
    async fn events_of(&self, subject: &str) -> Result<Vec<StoredEvent>, PortError> {
        self.control.call().await?;
        let events = self.events.lock().unwrap();
        Ok(events.iter().filter(|event| event.event_id.subject() == subject).cloned().collect())
    }

    async fn subjects_of_order(&self, order_id: &str) -> Result<Vec<String>, PortError> {
        self.control.call().await?;
        let events = self.events.lock().unwrap();
        let of_order = events.iter().filter(|event| event.order_id.as_deref() == Some(order_id));
        Ok(of_order.map(|event| event.event_id.subject().to_owned()).collect())
    }

    async fn modes_of_subscription(&self, _subscription_id: &str) -> Result<Vec<Mode>, PortError> {
        self.control.call().await?;
        Ok(self.subscription_payments.clone())
    }
}

impl DecisionStore for FakeHistory {
    async fn store_decision(&self, event_id: &EventId, decision: &StoredDecision) -> Result<(), PortError> {
        self.decision_control.call().await?;
        let mut events = self.events.lock().unwrap();
        let event = events.iter_mut().find(|event| event.event_id == *event_id);
        if let Some(StoredEvent { decision: stored @ None, .. }) = event {
            *stored = Some(*decision);
        }
        Ok(())
    }
}

/// A directory with the user `known`. It answers validation questions and `partner_side_catalog`.
#[derive(Debug, Default)]
pub struct FakeDirectory {
    /// Behavior and number of calls.
    pub control: CallControl,
}

/// The catalog of the user `known` in [`FakeDirectory`].
pub const CATALOG: &str = r#"[{"sku":"boots"}]"#;

impl UserDirectory for FakeDirectory {
    async fn reply(
        &self,
        question: Question,
        envelope: &Envelope<'_>,
        body: &[u8],
        _received_at: Timestamp,
    ) -> Result<Option<Reply>, PortError> {
        self.control.call().await?;
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

/// A secret store with a replaceable secret.
#[derive(Debug)]
pub struct FakeSecretStore {
    /// Behavior and number of calls.
    pub control: CallControl,
    text: Mutex<&'static str>,
}

impl FakeSecretStore {
    /// Creates a store with the text of one or more secrets.
    pub fn new(text: &'static str) -> Self {
        Self { control: CallControl::default(), text: Mutex::new(text) }
    }

    /// Replaces the text.
    pub fn set(&self, text: &'static str) {
        *self.text.lock().unwrap() = text;
    }
}

impl SecretStore for FakeSecretStore {
    type Value = Secrets;

    async fn read(&self) -> Result<Secrets, PortError> {
        self.control.call().await?;
        Ok(self.text.lock().unwrap().parse::<Secrets>().unwrap())
    }
}

/// A queue in memory. It fails or rejects the messages with given deduplication ids.
#[derive(Debug, Default)]
pub struct FakeQueue {
    /// Deduplication ids of messages that fail.
    pub failing: Vec<&'static str>,
    /// Deduplication ids of messages that are rejected.
    pub rejecting: Vec<&'static str>,
    /// Deduplication ids of the messages of each call.
    pub calls: Mutex<Vec<Vec<String>>>,
    /// The queued messages.
    pub messages: Mutex<Vec<Message>>,
}

impl FakeQueue {
    /// Deduplication ids of the queued messages.
    pub fn queued(&self) -> Vec<String> {
        self.messages.lock().unwrap().iter().map(|message| message.deduplication_id.clone()).collect()
    }
}

impl Queue for FakeQueue {
    async fn send(&self, batch: &[&Message]) -> Vec<SendResult> {
        let ids = batch.iter().map(|message| message.deduplication_id.clone()).collect();
        self.calls.lock().unwrap().push(ids);
        let send = |message: &&Message| {
            let id = message.deduplication_id.as_str();
            if self.failing.contains(&id) {
                SendResult::Retryable(fake_error())
            } else if self.rejecting.contains(&id) {
                SendResult::Rejected(fake_error())
            } else {
                self.messages.lock().unwrap().push((*message).clone());
                SendResult::Sent
            }
        };
        batch.iter().map(send).collect()
    }
}

/// A parking queue in memory.
#[derive(Debug, Default)]
pub struct FakeParking {
    /// Behavior and number of calls.
    pub control: CallControl,
    /// The notes.
    pub parked: Mutex<Vec<Parked>>,
}

impl Parking for FakeParking {
    async fn park(&self, parked: &Parked) -> Result<(), PortError> {
        self.control.call().await?;
        self.parked.lock().unwrap().push(parked.clone());
        Ok(())
    }
}
