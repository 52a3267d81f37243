//! Questions to a table of users.

use aws_sdk_dynamodb::types::AttributeValue;
use intake::settings::DirectorySetting;
use local::StackOptions;

use crate::world::{World, options, sample};

async fn world() -> World {
    let world =
        World::start_with(StackOptions { directory: DirectorySetting::Table("users".to_owned()), ..options() }).await;
    for (user, public_id, name) in [
        ("isle-4471", "mira@example.com", "Mira"),
        ("4471", "captain", ""),
        ("twin-1", "twin", "One"),
        ("twin-2", "twin", "Two"),
        ("shy", "", ""),
    ] {
        let mut put = world.stack.dynamodb.put_item().table_name("users");
        for (attribute, value) in [("user_id", user), ("public_id", public_id), ("name", name)] {
            if !value.is_empty() {
                put = put.item(attribute, AttributeValue::S(value.to_owned()));
            }
        }
        put.send().await.unwrap();
    }
    world
}

fn question(user: &str) -> String {
    format!(r#"{{"notification_type":"user_validation","user":{user}}}"#)
}

fn search(user: &str) -> String {
    format!(r#"{{"notification_type":"user_search","user":{user}}}"#)
}

#[tokio::test]
async fn a_known_user_is_204_and_a_stranger_is_invalid_user() {
    let world = world().await;
    for user in [r#"{"id":"isle-4471"}"#, r#"{"id":4471}"#, r#"{"external_id":"4471"}"#, r#"{"id":{"value":4471}}"#] {
        assert_eq!(world.send(question(user)).await.status, 204, "{user}");
    }
    for user in [r#"{"id":"isle-447"}"#, r#"{"id":""}"#, r#"{"id":null}"#, "{}", "null", r#"{"id":[]}"#] {
        let answer = world.send(question(user)).await;
        assert_eq!(answer.status, 400, "{user}");
        assert!(answer.body.contains(r#""INVALID_USER""#), "{user}");
    }
    assert!(world.kept().await.is_empty(), "a question is not kept");
}

#[tokio::test]
async fn a_user_is_found_by_what_everybody_knows_and_nobody_is_guessed() {
    let world = world().await;
    for (user, found) in [
        (
            r#"{"public_id":"mira@example.com"}"#,
            r#"{"user":{"id":"isle-4471","name":"Mira","public_id":"mira@example.com"}}"#,
        ),
        (r#"{"id":"shy","public_id":"captain"}"#, r#"{"user":{"id":"4471","public_id":"captain"}}"#),
    ] {
        let answer = world.send(search(user)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, found), "{user}");
    }
    for user in [r#"{"public_id":"isle-4471"}"#, r#"{"public_id":""}"#, r#"{"id":"shy"}"#, "{}", "null"] {
        let answer = world.send(search(user)).await;
        assert_eq!(answer.status, 400, "{user}");
        assert!(answer.body.contains(r#""INVALID_USER""#), "{user}");
    }
    assert_eq!(world.send(search(r#"{"public_id":"twin"}"#)).await.status, 500, "either could be meant");
    assert!(world.kept().await.is_empty(), "a question is not kept");
}

#[tokio::test]
async fn what_a_table_cannot_tell_is_unanswered() {
    let world = world().await;
    for name in ["partner_side_catalog", "get_pincode", "inventory_get"] {
        assert_eq!(world.send(sample(name)).await.status, 503, "{name}");
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_reached_is_500() {
    let world = world().await;
    world.stack.dynamodb.delete_table().table_name("users").send().await.unwrap();
    assert_eq!(world.send(question(r#"{"id":"isle-4471"}"#)).await.status, 500);
    assert_eq!(world.send(search(r#"{"public_id":"captain"}"#)).await.status, 500);
}
