//! Read access to the events table, and the update that erases a user.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use intake::aws::port_error;
use intake::ports::PortError;
use intake::record::{Item as _, Kind};
use intake::table::{BODY, DIGEST, ERASED_AT, KIND, ORDER_ID, PK, RECEIVED_AT, SK, TRACE, TYPE, USER_ID};
use jiff::Timestamp;
use xsolla::EventId;

use crate::progress::Progress;
use crate::scan;

/// Without the first condition, an update would recreate an item that has expired in the meantime.
const NOT_ERASED: &str = "attribute_exists(#pk) AND attribute_not_exists(#erased_at)";
/// Cancellation reason of a transaction.
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// An item of the table: an event, a conflict or an unreadable body.
pub type Item = HashMap<String, AttributeValue>;

/// A secondary index of the table.
#[derive(Debug, Clone, Copy)]
pub enum Index {
    /// By Xsolla's order id.
    Order,
    /// By the game's user id.
    User,
}

/// The events table.
#[derive(Debug, Clone)]
pub struct Table {
    /// DynamoDB client.
    pub client: Client,
    /// Table name.
    pub name: String,
}

/// Key of a stored record, and when it was received. Sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventRef {
    /// Time of receipt as stored: ISO 8601, so that text order is time order.
    pub received_at: String,
    /// Partition key: the subject.
    pub pk: String,
    /// Sort key: the rest of the event id.
    pub sk: String,
}

/// Selects events by time of receipt and type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Earliest time of receipt, inclusive.
    pub from: Option<Timestamp>,
    /// Latest time of receipt, inclusive.
    pub to: Option<Timestamp>,
    /// The only `notification_type`.
    pub type_name: Option<String>,
}

/// Result of a table scan.
#[derive(Debug, Default)]
pub struct ScanResult {
    /// Matching events, oldest first.
    pub events: Vec<EventRef>,
    /// Number of items that DynamoDB read: the whole table.
    pub items_read: usize,
}

impl EventRef {
    /// The event id.
    #[must_use]
    pub fn event_id(&self) -> EventId {
        EventId::new(self.pk.clone(), self.sk.clone())
    }

    pub(crate) fn of(item: &Item) -> Self {
        let text = |name| item.string(name).unwrap_or_default().to_owned();
        Self { received_at: text(RECEIVED_AT), pk: text(PK), sk: text(SK) }
    }
}

