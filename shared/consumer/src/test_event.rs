//! Messages for tests.

use serde_json::json;

/// Returns the message of an event.
pub(crate) fn event(subject: &str, goods: &str, order_id: Option<&str>) -> String {
    json!({
        "event_id": format!("sale#{subject}#{goods}"), "type": "order_paid", "goods": goods, "subject": subject,
        "order_id": order_id, "user_id": null, "project_id": null, "mode": "live", "identified": true,
        "deprecated": false, "received_at": "2026-11-22T00:31:07.042Z", "item_roles": null, "notification": {},
    })
    .to_string()
}
