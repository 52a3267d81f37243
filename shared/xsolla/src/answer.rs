//! The table of answers: what happened, and what Xsolla is told. All of it is here.
//!
//! Xsolla reads a 4xx on a payment as "the buyer was charged, the purchase failed" and never calls again, so 400 is only
//! for what Xsolla did not sign, what is no webhook, and a user who does not exist. 404 is an answer to one question, and
//! to no event. All that may pass is 5xx: it is sent again (up to twelve times in 48 hours for `payment`, twenty in twelve
//! hours for `order_paid`).

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
    fn every_body_is_json_with_an_error_code() {
        use Refusal::{InvalidParameter, InvalidSignature, InvalidUser};

        for (answer, status, code) in [
            (Answer::Success(Success::Ok), 200, None),
            (Answer::Success(Success::NoContent), 204, None),
            (Answer::Content, 200, None),
            (Answer::NotFound, 404, None),
            (Answer::Refusal(InvalidSignature), 400, Some("INVALID_SIGNATURE")),
            (Answer::Refusal(InvalidParameter), 400, Some("INVALID_PARAMETER")),
            (Answer::Refusal(InvalidUser), 400, Some("INVALID_USER")),
            (Answer::ServerError, 500, Some("SERVER_ERROR")),
            (Answer::ServiceUnavailable, 503, Some("SERVER_ERROR")),
        ] {
            assert_eq!(answer.status(), status, "{answer:?}");
            let body: Option<serde_json::Value> = answer.body().map(|body| serde_json::from_str(body).unwrap());
            assert_eq!(body.as_ref().and_then(|body| body["error"]["code"].as_str()), code, "{answer:?}");
            assert!(body.is_none_or(|body| body["error"]["message"].is_string()), "{answer:?}");
        }
    }
}
