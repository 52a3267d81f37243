//! Inspection of notifications against their models: JSON Schema, drift, redaction.
//!
//! - [`schemas`] generates the JSON Schema of every model.
//! - [`find_drift`] lists the differences between a notification and its model; [`DriftTally`] counts them.
//! - [`redact()`] removes personal data from a notification, [`anonymize`] also its user ids.
//!
//! A receiver needs none of this.

mod drift;
mod json;
mod redact;
mod schema;
mod shape;
mod tally;

pub use drift::{Drift, Finding, MAX_FINDINGS, find_drift};
pub use redact::{anonymize, redact};
pub use schema::{plain_descriptions, schemas};
pub use tally::{DriftRow, DriftTally};
