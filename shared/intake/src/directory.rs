//! Who answers Xsolla's questions: nobody in particular, a table of users, or an endpoint of the studio.

use aws_types::SdkConfig;
use xsolla::{Envelope, Question, Reply};

use crate::aws::UsersTable;
use crate::endpoint::Endpoint;
use crate::ports::{PortError, UserDirectory};
use crate::settings::DirectorySetting;

/// The directory that the configuration appoints.
#[derive(Debug, Clone)]
pub struct Directory(Choice);

#[derive(Debug, Clone)]
enum Choice {
    AcceptAll,
    Table(UsersTable),
    Endpoint(Endpoint),
}

impl Directory {
    /// Every user exists: for games that let Xsolla know only users who do.
    pub const ACCEPT_ALL: Self = Self(Choice::AcceptAll);

    /// What this setting appoints, with a client of the DynamoDB where a table would be.
    #[must_use]
    pub fn new(setting: DirectorySetting, config: &SdkConfig, dynamodb: &aws_sdk_dynamodb::Client) -> Self {
        Self(match setting {
            DirectorySetting::AcceptAll => Choice::AcceptAll,
            DirectorySetting::Table(name) => Choice::Table(UsersTable::new(dynamodb.clone(), name)),
            DirectorySetting::Endpoint { url, key } => Choice::Endpoint(Endpoint::new(url, key, config)),
        })
    }

    /// Reads ahead what the first question would have to wait for.
    pub(crate) async fn prepare(&self) -> Result<(), PortError> {
        match &self.0 {
            Choice::AcceptAll | Choice::Table(_) => Ok(()),
            Choice::Endpoint(endpoint) => endpoint.key().await.map(|_| ()),
        }
    }
}

impl UserDirectory for Directory {
    async fn reply(
        &self,
        question: Question,
        envelope: &Envelope<'_>,
        body: &[u8],
    ) -> Result<Option<Reply>, PortError> {
        match &self.0 {
            Choice::AcceptAll => accept(question, body),
            Choice::Table(users) => users.reply(question, envelope, body).await,
            Choice::Endpoint(endpoint) => endpoint.reply(question, envelope.type_name(), body).await.map(Some),
        }
    }
}

/// To all that asks for more than a yes, there is no answer that fits every game.
fn accept(question: Question, body: &[u8]) -> Result<Option<Reply>, PortError> {
    match question {
        Question::UserValidation => Ok(Some(Reply::UserFound)),
        Question::WebShopUserValidation => web_shop_user(body, None).map(Some),
        Question::UserSearch | Question::PartnerSideCatalog | Question::GetPincode | Question::InventoryGet => Ok(None),
    }
}

pub(crate) fn web_shop_user(question: &[u8], name: Option<&str>) -> Result<Reply, PortError> {
    let unwritten = |error: serde_json::Error| PortError { operation: "writing the reply", cause: error.to_string() };
    Reply::web_shop_user(question, name).map_err(unwritten)
}
