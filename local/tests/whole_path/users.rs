//! `user_validation` against a table of users.

use aws_sdk_dynamodb::types::AttributeValue;
use intake::settings::UsersSetting;
use local::Options;

use crate::world::{World, options};

async fn world() -> World {
    let world = World::start_with(Options { users: UsersSetting::Table("users".to_owned()), ..options() }).await;
    for user in ["isle-4471", "4471"] {
        let put = world.stack.dynamodb.put_item().table_name("users");
        put.item("user_id", AttributeValue::S(user.to_owned())).send().await.unwrap();
    }
    world
}

fn question(user: &str) -> String {
    format!(r#"{{"notification_type":"user_validation","user":{user}}}"#)
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
async fn a_directory_that_cannot_be_reached_is_500() {
    let world = world().await;
    world.stack.dynamodb.delete_table().table_name("users").send().await.unwrap();
    assert_eq!(world.send(question(r#"{"id":"isle-4471"}"#)).await.status, 500);
}
