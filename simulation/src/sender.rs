//! Simulated Xsolla: sends the webhooks of each purchase in sequence, and retries by Xsolla's schedules.
//!
//! The clock is simulated: the next due webhook is sent without waiting.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use xsolla::{BodyDigest, sign};

use crate::delivery_log::{DeliveryLog, SentEvent};
use crate::fault::Fault;
use crate::fault_schedule::FaultSchedule;
use crate::notification::{Notification, SECRET, with_field};
use crate::operator::Operator;
use crate::purchases::{Purchase, Step, StepKind};

/// Number of purchases whose webhooks are sent concurrently.
const CONCURRENCY: usize = 16;
/// Latest time of an early disconnect, in milliseconds after the request.
const MAX_DISCONNECT_MS: u64 = 20;
/// Timeout of the webhook functions in `template.yaml`.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(2);
/// Attempts to send the last event. No faults are injected by then.
const LAST_EVENT_ATTEMPTS: u32 = 100;

/// The simulated Xsolla.
#[derive(Debug)]
pub(crate) struct Sender {
    http: Client<HttpConnector, Full<Bytes>>,
    url: String,
    faults: FaultSchedule,
    operator: Operator,
    log: Mutex<DeliveryLog>,
}

/// A webhook that is due.
#[derive(Debug)]
struct Due {
    at: Duration,
    purchase: Arc<Purchase>,
    step: usize,
    retries: usize,
}

