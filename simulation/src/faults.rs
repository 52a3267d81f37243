//! What goes wrong on the way: drawn by the seed, on the real roads.
//!
//! Calls to DynamoDB and SQS fail between the SDK and the network, so that the SDK's own repetitions and time-outs are part
//! of the storm.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use fastrand::Rng;
use http_body_util::BodyExt;
use local::FaultInjector;
use serde_json::{Value, json};

/// Longer than an attempt may take: [`intake::aws::CallLimits::WEBHOOK`].
const SLOW: Duration = Duration::from_millis(600);

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A call to a service of AWS.
    Call(Service, Trouble),
    /// The answer does not reach Xsolla.
    AnswerLost,
    /// Xsolla's connection ends while the function works.
    HungUp,
    /// The same webhook comes twice at once.
    Twice,
    /// Other content comes under an id that is used.
    Changed,
    /// Other content comes under this id, signed with another secret.
    Forged,
    /// The relay ends after a batch, before Lambda knows that it is done.
    RelayCrash,
    /// The game ends before it applies an event.
    GameCrashBefore,
    /// The game ends after it applied an event, before it tells the queue.
    GameCrashAfter,
}

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    DynamoDb,
    Sqs,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The connection breaks before the service has the call.
    Before,
    /// The connection breaks after the call took effect.
    After,
    /// The answer comes too late, after the call took effect.
    Slow,
    /// The service throttles.
    Throttled,
    /// The service answers 500.
    Internal,
    /// The service is away for this many calls.
    Away(u32),
    /// The service takes all of a batch but one message.
    OneLess,
}

/// All of them, and how many chances one takes on average.
const FAULTS: [(Fault, u32); 21] = {
    use Service::{DynamoDb, Sqs};
    use Trouble::{After, Away, Before, Internal, OneLess, Slow, Throttled};
    [
        (Fault::Call(DynamoDb, Before), 60),
        (Fault::Call(DynamoDb, After), 60),
        (Fault::Call(DynamoDb, Slow), 300),
        (Fault::Call(DynamoDb, Throttled), 60),
        (Fault::Call(DynamoDb, Internal), 60),
        (Fault::Call(DynamoDb, Away(40)), 300),
        (Fault::Call(Sqs, Before), 25),
        (Fault::Call(Sqs, After), 25),
        (Fault::Call(Sqs, Slow), 60),
        (Fault::Call(Sqs, Throttled), 25),
        (Fault::Call(Sqs, Internal), 25),
        (Fault::Call(Sqs, Away(10)), 60),
        (Fault::Call(Sqs, OneLess), 12),
        (Fault::AnswerLost, 40),
        (Fault::HungUp, 60),
        (Fault::Twice, 40),
        (Fault::Changed, 50),
        (Fault::Forged, 60),
        (Fault::RelayCrash, 6),
        (Fault::GameCrashBefore, 60),
        (Fault::GameCrashAfter, 40),
    ]
};

/// Decides what goes wrong, and counts it.
#[derive(Debug, Clone)]
pub(crate) struct Faults(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Whether anything goes wrong at all.
    on: bool,
    /// Whether Xsolla has told all: from then on, only the game crashes.
    is_told: bool,
    rng: Rng,
    /// For each of [`FAULTS`], after how many chances it strikes, and how often it has.
    next: [(u32, u64); FAULTS.len()],
    /// The services that are away, for how many calls more.
    away: Vec<(Service, u32)>,
}

impl Faults {
    /// Those of a seed, if there shall be any.
    pub(crate) fn new(on: bool, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let next = FAULTS.map(|(_, every)| (pause(&mut rng, every), 0));
        Self(Arc::new(Mutex::new(State { on, is_told: false, rng, next, away: Vec::new() })))
    }

    /// From here on, nothing goes wrong but the game, which has perhaps not begun yet.
    pub(crate) fn stop(&self) {
        self.state().is_told = true;
    }

    /// Whether this goes wrong now.
    pub(crate) fn strikes(&self, fault: Fault) -> bool {
        self.pick(|candidate| candidate == fault).is_some()
    }

