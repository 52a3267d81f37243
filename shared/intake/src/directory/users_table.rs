//! A directory in a DynamoDB table of the game's users.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use xsolla::{Envelope, Question, Reply};

use super::web_shop::web_shop_user;
use crate::aws::port_error;
use crate::ports::PortError;
use crate::table::users::{BY_PUBLIC_ID, NAME, PUBLIC_ID, USER_ID};

const QUERY: &str = "dynamodb:Query";

type Item = HashMap<String, AttributeValue>;

/// A table of users.
#[derive(Debug, Clone)]
pub(super) struct UsersTable {
    client: Client,
    name: String,
}

impl UsersTable {
    pub(super) const fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Replies to questions about a user's existence, and to `user_search`.
    pub(super) async fn reply(
        &self,
        question: Question,
        envelope: &Envelope<'_>,
        body: &[u8],
    ) -> Result<Option<Reply>, PortError> {
        match question {
            Question::UserValidation => {
                let user = self.user(envelope.user_id()).await?;
                Ok(Some(if user.is_some() { Reply::UserFound } else { Reply::UserNotFound }))
            }
            Question::WebShopUserValidation => match self.user(envelope.user_id()).await? {
                Some(user) => web_shop_user(body, text(&user, NAME)).map(Some),
                None => Ok(Some(Reply::NotFound)),
            },
            Question::UserSearch => self.search(envelope.public_user_id()).await.map(Some),
            Question::PartnerSideCatalog | Question::GetPincode | Question::InventoryGet => Ok(None),
        }
    }

    /// Reads the id and name of a user.
    async fn user(&self, user_id: Option<&str>) -> Result<Option<Item>, PortError> {
        let Some(user_id) = user_id else { return Ok(None) };
        let item = self
            .client
            .get_item()
            .table_name(&self.name)
            .key(USER_ID, AttributeValue::S(user_id.to_owned()))
            .projection_expression("#user_id, #name")
            .expression_attribute_names("#user_id", USER_ID)
            .expression_attribute_names("#name", NAME)
            // Finds a user who registered a moment ago.
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| port_error("dynamodb:GetItem", &error))?;
        Ok(item.item)
    }

    async fn search(&self, public_id: Option<&str>) -> Result<Reply, PortError> {
        let Some(public_id) = public_id else { return Ok(Reply::UserNotFound) };
        let found = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(BY_PUBLIC_ID)
            .key_condition_expression("#public_id = :public_id")
            .expression_attribute_names("#public_id", PUBLIC_ID)
            .expression_attribute_values(":public_id", AttributeValue::S(public_id.to_owned()))
            // Two results already mean that the id is ambiguous.
            .limit(2)
            .send()
            .await
            .map_err(|error| port_error(QUERY, &error))?;
        let invalid = |cause: String| PortError { operation: QUERY, cause };
        let user = match found.items() {
            [] => return Ok(Reply::UserNotFound),
            [user] => user,
            // Never guess: the purchase would go to the wrong user.
            _ => return Err(invalid("several users have this public_id".to_owned())),
        };
        let user_id = text(user, USER_ID).ok_or_else(|| invalid("an item has no user_id".to_owned()))?;
        Reply::found_user(user_id, public_id, text(user, NAME)).map_err(|error| invalid(error.to_string()))
    }
}

fn text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}
