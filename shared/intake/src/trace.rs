//! X-Ray trace header, which links a webhook to its relayed event.

use std::fmt::Write as _;

/// An [X-Ray trace header](https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader)
/// with its root and, if present, `Parent` and `Sampled`:
/// `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`. At most 74 bytes.
///
/// SQS rejects a message with a malformed header. So malformed headers are dropped, and so are all other fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceHeader(String);

const ROOT: &str = "Root=";

impl TraceHeader {
    /// Parses a header. Returns `None` if it has no root or a malformed field.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (mut root, mut parent, mut sampled) = (None, None, None);
        for field in header.split(';') {
            let (name, value) = field.split_once('=')?;
            match name {
                "Root" => root = Some(value),
                "Parent" => parent = Some(value),
                "Sampled" => sampled = Some(value),
                _ => {}
            }
        }
        let root = root.filter(|root| is_trace_id(root))?;
        let is_parent = |parent: &str| is_hex(parent, 16);
        if !parent.is_none_or(is_parent) || !sampled.is_none_or(|sampled| ["0", "1"].contains(&sampled)) {
            return None;
        }
        let mut text = format!("{ROOT}{root}");
        for (name, value) in [("Parent", parent), ("Sampled", sampled)] {
            if let Some(value) = value {
                let _ = write!(text, ";{name}={value}");
            }
        }
        Some(Self(text))
    }

    /// The header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trace id, such as `1-5759e988-bd862e3fe1be46a994272793`.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        let end = self.0.find(';').unwrap_or(self.0.len());
        self.0.get(ROOT.len()..end).unwrap_or_default()
    }
}

fn is_trace_id(text: &str) -> bool {
    let Some((time, random)) = text.strip_prefix("1-").and_then(|rest| rest.split_once('-')) else { return false };
    is_hex(time, 8) && is_hex(random, 24)
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE_ID: &str = "1-5759e988-bd862e3fe1be46a994272793";

    fn parsed(header: &str) -> Option<String> {
        TraceHeader::parse(header).map(|header| header.as_str().to_owned())
    }

    #[test]
    fn parse_normalizes_order_and_drops_other_fields() {
        let whole = format!("Root={TRACE_ID};Parent=53995c3f42cd8ad8;Sampled=1");
        for header in [
            whole.clone(),
            format!("Sampled=1;Parent=53995c3f42cd8ad8;Root={TRACE_ID}"),
            format!("{whole};Lineage=1:a87bd80c:1|68fd508a:5"),
            format!("Self=1-5759e988-000000000000000000000000;{whole};mira@example.com=1"),
        ] {
            assert_eq!(parsed(&header).as_ref(), Some(&whole), "{header}");
        }
        assert_eq!(whole.len(), 74);
        for partial in ["", ";Parent=53995c3f42cd8ad8", ";Sampled=0"] {
            let header = format!("Root={TRACE_ID}{partial}");
            assert_eq!(parsed(&header).as_ref(), Some(&header));
            assert_eq!(TraceHeader::parse(&header).unwrap().trace_id(), TRACE_ID);
        }
    }

    #[test]
    fn parse_rejects_headers_that_sqs_rejects() {
        let of = |rest: &str| format!("Root={TRACE_ID}{rest}");
        for header in [
            String::new(),
            TRACE_ID.to_owned(),
            "Root=dummy;Sampled=0".to_owned(),
            "Root=;Parent=;Sampled=".to_owned(),
            "Parent=53995c3f42cd8ad8;Sampled=1".to_owned(),
            format!("Root={}", TRACE_ID.to_uppercase()),
            format!("Root={TRACE_ID}0"),
            format!("Root=2{}", &TRACE_ID[1..]),
            format!("Root%3D{TRACE_ID}"),
            format!("root={TRACE_ID}"),
            format!(" Root={TRACE_ID}"),
            of(";Parent=53995c3f42cd8ad"),
            of(";Parent=53995c3f42cd8adg"),
            of(";Sampled=2"),
            of(";Sampled="),
            of(";"),
            of(";Sampled=1\n"),
        ] {
            assert_eq!(parsed(&header), None, "{header:?}");
        }
    }

    proptest! {
        #[test]
        fn parse_of_a_parsed_header_is_the_same(
            header in "((Root|Parent|Sampled|x)=(1-[0-9a-f]{8}-[0-9a-f]{24}|[0-9a-f]{16}|[01]|\\PC*);?){0,4}"
        ) {
            if let Some(text) = parsed(&header) {
                prop_assert!(text.len() <= 74);
                prop_assert_eq!(parsed(&text), Some(text));
            }
        }
    }
}
