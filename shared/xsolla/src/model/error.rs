//! The one error of this module.

use serde_json::error::Category;

/// Why a notification could not be read as the type that was asked for.
///
/// It tells where the reading stopped, never what stood there: a notification holds personal data, and errors end up in
/// logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a readable `{expected}` notification: {kind}")]
pub struct ModelError {
    expected: &'static str,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Kind {
    #[error("its notification_type is another one, or missing")]
    OtherType,
    #[error("invalid JSON at line {line}, column {column}")]
    Syntax { line: usize, column: usize },
    #[error("a missing field or an unexpected value before line {line}, column {column}")]
    Shape { line: usize, column: usize },
}

impl ModelError {
    pub(super) fn other_type(expected: &'static str) -> Self {
        Self { expected, kind: Kind::OtherType }
    }

    /// Keeps the place and drops the message, which may quote the value.
    pub(super) fn unreadable(expected: &'static str, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let kind = match error.classify() {
            Category::Data => Kind::Shape { line, column },
            Category::Syntax | Category::Eof | Category::Io => Kind::Syntax { line, column },
        };
        Self { expected, kind }
    }

    /// Whether it is a notification of another type, or of none.
    #[must_use]
    pub fn is_other_type(&self) -> bool {
        self.kind == Kind::OtherType
    }

    /// Whether the text is not JSON.
    #[must_use]
    pub fn is_syntax(&self) -> bool {
        matches!(self.kind, Kind::Syntax { .. })
    }

    /// Whether it is JSON in which a required field is missing, or a field has an unexpected shape.
    #[must_use]
    pub fn is_shape(&self) -> bool {
        matches!(self.kind, Kind::Shape { .. })
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Model, Payment};

    #[test]
    fn each_reason_has_its_predicate() {
        let other = Payment::read(r#"{"notification_type":"refund"}"#).unwrap_err();
        assert!(other.is_other_type());
        assert!(Payment::read("{}").unwrap_err().is_other_type());

        let syntax = Payment::read(r#"{"notification_type":"payment",}"#).unwrap_err();
        assert!(syntax.is_syntax());
        assert!(Payment::read("").unwrap_err().is_syntax());

        let shape = Payment::read(r#"{"notification_type":"payment"}"#).unwrap_err();
        assert!(shape.is_shape());
        for other_json in ["null", "[]", "7", r#""payment""#, r#"["payment"]"#] {
            let error = Payment::read(other_json).unwrap_err();
            assert!(error.is_shape(), "{other_json}");
        }
    }

    #[test]
    fn an_error_tells_where_and_never_what() {
        for hidden in [
            r#"{"notification_type":"hidden@example.com"}"#,
            r#"{"notification_type":"payment","transaction":"hidden@example.com"}"#,
            r#"{"notification_type":"payment","transaction":{"id":["hidden@example.com"]}}"#,
            r#"{"notification_type":"payment","transaction":{"dry_run":"hidden@example.com"}}"#,
            r#"{"notification_type":"payment","transaction":{},"purchase":{"total":{"amount":"hidden@example.com"}}}"#,
        ] {
            let error = Payment::read(hidden).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hidden"), "{error}");
            assert!(std::error::Error::source(&error).is_none());
        }

        let error = Payment::read("{\n\"notification_type\": nothing").unwrap_err();
        assert_eq!(error.to_string(), "not a readable `payment` notification: invalid JSON at line 2, column 23");
    }
}
