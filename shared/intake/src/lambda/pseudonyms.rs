//! The keys of the pseudonyms that replace user ids in the log.
//!
//! They are not the webhook secrets, so that a reader of the log cannot test guesses of a secret.

use std::pin::pin;

use futures_util::future::{Either, select};
use jiff::Timestamp;
use xsolla::Secrets;

use super::api_gateway::{HttpFlow, Request};
use crate::accept::DeliveryReport;
use crate::ports::SecretStore;
use crate::secrets::SecretCache;

/// A flow with the keys of the pseudonyms in its log lines.
#[derive(Debug)]
pub struct WithPseudonyms<F, S: SecretStore> {
    /// The flow.
    pub flow: F,
    /// The keys, the current one first. Without them, log lines have no user.
    pub keys: Option<SecretCache<S>>,
}

impl<F: HttpFlow, S: SecretStore<Value = Secrets>> HttpFlow for WithPseudonyms<F, S> {
    /// Runs the flow. Reads missing or old keys meanwhile, and does not wait for them.
    async fn process<'a>(&self, request: Request<'a>) -> DeliveryReport<'a> {
        let now = request.received_at;
        let Some(keys) = &self.keys else { return self.flow.process(request).await };
        let process = pin!(self.flow.process(request));
        let report = if keys.is_read_due(now) {
            // Boxed to keep the future of a webhook small. This call happens once in five minutes.
            match select(Box::pin(refresh(keys, now)), process).await {
                Either::Left(((), process)) => process.await,
                Either::Right((report, _interrupted)) => report,
            }
        } else {
            process.await
        };
        DeliveryReport { pseudonym_keys: keys.cached(), ..report }
    }
}

async fn refresh(keys: &SecretCache<impl SecretStore>, now: Timestamp) {
    if let Err(error) = keys.current(now).await {
        tracing::warn!(%error, "reading the pseudonym key failed; log lines have no user");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;
    use serde_json::json;
    use tokio::time::Instant;

    use super::*;
    use crate::accept::{AcceptedTypes, DEADLINE, Intake, SourcePolicy};
    use crate::lambda::api_gateway::handle;
    use crate::lambda::proxy::ProxyRequest;
    use crate::testing::{Behavior, FakeDirectory, FakeEventStore, FakeSecretStore, SECRET, sign};

    type Function = WithPseudonyms<Intake<FakeEventStore, FakeDirectory, FakeSecretStore>, FakeSecretStore>;

    fn function() -> Function {
        let flow = Intake {
            accepted_types: AcceptedTypes::All,
            events: FakeEventStore::default(),
            directory: None,
            secrets: SecretCache::new(FakeSecretStore::new(SECRET)),
            sources: SourcePolicy::default(),
        };
        WithPseudonyms { flow, keys: Some(SecretCache::new(FakeSecretStore::new("first"))) }
    }

    /// Delivers a payment. Returns the status and the pseudonym in the log line.
    async fn deliver(function: &Function, second: i64) -> (i64, serde_json::Value) {
        let body = r#"{"notification_type":"payment","transaction":{"id":7},"user":{"id":"mira"}}"#;
        let request = json!({ "httpMethod": "POST", "headers": { "authorization": sign(body, SECRET) }, "body": body });
        let request: ProxyRequest = serde_json::from_str(&request.to_string()).unwrap();
        let received_at = Timestamp::from_second(second).unwrap();
        let (response, line) = handle(function, &request, None, received_at, DEADLINE).await;
        (response.status_code, serde_json::to_value(&line).unwrap()["user"].clone())
    }

    fn pseudonym(key: &str) -> serde_json::Value {
        key.parse::<xsolla::Secrets>().unwrap().pseudonyms("mira").next().into()
    }

    #[tokio::test]
    async fn keys_are_read_once_in_five_minutes_and_the_first_is_used() {
        let function = function();
        let keys = function.keys.as_ref().unwrap();
        for second in 0..300 {
            assert_eq!(deliver(&function, second).await, (204, pseudonym("first")), "{second}");
        }
        assert_eq!(keys.store().control.calls(), 1);
        keys.store().set(r#"["second","first"]"#);
        assert_eq!(deliver(&function, 300).await, (204, pseudonym("second")));
        assert_eq!(keys.store().control.calls(), 2);
    }

    #[rstest]
    #[case::failing(Behavior::Fail)]
    #[case::hanging(Behavior::Hang)]
    #[tokio::test(start_paused = true)]
    async fn unreadable_keys_neither_delay_nor_fail_a_webhook(#[case] behavior: Behavior) {
        let function = function();
        let keys = function.keys.as_ref().unwrap();
        keys.store().control.set(behavior);
        let started = Instant::now();
        for second in 0..10 {
            assert_eq!(deliver(&function, second).await, (204, json!(null)));
        }
        assert_eq!(keys.store().control.calls(), 1, "the failure is remembered");
        keys.store().control.set(Behavior::Succeed);
        assert_eq!(deliver(&function, 10).await, (204, pseudonym("first")));
        keys.store().control.set(behavior);
        assert_eq!(deliver(&function, 400).await, (204, pseudonym("first")), "old keys stay in use");
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn without_keys_the_line_has_no_user() {
        let function = WithPseudonyms { keys: None, ..function() };
        assert_eq!(deliver(&function, 0).await, (204, json!(null)));
    }
}
