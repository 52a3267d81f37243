//! From where Xsolla calls.
//!
//! A second look, never the first: the signature says who sent a webhook, and Xsolla has changed its addresses without
//! telling. Of what is not signed, it is half of what there is to go by.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

const fn range(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

/// What Xsolla has published, as of November 2026 (`xsolla-ai-kit`; `xsolla-sdk-php` has it since 2025-10-31). Those
/// that only Xsolla Login calls from are not among them: its webhooks have no type, and are none of ours.
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

/// The addresses from which webhooks are expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRanges(Vec<IpNet>);

/// Why a text is no list of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSourceRanges {
    /// It has no address.
    #[error("there is no address in it")]
    Empty,
    /// This part of it.
    #[error("{0:?} is neither an address nor a range such as 185.30.20.0/24")]
    Malformed(String),
}

impl SourceRanges {
    /// Those that Xsolla has published.
    #[must_use]
    pub fn published() -> Self {
        Self(PUBLISHED.to_vec())
    }

    /// Reads addresses and ranges, with commas or blanks between them: `185.30.20.0/24, 34.102.38.178`.
    ///
    /// # Errors
    ///
    /// When there is none in it, or anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidSourceRanges> {
        let parts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty());
        let range = |part: &str| part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
        let ranges = parts
            .map(|part| range(part).map_err(|_| InvalidSourceRanges::Malformed(part.to_owned())))
            .collect::<Result<Vec<_>, _>>()?;
        if ranges.is_empty() { Err(InvalidSourceRanges::Empty) } else { Ok(Self(ranges)) }
    }

    /// These, and this address.
    #[must_use]
    pub fn and(mut self, address: IpAddr) -> Self {
        self.0.push(address.into());
        self
    }

    /// Whether a webhook from this address is expected.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        // An IPv4 address may come in the dress of IPv6.
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(ranges: &SourceRanges, address: &str) -> bool {
        ranges.contains(address.parse().unwrap())
    }

    #[test]
    fn what_xsolla_has_published() {
        let published = SourceRanges::published();
        for address in ["185.30.20.0", "185.30.21.16", "185.30.22.7", "185.30.23.255", "34.102.38.178", "34.94.43.207"]
        {
            assert!(contains(&published, address), "{address}");
        }
        for address in ["185.30.19.255", "185.30.24.0", "34.102.38.177", "34.102.38.179", "127.0.0.1", "::1"] {
            assert!(!contains(&published, address), "{address}");
        }
        assert!(contains(&published, "::ffff:185.30.20.9"), "the same address in IPv6");
        assert!(!contains(&published, "34.94.0.85"), "Xsolla Login's");
    }

    #[test]
    fn a_list_of_ones_own() {
        let expected = SourceRanges::parse("185.30.20.0/24,203.0.113.9,2001:db8::/32").unwrap();
        for same in [
            " 185.30.20.0/24, 203.0.113.9 , 2001:db8::/32,",
            "185.30.20.0/24 203.0.113.9\n2001:db8::/32",
            "185.30.20.0/24,,203.0.113.9/32,\t2001:db8::/32",
        ] {
            assert_eq!(SourceRanges::parse(same).unwrap(), expected, "{same:?}");
        }
        for (address, is_in) in [("203.0.113.9", true), ("203.0.113.8", false), ("2001:db8::7", true), ("::1", false)] {
            assert_eq!(contains(&expected, address), is_in, "{address}");
        }
        assert!(contains(&SourceRanges::parse("185.30.20.7/24").unwrap(), "185.30.20.1"), "its range, all the same");
        assert!(contains(&expected.and([127, 0, 0, 1].into()), "127.0.0.1"));
    }

    #[test]
    fn what_is_no_list_is_told_by_the_part_that_is_wrong() {
        for text in ["", " , "] {
            assert_eq!(SourceRanges::parse(text), Err(InvalidSourceRanges::Empty), "{text:?}");
        }
        for wrong in ["185.30.20.0/33", "185.30.20", "185.30.20.256", "xsolla.com", "185.30.20.0/", "185.30.20.*"] {
            let error = SourceRanges::parse(&format!("34.102.38.178, {wrong}")).unwrap_err();
            assert_eq!(error, InvalidSourceRanges::Malformed(wrong.to_owned()));
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }
}
