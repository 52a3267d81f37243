//! Replies to questions, and their validation.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::answer::{Answer, Refusal, Success};
use crate::body::json_text;
use crate::field::{Field, Fields};
use crate::model::Json;
use crate::notification_type::Question;

/// A reply to a question.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::{Question, Reply};
///
/// assert_eq!(Reply::UserFound.answer().status(), 204);
///
/// // From an endpoint that follows Xsolla's documentation:
/// let reply = Question::UserSearch.parse_response(200, br#"{"user":{"id":"isle-4471"}}"#)?;
/// assert!(matches!(reply, Reply::Content(json) if json.get().contains("isle-4471")));
/// # Ok::<(), xsolla_webhooks::ParseResponseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The user exists. The answer has no content.
    UserFound,
    /// The user does not exist.
    UserNotFound,
    /// The content that the question asks for.
    Content(Json),
    /// There is no content for this user.
    NotFound,
}

/// The error of parsing an endpoint's response as a [`Reply`]. It never repeats the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseResponseError {
    /// The question has no reply with this status.
    #[error("status {0} is not a reply to this question")]
    Status(u16),
    /// The body does not have the form that the question requires.
    #[error("status {status} with a body that is not {expected}")]
    Body {
        /// The status of the response.
        status: u16,
        /// The expected form.
        expected: &'static str,
    },
}

impl Reply {
    /// Creates the reply to a `user_search` for a known user.
    ///
    /// The form is that of Xsolla's older documentation. It is also valid for the newer one, which only requires a 2xx.
    ///
    /// # Errors
    ///
    /// If JSON serialization fails, which does not happen for strings.
    pub fn found_user(id: &str, public_id: &str, name: Option<&str>) -> serde_json::Result<Self> {
        let mut user = serde_json::json!({ "id": id, "public_id": public_id });
        if let Some(name) = name {
            user["name"] = name.into();
        }
        Json::new(&serde_json::json!({ "user": user })).map(Self::Content)
    }

    /// Creates the reply to a Web Shop's question for a known user.
    ///
    /// The content repeats the id as written in the question. If the question has no id, the reply is [`Self::NotFound`].
    ///
    /// # Errors
    ///
    /// If JSON serialization fails, which does not happen for strings.
    pub fn web_shop_user(question: &[u8], name: Option<&str>) -> serde_json::Result<Self> {
        #[derive(Serialize)]
        struct Content<'a> {
            user: User<'a>,
        }
        #[derive(Serialize)]
        struct User<'a> {
            id: &'a RawValue,
            #[serde(skip_serializing_if = "Option::is_none")]
            name: Option<&'a str>,
        }
        let fields = json_text(question).ok().and_then(|text| Fields::parse(text).ok());
        match fields.and_then(|fields| fields.raw(Field::UserId)).filter(|id| is_id(id)) {
            Some(id) => Json::new(&Content { user: User { id, name } }).map(Self::Content),
            None => Ok(Self::NotFound),
        }
    }

    /// Returns the HTTP answer that carries the reply.
    #[must_use]
    pub const fn answer(&self) -> Answer {
        match self {
            Self::UserFound => Answer::Success(Success::NoContent),
            Self::UserNotFound => Answer::Refusal(Refusal::InvalidUser),
            Self::Content(_) => Answer::Content,
            Self::NotFound => Answer::NotFound,
        }
    }
}

impl Question {
    /// Parses and validates the response of an endpoint that answers as Xsolla documents.
    ///
    /// An invalid response must not reach Xsolla: the user would see a broken shop.
    ///
    /// [`Reply::UserNotFound`] requires the error code `INVALID_USER` in the body. A plain 404 can come from a wrong path, and
    /// would reject every user. A Web Shop's question is an exception: a plain 404 is documented, and no payment depends on it.
    ///
    /// # Errors
    ///
    /// If the status or the body is not a documented answer to this question.
    pub fn parse_response(self, status: u16, body: &[u8]) -> Result<Reply, ParseResponseError> {
        let json = |is_valid: fn(&RawValue) -> Option<bool>, expected| {
            parse_json(body, is_valid).ok_or(ParseResponseError::Body { status, expected })
        };
        match (self, status) {
            (Self::UserValidation, 200..=299) | (Self::UserSearch, 204) => Ok(Reply::UserFound),
            (Self::UserValidation | Self::UserSearch, 400 | 404 | 422) => {
                json(is_invalid_user, "an error with the code INVALID_USER").map(|_| Reply::UserNotFound)
            }
            (Self::UserSearch | Self::WebShopUserValidation, 200) => {
                json(has_user_id, "an object with user.id").map(Reply::Content)
            }
            (Self::PartnerSideCatalog, 200) => {
                json(is_list_of_skus, "an array of objects with a sku").map(Reply::Content)
            }
            (Self::PartnerSideCatalog | Self::WebShopUserValidation, 404) => Ok(Reply::NotFound),
            (Self::GetPincode, 200) => json(has_pin_code, "an object with a pin_code").map(Reply::Content),
            (Self::InventoryGet, 200) => json(is_inventory, "an object or an array").map(Reply::Content),
            _ => Err(ParseResponseError::Status(status)),
        }
    }
}

