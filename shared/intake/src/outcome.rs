//! The table of answers: each outcome of a request and its HTTP answer.
//!
//! Xsolla treats a 4xx on a payment as final: the player is charged, gets nothing, and Xsolla never retries. So 400 is only
//! for a bad signature, a body that is not a webhook, and an unknown user. 404 is for some questions, never for an event.
//! Everything temporary is 5xx, which Xsolla retries (`payment`: up to 12 times in 48 hours; `order_paid`: up to 19 times in
//! 12 hours).

use strum::VariantNames;
use xsolla::{Answer, Refusal, Reply, Success};

/// The result of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    /// A new event was stored.
    Accepted(Success),
    /// The event was already stored. Answered as the first delivery.
    Duplicate(Success),
    /// The event's key exists with different content. Stored under a key of its own, not relayed.
    Conflict(Success),
    /// The question's user exists.
    UserFound,
    /// The question's user does not exist, or a `user_validation` names no user.
    UserNotFound,
    /// The question has an answer with a body.
    Answered,
    /// The question has no answer for this user.
    NotFound,
    /// The signature is missing, malformed or wrong.
    InvalidSignature,
    /// A signed body without a type, or a payout that is not a JSON object. Stored, not relayed. A retry would not help.
    ///
    /// An unreadable question of a Web Shop is not stored.
    Unreadable,
    /// The request cannot be served now, or not by this function. Xsolla retries it.
    #[strum(transparent)]
    Unavailable(Unavailable),
}

/// The reason for a 5xx answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Unavailable {
    /// The event store failed.
    #[strum(serialize = "store_unavailable")]
    Store,
    /// The directory failed, or its answer is unusable.
    #[strum(serialize = "directory_unavailable")]
    Directory,
    /// The secrets, or the keys of the unsigned routes, could not be read.
    #[strum(serialize = "secrets_unavailable")]
    Secrets,
    /// The deadline passed.
    #[strum(serialize = "deadline_exceeded")]
    Deadline,
    /// No directory answers this question.
    NoDirectory,
    /// The function serves another type.
    UnexpectedType,
    /// The signature or key is right, but the source address is outside the expected ranges, which may be outdated.
    UnknownSource,
    /// No cached secret or key matches, they could not be read again, and the source address is outside the expected ranges.
    UnverifiedUnknownSource,
    /// The key in the path is not one of the unsigned routes' keys.
    WrongKey,
    /// The body is larger than any webhook. It was not hashed.
    BodyTooLarge,
    /// The signature is wrong, and the body has a `Content-Encoding`: a proxy has changed it.
    EncodedBody,
    /// API Gateway marked the body as base64, but it is not valid base64.
    UndecodableBody,
    /// The method is not POST.
    MethodNotAllowed,
}

impl Outcome {
    /// Returns the HTTP answer.
    #[must_use]
    pub const fn answer(self) -> Answer {
        match self {
            Self::Accepted(success) | Self::Duplicate(success) | Self::Conflict(success) => Answer::Success(success),
            Self::UserFound => Answer::Success(Success::NoContent),
            Self::UserNotFound => Answer::Refusal(Refusal::InvalidUser),
            Self::Answered => Answer::Content,
            Self::NotFound => Answer::NotFound,
            Self::InvalidSignature => Answer::Refusal(Refusal::InvalidSignature),
            Self::Unreadable => Answer::Refusal(Refusal::InvalidParameter),
            Self::Unavailable(reason) => match reason {
                Unavailable::Store | Unavailable::Directory | Unavailable::Secrets | Unavailable::Deadline => {
                    Answer::ServerError
                }
                Unavailable::NoDirectory
                | Unavailable::UnexpectedType
                | Unavailable::UnknownSource
                | Unavailable::UnverifiedUnknownSource
                | Unavailable::WrongKey
                | Unavailable::BodyTooLarge
                | Unavailable::EncodedBody
                | Unavailable::UndecodableBody
                | Unavailable::MethodNotAllowed => Answer::ServiceUnavailable,
            },
        }
    }

    /// Returns the name used in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Iterates over the names of all outcomes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        // `Unavailable` has the names of its reasons.
        let outcomes = Self::VARIANTS.iter().filter(|name| **name != "unavailable");
        outcomes.chain(Unavailable::VARIANTS).copied()
    }
}