    /// A number below this one, for a fault that has a measure.
    pub(crate) fn below(&self, limit: u64) -> u64 {
        self.state().rng.u64(0..limit)
    }

    /// What went wrong, and how often.
    pub(crate) fn struck(&self) -> Vec<(Fault, u64)> {
        let state = self.state();
        FAULTS.iter().zip(state.next).map(|((fault, _), (_, struck))| (*fault, struck)).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first of these that goes wrong now.
    fn pick(&self, among: impl Fn(Fault) -> bool) -> Option<Fault> {
        let State { on, is_told, rng, next, .. } = &mut *self.state();
        let may_strike = |fault| *on && (!*is_told || matches!(fault, Fault::GameCrashBefore | Fault::GameCrashAfter));
        for ((fault, every), (chances, struck)) in FAULTS.into_iter().zip(next) {
            if may_strike(fault) && among(fault) {
                *chances -= 1;
                if *chances == 0 {
                    *chances = pause(rng, every);
                    *struck += 1;
                    return Some(fault);
                }
            }
        }
        None
    }

    fn trouble(&self, call: &Call) -> Option<Trouble> {
        if self.state().is_away(call.service) {
            return Some(Trouble::Before);
        }
        let possible = |fault| match fault {
            Fault::Call(service, Trouble::OneLess) => service == call.service && call.is_batch,
            Fault::Call(service, _) => service == call.service,
            _ => false,
        };
        match self.pick(possible)? {
            Fault::Call(service, Trouble::Away(calls)) => {
                self.state().away.push((service, calls));
                Some(Trouble::Before)
            }
            Fault::Call(_, trouble) => Some(trouble),
            _ => None,
        }
    }
}

impl FaultInjector for Faults {
    fn wrap(&self, config: &SdkConfig) -> SdkConfig {
        let Some(inner) = config.http_client() else { return config.clone() };
        config.to_builder().http_client(FaultyHttp { inner, faults: self.clone() }).build()
    }

    fn crashes_relay(&self) -> bool {
        self.strikes(Fault::RelayCrash)
    }
}

impl State {
    /// Whether it is away for this call.
    fn is_away(&mut self, service: Service) -> bool {
        let mut away = self.away.iter_mut().filter(|(_, calls)| !self.is_told && *calls > 0);
        away.find(|(away, _)| *away == service).map(|(_, calls)| *calls -= 1).is_some()
    }
}

/// How many chances pass until it strikes: drawn so that `every` is the mean, and it strikes for sure within twice that.
fn pause(rng: &mut Rng, every: u32) -> u32 {
    rng.u32(1..2 * every)
}

/// One call to a service.
struct Call {
    service: Service,
    is_batch: bool,
}

#[derive(Debug)]
struct FaultyHttp {
    inner: SharedHttpClient,
    faults: Faults,
}

impl HttpClient for FaultyHttp {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(FaultyConnector { inner, faults: self.faults.clone() })
    }
}

#[derive(Debug)]
struct FaultyConnector {
    inner: SharedHttpConnector,
    faults: Faults,
}

impl HttpConnector for FaultyConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let service = if target.starts_with("AmazonSQS") { Service::Sqs } else { Service::DynamoDb };
        let call = Call { service, is_batch: target.ends_with(".SendMessageBatch") };
        let inner = self.inner.clone();
        match self.faults.trouble(&call) {
            None => inner.call(request),
            Some(Trouble::Before | Trouble::Away(_)) => HttpConnectorFuture::ready(Err(broken())),
            Some(Trouble::After) => HttpConnectorFuture::new(async move {
                inner.call(request).await?;
                Err(broken())
            }),
            Some(Trouble::Slow) => HttpConnectorFuture::new(async move {
                let answer = inner.call(request).await?;
                tokio::time::sleep(SLOW).await;
                Ok(answer)
            }),
            Some(Trouble::Throttled) => {
                HttpConnectorFuture::ready(answer(400, &json!({"__type": "ThrottlingException"})))
            }
            Some(Trouble::Internal) => {
                HttpConnectorFuture::ready(answer(500, &json!({"__type": "InternalServerError"})))
            }
            Some(Trouble::OneLess) => HttpConnectorFuture::new(one_less(inner, request)),
        }
    }
}