/// Parses a body as JSON and validates it. The validators parse objects as maps, because a struct would also accept an
/// array.
fn parse_json(body: &[u8], is_valid: fn(&RawValue) -> Option<bool>) -> Option<Json> {
    let json: Json = serde_json::from_str(json_text(body).ok()?).ok()?;
    is_valid(json.raw())?.then_some(json)
}

fn is_invalid_user(json: &RawValue) -> Option<bool> {
    Some(text(member(member(json, "error")?, "code")?)? == "INVALID_USER")
}

fn has_user_id(json: &RawValue) -> Option<bool> {
    Some(is_id(member(member(json, "user")?, "id")?))
}

fn is_id(json: &RawValue) -> bool {
    let is_number = json.get().starts_with(|first: char| first == '-' || first.is_ascii_digit());
    is_number || text(json).is_some_and(|id| !id.is_empty())
}

fn is_list_of_skus(json: &RawValue) -> Option<bool> {
    let items: Vec<&RawValue> = serde_json::from_str(json.get()).ok()?;
    Some(items.into_iter().all(|item| member(item, "sku").and_then(text).is_some_and(|sku| !sku.is_empty())))
}

fn has_pin_code(json: &RawValue) -> Option<bool> {
    Some(!text(member(json, "pin_code")?)?.is_empty())
}

/// Accepts any object or array: the form of an inventory is not documented.
fn is_inventory(json: &RawValue) -> Option<bool> {
    json.get().chars().next().map(|first| matches!(first, '{' | '['))
}

