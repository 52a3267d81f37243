//! Relays events from the table's stream to the queue, in order per subject and at least once.

use std::borrow::Cow;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use message::Event;
use xsolla::{Decision, Goods, GoodsReason, ItemRole, Notice, NotificationType, PaymentWithoutOrder};

use crate::ports::{DecisionStore, History, Parked, Parking, Queue, SendResult};
use crate::record::{MissingAttribute, StoredDecision, StoredEvent};
use crate::sales::{DecideError, Decided, Sales, Verdict};
use crate::sqs_message::{self, Message, NotJson};

#[cfg(test)]
mod tests;

/// Maximum number of messages in one call to SQS.
pub const MAX_BATCH: usize = 10;
/// Maximum number of bytes in one call with several messages. SQS accepts 1 MiB, but older queues and emulators only this. A
/// larger message is sent in a call of its own.
const MAX_BATCH_BYTES: usize = 256 * 1024;
/// Minimum remaining time to start a call to the queue: the longest duration of a call with all its retries.
///
/// If rejected messages cause more calls, Lambda may stop the function. Then it retries the batch.
pub const SEND_LIMIT: Duration = Duration::from_secs(8);

/// An event from the stream.
#[derive(Debug)]
pub struct StreamRecord {
    /// Position in the stream.
    pub sequence_number: String,
    /// Partition key in the table.
    pub pk: String,
    /// Sort key in the table.
    pub sk: String,
    /// The event.
    pub event: Result<StoredEvent, MissingAttribute>,
}

impl StreamRecord {
    /// Returns the event id, even if the event is unreadable.
    fn event_id(&self) -> String {
        format!("{}#{}", self.pk, self.sk)
    }

    fn received_at(&self) -> Option<Timestamp> {
        self.event.as_ref().ok()?.received_at.parse().ok()
    }
}

/// Result of a batch from the stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Ids of the queued events.
    pub queued: Vec<String>,
    /// Number of parked events.
    pub parked: usize,
    /// Number of retries that were not relayed.
    pub retries: usize,
    /// Reasons to review sales.
    pub notices: Vec<Notice>,
    /// Time of receipt of the oldest queued event.
    pub oldest: Option<Timestamp>,
    /// Sequence number of the first record to retry, with all later records. `None`: the batch is done.
    pub retry_from: Option<String>,
}

/// Relays events to the game's queue.
#[derive(Debug)]
pub struct Relay<Q, P, H> {
    /// The game's queue.
    pub queue: Q,
    /// The queue for notes about events that can never be queued.
    pub parking: P,
    /// The other events of a sale, and the decisions about all of them.
    pub history: H,
    /// Meaning of a payment without an order.
    pub payment_without_order: PaymentWithoutOrder,
}

/// A record that is ready to be processed.
struct Prepared<'e> {
    record: &'e StreamRecord,
    step: Step,
}

/// The next step for a record.
enum Step {
    /// Send the message, after storing the decision if it is new.
    Send { message: Message, decision: Option<StoredDecision>, notice: Option<Notice> },
    /// Park the event for this reason.
    Park(String),
    /// Store the decision to skip the record if it is new: the record is Xsolla's retry of an earlier one.
    Skip { decision: Option<StoredDecision> },
}

impl<Q: Queue, P: Parking, H: History + DecisionStore> Relay<Q, P, H> {
    /// Sends the events in order, up to the first failure. `now` is the time of their decisions.
    ///
    /// Lambda retries the failed record and all later ones. Some of them may already be queued. SQS drops such duplicates
    /// for five minutes, and the consumer drops later ones.
    pub async fn relay(
        &self,
        records: &[StreamRecord],
        now: Timestamp,
        time_left: impl Fn() -> Duration,
    ) -> BatchOutcome {
        let mut outcome = BatchOutcome::default();
        let events = records.iter().filter_map(|record| record.event.as_ref().ok());
        let mut sales = Sales::load(&self.history, self.payment_without_order, events).await;
        let mut rest = records;
        let mut prepared = Vec::with_capacity(MAX_BATCH);
        loop {
            while let [next, later @ ..] = rest
                && prepared.len() < MAX_BATCH
                && let Some(next) = prepare(next, &mut sales, now)
            {
                prepared.push(next);
                rest = later;
            }
            let Some(first) = prepared.first().map(|prepared| prepared.record).or(rest.first()) else {
                return outcome;
            };
            let is_out_of_time = time_left() < SEND_LIMIT;
            if is_out_of_time {
                tracing::warn!("out of time; returning the rest of the batch for retry");
            }
            if is_out_of_time || prepared.is_empty() {
                outcome.retry_from = Some(first.sequence_number.clone());
                return outcome;
            }
            let batch: Vec<Prepared<'_>> = prepared.drain(..batch_len(&prepared)).collect();
            if let Err(failed) = self.process(&batch, &mut outcome).await {
                outcome.retry_from = Some(failed.sequence_number.clone());
                return outcome;
            }
        }
    }

