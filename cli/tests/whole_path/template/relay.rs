//! The stream that feeds the relay.

use serde_json::{Value, json};

use super::document::{items, resource, text};

#[test]
fn stream_passes_only_new_events() {
    let filters = items(&resource("RelayStream").property("FilterCriteria")["Filters"]);
    let [filter] = filters else { panic!("{} filters", filters.len()) };
    let kind = json!({ "S": [intake::record::Kind::Event.name()] });
    let expected = json!({ "eventName": ["INSERT"], "dynamodb": { "NewImage": { intake::table::KIND: kind } } });
    assert_eq!(serde_json::from_str::<Value>(text(&filter["Pattern"])).unwrap(), expected);
}

#[test]
fn one_batch_per_shard_at_a_time() {
    assert_eq!(
        *resource("RelayStream").property("ParallelizationFactor"),
        1,
        "more would break the order of a subject"
    );
}

#[test]
fn stream_invokes_the_alias() {
    assert_eq!(*resource("RelayStream").property("FunctionName"), json!({ "Ref": "Relay.Alias" }));
}