fn member<'a>(object: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    serde_json::from_str::<HashMap<String, &RawValue>>(object.get()).ok()?.get(name).copied()
}

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification_type::Question as Q;

    const INVALID_USER: &str = r#"{"error":{"code":"INVALID_USER","message":"Invalid user"}}"#;

    const FOUND: Answer = Answer::Success(Success::NoContent);
    const UNKNOWN: Answer = Answer::Refusal(Refusal::InvalidUser);

    #[test]
    fn accepts_documented_responses() {
        for (question, status, body, answer) in [
            (Q::UserValidation, 204, "", FOUND),
            (Q::UserValidation, 200, "<p>yes</p>", FOUND),
            (Q::UserValidation, 400, INVALID_USER, UNKNOWN),
            (Q::UserValidation, 404, INVALID_USER, UNKNOWN),
            (Q::UserValidation, 422, r#" {"error":{"code":"INVALID_USER"}} "#, UNKNOWN),
            (Q::UserSearch, 204, "", FOUND),
            (Q::UserSearch, 200, r#"{"user":{"id":"mira"}}"#, Answer::Content),
            (Q::UserSearch, 200, r#"{"user":{"id":-7.10,"name":null},"more":[]}"#, Answer::Content),
            (Q::UserSearch, 400, INVALID_USER, UNKNOWN),
            (Q::PartnerSideCatalog, 200, "[]", Answer::Content),
            (Q::PartnerSideCatalog, 200, r#"[{"sku":"boots","quantity":0},{"sku":"\u0061"}]"#, Answer::Content),
            (Q::PartnerSideCatalog, 404, "<p>nothing</p>", Answer::NotFound),
            (Q::GetPincode, 200, r#"{"pin_code":"AAA-BBB"}"#, Answer::Content),
            (Q::WebShopUserValidation, 200, r#"{"user":{"id":"7","name":"Mira"},"attributes":[]}"#, Answer::Content),
            (Q::WebShopUserValidation, 404, "", Answer::NotFound),
            (Q::InventoryGet, 200, "[]", Answer::Content),
            (Q::InventoryGet, 200, "{}", Answer::Content),
        ] {
            let reply = question.parse_response(status, body.as_bytes());
            assert_eq!(reply.map(|reply| reply.answer()), Ok(answer), "{question:?} {status} {body}");
        }
    }

    #[test]
    fn rejects_statuses_that_the_question_does_not_have() {
        for (question, accepted) in [
            (Q::UserValidation, [true, true, true, false, false, false]),
            (Q::UserSearch, [false, false, true, false, false, false]),
            (Q::PartnerSideCatalog, [false, false, false, false, false, true]),
            (Q::WebShopUserValidation, [false, false, false, false, false, true]),
            (Q::GetPincode, [false; 6]),
            (Q::InventoryGet, [false; 6]),
        ] {
            for (status, is_accepted) in [201, 299, 204, 300, 500, 404].into_iter().zip(accepted) {
                assert_eq!(question.parse_response(status, b"").is_ok(), is_accepted, "{question:?} {status}");
            }
            for status in [0, 101, 199, 302, 400, 401, 403, 422, 429, 503, 999] {
                assert!(question.parse_response(status, b"{}").is_err(), "{question:?} {status}");
            }
        }
    }

    #[test]
    fn rejects_bodies_of_another_form() {
        let no_user = &[
            r#"{"user":{}}"#,
            r#"{"user":{"id":""}}"#,
            r#"{"user":{"id":null}}"#,
            r#"{"user":{"id":true}}"#,
            r#"{"user":{"id":["mira"]}}"#,
            r#"{"user":["mira"]}"#,
            r#"[["mira"]]"#,
            r#"{"id":"mira"}"#,
        ][..];
        for (question, bodies) in [
            (Q::UserSearch, no_user),
            (Q::WebShopUserValidation, no_user),
            (
                Q::PartnerSideCatalog,
                &[
                    "{}",
                    r#"{"sku":"boots"}"#,
                    r#"["boots"]"#,
                    r#"[["boots"]]"#,
                    r#"[{"sku":"boots"},{}]"#,
                    r#"[{"sku":7}]"#,
                    r#"[{"sku":""}]"#,
                ],
            ),
            (Q::GetPincode, &["[]", r#"["AAA"]"#, r#"{"pin_code":""}"#, r#"{"pin_code":7}"#, r#"{"pin_code":null}"#]),
            (Q::InventoryGet, &["7", r#""sword""#, "true"]),
        ] {
            for body in bodies.iter().chain(&["", "null", "{", "[]]", "<p>no</p>", r#"{"a":}"#]) {
                let error = question.parse_response(200, body.as_bytes()).unwrap_err();
                assert!(error.to_string().starts_with("status 200 with a body that is not a"), "{question:?} {body}");
            }
            assert!(question.parse_response(200, b"\xff").is_err(), "{question:?}");
        }
    }

    #[test]
    fn user_is_unknown_only_if_the_body_says_so() {
        for status in [400, 404, 422] {
            for body in
                ["", "Not Found", "{}", r#"{"error":"INVALID_USER"}"#, r#"{"error":{"code":"INVALID_PARAMETER"}}"#]
            {
                for question in [Q::UserValidation, Q::UserSearch] {
                    let error = question.parse_response(status, body.as_bytes()).unwrap_err().to_string();
                    assert_eq!(
                        error,
                        format!("status {status} with a body that is not an error with the code INVALID_USER")
                    );
                }
            }
        }
    }

    #[test]
    fn content_has_every_digit_and_debug_shows_none() {
        let body = "\u{feff} {\"user\":{\"id\":12345678901234567890123, \"balance\":1.9900}}\n";
        let reply = Q::UserSearch.parse_response(200, body.as_bytes()).unwrap();
        assert_eq!(format!("{reply:?}"), "Content(Json(57 bytes))");
        let Reply::Content(content) = reply else { panic!("{reply:?}") };
        assert_eq!(content.get(), r#"{"user":{"id":12345678901234567890123, "balance":1.9900}}"#);
    }

    #[test]
    fn found_user_is_a_valid_response() {
        for (name, member) in [(None, ""), (Some("Mira \"M\" Holm"), r#""name":"Mira \"M\" Holm","#)] {
            let reply = Reply::found_user("isle-4471", "mira@example.com", name).unwrap();
            let Reply::Content(content) = &reply else { panic!("{reply:?}") };
            let user = format!(r#"{{"user":{{"id":"isle-4471",{member}"public_id":"mira@example.com"}}}}"#);
            assert_eq!(content.get(), user);
            assert_eq!(Q::UserSearch.parse_response(200, user.as_bytes()).unwrap(), reply);
        }
    }

    #[test]
    fn web_shop_user_has_the_id_of_the_question() {
        for (id, name, user) in [
            (r#""isle-4471""#, None, r#"{"id":"isle-4471"}"#),
            (r#""isle-4471""#, Some("Mira \"M\" Holm"), r#"{"id":"isle-4471","name":"Mira \"M\" Holm"}"#),
            ("12345678901234567890123", None, r#"{"id":12345678901234567890123}"#),
            (r#""\u00e9""#, None, r#"{"id":"\u00e9"}"#),
        ] {
            let question = format!(r#"{{"settings":{{}},"user":{{"id":{id},"country":"DE"}}}}"#);
            let reply = Reply::web_shop_user(question.as_bytes(), name).unwrap();
            let Reply::Content(content) = &reply else { panic!("{reply:?}") };
            assert_eq!(content.get(), format!(r#"{{"user":{user}}}"#));
            assert_eq!(Q::WebShopUserValidation.parse_response(200, content.get().as_bytes()).unwrap(), reply);
        }
        for without_id in [
            "{}",
            "[]",
            "",
            r#"{"user":null}"#,
            r#"{"user":{"id":""}}"#,
            r#"{"user":{"id":null}}"#,
            r#"{"user":{"id":{}}}"#,
        ] {
            assert_eq!(Reply::web_shop_user(without_id.as_bytes(), None).unwrap(), Reply::NotFound, "{without_id}");
        }
    }
}