    /// Stores the decisions of a batch, and sends it. Fails with the first record to retry.
    ///
    /// A decision is stored before its event is sent: later events of the sale depend on it.
    async fn process<'e>(&self, batch: &[Prepared<'e>], outcome: &mut BatchOutcome) -> Result<(), &'e StreamRecord> {
        let calls = batch.iter().map(|prepared| self.store_decision(prepared));
        let stored = join_all(calls).await.into_iter().take_while(|is_stored| *is_stored).count();
        let (ready, failed) = batch.split_at(stored);
        self.send(ready, outcome).await?;
        failed.first().map_or(Ok(()), |failed| Err(failed.record))
    }

    /// Stores the decision of a record if it is new. Returns whether the record can be sent or skipped.
    async fn store_decision(&self, prepared: &Prepared<'_>) -> bool {
        let (Some(decision), Ok(event)) = (prepared.new_decision(), &prepared.record.event) else { return true };
        let stored = self.history.store_decision(&event.event_id, decision).await;
        stored
            .inspect_err(|error| {
                tracing::warn!(event_id = %event.event_id, %error, "storing the decision failed; will retry");
            })
            .is_ok()
    }

    /// Sends a batch in one call, and parks what can never be sent. Fails with the first record to retry.
    async fn send<'e>(&self, batch: &[Prepared<'e>], outcome: &mut BatchOutcome) -> Result<(), &'e StreamRecord> {
        let messages: Vec<&Message> = batch.iter().filter_map(Prepared::message).collect();
        let results = if messages.is_empty() { Vec::new() } else { self.queue.send(&messages).await };
        let mut results = results.into_iter();

        for Prepared { record, step } in batch {
            let cause = match step {
                Step::Park(cause) => cause.clone(),
                Step::Skip { .. } => {
                    outcome.retries += 1;
                    continue;
                }
                Step::Send { notice, .. } => match results.next() {
                    Some(SendResult::Sent) => {
                        outcome.queued.push(record.event_id());
                        outcome.oldest = outcome.oldest.into_iter().chain(record.received_at()).min();
                        outcome.notices.extend(notice.inspect(|notice| report(*notice, record)));
                        continue;
                    }
                    Some(SendResult::Rejected(error)) => error.to_string(),
                    Some(SendResult::Retryable(error)) => {
                        tracing::warn!(event_id = %record.event_id(), %error, "sending to SQS failed; will retry");
                        return Err(record);
                    }
                    None => return Err(record),
                },
            };
            self.park(record, cause).await?;
            outcome.parked += 1;
        }
        Ok(())
    }

    async fn park<'e>(&self, record: &'e StreamRecord, cause: String) -> Result<(), &'e StreamRecord> {
        let parked = Parked { pk: record.pk.clone(), sk: record.sk.clone(), cause };
        match self.parking.park(&parked).await {
            Ok(()) => {
                tracing::error!(event_id = %record.event_id(), cause = parked.cause, "event cannot be queued; parked");
                Ok(())
            }
            Err(error) => {
                tracing::error!(
                    event_id = %record.event_id(), cause = parked.cause, %error,
                    "event cannot be queued, and parking failed; will retry"
                );
                Err(record)
            }
        }
    }
}

impl Prepared<'_> {
    const fn message(&self) -> Option<&Message> {
        match &self.step {
            Step::Send { message, .. } => Some(message),
            Step::Park(_) | Step::Skip { .. } => None,
        }
    }

    const fn new_decision(&self) -> Option<&StoredDecision> {
        match &self.step {
            Step::Send { decision, .. } | Step::Skip { decision } => decision.as_ref(),
            Step::Park(_) => None,
        }
    }

    /// The group that can have only one record in a call. A retry is part of its subject's group while its decision is
    /// not stored: later events of the subject are decided after it.
    fn group(&self) -> Option<&str> {
        match &self.step {
            Step::Send { message, .. } => Some(&message.group_id),
            Step::Skip { decision: Some(_) } => Some(&self.record.pk),
            Step::Park(_) | Step::Skip { decision: None } => None,
        }
    }
}

