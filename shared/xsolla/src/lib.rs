//! Verify, identify and parse [Xsolla webhooks](https://developers.xsolla.com/webhooks/overview/). No I/O, no async.
//!
//! # Receiving a webhook
//!
//! The types enforce the order of the steps: only a [`Verified`] body has an [`Envelope`].
//!
//! ```
//! use xsolla_webhooks::{Answer, Envelope, Secrets, Signature, sign};
//!
//! let secrets = Secrets::new(["magic"])?;
//! let body = br#"{"transaction":{"id":2105129134},"notification_type":"payment"}"#;
//! let authorization = sign(body, "magic"); // the header that Xsolla sends
//!
//! // 1. Verify the signature, before the body is parsed.
//! let signature: Signature = authorization.parse()?;
//! let verified = secrets.verify(body, &signature)?;
//! // 2. Identify the event.
//! let envelope = Envelope::parse(&verified)?;
//! assert_eq!(envelope.event_id().to_string(), "transaction#2105129134#payment");
//! // 3. Your code: store the body under its event id, unless the key exists.
//! // 4. Answer with the documented status of the type.
//! assert_eq!(Answer::Success(envelope.success()).status(), 204);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Two facts determine the design of a receiver:
//!
//! - Xsolla treats a 4xx on a payment as final. The user is charged, gets nothing, and Xsolla never retries. So answer a 4xx
//!   only to a bad signature or a body that is not a webhook, and 5xx to everything temporary: see [`Answer`].
//! - Xsolla sends no delivery id, timestamp or nonce. The [`EventId`] is the idempotency key, and the [`BodyDigest`]
//!   distinguishes a retry from different content with the same key.
//!
//! # Acting on an event
//!
//! - [`Sale`] decides the effect of each event on the goods: several events report a sale, and only one grants it.
//! - [`ItemRole`] marks the lines of an order that are contents of a bundle.
//! - [`model`] has a struct for each type.
//!
//! # Answering a question
//!
//! Some notifications are questions that need an answer now, such as `user_validation`: see [`Role`], [`Question`] and
//! [`Reply`].
//!
//! # Debugging a signature
//!
//! [`diagnosis`] finds out why a signature does not verify. It is for developers, not for the answer to a request.
//!
//! # Other types
//!
//! [`SourceRanges`] has Xsolla's addresses, [`RetrySchedule`] its retries, and [`UnsignedType`] the notifications without a
//! signature. [`NotificationType`] is the table of all types.
//!
//! # Features
//!
//! None is on by default.
//!
//! - **`schema`**: the module `inspect`: JSON Schemas of the models, drift (differences between a notification and its model),
//!   and redaction of personal data. Adds the dependency `schemars`.
//! - **`samples`**: the module `samples`: a body of every type, for tests.

mod answer;
mod body;
mod complexity;
pub mod diagnosis;
mod envelope;
mod event_id;
mod field;
mod goods;
mod goods_reason;
mod identity;
#[cfg(feature = "schema")]
pub mod inspect;
mod item_role;
mod mode;
pub mod model;
mod notification_type;
mod pseudonym;
mod reply;
mod retry;
mod sale;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
mod secret_strength;
mod secrets;
mod signature;
mod source;
mod user_id;

pub use answer::{Answer, Refusal, Success};
pub use body::{BodyDigest, json_text};
pub use complexity::{MAX_DEPTH, MAX_NUMBER_LEN, TooComplex, check_complexity};
pub use envelope::{Envelope, ParseEnvelopeError};
pub use event_id::{EventId, ParseEventIdError};
pub use goods::{Goods, ParsePaymentWithoutOrderError, PaymentWithoutOrder};
pub use goods_reason::GoodsReason;
pub use item_role::ItemRole;
pub use mode::{Mode, ParseModeError};
pub use notification_type::{
    EventSpec, NotificationType, ParseNotificationTypeError, Question, Role, UnsignedType, type_label,
};
pub use reply::{ParseResponseError, Reply};
pub use retry::RetrySchedule;
pub use sale::{Decision, EventFacts, Notice, RETRY_WINDOW, Sale, SaleEvent, SaleState};
pub use secret_strength::{MIN_SECRET_LEN, WeakSecret};
pub use secrets::{ParseSecretsError, Secrets};
pub use signature::{InvalidSignature, ParseSignatureError, Signature, Verified, sign};
pub use source::{ParseSourceRangesError, SourceRanges};
pub use user_id::user_id;

/// Compiles and runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
