//! The addresses from which Xsolla sends webhooks.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

const fn range(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

/// The ranges that Xsolla has published, as of November 2026 (`xsolla-ai-kit`; `xsolla-sdk-php` since 2025-10-31).
///
/// Excludes the addresses of Xsolla Login, whose webhooks have no `notification_type`.
const PUBLISHED: [IpNet; 9] = [
    range(185, 30, 20, 0, 24),
    range(185, 30, 21, 0, 24),
    range(185, 30, 22, 0, 24),
    range(185, 30, 23, 0, 24),
    range(34, 102, 38, 178, 32),
    range(34, 94, 43, 207, 32),
    range(35, 236, 73, 234, 32),
    range(34, 94, 69, 44, 32),
    range(34, 102, 22, 197, 32),
];

/// A list of addresses from which webhooks are expected.
///
/// A check in addition to the signature. It can fail for a real webhook, because Xsolla has changed its addresses without
/// notice. For [unsigned notifications](crate::UnsignedType), which have no signature, use it together with a secret path.
///
/// # Example
///
/// ```
/// use xsolla_webhooks::SourceRanges;
///
/// assert!(SourceRanges::published().contains("185.30.20.7".parse()?));
///
/// let ranges: SourceRanges = "185.30.20.0/24, 203.0.113.9".parse()?;
/// assert!(!ranges.contains("203.0.113.8".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRanges(Vec<IpNet>);

/// The error of parsing [`SourceRanges`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseSourceRangesError {
    /// The list is empty.
    #[error("no address: the list is empty")]
    Empty,
    /// One entry is malformed.
    #[error("{0:?} is neither an address nor a range such as 185.30.20.0/24")]
    Malformed(String),
}

impl SourceRanges {
    /// Returns the ranges that Xsolla has published.
    #[must_use]
    pub fn published() -> Self {
        Self(PUBLISHED.to_vec())
    }

    /// Adds an address.
    #[must_use]
    pub fn with_address(mut self, address: IpAddr) -> Self {
        self.0.push(address.into());
        self
    }

    /// Returns whether the address is in one of the ranges. An IPv4-mapped IPv6 address counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }
}

/// Parses addresses and ranges separated by commas or whitespace: `185.30.20.0/24, 34.102.38.178`.
impl FromStr for SourceRanges {
    type Err = ParseSourceRangesError;

    fn from_str(text: &str) -> Result<Self, ParseSourceRangesError> {
        let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        let range = |entry: &str| entry.parse().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from));
        let ranges = entries
            .map(|entry| range(entry).map_err(|_| ParseSourceRangesError::Malformed(entry.to_owned())))
            .collect::<Result<Vec<_>, _>>()?;
        if ranges.is_empty() { Err(ParseSourceRangesError::Empty) } else { Ok(Self(ranges)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(ranges: &SourceRanges, address: &str) -> bool {
        ranges.contains(address.parse().unwrap())
    }

    #[test]
    fn published_ranges_contain_only_webhook_addresses() {
        let published = SourceRanges::published();
        for address in ["185.30.20.0", "185.30.21.16", "185.30.22.7", "185.30.23.255", "34.102.38.178", "34.94.43.207"]
        {
            assert!(contains(&published, address), "{address}");
        }
        for address in ["185.30.19.255", "185.30.24.0", "34.102.38.177", "34.102.38.179", "127.0.0.1", "::1"] {
            assert!(!contains(&published, address), "{address}");
        }
        assert!(contains(&published, "::ffff:185.30.20.9"), "IPv4-mapped");
        assert!(!contains(&published, "34.94.0.85"), "Xsolla Login's");
    }

    #[test]
    fn parses_lists_of_addresses_and_ranges() {
        let expected: SourceRanges = "185.30.20.0/24,203.0.113.9,2001:db8::/32".parse().unwrap();
        for same in [
            " 185.30.20.0/24, 203.0.113.9 , 2001:db8::/32,",
            "185.30.20.0/24 203.0.113.9\n2001:db8::/32",
            "185.30.20.0/24,,203.0.113.9/32,\t2001:db8::/32",
        ] {
            assert_eq!(same.parse().as_ref(), Ok(&expected), "{same:?}");
        }
        for (address, is_contained) in
            [("203.0.113.9", true), ("203.0.113.8", false), ("2001:db8::7", true), ("::1", false)]
        {
            assert_eq!(contains(&expected, address), is_contained, "{address}");
        }
        assert!(contains(&"185.30.20.7/24".parse().unwrap(), "185.30.20.1"), "host bits are ignored");
        assert!(contains(&expected.with_address([127, 0, 0, 1].into()), "127.0.0.1"));
    }

    #[test]
    fn error_names_the_malformed_entry() {
        for text in ["", " , "] {
            assert_eq!(text.parse::<SourceRanges>(), Err(ParseSourceRangesError::Empty), "{text:?}");
        }
        for wrong in ["185.30.20.0/33", "185.30.20", "185.30.20.256", "xsolla.com", "185.30.20.0/", "185.30.20.*"] {
            let error = format!("34.102.38.178, {wrong}").parse::<SourceRanges>().unwrap_err();
            assert_eq!(error, ParseSourceRangesError::Malformed(wrong.to_owned()));
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }
}
