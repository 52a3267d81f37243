//! Claims in a DynamoDB table. Requires the feature `dynamodb`.
//!
//! The table belongs to the game. It is not the events table. The worker needs the permission `dynamodb:UpdateItem`. The
//! partition key `event_id` is an event id, or the [key of an order](crate::order::key).
//!
//! ```yaml
//! Claims:
//!   Type: AWS::DynamoDB::Table
//!   Properties:
//!     BillingMode: PAY_PER_REQUEST
//!     AttributeDefinitions: [{AttributeName: event_id, AttributeType: S}]
//!     KeySchema: [{AttributeName: event_id, KeyType: HASH}]
//!     TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
//! ```

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use uuid::Uuid;

use crate::claim::{ClaimStore, Record, Replaced, State};
use crate::order::Order;

/// Partition key. String.
const EVENT_ID: &str = "event_id";
/// Token of the last claim. Number.
const TOKEN: &str = "token";
/// `free`, `held` or `done`. String.
const STATE: &str = "state";
/// End of the last claim's lease, in milliseconds since the Unix epoch. Number.
const HELD_UNTIL: &str = "held_until";
/// Subject of the sale that granted the order. String.
const GRANTED_BY: &str = "granted_by";
/// Subjects of the order's revoked sales. String set.
const REVOKED: &str = "revoked";
/// Time after which DynamoDB may delete the item (TTL), in seconds since the Unix epoch. Number.
const EXPIRES_AT: &str = "expires_at";
/// Id of the call that wrote the item, so that a retried call recognizes its own write. String.
const ATTEMPT: &str = "attempt";

/// Retention of a claim: the default retention of an event. After that, the event cannot be replayed.
const RETENTION: Duration = Duration::from_hours(400 * 24);

type Item = HashMap<String, AttributeValue>;

/// The table of claims.
#[derive(Debug, Clone)]
pub struct ClaimsTable {
    client: Client,
    name: String,
}

/// A failed call to DynamoDB. Contains no data of the event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("dynamodb:UpdateItem: {cause}")]
pub struct TableError {
    /// The error of the service or the connection.
    pub cause: String,
}

impl ClaimsTable {
    /// Creates a store in the table with this name.
    pub const fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }
}

impl ClaimStore for ClaimsTable {
    type Error = TableError;

    async fn replace(&self, key: &str, expected: &Record, new: &Record) -> Result<Replaced, TableError> {
        let attempt = Uuid::new_v4().simple().to_string();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.name)
            .key(EVENT_ID, AttributeValue::S(key.to_owned()))
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_names("#state", STATE)
            .expression_attribute_names("#attempt", ATTEMPT)
            .expression_attribute_values(":new_token", AttributeValue::N(new.token.to_string()))
            .expression_attribute_values(":new_state", AttributeValue::S(state_name(new.state).to_owned()))
            .expression_attribute_values(":attempt", AttributeValue::S(attempt.clone()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut set = "SET #token = :new_token, #state = :new_state, #attempt = :attempt".to_owned();
        if let State::Held { until } = new.state {
            set.push_str(", #held_until = :held_until, #expires_at = :expires_at");
            let until = since_epoch(until);
            let expires_at = until.saturating_add(RETENTION).as_secs();
            update = update
                .expression_attribute_names("#held_until", HELD_UNTIL)
                .expression_attribute_names("#expires_at", EXPIRES_AT)
                .expression_attribute_values(":held_until", AttributeValue::N(until.as_millis().to_string()))
                .expression_attribute_values(":expires_at", AttributeValue::N(expires_at.to_string()));
        }
        if !new.order.revoked.is_empty() {
            set.push_str(", revoked = :revoked");
            let revoked = new.order.revoked.iter().cloned().collect();
            update = update.expression_attribute_values(":revoked", AttributeValue::Ss(revoked));
        }
        if let Some(sale) = &new.order.granted_by {
            set.push_str(", granted_by = :granted_by");
            update = update.expression_attribute_values(":granted_by", AttributeValue::S(sale.clone()));
        } else if expected.order.granted_by.is_some() {
            set.push_str(" REMOVE granted_by");
        }
        let update = if *expected == Record::UNCLAIMED {
            update.condition_expression("attribute_not_exists(#token)")
        } else {
            update
                .condition_expression("#token = :token AND #state = :state")
                .expression_attribute_values(":token", AttributeValue::N(expected.token.to_string()))
                .expression_attribute_values(":state", AttributeValue::S(state_name(expected.state).to_owned()))
        };
        match update.update_expression(set).send().await {
            Ok(_) => Ok(Replaced::Yes),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(error)) => {
                    let found = error.item().filter(|item| !item.is_empty());
                    // The SDK retried a write whose response was lost: this call wrote the item.
                    if found.and_then(|item| item.get(ATTEMPT)?.as_s().ok()) == Some(&attempt) {
                        return Ok(Replaced::Yes);
                    }
                    match found.map_or(Some(Record::UNCLAIMED), parse_record) {
                        // Prevents an endless loop in the caller.
                        Some(found) if found == *expected => {
                            Err(unexpected("the condition failed although the item is the expected one"))
                        }
                        Some(found) => Ok(Replaced::No { found }),
                        None => Err(unexpected("the item is not a claim")),
                    }
                }
                _ => Err(table_error(&error)),
            },
        }
    }
}

fn parse_record(item: &Item) -> Option<Record> {
    let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<u64>().ok();
    let state = match item.get(STATE)?.as_s().ok()?.as_str() {
        "free" => State::Free,
        "held" => State::Held { until: UNIX_EPOCH.checked_add(Duration::from_millis(number(HELD_UNTIL)?))? },
        "done" => State::Done,
        _ => return None,
    };
    let order = Order {
        granted_by: item.get(GRANTED_BY).and_then(|sale| sale.as_s().ok()).cloned(),
        revoked: item.get(REVOKED).and_then(|sales| sales.as_ss().ok()).into_iter().flatten().cloned().collect(),
    };
    Some(Record { token: number(TOKEN)?, state, order })
}

const fn state_name(state: State) -> &'static str {
    match state {
        State::Free => "free",
        State::Held { .. } => "held",
        State::Done => "done",
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn unexpected(cause: &str) -> TableError {
    TableError { cause: cause.to_owned() }
}

fn table_error(error: &SdkError<UpdateItemError>) -> TableError {
    let cause = match error.as_service_error() {
        Some(service) => {
            format!("{}: {}", service.code().unwrap_or("no code"), service.message().unwrap_or("no message"))
        }
        None => DisplayErrorContext(error).to_string(),
    };
    TableError { cause }
}
