//! Replies to questions: what there is to say, and what the studio's own endpoint has said.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::field::{Field, Fields};
use crate::model::Json;
use crate::{Answer, Question, Refusal, Success, json_text};

/// What whoever was appointed replies to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The user exists, and no more was asked.
    UserFound,
    /// There is no such user.
    UserNotFound,
    /// What was asked for.
    Content(Json),
    /// There is nothing for this user.
    NotFound,
}

/// Why a response of the studio's endpoint is no reply. It repeats nothing of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableResponse {
    /// The question has no reply with this status.
    #[error("status {0}, which is no reply to this question")]
    Status(u16),
    /// The body is not what the question asks for.
    #[error("status {status}, and the body is not {wanted}")]
    Body {
        /// The status that the body came with.
        status: u16,
        /// What it should be.
        wanted: &'static str,
    },
}

impl Reply {
    /// The reply to a `user_search` that found somebody, in the form of Xsolla's older documentation; to the newer one,
    /// which asks for a 2xx, it is as good.
    ///
    /// # Errors
    ///
    /// None that are known: those of writing JSON.
    pub fn found_user(id: &str, public_id: &str, name: Option<&str>) -> serde_json::Result<Self> {
        let mut user = serde_json::json!({ "id": id, "public_id": public_id });
        if let Some(name) = name {
            user["name"] = name.into();
        }
        Json::of(&serde_json::json!({ "user": user })).map(Self::Content)
    }