/// Sorts by time, then purchase.
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.purchase.number).cmp(&(other.at, other.purchase.number))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl Sender {
    /// Sends to this URL.
    pub(crate) fn new(url: String, faults: FaultSchedule, operator: Operator) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { http, url, faults, operator, log: Mutex::default() }
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, DeliveryLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends all purchases, until each webhook has succeeded or its last retry has failed.
    pub(crate) async fn send(self: &Arc<Self>, purchases: impl Iterator<Item = Purchase>) {
        let first = |purchase: Purchase| Due { at: purchase.at, step: 0, retries: 0, purchase: Arc::new(purchase) };
        let mut purchases = purchases.map(first).peekable();
        let mut queue = BinaryHeap::new();
        let mut in_flight = JoinSet::new();
        loop {
            while in_flight.len() < CONCURRENCY {
                let queued_at = queue.peek().map(|Reverse(due): &Reverse<Due>| due.at);
                let due = match purchases.next_if(|new| queued_at.is_none_or(|at| new.at <= at)) {
                    None => queue.pop().map(|Reverse(due)| due),
                    new => new,
                };
                let Some(due) = due else { break };
                let sender = Arc::clone(self);
                in_flight.spawn(async move { sender.attempt(due).await });
            }
            match in_flight.join_next().await {
                Some(next) => queue.extend(next.ok().flatten().map(Reverse)),
                None => return,
            }
        }
    }

    /// Sends a webhook. Returns the purchase's next one: a retry, or the next step.
    async fn attempt(&self, due: Due) -> Option<Due> {
        let steps = &due.purchase.steps;
        let step = steps.get(due.step)?;
        let answer = match step.kind {
            StepKind::Replay => self.replay(&due.purchase, due.step).await,
            StepKind::Question | StepKind::Event { .. } => self.deliver(step, due.purchase.number, due.step).await,
        };
        let mut log = self.log();
        log.simulated_time = log.simulated_time.max(due.at);
        if let Some(delay) = step.notification_type.retry_schedule().delay(due.retries, answer) {
            log.retries += 1;
            return Some(Due { at: due.at + delay, retries: due.retries + 1, ..due });
        }
        if answer.is_none_or(|status| status >= 300) {
            // The next step requires a success.
            log.given_up += 1;
            return None;
        }
        let next = steps.get(due.step + 1);
        log.completed_purchases += u64::from(next.is_none());
        let at = due.at + next?.delay;
        Some(Due { at, step: due.step + 1, retries: 0, ..due })
    }

    /// Sends a webhook, with faults. Returns the status that Xsolla received.
    async fn deliver(&self, step: &Step, purchase: u32, index: usize) -> Option<u16> {
        let notification = Notification::read(&step.body)?;
        let success = Some(notification.success);
        let StepKind::Event { sale, goods, is_set_aside } = step.kind else {
            // No faults: Xsolla does not retry questions, so a lost answer is a lost sale for any receiver.
            return self.post(&step.body, SECRET, notification.success).await;
        };
        let event_id = notification.event_id.to_string();
        {
            let mut log = self.log();
            log.signed_digests.insert(notification.digest.clone());
            let occurrences = log.events.entry(event_id.clone()).or_default();
            if occurrences.last().is_none_or(|last| last.step != index) {
                occurrences.push(SentEvent { purchase, sale, step: index, goods, is_acknowledged: false });
            }
        }
        if is_set_aside {
            self.operator.set_aside(event_id.clone());
        }
        if self.faults.occurs(Fault::WrongSignature) {
            self.post(&with_field(&step.body, "forged"), "wrong_secret", 400).await;
        }
        let post = async || {
            let answer = self.post(&step.body, SECRET, notification.success).await;
            self.log().acknowledgements += u64::from(answer == success);
            answer
        };
        let answer = if self.faults.occurs(Fault::EarlyDisconnect) {
            let timeout = Duration::from_millis(self.faults.random_below(MAX_DISCONNECT_MS));
            let answer = tokio::time::timeout(timeout, post()).await.ok().flatten();
            // The next attempt is minutes later. By then the function has ended, but not by the simulated clock.
            tokio::time::sleep(FUNCTION_TIMEOUT).await;
            answer
        } else if self.faults.occurs(Fault::ConcurrentDuplicate) {
            let (first, second) = tokio::join!(post(), post());
            if first == success { first } else { second }
        } else {
            post().await
        };
        if answer != success {
            return answer;
        }
        if self.faults.occurs(Fault::AnswerLost) {
            return None;
        }
        if let Some(sent) = self.log().events.get_mut(&event_id).and_then(|occurrences| occurrences.last_mut()) {
            sent.is_acknowledged = true;
        }
        self.send_changed(step, &notification).await;
        answer
    }

    /// Sends an event again as an operator does: after the game has received the purchase's earlier events.
    ///
    /// Returns a status like a webhook's.
    async fn replay(&self, purchase: &Purchase, index: usize) -> Option<u16> {
        let (earlier, replayed) = purchase.steps.split_at_checked(index)?;
        let is_event = |step: &&Step| matches!(step.kind, StepKind::Event { .. });
        let earlier = earlier.iter().filter(is_event).filter_map(|step| Notification::read(&step.body));
        let earlier: Vec<String> = earlier.map(|notification| notification.event_id.to_string()).collect();
        let event_id = Notification::read(&replayed.first()?.body)?.event_id;
        self.log().replays += 1;
        let result = self.operator.replay(&event_id, &earlier).await;
        let failure = result.inspect_err(|error| tracing::error!(%event_id, %error, "replay failed"));
        Some(if failure.is_ok() { 204 } else { 400 })
    }

    /// Sends other content under the id of an acknowledged event, if that fault occurs.
    async fn send_changed(&self, step: &Step, original: &Notification) {
        let body = with_field(&step.body, "changed");
        // For some types, other content is another event.
        let is_same_event = |changed: &Notification| changed.event_id == original.event_id;
        let Some(changed) = Notification::read(&body).filter(is_same_event) else { return };
        if !self.faults.occurs(Fault::ChangedContent) {
            return;
        }
        self.log().signed_digests.insert(changed.digest.clone());
        if self.post(&body, SECRET, changed.success).await == Some(changed.success) {
            self.log().conflict_digests.insert(changed.digest);
        }
    }

    /// Sends the last event until it is acknowledged.
    pub(crate) async fn send_last(&self, body: &str) {
        self.log().signed_digests.insert(BodyDigest::of(body.as_bytes()).to_string());
        for _ in 0..LAST_EVENT_ATTEMPTS {
            if self.post(body, SECRET, 204).await == Some(204) {
                return;
            }
        }
    }

    /// Sends one request. Returns the status; `None` without an answer.
    async fn post(&self, body: &str, secret: &str, expected: u16) -> Option<u16> {
        let started = Instant::now();
        self.log().requests += 1;
        let request = Request::post(&self.url)
            .header("authorization", sign(body.as_bytes(), secret))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())));
        let response = self.http.request(request.ok()?).await.ok()?;
        let status = response.status().as_u16();
        response.into_body().collect().await.ok()?;
        let mut log = self.log();
        log.answer_times.push(started.elapsed());
        log.wrong_answers += u64::from(status != expected && status < 500);
        Some(status)
    }
}
