//! Reads the events of sales from the DynamoDB table, and stores decisions about them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use xsolla::{EventId, Mode, NotificationType};

use super::error::port_error;
use super::events::Attributes;
use crate::ports::{DecisionStore, History, PortError};
use crate::record::{Item as _, Kind, StoredDecision, StoredEvent};
use crate::table::{DECIDED_AT, GOODS, GOODS_MODE, GOODS_REASON, KIND, MODE, ORDER_ID, PK, SK, SUBSCRIPTION_ID};

const QUERY: &str = "dynamodb:Query";
const UPDATE_ITEM: &str = "dynamodb:UpdateItem";

/// The events table, for the decisions about its events.
#[derive(Debug, Clone)]
pub struct EventHistory {
    client: Client,
    table: String,
}

impl EventHistory {
    /// Creates access to a table.
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Creates a query for all items with a value of a key attribute.
    fn query(&self, attribute: &str, value: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#key = :key")
            .expression_attribute_names("#key", attribute)
            .expression_attribute_values(":key", string(value))
    }
}

async fn items(query: QueryFluentBuilder) -> Result<Vec<Attributes>, PortError> {
    query.into_paginator().items().send().try_collect().await.map_err(|error| port_error(QUERY, &error))
}

impl History for EventHistory {
    async fn events_of(&self, subject: &str) -> Result<Vec<StoredEvent>, PortError> {
        let query = self
            .query(PK, subject)
            // A conflict that an operator has sent counts, too.
            .filter_expression("#kind = :event OR attribute_exists(#decided_at)")
            .expression_attribute_names("#kind", KIND)
            .expression_attribute_names("#decided_at", DECIDED_AT)
            .expression_attribute_values(":event", string(Kind::Event.name()))
            // Includes events that were stored a moment ago.
            .consistent_read(true);
        // A damaged item must not block the subject's other events.
        let readable = |item: &Attributes| {
            StoredEvent::read(item)
                .inspect_err(
                    |error| tracing::error!(subject, %error, "unreadable item in the events table, skipping it"),
                )
                .ok()
        };
        Ok(items(query).await?.iter().filter_map(readable).collect())
    }

    async fn subjects_of_order(&self, order_id: &str) -> Result<Vec<String>, PortError> {
        let items = items(self.query(ORDER_ID, order_id).index_name("by_order")).await?;
        let mut subjects: Vec<String> = items.iter().filter_map(|item| item.string(PK).map(str::to_owned)).collect();
        subjects.sort_unstable();
        subjects.dedup();
        Ok(subjects)
    }

    async fn modes_of_subscription(&self, subscription_id: &str) -> Result<Vec<Mode>, PortError> {
        let items = items(self.query(SUBSCRIPTION_ID, subscription_id).index_name("by_subscription")).await?;
        // A refund names the subscription, too, but may have no sandbox marker.
        let is_payment = |item: &&Attributes| {
            let type_name = item.string(SK).and_then(|sk| sk.split('#').next());
            [NotificationType::PAYMENT, NotificationType::ORDER_PAID].iter().any(|paid| type_name == Some(paid.name()))
        };
        Ok(items.iter().filter(is_payment).filter_map(|item| item.string(MODE)?.parse().ok()).collect())
    }
}

impl DecisionStore for EventHistory {
    async fn store_decision(&self, event_id: &EventId, stored: &StoredDecision) -> Result<(), PortError> {
        let StoredDecision { decision, decided_at } = stored;
        let decided_at = format!("{decided_at:.6}");
        let mut assignments = "SET #goods = :goods, #mode = :mode, #decided_at = :decided_at".to_owned();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(PK, string(event_id.subject()))
            .key(SK, string(event_id.rest()))
            // Without the first condition, the update would recreate an item that has expired in the meantime.
            .condition_expression("attribute_exists(#pk) AND attribute_not_exists(#decided_at)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#goods", GOODS)
            .expression_attribute_names("#mode", GOODS_MODE)
            .expression_attribute_names("#decided_at", DECIDED_AT)
            .expression_attribute_values(":goods", string(decision.goods.name()))
            .expression_attribute_values(":mode", string(decision.mode.name()))
            .expression_attribute_values(":decided_at", string(&decided_at));
        if let Some(reason) = decision.reason {
            assignments.push_str(", #reason = :reason");
            update = update
                .expression_attribute_names("#reason", GOODS_REASON)
                .expression_attribute_values(":reason", string(reason.name()));
        }
        let Err(error) = update.update_expression(assignments).send().await else { return Ok(()) };
        if let Some(UpdateItemError::ConditionalCheckFailedException(existing)) = error.as_service_error() {
            // The item has expired, or an earlier attempt stored the same decision. An event that needs no history is decided
            // at a new time whenever its batch is retried.
            let existing = existing.item().and_then(StoredDecision::read);
            if existing.is_none_or(|existing| existing.decision == *decision) {
                return Ok(());
            }
        }
        Err(port_error(UPDATE_ITEM, &error))
    }
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