/// Decides what a record means. Returns `None` if that fails but may succeed later.
fn prepare<'e>(record: &'e StreamRecord, sales: &mut Sales, now: Timestamp) -> Option<Prepared<'e>> {
    let step = match &record.event {
        Err(missing) => Step::Park(missing.to_string()),
        Ok(event) => match sales.decide(event, now) {
            Ok(Verdict::Skip { to_store }) => Step::Skip { decision: to_store },
            Ok(Verdict::Send(decided)) => match message(event, &decided, false) {
                Ok(message) => Step::Send { message, decision: decided.to_store, notice: decided.notice },
                Err(error) => Step::Park(error.to_string()),
            },
            Err(DecideError::NotJson(error)) => Step::Park(error.to_string()),
            Err(DecideError::TooComplex(error)) => Step::Park(error.to_string()),
            Err(DecideError::Unavailable(error)) => {
                tracing::warn!(event_id = %record.event_id(), %error, "history unavailable; will retry");
                return None;
            }
        },
    };
    Some(Prepared { record, step })
}

fn report(notice: Notice, record: &StreamRecord) {
    let event_id = record.event_id();
    match notice {
        Notice::DoublePayment => {
            tracing::warn!(event_id, "order paid twice; granted once; refund one of the payments");
        }
        Notice::PaymentAlsoGranted => {
            tracing::warn!(event_id, "sale already granted by its payment; PaymentWithoutOrder is probably wrong");
        }
        Notice::AmbiguousRefund => {
            tracing::warn!(event_id, "identical partial refund without a date; retry or second refund; check it");
        }
    }
}

/// Returns the number of leading records for one call: as many as fit, with at most one record per group.
///
/// If a call had two messages of a group, the second could succeed after the first failed, and overtake it.
fn batch_len(prepared: &[Prepared<'_>]) -> usize {
    let mut bytes = 0;
    let mut groups: Vec<&str> = Vec::with_capacity(MAX_BATCH);
    for (len, prepared) in prepared.iter().enumerate() {
        let Some(group) = prepared.group() else { continue };
        bytes += prepared.message().map_or(0, Message::size);
        if !groups.is_empty() && (bytes > MAX_BATCH_BYTES || groups.contains(&group)) {
            return len;
        }
        groups.push(group);
    }
    prepared.len()
}

/// The message of an event that an operator sends again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayMessage {
    /// The message.
    pub message: Message,
    /// The decision about an event that was not relayed before. Later events of the sale depend on it.
    pub decision: Option<StoredDecision>,
}

/// Builds the message of an event for a replay. Stores no decision. `None`: the event is Xsolla's retry of an earlier one.
///
/// # Errors
///
/// If the body is not JSON or too complex, or the other events of its sale cannot be read.
pub async fn replay_message<H: History>(
    event: &StoredEvent,
    history: &H,
    payment_without_order: PaymentWithoutOrder,
    now: Timestamp,
) -> Result<Option<ReplayMessage>, DecideError> {
    let mut sales = Sales::load(history, payment_without_order, [event]).await;
    let Verdict::Send(mut decided) = sales.decide(event, now)? else { return Ok(None) };
    // The game would return to an old state. A retried batch sends the later state again, too; a replay may not.
    if decided.has_later_state {
        decided.decision =
            Decision { goods: Goods::Info, reason: Some(GoodsReason::LaterStateSent), ..decided.decision };
    }
    Ok(Some(ReplayMessage { message: message(event, &decided, true)?, decision: decided.to_store }))
}

fn message(event: &StoredEvent, decided: &Decided, replay: bool) -> Result<Message, NotJson> {
    let notification = sqs_message::notification(&event.body)?;
    let notification_type = event.type_name.parse::<NotificationType>().ok();
    let message = Message::new(&Event {
        event_id: event.event_id.to_string().into(),
        notification_type: Cow::Borrowed(&event.type_name),
        goods: decided.decision.goods,
        goods_reason: decided.decision.reason,
        subject: Cow::Borrowed(&decided.group),
        order_id: decided.order_id.as_deref().map(Cow::Borrowed),
        user_id: event.user_id.as_deref().map(Cow::Borrowed),
        recipient_user_id: decided.recipient.as_deref().map(Cow::Borrowed),
        project_id: event.project_id.as_deref().map(Cow::Borrowed),
        mode: decided.decision.mode,
        identified: event.identified,
        deprecated: notification_type.is_some_and(NotificationType::is_deprecated),
        replay,
        received_at: Cow::Borrowed(&event.received_at),
        item_roles: notification_type.and_then(|known| ItemRole::of_items(known, notification.get())),
        notification,
    })?;
    Ok(Message { trace: event.trace.clone(), ..message })
}