    /// The reply to a Web Shop whose user exists, with the id as it stands in the question; to one that names no user,
    /// that there is nobody.
    ///
    /// # Errors
    ///
    /// None that are known: those of writing JSON.
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
        let fields = json_text(question).ok().and_then(|text| Fields::read(text).ok());
        match fields.and_then(|fields| fields.raw(Field::UserId)).filter(|id| is_id(id)) {
            Some(id) => Json::of(&Content { user: User { id, name } }).map(Self::Content),
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
    /// Reads the response of an endpoint that answers as Xsolla's documentation asks of one. It goes no further unless it
    /// is such an answer: what Xsolla cannot read, the buyer would see as a broken shop.
    ///
    /// That a user is unknown must be said in the body too. A bare 404 also comes from a wrong path, and would turn
    /// every buyer away. Only of a Web Shop's question it is the documented answer, and nobody is charged yet.
    ///
    /// # Errors
    ///
    /// When it is no such answer.
    pub fn read_response(self, status: u16, body: &[u8]) -> Result<Reply, UnusableResponse> {
        let json = |fits: fn(&RawValue) -> Option<bool>, wanted| {
            read(body, fits).ok_or(UnusableResponse::Body { status, wanted })
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
            _ => Err(UnusableResponse::Status(status)),
        }
    }

    /// Whether it may be asked twice if the first answer is lost: not if each answer uses something up.
    #[must_use]
    pub const fn may_be_repeated(self) -> bool {
        match self {
            Self::UserValidation
            | Self::UserSearch
            | Self::PartnerSideCatalog
            | Self::InventoryGet
            | Self::WebShopUserValidation => true,
            Self::GetPincode => false,
        }
    }
}

/// The JSON text of a body, if it is one and fits. Objects inside are maps: a struct would accept arrays as well.
fn read(body: &[u8], fits: fn(&RawValue) -> Option<bool>) -> Option<Json> {
    let json: Json = serde_json::from_str(json_text(body).ok()?).ok()?;
    fits(json.raw())?.then_some(json)
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

/// Its form is not documented.
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
    use crate::Question as Q;

    const INVALID_USER: &str = r#"{"error":{"code":"INVALID_USER","message":"Invalid user"}}"#;

    const YES: Answer = Answer::Success(Success::NoContent);
    const NO: Answer = Answer::Refusal(Refusal::InvalidUser);

    #[test]
    fn what_the_endpoint_may_say() {
        for (question, status, body, answer) in [
            (Q::UserValidation, 204, "", YES),
            (Q::UserValidation, 200, "<p>yes</p>", YES),
            (Q::UserValidation, 400, INVALID_USER, NO),
            (Q::UserValidation, 404, INVALID_USER, NO),
            (Q::UserValidation, 422, r#" {"error":{"code":"INVALID_USER"}} "#, NO),
            (Q::UserSearch, 204, "", YES),
            (Q::UserSearch, 200, r#"{"user":{"id":"mira"}}"#, Answer::Content),
            (Q::UserSearch, 200, r#"{"user":{"id":-7.10,"name":null},"more":[]}"#, Answer::Content),
            (Q::UserSearch, 400, INVALID_USER, NO),
            (Q::PartnerSideCatalog, 200, "[]", Answer::Content),
            (Q::PartnerSideCatalog, 200, r#"[{"sku":"boots","quantity":0},{"sku":"\u0061"}]"#, Answer::Content),
            (Q::PartnerSideCatalog, 404, "<p>nothing</p>", Answer::NotFound),
            (Q::GetPincode, 200, r#"{"pin_code":"AAA-BBB"}"#, Answer::Content),
            (Q::WebShopUserValidation, 200, r#"{"user":{"id":"7","name":"Mira"},"attributes":[]}"#, Answer::Content),
            (Q::WebShopUserValidation, 404, "", Answer::NotFound),
            (Q::InventoryGet, 200, "[]", Answer::Content),
            (Q::InventoryGet, 200, "{}", Answer::Content),
        ] {
            let reply = question.read_response(status, body.as_bytes());
            assert_eq!(reply.map(|reply| reply.answer()), Ok(answer), "{question:?} {status} {body}");
        }
    }

    #[test]
    fn an_answer_that_the_question_does_not_have_is_none() {
        for (question, has) in [
            (Q::UserValidation, [true, true, true, false, false, false]),
            (Q::UserSearch, [false, false, true, false, false, false]),
            (Q::PartnerSideCatalog, [false, false, false, false, false, true]),
            (Q::WebShopUserValidation, [false, false, false, false, false, true]),
            (Q::GetPincode, [false; 6]),
            (Q::InventoryGet, [false; 6]),
        ] {
            for (status, has) in [201, 299, 204, 300, 500, 404].into_iter().zip(has) {
                assert_eq!(question.read_response(status, b"").is_ok(), has, "{question:?} {status}");
            }
            for status in [0, 101, 199, 302, 400, 401, 403, 422, 429, 503, 999] {
                assert!(question.read_response(status, b"{}").is_err(), "{question:?} {status}");
            }
        }
    }

    #[test]
    fn a_body_of_another_form_is_no_answer() {
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
                let error = question.read_response(200, body.as_bytes()).unwrap_err();
                assert!(error.to_string().starts_with("status 200, and the body is not a"), "{question:?} {body}");
            }
            assert!(question.read_response(200, b"\xff").is_err(), "{question:?}");
        }
    }

    #[test]
    fn a_user_is_turned_away_only_if_the_body_says_so() {
        for status in [400, 404, 422] {
            for body in
                ["", "Not Found", "{}", r#"{"error":"INVALID_USER"}"#, r#"{"error":{"code":"INVALID_PARAMETER"}}"#]
            {
                for question in [Q::UserValidation, Q::UserSearch] {
                    let error = question.read_response(status, body.as_bytes()).unwrap_err().to_string();
                    assert_eq!(
                        error,
                        format!("status {status}, and the body is not an error with the code INVALID_USER")
                    );
                }
            }
        }
    }

    #[test]
    fn every_digit_goes_on_and_none_is_shown() {
        let body = "\u{feff} {\"user\":{\"id\":12345678901234567890123, \"balance\":1.9900}}\n";
        let reply = Q::UserSearch.read_response(200, body.as_bytes()).unwrap();
        assert_eq!(format!("{reply:?}"), "Content(Json(57 bytes))");
        let Reply::Content(content) = reply else { panic!("{reply:?}") };
        assert_eq!(content.get(), r#"{"user":{"id":12345678901234567890123, "balance":1.9900}}"#);
    }

    #[test]
    fn a_user_that_was_found_is_an_answer_like_any_other() {
        for (name, written) in [(None, ""), (Some("Mira \"M\" Holm"), r#""name":"Mira \"M\" Holm","#)] {
            let reply = Reply::found_user("isle-4471", "mira@example.com", name).unwrap();
            let Reply::Content(content) = &reply else { panic!("{reply:?}") };
            let user = format!(r#"{{"user":{{"id":"isle-4471",{written}"public_id":"mira@example.com"}}}}"#);
            assert_eq!(content.get(), user);
            assert_eq!(Q::UserSearch.read_response(200, user.as_bytes()).unwrap(), reply);
        }
    }

    #[test]
    fn the_user_of_a_web_shop_is_named_as_in_the_question() {
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
            assert_eq!(Q::WebShopUserValidation.read_response(200, content.get().as_bytes()).unwrap(), reply);
        }
        for nobody in [
            "{}",
            "[]",
            "",
            r#"{"user":null}"#,
            r#"{"user":{"id":""}}"#,
            r#"{"user":{"id":null}}"#,
            r#"{"user":{"id":{}}}"#,
        ] {
            assert_eq!(Reply::web_shop_user(nobody.as_bytes(), None).unwrap(), Reply::NotFound, "{nobody}");
        }
    }
}