impl From<&Reply> for Outcome {
    fn from(reply: &Reply) -> Self {
        match reply {
            Reply::UserFound => Self::UserFound,
            Reply::UserNotFound => Self::UserNotFound,
            Reply::Content(_) => Self::Answered,
            Reply::NotFound => Self::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use Success::{NoContent, Ok};
    use Unavailable as U;

    const NO_CODE: &str = "";

    const TABLE: [(Outcome, &str, u16, &str); 25] = [
        (Outcome::Accepted(NoContent), "accepted", 204, NO_CODE),
        (Outcome::Accepted(Ok), "accepted", 200, NO_CODE),
        (Outcome::Duplicate(NoContent), "duplicate", 204, NO_CODE),
        (Outcome::Duplicate(Ok), "duplicate", 200, NO_CODE),
        (Outcome::Conflict(NoContent), "conflict", 204, NO_CODE),
        (Outcome::Conflict(Ok), "conflict", 200, NO_CODE),
        (Outcome::UserFound, "user_found", 204, NO_CODE),
        (Outcome::UserNotFound, "user_not_found", 400, "INVALID_USER"),
        (Outcome::Answered, "answered", 200, NO_CODE),
        (Outcome::NotFound, "not_found", 404, NO_CODE),
        (Outcome::InvalidSignature, "invalid_signature", 400, "INVALID_SIGNATURE"),
        (Outcome::Unreadable, "unreadable", 400, "INVALID_PARAMETER"),
        (Outcome::Unavailable(U::Store), "store_unavailable", 500, "SERVER_ERROR"),
        (Outcome::Unavailable(U::Directory), "directory_unavailable", 500, "SERVER_ERROR"),
        (Outcome::Unavailable(U::Secrets), "secrets_unavailable", 500, "SERVER_ERROR"),
        (Outcome::Unavailable(U::Deadline), "deadline_exceeded", 500, "SERVER_ERROR"),
        (Outcome::Unavailable(U::NoDirectory), "no_directory", 503, "SERVER_ERROR"),
        (Outcome::Unavailable(U::UnexpectedType), "unexpected_type", 503, "SERVER_ERROR"),
        (Outcome::Unavailable(U::UnknownSource), "unknown_source", 503, "SERVER_ERROR"),
        (Outcome::Unavailable(U::UnverifiedUnknownSource), "unverified_unknown_source", 503, "SERVER_ERROR"),
        (Outcome::Unavailable(U::WrongKey), "wrong_key", 503, "SERVER_ERROR"),
        (Outcome::Unavailable(U::BodyTooLarge), "body_too_large", 503, "SERVER_ERROR"),
        (Outcome::Unavailable(U::EncodedBody), "encoded_body", 503, "SERVER_ERROR"),
        (Outcome::Unavailable(U::UndecodableBody), "undecodable_body", 503, "SERVER_ERROR"),
        (Outcome::Unavailable(U::MethodNotAllowed), "method_not_allowed", 503, "SERVER_ERROR"),
    ];

    #[test]
    fn each_outcome_has_its_name_status_and_error_code() {
        for (outcome, name, status, code) in TABLE {
            assert_eq!(outcome.name(), name);
            let answer = outcome.answer();
            assert_eq!(answer.status(), status, "{name}");
            let sent = answer.body().map_or(String::new(), |body| {
                let body: serde_json::Value = serde_json::from_str(body).unwrap();
                assert!(body["error"]["message"].is_string(), "{name}");
                body["error"]["code"].as_str().unwrap().to_owned()
            });
            assert_eq!(sent, code, "{name}");
        }
    }

    #[test]
    fn names_are_complete() {
        let names: BTreeSet<&str> = Outcome::names().collect();
        assert_eq!(names, TABLE.map(|(_, name, ..)| name).into());
    }

    #[test]
    fn no_temporary_state_is_answered_with_4xx() {
        for (outcome, name, ..) in TABLE {
            if let Outcome::Unavailable(_) = outcome {
                assert!(outcome.answer().status() >= 500, "{name}");
            }
        }
    }

    #[test]
    fn outcome_of_a_reply_has_the_answer_of_the_reply() {
        let content = Reply::found_user("7", "mira", None).unwrap();
        for reply in [Reply::UserFound, Reply::UserNotFound, content, Reply::NotFound] {
            assert_eq!(Outcome::from(&reply).answer(), reply.answer(), "{reply:?}");
        }
    }
}
