//! HTTP answers to Xsolla: statuses and bodies.
//!
//! Xsolla treats a 4xx on a payment as final: the user is charged, the purchase fails, and Xsolla never retries. So 400 is
//! only for a bad signature, a body that is not a webhook, and a user who does not exist. 404 is for some questions, never for
//! an event. Everything temporary is 5xx, which Xsolla retries: see [`RetrySchedule`](crate::RetrySchedule).

/// An HTTP answer: its status and its body.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::{Answer, Refusal};
///
/// let answer = Answer::Refusal(Refusal::InvalidSignature);
/// assert_eq!(answer.status(), 400);
/// assert!(answer.body().is_some_and(|body| body.contains("INVALID_SIGNATURE")));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 2xx without a body.
    Success(Success),
    /// 200 with the content of a [`Reply`](crate::Reply).
    Content,
    /// 404 without a body, as documented for `partner_side_catalog` and Web Shops.
    NotFound,
    /// 400 with an error code.
    Refusal(Refusal),
    /// 500: the receiver failed.
    ServerError,
    /// 503: this receiver does not serve the request.
    ServiceUnavailable,
}

/// The documented success status of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Success {
    /// 200: `order_paid`, `order_canceled`, `move_to_game`, payouts.
    Ok,
    /// 204: all other types.
    NoContent,
}

/// Xsolla's error codes for requests that a retry cannot fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `INVALID_SIGNATURE`. Xsolla's webhook test requires this code.
    InvalidSignature,
    /// `INVALID_PARAMETER`: the body is not a webhook.
    InvalidParameter,
    /// `INVALID_USER`: the user does not exist.
    InvalidUser,
}

impl Answer {
    /// Returns the HTTP status.
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

    /// Returns the JSON body, in Xsolla's form for errors. It never repeats input or reveals internals.
    ///
    /// `None` for [`Self::Content`], whose body is in the [`Reply`](crate::Reply).
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
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Answer::Success(Success::Ok), 200, None)]
    #[case(Answer::Success(Success::NoContent), 204, None)]
    #[case(Answer::Content, 200, None)]
    #[case(Answer::NotFound, 404, None)]
    #[case(Answer::Refusal(Refusal::InvalidSignature), 400, Some("INVALID_SIGNATURE"))]
    #[case(Answer::Refusal(Refusal::InvalidParameter), 400, Some("INVALID_PARAMETER"))]
    #[case(Answer::Refusal(Refusal::InvalidUser), 400, Some("INVALID_USER"))]
    #[case(Answer::ServerError, 500, Some("SERVER_ERROR"))]
    #[case(Answer::ServiceUnavailable, 503, Some("SERVER_ERROR"))]
    fn answer_has_documented_status_and_error_code(
        #[case] answer: Answer,
        #[case] status: u16,
        #[case] code: Option<&str>,
    ) {
        assert_eq!(answer.status(), status);
        let body: Option<serde_json::Value> = answer.body().map(|body| serde_json::from_str(body).unwrap());
        assert_eq!(body.as_ref().and_then(|body| body["error"]["code"].as_str()), code);
        assert!(body.is_none_or(|body| body["error"]["message"].is_string()));
    }
}
