//! Forwards the events of a queue to an HTTP server (`xsolla-webhooks listen`).
//!
//! The headers are those of [Standard Webhooks](https://www.standardwebhooks.com).

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as System, QueueAttributeName};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Uri;
use intake::aws::port_error;
use intake::ports::PortError;
use jiff::Timestamp;
use message::Event;
use sha2::Sha256;
use uuid::Uuid;

use crate::format::one_line;
use crate::http::Http;
use crate::replay::Effect;

/// Prefix of a key, before its bytes in Base64.
const KEY_PREFIX: &str = "whsec_";
/// Shortest key that Standard Webhooks allows, in bytes.
const MIN_KEY_LEN: usize = 24;

/// A key that signs forwarded events. `Debug` hides it.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

/// A text that is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a signing key: expected `whsec_` and at least {MIN_KEY_LEN} bytes in Base64")]
pub struct ParseSigningKeyError;

impl SigningKey {
    /// Creates a random key.
    #[must_use]
    pub fn random() -> Self {
        Self([*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat())
    }

    /// The key as a text, for the configuration of the server.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{KEY_PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// The header `webhook-signature`: HMAC-SHA256 of id, time and body.
    fn sign(&self, id: &str, timestamp: i64, body: &str) -> Option<String> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?.chain_update(format!("{id}.{timestamp}.{body}"));
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl std::str::FromStr for SigningKey {
    type Err = ParseSigningKeyError;

    fn from_str(text: &str) -> Result<Self, ParseSigningKeyError> {
        let bytes = text.strip_prefix(KEY_PREFIX).and_then(|key| STANDARD.decode(key).ok());
        bytes.filter(|bytes| bytes.len() >= MIN_KEY_LEN).map(Self).ok_or(ParseSigningKeyError)
    }
}

/// Forwards events, in order per subject.
#[derive(Debug)]
pub struct Forwarder {
    /// SQS client.
    pub sqs: Client,
    /// URL of the queue.
    pub queue_url: String,
    /// HTTP client.
    pub http: Http,
    /// URL of the server.
    pub url: Uri,
    /// Key of the signatures.
    pub key: SigningKey,
    /// Seconds until a failed event is delivered again. `None`: the visibility timeout of the queue.
    pub retry_after: Option<i32>,
    /// Number of deliveries after which an event becomes a dead letter. `None`: unknown.
    pub max_deliveries: Option<u32>,
}

/// Result of a call to [`Forwarder::forward`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// Number of events that the server has accepted. They are deleted.
    pub accepted: usize,
    /// Number of events that remain in the queue.
    pub failed: usize,
}

/// Reads the number of deliveries after which a message becomes a dead letter. `None`: the queue cannot be read, or has no
/// dead-letter queue.
pub async fn max_deliveries(sqs: &Client, queue_url: &str) -> Option<u32> {
    let get = sqs.get_queue_attributes().queue_url(queue_url).attribute_names(QueueAttributeName::RedrivePolicy);
    let output = get.send().await.ok()?;
    let policy = output.attributes()?.get(&QueueAttributeName::RedrivePolicy)?;
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    let count = &policy["maxReceiveCount"];
    // SQS returns a number or a text, as the policy was written.
    count.as_str().map_or_else(|| count.as_u64()?.try_into().ok(), |text| text.parse().ok())
}

impl Forwarder {
    /// Receives up to ten messages and forwards them. Subjects are forwarded side by side, the events of a subject in
    /// order. After a failure, the later events of the subject wait.
    ///
    /// A message is deleted only after a 2xx. Calls `report` with one line per event.
    ///
    /// # Errors
    ///
    /// If SQS is unavailable.
    pub async fn forward(&self, wait_seconds: i32, report: &impl Fn(&str)) -> Result<Forwarded, PortError> {
        let receive = self.sqs.receive_message().queue_url(&self.queue_url).max_number_of_messages(10);
        let receive = receive.message_system_attribute_names(System::All).wait_time_seconds(wait_seconds);
        let received = receive.send().await.map_err(|error| port_error("sqs:ReceiveMessage", &error))?;
        let mut groups: Vec<(String, Vec<Message>)> = Vec::new();
        for message in received.messages.unwrap_or_default() {
            let group = system_attribute(&message, &System::MessageGroupId);
            match groups.iter_mut().find(|(other, _)| *other == group) {
                Some((_, messages)) => messages.push(message),
                None => groups.push((group, vec![message])),
            }
        }
        let mut forwarded = Forwarded::default();
        for result in join_all(groups.iter().map(|(_, messages)| self.forward_group(messages, report))).await {
            let Forwarded { accepted, failed } = result?;
            forwarded.accepted += accepted;
            forwarded.failed += failed;
        }
        Ok(forwarded)
    }

    /// Forwards the events of a subject, up to the first failure.
    async fn forward_group(&self, messages: &[Message], report: &impl Fn(&str)) -> Result<Forwarded, PortError> {
        for (index, message) in messages.iter().enumerate() {
            if self.forward_one(message, report).await? {
                let delete = self.sqs.delete_message().queue_url(&self.queue_url);
                let delete = delete.set_receipt_handle(message.receipt_handle.clone()).send().await;
                delete.map_err(|error| port_error("sqs:DeleteMessage", &error))?;
                continue;
            }
            for later in &messages[index + 1..] {
                let (id, goods) = id_and_goods(later);
                let delivery = self.describe_failure(later, "not sent after the failed event");
                report(&one_line(format!("---  {id}  {goods}  <- {delivery}")));
            }
            // The later ones first, so that no other reader receives one of them before the failed one.
            for message in messages[index..].iter().rev() {
                self.release(message).await?;
            }
            return Ok(Forwarded { accepted: index, failed: messages.len() - index });
        }
        Ok(Forwarded { accepted: messages.len(), failed: 0 })
    }

