//! Counts of drift over many notifications.

use std::collections::BTreeMap;

use super::drift::{Drift, Finding, find_drift};
use crate::notification_type::type_label;

/// Counts of drift over many notifications, by type, path and kind of difference.
///
/// Each row has an example of type `E`, such as an event id.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::inspect::DriftTally;
///
/// let mut tally = DriftTally::default();
/// tally.add("refund", r#"{"notification_type":"refund","transaction":{"id":1}}"#, &"first");
/// tally.add("refund", r#"{"notification_type":"refund","transaction":{"id":2,"risk":1}}"#, &"second");
///
/// let row = tally.rows().next().unwrap();
/// assert_eq!((row.path, row.count, row.total, *row.example), ("transaction.risk", 1, 2, "second"));
/// ```
#[derive(Debug, Clone)]
pub struct DriftTally<E> {
    /// The number of notifications by type label.
    notifications: BTreeMap<String, usize>,
    /// By type label, path and kind of difference.
    rows: BTreeMap<(String, String, Drift), Entry<E>>,
}

#[derive(Debug, Clone)]
struct Entry<E> {
    count: usize,
    json_type: Option<String>,
    example: E,
}

/// One difference and its count.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriftRow<'t, E> {
    /// The [label](crate::type_label) of the type.
    pub type_label: &'t str,
    /// The path of the field: see [`Finding::path`].
    pub path: &'t str,
    /// The kind of difference.
    pub drift: &'t Drift,
    /// The JSON type of the value in the example: see [`Finding::json_type`].
    pub json_type: Option<&'t str>,
    /// The number of notifications with this difference.
    pub count: usize,
    /// The number of notifications of the type.
    pub total: usize,
    /// The smallest example of the difference.
    pub example: &'t E,
}

impl<E> Default for DriftTally<E> {
    fn default() -> Self {
        Self { notifications: BTreeMap::new(), rows: BTreeMap::new() }
    }
}

impl<E: Ord + Clone> DriftTally<E> {
    /// Adds one notification. Each row has the smallest of its examples.
    pub fn add(&mut self, type_name: &str, notification: &str, example: &E) {
        let label = type_label(type_name);
        *self.notifications.entry(label.to_owned()).or_default() += 1;
        for Finding { path, drift, json_type } in find_drift(type_name, notification) {
            let row = self.rows.entry((label.to_owned(), path, drift));
            let entry =
                row.or_insert_with(|| Entry { count: 0, json_type: json_type.clone(), example: example.clone() });
            entry.count += 1;
            if *example < entry.example {
                entry.json_type = json_type;
                entry.example = example.clone();
            }
        }
    }

    /// Returns the number of notifications of all types.
    #[must_use]
    pub fn notifications(&self) -> usize {
        self.notifications.values().sum()
    }

    /// Iterates over the rows, ordered by type and path.
    pub fn rows(&self) -> impl Iterator<Item = DriftRow<'_, E>> {
        self.rows.iter().map(|((type_label, path, drift), entry)| DriftRow {
            type_label,
            path,
            drift,
            json_type: entry.json_type.as_deref(),
            count: entry.count,
            total: self.notifications.get(type_label).copied().unwrap_or_default(),
            example: &entry.example,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_differences_by_type_and_path() {
        let mut tally = DriftTally::default();
        let body = |risk: &str| format!(r#"{{"notification_type":"refund","transaction":{{"id":1{risk}}}}}"#);
        for (risk, example) in [("", "b"), (r#","risk":"high""#, "d"), (r#","risk":[1]"#, "c"), (r#","risk":1"#, "e")] {
            tally.add("refund", &body(risk), &example);
        }
        tally.add("a type\n", "{}", &"z");
        assert_eq!(tally.notifications(), 5);
        let rows: Vec<_> = tally.rows().collect();
        let risk = DriftRow {
            type_label: "refund",
            path: "transaction.risk",
            drift: &Drift::UnknownField,
            json_type: Some("array(1)"),
            count: 3,
            total: 4,
            example: &"c",
        };
        let unknown = DriftRow {
            type_label: "unknown",
            path: "",
            drift: &Drift::UnknownType,
            json_type: None,
            count: 1,
            total: 1,
            example: &"z",
        };
        assert_eq!(rows, [risk, unknown]);
    }
}
