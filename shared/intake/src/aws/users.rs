//! Who the game's users are, as `user_validation` asks.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::port_error;
use crate::ports::{PortError, UserDirectory};

/// A directory of users.
#[derive(Debug, Clone)]
pub enum Users {
    /// Every user exists: for games that let Xsolla know only users who do.
    AcceptAll,
    /// Those exist who have an item in a DynamoDB table with the key `user_id`, a string.
    Table {
        /// Reads it.
        client: Client,
        /// Its name.
        table: String,
    },
}

impl UserDirectory for Users {
    async fn knows(&self, user_id: Option<&str>) -> Result<bool, PortError> {
        let Self::Table { client, table } = self else { return Ok(true) };
        let Some(user_id) = user_id else { return Ok(false) };
        let item = client
            .get_item()
            .table_name(table)
            .key("user_id", AttributeValue::S(user_id.to_owned()))
            .projection_expression("user_id")
            // A user who has just registered and buys at once must not be missed.
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| port_error("dynamodb:GetItem", &error))?;
        Ok(item.item.is_some())
    }
}