fn broken() -> ConnectorError {
    ConnectorError::io("the connection was broken by the storm".into())
}

fn answer(status: u16, body: &Value) -> Result<HttpResponse, ConnectorError> {
    let status = status.try_into().map_err(other)?;
    Ok(HttpResponse::new(status, SdkBody::from(body.to_string())))
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> ConnectorError {
    ConnectorError::other(error.into(), None)
}

/// Sends a batch without its first message, of which the answer says that it failed.
async fn one_less(inner: SharedHttpConnector, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let mut batch: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).map_err(other)?;
    let entries = batch.get_mut("Entries").and_then(Value::as_array_mut);
    let Some(entries) = entries.filter(|entries| !entries.is_empty()) else { return inner.call(request).await };
    let left_out = entries.remove(0);
    let mut told = json!({ "Successful": [], "Failed": [] });
    if !entries.is_empty() {
        let mut rest = HttpRequest::new(SdkBody::from(batch.to_string()));
        rest.set_method(request.method()).map_err(other)?;
        rest.set_uri(request.uri()).map_err(other)?;
        for (name, value) in request.headers().iter().filter(|(name, _)| *name != "content-length") {
            rest.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        let taken = inner.call(rest).await?;
        if !taken.status().is_success() {
            return Ok(taken);
        }
        let taken = taken.into_body().collect().await.map_err(ConnectorError::io)?;
        told = serde_json::from_slice(&taken.to_bytes()).map_err(other)?;
    }
    let failed = json!({ "Id": left_out.get("Id"), "Code": "InternalError", "SenderFault": false });
    match told.get_mut("Failed").and_then(Value::as_array_mut) {
        Some(list) => list.push(failed),
        None => told["Failed"] = json!([failed]),
    }
    answer(200, &told)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(service, trouble) => write!(f, "{service}: {trouble}"),
            Self::AnswerLost => f.write_str("Xsolla: the answer was lost"),
            Self::HungUp => f.write_str("Xsolla: hung up early"),
            Self::Twice => f.write_str("Xsolla: sent twice at once"),
            Self::Changed => f.write_str("Xsolla: other content under a used id"),
            Self::Forged => f.write_str("a stranger: wrong signature"),
            Self::RelayCrash => f.write_str("relay: crashed after a batch"),
            Self::GameCrashBefore => f.write_str("game: crashed before applying"),
            Self::GameCrashAfter => f.write_str("game: crashed after applying"),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DynamoDb => "DynamoDB",
            Self::Sqs => "SQS",
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before => f.write_str("broke before the call"),
            Self::After => f.write_str("broke after the call took effect"),
            Self::Slow => f.write_str("answered too late"),
            Self::Throttled => f.write_str("throttled"),
            Self::Internal => f.write_str("answered 500"),
            Self::Away(calls) => write!(f, "away for {calls} calls"),
            Self::OneLess => f.write_str("took a batch but for one"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_strikes_within_twice_its_mean_and_only_the_games_when_all_is_told() {
        let faults = Faults::new(true, 7);
        for (fault, every) in FAULTS {
            assert!((1..2 * every).any(|_| faults.strikes(fault)), "{fault}");
        }
        assert!(faults.struck().iter().all(|(_, struck)| *struck == 1));
        faults.stop();
        for (fault, every) in FAULTS {
            let is_the_games = matches!(fault, Fault::GameCrashBefore | Fault::GameCrashAfter);
            assert_eq!((1..2 * every).any(|_| faults.strikes(fault)), is_the_games, "{fault}");
        }
    }

    #[test]
    fn a_service_that_is_away_is_away_for_all_its_calls_and_for_none_of_another() {
        let faults = Faults::new(true, 7);
        let away = |service| faults.state().is_away(service);
        faults.state().away.push((Service::Sqs, 2));
        assert_eq!(
            [away(Service::DynamoDb), away(Service::Sqs), away(Service::Sqs), away(Service::Sqs)],
            [false, true, true, false]
        );
        faults.state().away.push((Service::Sqs, 2));
        faults.stop();
        assert!(!away(Service::Sqs));
    }
}
