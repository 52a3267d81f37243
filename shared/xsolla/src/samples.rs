//! A body of every type, for tests and for trying things out.
//!
//! Each has the keys, JSON types and oddities of a body that Xsolla documents or sends, with made-up values: an id that
//! should be text but is a number, `"[null]"` for an amount, a type that comes last. Several tell one story:
//!
//! - A live sale with separate webhooks: `user_validation`, `payment`, `order_paid-separate`, `refund`,
//!   `order_canceled-separate` and `dispute` share transaction 2298114507.
//! - A sandbox sale with combined webhooks: `order_paid-combined` and `order_canceled-combined` share order 712051377.
//! - A sandbox subscription: `payment-full`, with every documented field, and its `refund-subscription`.

/// One body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its type, and after a dash which of several forms it has: `order_paid-free`.
    pub name: &'static str,
    /// The body, byte for byte.
    pub body: &'static str,
}

macro_rules! samples {
    ($extension:literal: $($name:literal),+ $(,)?) => {
        &[$(Sample {
            name: $name,
            body: include_str!(concat!("../samples/", $name, $extension)),
        }),+]
    };
}

/// The notifications.
pub const ALL: &[Sample] = samples![".json":
    "afs_black_list",
    "afs_reject",
    "cancel_subscription",
    "create_subscription",
    "dispute",
    "get_pincode",
    "inventory_get",
    "inventory_pull",
    "inventory_push",
    "move_to_game",
    "non_renewal_subscription",
    "order_canceled-combined",
    "order_canceled-separate",
    "order_paid-combined",
    "order_paid-free",
    "order_paid-separate",
    "order_paid-v2",
    "partial_refund",
    "partner_side_catalog",
    "payment",
    "payment-full",
    "payment-token",
    "payment_account_add",
    "payment_account_remove",
    "ps_declined",
    "redeem_key",
    "refund",
    "refund-legacy",
    "refund-subscription",
    "update_subscription",
    "upgrade_refund",
    "user_balance_operation",
    "user_search",
    "user_validation",
    "user_validation-number",
];

/// What Xsolla's other products send: it has no `notification_type`.
pub const WITHOUT_TYPE: &[Sample] = samples![".json":
    "login-registration",
    "payout",
    "user_validation-webshop",
];

/// What does not parse. The documentation prints a `payment` and a `refund` with these faults.
pub const MALFORMED: &[Sample] = samples![".txt":
    "malformed-extra_brace",
    "malformed-missing_comma",
];

/// The sample of this name, from any of the lists.
#[must_use]
pub fn named(name: &str) -> Option<&'static Sample> {
    [ALL, WITHOUT_TYPE, MALFORMED].into_iter().flatten().find(|sample| sample.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_lists_are_the_folder() {
        let files: BTreeSet<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/samples"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let json = [ALL, WITHOUT_TYPE].into_iter().flatten();
        let listed = json
            .map(|sample| format!("{}.json", sample.name))
            .chain(MALFORMED.iter().map(|sample| format!("{}.txt", sample.name)))
            .collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn a_sample_is_named_after_its_type() {
        for Sample { name, body } in ALL {
            let value: Value = serde_json::from_str(body).unwrap();
            let (stem, _) = name.split_once('-').unwrap_or((name, ""));
            assert_eq!(value["notification_type"], stem, "{name}");
        }
    }

    #[test]
    fn the_others_have_no_type_or_are_no_json() {
        for Sample { name, body } in WITHOUT_TYPE {
            let value: Value = serde_json::from_str(body).unwrap();
            assert!(value.get("notification_type").is_none(), "{name}");
        }
        for Sample { name, body } in MALFORMED {
            assert!(serde_json::from_str::<Value>(body).is_err(), "{name}");
        }
    }

    #[test]
    fn a_sample_is_found_by_name() {
        assert!(named("order_paid-free").unwrap().body.contains("\"unknown\""));
        assert!(named("payout").is_some());
        assert!(named("malformed-extra_brace").is_some());
        assert_eq!(named("order_paid"), None);
    }
}
