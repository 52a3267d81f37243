//! Answers questions from the directory.

use jiff::Timestamp;
use xsolla::model::Json;
use xsolla::{Envelope, Question, Reply};

use crate::outcome::{Outcome, Unavailable};
use crate::ports::UserDirectory;
use crate::report::{EarlyExit, unavailable};

/// Returns the outcome of a question, and the body of its answer if there is one.
pub(crate) async fn answer(
    directory: &impl UserDirectory,
    question: Question,
    envelope: &Envelope<'_>,
    body: &[u8],
    received_at: Timestamp,
) -> Result<(Outcome, Option<Json>), EarlyExit> {
    // Boxed to keep the future of an event small. The future of a question is larger.
    let reply = Box::pin(directory.reply(question, envelope, body, received_at))
        .await
        .map_err(unavailable(Unavailable::Directory))?;
    let reply = reply.ok_or_else(no_directory)?;
    let outcome = Outcome::from(&reply);
    Ok(match reply {
        Reply::Content(content) => (outcome, Some(content)),
        Reply::UserFound | Reply::UserNotFound | Reply::NotFound => (outcome, None),
    })
}

/// Returns the exit for a question without a directory.
pub(crate) fn no_directory() -> EarlyExit {
    Outcome::Unavailable(Unavailable::NoDirectory).into()
}
