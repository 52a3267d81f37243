//! The table `events`: what its attributes are called.
//!
//! `pk` is the subject and `sk` the rest of the event id, so that one Query shows all that happened to a sale, and a
//! stream keeps its order. The two keys-only indexes `by_order` and `by_user` are sorted by `received_at`.

/// Partition key: the subject. String.
pub const PK: &str = "pk";
/// Sort key: the rest of the event id. String.
pub const SK: &str = "sk";
/// [`crate::record::Kind`]: the stream's filter passes `event` only. String.
pub const KIND: &str = "kind";
/// `notification_type` as it came, or `payout`, which has none; absent if the body was unreadable. String.
pub const TYPE: &str = "type";
/// Xsolla's order id, or absent. String.
pub const ORDER_ID: &str = "order_id";
/// The game's user id, or absent. String.
pub const USER_ID: &str = "user_id";
/// Xsolla's project id, or absent. String.
pub const PROJECT_ID: &str = "project_id";
/// `live` or `sandbox`. String.
pub const MODE: &str = "mode";
/// Whether the key comes from the type's ids. Boolean.
pub const IDENTIFIED: &str = "identified";
/// Which secret matched: 0 is the current one; absent if nobody signed it. Number.
pub const SECRET: &str = "secret";
/// SHA-256 of the body, hexadecimal. String.
pub const DIGEST: &str = "digest";
/// The body, byte for byte, unless its user was erased. Binary.
pub const BODY: &str = "body";
/// When it was received, UTC, to the millisecond. String.
pub const RECEIVED_AT: &str = "received_at";
/// [`crate::trace::TraceHeader`] of the call that brought it, or absent. String.
pub const TRACE: &str = "trace";
/// When the table may forget it, in seconds since 1970 (TTL). Number.
pub const EXPIRES_AT: &str = "expires_at";
/// When a person had its user erased (`xsolla-webhooks erase`), UTC, to the millisecond, or absent. Since then the body is
/// not the one that the digest is of. String.
pub const ERASED_AT: &str = "erased_at";
/// Which call wrote it, so that a call that is repeated knows its own work. String.
pub const ATTEMPT: &str = "attempt";

/// The table of users, which the studio fills.
pub mod users {
    /// Partition key: the game's id of the user. String.
    pub const USER_ID: &str = "user_id";
    /// What the user is known by to everybody, or absent. String.
    pub const PUBLIC_ID: &str = "public_id";
    /// What to call the user, or absent. String.
    pub const NAME: &str = "name";
    /// The index by [`PUBLIC_ID`], which has [`NAME`] too.
    pub const BY_PUBLIC_ID: &str = "by_public_id";
}
