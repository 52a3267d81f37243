//! Live or sandbox.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

use crate::field::{Field, Fields};

/// Whether a notification is about real money or a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumString, IntoStaticStr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = ParseModeError, parse_err_fn = parse_error)]
pub enum Mode {
    /// Real money. Xsolla writes `default`, and sends no `dry_run`.
    Live,
    /// A test: `order.mode` is `sandbox` in any letter case, or a `dry_run` is set.
    Sandbox,
}

impl Mode {
    /// Returns `live` or `sandbox`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    pub(crate) fn of(fields: &Fields<'_>) -> Self {
        let order_mode = fields.text(Field::OrderMode);
        let is_sandbox_order = order_mode.is_some_and(|mode| mode.trim().eq_ignore_ascii_case("sandbox"));
        let is_dry_run =
            [Field::DryRun, Field::BillingDryRun, Field::FlatDryRun].into_iter().any(|field| fields.is_set(field));
        if is_sandbox_order || is_dry_run { Self::Sandbox } else { Self::Live }
    }
}

/// The error of parsing a [`Mode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mode: expected live or sandbox")]
pub struct ParseModeError(());

const fn parse_error(_: &str) -> ParseModeError {
    ParseModeError(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn parses_from_its_name() {
        for mode in [Mode::Live, Mode::Sandbox] {
            assert_eq!(mode.name().parse(), Ok(mode));
            assert_eq!(mode.to_string(), mode.name());
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
        }
        assert!("default".parse::<Mode>().is_err());
    }

    #[rstest]
    #[case("{}", Mode::Live)]
    #[case(r#"{"order":{"mode":"default"}}"#, Mode::Live)]
    #[case(r#"{"order":{"mode":"something new"}}"#, Mode::Live)]
    #[case(r#"{"order":{"mode":"sandbox"}}"#, Mode::Sandbox)]
    #[case(r#"{"order":{"mode":"Sandbox"}}"#, Mode::Sandbox)]
    #[case(r#"{"order":{"mode":"SANDBOX "}}"#, Mode::Sandbox)]
    #[case(r#"{"order":{"mode":"sandboxed"}}"#, Mode::Live)]
    #[case(r#"{"dry_run":1}"#, Mode::Sandbox)]
    #[case(r#"{"dry_run":"true"}"#, Mode::Sandbox)]
    #[case(r#"{"dry_run":" 1 "}"#, Mode::Sandbox)]
    #[case(r#"{"dry_run":" TRUE"}"#, Mode::Sandbox)]
    #[case(r#"{"dry_run":"nan"}"#, Mode::Live)]
    #[case(r#"{"dry_run":1e400}"#, Mode::Live)]
    #[case(r#"{"dry_run":0}"#, Mode::Live)]
    #[case(r#"{"order":{"dry_run":1}}"#, Mode::Live)]
    #[case(r#"{"transaction":{"dry_run":1}}"#, Mode::Sandbox)]
    #[case(r#"{"transaction":{"dry_run":"1"}}"#, Mode::Sandbox)]
    #[case(r#"{"transaction":{"dry_run":true}}"#, Mode::Sandbox)]
    #[case(r#"{"transaction":{"dry_run":"true"}}"#, Mode::Sandbox)]
    #[case(r#"{"transaction":{"dry_run":0}}"#, Mode::Live)]
    #[case(r#"{"transaction":{"dry_run":0.0}}"#, Mode::Live)]
    #[case(r#"{"transaction":{"dry_run":"False"}}"#, Mode::Live)]
    #[case(r#"{"transaction":{"dry_run":{"x":1}}}"#, Mode::Live)]
    #[case(r#"{"transaction":{"dry_run":"0"}}"#, Mode::Live)]
    #[case(r#"{"transaction":{"dry_run":false}}"#, Mode::Live)]
    #[case(r#"{"transaction":{"dry_run":"false"}}"#, Mode::Live)]
    #[case(r#"{"transaction":{"dry_run":""}}"#, Mode::Live)]
    #[case(r#"{"transaction":{"dry_run":null}}"#, Mode::Live)]
    #[case(r#"{"order":{"mode":"default"},"billing":{"transaction":{"dry_run":1}}}"#, Mode::Sandbox)]
    fn any_sandbox_marker_means_sandbox(#[case] notification: &str, #[case] mode: Mode) {
        assert_eq!(Mode::of(&Fields::parse(notification).unwrap()), mode);
    }
}
