//! The messages of the game's queue: [`Event`] and its JSON Schema.
//!
//! # Example
//!
//! ```
//! use message::{Event, Goods};
//!
//! let message = r#"{
//!     "event_id": "transaction#2298114507#order_paid#712045518", "type": "order_paid", "goods": "grant",
//!     "goods_reason": null, "subject": "transaction#2298114507", "order_id": "712045518", "user_id": "isle-4471",
//!     "recipient_user_id": "isle-4471", "project_id": null,
//!     "mode": "live", "identified": true, "deprecated": false, "replay": false,
//!     "received_at": "2026-11-22T00:31:07.042518Z",
//!     "item_roles": ["standalone"],
//!     "notification": {"notification_type": "order_paid", "items": [{"sku": "lantern", "quantity": 1}]}
//! }"#;
//!
//! let event = Event::read(message)?;
//! assert_eq!(event.goods, Goods::Grant);
//! assert_eq!(event.recipient_user_id.as_deref(), Some("isle-4471"));
//! # Ok::<(), message::UnreadableMessage>(())
//! ```

mod event;

pub use event::{Event, UnreadableMessage, schema};
pub use xsolla::{Goods, GoodsReason, ItemRole, Mode, model};
