//! The lines of an order: own lines and contents of bundles.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::field::{Field, Fields};
use crate::model::{Item, ItemType};
use crate::notification_type::NotificationType;

/// The role of a line in an order's `items`.
///
/// A bundle, or a package of virtual currency, has one line for itself and one for each of its contents. A consumer that
/// grants all of these lines grants twice.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::{ItemRole, NotificationType};
///
/// let order_paid = r#"{"items": [
///     {"sku": "starter-pack", "type": "bundle", "is_bundle_content": false},
///     {"sku": "lantern", "type": "virtual_good", "is_bundle_content": true}
/// ]}"#;
/// let roles = ItemRole::of_items(NotificationType::ORDER_PAID, order_paid);
/// assert_eq!(roles, Some(vec![ItemRole::Standalone, ItemRole::BundleContent]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ItemRole {
    /// Bought or given by itself.
    Standalone,
    /// Part of a bundle on an earlier line.
    BundleContent,
    /// Standalone or part of a bundle. Version 1 of the webhooks does not say which for the lines after a bundle. Version 2
    /// does, in `is_bundle_content`.
    Unclear,
}

impl ItemRole {
    /// Returns the role of each line of `items`, in order; `None` if the notification is not an order with items.
    #[must_use]
    pub fn of_items(notification_type: NotificationType, notification: &str) -> Option<Vec<Self>> {
        if ![NotificationType::ORDER_PAID, NotificationType::ORDER_CANCELED].contains(&notification_type) {
            return None;
        }
        let fields = Fields::parse(notification).ok()?;
        let lines: Vec<&RawValue> = serde_json::from_str(fields.json(Field::Items)?).ok()?;
        let lines: Vec<Option<Item>> = lines.iter().map(|line| serde_json::from_str(line.get()).ok()).collect();

        let is_content = |line: &Option<Item>| line.as_ref().and_then(|line| line.is_bundle_content);
        let is_version_2 = lines.iter().any(|line| is_content(line).is_some());
        let mut is_after_bundle = false;
        let role = |line| {
            let role = match is_content(line) {
                Some(true) => Self::BundleContent,
                None if is_version_2 || is_after_bundle => Self::Unclear,
                Some(false) | None => Self::Standalone,
            };
            let item_type = line.as_ref().and_then(|line| line.item_type.as_ref());
            let has_no_contents =
                matches!(item_type, Some(ItemType::VirtualGood | ItemType::VirtualCurrency | ItemType::GameKey));
            is_after_bundle |= !has_no_contents;
            role
        };
        Some(lines.iter().map(role).collect())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::ItemRole::{BundleContent, Standalone, Unclear};
    use super::*;
    use crate::samples;

    fn of_items(items: &str) -> Option<Vec<ItemRole>> {
        let body = format!(r#"{{"notification_type":"order_paid","items":{items}}}"#);
        ItemRole::of_items(NotificationType::ORDER_PAID, &body)
    }

    #[test]
    fn version_2_marks_bundle_contents() {
        let order = samples::get("order_paid-v2").unwrap().body;
        let roles = ItemRole::of_items(NotificationType::ORDER_PAID, order);
        assert_eq!(roles.unwrap(), [Standalone, BundleContent, Standalone, Standalone]);
    }

    #[rstest]
    #[case(r#"[{"type":"virtual_good"},{"type":"game_key"}]"#, &[Standalone, Standalone])]
    #[case(
        r#"[{"type":"virtual_good"},{"type":"bundle"},{"type":"virtual_currency"}]"#,
        &[Standalone, Standalone, Unclear]
    )]
    #[case(r#"[{"type":"a new kind of box"},{"type":"virtual_good"}]"#, &[Standalone, Unclear])]
    #[case(r#"[{},{"type":"virtual_good"}]"#, &[Standalone, Unclear])]
    #[case(r#"[7,{"type":"virtual_good"}]"#, &[Standalone, Unclear])]
    #[case(
        r#"[{"is_bundle_content":false},{"is_bundle_content":"1"},{}]"#,
        &[Standalone, BundleContent, Unclear]
    )]
    #[case("[]", &[])]
    fn version_1_lines_after_a_bundle_are_unclear(#[case] items: &str, #[case] roles: &[ItemRole]) {
        assert_eq!(of_items(items).unwrap(), roles);
    }

    #[test]
    fn only_orders_have_item_roles() {
        assert_eq!(ItemRole::of_items(NotificationType::MOVE_TO_GAME, r#"{"items":[{}]}"#), None);
        assert_eq!(of_items("{}"), None);
        assert_eq!(ItemRole::of_items(NotificationType::ORDER_PAID, "{}"), None);
    }
}
