//! Questions that a table of users answers.

use aws_sdk_dynamodb::types::AttributeValue;
use intake::settings::DirectorySetting;
use local::StackOptions;

use crate::test_stack::{TestStack, options, sample};

async fn start() -> TestStack {
    let stack =
        TestStack::start_with(StackOptions { directory: DirectorySetting::Table("users".to_owned()), ..options() })
            .await;
    for (user, public_id, name) in [
        ("isle-4471", "mira@example.com", "Mira"),
        ("4471", "captain", ""),
        ("twin-1", "twin", "One"),
        ("twin-2", "twin", "Two"),
        ("shy", "", ""),
    ] {
        let mut put = stack.emulator.dynamodb.put_item().table_name("users");
        for (attribute, value) in [("user_id", user), ("public_id", public_id), ("name", name)] {
            if !value.is_empty() {
                put = put.item(attribute, AttributeValue::S(value.to_owned()));
            }
        }
        put.send().await.unwrap();
    }
    stack
}

fn question(user: &str) -> String {
    format!(r#"{{"notification_type":"user_validation","user":{user}}}"#)
}

fn search(user: &str) -> String {
    format!(r#"{{"notification_type":"user_search","user":{user}}}"#)
}

#[tokio::test]
async fn answers_204_to_known_and_invalid_user_to_unknown_user() {
    let stack = start().await;
    for user in [r#"{"id":"isle-4471"}"#, r#"{"id":4471}"#, r#"{"external_id":"4471"}"#, r#"{"id":{"value":4471}}"#] {
        assert_eq!(stack.send(question(user)).await.status, 204, "{user}");
    }
    for user in [r#"{"id":"isle-447"}"#, r#"{"id":""}"#, r#"{"id":null}"#, "{}", "null", r#"{"id":[]}"#] {
        let answer = stack.send(question(user)).await;
        assert_eq!(answer.status, 400, "{user}");
        assert!(answer.body.contains(r#""INVALID_USER""#), "{user}");
    }
    assert!(stack.stored().await.is_empty(), "questions are not stored");
}

#[tokio::test]
async fn finds_a_user_by_public_id_only() {
    let stack = start().await;
    for (user, found) in [
        (
            r#"{"public_id":"mira@example.com"}"#,
            r#"{"user":{"id":"isle-4471","name":"Mira","public_id":"mira@example.com"}}"#,
        ),
        (r#"{"id":"shy","public_id":"captain"}"#, r#"{"user":{"id":"4471","public_id":"captain"}}"#),
    ] {
        let answer = stack.send(search(user)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, found), "{user}");
    }
    for user in [r#"{"public_id":"isle-4471"}"#, r#"{"public_id":""}"#, r#"{"id":"shy"}"#, "{}", "null"] {
        let answer = stack.send(search(user)).await;
        assert_eq!(answer.status, 400, "{user}");
        assert!(answer.body.contains(r#""INVALID_USER""#), "{user}");
    }
    assert_eq!(stack.send(search(r#"{"public_id":"twin"}"#)).await.status, 500, "two users have this public id");
    assert!(stack.stored().await.is_empty(), "questions are not stored");
}

#[tokio::test]
async fn answers_503_to_questions_that_a_table_cannot_answer() {
    let stack = start().await;
    for name in ["partner_side_catalog", "get_pincode", "inventory_get"] {
        assert_eq!(stack.send(sample(name)).await.status, 503, "{name}");
    }
}

#[tokio::test]
async fn missing_table_is_500() {
    let stack = start().await;
    stack.emulator.dynamodb.delete_table().table_name("users").send().await.unwrap();
    assert_eq!(stack.send(question(r#"{"id":"isle-4471"}"#)).await.status, 500);
    assert_eq!(stack.send(search(r#"{"public_id":"captain"}"#)).await.status, 500);
}
