//! Source addresses: which are Xsolla's, and what happens to webhooks from others.

use std::fmt;
use std::net::IpAddr;

use xsolla::SourceRanges;

/// Expected source addresses, and what to do with signed webhooks from others.
///
/// The default reports addresses outside Xsolla's published ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePolicy {
    /// Xsolla's addresses.
    pub ranges: SourceRanges,
    /// `true`: reject with 503. `false`: accept and log.
    pub enforced: bool,
}

impl Default for SourcePolicy {
    fn default() -> Self {
        Self { ranges: SourceRanges::published(), enforced: false }
    }
}

/// Source address of an authenticated webhook that is outside the expected ranges.
///
/// `None`: API Gateway did not provide the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownSource(pub Option<IpAddr>);

impl UnknownSource {
    /// Returns `None` if the address is in one of the ranges.
    pub(crate) fn check(ranges: &SourceRanges, source: Option<IpAddr>) -> Option<Self> {
        let is_known = source.is_some_and(|address| ranges.contains(address));
        (!is_known).then_some(Self(source))
    }
}

impl fmt::Display for UnknownSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("missing"),
        }
    }
}
