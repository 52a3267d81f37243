//! Xsolla: sends what was bought, one webhook after the other per purchase, and again by its schedules. Nobody waits for
//! them: the clock is simulated, and what is due next is sent next.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use xsolla::{Answer, BodyDigest, Envelope, EventId, Goods, Secrets, Signature, sign};

use crate::faults::{Fault, Faults};
use crate::purchases::{Purchase, Step};

/// The webhook secret.
pub(super) const SECRET: &str = "the storm's secret";
/// How many webhooks are on the way at once.
const AT_ONCE: usize = 16;
/// Longest time before Xsolla hangs up early.
const HANG_UP: u64 = 20;

/// Xsolla, and what it has seen.
#[derive(Debug)]
pub(super) struct Xsolla {
    http: Client<HttpConnector, Full<Bytes>>,
    url: String,
    faults: Faults,
    seen: Mutex<Seen>,
}

/// What Xsolla knows at the end, and what must be true of it elsewhere.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The events that were sent, by their id.
    pub(super) events: HashMap<String, Sent>,
    /// The digests of all bodies that were sent with a good signature.
    pub(super) signed: HashSet<String>,
    /// The digests of other content under a used id that was acknowledged.
    pub(super) changed: HashSet<String>,
    /// The purchases of which all has been told.
    pub(super) purchases: u64,
    /// Requests, with those that got no answer.
    pub(super) deliveries: u64,
    /// Those that were sent again by their schedule.
    pub(super) resent: u64,
    /// How often an event was acknowledged, counting each time.
    pub(super) acknowledged: u64,
    /// The webhooks that Xsolla has stopped sending without a success.
    pub(super) given_up: u64,
    /// Answers that are neither the documented success nor a 5xx, and a wrong signature's that are no 400.
    pub(super) wrong_answers: u64,
    /// How long the answers took, in microseconds.
    pub(super) took: Vec<u64>,
    /// What the simulated clock shows.
    pub(super) clock: Duration,
}

/// An event that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// Which purchase, and which of its webhooks.
    pub(super) place: (u32, usize),
    pub(super) subject: String,
    /// What it must mean.
    pub(super) goods: Goods,
    pub(super) acknowledged: bool,
}

/// A webhook that is due.
#[derive(Debug)]
struct Due {
    at: Duration,
    purchase: Arc<Purchase>,
    step: usize,
    resent: usize,
}

/// By time.
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

/// What a body is to the receiver.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) event_id: EventId,
    digest: String,
    success: u16,
}

/// Finds out what a body is to the receiver.
pub(super) fn identify(body: &str) -> Option<Identity> {
    let secrets = SECRET.parse::<Secrets>().ok()?;
    let signature = sign(body.as_bytes(), SECRET).parse::<Signature>().ok()?;
    let verified = secrets.verify(body.as_bytes(), &signature).ok()?;
    let envelope = Envelope::parse(&verified).ok()?;
    Some(Identity {
        success: Answer::Success(envelope.success()).status(),
        event_id: envelope.event_id().clone(),
        digest: BodyDigest::of(body.as_bytes()).to_string(),
    })
}

