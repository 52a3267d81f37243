//! Extension keywords of the JSON Schemas.

/// Lists the known values of an enum that Xsolla can extend. An `enum` would reject new values.
pub(crate) const EXTENSIBLE_ENUM: &str = "x-extensible-enum";
/// Marks personal data.
pub(crate) const PII: &str = "x-pii";
/// Marks a property that Xsolla documents as always sent. `required` has only properties that the model requires.
pub(crate) const ALWAYS_SENT: &str = "x-always-sent";
