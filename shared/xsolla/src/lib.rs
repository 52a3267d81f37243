//! The protocol that Xsolla's webhooks speak: who signed a body, what it is about, and what to answer.
//!
//! Nothing here does I/O. The way through is fixed by the types:
//!
//! ```
//! use xsolla::{Envelope, Mode, Secrets, Signature, sign};
//!
//! let secrets = Secrets::parse("magic")?;
//! let body = br#"{"transaction":{"id":2105129134},"notification_type":"payment"}"#;
//! let header = sign(body, "magic"); // what Xsolla sends as `Authorization`
//!
//! let signature = Signature::parse(&header)?;
//! let verified = secrets.verify(body, &signature)?; // the only way to a `Verified` body
//! let envelope = Envelope::read(&verified)?; // and the only input that this takes
//!
//! assert_eq!(envelope.event_id.to_string(), "transaction#2105129134#payment");
//! assert_eq!(envelope.mode, Mode::Live);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
pub mod drift;
mod envelope;
mod field;
mod goods;
mod identity;
mod mask;
pub mod model;
mod notification_type;
mod pseudonym;
mod refund_code;
mod reply;
mod retry;
pub mod samples;
mod shape;
mod signature;
mod source;
mod unsigned;

pub use answer::{Answer, Refusal, Success};
pub use envelope::{Envelope, Mode, Unreadable, json_text, type_label};
pub use goods::{Goods, InvalidChoice, ItemRole, PaymentWithoutOrder, Told};
pub use identity::{BodyDigest, EventId};
pub use mask::{erased, masked};
pub use notification_type::{NotificationType, Question, Role};
pub use refund_code::{BlockingAdvice, RefundCode};
pub use reply::{Reply, UnusableResponse};
pub use retry::RetrySchedule;
pub use signature::{InvalidSecrets, InvalidSignature, Secrets, Signature, Verified, sign};
pub use source::{InvalidSourceRanges, SourceRanges};
pub use unsigned::Unsigned;