    /// Posts an event. Returns whether the server has accepted it.
    async fn forward_one(&self, message: &Message, report: &impl Fn(&str)) -> Result<bool, PortError> {
        let body = message.body().unwrap_or_default();
        let (id, goods) = id_and_goods(message);
        let now = Timestamp::now().as_second();
        let headers = [
            ("webhook-id", id.clone()),
            ("webhook-timestamp", now.to_string()),
            ("webhook-signature", self.key.sign(&id, now, body).unwrap_or_default()),
        ];
        let (answer, is_accepted) = match self.http.post(&self.url, &headers, body.as_bytes()).await {
            Ok(response) => (response.status.to_string(), (200..300).contains(&response.status)),
            Err(error) => (error.to_string(), false),
        };
        let failure =
            if is_accepted { String::new() } else { format!("  <- {}", self.describe_failure(message, "failed")) };
        report(&one_line(format!("{answer}  {id}  {goods}{failure}")));
        Ok(is_accepted)
    }

    /// Describes a delivery without success, and what follows. SQS counts each message that was received.
    fn describe_failure(&self, message: &Message, result: &str) -> String {
        let delivery = system_attribute(message, &System::ApproximateReceiveCount);
        let Some(max) = self.max_deliveries else { return format!("delivery {delivery} {result}") };
        if delivery.parse().is_ok_and(|delivery: u32| delivery >= max) {
            return format!("delivery {delivery} of {max} {result}, becomes a dead letter");
        }
        let after =
            self.retry_after.map_or_else(|| "the visibility timeout".to_owned(), |seconds| format!("{seconds} s"));
        format!("delivery {delivery} of {max} {result}, again after {after}")
    }

    /// Makes a message visible after the configured time.
    async fn release(&self, message: &Message) -> Result<(), PortError> {
        let Some(seconds) = self.retry_after else { return Ok(()) };
        let change = self.sqs.change_message_visibility().queue_url(&self.queue_url).visibility_timeout(seconds);
        let change = change.set_receipt_handle(message.receipt_handle.clone()).send().await;
        change.map(drop).map_err(|error| port_error("sqs:ChangeMessageVisibility", &error))
    }
}

/// The event id and the effect on goods; the message id if the message is not an event.
fn id_and_goods(message: &Message) -> (String, String) {
    match Event::read(message.body().unwrap_or_default()) {
        Ok(event) => (event.event_id.to_string(), Effect::of(&event).goods),
        Err(_) => (message.message_id().unwrap_or_default().to_owned(), "not an event".to_owned()),
    }
}

fn system_attribute(message: &Message, name: &System) -> String {
    message.attributes().and_then(|attributes| attributes.get(name).cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// Published vector of Standard Webhooks.
    #[test]
    fn signature_is_that_of_standard_webhooks() {
        let key: SigningKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    /// The local queue returns one message per subject, SQS returns several.
    #[rstest]
    #[case::limit(
        Some(10),
        ["delivery 9 of 10 failed, again after the visibility timeout",
         "delivery 10 of 10 not sent after the failed event, becomes a dead letter"]
    )]
    #[case::unknown_limit(None, ["delivery 9 failed", "delivery 10 not sent after the failed event"])]
    #[tokio::test]
    async fn failed_delivery_and_those_behind_it_say_what_follows(
        #[case] max_deliveries: Option<u32>,
        #[case] expected: [&str; 2],
    ) {
        // Makes no call to SQS: nothing is deleted, and the visibility remains.
        let forwarder = Forwarder {
            sqs: crate::connection::Clients::emulator().sqs,
            queue_url: String::new(),
            http: Http::default(),
            url: "http://127.0.0.1:1/".parse().unwrap(),
            key: SigningKey::random(),
            retry_after: None,
            max_deliveries,
        };
        let message =
            |count: &str| Message::builder().message_id("m").attributes(System::ApproximateReceiveCount, count).build();
        let lines = std::cell::RefCell::new(Vec::new());
        let report = |line: &str| lines.borrow_mut().push(line.split_once("<- ").unwrap().1.to_owned());
        let forwarded = forwarder.forward_group(&[message("9"), message("10")], &report).await.unwrap();
        assert_eq!(forwarded, Forwarded { accepted: 0, failed: 2 });
        assert_eq!(*lines.borrow(), expected);
    }

    #[test]
    fn random_key_parses_from_its_text_and_is_hidden() {
        let key = SigningKey::random();
        let same: SigningKey = key.expose().parse().unwrap();
        assert_eq!(same.0, key.0);
        assert_ne!(SigningKey::random().0, key.0);
        assert_eq!(format!("{key:?}"), "SigningKey(..)");
        for text in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_?"] {
            assert!(text.parse::<SigningKey>().is_err(), "{text}");
        }
    }
}
