//! All that happened to a purchase or a player, and nothing of who that is.

use cli::show::{Bodies, Query, find};
use serde_json::Value;
use xsolla::{PaymentWithoutOrder, samples};

use crate::world::{World, sample};

/// A sale with all that can follow, and a conflict.
async fn sale() -> World {
    let world = World::start().await;
    let changed = sample("payment").replace("7.99", "79.90");
    for body in ["payment", "order_paid-separate", "refund", "order_canceled-separate", "dispute"].map(sample) {
        assert!(world.send(body).await.status < 300);
    }
    assert_eq!(world.send(changed).await.status, 204);
    world
}

async fn shown(world: &World, sought: Query, bodies: Bodies) -> String {
    let setting = Some(PaymentWithoutOrder::MoneyOnly);
    find(&world.table(), &sought, setting).await.unwrap().render(bodies)
}

fn id(id: &str) -> Query {
    Query::Id(id.to_owned())
}

#[tokio::test]
async fn a_sale_is_found_by_any_of_its_ids_in_the_order_in_which_it_happened() {
    let world = sale().await;
    let all = shown(&world, id("2298114507"), Bodies::Hidden).await;
    for sought in [id("712045518"), id("transaction#2298114507"), Query::User("isle-4471".to_owned())] {
        assert_eq!(shown(&world, sought, Bodies::Hidden).await, all);
    }
    let heads: Vec<&str> = all.lines().filter_map(|line| line.strip_prefix("  2").map(|line| &line[25..])).collect();
    assert_eq!(
        heads,
        [
            "payment         goods: money_only",
            "order_paid      goods: grant",
            "refund          goods: money_only",
            "order_canceled  goods: revoke",
            "dispute         goods: risk",
            "payment         conflict, not relayed",
        ]
    );
    for told in
        ["live, user isle-4471, secret index 0, 7.99 EUR\n", "79.90 EUR\n", "order 712045518", "3 × lantern-brass"]
    {
        assert!(all.contains(told), "{told} in {all}");
    }
    assert!(all.ends_with("  5 events, 1 conflict.\n"), "{all}");
}

#[tokio::test]
async fn a_whole_event_id_shows_that_event_alone() {
    let world = sale().await;
    let one = shown(&world, id("transaction#2298114507#refund"), Bodies::Hidden).await;
    assert!(one.contains("refund  goods: money_only") && one.ends_with("  1 event.\n"), "{one}");
}

#[tokio::test]
async fn what_depends_on_a_setting_that_is_not_given_is_told_as_such() {
    let world = sale().await;
    let found = find(&world.table(), &id("2298114507"), None).await.unwrap().render(Bodies::Hidden);
    assert!(found.contains("payment         goods: grant or money_only"), "{found}");
    assert!(found.contains("order_paid      goods: grant\n"), "{found}");
}

/// Personal values of a sample: what the models keep from logs, and the game's own.
fn personal(value: &Value, found: &mut Vec<String>) {
    const KEYS: [&str; 9] =
        ["email", "ip", "phone", "zip", "comment", "receiver_email", "message", "parameter_value", "custom_parameters"];
    for (key, value) in value.as_object().into_iter().flatten() {
        let is_persons_name = key == "name" && value.as_str().is_some_and(|name| name.contains([' ', '@']));
        match value {
            Value::String(text) if is_persons_name || KEYS.contains(&key.as_str()) => found.push(format!("\"{text}\"")),
            Value::Object(own) if KEYS.contains(&key.as_str()) => {
                found.extend(own.keys().map(|key| format!("\"{key}\"")));
            }
            value => personal(value, found),
        }
    }
}

#[tokio::test]
async fn bodies_are_shown_without_personal_data_unless_it_is_asked_for() {
    let world = World::start().await;
    for sample in samples::ALL {
        world.send(sample.body).await;
    }
    assert_eq!(world.send(r#"["mira@example.com"]"#).await.status, 400, "kept, though it cannot be read");
    let mut masked = String::new();
    let mut as_they_came = String::new();
    for item in world.kept().await {
        let event_id = format!("{}#{}", item["pk"].as_s().unwrap(), item["sk"].as_s().unwrap());
        masked += &shown(&world, id(&event_id), Bodies::Redacted).await;
        as_they_came += &shown(&world, id(&event_id), Bodies::Unredacted).await;
    }
    let mut found = Vec::new();
    for sample in samples::ALL {
        let body: Value = serde_json::from_str(sample.body).unwrap();
        if world.kept().await.iter().any(|item| crate::world::body(item) == sample.body.as_bytes()) {
            assert!(as_they_came.contains(sample.body.trim_end()), "{}", sample.name);
            personal(&body, &mut found);
        }
    }
    assert!(found.len() > 40, "{found:?}");
    for personal in found.iter().map(String::as_str).chain(["@", "192.0.2."]) {
        assert!(!masked.contains(personal), "{personal}");
        assert!(as_they_came.contains(personal), "{personal}");
    }
    for shown in [r#""id": 2298114507"#, r#""sku": "lantern-brass""#, r#""amount": "7.9900""#] {
        assert!(masked.contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn the_command_fails_if_nothing_is_kept() {
    let world = sale().await;
    let (succeeded, printed) = world.run(&["show", "712045518", "--bodies"]).await;
    assert!(succeeded && printed.contains("order_paid      goods: grant"), "{printed}");
    assert!(printed.contains(r#""email": "***""#) && !printed.contains('@'), "{printed}");
    for arguments in [["show", "7", "--bodies"], ["show", "--user", "nobody"]] {
        let (succeeded, printed) = world.run(&arguments).await;
        assert!(!succeeded && printed.starts_with("error: no records found for "), "{printed}");
    }
}

#[tokio::test]
async fn a_user_id_cannot_steer_a_terminal() {
    let world = World::start().await;
    world.send(r#"{"notification_type":"payment","transaction":{"id":7},"user":{"id":"\u001b[2Jgone"}}"#).await;
    let (succeeded, printed) = world.run(&["show", "7", "--unredacted"]).await;
    assert!(succeeded && printed.contains("[2Jgone") && !printed.contains('\u{1b}'), "{printed:?}");
}
