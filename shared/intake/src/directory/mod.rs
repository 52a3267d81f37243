//! Directories, which answer Xsolla's questions: accept-all, a table of users, or an HTTPS endpoint of the studio.

mod endpoint;
mod users_table;
mod web_shop;

use std::sync::Arc;

use aws_types::SdkConfig;
use jiff::Timestamp;
use xsolla::{Envelope, Question, Reply};

use crate::ports::{PortError, UserDirectory};
use crate::settings::DirectorySetting;

use endpoint::EndpointDirectory;
use users_table::UsersTable;
use web_shop::web_shop_user;

/// The configured directory.
#[derive(Debug, Clone)]
pub struct Directory(Choice);

#[derive(Debug, Clone)]
enum Choice {
    AcceptAll,
    Table(UsersTable),
    Endpoint(Arc<EndpointDirectory>),
}

impl Directory {
    /// A directory in which every user exists. For games that send only existing users to Xsolla.
    pub const ACCEPT_ALL: Self = Self(Choice::AcceptAll);

    /// Creates a directory from a setting. A users table is read with `dynamodb`.
    #[must_use]
    pub fn new(setting: DirectorySetting, config: &SdkConfig, dynamodb: &aws_sdk_dynamodb::Client) -> Self {
        Self(match setting {
            DirectorySetting::AcceptAll => Choice::AcceptAll,
            DirectorySetting::Table(name) => Choice::Table(UsersTable::new(dynamodb.clone(), name)),
            DirectorySetting::Endpoint { url, key } => {
                Choice::Endpoint(Arc::new(EndpointDirectory::new(url, key, config)))
            }
        })
    }

    /// Reads the endpoint's URL and key, so that the first question does not wait for them.
    pub(crate) async fn warm_up(&self, now: Timestamp) -> Result<(), PortError> {
        match &self.0 {
            Choice::AcceptAll | Choice::Table(_) => Ok(()),
            Choice::Endpoint(endpoint) => endpoint.warm_up(now).await,
        }
    }
}

impl UserDirectory for Directory {
    async fn reply(
        &self,
        question: Question,
        envelope: &Envelope<'_>,
        body: &[u8],
        received_at: Timestamp,
    ) -> Result<Option<Reply>, PortError> {
        match &self.0 {
            Choice::AcceptAll => accept_all(question, body),
            Choice::Table(users) => users.reply(question, envelope, body).await,
            Choice::Endpoint(endpoint) => {
                endpoint.reply(question, envelope.type_name(), body, received_at).await.map(Some)
            }
        }
    }
}

/// Replies to the questions about a user's existence. The others have no reply that fits every game.
fn accept_all(question: Question, body: &[u8]) -> Result<Option<Reply>, PortError> {
    match question {
        Question::UserValidation => Ok(Some(Reply::UserFound)),
        Question::WebShopUserValidation => web_shop_user(body, None).map(Some),
        Question::UserSearch | Question::PartnerSideCatalog | Question::GetPincode | Question::InventoryGet => Ok(None),
    }
}
