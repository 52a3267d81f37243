//! The error of parsing a model.

use serde_json::error::Category;

/// The error of parsing a notification as a model.
///
/// It has the position of the error, but never the value there: a notification has personal data, and errors are logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot parse as `{expected}`: {kind}")]
pub struct ModelError {
    expected: &'static str,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Kind {
    #[error("notification_type is missing or different")]
    OtherType,
    #[error("invalid JSON at line {line}, column {column}")]
    Syntax { line: usize, column: usize },
    #[error("missing field or unexpected value before line {line}, column {column}")]
    Shape { line: usize, column: usize },
}

impl ModelError {
    pub(super) fn other_type(expected: &'static str) -> Self {
        Self { expected, kind: Kind::OtherType }
    }

    /// Creates an error with the position only: the message of `serde_json` can quote the value.
    pub(super) fn unreadable(expected: &'static str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let kind = match error.classify() {
            Category::Data => Kind::Shape { line, column },
            Category::Syntax | Category::Eof | Category::Io => Kind::Syntax { line, column },
        };
        Self { expected, kind }
    }

    /// Returns whether the notification has another type or none.
    #[must_use]
    pub fn is_other_type(&self) -> bool {
        self.kind == Kind::OtherType
    }

    /// Returns whether the text is not JSON.
    #[must_use]
    pub fn is_syntax(&self) -> bool {
        matches!(self.kind, Kind::Syntax { .. })
    }

    /// Returns whether a required field is missing, or a field has an unexpected form.
    #[must_use]
    pub fn is_shape(&self) -> bool {
        matches!(self.kind, Kind::Shape { .. })
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Model, Payment};

    #[test]
    fn each_kind_has_its_predicate() {
        let other = Payment::from_json(r#"{"notification_type":"refund"}"#).unwrap_err();
        assert!(other.is_other_type());
        assert!(Payment::from_json("{}").unwrap_err().is_other_type());

        let syntax = Payment::from_json(r#"{"notification_type":"payment",}"#).unwrap_err();
        assert!(syntax.is_syntax());
        assert!(Payment::from_json("").unwrap_err().is_syntax());

        let shape = Payment::from_json(r#"{"notification_type":"payment"}"#).unwrap_err();
        assert!(shape.is_shape());
        for other_json in ["null", "[]", "7", r#""payment""#, r#"["payment"]"#] {
            let error = Payment::from_json(other_json).unwrap_err();
            assert!(error.is_shape(), "{other_json}");
        }
    }

    #[test]
    fn error_has_the_position_and_never_the_value() {
        for hidden in [
            r#"{"notification_type":"hidden@example.com"}"#,
            r#"{"notification_type":"payment","transaction":"hidden@example.com"}"#,
            r#"{"notification_type":"payment","transaction":{"id":["hidden@example.com"]}}"#,
            r#"{"notification_type":"payment","transaction":{"dry_run":"hidden@example.com"}}"#,
            r#"{"notification_type":"payment","transaction":{},"purchase":{"total":{"amount":"hidden@example.com"}}}"#,
        ] {
            let error = Payment::from_json(hidden).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hidden"), "{error}");
            assert!(std::error::Error::source(&error).is_none());
        }

        let error = Payment::from_json("{\n\"notification_type\": nothing").unwrap_err();
        assert_eq!(error.to_string(), "cannot parse as `payment`: invalid JSON at line 2, column 23");
    }
}
