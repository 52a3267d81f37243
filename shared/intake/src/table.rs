//! Attribute names of the DynamoDB tables.
//!
//! In the events table, `pk` is the subject and `sk` the rest of the event id. So one Query returns all events of a sale,
//! and the stream preserves their order. The indexes are sorted by `received_at`: `by_order` and `by_user` have the
//! keys only, `by_subscription` lists the payments of a subscription with their mode.

/// Partition key: the subject. String.
pub const PK: &str = "pk";
/// Sort key: the rest of the event id. String.
pub const SK: &str = "sk";
/// [`crate::record::Kind`]. The stream's filter passes only `event`. String.
pub const KIND: &str = "kind";
/// `notification_type` as received, or `payout`; absent if the body is unreadable. String.
pub const TYPE: &str = "type";
/// Xsolla's order id. Optional string.
pub const ORDER_ID: &str = "order_id";
/// The game's user id; absent if it is longer than [`MAX_INDEX_KEY_LEN`]. Optional string.
pub const USER_ID: &str = "user_id";
/// Xsolla's project id. Optional string.
pub const PROJECT_ID: &str = "project_id";
/// Id of the subscription that a `payment`, `refund` or `partial_refund` names. Optional string.
pub const SUBSCRIPTION_ID: &str = "subscription_id";
/// `live` or `sandbox`. String.
pub const MODE: &str = "mode";
/// Whether the key comes from the type's ids. Boolean.
pub const IDENTIFIED: &str = "identified";
/// Position of the secret that verified the body; 0 is the current one. Absent if the body is not signed. Number.
pub const SECRET_INDEX: &str = "secret_index";
/// SHA-256 of the body, hexadecimal; absent if its user was erased. Optional string.
pub const DIGEST: &str = "digest";
/// The body, byte for byte; anonymized if its user was erased. Binary.
pub const BODY: &str = "body";
/// Time of receipt, UTC, with microseconds, so that text order is the order of sequential webhooks. String.
pub const RECEIVED_AT: &str = "received_at";
/// [`crate::trace::TraceHeader`] of the request. Optional string.
pub const TRACE: &str = "trace";
/// Time after which DynamoDB may delete the item (TTL), in seconds since 1970. Number.
pub const EXPIRES_AT: &str = "expires_at";
/// Time at which an operator erased the user (`xsolla-webhooks erase`), UTC, with milliseconds.
/// Optional string.
pub const ERASED_AT: &str = "erased_at";
/// What the event means for the goods: [`xsolla::Goods`]. The relay writes this and the next three before it sends the event.
/// Optional string.
pub const GOODS: &str = "goods";
/// Why `goods` is not what the type suggests: [`xsolla::GoodsReason`]. Optional string.
pub const GOODS_REASON: &str = "goods_reason";
/// Mode of the sale: `live` or `sandbox`. Optional string.
pub const GOODS_MODE: &str = "goods_mode";
/// Time of the decision, UTC, with microseconds. Later decisions about a sale have later times. Optional string.
pub const DECIDED_AT: &str = "decided_at";
/// Id of the call that wrote the item, so that a retried call recognizes its own write. String.
pub const ATTEMPT: &str = "attempt";

/// Largest partition key of an index, in bytes. DynamoDB rejects an item with a larger one.
pub const MAX_INDEX_KEY_LEN: usize = 2048;

/// The table of users, which the studio fills.
pub mod users {
    /// Partition key: the game's user id. String.
    pub const USER_ID: &str = "user_id";
    /// The user's public name or id. Optional string.
    pub const PUBLIC_ID: &str = "public_id";
    /// The user's display name. Optional string.
    pub const NAME: &str = "name";
    /// The index by [`PUBLIC_ID`], which also has [`NAME`].
    pub const BY_PUBLIC_ID: &str = "by_public_id";
}