impl Table {
    /// Reads all items of a subject, of every kind.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn items_of_subject(&self, subject: &str) -> Result<Vec<Item>, PortError> {
        let query = self.client.query().table_name(&self.name).key_condition_expression("#pk = :pk");
        let query = query.expression_attribute_names("#pk", PK).expression_attribute_values(":pk", string(subject));
        let items = query.consistent_read(true).into_paginator().items().send();
        items.try_collect().await.map_err(|error| port_error("dynamodb:Query", &error))
    }

    /// Finds the subjects that an index lists under an id.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub async fn subjects_by(&self, index: Index, id: &str) -> Result<Vec<String>, PortError> {
        let (index, attribute) = match index {
            Index::Order => ("by_order", ORDER_ID),
            Index::User => ("by_user", USER_ID),
        };
        let query = self.client.query().table_name(&self.name).index_name(index);
        let query = query.key_condition_expression("#id = :id").expression_attribute_names("#id", attribute);
        let mut items = query.expression_attribute_values(":id", string(id)).into_paginator().items().send();
        let mut subjects = Vec::new();
        while let Some(item) = items.next().await {
            let subject = EventRef::of(&item.map_err(|error| port_error("dynamodb:Query", &error))?).pk;
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        Ok(subjects)
    }

    /// Reads one item, or `None` if the key does not exist.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn item(&self, event_id: &EventId) -> Result<Option<Item>, PortError> {
        let get = self.client.get_item().table_name(&self.name).consistent_read(true);
        let get = get.set_key(Some(key(event_id)));
        let output = get.send().await.map_err(|error| port_error("dynamodb:GetItem", &error))?;
        Ok(output.item)
    }

    /// Replaces the body of an item, and removes its user id, the digest of its body and its trace.
    ///
    /// Returns `false` if the item does not exist or was already erased.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn erase(&self, event_id: &EventId, body: String, now: Timestamp) -> Result<bool, PortError> {
        let update = self.client.update_item().table_name(&self.name).set_key(Some(key(event_id)));
        let removed = [USER_ID, DIGEST, TRACE].map(|name| format!("#{name}")).join(", ");
        let mut update = update
            .update_expression(format!("SET #body = :body, #erased_at = :now REMOVE {removed}"))
            .condition_expression(NOT_ERASED)
            .expression_attribute_values(":body", AttributeValue::B(body.into_bytes().into()))
            .expression_attribute_values(":now", AttributeValue::S(format!("{now:.3}")));
        for name in [PK, BODY, ERASED_AT, USER_ID, DIGEST, TRACE] {
            update = update.expression_attribute_names(format!("#{name}"), name);
        }
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(port_error("dynamodb:UpdateItem", &error)),
            },
        }
    }

    /// Replaces an item whose key contains the digest of its body by an item with a new key, in one transaction.
    ///
    /// The new item is erased as by [`Self::erase`]. Returns `false` if the item does not exist or was already erased.
    ///
    /// # Errors
    ///
    /// If the table cannot be written.
    pub async fn erase_with_key(
        &self,
        mut item: Item,
        to: &EventId,
        body: String,
        now: Timestamp,
    ) -> Result<bool, PortError> {
        const OPERATION: &str = "dynamodb:TransactWriteItems";
        let from = EventRef::of(&item).event_id();
        for name in [USER_ID, DIGEST, TRACE] {
            item.remove(name);
        }
        item.extend(key(to));
        item.insert(BODY.to_owned(), AttributeValue::B(body.into_bytes().into()));
        item.insert(ERASED_AT.to_owned(), AttributeValue::S(format!("{now:.3}")));
        let invalid = |error: BuildError| PortError { operation: OPERATION, cause: error.to_string() };
        let delete = Delete::builder().table_name(&self.name).set_key(Some(key(&from)));
        let delete = delete.condition_expression(NOT_ERASED).expression_attribute_names("#pk", PK);
        let delete = delete.expression_attribute_names("#erased_at", ERASED_AT).build().map_err(invalid)?;
        let put = Put::builder().table_name(&self.name).set_item(Some(item)).build().map_err(invalid)?;
        let writes =
            [TransactWriteItem::builder().delete(delete).build(), TransactWriteItem::builder().put(put).build()];
        match self.client.transact_write_items().set_transact_items(Some(writes.to_vec())).send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                    if cancelled
                        .cancellation_reasons()
                        .iter()
                        .any(|reason| reason.code() == Some(CONDITION_FAILED)) =>
                {
                    Ok(false)
                }
                _ => Err(port_error(OPERATION, &error)),
            },
        }
    }

    /// Finds the events that match a filter. Reads the whole table, because no key contains the time.
    ///
    /// # Errors
    ///
    /// If the table cannot be read.
    pub async fn scan(&self, filter: &EventFilter, progress: &Progress) -> Result<ScanResult, PortError> {
        let mut scan = self.client.scan().consistent_read(true);
        let mut conditions = vec!["#kind = :kind"];
        scan = scan.expression_attribute_values(":kind", string(Kind::Event.name()));
        for (value, name, condition) in [
            (filter.from.map(|from| format!("{from:.6}")), ":from", "#received_at >= :from"),
            (filter.to.map(|to| format!("{to:.6}")), ":to", "#received_at <= :to"),
            (filter.type_name.clone(), ":type", "#type = :type"),
        ] {
            if let Some(value) = value {
                conditions.push(condition);
                scan = scan.expression_attribute_values(name, AttributeValue::S(value));
            }
        }
        // Placeholders, because some names are reserved words of DynamoDB.
        for name in [KIND, RECEIVED_AT, PK, SK] {
            scan = scan.expression_attribute_names(format!("#{name}"), name);
        }
        if filter.type_name.is_some() {
            scan = scan.expression_attribute_names("#type", TYPE);
        }
        scan = scan.filter_expression(conditions.join(" AND ")).projection_expression("#received_at, #pk, #sk");
        let mut result = ScanResult::default();
        let add = |page: ScanOutput| {
            result.items_read += usize::try_from(page.scanned_count()).unwrap_or_default();
            result.events.extend(page.items().iter().map(EventRef::of));
        };
        scan::scan(&self.client, &self.name, scan, progress, add).await?;
        result.events.sort_unstable();
        Ok(result)
    }
}

fn key(event_id: &EventId) -> Item {
    [(PK, event_id.subject()), (SK, event_id.rest())].map(|(name, value)| (name.to_owned(), string(value))).into()
}

fn string(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
