//! The queue, the dead letters and the parked events.

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as System, QueueAttributeName as Attribute};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, request};
use intake::aws::port_error;
use intake::ports::{Parked, PortError};
use jiff::Timestamp;
use message::Event;
use serde_json::{Value, json};
use xsolla::EventId;

use super::{Failure, JsonResult, Shared, StackData};

/// Seconds for which messages are invisible to other readers if they are not released earlier.
const VISIBILITY_TIMEOUT: i32 = 30;

/// Messages that are read at most from the dead-letter queue and the parked queue.
const MAX_ENTRIES: usize = 200;

/// Counts of the three queues, and the entries of the last two.
pub(super) async fn queues(State(console): Shared, head: request::Parts) -> JsonResult {
    let data = &console.data;
    let is_masked = console.is_masked(&head);
    let read = async {
        let (dead_letters, parked) = (data.peek(&data.queues.dead_letters), data.peek(&data.queues.parked));
        Ok::<_, PortError>(json!({
            "events": data.counts(&data.queues.events).await?,
            "dead_letters": dead_letters.await?.iter().map(|message| dead_letter(message, is_masked)).collect::<Value>(),
            "parked": parked.await?.iter().map(parked_note).collect::<Value>(),
        }))
    };
    Ok(Json(read.await.map_err(Failure::unavailable)?))
}

/// Sends dead letters and parked events again.
pub(super) async fn redrive(State(console): Shared) -> JsonResult {
    let redrive = &console.session()?.redrive;
    let result = (redrive.0)().await.map_err(|error| Failure(StatusCode::BAD_GATEWAY, error))?;
    Ok(Json(json!({ "result": result })))
}

impl StackData {
    /// Approximate numbers of visible and received messages.
    async fn counts(&self, url: &str) -> Result<Value, PortError> {
        let names = [Attribute::ApproximateNumberOfMessages, Attribute::ApproximateNumberOfMessagesNotVisible];
        let get = self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        let output = get.send().await.map_err(|error| port_error("sqs:GetQueueAttributes", &error))?;
        let [waiting, received] =
            names.map(|name| output.attributes().and_then(|all| all.get(&name)?.parse::<u64>().ok()).unwrap_or(0));
        Ok(json!({ "waiting": waiting, "received": received }))
    }

    /// Receives the messages and releases them again.
    async fn peek(&self, url: &str) -> Result<Vec<Message>, PortError> {
        let mut messages: Vec<Message> = Vec::new();
        while messages.len() < MAX_ENTRIES {
            let receive = self.sqs.receive_message().queue_url(url).max_number_of_messages(10);
            let receive = receive.visibility_timeout(VISIBILITY_TIMEOUT).message_system_attribute_names(System::All);
            let received = receive.send().await.map_err(|error| port_error("sqs:ReceiveMessage", &error));
            match received.map(|output| output.messages.unwrap_or_default()) {
                Ok(batch) if !batch.is_empty() => messages.extend(batch),
                Ok(_) => break,
                Err(error) => {
                    self.release(url, &messages).await;
                    return Err(error);
                }
            }
        }
        self.release(url, &messages).await;
        Ok(messages)
    }

    /// Makes messages visible again. A failure is ignored: they become visible after [`VISIBILITY_TIMEOUT`].
    async fn release(&self, url: &str, messages: &[Message]) {
        for message in messages.iter().rev() {
            let change = self.sqs.change_message_visibility().queue_url(url).visibility_timeout(0);
            let _ = change.set_receipt_handle(message.receipt_handle.clone()).send().await;
        }
    }
}

fn dead_letter(message: &Message, is_masked: bool) -> Value {
    let Ok(event) = Event::read(message.body().unwrap_or_default()) else {
        return json!({ "event_id": Value::Null, "type": "not an event", "since": since(message) });
    };
    json!({
        "event_id": event.event_id,
        "type": event.notification_type,
        "user": event.user_id.filter(|_| !is_masked),
        "order": event.order_id,
        "mode": event.mode,
        "goods": event.goods,
        "goods_reason": event.goods_reason,
        "since": since(message),
    })
}

fn parked_note(message: &Message) -> Value {
    match serde_json::from_str(message.body().unwrap_or_default()) {
        Ok(Parked { pk, sk, cause }) => {
            json!({ "event_id": EventId::new(pk, sk).to_string(), "cause": cause, "since": since(message) })
        }
        Err(_) => json!({ "event_id": Value::Null, "cause": "a batch that Lambda gave up", "since": since(message) }),
    }
}

/// Time of arrival in the queue.
fn since(message: &Message) -> Option<Timestamp> {
    let milliseconds = message.attributes.as_ref()?.get(&System::SentTimestamp)?.parse().ok()?;
    Timestamp::from_millisecond(milliseconds).ok()
}
