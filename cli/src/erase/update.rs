//! The updates that erase an item of the table.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use intake::aws::port_error;
use intake::ports::PortError;
use intake::table::{BODY, DIGEST, ERASED_AT, PK, TRACE, USER_ID};
use jiff::Timestamp;
use xsolla::EventId;

use crate::table::{EventRef, Item, Table};

/// Without the first condition, an update would recreate an item that has expired in the meantime.
const NOT_ERASED: &str = "attribute_exists(#pk) AND attribute_not_exists(#erased_at)";
/// Cancellation reason of a transaction.
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// Replaces the body of an item, and removes its user id, the digest of its body and its trace.
///
/// Returns `false` if the item does not exist or was already erased.
pub(super) async fn erase(table: &Table, event_id: &EventId, body: String, now: Timestamp) -> Result<bool, PortError> {
    let update = table.client.update_item().table_name(&table.name).set_key(Some(Table::key(event_id)));
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
/// The new item is erased as by [`erase`]. Returns `false` if the item does not exist or was already erased.
pub(super) async fn erase_with_key(
    table: &Table,
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
    item.extend(Table::key(to));
    item.insert(BODY.to_owned(), AttributeValue::B(body.into_bytes().into()));
    item.insert(ERASED_AT.to_owned(), AttributeValue::S(format!("{now:.3}")));
    let invalid = |error: BuildError| PortError { operation: OPERATION, cause: error.to_string() };
    let delete = Delete::builder().table_name(&table.name).set_key(Some(Table::key(&from)));
    let delete = delete.condition_expression(NOT_ERASED).expression_attribute_names("#pk", PK);
    let delete = delete.expression_attribute_names("#erased_at", ERASED_AT).build().map_err(invalid)?;
    let put = Put::builder().table_name(&table.name).set_item(Some(item)).build().map_err(invalid)?;
    let writes = [TransactWriteItem::builder().delete(delete).build(), TransactWriteItem::builder().put(put).build()];
    match table.client.transact_write_items().set_transact_items(Some(writes.to_vec())).send().await {
        Ok(_) => Ok(true),
        Err(error) => match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                if cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some(CONDITION_FAILED)) =>
            {
                Ok(false)
            }
            _ => Err(port_error(OPERATION, &error)),
        },
    }
}
