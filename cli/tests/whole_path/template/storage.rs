//! Tables and queues: protection, keys and retention.

use std::collections::BTreeSet;

use intake::accept::MAX_BODY;
use intake::record::RETENTION;
use intake::settings::RETENTION_DAYS;
use intake::table::{EXPIRES_AT, ORDER_ID, PK, RECEIVED_AT, SK, SUBSCRIPTION_ID, USER_ID, users};
use rstest::rstest;
use serde_json::{Value, json};

use super::document::{global, items, number, of_type, parameter, reference, resource, text};

#[test]
fn tables_are_protected_against_deletion() {
    for table in of_type("DynamoDB::Table") {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(table.body[policy], "Retain", "{}: {policy}", table.name);
        }
        assert_eq!(*table.property("DeletionProtectionEnabled"), true, "{}", table.name);
        let recovery = &table.property("PointInTimeRecoverySpecification")["PointInTimeRecoveryEnabled"];
        assert_eq!(*recovery, true, "{}", table.name);
    }
}

#[test]
fn tables_queues_and_topic_are_encrypted() {
    for table in of_type("DynamoDB::Table") {
        assert_eq!(*table.property("SSESpecification"), json!({ "SSEEnabled": true }), "{}", table.name);
    }
    for queue in of_type("SQS::Queue") {
        assert_eq!(*queue.property("SqsManagedSseEnabled"), true, "{}", queue.name);
    }
    assert_eq!(*resource("AlarmTopic").property("KmsMasterKeyId"), reference("AlarmKey"));
}

#[test]
fn each_queue_accepts_the_message_of_the_largest_body() {
    for queue in of_type("SQS::Queue") {
        let limit = usize::try_from(number(queue.property("MaximumMessageSize"))).unwrap();
        assert_eq!(limit, 1024 * 1024, "{}: the maximum of SQS", queue.name);
        // Escapes at most double a body.
        assert!(limit > 2 * MAX_BODY, "{}", queue.name);
    }
}

#[test]
fn retention_agrees_with_the_code() {
    let parameter = parameter("RetentionDays");
    let days = |key: &str| u16::try_from(parameter[key].as_u64().unwrap()).unwrap();
    assert_eq!(days("MinValue")..=days("MaxValue"), RETENTION_DAYS);
    assert_eq!(i64::from(days("Default")) * 24, RETENTION.as_hours());
    assert_eq!(global("Environment")["Variables"]["RETENTION_DAYS"], reference("RetentionDays"));
}

fn key(name: &str, kind: &str) -> Value {
    json!({ "AttributeName": name, "KeyType": kind })
}

fn index(table: &str, name: &str) -> &'static Value {
    let mut indexes = items(resource(table).property("GlobalSecondaryIndexes")).iter();
    indexes.find(|index| index["IndexName"] == name).unwrap_or_else(|| panic!("{table} has no index {name}"))
}

#[rstest]
#[case("EventsTable", &[PK, SK, ORDER_ID, SUBSCRIPTION_ID, USER_ID, RECEIVED_AT])]
#[case("UsersTable", &[users::USER_ID, users::PUBLIC_ID])]
fn key_attributes_are_strings(#[case] table: &str, #[case] attributes: &[&str]) {
    let definitions = items(resource(table).property("AttributeDefinitions"));
    assert!(definitions.iter().all(|definition| definition["AttributeType"] == "S"), "{table}");
    let names: BTreeSet<&str> = definitions.iter().map(|definition| text(&definition["AttributeName"])).collect();
    assert_eq!(names, attributes.iter().copied().collect());
}

#[test]
fn keys_of_events_table_agree_with_the_code() {
    let table = resource("EventsTable");
    assert_eq!(*table.property("KeySchema"), json!([key(PK, "HASH"), key(SK, "RANGE")]));
    assert_eq!(*table.property("TimeToLiveSpecification"), json!({ "AttributeName": EXPIRES_AT, "Enabled": true }));
    for (name, attribute) in [("by_order", ORDER_ID), ("by_subscription", SUBSCRIPTION_ID), ("by_user", USER_ID)] {
        let keys = json!([key(attribute, "HASH"), key(RECEIVED_AT, "RANGE")]);
        assert_eq!(index("EventsTable", name)["KeySchema"], keys, "{name}");
    }
}

#[test]
fn keys_of_users_table_agree_with_the_code() {
    assert_eq!(*resource("UsersTable").property("KeySchema"), json!([key(users::USER_ID, "HASH")]));
    let index = index("UsersTable", users::BY_PUBLIC_ID);
    assert_eq!(index["KeySchema"], json!([key(users::PUBLIC_ID, "HASH")]));
    assert_eq!(index["Projection"]["NonKeyAttributes"], json!([users::NAME]));
}
