//! Sample bodies of every type, for tests.
//!
//! Each has the keys, JSON types and irregularities of a body that Xsolla documents or sends, with made-up values. Examples
//! of irregularities: a number in place of a string, the amount `"[null]"`, and a type that is the last key.
//!
//! Some samples are related:
//!
//! - A live sale with separate webhooks: `user_validation`, `payment`, `order_paid-separate`, `refund`,
//!   `order_canceled-separate` and `dispute` share transaction 2298114507.
//! - A sandbox sale with combined webhooks: `order_paid-combined` and `order_canceled-combined` share order 712051377.
//! - A sandbox subscription: `payment-full`, with every documented field, and its `refund-subscription`.

/// One body.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::samples;
///
/// let payment = samples::get("payment").unwrap();
/// assert!(payment.body.contains(r#""notification_type": "payment""#));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The type, and the variant after a dash: `order_paid-free`.
    pub name: &'static str,
    /// The body.
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

/// Signed notifications.
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
    "payment_duplicate_reject",
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

/// Bodies without a `notification_type`, from other products of Xsolla.
pub const WITHOUT_TYPE: &[Sample] = samples![".json":
    "login-registration",
    "payout",
    "user_validation-webshop",
];

/// Invalid JSON. Xsolla's documentation has a `payment` and a `refund` with these syntax errors.
pub const MALFORMED: &[Sample] = samples![".txt":
    "malformed-extra_brace",
    "malformed-missing_comma",
];

/// Returns the sample with this name, from any of the lists.
#[must_use]
pub fn get(name: &str) -> Option<&'static Sample> {
    [ALL, WITHOUT_TYPE, MALFORMED].into_iter().flatten().find(|sample| sample.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn lists_match_the_folder() {
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
    fn name_starts_with_the_type() {
        for Sample { name, body } in ALL {
            let value: Value = serde_json::from_str(body).unwrap();
            let (stem, _) = name.split_once('-').unwrap_or((name, ""));
            assert_eq!(value["notification_type"], stem, "{name}");
        }
    }

    #[test]
    fn other_samples_have_no_type_or_are_invalid_json() {
        for Sample { name, body } in WITHOUT_TYPE {
            let value: Value = serde_json::from_str(body).unwrap();
            assert!(value.get("notification_type").is_none(), "{name}");
        }
        for Sample { name, body } in MALFORMED {
            assert!(serde_json::from_str::<Value>(body).is_err(), "{name}");
        }
    }

    #[test]
    fn get_finds_samples_of_all_lists() {
        assert!(get("order_paid-free").unwrap().body.contains("\"unknown\""));
        assert!(get("payout").is_some());
        assert!(get("malformed-extra_brace").is_some());
        assert_eq!(get("order_paid"), None);
    }
}
