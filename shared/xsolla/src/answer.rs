//! The table of answers: what happened, and what Xsolla is told. All of it is here.
//!
//! Xsolla reads a 4xx on a payment as "the buyer was charged, the purchase failed" and never calls again, so 400 is only
//! for what Xsolla did not sign, what is no webhook, and a user who does not exist. 404 is an answer to one question, and
//! to no event. All that may pass is 5xx: it is sent again (up to twelve times in 48 hours for `payment`, twenty in twelve
//! hours for `order_paid`).

/// What happened to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new event, now safe.
    Accepted(Success),
    /// An event that was safe already: answered as the first time.
    Duplicate(Success),
    /// Another content came under a key that is taken: kept beside the first, not relayed.
    Conflict(Success),
    /// The question's user exists.
    UserFound,
    /// The question's user does not exist.
    UserNotFound,
    /// What the question asks for was found: the answer's body.
    Answered,
    /// There is nothing for the question's user.
    NotFound,
    /// The signature is missing, malformed or wrong.
    InvalidSignature,
    /// Signed, but not a JSON object with a type; or a payout that is no JSON object. Kept, not relayed; sending it again
    /// would not mend it. (A Web Shop's question that is no JSON object is not kept: no question is.)
    Unreadable,
    /// Not now, or not here: Xsolla sends it again.
    Unavailable(Unavailable),
}

/// Why a webhook could not be answered for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// The table did not take the event.
    Events,
    /// Whoever answers questions did not, or not usably.
    Users,
    /// The secrets, or the keys of the unsigned routes, could not be read.
    Secrets,
    /// Time ran out.
    Deadline,
    /// Nobody was appointed to answer this question.
    Unanswered,
    /// This function serves another type.
    OtherType,
    /// Signed, or sent to a path with the right key, but from an address that is not on the list. The list may be older
    /// than Xsolla's.
    UnknownSource,
    /// The key in the path is not one of those that Xsolla was given for what it does not sign.
    WrongKey,
    /// The body is larger than any webhook. It was not even hashed.
    TooLarge,
    /// The body did not arrive in the encoding that the gateway promised.
    Undecodable,
    /// Not a POST.
    NotPost,
}

/// What Xsolla is told. Each variant can only hold statuses of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 2xx, without a body.
    Success(Success),
    /// 200, with what the question asks for as its body.
    Content,
    /// 404, without a body: what `partner_side_catalog` and Web Shops document.
    NotFound,
    /// 400, and why.
    Refusal(Refusal),
    /// 500: something of ours failed.
    ServerError,
    /// 503: this cannot be served here.
    ServiceUnavailable,
}

/// The success that a type's documentation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Success {
    /// 200: `order_paid`, `order_canceled`, `move_to_game`, payouts.
    Ok,
    /// 204: all others.
    NoContent,
}

/// Xsolla's error codes for what cannot be mended by sending it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `INVALID_SIGNATURE`. Xsolla's set-up test asks for exactly this.
    InvalidSignature,
    /// `INVALID_PARAMETER`.
    InvalidParameter,
    /// `INVALID_USER`.
    InvalidUser,
}

impl Outcome {
    /// The table.
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
            Self::Unavailable(why) => match why {
                Unavailable::Events | Unavailable::Users | Unavailable::Secrets | Unavailable::Deadline => {
                    Answer::ServerError
                }
                Unavailable::Unanswered
                | Unavailable::OtherType
                | Unavailable::UnknownSource
                | Unavailable::WrongKey
                | Unavailable::TooLarge
                | Unavailable::Undecodable
                | Unavailable::NotPost => Answer::ServiceUnavailable,
            },
        }
    }

    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Duplicate(_) => "duplicate",
            Self::Conflict(_) => "conflict",
            Self::UserFound => "user_found",
            Self::UserNotFound => "user_not_found",
            Self::Answered => "answered",
            Self::NotFound => "not_found",
            Self::InvalidSignature => "invalid_signature",
            Self::Unreadable => "unreadable",
            Self::Unavailable(Unavailable::Events) => "events_unavailable",
            Self::Unavailable(Unavailable::Users) => "users_unavailable",
            Self::Unavailable(Unavailable::Secrets) => "secrets_unavailable",
            Self::Unavailable(Unavailable::Deadline) => "deadline_exceeded",
            Self::Unavailable(Unavailable::Unanswered) => "unanswered",
            Self::Unavailable(Unavailable::OtherType) => "other_type",
            Self::Unavailable(Unavailable::UnknownSource) => "unknown_source",
            Self::Unavailable(Unavailable::WrongKey) => "wrong_key",
            Self::Unavailable(Unavailable::TooLarge) => "too_large",
            Self::Unavailable(Unavailable::Undecodable) => "undecodable",
            Self::Unavailable(Unavailable::NotPost) => "not_post",
        }
    }
}

