//! Events in DynamoDB: one conditional write each, and one query for those of a subject.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_types::SdkConfig;
use jiff::SignedDuration;
use uuid::Uuid;

use super::port_error;
use super::put_item::PutItem;
use crate::ports::{EventStore, History, Keeping, PortError};
use crate::record::{Item as _, Kept, Kind, RETENTION, Record};
use crate::table::{
    ATTEMPT, BODY, DIGEST, EXPIRES_AT, IDENTIFIED, KIND, MODE, ORDER_ID, PK, PROJECT_ID, RECEIVED_AT, SECRET, SK,
    TRACE, TYPE, USER_ID,
};

const PUT_ITEM: &str = "dynamodb:PutItem";
const QUERY: &str = "dynamodb:Query";

type Item = HashMap<String, AttributeValue>;

/// The table `events`, where events are kept.
#[derive(Debug, Clone)]
pub struct Events {
    put: PutItem,
    table: String,
    retention: SignedDuration,
}

impl Events {
    /// Keeps events in this table, for [`RETENTION`].
    pub fn new(config: &SdkConfig, table: String) -> Self {
        Self { put: PutItem::new(config), table, retention: RETENTION }
    }

    /// The same table, which may forget what is written from now on after this time.
    #[must_use]
    pub const fn forgotten_after(mut self, retention: SignedDuration) -> Self {
        self.retention = retention;
        self
    }

    /// Opens the connection before it is needed, with a write that DynamoDB must refuse: it has no key. So it needs no
    /// further permission, costs nothing, and can leave nothing behind.
    pub async fn connect(&self) {
        let refused = async { self.put.send(PutItemInput::builder().table_name(&self.table).build()?).await };
        if let Err(error) = refused.await
            && error.as_service_error().is_none()
        {
            let error = port_error(PUT_ITEM, &error);
            tracing::warn!(%error, "the table cannot be reached yet");
        }
    }
}

impl EventStore for Events {
    async fn keep(&self, record: &Record<'_>) -> Result<Keeping, PortError> {
        let attempt = Uuid::new_v4().simple().to_string();
        let put = PutItemInput::builder()
            .table_name(&self.table)
            .set_item(Some(item(record, &attempt, self.retention)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match async { self.put.send(put.build()?).await }.await {
            Ok(_) => Ok(Keeping::Kept),
            Err(error) => match holder(&error) {
                // The SDK repeated a write that had taken effect unanswered: the key's holder is this very call.
                Some(holder) if holder.string(ATTEMPT) == Some(&attempt) => Ok(Keeping::Kept),
                Some(holder) => Ok(Keeping::Taken {
                    digest: holder.string(DIGEST).unwrap_or_default().to_owned(),
                    received_at: holder.string(RECEIVED_AT).and_then(|text| text.parse().ok()),
                }),
                None => Err(port_error(PUT_ITEM, &error)),
            },
        }
    }
}

/// The table `events`, where they are looked up.
#[derive(Debug, Clone)]
pub struct EventHistory {
    client: Client,
    table: String,
}

impl EventHistory {
    /// Looks events up in this table.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }
}

impl History for EventHistory {
    async fn events_of(&self, subject: &str) -> Result<Vec<Kept>, PortError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#pk = :subject")
            .filter_expression("#kind = :event")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_values(":subject", AttributeValue::S(subject.to_owned()))
            .expression_attribute_values(":event", AttributeValue::S(Kind::Event.name().to_owned()))
            // An order that was accepted a moment ago must not be missed.
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let items: Vec<Item> = pages.try_collect().await.map_err(|error| port_error(QUERY, &error))?;
        // One that somebody has damaged must not hold up all events that ask for their past.
        let usable = |item: &Item| {
            Kept::read(item)
                .inspect_err(|error| tracing::error!(subject, %error, "an item of the table is passed over"))
                .ok()
        };
        Ok(items.iter().filter_map(usable).collect())
    }
}

impl crate::record::Item for Item {
    fn string(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_s().ok().map(String::as_str)
    }

    fn boolean(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool().ok().copied()
    }

    fn binary(&self, name: &str) -> Option<&[u8]> {
        self.get(name)?.as_b().ok().map(Blob::as_ref)
    }
}

/// The item that has the key, if that is why the write failed.
fn holder(error: &SdkError<PutItemError>) -> Option<&Item> {
    match error.as_service_error() {
        Some(PutItemError::ConditionalCheckFailedException(taken)) => taken.item(),
        _ => None,
    }
}

fn item(record: &Record<'_>, attempt: &str, retention: SignedDuration) -> Item {
    let mut item = Item::with_capacity(16);
    let mut string = |name: &str, value: &str| item.insert(name.to_owned(), AttributeValue::S(value.to_owned()));
    string(PK, record.event_id.subject());
    string(SK, record.event_id.rest());
    string(KIND, record.kind.name());
    string(MODE, record.mode.name());
    string(DIGEST, &record.body.digest().to_string());
    string(RECEIVED_AT, &format!("{:.3}", record.received_at));
    string(ATTEMPT, attempt);
    if let Some(trace) = record.trace {
        string(TRACE, trace.as_str());
    }
    for (name, value) in [
        (TYPE, &record.type_name),
        (ORDER_ID, &record.order_id),
        (USER_ID, &record.user_id),
        (PROJECT_ID, &record.project_id),
    ] {
        if let Some(value) = value {
            string(name, value);
        }
    }
    item.insert(IDENTIFIED.to_owned(), AttributeValue::Bool(record.identified));
    if let Some(secret) = record.body.secret() {
        item.insert(SECRET.to_owned(), AttributeValue::N(secret.to_string()));
    }
    let expires_at = record.received_at.as_second() + retention.as_secs();
    item.insert(EXPIRES_AT.to_owned(), AttributeValue::N(expires_at.to_string()));
    item.insert(BODY.to_owned(), AttributeValue::B(Blob::new(record.body.bytes())));
    item
}