impl Xsolla {
    /// Calls this URL.
    pub(super) fn new(url: String, faults: Faults) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { http, url, faults, seen: Mutex::default() }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of all purchases, until each webhook is answered for good or given up.
    pub(super) async fn tell(self: &Arc<Self>, purchases: impl Iterator<Item = Purchase>) {
        let begins = |purchase: Purchase| Due { at: purchase.at, step: 0, resent: 0, purchase: Arc::new(purchase) };
        let mut purchases = purchases.map(begins).peekable();
        let mut due = BinaryHeap::new();
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < AT_ONCE {
                let resumed_by = due.peek().map(|Reverse(due): &Reverse<Due>| due.at);
                let next = match purchases.next_if(|new| resumed_by.is_none_or(|at| new.at <= at)) {
                    None => due.pop().map(|Reverse(due)| due),
                    new => new,
                };
                let Some(next) = next else { break };
                let xsolla = Arc::clone(self);
                under_way.spawn(async move { xsolla.attempt(next).await });
            }
            match under_way.join_next().await {
                Some(next) => due.extend(next.ok().flatten().map(Reverse)),
                None => return,
            }
        }
    }

    /// Sends what is due. Gives what is due next of this purchase.
    async fn attempt(&self, due: Due) -> Option<Due> {
        let steps = &due.purchase.steps;
        let step = steps.get(due.step)?;
        let answer = self.deliver(step, (due.purchase.number, due.step)).await;
        let mut seen = self.seen();
        seen.clock = seen.clock.max(due.at);
        if let Some(pause) = step.known.retry_schedule().delay(due.resent, answer) {
            seen.resent += 1;
            return Some(Due { at: due.at + pause, resent: due.resent + 1, ..due });
        }
        if answer.is_none_or(|status| status >= 300) {
            // What follows is sent after a success only.
            seen.given_up += 1;
            return None;
        }
        let next = steps.get(due.step + 1);
        seen.purchases += u64::from(next.is_none());
        let at = due.at + next?.after;
        Some(Due { at, step: due.step + 1, resent: 0, ..due })
    }

    /// Sends it once, or twice at once, with what strangers and faults add.
    async fn deliver(&self, step: &Step, place: (u32, usize)) -> Option<u16> {
        let identity = identify(&step.body)?;
        let Some(goods) = step.goods else {
            // A question is never sent again: a lost answer would be a lost buyer, whatever the receiver does.
            return self.post(&step.body, SECRET, identity.success).await;
        };
        // The table's clock has milliseconds, and simulated time is none to it: two events of one purchase must not share one.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let event_id = identity.event_id.to_string();
        {
            let mut seen = self.seen();
            seen.signed.insert(identity.digest.clone());
            let subject = identity.event_id.subject().to_owned();
            let sent = Sent { place, subject, goods, acknowledged: false };
            seen.events.entry(event_id.clone()).or_insert(sent);
        }
        if self.faults.strikes(Fault::Forged) {
            self.post(&other_content(&step.body, "forged"), "not the secret", 400).await;
        }
        let post = async || {
            let answer = self.post(&step.body, SECRET, identity.success).await;
            self.seen().acknowledged += u64::from(answer == Some(identity.success));
            answer
        };
        let answer = if self.faults.strikes(Fault::HungUp) {
            let patience = Duration::from_millis(self.faults.below(HANG_UP));
            tokio::time::timeout(patience, post()).await.ok().flatten()
        } else if self.faults.strikes(Fault::Twice) {
            let (first, second) = tokio::join!(post(), post());
            first.filter(|status| *status == identity.success).or(second)
        } else {
            post().await
        };
        if answer != Some(identity.success) {
            return answer;
        }
        if self.faults.strikes(Fault::AnswerLost) {
            return None;
        }
        if let Some(sent) = self.seen().events.get_mut(&event_id) {
            sent.acknowledged = true;
        }
        if self.faults.strikes(Fault::Changed) {
            self.change(step, &identity).await;
        }
        answer
    }

    /// Sends other content under the id of an event that was acknowledged.
    async fn change(&self, step: &Step, first: &Identity) {
        let changed = other_content(&step.body, "changed");
        // Of some types, another content is another event.
        let same_event = |other: &Identity| other.event_id == first.event_id;
        let Some(identity) = identify(&changed).filter(same_event) else { return };
        self.seen().signed.insert(identity.digest.clone());
        if self.post(&changed, SECRET, identity.success).await == Some(identity.success) {
            self.seen().changed.insert(identity.digest);
        }
    }

    /// Sends the event behind which there is nothing, until it is acknowledged, or plainly never will be.
    pub(super) async fn tell_the_last(&self, body: &str) {
        self.seen().signed.insert(BodyDigest::of(body.as_bytes()).to_string());
        for _ in 0..100 {
            if self.post(body, SECRET, 204).await == Some(204) {
                return;
            }
        }
    }

    /// One request. Gives the status, unless there was no answer.
    async fn post(&self, body: &str, secret: &str, right: u16) -> Option<u16> {
        let started = Instant::now();
        self.seen().deliveries += 1;
        let request = Request::post(&self.url)
            .header("authorization", sign(body.as_bytes(), secret))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())));
        let response = self.http.request(request.ok()?).await.ok()?;
        let status = response.status().as_u16();
        response.into_body().collect().await.ok()?;
        let mut seen = self.seen();
        seen.took.push(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
        seen.wrong_answers += u64::from(status != right && status < 500);
        Some(status)
    }
}

/// The same notification with one more field.
fn other_content(body: &str, field: &str) -> String {
    body.replacen('{', &format!(r#"{{"{field}":true,"#), 1)
}
