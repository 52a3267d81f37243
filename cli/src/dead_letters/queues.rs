//! Access to the dead-letter queue and the parked queue.

use std::collections::HashSet;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as System, QueueAttributeName as Queue};
use intake::aws::{QueueUrls, port_error};
use intake::ports::PortError;

use crate::explain::of_queue;

/// Seconds for which received messages are invisible to other readers, if this process does not release them earlier.
const VISIBILITY_TIMEOUT: i32 = 120;

/// The dead-letter queue and the parked queue.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    /// SQS client.
    pub sqs: Client,
    /// URLs of the queues.
    pub queues: QueueUrls,
}

impl DeadLetters {
    /// Receives all available messages and releases them again.
    pub(super) async fn peek(&self, url: &str) -> Result<Vec<Message>, PortError> {
        let mut messages = Vec::new();
        let result = loop {
            match self.receive(url, &messages).await {
                Ok(Some(batch)) => messages.extend(batch),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.release(url, &messages).await;
        result.map(|()| messages)
    }

    /// Receives the next messages that are not in `held`; `None` if there are no more.
    pub(super) async fn receive(&self, url: &str, held: &[Message]) -> Result<Option<Vec<Message>>, PortError> {
        let receive = self.sqs.receive_message().queue_url(url).max_number_of_messages(10);
        let receive = receive.visibility_timeout(VISIBILITY_TIMEOUT).message_attribute_names("All");
        // Long polling: a short poll queries some of SQS's servers only and may miss messages.
        let receive = receive.message_system_attribute_names(System::All).wait_time_seconds(1);
        let output = receive.send().await.map_err(|error| of_queue(url, &port_error("sqs:ReceiveMessage", &error)))?;
        let mut messages = output.messages.unwrap_or_default();
        let held: HashSet<Option<&str>> = held.iter().map(Message::message_id).collect();
        messages.retain(|message| !held.contains(&message.message_id()));
        Ok(if messages.is_empty() { None } else { Some(messages) })
    }

    /// Makes messages visible again. A failure is ignored: they become visible after [`VISIBILITY_TIMEOUT`].
    pub(super) async fn release(&self, url: &str, messages: &[Message]) {
        for message in messages.iter().rev() {
            let change = self.sqs.change_message_visibility().queue_url(url).visibility_timeout(0);
            let _ = change.set_receipt_handle(message.receipt_handle.clone()).send().await;
        }
    }

    pub(super) async fn delete(&self, url: &str, message: &Message) -> Result<(), PortError> {
        let delete = self.sqs.delete_message().queue_url(url).set_receipt_handle(message.receipt_handle.clone());
        let deleted = delete.send().await.map(drop);
        deleted.map_err(|error| of_queue(url, &port_error("sqs:DeleteMessage", &error)))
    }

    /// One attribute of a queue.
    pub(crate) async fn attribute(&self, url: &str, name: Queue) -> Result<Option<String>, PortError> {
        let get = self.sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone());
        let output = get.send().await.map_err(|error| of_queue(url, &port_error("sqs:GetQueueAttributes", &error)))?;
        Ok(output.attributes().and_then(|attributes| attributes.get(&name).cloned()))
    }

    /// Approximate number of messages, visible and invisible.
    pub(crate) async fn count(&self, url: &str) -> Result<usize, PortError> {
        let names = [Queue::ApproximateNumberOfMessages, Queue::ApproximateNumberOfMessagesNotVisible];
        let get = self.sqs.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        let output = get.send().await.map_err(|error| of_queue(url, &port_error("sqs:GetQueueAttributes", &error)))?;
        let count = |name: &Queue| output.attributes()?.get(name)?.parse::<usize>().ok();
        Ok(names.iter().filter_map(count).sum())
    }
}