impl Answer {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Success(Success::Ok) | Self::Content => 200,
            Self::Success(Success::NoContent) => 204,
            Self::Refusal(_) => 400,
            Self::NotFound => 404,
            Self::ServerError => 500,
            Self::ServiceUnavailable => 503,
        }
    }

    /// The body, JSON in Xsolla's form for errors. It repeats nothing of the request and tells nothing of the inside.
    /// [`Self::Content`] has that of the [`Reply`](crate::Reply).
    #[must_use]
    pub const fn body(self) -> Option<&'static str> {
        match self {
            Self::Success(_) | Self::Content | Self::NotFound => None,
            Self::Refusal(Refusal::InvalidSignature) => {
                Some(r#"{"error":{"code":"INVALID_SIGNATURE","message":"Invalid signature"}}"#)
            }
            Self::Refusal(Refusal::InvalidParameter) => {
                Some(r#"{"error":{"code":"INVALID_PARAMETER","message":"Not a webhook: no JSON object, or no type"}}"#)
            }
            Self::Refusal(Refusal::InvalidUser) => {
                Some(r#"{"error":{"code":"INVALID_USER","message":"Invalid user"}}"#)
            }
            Self::ServerError => Some(r#"{"error":{"code":"SERVER_ERROR","message":"Temporary error, try again"}}"#),
            Self::ServiceUnavailable => {
                Some(r#"{"error":{"code":"SERVER_ERROR","message":"Not served here, try again"}}"#)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table() {
        use Success::{NoContent, Ok};
        use Unavailable as U;

        let no_code = "";
        for (outcome, status, code) in [
            (Outcome::Accepted(NoContent), 204, no_code),
            (Outcome::Accepted(Ok), 200, no_code),
            (Outcome::Duplicate(NoContent), 204, no_code),
            (Outcome::Duplicate(Ok), 200, no_code),
            (Outcome::Conflict(NoContent), 204, no_code),
            (Outcome::Conflict(Ok), 200, no_code),
            (Outcome::UserFound, 204, no_code),
            (Outcome::UserNotFound, 400, "INVALID_USER"),
            (Outcome::Answered, 200, no_code),
            (Outcome::NotFound, 404, no_code),
            (Outcome::InvalidSignature, 400, "INVALID_SIGNATURE"),
            (Outcome::Unreadable, 400, "INVALID_PARAMETER"),
            (Outcome::Unavailable(U::Events), 500, "SERVER_ERROR"),
            (Outcome::Unavailable(U::Users), 500, "SERVER_ERROR"),
            (Outcome::Unavailable(U::Secrets), 500, "SERVER_ERROR"),
            (Outcome::Unavailable(U::Deadline), 500, "SERVER_ERROR"),
            (Outcome::Unavailable(U::Unanswered), 503, "SERVER_ERROR"),
            (Outcome::Unavailable(U::OtherType), 503, "SERVER_ERROR"),
            (Outcome::Unavailable(U::UnknownSource), 503, "SERVER_ERROR"),
            (Outcome::Unavailable(U::WrongKey), 503, "SERVER_ERROR"),
            (Outcome::Unavailable(U::TooLarge), 503, "SERVER_ERROR"),
            (Outcome::Unavailable(U::Undecodable), 503, "SERVER_ERROR"),
            (Outcome::Unavailable(U::NotPost), 503, "SERVER_ERROR"),
        ] {
            let answer = outcome.answer();
            assert_eq!(answer.status(), status, "{outcome:?}");
            let told = answer.body().map_or(String::new(), |body| {
                let body: serde_json::Value = serde_json::from_str(body).unwrap();
                assert!(body["error"]["message"].is_string(), "{outcome:?}");
                body["error"]["code"].as_str().unwrap().to_owned()
            });
            assert_eq!(told, code, "{outcome:?}");
        }
    }

    #[test]
    fn nothing_that_may_pass_is_a_4xx() {
        for why in [
            Unavailable::Events,
            Unavailable::Users,
            Unavailable::Secrets,
            Unavailable::Deadline,
            Unavailable::Unanswered,
            Unavailable::OtherType,
            Unavailable::UnknownSource,
            Unavailable::WrongKey,
            Unavailable::TooLarge,
            Unavailable::Undecodable,
            Unavailable::NotPost,
        ] {
            assert!(Outcome::Unavailable(why).answer().status() >= 500, "{why:?}");
        }
    }
}
