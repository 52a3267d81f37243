//! Simulated operator: sends stored events to the game's queue again, as `xsolla-webhooks replay` does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use intake::aws::{EventHistory, SqsQueue};
use intake::ports::{DecisionStore as _, History as _, PortError, Queue as _, SendResult};
use intake::record::StoredDecision;
use intake::relay::replay_message;
use jiff::Timestamp;
use xsolla::{EventId, PaymentWithoutOrder};

use crate::game::Game;

/// The operator acts if the game handles no message for this long: the earlier events are lost.
const PATIENCE: Duration = Duration::from_secs(30);
/// Interval between two looks at the game.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Attempts to send an event.
const ATTEMPTS: u32 = 10;

/// The simulated operator.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) game: Arc<Game>,
    pub(crate) history: EventHistory,
    pub(crate) queue: SqsQueue,
    pub(crate) payment_without_order: PaymentWithoutOrder,
}

impl Operator {
    /// Makes the game set an event aside until it is sent again.
    pub(crate) fn set_aside(&self, event_id: String) {
        self.game.set_aside(event_id);
    }

    /// Sends an event again, after the game has received these earlier events.
    ///
    /// An operator acts minutes later. A replay at the same time as the relay's decision about an earlier event would miss
    /// that decision, and on a busy machine the relay can be minutes behind.
    pub(crate) async fn replay(&self, event_id: &EventId, earlier: &[String]) -> Result<(), ReplayError> {
        let (mut handled, mut last_progress) = (self.game.handled(), Instant::now());
        while !self.game.has_handled(earlier) && last_progress.elapsed() < PATIENCE {
            tokio::time::sleep(POLL_INTERVAL).await;
            if self.game.handled() != handled {
                (handled, last_progress) = (self.game.handled(), Instant::now());
            }
        }
        let events = self.history.events_of(event_id.subject()).await?;
        let event = events.iter().find(|event| event.event_id == *event_id).ok_or(ReplayError::NotStored)?;
        let now = Timestamp::now();
        let message = replay_message(event, &self.history, self.payment_without_order, now).await;
        let message = message.map_err(|error| ReplayError::Undecided(error.to_string()))?;
        // `None` is Xsolla's retry of an event: never sent.
        let Some(replay) = message else { return Ok(()) };
        if let Some(decision) = &replay.decision {
            self.store_decision(event_id, decision).await?;
        }
        let message = replay.message.with_replay_id(&now.to_string());
        for _ in 0..ATTEMPTS {
            if let Some(SendResult::Sent) = self.queue.send(&[&message]).await.pop() {
                return Ok(());
            }
        }
        Err(ReplayError::NotSent)
    }

    async fn store_decision(&self, event_id: &EventId, decision: &StoredDecision) -> Result<(), PortError> {
        let mut result = Ok(());
        for _ in 0..ATTEMPTS {
            result = self.history.store_decision(event_id, decision).await;
            if result.is_ok() {
                break;
            }
        }
        result
    }
}

/// Reason why an event was not sent again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error("the event is not stored")]
    NotStored,
    #[error("the event cannot be decided: {0}")]
    Undecided(String),
    #[error("the queue is unavailable")]
    NotSent,
    #[error(transparent)]
    Unavailable(#[from] PortError),
}
